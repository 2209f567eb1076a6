//! Who owns a port of the host.

use portreeve_tests::Project;
use serde_json::json;

use super::{bench, said};
use crate::{CONFIG_TOKEN, OTHER_TOKEN};

#[test]
fn two_projects_on_one_port_contend_for_it() {
    let Some((openclaw, node)) = bench() else { return };
    let [first, second] = [("first", CONFIG_TOKEN), ("second", OTHER_TOKEN)].map(|(name, token)| {
        let project = Project::split(&node, &openclaw, name, token);
        project.set("/services/openclaw-gateway/restart", json!("unless-stopped"))
    });
    first.up_until_ready();
    second.save();
    let output = second.command(&["up", "--detach"]).output().unwrap();
    assert!(!output.status.success() && said(&output).contains("port is already allocated"), "{}", said(&output));
    let checked = first.check();
    checked.assert_blocked(&["port.contended"], 69);
    checked.assert_says("port.contended", &["first", "second", "18789"]);
    first.lint_with(&second).assert_finds("port.contended");
}
