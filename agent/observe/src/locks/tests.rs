#![expect(clippy::print_stdout, reason = "a child answers its parent so")]

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use portreeve_core::snapshot::{LockKind, WatchedLock};
use rusqlite::Connection;

use super::*;

const DATABASE: &str = "PORTREEVE_TEST_DATABASE";
/// How long each transaction and each pause of the child is.
const HOLD: Duration = Duration::from_millis(30);
const LIMIT: Duration = Duration::from_secs(30);

/// Not a test of its own: the child of the tests below, which writes to a database in long transactions until its input ends.
#[test]
#[ignore = "the child of other tests"]
fn write_database_child() {
    let Ok(path) = std::env::var(DATABASE) else { return };
    let database = Connection::open(path).unwrap();
    println!("open");
    thread::spawn(|| {
        let _ = std::io::stdin().read_line(&mut String::new());
        std::process::exit(0);
    });
    loop {
        database.execute_batch("BEGIN IMMEDIATE; INSERT INTO t VALUES (1)").unwrap();
        thread::sleep(HOLD);
        database.execute_batch("COMMIT").unwrap();
        thread::sleep(HOLD);
    }
}

struct Writer(Child);

impl Writer {
    fn start(database: &Path) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "locks::tests::write_database_child", "--ignored", "--nocapture"])
            .env(DATABASE, database)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        assert!(output.lines().any(|line| line.unwrap().ends_with("open")), "the child did not begin");
        Self(child)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn place(journal: &str) -> (tempfile::TempDir, Place) {
    let dir = tempfile::tempdir().unwrap();
    let path = fs::canonicalize(dir.path()).unwrap();
    fs::create_dir(path.join("state")).unwrap();
    let database = Connection::open(path.join("state/openclaw.sqlite")).unwrap();
    database.execute_batch(&format!("PRAGMA journal_mode={journal}; CREATE TABLE t (x)")).unwrap();
    let config_path = path.join("openclaw.json");
    let place = Place::new(path, config_path, [nix::unistd::geteuid().as_raw()]);
    (dir, place)
}

/// What is known of the lock with this purpose, as soon as it is as wanted.
fn wait_for(watch: &LockWatch, purpose: &str, wanted: impl Fn(&WatchedLock) -> bool) -> WatchedLock {
    let until = Instant::now() + LIMIT;
    loop {
        let read = watch.read().remove(0);
        if let Some(lock) = read.locks.iter().find(|lock| lock.purpose == purpose && wanted(lock)) {
            return lock.clone();
        }
        assert!(Instant::now() < until, "{purpose} is not as wanted: {:?}", read.locks);
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_writer_is_named_and_its_holds_are_measured() {
    for (journal, kind) in [("wal", LockKind::WalWriter), ("delete", LockKind::RollbackDatabase)] {
        let (_dir, place) = place(journal);
        let writer = Writer::start(&place.path.join("state/openclaw.sqlite"));
        let watch = LockWatch::start(vec![place], &[]);
        let lock = wait_for(&watch, "database", |lock| lock.waits.get().is_some_and(|waits| waits.holds >= 20));
        let waits = lock.waits.get().unwrap();
        assert_eq!(lock.kind, kind);
        let held = waits.held_fraction().unwrap();
        assert!((0.2..0.9).contains(&held), "{journal}: held {held}");
        let longest = waits.longest.as_ref().unwrap();
        assert_eq!(longest.pid, Some(writer.0.id()), "{journal}");
        assert!(longest.program.is_some() && longest.seconds >= HOLD.as_secs_f64() * 0.9, "{journal}: {longest:?}");
        assert!(waits.quantile_s(0.95).unwrap() >= HOLD.as_secs_f64() * 0.5, "{journal}: {waits:?}");
    }
}

#[test]
fn a_database_is_asked_about_as_it_comes_to_be_written() {
    let dir = tempfile::tempdir().unwrap();
    let path = fs::canonicalize(dir.path()).unwrap();
    fs::create_dir(path.join("state")).unwrap();
    let file = path.join("state/openclaw.sqlite");
    fs::write(&file, b"").unwrap();
    let watch = LockWatch::start(vec![Place::new(path.clone(), path.join("openclaw.json"), [0])], &[]);
    thread::sleep(Duration::from_millis(100));
    assert!(watch.read()[0].locks.iter().all(|lock| lock.purpose != "database"), "{:?}", watch.read());
    let database = Connection::open(&file).unwrap();
    database.execute_batch("CREATE TABLE t (x)").unwrap();
    wait_for(&watch, "database", |lock| lock.kind == LockKind::RollbackDatabase);
    database.execute_batch("PRAGMA journal_mode=wal").unwrap();
    wait_for(&watch, "database", |lock| lock.kind == LockKind::WalWriter);
}

#[test]
fn a_writer_that_went_leaves_its_lock_free() {
    let (_dir, place) = place("wal");
    let writer = Writer::start(&place.path.join("state/openclaw.sqlite"));
    let watch = LockWatch::start(vec![place], &[]);
    wait_for(&watch, "database", |lock| lock.waits.get().is_some_and(|waits| waits.running.is_some()));
    drop(writer);
    wait_for(&watch, "database", |lock| lock.waits.get().is_some_and(|waits| waits.running.is_none()));
}

#[test]
fn a_lock_file_is_held_while_it_is_there_and_its_owner_lives() {
    let (_dir, place) = place("wal");
    let sessions = place.path.join("agents/main/sessions");
    fs::create_dir_all(&sessions).unwrap();
    let lock = sessions.join("a.jsonl.lock");
    let owned_by = |pid: u32| fs::write(&lock, format!("{{\"pid\":{pid},\"starttime\":1}}")).unwrap();
    let watch = LockWatch::start(vec![place], &[]);
    let holder = |lock: &WatchedLock| lock.waits.get().and_then(|waits| waits.running.as_ref()?.pid);
    owned_by(std::process::id());
    let seen = wait_for(&watch, "session", |lock| holder(lock) == Some(std::process::id()));
    assert_eq!((seen.kind, seen.held_for_life), (LockKind::ExclusiveFile, false));
    owned_by(4_194_999);
    wait_for(&watch, "session", |lock| holder(lock).is_none());
    owned_by(std::process::id());
    wait_for(&watch, "session", |lock| holder(lock).is_some());
    fs::remove_file(&lock).unwrap();
    wait_for(&watch, "session", |lock| holder(lock).is_none());
}

#[test]
fn what_is_no_regular_file_is_neither_opened_nor_followed() {
    let (dir, place) = place("wal");
    let agent = place.path.join("agents/a/agent");
    fs::create_dir_all(&agent).unwrap();
    nix::unistd::mkfifo(&agent.join("openclaw-agent.sqlite"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    std::os::unix::fs::symlink(dir.path().join("state/openclaw.sqlite"), place.path.join("openclaw.json.lock"))
        .unwrap();
    let watch = LockWatch::start(vec![place], &[]);
    let fifo = wait_for(&watch, "database", |lock| lock.path.contains("agents/a"));
    assert!(fifo.waits.blind().is_some());
    assert!(!watch.read()[0].locks.iter().any(|lock| lock.purpose == "config"));
}

#[test]
fn looking_at_free_locks_costs_little() {
    let (_dir, place) = place("wal");
    let watch = LockWatch::start(vec![place], &[]);
    wait_for(&watch, "database", |lock| lock.waits.get().is_some_and(|waits| waits.samples >= 100));
    let cost = watch.read()[0].cpu_percent.unwrap();
    // The bar is 0.3 with optimisation.
    assert!(cost < 3.0, "{cost} % of a core");
}
