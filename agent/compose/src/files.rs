//! What may be read, and how.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use portreeve_openclaw::file::{self, ReadError, Reader};

use crate::MAX_FILE_BYTES;

/// Why a file was not read.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// There is no such file.
    #[error("it does not exist")]
    Missing,
    /// It is no text.
    #[error("it is no UTF-8 text")]
    NotText,
    /// Anything else: permissions, size, kind.
    #[error("{0}")]
    Refused(String),
}

/// Where the loader takes files from.
pub trait Files {
    /// The text of a file of at most [`MAX_FILE_BYTES`].
    fn read(&self, path: &Path) -> Result<String, FileError>;

    /// Whether there is a file or something that leads to one.
    fn exists(&self, path: &Path) -> bool;
}

/// The files that the user of this process names himself: symbolic links are followed, special files are not opened.
#[derive(Debug, Clone, Copy, Default)]
pub struct UserFiles;

impl Files for UserFiles {
    fn read(&self, path: &Path) -> Result<String, FileError> {
        let real = std::fs::canonicalize(path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => FileError::Missing,
            _ => FileError::Refused(error.to_string()),
        })?;
        text(file::read_regular(&real, MAX_FILE_BYTES))
    }

    fn exists(&self, path: &Path) -> bool {
        path.is_file()
    }
}

/// The files of another user, read by a process that may have more rights than that user.
#[derive(Debug, Clone)]
pub struct GuardedFiles(pub Reader);

impl Files for GuardedFiles {
    fn read(&self, path: &Path) -> Result<String, FileError> {
        text(self.0.read_linked(path, MAX_FILE_BYTES))
    }

    fn exists(&self, path: &Path) -> bool {
        !matches!(
            self.0.read_linked(path, MAX_FILE_BYTES),
            Err(ReadError::NotFound { .. } | ReadError::NotRegular { .. })
        )
    }
}

fn text(read: Result<file::FileContent, ReadError>) -> Result<String, FileError> {
    match read {
        Ok(content) => String::from_utf8(content.bytes).map_err(|_| FileError::NotText),
        Err(ReadError::NotFound { .. }) => Err(FileError::Missing),
        Err(error) => Err(FileError::Refused(error.to_string())),
    }
}

/// Files that are only in memory.
#[derive(Clone, Default)]
pub struct MemoryFiles(pub BTreeMap<PathBuf, String>);

impl Files for MemoryFiles {
    fn read(&self, path: &Path) -> Result<String, FileError> {
        self.0.get(path).cloned().ok_or(FileError::Missing)
    }

    fn exists(&self, path: &Path) -> bool {
        self.0.contains_key(path)
    }
}

/// A path below a folder without `.` and, where a folder before it can be taken away, without `..`.
pub(crate) fn join(folder: &Path, path: &str) -> PathBuf {
    let mut out = PathBuf::new();
    for component in folder.join(path).components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir if matches!(out.components().next_back(), Some(Component::Normal(_))) => {
                out.pop();
            }
            other => out.push(other),
        }
    }
    if out.as_os_str().is_empty() { PathBuf::from(".") } else { out }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_made_plain() {
        for (folder, path, joined) in [
            ("/p", "./a", "/p/a"),
            ("/p/q", "../a", "/p/a"),
            ("", "./a", "a"),
            (".", "../a", "../a"),
            ("p", "/a", "/a"),
            (".", ".", "."),
        ] {
            assert_eq!(join(Path::new(folder), path), Path::new(joined));
        }
    }

    #[test]
    fn a_fifo_is_not_opened() {
        let folder = tempfile::tempdir().unwrap();
        let fifo = folder.path().join("compose.yaml");
        assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
        assert!(matches!(UserFiles.read(&fifo), Err(FileError::Refused(_))));
        assert!(!UserFiles.exists(&fifo));
        assert!(matches!(UserFiles.read(Path::new("/nowhere/x")), Err(FileError::Missing)));
    }
}
