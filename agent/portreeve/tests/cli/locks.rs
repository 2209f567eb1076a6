//! `locks`.

use std::fs;

use serde_json::Value;

use crate::bench::Bench;

/// A state directory in which a lock file of an older release names this process.
fn locked() -> (Bench, String) {
    let bench = Bench::new();
    let sessions = bench.path(".openclaw/agents/main/sessions");
    fs::create_dir_all(&sessions).unwrap();
    fs::create_dir_all(bench.path("data")).unwrap();
    fs::write(sessions.join("a.jsonl.lock"), format!("{{\"pid\":{}}}", std::process::id())).unwrap();
    let state = bench.path(".openclaw").to_str().unwrap().to_owned();
    (bench, state)
}

#[test]
fn a_lock_that_is_held_throughout_blocks_and_names_its_holder() {
    let (bench, state) = locked();
    let run = bench.run(&["locks", &state, "--for", "3"]);
    assert_eq!(run.status, 78, "{run}");
    let holder = format!("(pid {})", std::process::id());
    for words in ["BLOCKED  95 of 100 newcomers", "session [DIR]/.openclaw", "100.0 % of the time", &holder, "now"] {
        assert!(run.stdout.contains(words), "{words}: {run}");
    }
}

#[test]
fn the_threshold_is_what_is_typed() {
    let (bench, state) = locked();
    let run = bench.run(&["locks", &state, "--for", "2", "--threshold", "0.5"]);
    assert_eq!(run.status, 78, "{run}");
    assert!(run.stdout.contains("0.5 s are the limit"), "{run}");
}

#[test]
fn a_short_look_at_free_locks_is_not_enough() {
    let (bench, state) = locked();
    fs::remove_file(bench.path(".openclaw/agents/main/sessions/a.jsonl.lock")).unwrap();
    let run = bench.run(&["locks", &state, "--for", "1"]);
    assert_eq!(run.status, 75, "{run}");
}

#[test]
fn the_report_follows_its_schema() {
    let (bench, state) = locked();
    let run = bench.run(&["locks", &state, "--for", "1", "--json"]);
    let schema: Value = serde_json::from_str(&bench.run(&["schema", "--locks"]).stdout).unwrap();
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    let mut schemas = boon::Schemas::new();
    let mut compiler = boon::Compiler::new();
    compiler.add_resource("locks.json", schema).unwrap();
    let schema = compiler.compile("locks.json", &mut schemas).unwrap();
    assert!(schemas.validate(&report, schema).is_ok(), "{run}");
    assert_eq!(report["locks"][0]["holder"]["pid"], std::process::id(), "{run}");
}

#[test]
fn what_is_watched_goes_on_line_by_line() {
    let (bench, state) = locked();
    let run = bench.run(&["locks", &state, "--for", "2", "--watch"]);
    assert!(run.stdout.lines().count() >= 2, "{run}");
    assert!(run.stdout.lines().all(|line| line.starts_with("session [DIR]/.openclaw")), "{run}");
}

#[test]
fn what_is_no_state_directory_is_refused() {
    let bench = Bench::new();
    let run = bench.run(&["locks", "/nowhere"]);
    assert_eq!(run.status, 2, "{run}");
    assert!(run.stderr.contains("`/nowhere` is not a directory"), "{run}");
    let run = bench.run(&["locks", "--home", bench.path("").to_str().unwrap()]);
    assert!(run.status == 2 && run.stderr.contains("no state directory was found"), "{run}");
}
