//! Property lists that somebody else wrote: XML, binary and the old `OpenStep` form.
//!
//! The agent may run as root and read files that any user can write, so nothing here trusts the input: the size is capped before
//! parsing, nesting and the number of objects while parsing, text that objects share is counted each time it is used, references that
//! lead in a circle are found, and no parser calls itself. What the `plist` crate's own readers do in recursion (a nesting of 10 000
//! overflows the stack, which aborts the process) is why only its data model is used.

mod binary;
mod build;
mod openstep;
mod text;
mod xml;

use std::path::{Path, PathBuf};

use portreeve_openclaw::file::{FileMeta, ReadError, Reader};

pub use ::plist::{Dictionary, Value};

/// The most bytes a property list may have.
pub const MAX_BYTES: u64 = 1 << 20;
/// How deep arrays and dictionaries may nest. The deepest real one met has 56 levels.
pub const MAX_DEPTH: usize = 64;
/// How many values one property list may hold, counted where they are used.
pub const MAX_VALUES: usize = 100_000;
/// How many bytes of strings and data one property list may unfold to.
pub const MAX_UNFOLDED_BYTES: usize = 8 << 20;

/// What is wrong with the content of a property list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// There is nothing in it.
    #[error("the file is empty")]
    Empty,
    /// Neither XML nor binary nor `OpenStep`.
    #[error("the file is no property list")]
    UnknownForm,
    /// Bytes that are no text in the encoding they claim.
    #[error("the text is not valid {encoding}")]
    Encoding {
        /// The encoding.
        encoding: &'static str,
    },
    /// XML that is not a property list.
    #[error("line {line}: {what}")]
    Xml {
        /// Line, counted from 1.
        line: usize,
        /// What is wrong.
        what: String,
    },
    /// A broken binary property list.
    #[error("byte {at}: {what}")]
    Binary {
        /// Offset in the file.
        at: usize,
        /// What is wrong.
        what: &'static str,
    },
    /// A broken `OpenStep` property list.
    #[error("line {line}: {what} (read as an OpenStep property list)")]
    OpenStep {
        /// Line, counted from 1.
        line: usize,
        /// What is wrong.
        what: &'static str,
    },
    /// Nested deeper than [`MAX_DEPTH`].
    #[error("nested deeper than {MAX_DEPTH} levels")]
    TooDeep,
    /// More values than [`MAX_VALUES`].
    #[error("more than {MAX_VALUES} values")]
    TooManyValues,
    /// More text than [`MAX_UNFOLDED_BYTES`].
    #[error("unfolds to more than {MAX_UNFOLDED_BYTES} bytes")]
    TooMuchText,
}

/// Why a property list file gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum PlistError {
    /// The file was not read. The message names it.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The content is not a property list.
    #[error("`{}` cannot be parsed", .path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: ParseError,
    },
}

impl PlistError {
    /// The file.
    pub fn path(&self) -> &Path {
        match self {
            Self::Read(error) => error.path(),
            Self::Parse { path, .. } => path,
        }
    }

    /// What is wrong in one line, without the path.
    pub fn why(&self) -> String {
        match self {
            Self::Parse { source, .. } => source.to_string(),
            Self::Read(ReadError::NotFound { .. }) => "does not exist".to_owned(),
            Self::Read(ReadError::Denied { source, .. } | ReadError::Io { source, .. }) => source.to_string(),
            Self::Read(ReadError::Symlink { .. }) => "is a symbolic link, which is not followed".to_owned(),
            Self::Read(ReadError::NotRegular { kind, .. }) => format!("is {kind}, not a regular file"),
            Self::Read(ReadError::TooLarge { limit, .. }) => format!("is larger than {limit} bytes"),
            Self::Read(ReadError::ForeignOwner { uid, .. }) => format!("belongs to user {uid}"),
        }
    }
}

/// A property list file: its content and what `fstat` said of it.
#[derive(Debug, Clone, PartialEq)]
pub struct PlistFile {
    /// The content.
    pub value: Value,
    /// Owner, mode, device.
    pub meta: FileMeta,
}

/// Reads and parses a property list file on behalf of the reader's user. A symbolic link is followed only within that user's home.
pub fn read(path: &Path, reader: &Reader) -> Result<PlistFile, PlistError> {
    let content = reader.read_linked(path, MAX_BYTES)?;
    let value = parse(&content.bytes).map_err(|source| PlistError::Parse { path: path.to_path_buf(), source })?;
    Ok(PlistFile { value, meta: content.meta })
}

/// Parses a property list of any form.
pub fn parse(bytes: &[u8]) -> Result<Value, ParseError> {
    if bytes.starts_with(b"bplist") {
        return binary::parse(bytes);
    }
    let text = text::decode(bytes)?;
    let start = text.trim_start();
    match start.as_bytes() {
        [] => Err(ParseError::Empty),
        [b'<', b'?' | b'!' | b'a'..=b'z', ..] => xml::parse(&text),
        [b'{' | b'(', ..] | [b'/', b'/' | b'*', ..] => openstep::parse(&text),
        _ => Err(ParseError::UnknownForm),
    }
}

#[cfg(test)]
mod tests;
