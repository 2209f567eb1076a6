//! `url.loopback-in-namespace`, `url.unresolvable`, `url.no-shared-network`, `url.wrong-port`

use super::super::contained::{name, shares_kernel};
use super::way::{Way, ways};
use super::{about, explain_plaintext};
use crate::catalogue::Code;
use crate::diagnose::{Context, Draft};
use crate::snapshot::{FailureKind, NetworkMode, PublishedPort, Snapshot, Workload};

/// Most names that are listed.
const MOST_NAMES: usize = 8;

/// `url.loopback-in-namespace`: the client looks for the gateway on a loopback that is not the gateway's.
pub(super) fn loopback(context: Context<'_>, out: &mut Vec<Draft>) {
    for way in ways(context).filter(|way| way.is_home() && !way.together && !way.works()) {
        if way.net.network_mode == NetworkMode::Host || listens_here(&way) {
            continue;
        }
        let url = &way.url.url;
        let place = match way.there {
            Some(there) => name(there),
            None => "the host".to_owned(),
        };
        let summary = format!(
            "{} looks for the gateway at `{}:{}`, which is {} itself{}; the gateway is in {place}",
            super::client(way.client),
            url.host,
            url.port,
            name(way.net),
            way.named_loopback().map_or_else(String::new, |address| format!(", since it stands for {address} there")),
        );
        let mut draft = about(context, Code::UrlLoopbackInNamespace, &way, summary);
        draft = networks(draft, context, &way);
        draft = match way.hosts().next() {
            Some(_) => in_hosts_file(draft, context, &way)
                .remedy(format!("remove `{}` from its `extra_hosts`, and let the name be the network's", url.host)),
            None => draft,
        };
        let right = way.right_url();
        if !right.contains(&format!("//{}:", url.host)) {
            draft = explain_plaintext(draft.remedy(format!("set `OPENCLAW_GATEWAY_URL={right}`")), &way);
        }
        if let Some(service) = way.there.and_then(|there| there.service.as_ref()) {
            draft =
                draft.remedy(format!("or let it share the gateway's namespace: `network_mode: \"service:{service}\"`"));
        }
        out.push(draft);
    }
}

/// Where the hosts file of the client's namespace is told of the URL's host.
fn in_hosts_file(draft: Draft, context: Context<'_>, way: &Way<'_>) -> Draft {
    let host = &way.url.url.host;
    let told = |workload: &&Workload| workload.hosts(host).next().is_some();
    let Some(workload) = [way.net, way.here].into_iter().find(told) else { return draft };
    let words = format!("its hosts file has `{host}`");
    match workload.place(&format!("extra_hosts.{host}")) {
        Some(place) => draft.written(words, Some(place), context.snapshot.taken_at),
        None => draft.evidence(
            words,
            workload.engine.clone().unwrap_or_else(|| "definition".to_owned()),
            context.snapshot.taken_at,
        ),
    }
}

/// Whether something else listens on that port in the client's own namespace: a forwarder beside it.
fn listens_here(way: &Way<'_>) -> bool {
    let listeners = way.here.view.get().and_then(|view| view.listeners.get());
    listeners.into_iter().flatten().any(|listener| listener.port == way.url.url.port)
}

/// `url.no-shared-network`: the client names a gateway with which it has no network in common.
pub(super) fn no_shared_network(context: Context<'_>, out: &mut Vec<Draft>) {
    for way in ways(context).filter(|way| !way.together && !way.is_home() && !way.works()) {
        let (Some(there), Some(common)) = (way.there, way.common()) else { continue };
        let own = |mode: &NetworkMode| matches!(mode, NetworkMode::Own | NetworkMode::None);
        let of_network = way.is_name() && !way.url.url.host.contains('.') && way.hosts().next().is_none();
        let meant = way.names_gateway() || of_network;
        if !common.is_empty() || !meant || !own(&way.net.network_mode) || !own(&there.network_mode) {
            continue;
        }
        let ours = labels(context.snapshot, way.net.networks.iter().map(|network| network.network.as_str()));
        let theirs = labels(context.snapshot, there.networks.iter().map(|network| network.network.as_str()));
        let summary = format!(
            "{} is on {ours}, its gateway {} on {theirs}: they have no network in common",
            super::client(way.client),
            name(there)
        );
        let mut draft = networks(about(context, Code::UrlNoSharedNetwork, &way, summary), context, &way);
        let network = there.networks.first().map(|network| network.network.as_str()).unwrap_or_default();
        let network = label(context.snapshot, network);
        if way.net.is_running() {
            draft = draft.command(
                "attach it now",
                super::super::contained::engine_command(
                    context.snapshot,
                    way.net,
                    &format!("network connect {network} {}", super::super::command::quote(&way.net.name)),
                ),
            );
        }
        out.push(
            draft.remedy(format!("write a common network under `networks` of both services, such as `{network}`")),
        );
    }
}

/// `url.unresolvable`: the host of the URL is no name in the client's namespace.
pub(super) fn unresolvable(context: Context<'_>, out: &mut Vec<Draft>) {
    let snapshot = context.snapshot;
    for way in ways(context).filter(|way| way.is_name() && !way.works()) {
        let host = way.url.url.host.as_str();
        let view = way.here.view.get();
        let asked = view.and_then(|view| view.names.iter().find(|answer| answer.host == host));
        let failed = way.client.handshake.failure().map(|failure| failure.kind) == Some(FailureKind::Unresolved);
        let names = way.resolvable(snapshot);
        let fails = match asked {
            Some(answer) => answer.addresses.is_empty() && answer.error.is_some(),
            None => way.hosts().next().is_none() && (failed || by_definition(&way, &names)),
        };
        if !fails {
            continue;
        }
        let near = nearest(host, &names);
        let hint = near.map_or_else(String::new, |near| format!("; `{near}` would"));
        let summary = format!(
            "{} looks for the gateway at `{host}`, a name that does not resolve in {}{hint}",
            super::client(way.client),
            name(way.net)
        );
        let mut draft = about(context, Code::UrlUnresolvable, &way, summary);
        if let Some(error) = asked.and_then(|answer| answer.error.as_ref()) {
            draft = draft.seen(format!("`{host}`: {error}"), &way.here.view);
        } else if let Some(failure) = way.client.handshake.failure() {
            draft = draft.answered(failure.message.clone(), "handshake of the client", &way.client.handshake);
        }
        if !names.is_empty() {
            let list: Vec<&str> = names.iter().copied().take(MOST_NAMES).collect();
            draft = draft.evidence(
                format!("names that resolve there: {}", list.join(", ")),
                way.net.engine.clone().unwrap_or_else(|| "definition".to_owned()),
                snapshot.taken_at,
            );
        }
        out.push(draft.remedy(format!("write `{}` in {}", way.right_url(), way.url.source)));
    }
}

/// Whether definitions alone say that the host is nobody's name. A name with a dot may be one of the world's.
fn by_definition(way: &Way<'_>, names: &[&str]) -> bool {
    let host = way.url.url.host.as_str();
    let own = way.net.network_mode == NetworkMode::Own && !way.net.networks.is_empty();
    own && !names.is_empty() && !names.iter().any(|name| name.eq_ignore_ascii_case(host)) && !host.contains('.')
}

/// The name that was probably meant.
fn nearest<'a>(host: &str, names: &[&'a str]) -> Option<&'a str> {
    let wrong = |name: &&&str| distance(host, name);
    names.iter().min_by_key(wrong).filter(|name| distance(host, name) <= host.len() / 3).copied()
}

/// Edit distance of two short names (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().take(128).collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (line, a) in one.chars().take(128).enumerate() {
        let mut before = line;
        let mut left = line + 1;
        let mut next = vec![left];
        for (b, above) in other.iter().zip(row.iter().skip(1)) {
            let cost = (before + usize::from(a != *b)).min(above + 1).min(left + 1);
            before = *above;
            left = cost;
            next.push(cost);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

/// `url.wrong-port`: nothing listens where the client connects, and the gateway does elsewhere in the same place.
pub(super) fn wrong_port(context: Context<'_>, out: &mut Vec<Draft>) {
    for way in ways(context).filter(|way| !way.works()) {
        let Some(there) = way.there else { continue };
        let port = way.url.url.port;
        let through_host = way.through_host(context.snapshot);
        let found = if through_host { off_host(context, &way, there) } else { off_gateway(&way, there) };
        let Some((summary, seen)) = found else { continue };
        let mut draft = about(context, Code::UrlWrongPort, &way, summary).evidence(
            seen,
            there.engine.clone().unwrap_or_else(|| "definition".to_owned()),
            context.snapshot.taken_at,
        );
        for published in there.ports.iter().filter(|published| published.host_port == Some(port)) {
            if let Some(place) = there.place(&published.key) {
                let words = format!("port {} is published as {port}", published.container_port);
                draft = draft.written(words, Some(place), context.snapshot.taken_at);
            }
        }
        out.push(if !through_host {
            draft.remedy(format!("write `{}` in {}", way.right_url(), way.url.source))
        } else if on_loopback(there, way.gateway.port, port).is_some() {
            let draft = in_hosts_file(draft, context, &way);
            let shared = way.common().is_some_and(|common| !common.is_empty());
            let joined = if shared { "" } else { ", on a network that both are attached to" };
            let draft = draft.remedy(format!("write `{}` in {}{joined}", way.right_url(), way.url.source));
            explain_plaintext(draft, &way)
                .remedy("or let it share the gateway's namespace, and remove the URL")
                .remedy("do not publish the port on every address for it: others would reach the gateway as well")
        } else {
            draft.remedy("use the port that is published, or the gateway's service name and its own port")
        });
    }
}

/// What is wrong with a port of the host, and what tells.
fn off_host(context: Context<'_>, way: &Way<'_>, there: &Workload) -> Option<(String, String)> {
    let snapshot = context.snapshot;
    let (port, who, inner) = (way.url.url.port, super::client(way.client), way.gateway.port);
    if let Some(published) =
        on_loopback(there, inner, port).filter(|_| !way.is_home() && shares_kernel(snapshot, there) == Some(true))
    {
        let other =
            snapshot.listeners_on(port).any(|listener| !listener.foreign_netns && !listener.address.is_loopback());
        let address = published.host_address.as_deref().unwrap_or_default();
        return (!other).then(|| {
            let summary = format!(
                "{who} connects to port {port} of the host at `{}`, where nothing listens: its gateway is published \
                 there on {address} only, which no container reaches",
                way.url.url.host
            );
            (summary, format!("{} publishes port {inner} on {address}:{port}", name(there)))
        });
    }
    let published: Vec<u16> = there
        .ports
        .iter()
        .filter(|published| published.container_port == inner)
        .filter_map(|published| published.host_port)
        .collect();
    let right = published.first().filter(|_| !published.contains(&port))?;
    let mut other = snapshot.workloads.iter().flat_map(|workload| &workload.ports);
    if other.any(|published| published.host_port == Some(port)) || snapshot.listeners_on(port).next().is_some() {
        return None;
    }
    Some((
        format!("{who} connects to port {port} of the host, and its gateway is published there as {right}"),
        format!("{} publishes port {inner} as {right}", name(there)),
    ))
}

/// The way by which a gateway's port is published on a port of the host, where that is on the host's loopback alone.
fn on_loopback(there: &Workload, inner: u16, port: u16) -> Option<&PublishedPort> {
    let mut on_port = there.ports.iter().filter(|published| {
        published.container_port == inner && published.host_port == Some(port) && published.protocol != "udp"
    });
    let first = on_port.next()?;
    (!first.is_exposed() && on_port.all(|published| !published.is_exposed())).then_some(first)
}

/// What is wrong with a port of the gateway's own namespace, and what tells.
fn off_gateway(way: &Way<'_>, there: &Workload) -> Option<(String, String)> {
    let port = way.url.url.port;
    let reached = way.names_gateway() && (way.together || way.common().is_some_and(|common| !common.is_empty()));
    if !reached || port == way.gateway.port || heard_on(way, port) {
        return None;
    }
    let published = there.ports.iter().any(|published| published.host_port == Some(port));
    let why = if published { "that is the port published on the host" } else { "nothing listens on that one" };
    let summary = format!(
        "{} connects to port {port} of {}, and the gateway listens on port {} there: {why}",
        super::client(way.client),
        name(there),
        way.gateway.port
    );
    Some((summary, format!("port {} ({})", way.gateway.port, way.gateway.port_source)))
}

/// Whether something was seen to listen there.
fn heard_on(way: &Way<'_>, port: u16) -> bool {
    let listeners = way.there.and_then(|there| there.view.get()).and_then(|view| view.listeners.get());
    listeners.into_iter().flatten().any(|listener| listener.port == port)
}

/// The networks of both sides.
fn networks(draft: Draft, context: Context<'_>, way: &Way<'_>) -> Draft {
    let mut draft = draft;
    for workload in [Some(way.net), way.there].into_iter().flatten() {
        let ids = labels(context.snapshot, workload.networks.iter().map(|network| network.network.as_str()));
        let source = workload.engine.clone().unwrap_or_else(|| "definition".to_owned());
        draft = draft.evidence(format!("{} is on {ids}", name(workload)), source, context.snapshot.taken_at);
    }
    draft
}

/// The name of a network.
fn label<'a>(snapshot: &'a Snapshot, id: &'a str) -> &'a str {
    snapshot.networks.iter().find(|network| network.id == id).map_or(id, |network| network.name.as_str())
}

fn labels<'a>(snapshot: &'a Snapshot, ids: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<String> = ids.map(|id| format!("`{}`", label(snapshot, id))).collect();
    if names.is_empty() { "no network".to_owned() } else { names.join(", ") }
}
