//! Proxies between clients and gateways: as they behave where that was tried, else as their configuration is written.

mod buffering;
#[cfg(test)]
pub(super) mod fixture;
mod idle;
pub(super) mod origin;
mod scheme;
mod subnets;
mod tls;
mod trust;
mod upgrade;

use jiff::Timestamp;

use super::super::Rule;
use super::command::quote;
use super::contained;
use crate::catalogue::Code;
use crate::diagnose::{Context, Draft};
use crate::snapshot::{Client, Gateway, Place, ProxyConfig, ProxyRoute, Snapshot};

pub(super) const RULES: &[Rule] = &[
    buffering::held_back,
    idle::cut,
    origin::foreign,
    scheme::wrong,
    tls::bad,
    tls::unaccepted,
    trust::untrusted,
    upgrade::dropped,
];

/// What they may raise, `origin.refused` and `url.wrong-scheme` aside.
pub(super) const RAISES: &[Code] =
    &[Code::ProxyNoUpgrade, Code::ProxyIdleCut, Code::ProxyBuffering, Code::ProxyUntrusted, Code::ProxyTls];

/// The gateway behind a proxy.
pub(super) fn gateway_of<'a>(snapshot: &'a Snapshot, route: &ProxyRoute) -> Option<&'a Gateway> {
    snapshot.gateways.iter().find(|gateway| route.gateway.as_ref() == Some(&gateway.id))
}

/// `nginx on claw.example:443`, for sentences.
pub(super) fn name(route: &ProxyRoute) -> String {
    let front = &route.front;
    let host = if front.host.contains(':') { format!("[{}]", front.host) } else { front.host.clone() };
    if route.program.is_empty() {
        return format!("what answers at `{host}:{}`", front.port);
    }
    format!("`{}` at `{host}:{}`", route.program, front.port)
}

/// A finding on a proxy, related to what is found on its gateway and its container.
pub(super) fn about(context: Context<'_>, code: Code, route: &ProxyRoute, summary: String) -> Draft {
    let mut draft = Draft::new(code, "proxy", route.id.clone(), summary);
    if let Some(gateway) = gateway_of(context.snapshot, route) {
        draft = draft.gateway(gateway);
        for client in context.snapshot.clients.iter().filter(|client| comes_by(client, route, gateway)) {
            draft = draft.client(client);
        }
    }
    let workload = route.workload.as_deref().and_then(|id| context.snapshot.workload(id));
    match workload {
        Some(workload) => draft.workload(workload),
        None => draft,
    }
}

/// Whether a client of the gateway behind a proxy comes to it by the proxy's port.
fn comes_by(client: &Client, route: &ProxyRoute, gateway: &Gateway) -> bool {
    (client.gateway.is_none() || client.gateway == route.gateway)
        && client.url.get().is_some_and(|url| url.url.port == route.front.port && url.url.port != gateway.port)
}

/// Where a part of a route is written: that part, or else the route.
pub(super) fn place<'a>(config: &'a ProxyConfig, part: &str) -> Option<&'a Place> {
    config.places.get(part).or_else(|| config.places.get(""))
}

/// The configuration of a route as evidence, where it was read.
pub(super) fn as_written(draft: Draft, route: &ProxyRoute, part: &str, words: &str, at: Timestamp) -> Draft {
    let Some(config) = route.config.get() else { return draft };
    match place(config, part) {
        Some(place) => draft.written(words, Some(place), at),
        None => draft.seen(words, &route.config),
    }
}

/// Where a line belongs: ` in default.conf:12:5`.
pub(super) fn location(route: &ProxyRoute, part: &str) -> String {
    let place = route.config.get().and_then(|config| place(config, part));
    place.map(|place| format!(" at {place}")).unwrap_or_default()
}

/// Lets a proxy take its changed configuration up.
pub(super) fn reload(context: Context<'_>, route: &ProxyRoute, draft: Draft) -> Draft {
    let workload = route.workload.as_deref().and_then(|id| context.snapshot.workload(id));
    let command = match (workload, route.program.as_str()) {
        (Some(workload), _) if workload.engine.is_some() => contained::restart(context.snapshot, workload),
        (None, "nginx") => "nginx -t && nginx -s reload".to_owned(),
        (None, "caddy") => match route.config.get().and_then(|config| place(config, "")) {
            Some(place) => format!("caddy reload --config {}", quote(&place.file)),
            None => "caddy reload".to_owned(),
        },
        _ => return draft,
    };
    draft.command("let it take the change up", command)
}
