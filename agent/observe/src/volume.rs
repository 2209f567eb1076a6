//! The file system that holds a path.

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use portreeve_core::Fact;
use portreeve_core::snapshot::Volume;

use crate::deadline::within;
use crate::file;
use crate::os::{self, Mount};

/// How long a file system has to answer.
const DEADLINE: Duration = Duration::from_secs(2);

const SOURCE: &str = "statfs";

/// File systems that are reached through a network, a virtual machine or another process: locks, `fsync` and times do not
/// behave on them as on a disk.
const REMOTE: [&str; 22] = [
    "9p",
    "afpfs",
    "afs",
    "appleVirtIOFS",
    "autofs",
    "beegfs",
    "ceph",
    "cifs",
    "coda",
    "davfs",
    "gfs2",
    "glusterfs",
    "gpfs",
    "lustre",
    "macfuse",
    "ncpfs",
    "nfs",
    "osxfuse",
    "smb3",
    "smbfs",
    "virtiofs",
    "webdav",
];

/// Whether a file system's name is one of those that are not on a disk of this machine. `fuse.sshfs`, `nfs4` and the like
/// count; `fuseblk` is a local disk with a driver in user space.
pub fn is_remote_file_system(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name == "fuse"
        || name.starts_with("fuse.")
        || name.starts_with("nfs")
        || REMOTE.iter().any(|remote| remote.eq_ignore_ascii_case(&name))
        || name == "vboxsf"
        || name == "prl_fs"
        || name.contains("hgfs")
}

/// The volume that holds a path. Waits at most 2 s: a dead network mount is unreadable, not a hang. Ask this of a directory
/// before anything else is done below it.
pub fn observe(path: &Path, at: Timestamp) -> Fact<Volume> {
    let path = PathBuf::from(path);
    match within(DEADLINE, move || os::mount(&path)) {
        Ok(answer) => file::from_io(answer.map(volume), SOURCE, at),
        Err(overdue) => Fact::unreadable(overdue.to_string(), SOURCE, at),
    }
}

fn volume(mount: Mount) -> Volume {
    let local = !is_remote_file_system(&mount.file_system) && mount.flagged_local != Some(false) && !mount.removable;
    Volume {
        mount_point: mount.point.to_string_lossy().into_owned(),
        file_system: mount.file_system,
        total_bytes: mount.total_bytes,
        free_bytes: mount.free_bytes,
        read_only: mount.read_only,
        local,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_systems_that_are_not_a_disk_here() {
        for name in ["nfs", "nfs4", "smbfs", "cifs", "9p", "fuse.sshfs", "virtiofs", "AppleVirtIOFS", "webdav", "fuse"]
        {
            assert!(is_remote_file_system(name), "{name}");
        }
        for name in ["ext4", "apfs", "xfs", "btrfs", "tmpfs", "overlay", "fuseblk", "hfs", "zfs"] {
            assert!(!is_remote_file_system(name), "{name}");
        }
    }

    #[test]
    fn the_volume_of_a_directory_agrees_with_statvfs() {
        let dir = tempfile::tempdir().unwrap();
        let seen = observe(dir.path(), Timestamp::UNIX_EPOCH);
        let seen = seen.get().unwrap();
        let truth = nix::sys::statvfs::statvfs(dir.path()).unwrap();
        // The widths of these fields differ between systems.
        assert_eq!(u128::from(seen.total_bytes), u128::from(truth.blocks()) * u128::from(truth.fragment_size()));
        assert!(seen.free_bytes <= seen.total_bytes && seen.free_bytes > 0);
        assert!(dir.path().canonicalize().unwrap().starts_with(&seen.mount_point));
        assert!(!seen.file_system.is_empty() && !seen.read_only);
    }

    #[test]
    fn the_mount_point_is_the_innermost() {
        let seen = observe(Path::new("/dev"), Timestamp::UNIX_EPOCH);
        assert_eq!(seen.get().unwrap().mount_point, "/dev");
    }

    #[test]
    fn a_path_that_is_not_there_is_absent() {
        let dir = tempfile::tempdir().unwrap();
        assert!(observe(&dir.path().join("none"), Timestamp::UNIX_EPOCH).is_absent());
    }
}
