//! Whether locks are watched as they are held.

#![expect(clippy::print_stdout, reason = "a child answers its parent so")]

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use portreeve_tests::{Builder, OpenClaw, Portreeve, Running};
use rusqlite::Connection;
use serde_json::Value;

use crate::CONFIG_TOKEN;
use crate::shared::alike;

const DATABASE: &str = "PORTREEVE_TEST_DATABASE";

/// Not a test of its own: holds the writer's lock of a database in mid-transaction until its input ends.
#[test]
#[ignore = "the child of another test"]
fn hold_writer_child() {
    let Ok(path) = std::env::var(DATABASE) else { return };
    let database = Connection::open(path).unwrap();
    database.execute_batch("BEGIN IMMEDIATE; CREATE TABLE portreeve_test (x)").unwrap();
    println!("held");
    let _ = std::io::stdin().read_line(&mut String::new());
}

fn locks(portreeve: &Portreeve, state: &Path, seconds: &str) -> (Value, i32) {
    let arguments = ["locks", "--json", "--for", seconds, state.to_str().unwrap()];
    let output = portreeve.command().args(arguments).output().unwrap();
    assert!(!output.stdout.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    (serde_json::from_slice(&output.stdout).unwrap(), output.status.code().unwrap())
}

fn lock<'a>(report: &'a Value, path: &str) -> &'a Value {
    let all = report["locks"].as_array().unwrap();
    let found = all.iter().find(|lock| lock["path"].as_str().unwrap().contains(path));
    assert!(found.is_some(), "no lock `{path}`: {report}");
    found.unwrap()
}

#[test]
fn a_gateway_at_work_holds_what_it_is_meant_to_and_keeps_nobody_waiting() {
    let Some(gateway) = alike() else { return };
    let (report, status) = locks(&gateway.portreeve(), gateway.state(), "6");
    assert_eq!((report["verdict"].as_str(), status), (Some("ready"), 0), "{report}");
    for name in ["gateway-lifecycle.", "gateway.state.lock.sqlite", "gateway.state.lock"] {
        let lock = lock(&report, name);
        assert_eq!((&lock["meant_for_life"], &lock["wait_s"]), (&Value::Bool(true), &Value::Null), "{lock}");
        assert_eq!(lock["holder"]["pid"], gateway.pid(), "{lock}");
    }
    let database = lock(&report, "state/openclaw.sqlite");
    assert_eq!((&database["kind"], &database["meant_for_life"]), (&"wal-writer".into(), &false.into()), "{database}");
    assert!(database["samples"].as_u64().unwrap() >= 100, "{database}");
    assert!(report["state_dirs"][0]["cpu_percent"].as_f64().unwrap() < 5.0, "{report}");
}

#[test]
fn a_holder_stopped_in_mid_transaction_shows_within_three_seconds() {
    let Some(openclaw) = OpenClaw::find() else { return };
    let mut gateway = Builder::new(&openclaw).token(CONFIG_TOKEN).build();
    gateway.start_until_ready();
    gateway.stop();
    let database = gateway.state().join("state/openclaw.sqlite");
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "locks::hold_writer_child", "--ignored", "--nocapture"]).env(DATABASE, &database);
    let mut holding = Running::start(command.stdin(Stdio::piped()).stdout(Stdio::piped()), None);
    let output = BufReader::new(holding.child.stdout.take().unwrap());
    assert!(output.lines().any(|line| line.unwrap().ends_with("held")), "the child holds no lock");
    holding.signal(Signal::SIGSTOP);

    let begun = Instant::now();
    let (report, _) = locks(&gateway.portreeve(), gateway.state(), "2");
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    let holder = &lock(&report, "state/openclaw.sqlite")["holder"];
    assert_eq!((&holder["pid"], &holder["running"]), (&holding.pid().into(), &true.into()), "{report}");
    let program = std::env::current_exe().unwrap();
    assert_eq!(holder["program"], *program.file_name().unwrap().to_str().unwrap(), "{report}");

    let (report, status) = locks(&gateway.portreeve(), gateway.state(), "4");
    assert_eq!((report["verdict"].as_str(), status), (Some("blocked"), 78), "{report}");
}
