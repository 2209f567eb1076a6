//! Proxies before a gateway, and what each of their faults is called.

use std::path::{Path, PathBuf};

use portreeve_tests::{Builder, Checked, Gateway, OpenClaw, Proxy};
use serde_json::json;

use crate::CONFIG_TOKEN;

const UPGRADE: &str =
    "proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection \"upgrade\";";

/// A ready gateway that trusts these proxies.
fn gateway(openclaw: &OpenClaw, trusted: &[&str]) -> Gateway {
    let mut gateway =
        Builder::new(openclaw).token(CONFIG_TOKEN).config("/gateway/trustedProxies", json!(trusted)).build();
    gateway.start_until_ready();
    gateway
}

/// Root causes on the way to gateways. Containers of an engine on this machine may have others.
fn on_the_way(checked: &Checked) -> Vec<&str> {
    let families = ["proxy.", "url.", "ingress.", "port.", "close."];
    checked.root_causes().into_iter().filter(|code| families.iter().any(|family| code.starts_with(family))).collect()
}

fn assert_root_cause(checked: &Checked, code: &str) {
    assert_eq!(on_the_way(checked), [code], "root causes\n{checked}");
    assert_eq!(checked.status, 69, "exit status\n{checked}");
}

fn location(gateway: &Gateway, scheme: &str, lines: &str) -> String {
    format!("location / {{\nproxy_pass {scheme}://127.0.0.1:{};\n{lines}\n}}", gateway.port())
}

#[test]
fn proxies_that_pass_everything_on_are_well() {
    let Some(openclaw) = OpenClaw::find() else { return };
    let gateway = gateway(&openclaw, &[]);
    let Some(_nginx) = Proxy::nginx(&location(&gateway, "http", UPGRADE)) else { return };
    let site = format!("reverse_proxy 127.0.0.1:{} {{\nheader_up -X-Forwarded-*\n}}", gateway.port());
    let Some(_caddy) = Proxy::caddy(&site) else { return };
    let checked = gateway.portreeve().check();
    assert_eq!(on_the_way(&checked), [""; 0], "{checked}");
}

#[test]
fn nginx_without_upgrade_headers_drops_the_upgrade() {
    let Some(openclaw) = OpenClaw::find() else { return };
    let gateway = gateway(&openclaw, &[]);
    let Some(proxy) = Proxy::nginx(&location(&gateway, "http", "")) else { return };
    let checked = gateway.portreeve().check();
    assert_root_cause(&checked, "proxy.no-upgrade");
    let file = format!("{}/nginx.conf:", proxy.folder().display());
    checked
        .assert_says("proxy.no-upgrade", &[&proxy.port().to_string(), &file, "proxy_set_header Upgrade $http_upgrade"]);
}

#[test]
fn nginx_read_timeout_of_five_seconds_cuts_idle_connections() {
    let Some(openclaw) = OpenClaw::find() else { return };
    let gateway = gateway(&openclaw, &[]);
    let lines = format!("{UPGRADE} proxy_read_timeout 5s;");
    let Some(proxy) = Proxy::nginx(&location(&gateway, "http", &lines)) else { return };
    let checked = gateway.portreeve().check();
    assert_root_cause(&checked, "proxy.idle-cut");
    checked.assert_says(
        "proxy.idle-cut",
        &[&proxy.port().to_string(), "cut an idle connection after 5", "proxy_read_timeout 1h"],
    );
}

#[test]
fn caddy_read_timeout_of_five_seconds_cuts_idle_connections() {
    let Some(openclaw) = OpenClaw::find() else { return };
    let gateway = gateway(&openclaw, &[]);
    let site = format!(
        "reverse_proxy 127.0.0.1:{} {{\nheader_up -X-Forwarded-*\ntransport http {{\nread_timeout 5s\n}}\n}}",
        gateway.port()
    );
    let Some(_proxy) = Proxy::caddy(&site) else { return };
    assert_root_cause(&gateway.portreeve().check(), "proxy.idle-cut");
}

#[test]
fn buffering_proxy_holds_the_challenge_back() {
    let Some(openclaw) = OpenClaw::find() else { return };
    let gateway = gateway(&openclaw, &[]);
    let site = format!("reverse_proxy 127.0.0.1:{} {{\nheader_up -X-Forwarded-*\nbuffer_responses\n}}", gateway.port());
    let Some(proxy) = Proxy::caddy(&site) else { return };
    let checked = gateway.portreeve().check();
    assert_root_cause(&checked, "proxy.buffering");
    checked.assert_says("proxy.buffering", &[&proxy.port().to_string(), "buffer_responses"]);
}

/// Certificates that the client's own tests use.
fn certificates() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../agent/openclaw/tests/fixtures/tls").canonicalize().unwrap()
}

#[test]
fn expired_certificate_of_the_front_is_named() {
    let Some(openclaw) = OpenClaw::find() else { return };
    let gateway = gateway(&openclaw, &[]);
    let certificates = certificates();
    let at = certificates.display();
    let server = format!(
        "server_name localhost; ssl_certificate {at}/expired.pem; ssl_certificate_key {at}/expired.key;\n{}",
        location(&gateway, "http", UPGRADE)
    );
    let Some(proxy) = Proxy::nginx_listening("ssl", &server) else { return };
    let checked = gateway.portreeve().check();
    assert_root_cause(&checked, "proxy.tls");
    checked.assert_says("proxy.tls", &[&proxy.port().to_string(), "expired", &format!("{at}/expired.pem")]);
}

#[test]
fn https_to_the_plain_port_is_the_wrong_scheme() {
    let Some(openclaw) = OpenClaw::find() else { return };
    let gateway = gateway(&openclaw, &[]);
    let Some(proxy) = Proxy::nginx(&location(&gateway, "https", UPGRADE)) else { return };
    let checked = gateway.portreeve().check();
    assert_root_cause(&checked, "url.wrong-scheme");
    let right = format!("proxy_pass http://127.0.0.1:{};", gateway.port());
    checked.assert_says("url.wrong-scheme", &[&proxy.port().to_string(), &right]);
}

#[test]
fn trusted_proxies_without_the_proxys_address_refuse_all_that_it_passes_on() {
    let Some(openclaw) = OpenClaw::find() else { return };
    let gateway = gateway(&openclaw, &["10.99.0.0/16"]);
    let lines = format!("{UPGRADE} proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;");
    let Some(_proxy) = Proxy::nginx(&location(&gateway, "http", &lines)) else { return };
    let checked = gateway.portreeve().check();
    assert_root_cause(&checked, "proxy.untrusted");
    checked.assert_says("proxy.untrusted", &["gateway.trustedProxies", "10.99.0.0/16", "127.0.0.1"]);
}

#[test]
fn a_public_url_without_tls_where_clients_would_speak_it() {
    let Some(openclaw) = OpenClaw::find() else { return };
    let gateway = gateway(&openclaw, &[]);
    let url = format!("https://localhost:{}", gateway.port());
    let checked = gateway.portreeve().env("PORTREEVE_PUBLIC_URLS", &url).check();
    assert_root_cause(&checked, "url.wrong-scheme");
}
