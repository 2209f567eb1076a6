//! Eyes that tell what is not so.

use std::collections::BTreeSet;
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::{SignedDuration, Timestamp};
use portreeve_core::snapshot::{FileStat, Keeping, Listener, OpenPath, SystemVersion, Volume};
use portreeve_core::{Fact, Secret};
use portreeve_openclaw::environment::Environment;

use super::*;
use crate::lock::{ByteRange, Conflict};
use crate::process::{ProcessEntry, ProcessTable};
use crate::users::Account;

const SOURCE: &str = "lie";

/// Lies about listeners.
struct Deaf(fn(Vec<Listener>) -> Vec<Listener>);

impl Eyes for Deaf {
    fn listeners(&self, port: u16, at: Timestamp) -> Fact<Vec<Listener>> {
        Observers.listeners(port, at).map(self.0)
    }
}

fn each<T>(mut list: Vec<T>, change: fn(&mut T)) -> Vec<T> {
    list.iter_mut().for_each(change);
    list
}

/// What was heard once is told for ever.
struct Echo(Mutex<Option<Vec<Listener>>>);
impl Eyes for Echo {
    fn listeners(&self, port: u16, at: Timestamp) -> Fact<Vec<Listener>> {
        let mut kept = self.0.lock().unwrap();
        Fact::known(
            kept.get_or_insert_with(|| Observers.listeners(port, at).get().unwrap().clone()).clone(),
            SOURCE,
            at,
        )
    }
}

#[test]
fn listeners() {
    for seam in [Seam::ListenerV4, Seam::ListenerV6, Seam::ListenerWildcard] {
        if matches!(tried(seam, Observers), Outcome::Skipped { .. }) {
            continue;
        }
        assert_found("none", seam, Deaf(|_| Vec::new()));
        assert_found("wrong pid", seam, Deaf(|all| each(all, |one| one.pids = vec![1])));
        assert_found("no pid", seam, Deaf(|all| each(all, |one| one.pids.clear())));
        assert_found("one pid too many", seam, Deaf(|all| each(all, |one| one.pids.push(u32::MAX))));
        assert_found("wrong user", seam, Deaf(|all| each(all, |one| one.uid = Some(4_000_000))));
        assert_found("foreign", seam, Deaf(|all| each(all, |one| one.foreign_netns = true)));
        let elsewhere = Deaf(|all| each(all, |one| one.address = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1))));
        assert_found("wrong address", seam, elsewhere);
    }
    assert_found("one that is gone", Seam::ListenerV4, Echo(Mutex::default()));
}

/// Lies about processes.
struct Masked(Lie);

type Lie = fn(&mut ProcessEntry);

impl Eyes for Masked {
    fn table(&self, at: Timestamp) -> Fact<ProcessTable> {
        Observers.table(at).map(|table| {
            let own = std::process::id();
            let change = |mut entry: ProcessEntry| {
                if entry.ppid == own {
                    (self.0)(&mut entry);
                }
                entry
            };
            table.entries().iter().cloned().map(change).collect()
        })
    }
}

#[test]
fn processes() {
    let lies: [(&str, Lie); 11] = [
        ("no arguments", |entry| entry.argv.clear()),
        ("an argument lost", |entry| entry.argv.retain(|argument| !argument.is_empty())),
        ("arguments torn", |entry| entry.argv = entry.argv.join(" ").split(' ').map(str::to_owned).collect()),
        ("wrong user", |entry| entry.uid = Some(4_000_000)),
        ("no user", |entry| entry.uid = None),
        ("wrong parent", |entry| entry.ppid = 1),
        ("no program", |entry| entry.exe = None),
        ("wrong program", |entry| entry.exe = Some(PathBuf::from("/bin/sh"))),
        ("wrong start", |entry| entry.started_at = entry.started_at.map(|at| at - SignedDuration::from_hours(1))),
        ("no start", |entry| entry.start_raw = None),
        ("ended", |entry| entry.zombie = true),
    ];
    for (name, lie) in lies {
        assert_found(name, Seam::Processes, Masked(lie));
    }
    assert_found("no such process", Seam::Processes, Masked(|entry| entry.pid = u32::MAX));
    assert_found("never stopped", Seam::Stopped, Masked(|entry| entry.stopped = false));
    assert_found("always stopped", Seam::Stopped, Masked(|entry| entry.stopped = true));
    assert_found("always stopped", Seam::Processes, Masked(|entry| entry.stopped = true));
}

/// Lies about environments.
struct Forgetful(fn(&mut Environment));

impl Eyes for Forgetful {
    fn environment(&self, entry: &ProcessEntry, names: &BTreeSet<String>, at: Timestamp) -> Fact<Environment> {
        Observers.environment(entry, names, at).map(|mut environment| {
            (self.0)(&mut environment);
            environment
        })
    }
}

#[test]
fn environments() {
    assert_found("empty", Seam::Environment, Forgetful(|all| *all = Environment::default()));
    assert_found("a name too many", Seam::Environment, Forgetful(|all| all.set("HOME", "/")));
    assert_found("cut at the second `=`", Seam::Environment, Forgetful(|all| all.set(guardian::MARK, "a")));
}

/// Lies about open files.
struct Closed(fn(Vec<OpenPath>) -> Vec<OpenPath>);

impl Eyes for Closed {
    fn open_paths(&self, entry: &ProcessEntry, below: &Path, at: Timestamp) -> Fact<Vec<OpenPath>> {
        Observers.open_paths(entry, below, at).map(self.0)
    }
}

#[test]
fn open_files() {
    assert_found("none", Seam::OpenFiles, Closed(|_| Vec::new()));
    assert_found("not for writing", Seam::OpenFiles, Closed(|all| each(all, |one| one.writable = false)));
    assert_found("of another", Seam::OpenFiles, Closed(|all| each(all, |one| one.pid = 1)));
}

/// Lies about holders of locks.
struct Unlocked(fn(Fact<u32>) -> Fact<u32>);

impl Eyes for Unlocked {
    fn holder(&self, path: &Path, range: ByteRange, at: Timestamp) -> Fact<u32> {
        (self.0)(Observers.holder(path, range, at))
    }
}

/// Lies about what stands in the way of a lock.
struct Blocked(Conflict);

impl Eyes for Blocked {
    fn conflict(&self, _: &Path, _: ByteRange) -> io::Result<Conflict> {
        Ok(self.0)
    }
}

#[test]
fn locks() {
    for seam in [Seam::RecordLock, Seam::WalWriter] {
        assert_found("nobody", seam, Unlocked(|fact| Fact::absent(SOURCE, fact.at)));
        assert_found("always this", seam, Unlocked(|fact| Fact::known(std::process::id(), SOURCE, fact.at)));
        assert_found("another", seam, Unlocked(|fact| fact.map(|pid| pid + 1)));
        assert_found("no answer", seam, Unlocked(|fact| Fact::unreadable("EINVAL", SOURCE, fact.at)));
    }
    if crate::os::TELLS_FILE_LOCKS {
        assert_found("nobody", Seam::FileLock, Blocked(Conflict::Nobody));
        assert_found("always", Seam::FileLock, Blocked(Conflict::OpenFile));
    } else {
        assert!(matches!(tried(Seam::FileLock, Observers), Outcome::Skipped { .. }));
    }
    if tried(Seam::OpenFileLock, Observers) == Outcome::Passed {
        assert_found("nobody", Seam::OpenFileLock, Blocked(Conflict::Nobody));
        assert_found("always", Seam::OpenFileLock, Blocked(Conflict::OpenFile));
    }
}

/// Lies about attributes.
struct Unmarked(fn(&Path) -> Option<PathBuf>);

impl Eyes for Unmarked {
    fn marked(&self, path: &Path, at: Timestamp) -> Fact<PathBuf> {
        (self.0)(path).map_or_else(|| Fact::absent(SOURCE, at), |marked| Fact::known(marked, SOURCE, at))
    }
}

/// Looks at the path and not at what is above it.
struct Shallow;
impl Eyes for Shallow {
    fn marked(&self, path: &Path, at: Timestamp) -> Fact<PathBuf> {
        Observers.marked(path, at).map(|_| path.to_owned())
    }
}

#[test]
fn attributes() {
    if tried(Seam::ExclusionAttribute, Observers) != Outcome::Passed {
        return;
    }
    assert_found("never", Seam::ExclusionAttribute, Unmarked(|_| None));
    assert_found("always", Seam::ExclusionAttribute, Unmarked(|path| Some(path.to_owned())));
    assert_found("not the folder", Seam::ExclusionAttribute, Shallow);
}

/// Lies about files and volumes.
struct Blurred {
    stat: fn(&mut FileStat),
    volume: fn(&mut Volume),
    is_never_absent: bool,
}

const CLEAR: Blurred = Blurred { stat: |_| (), volume: |_| (), is_never_absent: false };

impl Eyes for Blurred {
    fn stat(&self, path: &Path, at: Timestamp) -> Fact<FileStat> {
        let path = if self.is_never_absent && !path.exists() { path.parent().unwrap() } else { path };
        Observers.stat(path, at).map(|mut stat| {
            (self.stat)(&mut stat);
            stat
        })
    }

    fn volume(&self, path: &Path, at: Timestamp) -> Fact<Volume> {
        let path = if self.is_never_absent && !path.exists() { path.parent().unwrap() } else { path };
        Observers.volume(path, at).map(|mut volume| {
            (self.volume)(&mut volume);
            volume
        })
    }
}

#[test]
fn files_and_volumes() {
    let stat = |stat| Blurred { stat, ..CLEAR };
    assert_found("mode", Seam::FileStatus, stat(|stat| stat.mode = 0o600));
    assert_found("owner", Seam::FileStatus, stat(|stat| stat.uid = 4_000_000));
    assert_found("size", Seam::FileStatus, stat(|stat| stat.size = 0));
    assert_found("links", Seam::FileStatus, stat(|stat| stat.ino = 1));
    assert_found("never absent", Seam::FileStatus, Blurred { is_never_absent: true, ..CLEAR });
    let volume = |volume| Blurred { volume, ..CLEAR };
    assert_found("elsewhere", Seam::Volume, volume(|volume| volume.mount_point = "/Volumes/T7".to_owned()));
    assert_found("read-only", Seam::Volume, volume(|volume| volume.read_only = true));
    assert_found("no size", Seam::Volume, volume(|volume| volume.total_bytes = 0));
    assert_found("more free than there is", Seam::Volume, volume(|volume| volume.free_bytes = u64::MAX));
    assert_found("never absent", Seam::Volume, Blurred { is_never_absent: true, ..CLEAR });
}

/// Lies about the machine.
#[derive(Default)]
struct Lost {
    second: AtomicBool,
}

impl Eyes for Lost {
    fn accounts(&self, at: Timestamp) -> Fact<Vec<Account>> {
        Fact::known(Vec::new(), SOURCE, at)
    }

    fn clock(&self, at: Timestamp) -> Fact<Keeping> {
        Fact::unreadable("EINVAL", SOURCE, at)
    }

    fn uptime(&self, at: Timestamp) -> Fact<u64> {
        Fact::known(u64::MAX, SOURCE, at)
    }

    fn identity(&self, at: Timestamp) -> Fact<Secret> {
        let id = if self.second.swap(true, Ordering::Relaxed) { "0123456789abcdef0" } else { "0123456789abcdef1" };
        Fact::known(Secret::from(id.to_owned()), SOURCE, at)
    }

    fn system(&self, at: Timestamp) -> Fact<SystemVersion> {
        Observers.system(at).map(|system| SystemVersion { build: "0".to_owned(), ..system })
    }

    fn hostname(&self, at: Timestamp) -> Fact<String> {
        Fact::absent(SOURCE, at)
    }
}

#[test]
fn the_machine() {
    for seam in [Seam::Accounts, Seam::Clock, Seam::Uptime, Seam::Identity, Seam::SystemVersion, Seam::HostName] {
        if tried(seam, Observers) == Outcome::Passed {
            assert_found("lost", seam, Lost::default());
        }
    }
}
