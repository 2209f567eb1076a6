//! How a gateway starts, runs, and ends.

use std::time::Duration;

use nix::sys::signal::Signal;
use portreeve_tests::{Builder, OpenClaw, free_port};
use serde_json::json;

use crate::{CONFIG_TOKEN, OTHER_TOKEN};

/// What `check` may take on a sick node.
const SICK: Duration = Duration::from_secs(20);

#[test]
fn a_starting_gateway_is_no_error_and_then_ready() {
    let Some(openclaw) = OpenClaw::find() else { return };
    let mut gateway = Builder::new(&openclaw).token(CONFIG_TOKEN).build();
    gateway.spawn();
    gateway.wait_until_owner();
    let checked = gateway.portreeve().check();
    checked.assert_has("gateway.starting", "info");
    assert_eq!(checked.root_causes(), [""; 0], "{checked}");
    assert_eq!(checked.status, 75, "{checked}");
    gateway.wait_until_ready();
    let checked = gateway.portreeve().check();
    checked.assert_passes();
    checked.assert_lacks("gateway.starting");
}

#[test]
fn a_killed_gateway_leaves_its_port_silent_and_a_stale_lock() {
    let Some(openclaw) = OpenClaw::find() else { return };
    let mut gateway = Builder::new(&openclaw).token(CONFIG_TOKEN).build();
    gateway.start_until_ready();
    gateway.kill();
    let checked = gateway.portreeve().check();
    checked.assert_blocked(&["port.silent"], 69);
    checked.assert_has("state.lock-stale", "warning");
}

#[test]
fn a_gateway_that_was_stopped_as_it_should_be_leaves_no_stale_lock() {
    let Some(openclaw) = OpenClaw::find() else { return };
    let mut gateway = Builder::new(&openclaw).token(CONFIG_TOKEN).build();
    gateway.start_until_ready();
    assert_eq!(gateway.stop().code(), Some(0), "{}", gateway.console());
    let checked = gateway.portreeve().check();
    checked.assert_blocked(&["port.silent"], 69);
    checked.assert_lacks("state.lock-stale");
}

#[test]
fn a_suspended_gateway_is_wedged_within_the_deadline() {
    let Some(openclaw) = OpenClaw::find() else { return };
    let mut gateway = Builder::new(&openclaw).token(CONFIG_TOKEN).build();
    gateway.start_until_ready();
    gateway.signal(Signal::SIGSTOP);
    let checked = gateway.portreeve().check();
    checked.assert_blocked(&["gateway.wedged"], 69);
    assert!(checked.elapsed < SICK, "{checked}");
    gateway.signal(Signal::SIGCONT);
    gateway.wait_until_ready();
    gateway.portreeve().check().assert_passes();
}

#[test]
fn three_crashes_trip_the_breaker_and_no_channel_runs() {
    let Some(openclaw) = OpenClaw::find() else { return };
    let telegram = json!({ "enabled": true, "botToken": "123456789:AAE0portreeve0does0not0call0anybody0" });
    let mut gateway = Builder::new(&openclaw).token(CONFIG_TOKEN).config("/channels/telegram", telegram).build();
    for crash in 1..=3 {
        gateway.spawn();
        // Said right after it has noted the start in its database.
        gateway.wait_until_said("spawn broker ready", crash);
        gateway.kill();
    }
    gateway.start_until_ready();
    let checked = gateway.portreeve().check();
    checked.assert_blocked(&["gateway.breaker"], 76);
    checked.assert_says("gateway.breaker", &["telegram"]);
}

#[test]
fn a_template_over_the_config_is_rolled_back() {
    let Some(openclaw) = OpenClaw::find() else { return };
    let builder = Builder::new(&openclaw).token(CONFIG_TOKEN);
    let mut gateway = builder.config("/meta/lastTouchedVersion", json!("2026.9.6")).build();
    // What the command line leaves when it changes the config: its own mark in the file, and the file as it was before.
    let good = serde_json::to_string_pretty(&gateway.config()).unwrap();
    gateway.write("openclaw.json.bak", &good);
    gateway.start_until_ready();
    gateway.stop();
    let other = free_port();
    let template = json!({ "gateway": { "mode": "local", "port": other, "auth": { "token": OTHER_TOKEN } } });
    gateway.write_config(&serde_json::to_string_pretty(&template).unwrap());
    gateway.start_until_ready();
    let checked = gateway.portreeve().check();
    checked.assert_blocked(&["config.rolled-back"], 78);
    checked.assert_says("config.rolled-back", &["openclaw.json.clobbered."]);
}

#[test]
fn a_config_with_a_syntax_error_is_named_while_the_gateway_runs_on() {
    let Some(openclaw) = OpenClaw::find() else { return };
    let mut gateway = Builder::new(&openclaw).token(CONFIG_TOKEN).build();
    gateway.start_until_ready();
    gateway.write_config("{\n  gateway: { mode: 'local' }\n  logging: {}\n}\n");
    let checked = gateway.portreeve().check();
    checked.assert_blocked(&["config.invalid"], 78);
    checked.assert_says("config.invalid", &["openclaw.json:3:3"]);
}

#[test]
fn a_config_with_a_syntax_error_is_why_nobody_listens() {
    let Some(openclaw) = OpenClaw::find() else { return };
    let mut gateway = Builder::new(&openclaw).token(CONFIG_TOKEN).build();
    gateway.write_config("{\n  gateway: { mode: 'local' }\n  logging: {}\n}\n");
    let status = gateway.start_until_exit();
    assert_eq!(status.code(), Some(78), "{}", gateway.console());
    let checked = gateway.portreeve().check();
    checked.assert_blocked(&["config.invalid"], 78);
    checked.assert_says("config.invalid", &["openclaw.json:3:3"]);
}

#[test]
fn a_config_that_the_gateway_was_told_not_to_reload_is_unapplied() {
    let Some(openclaw) = OpenClaw::find() else { return };
    let builder = Builder::new(&openclaw).token(CONFIG_TOKEN);
    let mut gateway = builder.config("/gateway/reload/mode", json!("off")).build();
    gateway.start_until_ready();
    gateway.write_config(&gateway.config_with("/gateway/controlUi/enabled", json!(false)));
    let checked = gateway.portreeve().check();
    checked.assert_passes();
    checked.assert_has("config.unapplied", "warning");
}
