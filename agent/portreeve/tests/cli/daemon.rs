//! `run` and `status`.

use std::fs;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use serde_json::Value;

use crate::bench::{Bench, Run};

/// A machine with other things to do is slow, and never so slow.
const LIMIT: Duration = Duration::from_mins(1);
/// How often the daemon is killed; set it for more.
const KILLS: &str = "PORTREEVE_TEST_KILLS";

struct Daemon(Child);

impl Daemon {
    fn start(bench: &Bench) -> Self {
        let log = fs::File::options().create(true).append(true).open(bench.path("log")).unwrap();
        let mut command = daemon(bench, "run");
        // As systemd sets it where standard error is the journal.
        command.env("JOURNAL_STREAM", "8:1");
        Self(command.stdin(Stdio::null()).stderr(log).process_group(0).spawn().unwrap())
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(self.0.id().cast_signed())
    }

    fn wait(&mut self) -> Option<i32> {
        let until = Instant::now() + LIMIT;
        loop {
            if let Some(status) = self.0.try_wait().unwrap() {
                return status.code();
            }
            assert!(Instant::now() < until, "the daemon does not end");
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // Already gone where the test came to its end.
        let _ = killpg(self.pid(), Signal::SIGKILL);
        let _ = self.0.wait();
    }
}

fn daemon(bench: &Bench, command: &str) -> Command {
    fs::create_dir_all(bench.path("home")).unwrap();
    let mut command = bench.command(&[command]);
    command.env("PORTREEVE_HOMES", bench.path("home")).env("PORTREEVE_STATUS_FILE", bench.path("public/status.json"));
    for lane in ["GLANCE_S", "FAST_S", "SLOW_S", "LOCKS_S", "LOCK_WINDOW_S"] {
        command.env(format!("PORTREEVE_DAEMON_{lane}"), "1");
    }
    command
}

fn status(bench: &Bench) -> (Run, Value) {
    // The configuration is that of the daemon, which may be broken.
    let run = bench.tell(daemon(bench, "status").arg(bench.path("public/status.json")).arg("--json").output().unwrap());
    let status = serde_json::from_str(&run.stdout).unwrap_or_default();
    (run, status)
}

fn wait_for(bench: &Bench, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    let until = Instant::now() + LIMIT;
    loop {
        let (run, status) = status(bench);
        if is_so(&status) {
            return status;
        }
        let log = fs::read_to_string(bench.path("log")).unwrap();
        assert!(Instant::now() < until, "{what}: not in time\n{run}\n{log}");
        thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn the_last_verdict_is_read_by_anybody_and_follows_its_schema() {
    let bench = Bench::new();
    let (run, _) = status(&bench);
    assert_eq!(run.status, 75, "{run}");
    assert!(run.stderr.contains("no daemon has left its verdict"), "{run}");

    let mut daemon = Daemon::start(&bench);
    let known = wait_for(&bench, "a verdict", |status| status["judged_at"].is_string());
    assert_eq!((known["verdict"].as_str(), known["stale"].is_null()), (Some("unknown"), true), "{known}");
    let mut schemas = boon::Schemas::new();
    let mut compiler = boon::Compiler::new();
    let schema: Value = serde_json::from_str(&bench.run(&["schema", "--status"]).stdout).unwrap();
    compiler.add_resource("status.json", schema).unwrap();
    let schema = compiler.compile("status.json", &mut schemas).unwrap();
    assert!(schemas.validate(&known, schema).is_ok(), "{known}");

    let second = bench.tell(self::daemon(&bench, "run").output().unwrap());
    assert_eq!(second.status, 1, "{second}");
    assert!(second.stderr.contains(&format!("held by process {}", daemon.0.id())), "{second}");

    if cfg!(target_os = "linux") {
        let log = fs::read_to_string(bench.path("log")).unwrap();
        assert!(
            log.starts_with("<6>the daemon has begun") && log.contains("<4>the node's readiness is unknown"),
            "{log}"
        );
    }

    bench.file("portreeve.toml", "[daemon]\nfast = 3\n");
    kill(daemon.pid(), Signal::SIGHUP).unwrap();
    wait_for(&bench, "a refusal", |status| {
        status["problems"].to_string().contains("there is no setting `daemon.fast`")
    });
    bench.file("portreeve.toml", "timeout_s = 14\n");
    kill(daemon.pid(), Signal::SIGHUP).unwrap();
    wait_for(&bench, "an acceptance", |status| status["problems"].as_array().is_some_and(Vec::is_empty));

    let asked = Instant::now();
    kill(daemon.pid(), Signal::SIGTERM).unwrap();
    assert_eq!(daemon.wait(), Some(0));
    assert!(asked.elapsed() < Duration::from_secs(2), "{:?}", asked.elapsed());
    let (run, status) = status(&bench);
    assert_eq!(run.status, 75, "{run}");
    assert!(status["stale"].as_str().is_some_and(|why| why.contains("does not run any more")), "{run}");
}

#[test]
fn a_document_of_somebody_else_or_of_another_form_is_no_verdict() {
    let bench = Bench::new();
    for text in ["{\"schema\":\"portreeve.status/1\"}", "{", ""] {
        let file = bench.file("status.json", text);
        let run = bench.run(&["status", file.to_str().unwrap()]);
        assert_eq!((run.status, run.stdout.as_str()), (75, ""), "{run}");
        assert!(run.stderr.contains("is not what a daemon of this version writes"), "{run}");
    }
}

#[test]
fn whenever_it_is_killed_its_state_opens() {
    let bench = Bench::new();
    let kills: u32 = std::env::var(KILLS).ok().and_then(|text| text.parse().ok()).unwrap_or(25);
    let mut spells = 0;
    for round in 0..kills {
        let mut daemon = Daemon::start(&bench);
        // Another moment each time, also within the first writes.
        let moment = u64::from(round.wrapping_mul(2_654_435_761) >> 16) % 400;
        thread::sleep(Duration::from_millis(moment));
        kill(daemon.pid(), Signal::SIGKILL).unwrap();
        daemon.wait();
        spells = opened(&bench, spells);
    }
    let mut daemon = Daemon::start(&bench);
    wait_for(&bench, "a verdict", |status| status["judged_at"].is_string() && status["stale"].is_null());
    kill(daemon.pid(), Signal::SIGTERM).unwrap();
    assert_eq!(daemon.wait(), Some(0));
    let log = fs::read_to_string(bench.path("log")).unwrap();
    for word in ["damaged", "no known form", "cannot be trusted", "panicked"] {
        assert!(!log.contains(word), "{log}");
    }
}

/// Each file is whole, and the history has lost nothing. Gives how many spells it has.
fn opened(bench: &Bench, before: usize) -> usize {
    let mut spells = before;
    for name in ["data/history.json", "data/report.json", "data/snapshot.json", "data/locks.json", "public/status.json"]
    {
        // The first kills come before the first writes.
        let Ok(bytes) = fs::read(bench.path(name)) else { continue };
        let value: Value = serde_json::from_slice(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        if name == "data/history.json" {
            let now = value["spells"].as_array().unwrap().len();
            assert!(now >= before, "{now} spells of {before}");
            spells = now;
        }
    }
    assert!(bench.path("data/history.json").exists() || before == 0);
    spells
}
