//! `selftest`.

use std::fs;
use std::os::unix::process::CommandExt as _;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use serde_json::Value;

use crate::bench::Bench;

#[test]
fn it_passes_here_is_kept_and_leaves_nothing_else() {
    let bench = Bench::new();
    let run = bench.run(&["selftest"]);
    assert_eq!((run.status, run.stderr.as_str()), (0, ""), "{run}");
    assert!(run.stdout.starts_with("PASSED  on ") && run.stdout.contains("  passed     record-lock\n"), "{run}");
    let names: Vec<_> = fs::read_dir(bench.path("data")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["selftest.json"]);
}

#[test]
fn the_result_follows_its_schema() {
    let bench = Bench::new();
    let run = bench.run(&["selftest", "--json"]);
    let schema: Value = serde_json::from_str(&bench.run(&["schema", "--selftest"]).stdout).unwrap();
    let result: Value = serde_json::from_str(&run.stdout).unwrap();
    let mut schemas = boon::Schemas::new();
    let mut compiler = boon::Compiler::new();
    compiler.add_resource("selftest.json", schema).unwrap();
    let schema = compiler.compile("selftest.json", &mut schemas).unwrap();
    assert!(schemas.validate(&result, schema).is_ok(), "{run}");
    let kept: Value = serde_json::from_slice(&fs::read(bench.path("data/selftest.json")).unwrap()).unwrap();
    assert_eq!(kept, result);
}

#[test]
fn a_part_of_it_is_not_kept() {
    let bench = Bench::new();
    let run = bench.run(&["selftest", "--json", "--only", "host-name", "--only", "clock"]);
    let result: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(result["results"].as_array().unwrap().len(), 2, "{run}");
    assert!(!bench.path("data/selftest.json").exists());
    let run = bench.run(&["selftest", "--only", "telepathy"]);
    assert!(run.status == 2 && run.stderr.contains("there is no seam `telepathy`"), "{run}");
}

/// A kept result in which a seam failed on this very system.
fn failed(bench: &Bench, seam: &str) {
    assert_eq!(bench.run(&["selftest"]).status, 0);
    let path = bench.path("data/selftest.json");
    let mut kept: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let results = kept["results"].as_array_mut().unwrap();
    let result = results.iter_mut().find(|result| result["seam"] == seam).unwrap();
    *result = serde_json::json!({
        "seam": seam, "outcome": "failed", "expected": "pid 7", "seen": "nobody", "elapsed_ms": 1
    });
    fs::write(&path, kept.to_string()).unwrap();
}

#[test]
fn what_failed_is_not_seen_by_check() {
    let bench = Bench::new();
    let home = bench.path("home");
    fs::create_dir_all(home.join(".openclaw")).unwrap();
    let home = home.to_str().unwrap();
    failed(&bench, "listener-v4");
    let run = bench.run(&["check", "--json", "--home", home, "--no-containers"]);
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    let blind = report["blind"].as_array().unwrap();
    let spot = blind.iter().find(|spot| spot["what"] == "listeners").unwrap();
    assert!(spot["why"].as_str().unwrap().contains("`listener-v4` cannot be relied upon on build"), "{spot}");
    assert_eq!((&report["verdict"], run.status), (&"unknown".into(), 75), "{run}");
}

#[test]
fn the_helper_guards_no_folder_that_is_dear_to_anybody() {
    let bench = Bench::new();
    let home = bench.path("home");
    for name in ["dear", "selftest-0123"] {
        fs::create_dir_all(home.join(name)).unwrap();
    }
    let mut child = bench.command(&["selftest", "--helper"]);
    let mut child = child.current_dir(&home).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), b"guard dear\nguard selftest-0123\nopen ../x\n")
        .unwrap();
    let said = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&said.stdout);
    for refusal in ["this is not the folder of a self test", "File exists", "no name of a file"] {
        assert!(said.contains(refusal), "{said}");
    }
    assert!(home.join("dear").is_dir() && home.join("selftest-0123").is_dir());
}

#[test]
fn the_daemon_runs_it_where_none_was_run() {
    let bench = Bench::new();
    fs::create_dir(bench.path("home")).unwrap();
    let mut command = bench.command(&["run"]);
    command.env("PORTREEVE_HOMES", bench.path("home")).env("PORTREEVE_STATUS_FILE", bench.path("public/status.json"));
    let mut daemon = command.stdin(Stdio::null()).stderr(Stdio::null()).process_group(0).spawn().unwrap();
    let until = Instant::now() + Duration::from_mins(1);
    let kept = bench.path("data/selftest.json");
    while !kept.exists() && Instant::now() < until {
        thread::sleep(Duration::from_millis(20));
    }
    killpg(Pid::from_raw(daemon.id().cast_signed()), Signal::SIGKILL).unwrap();
    daemon.wait().unwrap();
    let kept: Value = serde_json::from_slice(&fs::read(kept).unwrap()).unwrap();
    assert_eq!(kept["schema"], "portreeve.selftest/1", "{kept}");
}
