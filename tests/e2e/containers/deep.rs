//! What the real command line says from within containers.

use portreeve_tests::{Checked, Project};
use serde_json::{Value, json};

use super::{CLI, bench};
use crate::{CONFIG_TOKEN, OTHER_TOKEN};

const RELEASE: &str = "2026.9.6";

fn assert_accepted(checked: &Checked, place: &str) {
    checked.assert_passes();
    assert_eq!(checked.rung("accepted")["state"], "pass", "{checked}");
    let acceptance = &checked.report["clients"][0]["acceptance"];
    assert_eq!((&acceptance["status"], &acceptance["version"]), (&json!("accepted"), &json!(RELEASE)), "{checked}");
    assert!(acceptance["command"].as_str().unwrap().contains(place), "{acceptance}");
}

#[test]
fn the_command_line_of_a_service_is_accepted_and_leaves_no_container() {
    let Some((openclaw, node)) = bench() else { return };
    let project = Project::split(&node, &openclaw, "split", CONFIG_TOKEN);
    project.up_until_ready();
    let before = node.inventory();
    assert_accepted(&project.portreeve().check_deep(), "openclaw-cli");
    assert_eq!(node.inventory(), before);
}

#[test]
fn the_command_line_of_a_container_that_waits_is_run_in_it() {
    let Some((openclaw, node)) = bench() else { return };
    let project = Project::split(&node, &openclaw, "waits", CONFIG_TOKEN);
    let project = project.set("/services/openclaw-cli/entrypoint", json!(["sleep", "infinity"]));
    project.up_until_ready();
    let before = node.inventory();
    assert_accepted(&project.portreeve().check_deep(), &project.container(CLI));
    assert_eq!(node.inventory(), before);

    let folder = tempfile::tempdir().unwrap();
    let facts = folder.path().join("facts.json");
    let counting = project.portreeve().env("PORTREEVE_DEEP_CONNECTS", "100");
    let output = counting.run(&["check", "--deep", "--save", facts.to_str().unwrap()]);
    let facts: Value = serde_json::from_slice(&std::fs::read(facts).unwrap()).unwrap();
    let client = facts["clients"].as_array().unwrap().iter().find(|client| !client["workload"].is_null()).unwrap();
    let series = &client["connects"];
    assert_eq!(series["connects"].as_array().map(Vec::len), Some(100), "{series}");
    assert!(series["connects"].as_array().unwrap().iter().all(|one| one["status"] == "answered"), "{series}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("steady"), "{output:?}");
    assert_eq!(node.inventory(), before);
}

#[test]
fn a_command_line_with_another_token_is_refused_by_the_gateway_itself() {
    let Some((openclaw, node)) = bench() else { return };
    let project = Project::split(&node, &openclaw, "deep-token", CONFIG_TOKEN);
    let project = project.env(CLI, "OPENCLAW_GATEWAY_TOKEN", OTHER_TOKEN);
    project.up_until_ready();
    let checked = project.portreeve().check_deep();
    checked.assert_blocked(&["token.split"], 77);
    checked.assert_says("token.split", &["gateway token mismatch"]);
}
