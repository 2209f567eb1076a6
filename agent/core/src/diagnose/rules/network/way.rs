//! The way from a client in a container to the gateway that it means.

use std::net::IpAddr;

use super::super::contained::{meant, namespace, of, of_client, share_namespace, shares_kernel};
use crate::diagnose::Context;
use crate::order::Order as _;
use crate::snapshot::{Client, Gateway, HostsAddress, NetworkMode, Snapshot, UrlFacts, Workload};

/// Names by which a container reaches the machine that its engine runs for.
const HOST_NAMES: [&str; 4] =
    ["host.docker.internal", "gateway.docker.internal", "host.containers.internal", "host.lima.internal"];

/// The way from a client in a container to the gateway that it means.
#[derive(Debug, Clone, Copy)]
pub(super) struct Way<'a> {
    pub(super) client: &'a Client,
    pub(super) url: &'a UrlFacts,
    /// The client's workload.
    pub(super) here: &'a Workload,
    /// The workload whose network namespace the client is in.
    pub(super) net: &'a Workload,
    pub(super) gateway: &'a Gateway,
    /// The gateway's workload; none where it runs on the host.
    pub(super) there: Option<&'a Workload>,
    /// Whether both are in one network namespace.
    pub(super) together: bool,
}

/// Every way that is known: URL, gateway and namespaces.
pub(super) fn ways(context: Context<'_>) -> impl Iterator<Item = Way<'_>> {
    let snapshot = context.snapshot;
    snapshot.clients.iter().filter_map(move |client| {
        let here = of_client(snapshot, client)?;
        let url = client.url.get()?;
        let gateway = gateway(snapshot, client)?;
        let there = of(snapshot, gateway);
        let net = namespace(snapshot, here);
        let together = match there {
            Some(there) => share_namespace(snapshot, here, there)?,
            None => is_host(snapshot, net)?,
        };
        Some(Way { client, url, here, net, gateway, there, together })
    })
}

/// The gateway that a client leads to or means; where no container has one, the only one of the host.
fn gateway<'a>(snapshot: &'a Snapshot, client: &'a Client) -> Option<&'a Gateway> {
    if let Some(id) = &client.gateway {
        return snapshot.gateways.iter().find(|gateway| gateway.id == *id);
    }
    meant(snapshot, client).or_else(|| {
        let contained = snapshot.gateways.iter().any(|gateway| gateway.workload.is_some());
        let mut all = snapshot.host_gateways();
        all.next().filter(|_| !contained && all.next().is_none())
    })
}

/// Whether a workload is in the network namespace of the host itself. None where its engine is not known to be on the host.
fn is_host(snapshot: &Snapshot, net: &Workload) -> Option<bool> {
    if net.network_mode != NetworkMode::Host {
        return Some(false);
    }
    shares_kernel(snapshot, net)
}

impl<'a> Way<'a> {
    /// Whether it is proven to work.
    pub(super) fn works(&self) -> bool {
        self.client.handshake.answer().is_some() || self.client.connect.answer().is_some()
    }

    /// The URL's host without the brackets of an address.
    fn host(&self) -> &'a str {
        self.url.url.host.trim_start_matches('[').trim_end_matches(']')
    }

    /// Whether the URL's host is a name, and not an address or loopback.
    pub(super) fn is_name(&self) -> bool {
        !self.url.loopback && self.host().parse::<IpAddr>().is_err()
    }

    /// What the hosts file of the client's namespace says that the URL's host stands for; nothing where it does not have that name, or where
    /// the address is not known.
    pub(super) fn hosts(&self) -> impl Iterator<Item = HostsAddress> {
        let (net, here) = (self.net, self.here);
        let own = here.hosts(self.host()).filter(move |_| net.id != here.id);
        let is_known = |address: &HostsAddress| *address != HostsAddress::Unknown && !self.url.loopback;
        net.hosts(self.host()).chain(own).filter(is_known)
    }

    /// Addresses that the URL's host stands for, as far as they are known: itself, what a hosts file says, or what was answered within.
    fn addresses(&self) -> Vec<IpAddr> {
        let said = self.hosts().filter_map(|address| match address {
            HostsAddress::Ip(address) => Some(address),
            HostsAddress::Machine | HostsAddress::Unknown => None,
        });
        let mut addresses: Vec<IpAddr> = self.host().parse().into_iter().chain(said).collect();
        if addresses.is_empty() && self.hosts().next().is_none() {
            let names = self.here.view.get().into_iter().flat_map(|view| &view.names);
            addresses.extend(names.filter(|answer| answer.host == self.host()).flat_map(|answer| &answer.addresses));
        }
        addresses
    }

    /// The loopback address that a name stands for. None for a URL that itself says loopback.
    pub(super) fn named_loopback(&self) -> Option<IpAddr> {
        let addresses = self.addresses();
        let first = addresses.first().filter(|_| self.is_name())?;
        addresses.iter().all(IpAddr::is_loopback).then_some(*first)
    }

    /// Whether the URL leads to the loopback of the client's own namespace.
    pub(super) fn is_home(&self) -> bool {
        self.url.loopback || self.named_loopback().is_some()
    }

    /// Whether the URL's host stands for the machine that the engine runs for.
    pub(super) fn through_host(&self, snapshot: &Snapshot) -> bool {
        if self.is_home() {
            return self.net.network_mode == NetworkMode::Host && !self.together;
        }
        let is_engines = |address: &IpAddr| snapshot.networks.iter().any(|network| network.gateways.contains(address));
        self.hosts().any(|address| address == HostsAddress::Machine)
            || self.addresses().iter().any(is_engines)
            || self.hosts().next().is_none() && HOST_NAMES.contains(&self.host())
    }

    /// The names and addresses of the gateway on networks.
    fn names_of_gateway(&self) -> impl Iterator<Item = &'a str> {
        self.there
            .into_iter()
            .flat_map(|there| &there.networks)
            .flat_map(|network| network.aliases.iter().chain(&network.address).map(String::as_str))
    }

    /// Whether the URL's host is the gateway itself.
    pub(super) fn names_gateway(&self) -> bool {
        if self.together && self.is_home() {
            return true;
        }
        if self.hosts().next().is_none() {
            return self.names_of_gateway().any(|name| name.eq_ignore_ascii_case(self.host()));
        }
        let addresses: Vec<String> = self.addresses().iter().map(ToString::to_string).collect();
        self.names_of_gateway().any(|name| addresses.iter().any(|address| address == name))
    }

    /// Networks that both are attached to. None where those of either are not known.
    pub(super) fn common(&self) -> Option<Vec<&'a str>> {
        let theirs = &self.there?.networks;
        if theirs.is_empty() || self.net.networks.is_empty() && self.net.network_mode != NetworkMode::None {
            return None;
        }
        let ours = self.net.networks.iter().map(|network| network.network.as_str());
        Some(ours.filter(|id| theirs.iter().any(|network| network.network == *id)).collect())
    }

    /// Names that resolve in the client's namespace: of what is attached to its networks. An engine's default network has no names.
    pub(super) fn resolvable(&self, snapshot: &'a Snapshot) -> Vec<&'a str> {
        let has_names = |id: &str| {
            let network = snapshot.networks.iter().find(|network| network.id == id);
            network.is_none_or(|network| !matches!(network.name.as_str(), "bridge" | "podman"))
        };
        let ours: Vec<&str> =
            self.net.networks.iter().map(|network| network.network.as_str()).filter(|id| has_names(id)).collect();
        let mut names: Vec<&str> = snapshot
            .workloads
            .iter()
            .flat_map(|workload| &workload.networks)
            .filter(|network| ours.contains(&network.network.as_str()))
            .flat_map(|network| network.aliases.iter().map(String::as_str))
            .chain(self.net.extra_hosts.iter().chain(&self.here.extra_hosts).map(|entry| entry.name.as_str()))
            .collect();
        names.order();
        names.dedup();
        names
    }

    /// The name by which the client should call the gateway.
    pub(super) fn right_name(&self) -> Option<&'a str> {
        let there = self.there?;
        let common = self.common().unwrap_or_default();
        let on = there.networks.iter().find(|network| common.contains(&network.network.as_str()));
        let aliases = on.or(there.networks.first()).map(|network| network.aliases.as_slice()).unwrap_or_default();
        let service = there.service.as_deref();
        aliases
            .iter()
            .map(String::as_str)
            .find(|alias| Some(*alias) == service)
            .or(service)
            .or_else(|| aliases.first().map(String::as_str).or(Some(there.name.as_str())))
    }

    /// The URL that would lead to the gateway.
    pub(super) fn right_url(&self) -> String {
        let tls = self.gateway.config.get().is_some_and(|config| config.tls);
        let scheme = if tls { "wss" } else { "ws" };
        if self.together {
            return format!("{scheme}://127.0.0.1:{}", self.gateway.port);
        }
        let name = self.right_name().unwrap_or("host.docker.internal");
        format!("{scheme}://{name}:{}", self.gateway.port)
    }

    /// Path of keys that says the client's URL.
    pub(super) const URL_KEY: &'static str = "environment.OPENCLAW_GATEWAY_URL";
}
