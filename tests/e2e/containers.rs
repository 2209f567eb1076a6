//! One fault at a time in Compose projects on a real engine.

mod auth;
mod clean;
mod deep;
mod gate;
mod healthy;
mod hostile;
mod images;
mod life;
mod ports;
mod proxy;
mod reach;
mod secrets;
mod state;

use std::process::Output;

use portreeve_tests::{Node, OpenClaw, Project};
use serde_json::json;

use crate::CONFIG_TOKEN;

const GATEWAY: &str = "openclaw-gateway";
const CLI: &str = "openclaw-cli";
const URL_VARIABLE: &str = "OPENCLAW_GATEWAY_URL";
/// Lets clients use `ws://` to other hosts.
const PLAINTEXT_VARIABLE: &str = "OPENCLAW_ALLOW_INSECURE_PRIVATE_WS";

/// What these tests need; None, after having said so, where it cannot be had.
fn bench() -> Option<(OpenClaw, Node)> {
    let openclaw = OpenClaw::find()?;
    Some((openclaw, Node::take()?))
}

/// Name of the project of [`apart`].
const APART: &str = "apart";

/// The same, for tests whose fault is the command line's.
fn bench_apart() -> Option<(OpenClaw, Node)> {
    let openclaw = OpenClaw::find()?;
    Some((openclaw, Node::take_with(APART)?))
}

/// The split, with the command line in a network namespace of its own.
fn apart<'a>(node: &'a Node, openclaw: &OpenClaw, url: &str) -> Project<'a> {
    let project = Project::split(node, openclaw, APART, CONFIG_TOKEN).unset("/services/openclaw-cli/network_mode");
    project.env(CLI, URL_VARIABLE, url).env(CLI, PLAINTEXT_VARIABLE, "1")
}

/// The same, with a state of its own as well.
fn apart_with_state<'a>(node: &'a Node, openclaw: &OpenClaw, url: &str) -> Project<'a> {
    let project =
        apart(node, openclaw, url).set("/services/openclaw-cli/volumes/0", json!("./cli:/home/node/.openclaw"));
    project.state("cli", &json!({ "gateway": { "mode": "local" } }));
    project
}

/// Standard output and standard error.
fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[output.stdout.as_slice(), &output.stderr].concat()).into_owned()
}
