//! What the real command line says of a real gateway.

use std::time::Instant;

use portreeve_tests::{Checked, Portreeve};
use serde_json::Value;

use crate::shared::{alike, differing};
use crate::{OTHER_TOKEN, TOKEN_VARIABLE};

const RELEASE: &str = "2026.9.6";

fn deep(portreeve: &Portreeve) -> Checked {
    let start = Instant::now();
    let output = portreeve.run(&["check", "--json", "--deep"]);
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    Checked {
        report: serde_json::from_str(&stdout).unwrap(),
        status: output.status.code().unwrap(),
        stdout,
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        elapsed: start.elapsed(),
    }
}

fn accepted(checked: &Checked, port: u16) -> &Value {
    let rungs = checked.gateway(port)["rungs"].as_array().unwrap();
    rungs.iter().find(|rung| rung["rung"] == "accepted").unwrap()
}

#[test]
fn the_real_command_line_is_accepted_by_a_healthy_gateway() {
    let Some(gateway) = alike() else { return };
    let checked = deep(&gateway.portreeve());
    checked.assert_passes();
    assert_eq!(accepted(&checked, gateway.port())["state"], "pass", "{checked}");
    let acceptance = &checked.report["clients"][0]["acceptance"];
    assert_eq!(acceptance["status"], "accepted", "{checked}");
    assert_eq!(acceptance["version"], RELEASE, "{checked}");
    assert_eq!(acceptance["exit"], 0, "{checked}");
}

#[test]
fn a_wrong_token_is_refused_by_the_gateway_itself() {
    let Some(gateway) = differing() else { return };
    let url = format!("ws://127.0.0.1:{}", gateway.port());
    let portreeve = gateway.portreeve().env("OPENCLAW_GATEWAY_URL", &url).env(TOKEN_VARIABLE, OTHER_TOKEN);
    let checked = deep(&portreeve);
    checked.assert_blocked(&["token.split"], 77);
    checked.assert_says("token.split", &["token mismatch", "our own connect is answered"]);
    assert_eq!(accepted(&checked, gateway.port())["state"], "fail", "{checked}");
    let text = format!("{}{}", checked.stdout, checked.stderr);
    assert!(!text.contains(&OTHER_TOKEN[..12]), "a secret is printed");
}

#[test]
fn without_being_asked_nothing_is_run() {
    let Some(gateway) = alike() else { return };
    let checked = gateway.portreeve().check();
    assert!(checked.report["clients"][0].get("acceptance").is_none(), "{checked}");
    let rungs = checked.gateway(gateway.port())["rungs"].as_array().unwrap();
    assert!(rungs.iter().all(|rung| rung["rung"] != "accepted"), "{checked}");
}
