//! Whether logs are read as they are written.

use std::fs::{self, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use portreeve_tests::{Builder, OpenClaw, Portreeve, connect_with, wait_until};
use serde_json::Value;

use crate::{CONFIG_TOKEN, OTHER_TOKEN};

/// How long a line may take from its writer to its reader.
const PATIENCE: Duration = Duration::from_secs(20);

#[test]
fn a_start_and_a_wrong_token_stand_in_the_timeline_and_in_the_counts() {
    let Some(openclaw) = OpenClaw::find() else { return };
    let mut gateway = Builder::new(&openclaw).token(CONFIG_TOKEN).build();
    gateway.start_until_ready();
    for _ in 0..4 {
        connect_with(gateway.port(), OTHER_TOKEN);
    }
    gateway.wait_until_said("reason=token_mismatch", 4);
    let portreeve = gateway.portreeve();

    let output = portreeve.run(&["logs", "--timeline", "--json", "--no-containers"]);
    let entries: Vec<Value> =
        output.stdout.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect();
    // Without the end, which sorts behind a further digit.
    let times: Vec<&str> =
        entries.iter().filter_map(|entry| entry["at"].as_str()).map(|at| at.trim_end_matches('Z')).collect();
    assert!(times.is_sorted(), "{times:?}");
    let port = u64::from(gateway.port());
    let of = |kind: &str| entries.iter().filter(|entry| entry["kind"] == kind).count();
    assert!(of("loading-configuration") >= 1 && of("ready") >= 1, "{entries:?}");
    let mismatches = entries.iter().filter(|entry| {
        entry["kind"] == "unauthorized"
            && entry["port"] == port
            && entry["text"].as_str().unwrap().contains("token_mismatch")
    });
    assert_eq!(mismatches.count(), 4, "{entries:?}");
    assert!(!String::from_utf8_lossy(&output.stdout).contains(OTHER_TOKEN));

    let report: Value = serde_json::from_slice(&portreeve.run(&["logs", "--json", "--no-containers"]).stdout).unwrap();
    assert_eq!(report["schema"], "portreeve.logs/1", "{report}");
    assert!(report["token_mismatches"]["most"].as_u64() >= Some(4), "{report}");
    assert!(report["starts"]["ready_ms"]["max"].as_f64() > Some(0.0), "{report}");

    let checked = portreeve.check();
    assert_eq!(checked.findings("token.storm").len(), 1, "{checked}");
}

/// `portreeve logs --follow` on a file, and the numbers of the lines that it tells.
struct Reader {
    child: Child,
    numbers: Receiver<u64>,
}

impl Reader {
    fn new(home: &Path, log: &Path) -> Self {
        let mut command = Portreeve::new(home).command();
        command.args(["logs", "--timeline", "--follow", "--json"]).arg(log);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (send, numbers) = mpsc::channel();
        thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let entry: Value = serde_json::from_str(&line).unwrap();
                let number = entry["text"].as_str().unwrap().rsplit(' ').next().unwrap().parse().unwrap();
                if send.send(number).is_err() {
                    break;
                }
            }
        });
        Self { child, numbers }
    }

    fn until(&self, last: u64) -> Vec<u64> {
        let mut numbers = Vec::new();
        while numbers.last() != Some(&last) {
            let number = self.numbers.recv_timeout(PATIENCE);
            assert!(number.is_ok(), "{last} after {numbers:?}");
            numbers.extend(number);
        }
        numbers
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn line(number: u64) -> String {
    let seconds = number / 1_000;
    let time = format!(
        "2026-11-21T{:02}:{:02}:{:02}.{:03}Z",
        seconds / 3_600,
        seconds / 60 % 60,
        seconds % 60,
        number % 1_000
    );
    format!("{time} [ws] unauthorized conn={number} remote=127.0.0.1 reason=token_mismatch guidance=line {number}\n")
}

/// Writes numbered lines, each now and then torn in two, and rotates the log while it is read.
fn write(log: &Path, lines: u64, rotate: fn(&Path)) {
    for number in 1..=lines {
        let mut file = OpenOptions::new().create(true).append(true).open(log).unwrap();
        let text = line(number);
        let (first, rest) = text.split_at(if number % 7 == 0 { 40 } else { text.len() });
        file.write_all(first.as_bytes()).unwrap();
        file.write_all(rest.as_bytes()).unwrap();
        if number % 400 == 0 {
            rotate(log);
        }
    }
}

fn numbered(log: &Path, number: u32) -> std::path::PathBuf {
    log.with_extension(format!("log.{number}"))
}

fn shift(log: &Path) {
    for number in (1..40).rev() {
        // Those that are not there yet are not moved.
        let _ = fs::rename(numbered(log, number), numbered(log, number + 1));
    }
}

fn by_rename(log: &Path) {
    shift(log);
    fs::rename(log, numbered(log, 1)).unwrap();
}

fn by_copy(log: &Path) {
    shift(log);
    fs::copy(log, numbered(log, 1)).unwrap();
    OpenOptions::new().write(true).truncate(true).open(log).unwrap();
}

fn nothing_is_lost_and_nothing_doubled(rotate: fn(&Path)) {
    const LINES: u64 = 4_000;
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("gateway.log");
    fs::write(&log, line(0)).unwrap();
    let reader = Reader::new(folder.path(), &log);
    assert_eq!(reader.until(0), [0]);
    write(&log, LINES, rotate);
    let mut numbers = reader.until(LINES);
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=LINES).collect::<Vec<_>>());
}

#[test]
fn a_log_that_is_renamed_while_it_is_read_loses_and_doubles_nothing() {
    nothing_is_lost_and_nothing_doubled(by_rename);
}

#[test]
fn a_log_that_is_copied_and_cut_while_it_is_read_loses_and_doubles_nothing() {
    nothing_is_lost_and_nothing_doubled(by_copy);
}

#[test]
fn a_follower_ends_at_once_at_a_signal() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("gateway.log");
    fs::write(&log, line(1)).unwrap();
    let mut reader = Reader::new(folder.path(), &log);
    // Nothing is left to give up once the first line is told.
    reader.until(1);
    let asked = Instant::now();
    kill(Pid::from_raw(reader.child.id().cast_signed()), Signal::SIGINT).unwrap();
    let status = reader.child.wait().unwrap();
    assert_eq!(status.code(), Some(130), "{status}");
    assert!(asked.elapsed() < Duration::from_secs(2), "{:?}", asked.elapsed());
}

#[test]
fn a_follower_ends_where_its_reader_does() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("gateway.log");
    fs::write(&log, line(1)).unwrap();
    let mut command = Portreeve::new(folder.path()).command();
    let mut child = command.args(["logs", "--timeline", "--follow"]).arg(&log).stdout(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let status = wait_until("the end of a follower that nobody reads", PATIENCE, || {
        let mut file = OpenOptions::new().append(true).open(&log).unwrap();
        file.write_all(line(2).as_bytes()).unwrap();
        child.try_wait().unwrap()
    });
    assert!(status.code().is_some(), "{status}");
}
