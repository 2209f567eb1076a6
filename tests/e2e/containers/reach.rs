//! The way from a command line to its gateway.

use portreeve_tests::Project;
use serde_json::json;

use super::{CLI, PLAINTEXT_VARIABLE, URL_VARIABLE, apart, bench, bench_apart, said};
use crate::CONFIG_TOKEN;

/// The lint and the check name this cause, and the real command line fails with these words.
fn assert_unreachable(project: &Project<'_>, code: &str, words: &str) {
    project.up_until_ready();
    let answer = project.run(CLI, &["health", "--timeout", "5000"]);
    assert!(!answer.status.success() && said(&answer).contains(words), "{}", said(&answer));
    project.lint().assert_finds(code);
    project.check().assert_blocked(&[code], 69);
}

#[test]
fn a_loopback_url_on_the_bridge_leads_into_its_own_namespace() {
    let Some((openclaw, node)) = bench_apart() else { return };
    let project = apart(&node, &openclaw, "ws://127.0.0.1:18789");
    assert_unreachable(&project, "url.loopback-in-namespace", "ECONNREFUSED");
}

#[test]
fn a_url_by_default_on_the_bridge_leads_into_its_own_namespace() {
    let Some((openclaw, node)) = bench_apart() else { return };
    let project = apart(&node, &openclaw, "").unset(&format!("/services/openclaw-cli/environment/{URL_VARIABLE}"));
    assert_unreachable(&project, "url.loopback-in-namespace", "Gateway not reachable");
}

#[test]
fn a_typo_in_the_services_name_does_not_resolve() {
    let Some((openclaw, node)) = bench_apart() else { return };
    let project = apart(&node, &openclaw, "ws://openclaw-gatway:18789");
    assert_unreachable(&project, "url.unresolvable", "openclaw-gatway");
    project.check().assert_says("url.unresolvable", &["openclaw-gatway", "openclaw-gateway"]);
}

#[test]
fn a_client_that_ends_and_is_started_again_does_not_hide_its_cause() {
    let Some((openclaw, node)) = bench_apart() else { return };
    let project = apart(&node, &openclaw, "ws://openclaw-gatway:18789");
    let project = project
        .set(&format!("/services/{CLI}/command"), json!(["health", "--timeout", "2000"]))
        .set(&format!("/services/{CLI}/restart"), json!("always"));
    project.up_until_ready();
    for _ in 0..4 {
        project.check().assert_blocked(&["url.unresolvable"], 69);
    }
}

#[test]
fn networks_without_a_common_one_keep_them_apart() {
    let Some((openclaw, node)) = bench_apart() else { return };
    let project = apart(&node, &openclaw, "ws://openclaw-gateway:18789")
        .set("/networks", json!({ "back": {}, "front": {} }))
        .set("/services/openclaw-gateway/networks", json!(["back"]))
        .set("/services/openclaw-cli/networks", json!(["front"]));
    assert_unreachable(&project, "url.no-shared-network", "openclaw-gateway");
}

#[test]
fn the_published_port_is_not_the_port_inside() {
    let Some((openclaw, node)) = bench_apart() else { return };
    let project = apart(&node, &openclaw, "ws://openclaw-gateway:28789");
    let project = project.set("/services/openclaw-gateway/ports", json!(["127.0.0.1:28789:18789"]));
    assert_unreachable(&project, "url.wrong-port", "ECONNREFUSED");
    project.check().assert_says("url.wrong-port", &["28789", "18789"]);
}

#[test]
fn plaintext_to_a_service_is_refused_before_it_connects() {
    let Some((openclaw, node)) = bench_apart() else { return };
    let project = apart(&node, &openclaw, "ws://openclaw-gateway:18789");
    let project = project.unset(&format!("/services/openclaw-cli/environment/{PLAINTEXT_VARIABLE}"));
    assert_unreachable(&project, "url.plaintext-refused", "plaintext ws://");
}

#[test]
fn tls_to_the_plain_port_is_the_wrong_scheme() {
    let Some((openclaw, node)) = bench_apart() else { return };
    let project = apart(&node, &openclaw, "wss://openclaw-gateway:18789");
    assert_unreachable(&project, "url.wrong-scheme", "wrong version number");
}

#[test]
fn https_to_the_plain_port_is_the_wrong_scheme() {
    let Some((openclaw, node)) = bench_apart() else { return };
    let project = apart(&node, &openclaw, "https://openclaw-gateway:18789");
    assert_unreachable(&project, "url.wrong-scheme", "wrong version number");
}

#[test]
fn a_gateway_on_the_loopback_of_its_container_is_out_of_reach() {
    let Some((openclaw, node)) = bench_apart() else { return };
    let project = apart(&node, &openclaw, "ws://openclaw-gateway:18789");
    let project = project.set("/services/openclaw-gateway/command/4", json!("loopback"));
    assert_unreachable(&project, "bind.loopback", "ECONNREFUSED");
}

#[test]
fn a_port_published_on_every_address_is_exposed() {
    let Some((openclaw, node)) = bench() else { return };
    let project = Project::split(&node, &openclaw, "exposed", CONFIG_TOKEN);
    let project = project.set("/services/openclaw-gateway/ports", json!(["18789:18789"]));
    project.up_until_ready();
    project.lint().assert_finds("bind.exposed");
    let checked = project.check();
    checked.assert_passes();
    checked.assert_has("bind.exposed", "warning");
}
