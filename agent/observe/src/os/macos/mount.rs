//! Mounted file systems, through `statfs`.

use std::ffi::{CString, OsStr};
use std::fs;
use std::io;
use std::mem::zeroed;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use nix::libc;

use super::process::{bytes, text};
use crate::os::Mount;

/// `MNT_REMOVABLE` of `<sys/mount.h>`.
const MNT_REMOVABLE: u32 = 0x0000_0200;

pub(crate) fn mount(path: &Path) -> io::Result<Mount> {
    let path = fs::canonicalize(path)?;
    let path = CString::new(path.as_os_str().as_bytes())?;
    // SAFETY: `struct statfs` is plain C data (integers and arrays of them), for which all zero bytes are a value.
    let mut info: libc::statfs = unsafe { zeroed() };
    // SAFETY: the path ends with NUL and outlives the call; the struct is on this stack frame, exclusively borrowed, and of the
    // type that this call fills.
    let status = unsafe { libc::statfs(path.as_ptr(), &raw mut info) };
    if status != 0 {
        return Err(io::Error::last_os_error());
    }
    let unit = u64::from(info.f_bsize);
    let has = |flag: libc::c_int| info.f_flags & flag.cast_unsigned() != 0;
    Ok(Mount {
        point: PathBuf::from(OsStr::from_bytes(&bytes(&info.f_mntonname))),
        file_system: text(&info.f_fstypename),
        total_bytes: info.f_blocks.saturating_mul(unit),
        free_bytes: info.f_bavail.saturating_mul(unit),
        read_only: has(libc::MNT_RDONLY),
        flagged_local: Some(has(libc::MNT_LOCAL)),
        removable: info.f_flags & MNT_REMOVABLE != 0,
    })
}
