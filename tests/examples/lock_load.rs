//! Measures `portreeve locks` against waiters that really wait. See `scripts/bench locks`.
//!
//! usage: `lock_load compare PORTREEVE HOLD_MS PERCENT SECONDS` | `lock_load victim PORTREEVE PAIRS` | `lock_load hold FILE HOLD_US GAP_US`
//!
//! `compare` prints one row of a Markdown table. A process holds a lock for about so long and so much of the time; waiters arrive at
//! random, however many wait already, and take the lock with `F_SETLKW`. All lock records of one process, so that a waiter stands in
//! no other's way. Waits that reach beyond the end of the sampler's window are cut there, as the sampler's own are.
//!
//! `victim` prints how many transactions per second a writer of an `SQLite` database makes with and without the sampler, in turns of
//! half a second.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement that cannot be made ends")]
#![expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_possible_wrap,
    reason = "numbers of one run"
)]

use std::fmt::Debug;
use std::fs::{self, File, OpenOptions};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rusqlite::Connection;
use serde_json::Value;

/// The bytes that `SQLite` locks of a database with a rollback journal.
const RANGE: (i64, i64) = (0x4000_0000, 512);
/// Arrivals before and after the sampler's window, in seconds: it takes a while to begin.
const MARGIN: f64 = 3.0;
/// One turn of the victim with or without the sampler.
const TURN: Duration = Duration::from_millis(500);

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["compare", portreeve, hold_ms, percent, seconds] => {
            compare(portreeve, hold_ms.parse().unwrap(), percent.parse().unwrap(), seconds.parse().unwrap());
        }
        ["victim", portreeve, pairs] => victim(portreeve, pairs.parse().unwrap()),
        ["hold", file, hold_us, gap_us] => hold(Path::new(file), hold_us.parse().unwrap(), gap_us.parse().unwrap()),
        _ => {
            println!("usage: lock_load compare PORTREEVE HOLD_MS PERCENT SECONDS | victim PORTREEVE PAIRS");
            std::process::exit(2);
        }
    }
}

/// A state directory with one database, and the home above it.
struct Place {
    _home: tempfile::TempDir,
    home: PathBuf,
    state: PathBuf,
    database: PathBuf,
}

impl Place {
    fn new(journal: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let home = fs::canonicalize(folder.path()).unwrap();
        let state = home.join(".openclaw");
        fs::create_dir_all(state.join("state")).unwrap();
        let database = state.join("state/openclaw.sqlite");
        let connection = Connection::open(&database).unwrap();
        connection.execute_batch(&format!("PRAGMA journal_mode={journal}; CREATE TABLE t (x)")).unwrap();
        Self { _home: folder, home, state, database }
    }

    fn sampler(&self, portreeve: &str, seconds: u64) -> Child {
        let mut command = Command::new(portreeve);
        command.args(["locks", "--json", "--for", &seconds.to_string()]).arg(&self.state);
        command.env_clear().env("HOME", &self.home).env("PATH", "/usr/bin:/bin");
        command.stdout(Stdio::piped()).spawn().unwrap()
    }
}

/// Ends its process when dropped.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64()
}

/// The kinds of locks have other widths on other systems.
fn set<K: TryInto<libc::c_short, Error: Debug>>(file: &File, kind: K) {
    let lock = libc::flock {
        l_type: kind.try_into().unwrap(),
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: RANGE.0,
        l_len: RANGE.1,
        l_pid: 0,
    };
    fcntl(file, FcntlArg::F_SETLKW(&lock)).unwrap();
}

fn open(path: &Path) -> File {
    OpenOptions::new().read(true).write(true).open(path).unwrap()
}

/// Holds and lets go until it is ended. Holds are from half to one and a half of the mean, gaps have no memory.
fn hold(path: &Path, hold_us: f64, gap_us: f64) {
    let file = open(path);
    println!("ready");
    loop {
        thread::sleep(Duration::from_secs_f64(-gap_us * (1.0 - fastrand::f64()).ln() / 1e6));
        set(&file, libc::F_WRLCK);
        thread::sleep(Duration::from_secs_f64(hold_us * (0.5 + fastrand::f64()) / 1e6));
        set(&file, libc::F_UNLCK);
    }
}

/// When each waiter came, and how long it waited, in seconds.
fn waiters(path: &Path, seconds: f64, rate: f64, threads: usize) -> Vec<(f64, f64)> {
    let mut arrivals = Vec::new();
    let mut at = 0.0;
    while at < seconds {
        at += -(1.0 - fastrand::f64()).ln() / rate;
        arrivals.push(at);
    }
    let (arrivals, next) = (Arc::new(arrivals), Arc::new(AtomicUsize::new(0)));
    let file = Arc::new(open(path));
    let begun = Instant::now();
    let wait = move || {
        let mut waits = Vec::new();
        while let Some(arrival) = arrivals.get(next.fetch_add(1, Ordering::Relaxed)) {
            thread::sleep(Duration::from_secs_f64(*arrival).saturating_sub(begun.elapsed()));
            let (came, from) = (now(), Instant::now());
            set(&file, libc::F_WRLCK);
            let waited = from.elapsed().as_secs_f64();
            set(&file, libc::F_UNLCK);
            waits.push((came, waited));
        }
        waits
    };
    let small = || thread::Builder::new().stack_size(64 << 10);
    let threads: Vec<_> = (0..threads).map(|_| small().spawn(wait.clone()).unwrap()).collect();
    threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
}

fn compare(portreeve: &str, hold_ms: f64, percent: f64, seconds: u64) {
    let place = Place::new("delete");
    let gap_ms = hold_ms * (100.0 - percent) / percent;
    let mut holder = Command::new(std::env::current_exe().unwrap());
    holder.arg("hold").arg(&place.database).args([(hold_ms * 1e3).to_string(), (gap_ms * 1e3).to_string()]);
    let mut holder = Ended(holder.stdout(Stdio::piped()).spawn().unwrap());
    BufReader::new(holder.0.stdout.take().unwrap()).lines().next().unwrap().unwrap();

    let sampler = place.sampler(portreeve, seconds);
    // So many as wait at a time in the longest hold, and some more.
    let rate = if hold_ms >= 1_000.0 { 50.0 } else { 400.0 };
    let threads = (rate * hold_ms / 1e3 * 1.6) as usize + 32;
    let waits = waiters(&place.database, seconds as f64 + MARGIN, rate, threads);
    let output = sampler.wait_with_output().unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let lock = report["locks"].as_array().unwrap().iter().find(|lock| lock["kind"] == "rollback-database").unwrap();

    let begun: f64 = report["at"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap().as_duration().as_secs_f64();
    let ended = begun + report["state_dirs"][0]["watched_s"].as_f64().unwrap();
    let within = waits.iter().filter(|(came, _)| (begun..ended).contains(came));
    let mut waits: Vec<f64> = within.map(|(came, waited)| waited.min(ended - came)).collect();
    waits.sort_by(f64::total_cmp);
    let rank = |share: f64| waits[((waits.len() as f64 * share).ceil() as usize).clamp(1, waits.len()) - 1];
    let ours = |name: &str| lock["wait_s"][name].as_f64().unwrap();
    // The 95 % interval of a quantile by order statistics: where the true one lies by these waiters alone.
    let half = |share: f64| 1.96 * (share * (1.0 - share) / waits.len() as f64).sqrt();
    let row = |share: f64, name: &str| {
        let (truth, ours) = (rank(share), ours(name));
        let (low, high) = (rank(share - half(share)), rank((share + half(share)).min(1.0)));
        // What a thread needs to wake up is no wait.
        let floor = 0.000_1;
        let (near, close) = ((ours - truth).abs() <= 0.1 * truth, (ours - truth).abs() <= floor);
        let verdict = match (near, close, 0.9 * low <= ours && ours <= 1.1 * high) {
            (true, ..) => "within 10 %",
            (_, true, _) => "within 0.1 ms",
            (.., true) => "within 10 % of the interval",
            _ => "**off**",
        };
        format!(
            "{} | {}–{} | {} | {:.2} | {verdict}",
            time(truth),
            time(low),
            time(high),
            time(ours),
            if truth > floor { ours / truth } else { 1.0 }
        )
    };
    println!(
        "| {} | {percent:.0} % | {:.1} % | {} | {} | {} | {:.1} % |",
        time(hold_ms / 1e3),
        lock["held_fraction"].as_f64().unwrap() * 100.0,
        waits.len(),
        row(0.95, "p95"),
        row(0.99, "p99"),
        report["state_dirs"][0]["cpu_percent"].as_f64().unwrap(),
    );
}

fn time(seconds: f64) -> String {
    match seconds {
        value if value < 0.000_1 => "0".to_owned(),
        value if value < 0.01 => format!("{:.2} ms", value * 1e3),
        value if value < 1.0 => format!("{:.0} ms", value * 1e3),
        value => format!("{value:.2} s"),
    }
}

fn victim(portreeve: &str, pairs: usize) {
    let place = Place::new("wal");
    let count = Arc::new(AtomicU64::new(0));
    let writes = Arc::clone(&count);
    let database = place.database.clone();
    thread::spawn(move || {
        let connection = Connection::open(database).unwrap();
        connection.execute_batch("PRAGMA synchronous=OFF").unwrap();
        let mut insert = connection.prepare("INSERT INTO t VALUES (1)").unwrap();
        loop {
            insert.execute([]).unwrap();
            writes.fetch_add(1, Ordering::Relaxed);
        }
    });
    let seconds = 10 + 2 * pairs as u64;
    let sampler = Ended(place.sampler(portreeve, seconds));
    let pid = Pid::from_raw(sampler.0.id() as i32);
    // It looks at the whole node once when it begins.
    thread::sleep(Duration::from_secs(6));
    let turn = || {
        let (before, begun) = (count.load(Ordering::Relaxed), Instant::now());
        thread::sleep(TURN);
        (count.load(Ordering::Relaxed) - before) as f64 / begun.elapsed().as_secs_f64()
    };
    let (mut ratios, mut rates) = (Vec::new(), Vec::new());
    for pair in 0..pairs {
        let with = || {
            kill(pid, Signal::SIGCONT).unwrap();
            turn()
        };
        let without = || {
            kill(pid, Signal::SIGSTOP).unwrap();
            turn()
        };
        // Each comes first as often as the other.
        let (with, without) = if pair % 2 == 0 {
            let with = with();
            (with, without())
        } else {
            let without = without();
            (with(), without)
        };
        ratios.push((with / without).ln());
        rates.push((with, without));
    }
    kill(pid, Signal::SIGCONT).unwrap();
    let n = ratios.len() as f64;
    let mean = ratios.iter().sum::<f64>() / n;
    let deviation = (ratios.iter().map(|ratio| (ratio - mean).powi(2)).sum::<f64>() / (n - 1.0)).sqrt();
    let half = 1.96 * deviation / n.sqrt();
    let rate = |side: fn(&(f64, f64)) -> f64| rates.iter().map(side).sum::<f64>() / n;
    println!("| pairs of {} ms | with the sampler | without | change | at 95 % |", TURN.as_millis());
    println!("|--:|--:|--:|--:|--:|");
    println!(
        "| {pairs} | {:.0}/s | {:.0}/s | {:+.2} % | {:+.2} to {:+.2} % |",
        rate(|pair| pair.0),
        rate(|pair| pair.1),
        (mean.exp() - 1.0) * 100.0,
        ((mean - half).exp() - 1.0) * 100.0,
        ((mean + half).exp() - 1.0) * 100.0,
    );
}
