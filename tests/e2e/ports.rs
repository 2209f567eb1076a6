//! Who owns a port.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use portreeve_tests::{Builder, Home, OpenClaw, Portreeve, Supervisor, free_port, serve, wait_until};
use serde_json::json;

use crate::{CONFIG_TOKEN, OTHER_TOKEN};

#[test]
fn a_port_that_changed_in_the_config_is_not_where_the_gateway_listens() {
    let Some(openclaw) = OpenClaw::find() else { return };
    let mut gateway = Builder::new(&openclaw).token(CONFIG_TOKEN).build();
    gateway.start_until_ready();
    // It restarts within its process, and keeps the port of its first start.
    let other = free_port();
    gateway.write_config(&gateway.config_with("/gateway/port", json!(other)));
    gateway.wait_until_said("restart mode: in-process restart", 1);
    gateway.wait_until_said("[gateway] ready", 2);
    gateway.wait_until_ready();
    let checked = gateway.portreeve().check();
    checked.assert_blocked(&["url.wrong-port"], 69);
    checked.assert_says("url.wrong-port", &[&other.to_string(), &gateway.port().to_string()]);
}

#[test]
fn a_second_gateway_on_the_port_contends_for_it() {
    let Some(openclaw) = OpenClaw::find() else { return };
    let mut first = Builder::new(&openclaw).token(CONFIG_TOKEN).build();
    first.start_until_ready();
    let mut second = Builder::new(&openclaw).token(OTHER_TOKEN).port(first.port()).build();
    // For some ten seconds it tries to bind.
    second.spawn();
    second.wait_until_owner();
    let checked = first.portreeve().home(second.home()).check();
    checked.assert_blocked(&["port.contended"], 69);
    let homes = [first.home(), second.home()].map(|home| home.display().to_string());
    checked.assert_says("port.contended", &[&homes[0], &homes[1]]);
}

#[test]
fn a_gateway_that_found_its_port_taken_still_contends_for_it_after_its_end() {
    let Some(openclaw) = OpenClaw::find() else { return };
    let mut first = Builder::new(&openclaw).token(CONFIG_TOKEN).build();
    first.start_until_ready();
    let mut second = Builder::new(&openclaw).token(OTHER_TOKEN).port(first.port()).build();
    let status = second.start_until_exit();
    assert_eq!(status.code(), Some(1), "{}", second.console());
    first.portreeve().home(second.home()).check().assert_blocked(&["port.contended"], 69);
}

#[test]
fn a_plain_http_server_on_the_port_is_foreign() {
    let port = serve(|mut stream: TcpStream| {
        let mut request = [0; 4096];
        let _ = stream.read(&mut request);
        let _ = stream.write_all(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 6\r\nConnection: close\r\n\r\nhello\n",
        );
    });
    let home = home_on(port);
    let checked = Portreeve::new(home.path()).check();
    checked.assert_blocked(&["port.foreign"], 69);
    checked.assert_says("port.foreign", &[&port.to_string(), &std::process::id().to_string()]);
}

#[test]
fn nobody_on_the_port_is_silence() {
    let port = free_port();
    let home = home_on(port);
    let checked = Portreeve::new(home.path()).check();
    checked.assert_blocked(&["port.silent"], 69);
    checked.assert_says("port.silent", &[&port.to_string()]);
}

#[test]
fn two_supervised_gateways_on_one_port_kill_each_other() {
    let Some(openclaw) = OpenClaw::find() else { return };
    let port = free_port();
    let gateways: Vec<_> = [CONFIG_TOKEN, OTHER_TOKEN]
        .map(|token| {
            let builder = Builder::new(&openclaw).token(token).port(port);
            builder.env("OPENCLAW_SERVICE_MARKER", "openclaw").env("OPENCLAW_SERVICE_KIND", "gateway").build()
        })
        .into();
    let portreeve = gateways[0].portreeve().home(gateways[1].home());
    let supervisor = Supervisor::start(gateways);
    wait_until("two gateways that killed each other", Duration::from_mins(3), || {
        let killed =
            |index| supervisor.with(index, |gateway| gateway.console().contains("killing 1 stale gateway process"));
        (killed(0) && killed(1)).then_some(())
    });
    // The kill is on the console at once, in the log file a moment later.
    let checked = wait_until("the war in the verdict", Duration::from_secs(30), || {
        let checked = portreeve.check();
        checked.root_causes().contains(&"unit.port-war").then_some(checked)
    });
    checked.assert_blocked(&["unit.port-war"], 69);
}

/// A home whose config claims a port for a gateway.
fn home_on(port: u16) -> Home {
    let home = Home::new();
    let config = json!({ "gateway": { "mode": "local", "port": port, "auth": { "token": CONFIG_TOKEN } } });
    home.write("openclaw.json", &config.to_string());
    home
}
