//! macOS: libproc, sysctl, statfs, the user database.
#![expect(unsafe_code, reason = "sysctl, statfs and the unions of libproc have no safe wrapper")]

mod attribute;
mod clock;
mod machine;
mod mount;
mod process;
mod socket;

pub(crate) use attribute::{attribute, attribute_names, is_dataless};
pub(crate) use clock::clock_keeping;
pub(crate) use machine::{
    accounts, auto_login_file, console_user_id, container_programs, home_roots, host_uuid, system_version,
};
pub(crate) use mount::mount;
pub(crate) use process::{environment, open_files, processes, program};
pub(crate) use socket::listeners;

use portreeve_core::snapshot::Manager;

/// Whether containers may run under this kernel, and not only in a virtual machine.
pub(crate) const RUNS_CONTAINERS: bool = false;
/// The service manager.
pub(crate) const MANAGER: Manager = Manager::Launchd;
/// Group of those who may become root anyway: `admin`.
pub(crate) const ADMINISTRATORS: Option<u32> = Some(80);
/// Where processes are read.
pub(crate) const PROCESS_SOURCE: &str = "sysctl(KERN_PROC)";
/// Where environments are read.
pub(crate) const ENVIRONMENT_SOURCE: &str = "sysctl(KERN_PROCARGS2)";
/// Where listeners are read.
pub(crate) const LISTENER_SOURCE: &str = "proc_pidfdinfo(PROC_PIDFDSOCKETINFO)";
/// Where open files are read.
pub(crate) const OPEN_FILE_SOURCE: &str = "proc_pidfdinfo(PROC_PIDFDVNODEPATHINFO)";

/// Nothing: sleeps are exact enough as they are.
pub(crate) fn precise_timers() {}
