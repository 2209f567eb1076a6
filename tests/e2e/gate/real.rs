//! The real gateway.

use std::fs;
use std::process::{Command, Stdio};

use nix::sys::signal::Signal;
use portreeve_tests::{Builder, Gateway, OpenClaw, Portreeve, Running, wait_until};

use super::LIMIT;
use crate::CONFIG_TOKEN;

/// `portreeve gate -- openclaw gateway run` in the gateway's home, with its standard error in a file.
fn gate(openclaw: &OpenClaw, gateway: &Gateway, options: &[&str]) -> Running {
    let plain = openclaw.command(&[], gateway.home());
    let mut command: Command = Portreeve::new(gateway.home()).command();
    command.env("PORTREEVE_DATA_DIR", gateway.home().join("data")).env("PORTREEVE_CONTAINERS", "off");
    command.current_dir(gateway.home()).args(["gate", "--home"]).arg(gateway.home()).args(options);
    command.arg("--").arg(plain.get_program()).args(plain.get_args()).args(["gateway", "run", "--bind", "loopback"]);
    let log = fs::File::create(gateway.home().join("gate.log")).unwrap();
    Running::start(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log), None)
}

fn said(gateway: &Gateway) -> String {
    fs::read_to_string(gateway.home().join("gate.log")).unwrap_or_default()
}

fn wait_until_said(gateway: &Gateway, words: &str, times: usize) {
    wait_until(words, LIMIT, || (said(gateway).matches(words).count() >= times).then_some(()));
}

#[test]
fn a_planned_restart_is_started_again_and_a_stop_is_a_success() {
    let Some(openclaw) = OpenClaw::find() else { return };
    let gateway = Builder::new(&openclaw).token(CONFIG_TOKEN).build();
    let mut gate = gate(&openclaw, &gateway, &["--timeout", "120"]);
    wait_until_said(&gateway, "portreeve: ready after", 1);
    // What asks OpenClaw to restart.
    gate.signal_alone(Signal::SIGUSR2);
    wait_until_said(&gateway, "portreeve: a planned restart", 1);
    wait_until_said(&gateway, "portreeve: ready after", 2);
    gate.signal_alone(Signal::SIGTERM);
    let status = wait_until("the end of the gate", LIMIT, || gate.child.try_wait().unwrap());
    assert_eq!(status.code(), Some(0), "{}", said(&gateway));
}

#[test]
fn a_state_that_is_taken_gives_the_gateways_own_status() {
    let Some(openclaw) = OpenClaw::find() else { return };
    let mut gateway = Builder::new(&openclaw).token(CONFIG_TOKEN).build();
    gateway.start_until_ready();
    let mut gate = gate(&openclaw, &gateway, &["--timeout", "60"]);
    let status = wait_until("the end of the gate", LIMIT, || gate.child.try_wait().unwrap());
    assert_eq!(status.code(), Some(78), "{}", said(&gateway));
}
