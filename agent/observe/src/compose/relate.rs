//! Which gateway a client's URL leads to.

use std::net::IpAddr;

use portreeve_core::snapshot::{GatewayUrl, HostsAddress, NetworkMode, Workload};

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
    let literal = host.parse::<IpAddr>().ok();
    // A hosts file counts before the names of networks.
    let told: Vec<HostsAddress> =
        here.hosts(host).chain(from.hosts(host)).filter(|told| *told != HostsAddress::Unknown).collect();
    let is_own = |told: &HostsAddress| matches!(told, HostsAddress::Ip(address) if address.is_loopback());
    let is_loopback =
        host == "localhost" || literal.is_some_and(|address| address.is_loopback()) || told.iter().any(is_own);
    let is_machine = if told.is_empty() {
        host == "host.docker.internal" || host == "gateway.docker.internal"
    } else {
        told.contains(&HostsAddress::Machine)
    };
    let is_told = |address: &str| {
        let address = address.parse::<IpAddr>();
        address.is_ok_and(|address| told.contains(&HostsAddress::Ip(address)))
    };
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
        if is_machine {
            return is_published(there, url.port, gateway.port);
        }
        let common =
            there.networks.iter().filter(|network| here.networks.iter().any(|own| own.network == network.network));
        listens
            && common.into_iter().any(|network| {
                if told.is_empty() {
                    network.aliases.iter().any(|alias| alias == host) || network.address.as_deref() == Some(host)
                } else {
                    network.address.as_deref().is_some_and(is_told)
                }
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
