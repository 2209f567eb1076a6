//! Processes, through `/proc/PID`.

use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use portreeve_core::order::Order as _;
use procfs::process::{Process, Stat, StatFlags};
use secrecy::zeroize::Zeroizing;

use super::io_error;
use crate::os::{
    MAX_DESCRIPTORS, MAX_PROCESS_STRINGS, OpenFile, ProcessEntry, Variables, not_the_same, too_large, variables,
};

/// Most bytes of a program's name with its path.
const MAX_NAME: usize = 512;

pub(crate) fn processes() -> io::Result<Vec<ProcessEntry>> {
    let clock = BootClock::read()?;
    let own = Namespaces::of("self");
    let mut entries = Vec::with_capacity(256);
    for process in procfs::process::all_processes().map_err(io_error)? {
        let Ok(process) = process else { continue };
        if let Some(entry) = entry(&process, &clock, &own) {
            entries.push(entry);
        }
    }
    entries.order_by_key(|entry| entry.pid);
    Ok(entries)
}

pub(crate) fn pids() -> io::Result<Vec<u32>> {
    Ok(fs::read_dir("/proc")?.flatten().filter_map(|folder| folder.file_name().to_str()?.parse().ok()).collect())
}

/// Whether a process is giving up what it has: its descriptors are gone already, its sockets are not.
pub(crate) fn is_any_ending() -> io::Result<bool> {
    let mut all = procfs::process::all_processes().map_err(io_error)?;
    Ok(all.any(|process| process.and_then(|one| one.stat()).is_ok_and(|stat| is_ending(&stat))))
}

/// The first thread of a process may be a zombie before the last one has given everything up.
fn is_ending(stat: &Stat) -> bool {
    let is_over = matches!(stat.state, 'Z' | 'X') && stat.num_threads <= 1;
    stat.flags & StatFlags::PF_EXITING.bits() != 0 && !is_over
}

pub(crate) fn process(pid: u32) -> Option<ProcessEntry> {
    let process = Process::new(i32::try_from(pid).ok()?).ok()?;
    entry(&process, &BootClock::read().ok()?, &Namespaces::of("self"))
}

fn entry(process: &Process, clock: &BootClock, own: &Namespaces) -> Option<ProcessEntry> {
    let stat = process.stat().ok()?;
    let pid = u32::try_from(process.pid()).ok()?;
    let is_kernel_thread = stat.flags & StatFlags::PF_KTHREAD.bits() != 0;
    let namespaces = if is_kernel_thread { Namespaces::default() } else { Namespaces::of(&pid.to_string()) };
    let foreign =
        |theirs: Option<u64>, ours: Option<u64>| theirs.filter(|theirs| ours.is_some_and(|ours| ours != *theirs));
    Some(ProcessEntry {
        pid,
        ppid: u32::try_from(stat.ppid).unwrap_or(0),
        uid: effective_uid(process, is_kernel_thread),
        started_at: clock.time_of(stat.starttime),
        start_raw: Some(stat.starttime),
        exe: if is_kernel_thread { None } else { process.exe().ok() },
        argv: if is_kernel_thread { Vec::new() } else { arguments(process) },
        stopped: matches!(stat.state, 'T' | 't'),
        zombie: matches!(stat.state, 'Z' | 'X'),
        cpu: Some(clock.span(stat.utime.saturating_add(stat.stime))),
        foreign_netns: foreign(namespaces.net, own.net),
        foreign_pidns: foreign(namespaces.pid, own.pid).is_some(),
        comm: stat.comm,
    })
}

/// The owner of `/proc/PID` is the effective user, but root for a process that may not be dumped: only then is the longer way
/// through `status` gone.
fn effective_uid(process: &Process, is_kernel_thread: bool) -> Option<u32> {
    match process.uid().ok()? {
        0 if !is_kernel_thread => Some(process.status().map_or(0, |status| status.euid)),
        uid => Some(uid),
    }
}

fn arguments(process: &Process) -> Vec<String> {
    let Ok(bytes) = strings(process, "cmdline") else { return Vec::new() };
    let text = bytes.strip_suffix(&[0]).unwrap_or(&bytes);
    if text.is_empty() {
        return Vec::new();
    }
    let mut argv: Vec<String> =
        text.split(|byte| *byte == 0).map(|argument| String::from_utf8_lossy(argument).into_owned()).collect();
    // A title written over the arguments leaves NULs up to where they ended.
    while argv.len() > 1 && argv.last().is_some_and(String::is_empty) {
        argv.pop();
    }
    argv
}

fn strings(process: &Process, file: &str) -> io::Result<Vec<u8>> {
    let file = process.open_relative(file).map_err(io_error)?;
    let limit = u64::try_from(MAX_PROCESS_STRINGS).unwrap_or(u64::MAX);
    let mut bytes = Vec::new();
    file.take(limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The process of this pid, if it is still the one that started then. It is held by a descriptor of its folder, which goes dead
/// with it, so that later reads cannot meet a successor.
fn same(pid: u32, start: Option<u64>) -> io::Result<Process> {
    let number = i32::try_from(pid).map_err(|_| io::Error::from(io::ErrorKind::NotFound))?;
    let process = Process::new(number).map_err(io_error)?;
    if let Some(start) = start
        && process.stat().map_err(io_error)?.starttime != start
    {
        return Err(not_the_same(pid));
    }
    Ok(process)
}

pub(crate) fn environment(pid: u32, start: Option<u64>, wanted: &dyn Fn(&str) -> bool) -> io::Result<Variables> {
    let process = same(pid, start)?;
    let bytes = Zeroizing::new(strings(&process, "environ")?);
    if bytes.len() >= MAX_PROCESS_STRINGS {
        return Err(too_large(pid));
    }
    Ok(variables(bytes.split(|byte| *byte == 0), wanted))
}

pub(crate) fn open_files(pid: u32, start: Option<u64>) -> io::Result<Vec<OpenFile>> {
    same(pid, start)?;
    let mut files = Vec::new();
    for descriptor in fs::read_dir(format!("/proc/{pid}/fd"))?.take(MAX_DESCRIPTORS) {
        let link = descriptor?.path();
        let Ok(target) = fs::read_link(&link) else { continue };
        if !target.is_absolute() {
            continue;
        }
        // The link's own mode tells how the descriptor was opened.
        let writable = fs::symlink_metadata(&link).is_ok_and(|metadata| metadata.mode() & 0o200 != 0);
        files.push(OpenFile { path: without_deleted_mark(target), writable });
    }
    same(pid, start)?;
    Ok(files)
}

/// Title or program name of a process that lives.
pub(crate) fn program(pid: u32) -> Option<String> {
    let process = Process::new(i32::try_from(pid).ok()?).ok()?;
    let stat = process.stat().ok().filter(|stat| !matches!(stat.state, 'Z' | 'X'))?;
    let mut bytes = [0; MAX_NAME];
    let read = process.open_relative("cmdline").ok().and_then(|mut file| file.read(&mut bytes).ok()).unwrap_or(0);
    let first = bytes.get(..read)?.split(|byte| *byte == 0).next()?;
    let name = String::from_utf8_lossy(first.rsplit(|byte| *byte == b'/').next()?).into_owned();
    Some(if name.is_empty() { stat.comm } else { name })
}

fn without_deleted_mark(path: PathBuf) -> PathBuf {
    match path.to_str().and_then(|text| text.strip_suffix(" (deleted)")) {
        Some(text) if !path.exists() => PathBuf::from(text),
        Some(_) | None => path,
    }
}

#[derive(Default)]
struct Namespaces {
    net: Option<u64>,
    pid: Option<u64>,
}

impl Namespaces {
    fn of(pid: &str) -> Self {
        Self { net: namespace(pid, "net"), pid: namespace(pid, "pid") }
    }
}

/// The inode that names a namespace: the link reads `net:[4026531840]`.
fn namespace(pid: &str, kind: &str) -> Option<u64> {
    let link = fs::read_link(format!("/proc/{pid}/ns/{kind}")).ok()?;
    link.to_str()?.strip_prefix(kind)?.strip_prefix(":[")?.strip_suffix(']')?.parse().ok()
}

/// Converts clock ticks since boot.
struct BootClock {
    booted_at: Timestamp,
    ticks_per_second: u64,
}

impl BootClock {
    fn read() -> io::Result<Self> {
        let since_boot = super::machine::since_boot()?;
        let since_boot = SignedDuration::try_from(since_boot).map_err(io::Error::other)?;
        let booted_at = Timestamp::now().checked_sub(since_boot).map_err(io::Error::other)?;
        Ok(Self { booted_at, ticks_per_second: procfs::ticks_per_second().max(1) })
    }

    fn span(&self, ticks: u64) -> Duration {
        let rest = ticks % self.ticks_per_second;
        let nanos = rest.saturating_mul(1_000_000_000) / self.ticks_per_second;
        Duration::from_secs(ticks / self.ticks_per_second).saturating_add(Duration::from_nanos(nanos))
    }

    fn time_of(&self, ticks: u64) -> Option<Timestamp> {
        self.booted_at.checked_add(self.span(ticks)).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_ending_until_its_last_thread_is_over() {
        let of = |state: char, flags: StatFlags, num_threads: i64| {
            let mut stat = Process::myself().unwrap().stat().unwrap();
            (stat.state, stat.flags, stat.num_threads) = (state, flags.bits(), num_threads);
            is_ending(&stat)
        };
        assert!(!of('S', StatFlags::PF_RANDOMIZE, 11));
        assert!(!of('I', StatFlags::PF_KTHREAD, 1));
        assert!(of('D', StatFlags::PF_EXITING, 1));
        assert!(of('Z', StatFlags::PF_EXITING, 3), "its first thread is over, and others are not");
        assert!(!of('Z', StatFlags::PF_EXITING, 1), "nobody has asked for its end yet");
    }
}
