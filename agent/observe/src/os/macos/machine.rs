//! The machine and its accounts.

use std::ffi::{CStr, OsStr};
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::ptr::null_mut;
use std::sync::{Mutex, PoisonError};

use nix::libc;
use portreeve_core::snapshot::SystemVersion;
use sysinfo::System;

use crate::os::{AccountEntry, MAX_ACCOUNTS};

pub(crate) fn system_version() -> io::Result<SystemVersion> {
    let version = System::os_version().map_err(io::Error::other)?;
    Ok(SystemVersion { name: "macOS".to_owned(), version, build: sysctl_text(c"kern.osversion")? })
}

/// What names this boot of the machine.
pub(crate) fn boot_session() -> io::Result<String> {
    sysctl_text(c"kern.bootsessionuuid")
}

fn sysctl_text(name: &CStr) -> io::Result<String> {
    let mut value = [0_u8; 256];
    let mut size = value.len();
    // SAFETY: the name ends with NUL; `value` is exclusively borrowed and `size` is its length, which the kernel does not write past
    // and into which it puts the number of bytes written; nothing is set (null, 0).
    let status = unsafe { libc::sysctlbyname(name.as_ptr(), value.as_mut_ptr().cast(), &raw mut size, null_mut(), 0) };
    if status != 0 {
        return Err(io::Error::last_os_error());
    }
    let text: Vec<u8> = value.iter().take(size).copied().take_while(|byte| *byte != 0).collect();
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// The hardware UUID, in the form in which System Information shows it.
pub(crate) fn host_uuid() -> io::Result<String> {
    let mut id = [0_u8; 16];
    let wait = libc::timespec { tv_sec: 1, tv_nsec: 0 };
    // SAFETY: the call writes a `uuid_t`, which is 16 bytes, and reads a `timespec`; both are on this stack frame and live through it.
    let status = unsafe { libc::gethostuuid(id.as_mut_ptr(), &raw const wait) };
    if status != 0 {
        return Err(io::Error::last_os_error());
    }
    let number = u128::from_be_bytes(id);
    let part = |shift: u32, digits: usize| {
        let mask = (1_u128 << (digits * 4)) - 1;
        format!("{:0digits$X}", (number >> shift) & mask)
    };
    Ok([part(96, 8), part(80, 4), part(64, 4), part(48, 4), part(0, 12)].join("-"))
}

/// The owner of the console is who is logged in at the screen; root while the login window waits.
pub(crate) fn console_user_id() -> io::Result<Option<u32>> {
    let owner = fs::metadata("/dev/console")?.uid();
    Ok(Some(owner).filter(|uid| *uid != 0))
}

/// The property list that names the user logged in at boot.
#[expect(clippy::unnecessary_wraps, reason = "the same signature on every system")]
pub(crate) fn auto_login_file() -> Option<&'static Path> {
    Some(Path::new("/Library/Preferences/com.apple.loginwindow.plist"))
}

/// The property lists that say what macOS does with its updates, what counts more first: a profile, then the machine's own.
pub(crate) fn update_settings_files() -> Vec<&'static Path> {
    [
        "/Library/Managed Preferences/com.apple.SoftwareUpdate.plist",
        "/Library/Preferences/com.apple.SoftwareUpdate.plist",
    ]
    .map(Path::new)
    .to_vec()
}

/// Where Apple's own package and Homebrew put Apple's `container`.
pub(crate) fn container_programs() -> &'static [&'static str] {
    &["/usr/local/bin/container", "/opt/homebrew/bin/container"]
}

/// Folders whose entries are home directories, for accounts that the user database does not list.
pub(crate) fn home_roots() -> &'static [&'static str] {
    &["/Users"]
}

/// All rows of the user database, which Directory Services answer: local accounts, and those of a directory that may list its own.
#[expect(clippy::unnecessary_wraps, reason = "the same signature on every system")]
pub(crate) fn accounts() -> io::Result<Vec<AccountEntry>> {
    static DATABASE: Mutex<()> = Mutex::new(());
    let _alone = DATABASE.lock().unwrap_or_else(PoisonError::into_inner);
    let mut rows = Vec::new();
    // SAFETY: the database's position is state of the process; the mutex above is held by whoever walks it here, and nothing else in
    // this program does.
    unsafe { libc::setpwent() };
    while rows.len() < MAX_ACCOUNTS {
        // SAFETY: as above. The row is read before the next call, which may overwrite it.
        let row = unsafe { libc::getpwent() };
        // SAFETY: a row that is not null points to a `passwd` that stays as it is until the next call.
        let Some(row) = (unsafe { row.as_ref() }) else { break };
        if row.pw_name.is_null() || row.pw_dir.is_null() {
            continue;
        }
        // SAFETY: both point to strings that end with NUL and live as long as the row.
        let (name, home) = unsafe { (CStr::from_ptr(row.pw_name), CStr::from_ptr(row.pw_dir)) };
        rows.push(AccountEntry {
            name: name.to_string_lossy().into_owned(),
            uid: row.pw_uid,
            gid: row.pw_gid,
            home: PathBuf::from(OsStr::from_bytes(home.to_bytes())),
        });
    }
    // SAFETY: as for `setpwent`.
    unsafe { libc::endpwent() };
    Ok(rows)
}
