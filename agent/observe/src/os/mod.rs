//! What only the operating system can tell, behind the same functions on every system.
//!
//! This folder is the one place with `unsafe` and with a choice by operating system. Each leaf has the functions below with
//! the same meaning; everything above compiles and is tested everywhere.
//!
//! Contract of every function:
//! - It reads only. It takes no lock, sends no signal, writes no file, starts no process. Two do write, for the self test, to a file of
//!   the agent's own that is given open: `set_attribute` and `lock_open_file`.
//! - "Could not look" is an [`std::io::Error`] or a hidden field, never an empty answer. `PermissionDenied` is told apart
//!   from `NotFound`.
//! - A process that ends meanwhile is left out, or is `NotFound` where one was asked for. A process is named by its pid *and*
//!   [`ProcessEntry::start_raw`]: a pid alone may by then be somebody else's.
//! - What it reads is bounded ([`MAX_PROCESS_STRINGS`], [`MAX_DESCRIPTORS`]).
//! - It may wait for a dead network mount only where it says so.
//!
//! | function | answers | hidden without root |
//! |--|--|--|
//! | `processes()` | every process, with what is cheap to read | exe (Linux); exe, argv, cpu (macOS) of other users |
//! | `pids()` | the number of every process, for as little as possible | nothing |
//! | `is_any_ending()` | whether a process gave up its descriptors and may have sockets still, which then seem to be nobody's | nothing |
//! | `process(pid)` | one of them, as `processes()` has it | as there |
//! | `program(pid)` | name of the program of a process that lives, or its title (Linux) | nothing |
//! | `precise_timers()` | nothing: the calling thread sleeps as exactly as the system can | nothing |
//! | `environment(pid, start)` | `NAME=value` pairs as the process got them at its start | those of other users: `PermissionDenied` |
//! | `listeners(ports, foreign)` | listening TCP sockets, both families, with every process that holds them | owners (Linux); the sockets too (macOS), then [`Sockets::hidden`] |
//! | `endpoints(ports)` | where these ports are listened on in the agent's own network namespace, for as little as possible | those of other users (macOS) |
//! | `open_files(pid, start)` | paths that a process holds open | those of other users: `PermissionDenied` |
//! | `mount(path)` | the file system below a path; may hang on a dead network mount | nothing |
//! | `attribute_names(path)`, `attribute(path, name)` | extended attributes that users set, links not followed; none where the file system has none | those of protected folders (macOS) |
//! | `is_dataless(path)` | whether the content of a file is elsewhere (macOS) | nothing |
//! | `accounts()` | the user database; may hang on a dead directory service (macOS) | nothing |
//! | `container_programs()` | usual places of Apple's `container`; none on another system | nothing |
//! | `clock_keeping()` | whether something keeps the clock | nothing |
//! | `system_version()`, `host_uuid()`, `boot_session()`, `console_user_id()`, `auto_login_file()`, `update_settings_files()` | the machine | nothing |
//!
//! Start times come twice: as a time of day, which shifts when the clock is set, and in the unit in which OpenClaw's lock
//! files keep them (Linux: clock ticks since boot, field 22 of `/proc/PID/stat`; macOS: whole seconds since 1970, as `ps -o
//! lstart` shows them), which does not.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "macos")]
mod macos;
// The parsers of what macOS hands out are pure, and are tested on every system.
#[cfg(any(target_os = "macos", test))]
mod procargs;

use std::io;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;

#[cfg(target_os = "linux")]
pub(crate) use linux::{
    ADMINISTRATORS, BUILD_COMMANDS, ENVIRONMENT_SOURCE, LISTENER_SOURCE, MANAGER, OPEN_FILE_SOURCE, PROCESS_SOURCE,
    RUNS_CONTAINERS, STATUS_FILE, TELLS_FILE_LOCKS, accounts, attribute, attribute_names, auto_login_file,
    boot_session, clock_keeping, console_user_id, container_programs, endpoints, environment, home_roots, host_uuid,
    is_any_ending, is_dataless, listeners, lock_open_file, mount, open_files, pids, precise_timers, process, processes,
    program, set_attribute, system_version, update_settings_files,
};
#[cfg(target_os = "macos")]
pub(crate) use macos::{
    ADMINISTRATORS, BUILD_COMMANDS, ENVIRONMENT_SOURCE, LISTENER_SOURCE, MANAGER, OPEN_FILE_SOURCE, PROCESS_SOURCE,
    RUNS_CONTAINERS, STATUS_FILE, TELLS_FILE_LOCKS, accounts, attribute, attribute_names, auto_login_file,
    boot_session, clock_keeping, console_user_id, container_programs, endpoints, environment, home_roots, host_uuid,
    is_any_ending, is_dataless, listeners, lock_open_file, mount, open_files, pids, precise_timers, process, processes,
    program, set_attribute, system_version, update_settings_files,
};

/// Most bytes of arguments or environment that are read of one process.
pub(crate) const MAX_PROCESS_STRINGS: usize = 1024 * 1024;

/// Most descriptors that are looked at in one process.
pub(crate) const MAX_DESCRIPTORS: usize = 65_536;

/// Most accounts that are read.
pub(crate) const MAX_ACCOUNTS: usize = 4_096;

/// One process, with what is cheap to read.
#[derive(Debug, Clone, PartialEq)]
pub struct ProcessEntry {
    /// Process id.
    pub pid: u32,
    /// Parent's process id.
    pub ppid: u32,
    /// Effective user id, where visible.
    pub uid: Option<u32>,
    /// When it started.
    pub started_at: Option<Timestamp>,
    /// When it started, in the unit of `OpenClaw`'s lock files: Linux clock ticks since boot, macOS seconds since 1970.
    pub start_raw: Option<u64>,
    /// Path of the executable, where visible.
    pub exe: Option<PathBuf>,
    /// The command name that the kernel keeps, cut to 15 or 16 bytes.
    pub comm: String,
    /// Arguments as they stand in memory now, *unmasked*; bytes that are not UTF-8 are replaced. Empty for kernel threads, for
    /// zombies and where hidden.
    pub argv: Vec<String>,
    /// Stopped by a signal or a debugger.
    pub stopped: bool,
    /// Ended, but not yet waited for by its parent.
    pub zombie: bool,
    /// Processor time used over its life, where visible.
    pub cpu: Option<Duration>,
    /// Network namespace, where it is not the agent's own; `None` for the agent's own and where hidden.
    pub foreign_netns: Option<u64>,
    /// Whether its pid namespace is known not to be the agent's own.
    pub foreign_pidns: bool,
}

/// Listening sockets, and whether some may be missing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Sockets {
    /// The sockets.
    pub(crate) listening: Vec<Socket>,
    /// Why sockets may be missing; never set where only owners are hidden.
    pub(crate) hidden: Option<String>,
}

/// One listening TCP socket.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Socket {
    /// Address; a v4-mapped v6 address is given as v4.
    pub(crate) address: IpAddr,
    /// Port.
    pub(crate) port: u16,
    /// Owner, where visible.
    pub(crate) uid: Option<u32>,
    /// Every process that holds it; empty where hidden.
    pub(crate) pids: Vec<u32>,
    /// Whether it lives in another network namespace than the agent.
    pub(crate) foreign_netns: bool,
}

/// Where somebody listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Endpoint {
    /// Address.
    pub(crate) address: IpAddr,
    /// Port.
    pub(crate) port: u16,
    /// What tells the socket from another at the same place.
    pub(crate) socket: u64,
}

/// A file that a process holds open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OpenFile {
    /// Path as the process sees it.
    pub(crate) path: PathBuf,
    /// Opened for writing.
    pub(crate) writable: bool,
}

/// A mounted file system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mount {
    /// Where it is mounted.
    pub(crate) point: PathBuf,
    /// `ext4`, `apfs`, `nfs`, …
    pub(crate) file_system: String,
    /// Bytes.
    pub(crate) total_bytes: u64,
    /// Bytes that an ordinary user can still write.
    pub(crate) free_bytes: u64,
    /// Mounted read-only.
    pub(crate) read_only: bool,
    /// What the kernel says of being on a disk of this machine; none where it says nothing.
    pub(crate) flagged_local: Option<bool>,
    /// On a medium that can be taken out.
    pub(crate) removable: bool,
}

/// One row of the user database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AccountEntry {
    /// Login name.
    pub(crate) name: String,
    /// User id.
    pub(crate) uid: u32,
    /// Primary group.
    pub(crate) gid: u32,
    /// Home directory.
    pub(crate) home: PathBuf,
}

/// Most bytes of an extended attribute, or of the names of all those of one file.
pub(crate) const MAX_ATTRIBUTE: usize = 64 * 1024;

/// A buffer for an answer of this length, with some room; none where the file system has no attributes.
fn sized(length: isize, unsupported: i32) -> io::Result<Option<Vec<u8>>> {
    let Ok(length) = usize::try_from(length) else {
        let error = io::Error::last_os_error();
        return if error.raw_os_error() == Some(unsupported) { Ok(None) } else { Err(error) };
    };
    if length > MAX_ATTRIBUTE {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "too many extended attributes"));
    }
    Ok(Some(vec![0; length + 1_024]))
}

/// Whether an attribute was set, or why not.
fn set_or_unsupported(status: i32, unsupported: i32) -> io::Result<bool> {
    if status == 0 {
        return Ok(true);
    }
    let error = io::Error::last_os_error();
    if error.raw_os_error() == Some(unsupported) { Ok(false) } else { Err(error) }
}

/// Names, each ended by NUL.
fn attribute_list(bytes: &[u8]) -> Vec<String> {
    let names = bytes.split(|byte| *byte == 0).filter(|name| !name.is_empty());
    names.map(|name| String::from_utf8_lossy(name).into_owned()).collect()
}

/// Variables of a process. Values may be secret: hand them on to a type that hides them at once.
pub(crate) type Variables = Vec<(String, String)>;

fn too_large(pid: u32) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("environment of process {pid} exceeds {MAX_PROCESS_STRINGS} bytes"),
    )
}

fn not_the_same(pid: u32) -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, format!("process {pid} ended, and its number belongs to another now"))
}

/// Splits `NAME=value` strings. One that has no `=`, or nothing before it, is no variable.
fn variables<'a>(strings: impl Iterator<Item = &'a [u8]>, wanted: &dyn Fn(&str) -> bool) -> Variables {
    strings
        .filter_map(|string| {
            let at = string.iter().position(|byte| *byte == b'=').filter(|at| *at > 0)?;
            let (name, value) = string.split_at(at);
            let name = String::from_utf8_lossy(name).into_owned();
            let value = value.get(1..).unwrap_or_default();
            wanted(&name).then(|| (name, String::from_utf8_lossy(value).into_owned()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn attributes_are_listed_and_read() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        fs::write(&file, b"x").unwrap();
        assert_eq!(attribute(&file, "com.example.none").unwrap(), None);
        assert!(!attribute_names(&file).unwrap().contains(&"com.example.one#P".to_owned()));
        if set_attribute(&fs::File::open(&file).unwrap(), "com.example.one#P", b"a\0b").unwrap() {
            assert!(attribute_names(&file).unwrap().contains(&"com.example.one#P".to_owned()));
            assert_eq!(attribute(&file, "com.example.one#P").unwrap().unwrap(), b"a\0b");
        }
        assert!(!is_dataless(&file).unwrap());
    }

    #[test]
    fn what_is_not_there_is_not_found() {
        let dir = tempfile::tempdir().unwrap();
        let none = dir.path().join("none");
        assert_eq!(attribute_names(&none).unwrap_err().kind(), io::ErrorKind::NotFound);
        assert_eq!(attribute(&none, "x").unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
