//! macOS: the process group.

use std::io;

use libproc::proc_pid::kproc_info_raw;
use libproc::processes::{ProcFilter, pids_by_type};
use nix::sys::signal::Signal;
use nix::unistd::Pid;

/// The system has no such thing: what leaves the group and its parent belongs to launchd.
#[expect(clippy::unnecessary_wraps, reason = "the same signature on every system")]
pub(crate) fn adopt_orphans() -> io::Result<()> {
    Ok(())
}

pub(crate) fn members(leader: Pid) -> io::Result<Vec<Pid>> {
    let group = u32::try_from(leader.as_raw()).map_err(io::Error::other)?;
    let pids = pids_by_type(ProcFilter::ByProgramGroup { pgrpid: group })?;
    let own = Pid::this();
    Ok(pids
        .into_iter()
        .filter_map(|pid| i32::try_from(pid).ok())
        .map(Pid::from_raw)
        .filter(|pid| *pid != own)
        .collect())
}

pub(crate) fn is_ignored(signal: Signal) -> bool {
    kproc_info_raw(Pid::this().as_raw()).is_ok_and(|info| info.kp_proc.p_sigignore >> (signal as i32 - 1) & 1 == 1)
}
