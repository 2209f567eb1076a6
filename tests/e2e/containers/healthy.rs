//! What is not to be complained about.

use portreeve_tests::Project;
use serde_json::{Value, json};

use super::{CLI, GATEWAY, apart_with_state, bench, said};
use crate::CONFIG_TOKEN;
use crate::containers::auth::request_pairing;

#[test]
fn a_command_line_in_the_gateways_namespace_is_ready() {
    let Some((openclaw, node)) = bench() else { return };
    let project = Project::split(&node, &openclaw, "split", CONFIG_TOKEN);
    project.up_until_ready();
    project.lint().assert_clean();
    let checked = project.check();
    checked.assert_passes();
    // The rung on clients is proven, and by the probe within the command line's namespaces.
    let rung = checked.rung("reached");
    assert_eq!(rung["state"], "pass", "{checked}");

    let run = project.portreeve().run(&["connect", "--in", CLI, "--spread", "2", "--json"]);
    let report: Value = serde_json::from_slice(&run.stdout).unwrap_or_default();
    assert_eq!((report["connected"].as_u64(), run.status.code()), (Some(100), Some(0)), "{report}\n{}", said(&run));
    assert_eq!(report["from"], format!("container:{}", project.container(CLI)), "{report}");
}

#[test]
fn a_command_line_that_waits_for_commands_is_ready() {
    let Some((openclaw, node)) = bench() else { return };
    let project = Project::split(&node, &openclaw, "waits", CONFIG_TOKEN);
    let project = project.set("/services/openclaw-cli/entrypoint", json!(["sleep", "infinity"]));
    project.up_until_ready();
    project.check().assert_passes();
}

#[test]
fn a_command_line_that_was_never_made_is_probed_as_its_project_defines_it() {
    let Some((openclaw, node)) = bench() else { return };
    let project = Project::split(&node, &openclaw, "unmade", CONFIG_TOKEN);
    project.up(&[GATEWAY]);
    project.wait_until_ready(GATEWAY);
    let checked = project.check();
    checked.assert_passes();
    assert_eq!(checked.rung("reached")["state"], "pass", "{checked}");
}

#[test]
fn a_paired_command_line_on_the_bridge_is_ready() {
    let Some((openclaw, node)) = bench() else { return };
    let project = apart_with_state(&node, &openclaw, "ws://openclaw-gateway:18789");
    project.up_until_ready();
    let request = request_pairing(&project);
    let approved = project.exec(GATEWAY, &["node", "dist/index.js", "devices", "approve", &request]);
    assert!(approved.status.success(), "{}", said(&approved));
    let answer = project.run(CLI, &["health"]);
    assert!(answer.status.success(), "{}", said(&answer));
    project.check().assert_passes();
}
