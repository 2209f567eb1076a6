//! All faults of a folder, each in a process of its own.
//!
//! A fault's process has its own processes, ports, mounts and `/tmp` where the system lets it: what it leaves goes with it, and nothing
//! else of the machine is seen from there.

use std::env;
use std::fs::{self, File};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::fault::Fault;
use super::kept::Keep;
use super::play::{ALONE, Played, milliseconds, wants_to_be_alone};
use super::score::Judgement;
use crate::{Guard, is_root};

/// What setting up and asking may take together. A start may have to wait for others, and the peers take a minute and a half each.
const LIMIT: Duration = Duration::from_mins(20);
const LOOK: Duration = Duration::from_millis(20);
/// How much of what a process said before it failed is shown.
const LAST_LINES: usize = 12;

/// Runs the words after the first in a `/tmp` that is the first, where there is one, with the loopback up.
const SCRIPT: &str = "{ [ -z \"$1\" ] || mount --bind \"$1\" /tmp; } && { [ ! -d /run/netns ] || mount -t tmpfs tmpfs /run/netns; } && \
                      ip link set lo up || exit 125\nshift\n\"$@\"\nexit $?\n";

/// How a book is read.
#[derive(Debug, Clone)]
pub struct Reading {
    /// How many faults are set up at once.
    pub jobs: usize,
    /// Whether `OpenClaw`'s own tools are asked too.
    pub peers: bool,
    /// Where outcomes are kept. A fault of which one is kept is not set up again.
    pub keep: Option<Keep>,
}

/// What came of one fault.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub struct Outcome {
    /// Its place in the list.
    #[serde(skip)]
    pub index: usize,
    /// What was said.
    #[serde(flatten)]
    pub played: Played,
    /// How good that is; none where nothing was asked.
    pub judgement: Option<Judgement>,
    /// Wall time of everything, in milliseconds.
    pub total_ms: u64,
    /// When it was asked.
    pub at: Timestamp,
}

impl Outcome {
    /// Judges what came of a fault.
    pub fn new(index: usize, fault: &Fault, played: Played, total_ms: u64, at: Timestamp) -> Self {
        let judgement = match &played {
            Played::Asked { answer, .. } => Some(answer.judge(fault)),
            _ => None,
        };
        Self { index, played, judgement, total_ms, at }
    }
}

/// Sets up each fault and asks; tells of each in the order of the list as soon as it can.
pub fn read(faults: &[Fault], reading: &Reading, mut tell: impl FnMut(&Fault, &Outcome)) -> Vec<Outcome> {
    let next = AtomicUsize::new(0);
    let (send, outcomes) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..reading.jobs.max(1) {
            let (next, send) = (&next, send.clone());
            scope.spawn(move || {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(fault) = faults.get(index) else { break };
                    let keep = reading.keep.as_ref();
                    let kept = keep.and_then(|keep| keep.outcome(index, fault, reading.peers));
                    let outcome = kept.unwrap_or_else(|| {
                        let outcome = outcome(index, fault, reading.peers);
                        keep.inspect(|keep| keep.store(fault, &outcome));
                        outcome
                    });
                    if send.send(outcome).is_err() {
                        break;
                    }
                }
            });
        }
        drop(send);
        let mut waiting: Vec<Outcome> = Vec::new();
        let mut told: Vec<Outcome> = Vec::new();
        for outcome in outcomes {
            waiting.push(outcome);
            while let Some(place) = waiting.iter().position(|outcome| outcome.index == told.len()) {
                let outcome = waiting.swap_remove(place);
                tell(&faults[outcome.index], &outcome);
                told.push(outcome);
            }
        }
        told
    })
}

fn outcome(index: usize, fault: &Fault, peers: bool) -> Outcome {
    let (at, start) = (Timestamp::now(), Instant::now());
    let played = play_apart(fault, peers);
    Outcome::new(index, fault, played, milliseconds(start), at)
}

fn play_apart(fault: &Fault, peers: bool) -> Played {
    let folder = tempfile::Builder::new().prefix("portreeve-faultbook-").tempdir().unwrap();
    let [answer, said, own] = ["answer.json", "said", "tmp"].map(|name| folder.path().join(name));
    fs::create_dir(&own).unwrap();
    let mut command = alone(fault, &own);
    command.arg("--play").arg(fs::canonicalize(&fault.path).unwrap());
    if !peers {
        command.arg("--no-peers");
    }
    // What failed is said in its message; where in this program it was noticed is of no use.
    command.env("RUST_BACKTRACE", "0");
    let [stdout, stderr] = [&answer, &said].map(|path| File::create(path).unwrap());
    command.stdin(Stdio::null()).stdout(stdout).stderr(stderr).process_group(0);
    let mut child = command.spawn().unwrap();
    let guard = Guard::new(&child, Some(folder.path()));
    let deadline = Instant::now() + LIMIT;
    let status = loop {
        match child.try_wait().unwrap() {
            Some(status) => break Some(status),
            None if Instant::now() > deadline => break None,
            None => thread::sleep(LOOK),
        }
    };
    drop(guard);
    // A zombie would keep its children's mounts alive.
    drop(child.wait());
    match status {
        None => Played::Broken { why: format!("not done after {} s", LIMIT.as_secs()) },
        Some(status) => {
            read_answer(&answer).unwrap_or_else(|| Played::Broken { why: format!("{status}: {}", last_lines(&said)) })
        }
    }
}

fn read_answer(file: &Path) -> Option<Played> {
    serde_json::from_slice(&fs::read(file).ok()?).ok()
}

/// This program, with namespaces of its own where that can be.
fn alone(fault: &Fault, own: &Path) -> Command {
    let program = env::current_exe().unwrap();
    if !wants_to_be_alone(fault) || !is_root() || !Path::new("/usr/bin/unshare").is_file() {
        let mut command = Command::new(program);
        command.env("TMPDIR", own);
        return command;
    }
    let mut command = Command::new("/usr/bin/unshare");
    command.args(["--mount", "--propagation", "private", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]);
    command.args(["sh", "-c", SCRIPT, "sh"]).env(ALONE, "1");
    // What is in the machine's own could not be run from another.
    let needed = ["PORTREEVE_BIN", "PORTREEVE_OPENCLAW"].iter().filter_map(env::var_os).map(PathBuf::from);
    if needed.chain([program.clone(), fault.path.clone()]).any(|path| path.starts_with("/tmp")) {
        command.arg("").env("TMPDIR", own);
    } else {
        command.arg(own).env_remove("TMPDIR");
    }
    command.arg(program);
    command
}

fn last_lines(file: &Path) -> String {
    let bytes = fs::read(file).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(LAST_LINES)..].join("\n")
}

/// The folder of faults that belongs to this checkout.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("faultbook")
}
