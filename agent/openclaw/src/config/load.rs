//! Reading and parsing of a configuration and its includes.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::include::Merger;
use super::scan::{Duplicate, Scan, TooDeep, scan};
use super::{Config, ConfigError, Position, issues};
use crate::file::{FileMeta, ReadError, Reader};

/// Bounds of a configuration. OpenClaw itself has those of `$include`; real configurations are below all of them by
/// an order of magnitude.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one file.
    pub file_bytes: u64,
    /// Bytes of all files together, checked before each further one.
    pub total_bytes: u64,
    /// Objects and arrays inside of one another.
    pub depth: usize,
    /// Includes inside of one another.
    pub include_depth: usize,
    /// Included files in all.
    pub include_files: usize,
    /// Bytes of an include's path.
    pub include_path_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            file_bytes: 2 * 1024 * 1024,
            total_bytes: 8 * 1024 * 1024,
            depth: 64,
            include_depth: 10,
            include_files: 64,
            include_path_bytes: 4096,
        }
    }
}

/// How a configuration is read.
#[derive(Debug, Clone)]
pub struct LoadOptions<'a> {
    /// On whose behalf.
    pub reader: &'a Reader,
    /// Directories that `$include` may reach besides the configuration's own.
    pub include_roots: &'a [PathBuf],
    /// Bounds.
    pub limits: Limits,
}

impl<'a> LoadOptions<'a> {
    /// Default limits, no further include roots.
    pub fn new(reader: &'a Reader) -> Self {
        Self { reader, include_roots: &[], limits: Limits::default() }
    }
}

/// A file that a configuration was read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// Its path, links not resolved.
    pub path: PathBuf,
    /// Owner, mode, size and times when it was read.
    pub meta: FileMeta,
    pub(super) duplicates: Vec<Duplicate>,
}

/// Reads a configuration and all that it includes.
///
/// `path` must be absolute. A symbolic link in its place is followed to a file that the reader's user can read
/// itself ([`Reader::read_linked`]).
pub fn load(path: &Path, options: &LoadOptions<'_>) -> Result<Config, ConfigError> {
    let content = options.reader.read_linked(path, options.limits.file_bytes).map_err(|source| match source {
        ReadError::NotFound { path } => match std::fs::read_link(&path) {
            Ok(target) => ConfigError::DanglingLink { path, target },
            Err(_) => ConfigError::Missing { path },
        },
        source => ConfigError::Read { path: path.to_path_buf(), source },
    })?;
    let parsed = parse(&content.bytes, path, options.limits.depth)?;
    let main = SourceFile { path: path.to_path_buf(), meta: content.meta, duplicates: parsed.scan.duplicates };
    let mut merger = Merger::new(options, path, main);
    let root = merger.merge(parsed.value, path, &parsed.scan.keys)?;
    let Value::Object(root) = root else {
        return Err(ConfigError::NotAnObject { path: path.to_path_buf() });
    };
    let mut config = Config {
        path: path.to_path_buf(),
        files: merger.files,
        root: Value::Object(root),
        origins: merger.origins,
        issues: Vec::new(),
    };
    config.issues = issues::find(&config);
    Ok(config)
}

pub(super) struct Parsed {
    pub(super) value: Value,
    pub(super) scan: Scan,
}

/// Parses one file. Bytes that are no UTF-8 are replaced, as Node does.
pub(super) fn parse(bytes: &[u8], path: &Path, max_depth: usize) -> Result<Parsed, ConfigError> {
    let text = String::from_utf8_lossy(bytes);
    let scan = scan(&text, max_depth).map_err(|TooDeep(position)| ConfigError::TooDeep {
        path: path.to_path_buf(),
        position,
        limit: max_depth,
    })?;
    let value = json5::from_str(&text).map_err(|error| syntax_error(path, &error))?;
    Ok(Parsed { value, scan })
}

/// Keeps the place and the kind of a syntax error. The parser's own text is not kept where it could repeat what
/// stands in the file.
fn syntax_error(path: &Path, error: &json5::Error) -> ConfigError {
    let position = error
        .position()
        .map(|position| Position { line: position.line.saturating_add(1), column: position.column.saturating_add(1) });
    let problem = error.code().map_or_else(|| "a value that is not understood".to_owned(), |code| code.to_string());
    ConfigError::Syntax { path: path.to_path_buf(), position, problem }
}
