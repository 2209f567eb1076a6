//! Secrets and pairing between containers.

use portreeve_tests::Project;
use serde_json::json;

use super::{CLI, GATEWAY, PLAINTEXT_VARIABLE, URL_VARIABLE, apart_with_state, bench, said};
use crate::{CONFIG_TOKEN, OTHER_TOKEN, TOKEN_VARIABLE};

/// The cheapest command of the real one that sends a device: it wants to write. Gives the id of the request.
pub(super) fn request_pairing(project: &Project<'_>) -> String {
    let output = project.run(CLI, &["agent", "--agent", "main", "--message", "hello", "--json"]);
    let said = said(&output);
    let request = said.split("requestId: ").nth(1).and_then(|rest| rest.split(')').next());
    assert!(request.is_some(), "no pairing request:\n{said}");
    request.unwrap().to_owned()
}

fn token_in(service: &str) -> String {
    format!("/services/{service}/environment/{TOKEN_VARIABLE}")
}

#[test]
fn a_token_in_an_override_file_splits_the_two_sides() {
    let Some((openclaw, node)) = bench() else { return };
    let project = Project::split(&node, &openclaw, "override", CONFIG_TOKEN);
    project.write(
        "compose.override.yaml",
        &format!("services:\n  {GATEWAY}:\n    environment:\n      {TOKEN_VARIABLE}: {OTHER_TOKEN}\n"),
    );
    project.up_until_ready();
    let answer = project.run(CLI, &["health", "--timeout", "5000"]);
    assert!(!answer.status.success() && said(&answer).contains("token mismatch"), "{}", said(&answer));
    project.lint().assert_finds("token.split");
    let checked = project.check();
    checked.assert_blocked(&["token.split"], 77);
    checked.assert_says("token.split", &["compose.override.yaml"]);
}

#[test]
fn a_token_of_the_env_file_that_differs_from_the_config_is_shadowed() {
    let Some((openclaw, node)) = bench() else { return };
    let project = Project::split(&node, &openclaw, "differing", OTHER_TOKEN);
    project.state("state", &json!({ "gateway": { "mode": "local", "auth": { "token": CONFIG_TOKEN } } }));
    project.up_until_ready();
    // The config wins on both sides.
    let answer = project.run(CLI, &["health"]);
    assert!(answer.status.success(), "{}", said(&answer));
    project.lint().assert_finds("token.shadowed");
    let checked = project.check();
    checked.assert_passes();
    checked.assert_has("token.shadowed", "warning");
}

#[test]
fn a_url_in_the_environment_takes_the_token_of_the_env_file_which_is_shadowed() {
    let Some((openclaw, node)) = bench() else { return };
    let project = Project::split(&node, &openclaw, "overridden", OTHER_TOKEN);
    let project = project.env(CLI, URL_VARIABLE, "ws://127.0.0.1:18789").env(CLI, PLAINTEXT_VARIABLE, "1");
    project.state("state", &json!({ "gateway": { "mode": "local", "auth": { "token": CONFIG_TOKEN } } }));
    project.up_until_ready();
    let answer = project.run(CLI, &["health", "--timeout", "5000"]);
    assert!(!answer.status.success() && said(&answer).contains("token mismatch"), "{}", said(&answer));
    project.lint().assert_finds("token.shadowed");
    let checked = project.check();
    checked.assert_blocked(&["token.shadowed"], 77);
    checked.assert_has("token.split", "error");
}

#[test]
fn a_token_that_only_the_gateway_has_is_missing() {
    let Some((openclaw, node)) = bench() else { return };
    let project = Project::split(&node, &openclaw, "missing", CONFIG_TOKEN).unset(&token_in(CLI));
    project.up_until_ready();
    let answer = project.run(CLI, &["health", "--timeout", "5000"]);
    assert!(said(&answer).contains("this CLI has no token/password"), "{}", said(&answer));
    project.lint().assert_finds("token.missing");
    project.check().assert_blocked(&["token.missing"], 77);
}

#[test]
fn a_command_line_that_waits_for_approval_is_told_what_to_run_and_where() {
    let Some((openclaw, node)) = bench() else { return };
    let project = apart_with_state(&node, &openclaw, "ws://openclaw-gateway:18789");
    project.up_until_ready();
    let request = request_pairing(&project);
    let checked = project.check();
    checked.assert_blocked(&["pairing.pending"], 77);
    checked.assert_says(
        "pairing.pending",
        &[&request, &format!("devices approve {request}"), &project.container(GATEWAY)],
    );
}

#[test]
fn a_command_line_that_never_asked_for_approval_is_told_how() {
    let Some((openclaw, node)) = bench() else { return };
    let project = apart_with_state(&node, &openclaw, "ws://openclaw-gateway:18789");
    project.up_until_ready();
    // Makes the device; a request that nobody approved is removed as one that has expired is.
    let request = request_pairing(&project);
    let rejected = project.exec(GATEWAY, &["node", "dist/index.js", "devices", "reject", &request]);
    assert!(rejected.status.success(), "{}", said(&rejected));
    let checked = project.check();
    checked.assert_blocked(&["pairing.unapproved"], 77);
    checked.assert_says("pairing.unapproved", &["devices approve", &project.container(GATEWAY), CLI]);
}
