//! Opening a log: nothing but a regular file, and no link that somebody with fewer rights may have planted.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use nix::fcntl::OFlag;

/// Whose file may be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// One that was found by a user's configuration: of this user alone, and never behind a link. Root's rights are not lent to read what
    /// is not the user's.
    Of(u32),
    /// One that was named on the command line: any, and behind a link too, unless root would follow another user's.
    Named,
}

/// Opens a regular file.
pub(crate) fn open(path: &Path, access: Access) -> io::Result<File> {
    let refused = |why| Err(io::Error::new(io::ErrorKind::PermissionDenied, why));
    let metadata = fs::symlink_metadata(path)?;
    let is_root = nix::unistd::geteuid().is_root();
    let follows = access == Access::Named && metadata.is_symlink() && (!is_root || metadata.uid() == 0);
    if !metadata.is_file() && !follows {
        return refused("it is not a regular file");
    }
    let mut flags = OFlag::O_NONBLOCK | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
    flags.set(OFlag::O_NOFOLLOW, !follows);
    let file = OpenOptions::new().read(true).custom_flags(flags.bits()).open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return refused("it is not a regular file");
    }
    match access {
        Access::Of(uid) if is_root && metadata.uid() != uid => refused("it is not a file of this user"),
        Access::Of(_) | Access::Named => Ok(file),
    }
}
