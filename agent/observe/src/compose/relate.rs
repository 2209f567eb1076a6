//! Which gateway a client's URL leads to.

use portreeve_core::snapshot::{GatewayUrl, NetworkMode, Workload};

use super::Facts;

/// How many steps from one namespace to the next are followed.
const MOST_STEPS: usize = 8;

/// Fills in the gateway of every client whose URL leads to one of the same project.
pub(super) fn clients(facts: &mut Facts) {
    let mut clients = std::mem::take(&mut facts.clients);
    for client in &mut clients {
        let Some(workload) = client.workload.as_deref().and_then(|id| of(facts, id)) else { continue };
        client.gateway = client.url.get().and_then(|url| leads_to(facts, workload, &url.url));
    }
    facts.clients = clients;
}

/// The gateway that an address leads to from within a workload.
pub(super) fn leads_to(facts: &Facts, from: &Workload, url: &GatewayUrl) -> Option<String> {
    let host = url.host.trim_matches(['[', ']']);
    let here = namespace(facts, from);
    let is_loopback =
        host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    let found = facts.gateways.iter().find(|gateway| {
        let Some(workload) = gateway.workload.as_deref().and_then(|id| of(facts, id)) else { return false };
        let there = namespace(facts, workload);
        let same =
            there.id == here.id || there.network_mode == NetworkMode::Host && here.network_mode == NetworkMode::Host;
        let listens = workload.listens.as_ref().is_none_or(|listens| listens.port == url.port);
        if is_loopback && here.network_mode == NetworkMode::Host {
            return same && listens || is_published(there, url.port, gateway.port);
        }
        if is_loopback {
            return same && listens;
        }
        if host == "host.docker.internal" || host == "gateway.docker.internal" {
            return is_published(there, url.port, gateway.port);
        }
        let common =
            there.networks.iter().filter(|network| here.networks.iter().any(|own| own.network == network.network));
        listens
            && common.into_iter().any(|network| {
                network.aliases.iter().any(|alias| alias == host) || network.address.as_deref() == Some(host)
            })
    });
    found.map(|gateway| gateway.id.clone())
}

fn is_published(workload: &Workload, host_port: u16, port: u16) -> bool {
    workload.ports.iter().any(|published| published.host_port == Some(host_port) && published.container_port == port)
}

/// The workload whose network namespace a workload is in.
pub(super) fn namespace<'a>(facts: &'a Facts, workload: &'a Workload) -> &'a Workload {
    let mut at = workload;
    for _ in 0..MOST_STEPS {
        match &at.network_mode {
            NetworkMode::Shared { with, found: true } => match of(facts, with) {
                Some(next) => at = next,
                None => return at,
            },
            _ => return at,
        }
    }
    at
}

fn of<'a>(facts: &'a Facts, id: &str) -> Option<&'a Workload> {
    facts.workloads.iter().find(|workload| workload.id == id)
}
