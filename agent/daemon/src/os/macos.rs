//! macOS: libproc.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use libproc::file_info::ListFDs;
use libproc::proc_pid::{kproc_info_raw, listpidinfo, pidinfo};
use libproc::task_info::TaskInfo;
use nix::time::{ClockId, clock_gettime};

/// Most descriptors that are counted.
const MAX_DESCRIPTORS: usize = 4_096;
/// `p_stat` of a process that ended, `SZOMB` in `<sys/proc.h>`.
const ZOMBIE: i8 = 5;

/// `CLOCK_MONOTONIC` goes on while a Mac sleeps, unlike `CLOCK_UPTIME_RAW`.
pub(super) fn uptime() -> io::Result<Duration> {
    Ok(clock_gettime(ClockId::CLOCK_MONOTONIC)?.into())
}

pub(crate) fn program() -> io::Result<PathBuf> {
    std::env::current_exe()
}

fn own() -> io::Result<i32> {
    i32::try_from(std::process::id()).map_err(io::Error::other)
}

pub(crate) fn resident() -> io::Result<u64> {
    Ok(pidinfo::<TaskInfo>(own()?, 0).map_err(io::Error::other)?.pti_resident_size)
}

pub(crate) fn descriptors() -> io::Result<u64> {
    let found = listpidinfo::<ListFDs>(own()?, MAX_DESCRIPTORS).map_err(io::Error::other)?;
    Ok(u64::try_from(found.len()).unwrap_or(u64::MAX))
}

/// Seconds since 1970, as lock files of `OpenClaw` have it.
pub(super) fn start_of(pid: u32) -> io::Result<u64> {
    let gone = || io::Error::from(io::ErrorKind::NotFound);
    let info = i32::try_from(pid).ok().and_then(|number| kproc_info_raw(number).ok()).ok_or_else(gone)?;
    if info.kp_proc.p_stat == ZOMBIE {
        return Err(gone());
    }
    u64::try_from(info.kp_proc.p_un.tv_sec).map_err(|_| gone())
}

pub(crate) fn child_rss_bytes(max_rss: i64) -> u64 {
    u64::try_from(max_rss).unwrap_or(0)
}
