//! Where gateways in containers keep their state.

use std::time::Duration;

use portreeve_tests::{Builder, Project, wait_until};
use serde_json::json;

use super::{CLI, GATEWAY, bench, said};
use crate::CONFIG_TOKEN;

const LIMIT: Duration = Duration::from_mins(2);
const EX_CONFIG: i64 = 78;
const STATE_OF_THE_GATEWAY: &str = "/services/openclaw-gateway/volumes/0";
const STATE_OF_THE_CLI: &str = "/services/openclaw-cli/volumes/0";

#[test]
fn a_command_line_without_the_gateways_state_lacks_what_it_needs() {
    let Some((openclaw, node)) = bench() else { return };
    let project =
        Project::split(&node, &openclaw, "apart", "").set(STATE_OF_THE_CLI, json!("./cli:/home/node/.openclaw"));
    project.state("state", &json!({ "gateway": { "mode": "local", "auth": { "token": CONFIG_TOKEN } } }));
    project.state("cli", &json!({ "gateway": { "mode": "local" } }));
    project.up_until_ready();
    let answer = project.run(CLI, &["health", "--timeout", "5000"]);
    assert!(said(&answer).contains("this CLI has no token/password"), "{}", said(&answer));
    project.lint().assert_finds("state.not-shared");
    project.check().assert_blocked(&["state.not-shared"], 78);
}

#[test]
fn a_volume_that_root_owns_keeps_the_gateway_from_starting() {
    let Some((openclaw, node)) = bench() else { return };
    let project = Project::split(&node, &openclaw, "owned", CONFIG_TOKEN)
        .set("/volumes", json!({ "state": {} }))
        .set(STATE_OF_THE_GATEWAY, json!("state:/home/node/.openclaw"))
        .set(STATE_OF_THE_CLI, json!("state:/home/node/.openclaw"));
    project.up(&[GATEWAY]);
    assert_eq!(project.wait_until_exit(GATEWAY), EX_CONFIG, "{}", project.said(GATEWAY));
    // The engine makes a volume root's, and what the gateway says of that misleads.
    assert!(project.said(GATEWAY).contains("Missing config"), "{}", project.said(GATEWAY));
    project.check().assert_blocked(&["state.uid-drift"], 78);
}

#[test]
fn a_volume_that_is_mounted_read_only_keeps_the_gateway_from_starting() {
    let Some((openclaw, node)) = bench() else { return };
    let project = Project::split(&node, &openclaw, "readonly", CONFIG_TOKEN);
    let project = project.set(STATE_OF_THE_GATEWAY, json!("./state:/home/node/.openclaw:ro"));
    project.save();
    project.lint().assert_finds("state.readonly");
    project.up(&[GATEWAY]);
    assert_eq!(project.wait_until_exit(GATEWAY), EX_CONFIG, "{}", project.said(GATEWAY));
    project.check().assert_blocked(&["state.readonly"], 78);
}

#[test]
fn a_state_in_the_writable_layer_does_not_outlive_its_container() {
    let Some((openclaw, node)) = bench() else { return };
    let project = Project::new(&node, &openclaw, "ephemeral").gateway(GATEWAY, "./unused");
    let modules = project.value("/services/openclaw-gateway/volumes/1");
    let project = project
        .set("/services/openclaw-gateway/volumes", json!([modules]))
        .set("/services/openclaw-gateway/command/7", json!("--allow-unconfigured"))
        .env(GATEWAY, "OPENCLAW_GATEWAY_TOKEN", CONFIG_TOKEN);
    project.save();
    project.lint().assert_finds("state.ephemeral");
    project.up_until_ready();
    project.check().assert_blocked(&["state.ephemeral"], 78);
}

#[test]
fn a_gateway_of_the_host_and_one_in_a_container_share_a_state() {
    let Some((openclaw, node)) = bench() else { return };
    let builder = Builder::new(&openclaw).token(CONFIG_TOKEN).port(19_789).through(node.prefix());
    let mut host = builder.build();
    host.start_until_ready();
    let state = host.state().display().to_string();
    let project = Project::new(&node, &openclaw, "shared")
        .gateway(GATEWAY, &state)
        .set("/services/openclaw-gateway/user", json!("0:0"))
        .set("/services/openclaw-gateway/restart", json!("unless-stopped"));
    project.up(&[GATEWAY]);
    let said = || project.said(GATEWAY).contains("owns this state directory").then_some(());
    wait_until("the refusal of the second gateway", LIMIT, said);
    let checked = node.portreeve(host.home()).check();
    checked.assert_blocked(&["state.shared"], 78);
    checked.assert_says("state.shared", &[&state, &project.container(GATEWAY)]);
}
