//! The machine and its accounts, through `/etc` and the kernel.
#![expect(unsafe_code, reason = "the time since boot, sleep included, is a system call that no dependency wraps here")]

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::libc;
use portreeve_core::snapshot::SystemVersion;
use sysinfo::System;

use crate::os::{AccountEntry, MAX_ACCOUNTS};

/// Most bytes that are read of a file in `/etc`.
const MAX_FILE: u64 = 1024 * 1024;

/// Time since boot, sleep included: what process start times are counted from.
pub(super) fn since_boot() -> io::Result<Duration> {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is to a `timespec` on this stack frame, which lives and is not otherwise borrowed during the call; the
    // kernel writes nothing but that struct.
    let status = unsafe { libc::clock_gettime(libc::CLOCK_BOOTTIME, &raw mut time) };
    if status != 0 {
        return Err(io::Error::last_os_error());
    }
    let seconds = u64::try_from(time.tv_sec).map_err(io::Error::other)?;
    let nanos = u32::try_from(time.tv_nsec).map_err(io::Error::other)?;
    Ok(Duration::new(seconds, nanos))
}

/// What names this boot of the machine (`random(4)`).
pub(crate) fn boot_session() -> io::Result<String> {
    let mut id = String::new();
    File::open("/proc/sys/kernel/random/boot_id")?.take(64).read_to_string(&mut id)?;
    Ok(id.trim().to_owned())
}

pub(crate) fn system_version() -> io::Result<SystemVersion> {
    let text = read("/etc/os-release").or_else(|_| read("/usr/lib/os-release"))?;
    let build = System::kernel_version().map_err(io::Error::other)?;
    let (name, version) = parse_os_release(&text);
    Ok(SystemVersion { name, version, build })
}

/// Name and version of an `os-release` file. A rolling release has no version.
fn parse_os_release(text: &str) -> (String, String) {
    let value = |key: &str| {
        text.lines()
            .filter_map(|line| line.trim().strip_prefix(key)?.strip_prefix('='))
            .map(|value| value.trim_matches(['"', '\'']).to_owned())
            .find(|value| !value.is_empty())
    };
    let name = value("NAME").unwrap_or_else(|| "Linux".to_owned());
    let version = value("VERSION_ID").or_else(|| value("BUILD_ID")).unwrap_or_default();
    (name, version)
}

/// What names this machine: 32 hexadecimal digits, made at installation.
pub(crate) fn host_uuid() -> io::Result<String> {
    let id = read("/etc/machine-id").or_else(|_| read("/var/lib/dbus/machine-id"))?;
    let id = id.trim();
    if id.is_empty() || id == "uninitialized" {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the machine id is empty"));
    }
    Ok(id.to_owned())
}

/// Linux has no user that owns the screen for all who look.
#[expect(clippy::unnecessary_wraps, reason = "the same signature on every system")]
pub(crate) fn console_user_id() -> io::Result<Option<u32>> {
    Ok(None)
}

/// The property list that names the user logged in at boot; none on this system.
pub(crate) fn auto_login_file() -> Option<&'static Path> {
    None
}

/// The property lists that say what macOS does with its updates; none on this system.
pub(crate) fn update_settings_files() -> Vec<&'static Path> {
    Vec::new()
}

/// Apple's `container` runs on macOS alone.
pub(crate) fn container_programs() -> &'static [&'static str] {
    &[]
}

/// Folders whose entries are home directories, for accounts that the user database does not list.
pub(crate) fn home_roots() -> &'static [&'static str] {
    &["/home"]
}

/// `/etc/passwd` alone: other databases (LDAP, systemd-homed) would be asked over sockets and may not answer.
pub(crate) fn accounts() -> io::Result<Vec<AccountEntry>> {
    Ok(parse_passwd(&read("/etc/passwd")?))
}

fn parse_passwd(text: &str) -> Vec<AccountEntry> {
    text.lines()
        .filter_map(|line| {
            let mut fields = line.split(':');
            let name = fields.next().filter(|name| !name.is_empty() && !name.starts_with(['#', '+', '-']))?;
            let uid = fields.nth(1)?.parse().ok()?;
            let gid = fields.next()?.parse().ok()?;
            let home = PathBuf::from(fields.nth(1)?);
            Some(AccountEntry { name: name.to_owned(), uid, gid, home })
        })
        .take(MAX_ACCOUNTS)
        .collect()
}

fn read(path: &str) -> io::Result<String> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_FILE).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn os_release_gives_name_and_version() {
        let debian =
            "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nNAME=\"Debian GNU/Linux\"\nVERSION_ID=\"12\"\nID=debian\n";
        assert_eq!(parse_os_release(debian), ("Debian GNU/Linux".to_owned(), "12".to_owned()));
        assert_eq!(
            parse_os_release("NAME='Arch Linux'\nBUILD_ID=rolling\n"),
            ("Arch Linux".to_owned(), "rolling".to_owned())
        );
        assert_eq!(parse_os_release(""), ("Linux".to_owned(), String::new()));
    }

    #[test]
    fn passwd_rows_that_are_no_accounts_are_passed_over() {
        let rows = parse_passwd(
            "root:x:0:0:root:/root:/bin/bash\n+::::::\n#x\nbad:x:one:1::/h:\nclaw:x:1000:100:,,,:/home/claw:/bin/sh\nshort:x:1\n",
        );
        assert_eq!(rows.iter().map(|row| row.name.as_str()).collect::<Vec<_>>(), ["root", "claw"]);
        assert_eq!(
            rows.last().cloned(),
            Some(AccountEntry { name: "claw".to_owned(), uid: 1000, gid: 100, home: PathBuf::from("/home/claw") })
        );
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC{0,200}") {
            let _ = parse_os_release(&text);
            let _ = parse_passwd(&text);
        }
    }
}
