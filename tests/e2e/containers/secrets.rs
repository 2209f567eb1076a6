//! No command lets a secret of a container out.

use std::fs;

use portreeve_tests::Project;
use serde_json::json;

use super::{CLI, GATEWAY, bench};
use crate::secrets::Canaries;

#[test]
fn no_command_lets_a_secret_of_a_container_out() {
    let Some((openclaw, node)) = bench() else { return };
    let mut canaries = Canaries::default();
    let mut project = Project::split(&node, &openclaw, "secrets", &canaries.plant("the project's .env"));
    project.state(
        "state",
        &json!({ "gateway": {
            "mode": "local",
            "auth": { "mode": "token", "token": canaries.plant("a mounted config") },
            "remote": { "token": canaries.plant("a mounted config, remote") },
        }}),
    );
    for service in [GATEWAY, CLI] {
        for name in ["OPENCLAW_GATEWAY_PASSWORD", "ANTHROPIC_API_KEY", "SOME_OTHER_VARIABLE"] {
            project = project.env(service, name, &canaries.plant(&format!("{name} of {service}")));
        }
        let url =
            format!("ws://op:{}@127.0.0.1:18789/?token={}", canaries.plant("user info"), canaries.plant("a query"));
        project = project.env(service, "OPENCLAW_GATEWAY_URL", &url);
        let labels = json!({ "com.example.token": canaries.plant(&format!("a label of {service}")) });
        project = project.set(&format!("/services/{service}/labels"), labels);
    }
    let command = ["--token".to_owned(), canaries.plant("the gateway's command")];
    project = project
        .set("/services/openclaw-gateway/command/7", json!(command[0]))
        .set("/services/openclaw-gateway/command/8", json!(command[1]))
        .set(
            "/services/openclaw-gateway/healthcheck",
            json!({
                "test": ["CMD-SHELL", format!("echo {}; exit 1", canaries.plant("the output of a health check"))],
                "interval": "1s",
            }),
        );
    project.write("state/.env", &format!("OPENCLAW_GATEWAY_TOKEN={}\n", canaries.plant("the state directory's .env")));
    project.up(&[GATEWAY]);
    project.wait_until_ready(GATEWAY);
    project.compose(&["create"]);

    let portreeve = project.portreeve();
    let file = project.folder().join("facts.json");
    for (call, said) in portreeve.every_view(&file) {
        canaries.assert_absent(&said, &call);
    }
    let compose = project.folder().join("compose.yaml").display().to_string();
    for format in ["text", "json", "github", "sarif"] {
        let output = portreeve.command().args(["lint", "--format", format, &compose]).output().unwrap();
        canaries.assert_absent(&[output.stdout, output.stderr].concat(), &format!("lint --format {format}"));
    }
    canaries.assert_absent(&fs::read(&file).unwrap(), "the saved facts");
}
