//! Which secret wins for whom.

use std::fs;

use portreeve_tests::{Builder, Home, OpenClaw};
use serde_json::json;

use crate::shared::differing;
use crate::{CONFIG_TOKEN, OTHER_TOKEN, TOKEN_VARIABLE};

const PASSWORD: &str = "b81e6c02d94f4a7fa3c57e10f2d68b9417ce35a0";

#[test]
fn an_environment_that_differs_from_the_config_is_shadowed() {
    let Some(gateway) = differing() else { return };
    let checked = gateway.portreeve().env(TOKEN_VARIABLE, OTHER_TOKEN).check();
    checked.assert_passes();
    checked.assert_has("token.shadowed", "warning");
    checked.assert_lacks("token.split");
}

#[test]
fn an_overridden_url_takes_the_environments_token_and_is_split() {
    let Some(gateway) = differing() else { return };
    let url = format!("ws://127.0.0.1:{}", gateway.port());
    let checked = gateway.portreeve().env("OPENCLAW_GATEWAY_URL", &url).env(TOKEN_VARIABLE, OTHER_TOKEN).check();
    checked.assert_blocked(&["token.split"], 77);
}

#[test]
fn a_node_host_takes_the_environments_token_and_is_split() {
    let Some(gateway) = differing() else { return };
    let node = Home::new();
    let port = gateway.port();
    let remote = json!({ "url": format!("ws://127.0.0.1:{port}"), "token": CONFIG_TOKEN });
    node.write("openclaw.json", &json!({ "gateway": { "mode": "remote", "remote": remote } }).to_string());
    node.write("node.systemd.env", &format!("{TOKEN_VARIABLE}={OTHER_TOKEN}\n"));
    let units = node.path().join(".config/systemd/user");
    fs::create_dir_all(&units).unwrap();
    let unit = format!(
        "[Unit]\nDescription=OpenClaw Node Host\n\n[Service]\n\
         ExecStart=/usr/bin/node /opt/openclaw/dist/index.js node run --host 127.0.0.1 --port {port}\n\
         EnvironmentFile=-{state}/node.systemd.env\nEnvironment=HOME={home}\nEnvironment=OPENCLAW_SERVICE_KIND=node\n\
         Restart=always\n\n[Install]\nWantedBy=default.target\n",
        home = node.path().display(),
        state = node.state().display(),
    );
    fs::write(units.join("openclaw-node.service"), unit).unwrap();
    let checked = gateway.portreeve().home(node.path()).check();
    checked.assert_blocked(&["token.shadowed"], 77);
    checked.assert_has("token.split", "error");
}

#[test]
fn a_remote_token_beside_an_explicit_mode_is_no_token_of_the_gateway() {
    let Some(openclaw) = OpenClaw::find() else { return };
    let builder = Builder::new(&openclaw).config("/gateway/auth/mode", json!("token"));
    let mut gateway = builder.config("/gateway/remote/token", json!(OTHER_TOKEN)).build();
    gateway.start_until_ready();
    gateway.portreeve().check().assert_blocked(&["auth.remote-only"], 77);
}

#[test]
fn a_remote_token_without_a_mode_is_the_gateways_token_too() {
    let Some(openclaw) = OpenClaw::find() else { return };
    let mut gateway = Builder::new(&openclaw).config("/gateway/remote/token", json!(OTHER_TOKEN)).build();
    gateway.start_until_ready();
    let checked = gateway.portreeve().check();
    checked.assert_passes();
    checked.assert_lacks("auth.remote-only");
}

#[test]
fn a_password_in_the_environment_flips_the_mode() {
    let Some(openclaw) = OpenClaw::find() else { return };
    let builder = Builder::new(&openclaw).token(CONFIG_TOKEN).env("OPENCLAW_GATEWAY_PASSWORD", PASSWORD);
    let mut gateway = builder.build();
    gateway.start_until_ready();
    gateway.portreeve().check().assert_blocked(&["auth.mode-flipped"], 77);
}

#[test]
fn without_any_token_the_gateway_makes_one_that_nobody_else_knows() {
    let Some(openclaw) = OpenClaw::find() else { return };
    let mut gateway = Builder::new(&openclaw).build();
    gateway.start_until_ready();
    let checked = gateway.portreeve().check();
    checked.assert_has("token.runtime-only", "warning");
    assert_eq!(checked.root_causes(), [""; 0], "{checked}");
    // Nothing on this node may speak for a client, so that the rung stays unproven.
    assert_eq!(checked.report["layers"]["auth"]["state"], "unknown", "{checked}");
    assert_eq!(checked.status, 75, "{checked}");
}

#[test]
fn a_placeholder_keeps_the_gateway_from_starting() {
    let Some(openclaw) = OpenClaw::find() else { return };
    let mut gateway = Builder::new(&openclaw).token("change-me-now").build();
    let status = gateway.start_until_exit();
    assert_eq!(status.code(), Some(1), "{}", gateway.console());
    gateway.portreeve().check().assert_blocked(&["token.placeholder"], 77);
}

#[test]
fn a_placeholder_that_the_gateway_takes_is_named_while_it_runs() {
    let Some(openclaw) = OpenClaw::find() else { return };
    let mut gateway = Builder::new(&openclaw).token("${PORTREEVE_E2E_NO_SUCH_VARIABLE}").build();
    gateway.start_until_ready();
    gateway.portreeve().check().assert_blocked(&["token.placeholder"], 77);
}

#[test]
fn no_command_lets_a_secret_out() {
    let Some(gateway) = differing() else { return };
    let client = Home::new();
    client.write(".env", &format!("OPENCLAW_GATEWAY_PASSWORD={PASSWORD}\n"));
    let portreeve = gateway.portreeve().home(client.path()).env(TOKEN_VARIABLE, OTHER_TOKEN);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("facts.json");
    for (call, said) in portreeve.every_view(&file) {
        assert_no_secret(&String::from_utf8_lossy(&said), &call);
    }
    assert_no_secret(&fs::read_to_string(&file).unwrap(), "the saved facts");
}

fn assert_no_secret(text: &str, source: &str) {
    for secret in [CONFIG_TOKEN, OTHER_TOKEN, PASSWORD] {
        // A part of a secret is one too.
        assert!(!text.contains(&secret[..12]) && !text.contains(&secret[secret.len() - 12..]), "a secret in {source}");
    }
}
