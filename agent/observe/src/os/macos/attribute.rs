//! Extended attributes and file flags, through `listxattr`, `getxattr` and `lstat`.

use std::ffi::CString;
use std::fs::{self, File};
use std::io;
use std::os::fd::AsRawFd;
use std::os::macos::fs::MetadataExt;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr::null_mut;

use nix::libc;

use crate::os::{MAX_ATTRIBUTE, attribute_list, set_or_unsupported, sized};

/// `SF_DATALESS` of `<sys/stat.h>`: the content is elsewhere, and opening the file would fetch it.
const SF_DATALESS: u32 = 0x4000_0000;

pub(crate) fn attribute_names(path: &Path) -> io::Result<Vec<String>> {
    let path = CString::new(path.as_os_str().as_bytes())?;
    // SAFETY: the path ends with NUL and outlives the call; a null buffer of size 0 asks for the length only.
    let length = unsafe { libc::listxattr(path.as_ptr(), null_mut(), 0, libc::XATTR_NOFOLLOW) };
    let Some(mut names) = sized(length, libc::ENOTSUP)? else { return Ok(Vec::new()) };
    // SAFETY: as above; the buffer is exclusively borrowed and `names.len()` is its length.
    let length =
        unsafe { libc::listxattr(path.as_ptr(), names.as_mut_ptr().cast(), names.len(), libc::XATTR_NOFOLLOW) };
    let length = usize::try_from(length).map_err(|_| io::Error::last_os_error())?;
    Ok(attribute_list(names.get(..length).unwrap_or_default()))
}

pub(crate) fn attribute(path: &Path, name: &str) -> io::Result<Option<Vec<u8>>> {
    let path = CString::new(path.as_os_str().as_bytes())?;
    let name = CString::new(name)?;
    let mut value = vec![0_u8; MAX_ATTRIBUTE];
    // SAFETY: both strings end with NUL and outlive the call; the buffer is exclusively borrowed and `value.len()` is its length; the
    // position must be 0 for all attributes but the resource fork.
    let length = unsafe {
        libc::getxattr(path.as_ptr(), name.as_ptr(), value.as_mut_ptr().cast(), value.len(), 0, libc::XATTR_NOFOLLOW)
    };
    let Ok(length) = usize::try_from(length) else {
        let error = io::Error::last_os_error();
        return if matches!(error.raw_os_error(), Some(libc::ENOATTR | libc::ENOTSUP)) { Ok(None) } else { Err(error) };
    };
    value.truncate(length);
    Ok(Some(value))
}

/// Gives a file an attribute; false where its file system has none.
pub(crate) fn set_attribute(file: &File, name: &str, value: &[u8]) -> io::Result<bool> {
    let name = CString::new(name)?;
    // SAFETY: the descriptor is open for as long as it is borrowed; the name ends with NUL; the value is read within its length; both
    // outlive the call; the position must be 0 for all attributes but the resource fork.
    let status = unsafe { libc::fsetxattr(file.as_raw_fd(), name.as_ptr(), value.as_ptr().cast(), value.len(), 0, 0) };
    set_or_unsupported(status, libc::ENOTSUP)
}

pub(crate) fn is_dataless(path: &Path) -> io::Result<bool> {
    Ok(fs::symlink_metadata(path)?.st_flags() & SF_DATALESS != 0)
}
