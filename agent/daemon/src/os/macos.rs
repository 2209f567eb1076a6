//! macOS: libproc and sysctl.
#![expect(unsafe_code, reason = "sysctl has no safe wrapper")]

use std::ffi::CStr;
use std::io;
use std::path::PathBuf;
use std::ptr::null_mut;
use std::time::Duration;

use libproc::file_info::ListFDs;
use libproc::proc_pid::{kproc_info_raw, listpidinfo, pidinfo};
use libproc::task_info::TaskInfo;
use nix::libc;
use nix::time::{ClockId, clock_gettime};

/// Most descriptors that are counted.
const MAX_DESCRIPTORS: usize = 4_096;
/// `p_stat` of a process that ended, `SZOMB` in `<sys/proc.h>`.
const ZOMBIE: i8 = 5;

/// `CLOCK_MONOTONIC` goes on while a Mac sleeps, unlike `CLOCK_UPTIME_RAW`.
pub(super) fn uptime() -> io::Result<Duration> {
    Ok(clock_gettime(ClockId::CLOCK_MONOTONIC)?.into())
}

pub(super) fn boot() -> Option<String> {
    sysctl_text(c"kern.bootsessionuuid").ok().filter(|text| !text.is_empty())
}

fn sysctl_text(name: &CStr) -> io::Result<String> {
    let mut value = [0_u8; 64];
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
