//! The command: signals, what it leaves behind, storms.

use std::fs;
use std::process::{Command, Stdio};

use nix::sys::signal::Signal;
use portreeve_tests::{Running, is_root, skip, wait_until};
use serde_json::json;

use super::{LIMIT, Stage, is_alive, said};

/// Waits until the gate says that its command is ready.
fn wait_until_ready(stage: &Stage, gate: &Running) {
    let log = stage.home.path().join("stderr");
    wait_until("readiness", LIMIT, || {
        fs::read_to_string(&log).is_ok_and(|said| said.contains("ready after")).then_some(())
    });
    assert!(is_alive(gate.pid()));
}

/// The gate with its standard error in a file.
fn start(stage: &Stage, options: &[&str], part: serde_json::Value) -> Running {
    let log = fs::File::create(stage.home.path().join("stderr")).unwrap();
    Running::start(stage.gate(options, part).stdout(Stdio::null()).stderr(log), None)
}

fn end(stage: &Stage, mut gate: Running) -> (Option<i32>, String) {
    let status = wait_until("the end of the gate", LIMIT, || gate.child.try_wait().unwrap());
    (status.code(), fs::read_to_string(stage.home.path().join("stderr")).unwrap())
}

#[test]
fn a_signal_is_passed_on_and_a_grandchild_does_not_survive() {
    let stage = Stage::new();
    let pid_file = stage.home.path().join("child");
    let part = json!({ "listen": 0, "ready": 0, "child": pid_file });
    let gate = start(&stage, &["--stop-timeout", "1"], part);
    wait_until_ready(&stage, &gate);
    let child: u32 = fs::read_to_string(&pid_file).unwrap().parse().unwrap();
    assert!(is_alive(child));
    gate.signal_alone(Signal::SIGTERM);
    let (status, said) = end(&stage, gate);
    assert_eq!(status, Some(0), "{said}");
    assert!(!is_alive(child), "it ignores every signal but SIGKILL, in a session of its own: {said}");
    assert!(said.contains("killing what did not end within 1 s"), "{said}");
}

#[test]
fn a_command_that_does_not_end_when_asked_is_killed() {
    let stage = Stage::new();
    let gate = start(&stage, &["--stop-timeout", "1"], json!({ "listen": 0, "ready": 0, "is_stubborn": true }));
    wait_until_ready(&stage, &gate);
    gate.signal_alone(Signal::SIGINT);
    let (status, said) = end(&stage, gate);
    // Its disposition of SIGINT is the default one.
    assert_eq!(status, Some(0), "{said}");
    let gate = start(&stage, &["--stop-timeout", "1"], json!({ "listen": 0, "ready": 0, "is_stubborn": true }));
    wait_until_ready(&stage, &gate);
    gate.signal_alone(Signal::SIGTERM);
    let (status, said) = end(&stage, gate);
    assert_eq!(status, Some(137), "{said}");
}

#[test]
fn a_storm_holds_over_the_end_of_the_gate_and_a_signal_ends_it() {
    let stage = Stage::new();
    let options = ["--hold-after", "3", "--hold-within", "600"];
    for _ in 0..2 {
        let (status, said) = said(&stage.gate(&options, json!({ "end": 0, "status": 1 })).output().unwrap());
        assert_eq!(status, Some(1), "{said}");
    }
    for _ in 0..2 {
        let gate = start(&stage, &options, json!({ "end": 0, "status": 1 }));
        let log = stage.home.path().join("stderr");
        wait_until("the hold", LIMIT, || {
            fs::read_to_string(&log).is_ok_and(|said| said.contains("holding for")).then_some(())
        });
        gate.signal_alone(Signal::SIGTERM);
        let (status, said) = end(&stage, gate);
        assert_eq!(status, Some(75), "{said}");
    }
}

#[test]
fn a_program_that_is_not_there_gives_the_status_of_a_shell() {
    let stage = Stage::new();
    let (status, said) = said(&stage.alone(&["--", "/nonexistent/openclaw"]).output().unwrap());
    assert_eq!(status, Some(127), "{said}");
    let (status, said) = super::said(&stage.alone(&["--", "/"]).output().unwrap());
    assert_eq!(status, Some(126), "{said}");
}

#[test]
fn as_the_first_process_of_a_container_it_leaves_no_zombie() {
    if !is_root() || !std::path::Path::new("/usr/bin/unshare").exists() {
        skip("only root can make a pid namespace here");
        return;
    }
    let stage = Stage::new();
    // Twenty orphans that end at once, then a look at who is a zombie.
    let script = "i=0; while [ $i -lt 20 ]; do (sh -c 'sleep 0 & exit 0' &) ; i=$((i+1)); done; sleep 1; \
        grep -l '^State:.Z' /proc/[0-9]*/status | wc -l; ps -o pid= | head -0";
    let gate = stage.alone(&["-q", "--timeout", "30", "--", "/bin/sh", "-c", script]);
    let mut command = Command::new("unshare");
    command.args(["--pid", "--fork", "--mount-proc", "--"]).arg(gate.get_program()).args(gate.get_args());
    command.env_clear().envs(gate.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let output = command.output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "0", "{}", String::from_utf8_lossy(&output.stderr));
    assert_ne!(output.status.code(), Some(0), "it was never ready");
}
