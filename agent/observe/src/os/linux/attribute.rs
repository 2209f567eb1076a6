//! Extended attributes, through `llistxattr` and `lgetxattr`.
#![expect(unsafe_code, reason = "no dependency wraps extended attributes here")]

use std::ffi::CString;
use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr::null_mut;

use nix::libc;

use crate::os::{MAX_ATTRIBUTE, attribute_list, set_or_unsupported, sized};

/// Before the names of attributes that users set.
const NAMESPACE: &str = "user.";

pub(crate) fn attribute_names(path: &Path) -> io::Result<Vec<String>> {
    let path = CString::new(path.as_os_str().as_bytes())?;
    // SAFETY: the path ends with NUL and outlives the call; a null buffer of size 0 asks for the length only.
    let length = unsafe { libc::llistxattr(path.as_ptr(), null_mut(), 0) };
    let Some(mut names) = sized(length, libc::ENOTSUP)? else { return Ok(Vec::new()) };
    // SAFETY: as above; the buffer is exclusively borrowed and `names.len()` is its length.
    let length = unsafe { libc::llistxattr(path.as_ptr(), names.as_mut_ptr().cast(), names.len()) };
    let length = usize::try_from(length).map_err(|_| io::Error::last_os_error())?;
    let listed = attribute_list(names.get(..length).unwrap_or_default());
    Ok(listed.into_iter().filter_map(|name| name.strip_prefix(NAMESPACE).map(str::to_owned)).collect())
}

pub(crate) fn attribute(path: &Path, name: &str) -> io::Result<Option<Vec<u8>>> {
    let path = CString::new(path.as_os_str().as_bytes())?;
    let name = CString::new(format!("{NAMESPACE}{name}"))?;
    let mut value = vec![0_u8; MAX_ATTRIBUTE];
    // SAFETY: both strings end with NUL and outlive the call; the buffer is exclusively borrowed and `value.len()` is its length.
    let length = unsafe { libc::lgetxattr(path.as_ptr(), name.as_ptr(), value.as_mut_ptr().cast(), value.len()) };
    let Ok(length) = usize::try_from(length) else {
        let error = io::Error::last_os_error();
        return if matches!(error.raw_os_error(), Some(libc::ENODATA | libc::ENOTSUP)) { Ok(None) } else { Err(error) };
    };
    value.truncate(length);
    Ok(Some(value))
}

/// Gives a file an attribute; false where its file system has none.
pub(crate) fn set_attribute(file: &File, name: &str, value: &[u8]) -> io::Result<bool> {
    let name = CString::new(format!("{NAMESPACE}{name}"))?;
    // SAFETY: the descriptor is open for as long as it is borrowed; the name ends with NUL; the value is read within its length; both
    // outlive the call.
    let status = unsafe { libc::fsetxattr(file.as_raw_fd(), name.as_ptr(), value.as_ptr().cast(), value.len(), 0) };
    set_or_unsupported(status, libc::ENOTSUP)
}

/// No file system of this system marks a file as a placeholder in a way that all clients share.
#[expect(clippy::unnecessary_wraps, reason = "the signature that all systems share")]
pub(crate) fn is_dataless(_path: &Path) -> io::Result<bool> {
    Ok(false)
}
