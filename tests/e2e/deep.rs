//! What the real command line says of a real gateway.

use crate::shared::{alike, differing};
use crate::{OTHER_TOKEN, TOKEN_VARIABLE};

const RELEASE: &str = "2026.9.6";

#[test]
fn the_real_command_line_is_accepted_by_a_healthy_gateway() {
    let Some(gateway) = alike() else { return };
    let checked = gateway.portreeve().check_deep();
    checked.assert_passes();
    assert_eq!(checked.rung("accepted")["state"], "pass", "{checked}");
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
    let checked = portreeve.check_deep();
    checked.assert_blocked(&["token.split"], 77);
    checked.assert_says("token.split", &["token mismatch", "our own connect is answered"]);
    assert_eq!(checked.rung("accepted")["state"], "fail", "{checked}");
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
