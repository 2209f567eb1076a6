//! Proxies and ingresses in containers.

use portreeve_tests::{Node, OpenClaw, Project};
use serde_json::{Value, json};

use super::{CLI, GATEWAY, bench};
use crate::{CONFIG_TOKEN, OTHER_TOKEN};

const SUBNET: &str = "172.30.0.0/24";
const PROXY: &str = "172.30.0.10";
const UPGRADE: &str =
    "proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection \"upgrade\";";
const FORWARDS: &str = "proxy_set_header Host $host; proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; \
                        proxy_set_header X-Forwarded-Proto $scheme;";
const PATIENCE: &str = "proxy_read_timeout 3600s; proxy_send_timeout 3600s;";
const UNBUFFERED: &str = "proxy_buffering off;";

/// The split behind a proxy that is published, on a network of known addresses.
fn behind<'a>(node: &'a Node, openclaw: &OpenClaw, proxy: &str, definition: Value, trusted: &[&str]) -> Project<'a> {
    let project = Project::split(node, openclaw, "behind", CONFIG_TOKEN)
        .set("/networks", json!({ "default": { "ipam": { "config": [{ "subnet": SUBNET }] } } }))
        .set(&format!("/services/{proxy}"), definition)
        .set(&format!("/services/{proxy}/networks"), json!({ "default": { "ipv4_address": PROXY } }));
    project.state("state", &json!({ "gateway": { "mode": "local", "trustedProxies": trusted } }));
    project
}

/// nginx with these directives in the one location, and these in the server around it.
fn nginx<'a>(node: &'a Node, openclaw: &OpenClaw, server: &str, location: &[&str], trusted: &[&str]) -> Project<'a> {
    let definition = json!({
        "image": "portreeve-lab/nginx:1.22",
        "ports": ["127.0.0.1:8443:443", "127.0.0.1:8080:80"],
        "volumes": ["./nginx.conf:/etc/nginx/nginx.conf:ro", "./tls:/etc/nginx/tls:ro"],
        "depends_on": [GATEWAY],
    });
    let project = behind(node, openclaw, "nginx", definition, trusted);
    std::fs::create_dir_all(project.folder().join("tls")).unwrap();
    let location = location.join("\n      ");
    project.write(
        "nginx.conf",
        &format!(
            "events {{}}\nhttp {{\n  server {{\n    {server}\n    location / {{\n      \
             proxy_pass http://openclaw-gateway:18789;\n      {location}\n    }}\n  }}\n}}\n"
        ),
    );
    project
}

#[test]
fn an_nginx_that_does_all_it_should_is_ready() {
    let Some((openclaw, node)) = bench() else { return };
    let location = [UPGRADE, FORWARDS, PATIENCE, UNBUFFERED];
    let project = nginx(&node, &openclaw, "listen 80;", &location, &[PROXY]);
    project.up_until_ready();
    project.lint().assert_clean();
    project.check().assert_passes();
}

#[test]
fn a_caddy_that_does_all_it_should_is_ready() {
    let Some((openclaw, node)) = bench() else { return };
    let project = caddy(&node, &openclaw, &[PROXY]);
    project.up_until_ready();
    project.lint().assert_clean();
    project.check().assert_passes();
}

fn caddy<'a>(node: &'a Node, openclaw: &OpenClaw, trusted: &[&str]) -> Project<'a> {
    let definition = json!({
        "image": "portreeve-lab/caddy:2.6",
        "ports": ["127.0.0.1:8080:80"],
        "volumes": ["./Caddyfile:/etc/caddy/Caddyfile:ro"],
        "depends_on": [GATEWAY],
    });
    let project = behind(node, openclaw, "caddy", definition, trusted);
    project.write("Caddyfile", "{\n  admin off\n}\n:80 {\n  reverse_proxy openclaw-gateway:18789\n}\n");
    project
}

#[test]
fn an_nginx_without_upgrade_headers_drops_the_upgrade() {
    let Some((openclaw, node)) = bench() else { return };
    let location = [FORWARDS, PATIENCE, UNBUFFERED];
    let project = nginx(&node, &openclaw, "listen 80;", &location, &[PROXY]);
    project.up_until_ready();
    project.lint().assert_finds("proxy.no-upgrade");
    let checked = project.check();
    checked.assert_blocked(&["proxy.no-upgrade"], 69);
    checked.assert_says("proxy.no-upgrade", &["nginx.conf"]);
}

#[test]
fn an_nginx_that_waits_for_five_seconds_cuts_idle_sockets() {
    let Some((openclaw, node)) = bench() else { return };
    let location = [UPGRADE, FORWARDS, "proxy_read_timeout 5s;", UNBUFFERED];
    let project = nginx(&node, &openclaw, "listen 80;", &location, &[PROXY]);
    project.up_until_ready();
    project.lint().assert_finds("proxy.idle-cut");
    project.check().assert_blocked(&["proxy.idle-cut"], 69);
}

#[test]
fn a_caddy_that_buffers_is_named() {
    let Some((openclaw, node)) = bench() else { return };
    let project = caddy(&node, &openclaw, &[PROXY]);
    project.write(
        "Caddyfile",
        "{\n  admin off\n}\n:80 {\n  reverse_proxy openclaw-gateway:18789 {\n    buffer_responses\n  }\n}\n",
    );
    project.up_until_ready();
    project.lint().assert_finds("proxy.buffering");
    let checked = project.check();
    checked.assert_blocked(&["proxy.buffering"], 69);
    checked.assert_says("proxy.buffering", &["buffer_responses"]);
}

#[test]
fn a_certificate_that_has_expired_is_named() {
    let Some((openclaw, node)) = bench() else { return };
    let server =
        "listen 443 ssl; server_name gateway.example; ssl_certificate tls/cert.pem; ssl_certificate_key tls/key.pem;";
    let location = [UPGRADE, FORWARDS, PATIENCE, UNBUFFERED];
    let project = nginx(&node, &openclaw, server, &location, &[PROXY]);
    portreeve_tests::certificate(
        &project.folder().join("tls"),
        "gateway.example",
        ["20200101000000Z", "20200201000000Z"],
    );
    project.up_until_ready();
    let checked = project.check();
    checked.assert_blocked(&["proxy.tls"], 69);
    checked.assert_says("proxy.tls", &["2020-02-01"]);
}

#[test]
fn an_nginx_outside_the_trusted_proxies_is_untrusted() {
    let Some((openclaw, node)) = bench() else { return };
    let location = [UPGRADE, FORWARDS, PATIENCE, UNBUFFERED];
    let project = nginx(&node, &openclaw, "listen 80;", &location, &["10.99.0.0/16"]);
    project.up_until_ready();
    let checked = project.check();
    checked.assert_blocked(&["proxy.untrusted"], 69);
    // From the engine, not by guess.
    checked.assert_says("proxy.untrusted", &[PROXY]);
}

#[test]
fn a_caddy_without_trusted_proxies_is_untrusted() {
    let Some((openclaw, node)) = bench() else { return };
    let project = caddy(&node, &openclaw, &[]);
    project.up_until_ready();
    project.check().assert_blocked(&["proxy.untrusted"], 69);
}

#[test]
fn an_ingress_that_ends_at_another_gateway_is_split() {
    let Some((openclaw, node)) = bench() else { return };
    // Both are on the network of the ingress; only the first has the port of the host.
    let project = Project::split(&node, &openclaw, "ingress", CONFIG_TOKEN)
        .gateway("other-gateway", "./other")
        .env("other-gateway", "OPENCLAW_GATEWAY_TOKEN", OTHER_TOKEN)
        .set(
            "/services/n8n",
            json!({
                "image": "portreeve-lab/n8n:1.64.0",
                "command": ["sleep", "infinity"],
                "environment": { "OPENCLAW_WEBHOOK_URL": "http://other-gateway:18789/hooks/agent" },
                "depends_on": [GATEWAY, "other-gateway"],
            }),
        );
    project.state("other", &json!({ "gateway": { "mode": "local" } }));
    project.up_until_ready();
    project.wait_until_ready("other-gateway");
    let checked = project.check();
    checked.assert_blocked(&["ingress.split"], 69);
    checked.assert_says("ingress.split", &["other-gateway", CLI.strip_suffix("-cli").unwrap()]);
}
