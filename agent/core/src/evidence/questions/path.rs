//! What proxy was on the path.

use super::{Asked, Draft, MOST, capital, time};
use crate::snapshot::{Client, GatewayUrl, Probe, ProxyRoute};

pub(super) fn answer(asked: &Asked<'_>, draft: &mut Draft) {
    for client in asked.snapshot.clients.iter().take(MOST) {
        of_client(asked, client, draft);
    }
    for route in asked.snapshot.proxies.iter().take(MOST) {
        of_route(route, draft);
    }
    if asked.snapshot.clients.is_empty() {
        draft.missing("which way clients take: none was found on this node");
    }
    if asked.snapshot.proxies.is_empty() {
        draft.fact(
            "no proxy with a route to a gateway was found on this node",
            "processes, containers and their configurations",
        );
        for gateway in asked.snapshot.gateways.iter().filter_map(|gateway| gateway.config.get()).take(MOST) {
            if let (Some(origin), true) = (&gateway.public_origin, draft.says.len() < MOST) {
                draft.missing(format!(
                    "what serves {origin}, which {} names as its public address: nothing on this node does",
                    gateway.path
                ));
            }
            if !gateway.trusted_proxies.is_empty() {
                draft.missing(format!(
                    "who {} is, which {} trusts as a proxy: none was found on this node",
                    gateway.trusted_proxies.join(", "),
                    gateway.path
                ));
            }
        }
    }
}

fn of_client(asked: &Asked<'_>, client: &Client, draft: &mut Draft) {
    let Some(facts) = client.url.get() else {
        let why = client.url.blind().unwrap_or("it has no address to connect to");
        draft.missing(format!("which way {} takes: {why}", client.id));
        return;
    };
    let url = shown(&facts.url);
    draft.fact(format!("{} connects to {url}", client.id), facts.source.clone());
    let front = asked.snapshot.proxies.iter().find(|route| is_at(&route.front, &facts.url));
    match (front, &client.gateway) {
        (Some(route), gateway) => {
            let to = gateway.as_ref().map(|gateway| format!(" to {gateway}")).unwrap_or_default();
            draft.say(format!("{} goes through {} at {}{to}.", client.id, name(route), shown(&route.front)));
        }
        (None, Some(gateway)) if !facts.by_default || facts.loopback => {
            draft.say(format!("No proxy: {} connects straight to {gateway} at {url}.", client.id));
        }
        (None, Some(gateway)) => draft
            .say(format!("{} connects to {gateway} at {url}; no proxy of this node serves that address.", client.id)),
        (None, None) => draft.missing(format!(
            "what lies between {} and its gateway: {url} leads to nothing that is known on this node",
            client.id
        )),
    }
}

fn of_route(route: &ProxyRoute, draft: &mut Draft) {
    let to = match (&route.gateway, &route.upstream) {
        (Some(gateway), _) => format!("gateway {gateway}"),
        (None, Some(upstream)) => format!("{}, where no gateway is known", shown(upstream)),
        (None, None) => "nobody knows where".to_owned(),
    };
    draft.say(format!("{} passes {} on to {to}.", capital(&name(route)), shown(&route.front)));
    let source = route.config.source.clone();
    match route.config.get() {
        Some(config) => {
            let upgrade = if config.upgrade { "passes a WebSocket on" } else { "does not pass a WebSocket on" };
            let timeout = config.read_timeout_s.map(|s| format!(", cuts after {s} s of silence")).unwrap_or_default();
            let buffering = if config.buffering { ", buffers" } else { "" };
            draft.fact_at(format!("{}: {upgrade}{timeout}{buffering}", route.program), source, route.config.at);
        }
        None => {
            let why = route.config.blind().unwrap_or("it was not found");
            draft.missing(format!("how {} is configured: {why}", name(route)));
        }
    }
    if !route.http_only {
        draft.fact_at(
            format!("a handshake through it {}; directly it {}", came(&route.through), came(&route.direct)),
            route.id.clone(),
            route.through.at,
        );
    }
    if let Some(tls) = route.tls.get() {
        let until = tls.not_after.map(|at| format!(", until {}", time(at))).unwrap_or_default();
        let refusal = tls.refusal.as_ref().map(|why| format!("; a client would refuse it: {why}")).unwrap_or_default();
        draft.fact_at(
            format!("certificate for {}{until}{refusal}", tls.names.join(", ")),
            route.tls.source.clone(),
            route.tls.at,
        );
    }
}

fn came<T>(probe: &Probe<T>) -> String {
    match (probe.answer(), probe.failure(), probe.not_tried_because()) {
        (Some(_), _, _) => "came through".to_owned(),
        (_, Some(failure), _) => format!("failed in {}: {}", failure.phase.name(), failure.message),
        (_, _, why) => format!("was not tried: {}", why.unwrap_or_default()),
    }
}

fn name(route: &ProxyRoute) -> String {
    route
        .workload
        .as_ref()
        .map_or_else(|| format!("{} on the host", route.program), |workload| format!("{} in {workload}", route.program))
}

fn is_at(front: &GatewayUrl, url: &GatewayUrl) -> bool {
    front.host == url.host && front.port == url.port
}

fn shown(url: &GatewayUrl) -> String {
    format!("{}://{}:{}", url.scheme, url.host, url.port)
}
