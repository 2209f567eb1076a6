//! Mounted file systems, through `/proc/self/mountinfo` and `statfs`.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use nix::sys::statfs::statfs;
use procfs::process::{MountInfo, Process};

use super::io_error;
use crate::os::Mount;

pub(crate) fn mount(path: &Path) -> io::Result<Mount> {
    let path = fs::canonicalize(path)?;
    let mounts = Process::myself().and_then(|process| process.mountinfo()).map_err(io_error)?;
    // A later mount on the same place covers the earlier one.
    let (point, info) = mounts
        .0
        .iter()
        .map(|info| (unescape(&info.mount_point), info))
        .filter(|(point, _)| path.starts_with(point))
        .max_by_key(|(point, _)| point.components().count())
        .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "no mount holds the path"))?;
    let space = statfs(&path)?;
    let unit = u64::try_from(space.block_size()).unwrap_or(0);
    Ok(Mount {
        point,
        file_system: info.fs_type.clone(),
        total_bytes: space.blocks().saturating_mul(unit),
        free_bytes: space.blocks_available().saturating_mul(unit),
        read_only: info.mount_options.contains_key("ro") || info.super_options.contains_key("ro"),
        flagged_local: None,
        removable: is_removable(info),
    })
}

/// The kernel writes blanks, tabs, newlines and backslashes as `\040`; `procfs` leaves them so.
fn unescape(path: &Path) -> PathBuf {
    let bytes = path.as_os_str().as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((first, tail)) = rest.split_first() {
        let code = tail
            .get(..3)
            .filter(|_| *first == b'\\')
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 8).ok());
        out.push(code.unwrap_or(*first));
        rest = if code.is_some() { tail.get(3..).unwrap_or_default() } else { tail };
    }
    PathBuf::from(OsString::from_vec(out))
}

/// Whether the disk, or for a partition the disk it is on, can be taken out.
fn is_removable(info: &MountInfo) -> bool {
    let device = Path::new("/sys/dev/block").join(&info.majmin);
    ["removable", "../removable"]
        .iter()
        .find_map(|file| fs::read_to_string(device.join(file)).ok())
        .is_some_and(|text| text.trim() == "1")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_of_mount_points_are_undone() {
        assert_eq!(unescape(Path::new(r"/mnt/my\040disk\134x")), Path::new(r"/mnt/my disk\x"));
        assert_eq!(unescape(Path::new(r"/mnt/a\04")), Path::new(r"/mnt/a\04"));
        assert_eq!(unescape(Path::new(r"/mnt/\999")), Path::new(r"/mnt/\999"));
    }
}
