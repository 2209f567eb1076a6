//! macOS: libproc, sysctl, statfs, the user database.
#![expect(unsafe_code, reason = "sysctl, statfs and the unions of libproc have no safe wrapper")]

mod attribute;
mod clock;
mod machine;
mod mount;
mod process;
mod socket;

pub(crate) use attribute::{attribute, attribute_names, is_dataless, set_attribute};
pub(crate) use clock::clock_keeping;
pub(crate) use machine::{
    accounts, auto_login_file, boot_session, console_user_id, container_programs, home_roots, host_uuid,
    system_version, update_settings_files,
};
pub(crate) use mount::mount;
pub(crate) use process::{environment, is_any_ending, open_files, pids, process, processes, program};
pub(crate) use socket::{endpoints, listeners};

use std::fs::File;
use std::io;

use nix::libc;
use portreeve_core::snapshot::Manager;

/// Whether containers may run under this kernel, and not only in a virtual machine.
pub(crate) const RUNS_CONTAINERS: bool = false;
/// The service manager.
pub(crate) const MANAGER: Manager = Manager::Launchd;
/// Group of those who may become root anyway: `admin`.
pub(crate) const ADMINISTRATORS: Option<u32> = Some(80);
/// The document that a daemon of root writes for everybody.
pub(crate) const STATUS_FILE: &str = "/Library/Application Support/dev.portreeve.agent/status.json";
/// Where processes are read.
pub(crate) const PROCESS_SOURCE: &str = "sysctl(KERN_PROC)";
/// Where environments are read.
pub(crate) const ENVIRONMENT_SOURCE: &str = "sysctl(KERN_PROCARGS2)";
/// Where listeners are read.
pub(crate) const LISTENER_SOURCE: &str = "proc_pidfdinfo(PROC_PIDFDSOCKETINFO)";
/// Where open files are read.
pub(crate) const OPEN_FILE_SOURCE: &str = "proc_pidfdinfo(PROC_PIDFDVNODEPATHINFO)";

/// Whether the question for record locks also tells locks of whole files.
pub(crate) const TELLS_FILE_LOCKS: bool = true;
/// What prints the build of the system. `sw_vers` shows that of a security response, and not of the kernel that runs.
pub(crate) const BUILD_COMMANDS: &[(&str, &[&str])] = &[("/usr/sbin/sysctl", &["-n", "kern.osversion"])];

/// Locks bytes for an open file and not for the process; false where the system has no such locks for programs.
#[expect(clippy::unnecessary_wraps, reason = "the same signature on every system")]
pub(crate) fn lock_open_file(_file: &File, _lock: &libc::flock) -> io::Result<bool> {
    Ok(false)
}

/// Nothing: sleeps are exact enough as they are.
pub(crate) fn precise_timers() {}
