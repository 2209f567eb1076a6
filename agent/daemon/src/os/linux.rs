//! Linux: `/proc`.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use nix::time::{ClockId, clock_gettime};
use procfs::process::Process;

pub(super) fn uptime() -> io::Result<Duration> {
    Ok(clock_gettime(ClockId::CLOCK_BOOTTIME)?.into())
}

#[expect(clippy::unnecessary_wraps, reason = "the same signature on every system")]
pub(crate) fn program() -> io::Result<PathBuf> {
    Ok(PathBuf::from("/proc/self/exe"))
}

pub(crate) fn resident() -> io::Result<u64> {
    let pages = Process::myself().and_then(|own| own.statm()).map_err(io::Error::other)?.resident;
    Ok(pages.saturating_mul(procfs::page_size()))
}

pub(crate) fn descriptors() -> io::Result<u64> {
    let count = fs::read_dir("/proc/self/fd")?.count();
    // One of them is the folder.
    Ok(u64::try_from(count.saturating_sub(1)).unwrap_or(u64::MAX))
}

pub(super) fn start_of(pid: u32) -> io::Result<u64> {
    let number = i32::try_from(pid).map_err(|_| io::Error::from(io::ErrorKind::NotFound))?;
    match Process::new(number).and_then(|process| process.stat()) {
        Ok(stat) if matches!(stat.state, 'Z' | 'X') => Err(io::Error::from(io::ErrorKind::NotFound)),
        Ok(stat) => Ok(stat.starttime),
        Err(procfs::ProcError::NotFound(_)) => Err(io::Error::from(io::ErrorKind::NotFound)),
        Err(error) => Err(io::Error::other(error)),
    }
}

pub(crate) fn child_rss_bytes(max_rss: i64) -> u64 {
    u64::try_from(max_rss).unwrap_or(0).saturating_mul(1_024)
}
