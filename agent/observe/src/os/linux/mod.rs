//! Linux: procfs, `/etc`, `/sys`.

mod attribute;
mod clock;
mod machine;
mod mount;
mod process;
mod socket;
mod socket_diag;

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

use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;
use portreeve_core::snapshot::Manager;

/// Whether containers may run under this kernel, and not only in a virtual machine.
pub(crate) const RUNS_CONTAINERS: bool = true;
/// The service manager.
pub(crate) const MANAGER: Manager = Manager::Systemd;
/// Group of those who may become root anyway; none that every system of this kind has.
pub(crate) const ADMINISTRATORS: Option<u32> = None;
/// The document that a daemon of root writes for everybody.
pub(crate) const STATUS_FILE: &str = "/run/portreeve/status.json";
/// Where processes are read.
pub(crate) const PROCESS_SOURCE: &str = "/proc/PID/stat";
/// Where environments are read.
pub(crate) const ENVIRONMENT_SOURCE: &str = "/proc/PID/environ";
/// Where listeners are read.
pub(crate) const LISTENER_SOURCE: &str = "/proc/net/tcp, /proc/net/tcp6";
/// Where open files are read.
pub(crate) const OPEN_FILE_SOURCE: &str = "/proc/PID/fd";

/// Whether the question for record locks also tells locks of whole files: here they are two worlds.
pub(crate) const TELLS_FILE_LOCKS: bool = false;
/// What prints the build of the system.
pub(crate) const BUILD_COMMANDS: &[(&str, &[&str])] = &[("/usr/bin/uname", &["-r"]), ("/bin/uname", &["-r"])];

/// Locks bytes for an open file and not for the process; false where the system has no such locks for programs.
pub(crate) fn lock_open_file(file: &File, lock: &libc::flock) -> io::Result<bool> {
    fcntl(file, FcntlArg::F_OFD_SETLK(lock))?;
    Ok(true)
}

/// Lets the calling thread sleep to the microsecond, and not up to 50 µs longer.
pub(crate) fn precise_timers() {
    // Without it sleeps are longer, and looks fewer.
    let _ = nix::sys::prctl::set_timerslack(1);
}

/// The answer of procfs as an answer of the system.
fn io_error(error: procfs::ProcError) -> std::io::Error {
    use std::io::{Error, ErrorKind};
    match error {
        procfs::ProcError::PermissionDenied(_) => Error::from(ErrorKind::PermissionDenied),
        procfs::ProcError::NotFound(_) => Error::from(ErrorKind::NotFound),
        procfs::ProcError::Io(error, _) => error,
        other @ (procfs::ProcError::Incomplete(_)
        | procfs::ProcError::Other(_)
        | procfs::ProcError::InternalError(_)) => Error::other(other),
    }
}
