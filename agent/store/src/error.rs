//! Why something could not be kept or read.

use std::io;
use std::path::PathBuf;

/// Why something could not be kept or read.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another user could change what is kept, or has put something in its place.
    #[error("`{path}` cannot be trusted: {why}", path = .path.display())]
    Untrusted {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The system refused.
    #[error("cannot {doing} `{path}`", path = .path.display())]
    Io {
        /// What was tried: `read`, `write`, …
        doing: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It is longer than such a file ever gets.
    #[error("`{path}` is longer than {limit} bytes", path = .path.display())]
    TooLong {
        /// The file.
        path: PathBuf,
        /// Most bytes that are read.
        limit: u64,
    },
    /// There are more files than such a folder ever gets.
    #[error("`{path}` holds more than {limit} names", path = .path.display())]
    TooMany {
        /// The folder.
        path: PathBuf,
        /// Most names that are listed.
        limit: usize,
    },
    /// It is damaged, or of a newer agent.
    #[error("`{path}` is of no known form", path = .path.display())]
    Form {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        #[source]
        source: serde_json::Error,
    },
    /// Another process holds the lock.
    #[error("`{path}` is held by {holder}", path = .path.display(), holder = .holder.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}")))]
    Held {
        /// The lock's file.
        path: PathBuf,
        /// Process id that it wrote there.
        holder: Option<u32>,
    },
}

impl StoreError {
    /// Whether the folder or file is there and this user may not read it.
    pub fn is_denied(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == io::ErrorKind::PermissionDenied)
    }

    /// Whether there was no room: the volume is full, or the quota or limit for files is reached.
    pub fn is_full(&self) -> bool {
        use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
        matches!(self, Self::Io { source, .. } if matches!(source.kind(), StorageFull | QuotaExceeded | FileTooLarge))
    }

    /// The error with what it comes from, in one line.
    pub fn sentence(&self) -> String {
        match std::error::Error::source(self) {
            Some(source) => format!("{self}: {source}"),
            None => self.to_string(),
        }
    }
}
