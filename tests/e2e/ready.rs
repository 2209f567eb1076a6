//! A gateway that is ready, and what is said of it.

use portreeve_tests::Portreeve;
use serde_json::Value;

use crate::shared::alike;
use crate::{CONFIG_TOKEN, TOKEN_VARIABLE};

const RUNGS: [&str; 7] = ["one-owner", "live", "started", "ready", "handshake", "authenticated", "channels"];

#[test]
fn a_token_in_config_and_environment_alike_is_ready() {
    let Some(gateway) = alike() else { return };
    let checked = gateway.portreeve().env(TOKEN_VARIABLE, CONFIG_TOKEN).check();
    checked.assert_passes();
    checked.assert_has("token.duplicated", "warning");
    checked.assert_has("channel.none", "info");
    for code in ["token.shadowed", "token.split", "pairing.unapproved", "state.open", "gateway.stalled"] {
        checked.assert_lacks(code);
    }
}

#[test]
fn each_rung_of_a_ready_gateway_holds_and_shows_its_time() {
    let Some(gateway) = alike() else { return };
    let checked = gateway.portreeve().check();
    let rungs = checked.gateway(gateway.port())["rungs"].as_array().unwrap().clone();
    let names: Vec<&str> = rungs.iter().filter_map(|rung| rung["rung"].as_str()).collect();
    assert_eq!(names, RUNGS, "{checked}");
    for rung in &rungs {
        assert_eq!(rung["state"], "pass", "{rung}\n{checked}");
        assert!(rung["elapsed_ms"].as_f64().is_some_and(|elapsed| elapsed >= 0.0), "{rung}\n{checked}");
    }
    for layer in ["transport", "auth", "channels", "alignment"] {
        assert_eq!(checked.report["layers"][layer]["state"], "pass", "{layer}\n{checked}");
    }
}

#[test]
fn the_report_names_the_process_the_port_and_the_state_directory() {
    let Some(gateway) = alike() else { return };
    let checked = gateway.portreeve().check();
    let found = checked.gateway(gateway.port());
    assert_eq!(found["pids"], serde_json::json!([gateway.pid()]), "{checked}");
    assert_eq!(found["state_dir"].as_str().map(Into::into), Some(gateway.state().to_owned()), "{checked}");
}

#[test]
fn a_ready_gateway_is_told_to_people_without_a_word_on_standard_error() {
    let Some(gateway) = alike() else { return };
    let output = gateway.portreeve().run(&["check"]);
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{stdout}\n{stderr}");
    assert!(stdout.contains(&gateway.port().to_string()), "{stdout}");
    assert_eq!(stderr, "");
}

#[test]
fn saved_facts_give_the_same_report() {
    let Some(gateway) = alike() else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("facts.json");
    let file = file.to_str().unwrap();
    let here = gateway.portreeve().run(&["check", "--json", "--save", file]);
    let there = Portreeve::new(folder.path()).command().args(["check", "--json", "--from", file]).output().unwrap();
    assert_eq!(here.status.code(), there.status.code());
    let report = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).unwrap();
    assert_eq!(report(&here.stdout), report(&there.stdout));
}
