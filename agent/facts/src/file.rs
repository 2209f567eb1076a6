//! What `lstat` says of a path, and how an answer of the system becomes a fact.

use std::fs;
use std::io;
use std::path::Path;

use jiff::Timestamp;
use nix::errno::Errno;
use portreeve_core::Fact;
pub use portreeve_core::error::chain;
use portreeve_core::snapshot::FileStat;
use portreeve_openclaw::file::FileMeta;

/// Owner, mode and times of what stands at a path, links not followed. The permission bits include the set-id and sticky bits.
///
/// Hangs on a dead network mount: whoever may meet one asks about the mount first.
pub fn stat(path: &Path, at: Timestamp) -> Fact<FileStat> {
    from_io(fs::symlink_metadata(path).map(|metadata| file_stat(&metadata)), "lstat", at)
}

/// What a file's metadata say.
pub fn file_stat(metadata: &fs::Metadata) -> FileStat {
    let FileMeta { dev, ino, mode, uid, gid, nlink, size, modified } = FileMeta::of(metadata);
    FileStat { dev, ino, mode, uid, gid, nlink, size, modified }
}

/// An answer of the system as a fact: not found is absent, refused is denied with what would help, all else is unreadable.
pub fn from_io<T>(answer: io::Result<T>, source: impl Into<String>, at: Timestamp) -> Fact<T> {
    match answer {
        Ok(value) => Fact::known(value, source, at),
        Err(error) => error_fact(&error, source, at),
    }
}

/// A failure of the system as a fact; see [`from_io`].
pub fn error_fact<T>(error: &io::Error, source: impl Into<String>, at: Timestamp) -> Fact<T> {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Fact::absent(source, at),
        io::ErrorKind::PermissionDenied => Fact::denied(refusal(error), source, at),
        _ => Fact::unreadable(error.to_string(), source, at),
    }
}

/// Who refused. `EPERM` to root is the privacy protection of macOS, which binds root too; `EACCES` is plain permissions.
fn refusal(error: &io::Error) -> String {
    let is_root = nix::unistd::geteuid().is_root();
    let why = match (error.raw_os_error().map(Errno::from_raw), is_root) {
        (Some(Errno::EPERM), true) => "the system refuses even root: on macOS the agent needs Full Disk Access",
        (_, true) => "the system refuses even root",
        (_, false) => "permission denied: run as root",
    };
    why.to_owned()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn a_link_is_told_from_its_target() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        fs::write(&file, b"12345").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
        let link = dir.path().join("link");
        symlink(&file, &link).unwrap();
        let at = Timestamp::UNIX_EPOCH;

        let seen = stat(&file, at).get().unwrap().clone();
        assert_eq!((seen.mode, seen.size, seen.nlink), (0o640, 5, 1));
        assert_eq!(seen.uid, nix::unistd::geteuid().as_raw());
        assert_ne!(stat(&link, at).get().unwrap().ino, seen.ino);
        assert!(stat(&dir.path().join("none"), at).is_absent());
        assert!(stat(&file.join("below"), at).is_absent());
    }

    #[test]
    fn refusals_are_not_absence() {
        let denied: Fact<()> = error_fact(&Errno::EACCES.into(), "open", Timestamp::UNIX_EPOCH);
        assert!(!denied.is_absent() && denied.blind().is_some());
        let broken: Fact<()> = error_fact(&Errno::EIO.into(), "open", Timestamp::UNIX_EPOCH);
        assert!(broken.blind().unwrap().contains("Input/output"));
    }
}
