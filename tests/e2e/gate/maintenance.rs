//! The gate while somebody works on the node.

use std::fs;
use std::process::Stdio;

use nix::sys::signal::Signal;
use portreeve_tests::{Portreeve, Running, wait_until};
use serde_json::json;

use super::{LIMIT, Stage};

#[test]
fn what_is_not_ready_is_left_alone_until_maintenance_is_over() {
    let stage = Stage::new();
    let announce = |words: &[&str]| {
        let mut command = Portreeve::new(stage.home.path()).command();
        command.env("PORTREEVE_DATA_DIR", stage.home.path().join("data")).arg("maintenance").args(words);
        assert!(command.output().unwrap().status.success());
    };
    let log = stage.home.path().join("stderr");
    let said = || fs::read_to_string(&log).unwrap_or_default();
    let wait_until_said = |words: &str| wait_until(words, LIMIT, || said().contains(words).then_some(()));

    announce(&["on", "--for", "1h"]);
    // Ready only after the deadline of its start has long passed.
    let mut command = stage.gate(&["--timeout", "1"], json!({ "listen": 0, "ready": 4_000 }));
    let mut gate = Running::start(command.stdout(Stdio::null()).stderr(fs::File::create(&log).unwrap()), None);
    wait_until_said("maintenance until");
    wait_until_said("ready after");
    assert!(!said().contains("not ready within"), "{}", said());
    announce(&["off"]);
    wait_until_said("maintenance is over");
    gate.signal_alone(Signal::SIGTERM);
    let status = wait_until("the end of the gate", LIMIT, || gate.child.try_wait().unwrap());
    assert_eq!(status.code(), Some(0), "{}", said());

    // One that ends by itself.
    announce(&["on", "--for", "3s"]);
    let mut command = stage.gate(&["--timeout", "1"], json!({ "listen": 0 }));
    let mut gate = Running::start(command.stdout(Stdio::null()).stderr(fs::File::create(&log).unwrap()), None);
    wait_until_said("maintenance is over");
    wait_until_said("not ready within 1 s");
    let status = wait_until("the end of the gate", LIMIT, || gate.child.try_wait().unwrap());
    assert_ne!(status.code(), Some(0), "{}", said());
}
