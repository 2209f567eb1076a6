//! `portreeve gate --compose`.

use portreeve_tests::Project;

use super::bench;
use crate::CONFIG_TOKEN;

#[test]
fn a_project_is_started_and_waited_for() {
    let Some((openclaw, node)) = bench() else { return };
    let project = Project::split(&node, &openclaw, "gated", CONFIG_TOKEN);
    project.save();
    let mut command = project.portreeve().command();
    // Where Compose is.
    let docker = node.docker_command();
    command.envs(
        docker.get_envs().filter(|(name, _)| *name == "DOCKER_CONFIG").filter_map(|(name, value)| Some((name, value?))),
    );
    command.args(["gate", "--timeout", "150", "--compose"]).arg(project.folder().join("compose.yaml"));
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("ready after") && said.contains("takes the token of its state"), "{said}");
    project.check().assert_passes();
}
