//! Lock files: who they name, and who the kernel says holds them.
//!
//! Nothing here takes a lock, not even a shared one for an instant: `F_GETLK` asks what stands in the way of a lock and leaves
//! all as it is. The agent holds no lock of its own on these files, so that closing the descriptor releases none.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::libc;
use portreeve_core::Fact;
use portreeve_core::snapshot::{LockFile, LockHolder};
use portreeve_openclaw::file::{ReadError, read_regular};
use portreeve_openclaw::lock::{
    LOCK_RANGE, LockOwner, MAX_LOCK_BYTES, OwnerRole, PENDING_BYTE, SHARED_FIRST, SHARED_SIZE, SHM_LOCK_COUNT,
    SHM_LOCK_FIRST, parse_owner,
};
use portreeve_openclaw::paths::{self, LockPrimitive};

use crate::deadline::within;
use crate::file;
use crate::process::ProcessTable;

/// How long a file has to answer.
const DEADLINE: Duration = Duration::from_secs(2);

const SOURCE: &str = "F_GETLK";
const OWNER_SOURCE: &str = "content of the lock file";

/// Bytes of a file that are asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ByteRange {
    /// The first byte.
    pub first: u64,
    /// Their number, not 0.
    pub length: u64,
}

impl ByteRange {
    /// What a `SQLite` rollback database is locked by; `OpenClaw`'s `.lock.sqlite` files are such.
    pub const SQLITE: Self = Self { first: PENDING_BYTE, length: LOCK_RANGE };
    /// The locks of a write-ahead log's index (`-shm`), and the byte after them that every open connection holds.
    pub const WAL_INDEX: Self = Self { first: SHM_LOCK_FIRST, length: SHM_LOCK_COUNT + 1 };
    /// The one writer of a write-ahead log (`-shm`).
    pub const WAL_WRITER: Self = Self { first: SHM_LOCK_FIRST, length: 1 };
    /// What readers of an `SQLite` database lock, and an exclusive owner keeps from them.
    pub const SQLITE_SHARED: Self = Self { first: SHARED_FIRST, length: SHARED_SIZE };
}

/// A process that holds a POSIX record lock on these bytes, shared or exclusive; where several do, the kernel names one.
///
/// Absent when nobody does, or there is no such file. Unreadable when somebody does whom the kernel does not name: a process
/// in another pid namespace, or a lock that belongs to an open file and not to a process. Waits at most 2 s.
pub fn holder(path: &Path, range: ByteRange, at: Timestamp) -> Fact<u32> {
    let path = path.to_path_buf();
    match within(DEADLINE, move || conflict(&path, range)) {
        Ok(answer) => holder_fact(answer, at),
        Err(overdue) => Fact::unreadable(overdue.to_string(), SOURCE, at),
    }
}

fn holder_fact(answer: io::Result<Conflict>, at: Timestamp) -> Fact<u32> {
    match answer {
        Ok(Conflict::Nobody) => Fact::absent(SOURCE, at),
        Ok(Conflict::Process(pid)) => Fact::known(pid, SOURCE, at),
        Ok(Conflict::Unnamed) => {
            Fact::unreadable("held by a process that this pid namespace does not show", SOURCE, at)
        }
        Ok(Conflict::OpenFile) => {
            Fact::unreadable("held through an open file, which belongs to no one process", SOURCE, at)
        }
        Err(error) => file::error_fact(&error, SOURCE, at),
    }
}

/// Who stands in the way of a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Conflict {
    /// Nobody: a newcomer would get it.
    Nobody,
    /// A process.
    Process(u32),
    /// A process of another pid namespace.
    Unnamed,
    /// An open file, which belongs to no one process.
    OpenFile,
}

/// What a newcomer wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// To read, beside other readers.
    Shared,
    /// To be alone.
    Exclusive,
}

/// Who would keep a newcomer from having these bytes alone. Takes no lock.
pub(crate) fn conflict(path: &Path, range: ByteRange) -> io::Result<Conflict> {
    ask(&open(path)?, range, Wanted::Exclusive)
}

/// Opens a regular file to ask about its locks: read-only, and nothing else.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    // Opening a device can already have an effect, hence the look before.
    if !path.symlink_metadata()?.is_file() {
        return Err(not_regular());
    }
    let flags = OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
    let file = OpenOptions::new().read(true).custom_flags(flags.bits()).open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(not_regular()) }
}

/// Asks who would keep a newcomer from locking these bytes. Takes no lock.
pub(crate) fn ask(file: &File, range: ByteRange, wanted: Wanted) -> io::Result<Conflict> {
    let kind = match wanted {
        Wanted::Shared => libc::F_RDLCK,
        Wanted::Exclusive => libc::F_WRLCK,
    };
    let mut lock = libc::flock {
        l_type: narrow(kind)?,
        l_whence: narrow(libc::SEEK_SET)?,
        l_start: narrow(range.first)?,
        l_len: narrow(range.length)?,
        l_pid: 0,
    };
    fcntl(file, FcntlArg::F_GETLK(&mut lock))?;
    if i64::from(lock.l_type) == i64::from(libc::F_UNLCK) {
        return Ok(Conflict::Nobody);
    }
    Ok(match lock.l_pid {
        0 => Conflict::Unnamed,
        pid => u32::try_from(pid).map_or(Conflict::OpenFile, Conflict::Process),
    })
}

fn not_regular() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "not a regular file")
}

/// The fields of `struct flock` have other widths on other systems.
pub(crate) fn narrow<T, U: TryFrom<T>>(value: T) -> io::Result<U>
where
    U::Error: std::error::Error + Send + Sync + 'static,
{
    U::try_from(value).map_err(io::Error::other)
}

/// One of `OpenClaw`'s lock files: whether it is there, whom it names, who holds it.
///
/// A pid in a lock file is one of the owner's pid namespace; that of a container means another process here. Hangs on a dead
/// network mount: ask [`crate::volume::observe`] of the directory first.
pub fn observe(lock: &paths::LockFile, processes: &ProcessTable, at: Timestamp) -> LockFile {
    let (owner, holder_pid) = match lock.primitive {
        LockPrimitive::Sqlite => (
            Fact::absent("an SQLite lock file names no owner", at),
            holder_fact(conflict(&lock.path, ByteRange::SQLITE), at),
        ),
        LockPrimitive::ExclusiveFile => (
            owner(&lock.path, at).map(|owner| lock_holder(owner, processes)),
            Fact::absent("a lock by existence has no record locks", at),
        ),
    };
    LockFile {
        path: lock.path.to_string_lossy().into_owned(),
        purpose: lock.purpose.name().to_owned(),
        held_for_life: lock.purpose.is_held_for_life(),
        exists: file::stat(&lock.path, at),
        owner,
        holder_pid,
    }
}

fn owner(path: &Path, at: Timestamp) -> Fact<LockOwner> {
    let limit = u64::try_from(MAX_LOCK_BYTES).unwrap_or(u64::MAX);
    match read_regular(path, limit) {
        Ok(content) => match parse_owner(&content.bytes) {
            Ok(owner) => Fact::known(owner, OWNER_SOURCE, at),
            Err(error) => Fact::unreadable(error.to_string(), OWNER_SOURCE, at),
        },
        Err(ReadError::NotFound { .. }) => Fact::absent(OWNER_SOURCE, at),
        Err(ReadError::Denied { source, .. } | ReadError::Io { source, .. }) => {
            file::error_fact(&source, OWNER_SOURCE, at)
        }
        Err(error) => Fact::unreadable(error.to_string(), OWNER_SOURCE, at),
    }
}

fn lock_holder(owner: LockOwner, processes: &ProcessTable) -> LockHolder {
    let live = processes.alive(owner.pid);
    let role = match owner.role {
        OwnerRole::Gateway => None,
        OwnerRole::AgentEmbedded => Some("agent-embedded".to_owned()),
        OwnerRole::SqliteMaintenance => Some("sqlite-maintenance".to_owned()),
        OwnerRole::SkillWorkshopApply => Some("skill-workshop-apply".to_owned()),
        OwnerRole::Unknown(name) => Some(name),
    };
    let text = |path: std::path::PathBuf| path.to_string_lossy().into_owned();
    LockHolder {
        pid: owner.pid,
        created_at: owner.created_at,
        start_time: owner.start_time,
        live_start_time: live.and_then(|entry| entry.start_raw),
        alive: live.is_some(),
        port: owner.port,
        config_path: owner.config_path.map(text),
        state_dir: owner.state_dir.map(text),
        role,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::print_stdout, reason = "a child answers its parent so, and a skipped test says so")]

    use std::fs;
    use std::io::{BufRead, BufReader};
    use std::os::unix::fs::MetadataExt;
    use std::path::PathBuf;
    use std::process::{Child, Command, Stdio};
    use std::time::Instant;

    use portreeve_openclaw::paths::LockPurpose;

    use super::*;
    use crate::process;

    const HOLD_FILE: &str = "PORTREEVE_TEST_HOLD_FILE";
    const HOLD_KIND: &str = "PORTREEVE_TEST_HOLD_KIND";

    /// Not a test of its own: the child of the tests below, which holds a lock until its input ends.
    #[test]
    #[ignore = "the child of other tests"]
    fn hold_lock_child() {
        let (Ok(path), Ok(kind)) = (std::env::var(HOLD_FILE), std::env::var(HOLD_KIND)) else { return };
        let file = OpenOptions::new().read(true).write(true).open(path).unwrap();
        let lock = libc::flock {
            l_type: narrow(if kind == "write" { libc::F_WRLCK } else { libc::F_RDLCK }).unwrap(),
            l_whence: narrow(libc::SEEK_SET).unwrap(),
            l_start: narrow(ByteRange::SQLITE.first).unwrap(),
            l_len: narrow(ByteRange::SQLITE.length).unwrap(),
            l_pid: 0,
        };
        fcntl(&file, FcntlArg::F_SETLK(&lock)).unwrap();
        println!("held");
        let _ = std::io::stdin().read_line(&mut String::new());
    }

    struct Holder(Child);

    impl Holder {
        fn start(path: &Path, kind: &str) -> Self {
            let mut child = Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "lock::tests::hold_lock_child", "--ignored", "--nocapture"])
                .env(HOLD_FILE, path)
                .env(HOLD_KIND, kind)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            let output = BufReader::new(child.stdout.take().unwrap());
            assert!(output.lines().any(|line| line.unwrap().ends_with("held")), "the child holds no lock");
            Self(child)
        }
    }

    impl Drop for Holder {
        fn drop(&mut self) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }

    fn lock_file() -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("gateway-lifecycle.0.lock.sqlite");
        File::create(&path).unwrap();
        (dir, path)
    }

    #[test]
    fn the_holder_of_an_exclusive_or_shared_lock_is_named() {
        for kind in ["write", "read"] {
            let (_dir, path) = lock_file();
            assert!(holder(&path, ByteRange::SQLITE, Timestamp::UNIX_EPOCH).is_absent());
            let child = Holder::start(&path, kind);
            let asked = holder(&path, ByteRange::SQLITE, Timestamp::UNIX_EPOCH);
            assert_eq!(asked.get(), Some(&child.0.id()), "{kind}: {asked:?}");
            if let Ok(kernel) = fs::read_to_string("/proc/locks") {
                let (pid, inode) = (format!(" {} ", child.0.id()), format!(":{} ", path.metadata().unwrap().ino()));
                let agrees = |line: &str| line.contains("POSIX") && line.contains(&pid) && line.contains(&inode);
                assert!(kernel.lines().any(agrees), "{kernel}");
            }
            assert!(holder(&path, ByteRange::WAL_INDEX, Timestamp::UNIX_EPOCH).is_absent());
            drop(child);
            assert!(holder(&path, ByteRange::SQLITE, Timestamp::UNIX_EPOCH).is_absent());
        }
    }

    #[test]
    fn asking_takes_no_lock() {
        let (_dir, path) = lock_file();
        let begun = Instant::now();
        let asker = std::thread::spawn({
            let path = path.clone();
            move || {
                while begun.elapsed() < Duration::from_millis(300) {
                    assert!(holder(&path, ByteRange::SQLITE, Timestamp::UNIX_EPOCH).get().is_none_or(|pid| *pid > 0));
                }
            }
        });
        // The child's one try to lock would fail if the question ever stood in its way.
        while !asker.is_finished() {
            drop(Holder::start(&path, "write"));
        }
        asker.join().unwrap();
    }

    #[test]
    fn what_is_no_regular_file_is_not_opened() {
        let (dir, path) = lock_file();
        let fifo = dir.path().join("fifo");
        nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let link = dir.path().join("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        for odd in [&fifo, &link, &dir.path().to_path_buf()] {
            assert!(holder(odd, ByteRange::SQLITE, Timestamp::UNIX_EPOCH).blind().is_some(), "{odd:?}");
        }
        assert!(holder(&dir.path().join("none"), ByteRange::SQLITE, Timestamp::UNIX_EPOCH).is_absent());
    }

    #[test]
    fn the_owner_of_a_lock_by_existence_is_checked_against_the_living() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("gateway.state.lock");
        let table = process::table(Timestamp::now());
        let table = table.get().unwrap();
        let own = table.get(std::process::id()).unwrap();
        let lock = paths::LockFile {
            path: path.clone(),
            primitive: LockPrimitive::ExclusiveFile,
            purpose: LockPurpose::GatewayState,
        };
        let observed = || observe(&lock, table, Timestamp::UNIX_EPOCH);
        assert!(observed().owner.is_absent());

        let start = own.start_raw.unwrap();
        let content = format!("{{\"pid\":{},\"port\":7,\"stateDir\":\"/s\",\"startTime\":{start}}}\n\t \t", own.pid);
        fs::write(&path, content).unwrap();
        let seen = observed();
        let owner = seen.owner.get().unwrap();
        assert!(owner.alive && owner.live_start_time == Some(start) && owner.start_time == Some(start));
        assert_eq!((owner.port, owner.state_dir.as_deref()), (Some(7), Some("/s")));
        assert!(seen.held_for_life && seen.exists.get().is_some() && seen.holder_pid.is_absent());

        fs::write(&path, "{\"pid\":4194999}").unwrap();
        let seen = observed();
        assert!(!seen.owner.get().unwrap().alive);
        fs::write(&path, "nonsense").unwrap();
        assert!(observed().owner.blind().is_some());
    }
}
