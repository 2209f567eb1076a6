//! Caddy's own JSON, as `caddy adapt` prints it. It has no places: a finding names the file.

use std::collections::BTreeMap;

use portreeve_core::snapshot::{GatewayUrl, Place, ProxyConfig};
use serde_json::Value;

use super::super::Program;
use super::super::files::Loader;
use super::super::route::{self, RouteFound, has_room, is_http_only, short, split_authority};
use super::{ADDED, seconds, upstream};

/// Deepest nesting of routes.
const MAX_DEPTH: usize = 16;
/// Most addresses that a server listens on.
const MAX_LISTENS: usize = 64;

pub(super) fn routes(name: &str, text: &str, loader: &Loader<'_>) -> Vec<RouteFound> {
    let Ok(config) = serde_json::from_str::<Value>(text) else { return Vec::new() };
    let mut found = Vec::new();
    let servers = config.pointer("/apps/http/servers").and_then(Value::as_object);
    for server in servers.into_iter().flat_map(|servers| servers.values()) {
        let automatic = server.pointer("/automatic_https/disable").and_then(Value::as_bool) != Some(true);
        let has_tls =
            server.get("tls_connection_policies").and_then(Value::as_array).is_some_and(|all| !all.is_empty());
        let listens: Vec<&str> = strings(server.get("listen"));
        for listen in listens.into_iter().take(MAX_LISTENS) {
            let listen = listen.trim_start_matches("tcp/");
            let authority =
                listen.strip_prefix(':').map_or_else(|| listen.to_owned(), |port| format!("0.0.0.0:{port}"));
            let Some((host, port)) = split_authority(&authority, 80) else { continue };
            let address = host.parse().ok().filter(|address: &std::net::IpAddr| !address.is_unspecified());
            let around = Around { name, address, port, has_tls, automatic, loader };
            walk(server.get("routes"), &[], "/", &around, 0, &mut found);
        }
    }
    found
}

struct Around<'a> {
    name: &'a str,
    address: Option<std::net::IpAddr>,
    port: u16,
    has_tls: bool,
    automatic: bool,
    loader: &'a Loader<'a>,
}

fn strings(value: Option<&Value>) -> Vec<&str> {
    value.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
}

fn walk(
    routes: Option<&Value>,
    hosts: &[&str],
    path: &str,
    around: &Around<'_>,
    depth: usize,
    found: &mut Vec<RouteFound>,
) {
    if depth > MAX_DEPTH {
        return;
    }
    for route in routes.and_then(Value::as_array).into_iter().flatten() {
        let matches = route.get("match").and_then(Value::as_array);
        let of =
            |key: &str| -> Vec<&str> { matches.into_iter().flatten().flat_map(|one| strings(one.get(key))).collect() };
        let own = of("host");
        let hosts = if own.is_empty() { hosts } else { &own };
        let paths = of("path");
        let path = paths.first().map_or(path, |path| path.trim_end_matches('*'));
        for handler in route.get("handle").and_then(Value::as_array).into_iter().flatten() {
            match handler.get("handler").and_then(Value::as_str) {
                Some("subroute") => walk(handler.get("routes"), hosts, path, around, depth + 1, found),
                Some("reverse_proxy") => {
                    if !has_room(found, None, around.loader) {
                        return;
                    }
                    let tls = around.has_tls || around.automatic && around.port != 80 && !hosts.is_empty();
                    let (upstream, config) = proxy(handler, around.name);
                    found.push(RouteFound {
                        program: Program::Caddy,
                        names: route::names(hosts.iter().copied()),
                        address: around.address,
                        port: around.port,
                        tls,
                        path: short(path),
                        http_only: is_http_only(path),
                        raw: false,
                        upstream,
                        config,
                    });
                }
                _ => {}
            }
        }
    }
}

fn proxy(handler: &Value, name: &str) -> (Option<GatewayUrl>, ProxyConfig) {
    let dial = handler.pointer("/upstreams/0/dial").and_then(Value::as_str);
    let tls = handler.pointer("/transport/tls").is_some();
    let timeouts = [handler.pointer("/transport/read_timeout"), handler.get("stream_timeout")];
    let shortest = timeouts.into_iter().flatten().filter_map(duration).filter(|s| *s > 0.0).min_by(f64::total_cmp);
    let mut forwards: Vec<String> = ADDED.map(str::to_owned).into();
    let removed = strings(handler.pointer("/headers/request/delete"));
    forwards.retain(|name| !removed.iter().any(|removed| removed.eq_ignore_ascii_case(name)));
    let set = handler.pointer("/headers/request/set").and_then(Value::as_object);
    let origin = set.into_iter().flatten().find(|(name, _)| name.eq_ignore_ascii_case("origin"));
    let origin = origin.and_then(|(_, values)| strings(Some(values)).first().map(|text| (*text).to_owned()));
    let place = Place { file: name.to_owned(), line: 1, column: 1 };
    let config = ProxyConfig {
        upgrade: true,
        read_timeout_s: shortest,
        buffering: handler.get("buffer_responses").and_then(Value::as_bool) == Some(true),
        forwards,
        origin: origin.filter(|text| !text.is_empty()),
        certificate: None,
        places: BTreeMap::from([(String::new(), place)]),
    };
    (dial.and_then(|dial| upstream(dial, tls)), config)
}

/// Nanoseconds, or text.
#[expect(clippy::cast_precision_loss, reason = "a timeout of centuries may be off by a second")]
fn duration(value: &Value) -> Option<f64> {
    match value {
        Value::String(text) => seconds(text),
        other => other.as_u64().map(|nanoseconds| nanoseconds as f64 / 1e9),
    }
}
