//! `bind.loopback`, `bind.exposed` and `url.mixed` of containers

use super::super::contained::{name, namespace, of, shares_kernel};
use super::super::container::stage::heard;
use super::super::transport::weakness;
use super::way::{Way, ways};
use crate::catalogue::{Code, Severity};
use crate::diagnose::{Context, Draft};
use crate::snapshot::{Gateway, NetworkMode, PublishedPort, Workload};

/// `bind.loopback`: the gateway listens on its container's loopback, and somebody comes from elsewhere.
pub(super) fn loopback(context: Context<'_>, out: &mut Vec<Draft>) {
    let snapshot = context.snapshot;
    let ways: Vec<Way<'_>> = ways(context).collect();
    for gateway in &snapshot.gateways {
        let Some(workload) = of(snapshot, gateway).filter(|workload| workload.network_mode == NetworkMode::Own) else {
            continue;
        };
        if !is_loopback_only(context, gateway, workload) {
            continue;
        }
        let published: Vec<&PublishedPort> = published(workload, gateway.port).collect();
        let outside: Vec<&Way<'_>> = ways
            .iter()
            .filter(|way| way.gateway.id == gateway.id && !way.together && way.names_gateway() && !way.works())
            .collect();
        let who = match (outside.first(), published.first()) {
            (Some(way), _) => super::client(way.client),
            (None, Some(_)) => "whoever uses its published port".to_owned(),
            (None, None) => continue,
        };
        let source = workload.listens.as_ref().map_or("its default", |listens| listens.bind_source.as_str());
        let summary = format!(
            "the gateway in {} listens on its container's loopback only ({source}): {who} does not reach it",
            name(workload)
        );
        let mut draft =
            Draft::new(Code::BindLoopback, "gateway", gateway.id.clone(), summary).gateway(gateway).workload(workload);
        draft = match &workload.listens {
            Some(listens) => draft.written(
                format!("bind `{}` from {}", listens.bind, listens.bind_source),
                workload.place(&listens.bind_key),
                snapshot.taken_at,
            ),
            None => draft.seen(format!("port {} is bound to loopback", gateway.port), &workload.view),
        };
        for way in &outside {
            draft = draft.client(way.client);
            if let Some(failure) = way.client.handshake.failure() {
                draft = draft.answered(failure.message.clone(), "handshake of the client", &way.client.handshake);
            }
        }
        let host_port = published.first().and_then(|port| port.host_port).unwrap_or(gateway.port);
        for port in published {
            let words = format!("port {} is published, and nothing answers there", port.container_port);
            draft = draft.written(words, workload.place(&port.key), snapshot.taken_at);
        }
        out.push(
            draft
                .remedy("let it listen on its container's network: `--bind lan`, with a token set")
                .remedy(format!("publish it on the host's loopback only: `127.0.0.1:{host_port}:{}`", gateway.port))
                .remedy("or let the clients share its namespace: `network_mode: \"service:…\"`"),
        );
    }
}

/// `bind.loopback`: the gateway listens on the loopback of the host, and a container comes to the host by the network of its engine.
pub(super) fn loopback_of_host(context: Context<'_>, out: &mut Vec<Draft>) {
    let snapshot = context.snapshot;
    for way in ways(context).filter(|way| way.there.is_none() && !way.together && !way.works()) {
        let port = way.url.url.port;
        let meets = port == way.gateway.port && !way.is_home() && way.through_host(snapshot);
        if !meets || shares_kernel(snapshot, way.net) != Some(true) {
            continue;
        }
        let mut heard = snapshot.listeners_on(port).filter(|listener| !listener.foreign_netns).peekable();
        if heard.peek().is_none() || heard.any(|listener| !listener.address.is_loopback()) {
            continue;
        }
        let summary = format!(
            "the gateway on port {port} listens on the host's loopback only: {} comes over `{}` and does not reach it",
            super::client(way.client),
            way.url.url.host
        );
        let draft = super::about(context, Code::BindLoopback, &way, summary)
            .seen(format!("port {port} is bound to loopback"), &snapshot.listeners);
        out.push(
            draft
                .remedy("run the client in the host's network (`network_mode: host`), and remove its URL")
                .remedy("or let a proxy with TLS on the engine's network pass its connections on to the gateway"),
        );
    }
}

/// Whether only the gateway's own namespace reaches it: what was seen to listen counts before what is written.
fn is_loopback_only(context: Context<'_>, gateway: &Gateway, workload: &Workload) -> bool {
    if let Some(listeners) = heard(context, gateway, workload) {
        let mut on_port = listeners.filter(|listener| listener.port == gateway.port).peekable();
        if on_port.peek().is_some() {
            return on_port.all(|listener| listener.address.is_loopback());
        }
    }
    workload.listens.as_ref().is_some_and(|listens| listens.loopback_only)
}

fn published(workload: &Workload, port: u16) -> impl Iterator<Item = &PublishedPort> {
    workload.ports.iter().filter(move |published| published.container_port == port && published.protocol != "udp")
}

/// `bind.exposed`: the gateway's port is published where others reach it.
pub(super) fn exposed(context: Context<'_>, out: &mut Vec<Draft>) {
    let snapshot = context.snapshot;
    for gateway in &snapshot.gateways {
        let Some(workload) = of(snapshot, gateway) else { continue };
        if is_loopback_only(context, gateway, workload) {
            continue;
        }
        // With `network_mode: service:…` the ports stand on the other service.
        let publisher = namespace(snapshot, workload);
        let ports: Vec<&PublishedPort> =
            published(publisher, gateway.port).filter(|published| published.is_exposed()).collect();
        let on_host = publisher.network_mode == NetworkMode::Host && workload.listens.is_some();
        let Some(how) = ports.first().map(|port| words(port)).or_else(|| on_host.then(in_host_network)) else {
            continue;
        };
        let weakness = weakness(context, gateway);
        let but = weakness.as_ref().map_or_else(String::new, |weakness| format!(", and {weakness}"));
        let summary = format!("the gateway in {} is {how}, beyond this node{but}", name(workload));
        let mut draft =
            Draft::new(Code::BindExposed, "gateway", gateway.id.clone(), summary).gateway(gateway).workload(workload);
        for port in &ports {
            draft = draft.written(words(port), publisher.place(&port.key), snapshot.taken_at);
        }
        if ports.is_empty() {
            draft = draft.written(in_host_network(), publisher.place("network_mode"), snapshot.taken_at);
        }
        if let Some(weakness) = weakness {
            draft = draft.severity(Severity::Error).seen(weakness, &gateway.credentials.mode);
        }
        let host_port = ports.first().and_then(|port| port.host_port).unwrap_or(gateway.port);
        out.push(
            draft
                .remedy(format!("publish it on the host's loopback: `127.0.0.1:{host_port}:{}`", gateway.port))
                .remedy("reach it from other machines through a tunnel, or a proxy with TLS"),
        );
    }
}

fn words(port: &PublishedPort) -> String {
    let address = port.host_address.as_deref().filter(|address| !address.is_empty()).unwrap_or("every address");
    let host = port.host_port.map_or_else(|| "a free port".to_owned(), |port| format!("port {port}"));
    format!("published on {host} of {address}")
}

fn in_host_network() -> String {
    "in the host's network, on every address".to_owned()
}

/// `url.mixed`: a client shares the gateway's namespace and goes over the bridge all the same.
pub(super) fn mixed(context: Context<'_>, out: &mut Vec<Draft>) {
    for way in ways(context).filter(|way| way.together && !way.is_home() && way.names_gateway()) {
        let Some(there) = way.there else { continue };
        let url = &way.url.url;
        let summary = format!(
            "{} shares the network namespace of {} and connects to `{}:{}` all the same",
            super::client(way.client),
            name(there),
            url.host,
            url.port
        );
        let place = way.here.place("network_mode");
        let draft = super::about(context, Code::UrlMixed, &way, summary)
            .written("it shares the gateway's network namespace", place, context.snapshot.taken_at)
            .remedy("remove the URL: on the shared loopback the client needs none, and no approval of its device")
            .remedy("or give the service a network of its own, and keep the URL");
        out.push(draft);
    }
}
