//! What a check leaves behind: nothing.

use std::io::Read as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use portreeve_tests::{Node, Project, wait_until};
use serde_json::{Value, json};

use super::{CLI, GATEWAY, apart, bench};
use crate::CONFIG_TOKEN;

const LIMIT: Duration = Duration::from_secs(30);
const MOMENT: Duration = Duration::from_secs(5);
/// Names of what a gateway and its engine change by themselves from one moment to the next.
const VOLATILE: [&str; 1] = ["Log"];

/// What a target is, as its engine tells, and what has changed in its own layer.
fn state_of(node: &Node, project: &Project<'_>) -> Vec<(Value, String)> {
    let state = |service: &str| {
        let container = project.container(service);
        let mut facts: Value = serde_json::from_str(&node.docker(&["inspect", &container])).unwrap();
        forget_volatile(&mut facts);
        let mut changes: Vec<String> = node.docker(&["diff", &container]).lines().map(ToOwned::to_owned).collect();
        changes.sort();
        (facts, changes.join("\n"))
    };
    [GATEWAY, CLI].map(state).to_vec()
}

fn forget_volatile(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|key, _| !VOLATILE.contains(&key.as_str()));
            map.values_mut().for_each(forget_volatile);
        }
        // Mounts come in another order each time.
        Value::Array(list) => {
            list.iter_mut().for_each(forget_volatile);
            list.sort_by_key(ToString::to_string);
        }
        _ => {}
    }
}

/// The engine removes a container after it has said that it does: no more than a moment later all is as it was.
fn assert_nothing_left(node: &Node, before: &[String]) {
    let begun = Instant::now();
    while begun.elapsed() < MOMENT && node.inventory() != before {
        thread::yield_now();
    }
    assert_eq!(node.inventory(), before);
}

#[test]
fn a_check_changes_neither_its_targets_nor_the_engine() {
    let Some((openclaw, node)) = bench() else { return };
    let project = Project::split(&node, &openclaw, "unchanged", CONFIG_TOKEN);
    project.up_until_ready();
    // What the gateway makes for itself at its first connection is there before.
    project.check().assert_passes();
    let (before, inventory) = (state_of(&node, &project), node.inventory());
    project.check().assert_passes();
    assert_nothing_left(&node, &inventory);
    assert_eq!(state_of(&node, &project), before);
}

#[test]
fn a_check_that_finds_a_fault_leaves_nothing_behind() {
    let Some((openclaw, node)) = bench() else { return };
    let project = apart(&node, &openclaw, "ws://127.0.0.1:18789");
    project.up_until_ready();
    let inventory = node.inventory();
    assert_eq!(project.check().status, 69);
    assert_nothing_left(&node, &inventory);
}

/// Starts a check and waits until its probe's container is there.
fn probing(node: &Node, project: &Project<'_>, known: &[String]) -> Child {
    let mut command = project.portreeve().command();
    command.args(["check", "--json"]).stdout(Stdio::piped()).stderr(Stdio::null()).process_group(0);
    let mut child = command.spawn().unwrap();
    wait_until("the container of the probe", LIMIT, || {
        assert!(child.try_wait().unwrap().is_none(), "the check ended without a probe in a container");
        node.containers().iter().any(|id| !known.contains(id)).then_some(())
    });
    child
}

fn signal(child: &Child, signal: Signal) {
    killpg(Pid::from_raw(child.id().try_into().unwrap()), signal).unwrap();
}

#[test]
fn ctrl_c_removes_the_container_of_the_probe() {
    let Some((openclaw, node)) = bench() else { return };
    let project = Project::split(&node, &openclaw, "interrupted", CONFIG_TOKEN);
    project.up_until_ready();
    let (known, inventory) = (node.containers(), node.inventory());
    let mut child = probing(&node, &project, &known);
    signal(&child, Signal::SIGINT);
    let status = wait_until("the end of the interrupted check", LIMIT, || child.try_wait().unwrap());
    assert!(!status.success(), "{status}");
    assert_nothing_left(&node, &inventory);
}

#[test]
fn the_next_check_removes_what_a_killed_one_left() {
    let Some((openclaw, node)) = bench() else { return };
    let project = Project::split(&node, &openclaw, "killed", CONFIG_TOKEN);
    project.up_until_ready();
    let (known, inventory) = (node.containers(), node.inventory());
    let mut child = probing(&node, &project, &known);
    signal(&child, Signal::SIGKILL);
    child.wait().unwrap();
    let mut rest = String::new();
    let _ = child.stdout.take().unwrap().read_to_string(&mut rest);
    project.check().assert_passes();
    assert_nothing_left(&node, &inventory);
}

#[test]
fn a_container_of_somebody_else_with_a_similar_name_is_left_alone() {
    let Some((openclaw, node)) = bench() else { return };
    let project = Project::new(&node, &openclaw, "other").set(
        "/services/portreeve-probe",
        json!({ "image": "portreeve-lab/small:1", "command": ["sleep", "infinity"] }),
    );
    project.up(&[]);
    let inventory = node.inventory();
    project.check();
    assert_nothing_left(&node, &inventory);
}
