//! Bounded reads of files that somebody else may have put there.
//!
//! Whoever owns a home directory can place a FIFO, a device, a symbolic link or a file without end where a
//! configuration is expected. Every file of OpenClaw is therefore read through this module: no symbolic link is
//! followed at the last component, nothing but a regular file is opened for good, at most a given number of bytes is
//! read even when the file grows meanwhile, and a reader with root's rights hands out only what its user could have
//! read without it ([`Reader`]).

mod read;

use std::fs::Metadata;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use nix::errno::Errno;

pub use read::{Reader, read_owned, read_regular};

/// What `fstat` said of a file at the moment it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileMeta {
    /// Device number.
    pub dev: u64,
    /// Inode number.
    pub ino: u64,
    /// Permission bits with the set-id and sticky bits (`0o7777`).
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Number of hard links.
    pub nlink: u64,
    /// Size in bytes.
    pub size: u64,
    /// Last modification.
    pub modified: Timestamp,
}

impl FileMeta {
    /// What of the system's answer is kept.
    pub fn of(metadata: &Metadata) -> Self {
        let nanos = i32::try_from(metadata.mtime_nsec()).unwrap_or(0);
        Self {
            dev: metadata.dev(),
            ino: metadata.ino(),
            mode: metadata.mode() & 0o7777,
            uid: metadata.uid(),
            gid: metadata.gid(),
            nlink: metadata.nlink(),
            size: metadata.size(),
            modified: Timestamp::new(metadata.mtime(), nanos).unwrap_or(Timestamp::UNIX_EPOCH),
        }
    }

    /// Whether group or others may read the file.
    pub fn is_readable_by_others(&self) -> bool {
        self.mode & 0o044 != 0
    }
}

/// A file's bytes and what `fstat` said of it.
#[derive(Clone, PartialEq, Eq)]
pub struct FileContent {
    /// The whole content.
    pub bytes: Vec<u8>,
    /// Owner, mode, size and times.
    pub meta: FileMeta,
}

impl std::fmt::Debug for FileContent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FileContent").field("bytes", &self.bytes.len()).field("meta", &self.meta).finish()
    }
}

/// What stands where a regular file was expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// A directory.
    Directory,
    /// A named pipe.
    Fifo,
    /// A Unix socket.
    Socket,
    /// A character or block device.
    Device,
    /// None of the kinds above.
    Other,
}

impl FileKind {
    fn of(metadata: &Metadata) -> Self {
        let kind = metadata.file_type();
        if kind.is_dir() {
            Self::Directory
        } else if kind.is_fifo() {
            Self::Fifo
        } else if kind.is_socket() {
            Self::Socket
        } else if kind.is_char_device() || kind.is_block_device() {
            Self::Device
        } else {
            Self::Other
        }
    }
}

impl std::fmt::Display for FileKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Directory => "a directory",
            Self::Fifo => "a named pipe",
            Self::Socket => "a socket",
            Self::Device => "a device",
            Self::Other => "a special file",
        })
    }
}

/// Why a file was not read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// There is no such file.
    #[error("`{}` does not exist", .path.display())]
    NotFound {
        /// The file.
        path: PathBuf,
    },
    /// The operating system refused.
    #[error("`{}` may not be read", .path.display())]
    Denied {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        #[source]
        source: io::Error,
    },
    /// The path is a symbolic link that is not followed.
    #[error("`{}` is a symbolic link", .path.display())]
    Symlink {
        /// The link.
        path: PathBuf,
    },
    /// The path is something else than a regular file.
    #[error("`{}` is {kind}, not a regular file", .path.display())]
    NotRegular {
        /// The path.
        path: PathBuf,
        /// What it is.
        kind: FileKind,
    },
    /// The file holds more than the limit.
    #[error("`{}` is larger than {limit} bytes", .path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The limit in bytes.
        limit: u64,
    },
    /// The file belongs to another user and does not lie in the home it is read for.
    #[error("`{}` belongs to user {uid} and lies outside of the home it was looked for in", .path.display())]
    ForeignOwner {
        /// The file.
        path: PathBuf,
        /// Its owner.
        uid: u32,
    },
    /// Anything else.
    #[error("`{}` could not be read", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        #[source]
        source: io::Error,
    },
}

impl ReadError {
    pub(crate) fn from_io(path: &Path, source: io::Error) -> Self {
        let path = path.to_path_buf();
        match source.raw_os_error().map(Errno::from_raw) {
            Some(Errno::ENOENT | Errno::ENOTDIR) => Self::NotFound { path },
            Some(Errno::EACCES | Errno::EPERM) => Self::Denied { path, source },
            Some(Errno::ELOOP) => Self::Symlink { path },
            _ => Self::Io { path, source },
        }
    }

    /// The path that was asked for.
    pub fn path(&self) -> &Path {
        match self {
            Self::NotFound { path }
            | Self::Denied { path, .. }
            | Self::Symlink { path }
            | Self::NotRegular { path, .. }
            | Self::TooLarge { path, .. }
            | Self::ForeignOwner { path, .. }
            | Self::Io { path, .. } => path,
        }
    }

    /// Whether the file is simply not there.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::NotFound { .. })
    }
}
