//! Images of one project.

use portreeve_tests::Project;
use serde_json::json;

use super::bench;
use crate::CONFIG_TOKEN;

#[test]
fn a_command_line_of_another_release_is_skewed() {
    let Some((openclaw, node)) = bench() else { return };
    let project = Project::split(&node, &openclaw, "skew", CONFIG_TOKEN);
    let project = project.set("/services/openclaw-cli/image", json!("portreeve-lab/openclaw:2026.8.3"));
    project.up_until_ready();
    project.lint().assert_finds("image.skew");
    let checked = project.check();
    checked.assert_blocked(&["image.skew"], 78);
    checked.assert_says("image.skew", &["2026.8.3", "2026.9.6"]);
}
