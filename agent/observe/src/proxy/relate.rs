//! From what a configuration says to ways to gateways: which front leads to which of them.

use std::net::IpAddr;

use jiff::Timestamp;
use portreeve_core::Fact;
use portreeve_core::snapshot::{Gateway, GatewayUrl, HostsAddress, Network, NetworkMode, Probe, ProxyRoute, Workload};
use portreeve_facts::address::{is_local, is_loopback};

use super::RouteFound;

/// Names by which containers reach the engine's machine.
const HOST_NAMES: [&str; 4] =
    ["host.docker.internal", "gateway.docker.internal", "host.containers.internal", "host.lima.internal"];

/// How many steps from one namespace to the next are followed.
const MOST_STEPS: usize = 8;

/// What proxies and ingresses may lead to.
#[derive(Debug, Clone, Copy)]
pub struct World<'a> {
    /// Gateways, on the host and in workloads.
    pub gateways: &'a [Gateway],
    /// Containers, and services that are only written down.
    pub workloads: &'a [Workload],
    /// Networks.
    pub networks: &'a [Network],
    /// Addresses of the node; empty where a project is only written down.
    pub addresses: &'a [IpAddr],
}

impl<'a> World<'a> {
    fn workload(&self, id: &str) -> Option<&'a Workload> {
        self.workloads.iter().find(|workload| workload.id == id)
    }

    fn namespace(&self, workload: &'a Workload) -> &'a Workload {
        let mut at = workload;
        for _ in 0..MOST_STEPS {
            match &at.network_mode {
                NetworkMode::Shared { with, found: true } => match self.workload(with) {
                    Some(next) => at = next,
                    None => break,
                },
                _ => break,
            }
        }
        at
    }

    /// The gateway that a URL leads to, from within a workload or from the host.
    pub fn gateway_at(&self, host: &str, port: u16, from: Option<&'a Workload>) -> Option<&'a Gateway> {
        // A hosts file counts before the names of networks.
        let namespaces = from.into_iter().flat_map(|from| [self.namespace(from), from]);
        let mut told =
            namespaces.flat_map(|of| of.hosts(host)).filter(|told| *told != HostsAddress::Unknown).peekable();
        if told.peek().is_none() {
            return self.gateway_of(host, port, from);
        }
        told.find_map(|told| match told {
            HostsAddress::Ip(address) => self.gateway_of(&address.to_string(), port, from),
            HostsAddress::Machine => self.on_host(port),
            HostsAddress::Unknown => None,
        })
    }

    /// The same where no hosts file tells of the name.
    fn gateway_of(&self, host: &str, port: u16, from: Option<&'a Workload>) -> Option<&'a Gateway> {
        let Some(from) = from.map(|from| self.namespace(from)).filter(|from| from.network_mode != NetworkMode::Host)
        else {
            return if is_local(host, self.addresses) { self.on_host(port) } else { self.by_address(host, port) };
        };
        if is_loopback(host) {
            let beside = |gateway: &&Gateway| self.of(gateway).is_some_and(|of| self.namespace(of).id == from.id);
            return Self::best(&self.gateways.iter().filter(beside).collect::<Vec<_>>(), port, true);
        }
        let outside = HOST_NAMES.contains(&host)
            || host.parse::<IpAddr>().is_ok_and(|address| {
                self.addresses.contains(&address)
                    || self.networks.iter().any(|network| network.gateways.contains(&address))
            });
        if outside {
            return self.on_host(port);
        }
        let named = |gateway: &&Gateway| {
            let Some(of) = self.of(gateway).map(|of| self.namespace(of)) else { return false };
            of.networks.iter().any(|theirs| {
                let shared = from.networks.iter().any(|ours| ours.network == theirs.network);
                shared && (theirs.address.as_deref() == Some(host) || theirs.aliases.iter().any(|alias| alias == host))
            })
        };
        Self::best(&self.gateways.iter().filter(named).collect::<Vec<_>>(), port, false)
    }

    fn of(&self, gateway: &Gateway) -> Option<&'a Workload> {
        self.workload(gateway.workload.as_deref()?)
    }

    /// The one on that port; another only where the name alone means it.
    fn best(found: &[&'a Gateway], port: u16, exact: bool) -> Option<&'a Gateway> {
        let on_port = found.iter().find(|gateway| gateway.port == port).copied();
        on_port.or_else(|| found.first().copied().filter(|_| !exact && found.len() == 1))
    }

    /// The gateway on a port of the host: its own, or one that is published there.
    fn on_host(&self, port: u16) -> Option<&'a Gateway> {
        let own = |gateway: &&Gateway| match self.of(gateway) {
            None => gateway.workload.is_none() && gateway.port == port,
            Some(workload) if self.namespace(workload).network_mode == NetworkMode::Host => gateway.port == port,
            Some(workload) => self
                .namespace(workload)
                .ports
                .iter()
                .any(|published| published.host_port == Some(port) && published.container_port == gateway.port),
        };
        let runs = |gateway: &&Gateway| gateway.ladder.handshake.answer().is_some();
        let found: Vec<&Gateway> = self.gateways.iter().filter(own).collect();
        found.iter().copied().find(runs).or_else(|| found.first().copied())
    }

    fn by_address(&self, host: &str, port: u16) -> Option<&'a Gateway> {
        let at = |gateway: &&Gateway| {
            self.of(gateway).is_some_and(|of| {
                self.namespace(of).networks.iter().any(|network| network.address.as_deref() == Some(host))
            })
        };
        self.gateways.iter().filter(at).find(|gateway| gateway.port == port)
    }

    /// The address that a gateway sees a workload or the host come from, where that is known.
    fn peer(&self, from: Option<&'a Workload>, gateway: &Gateway) -> Option<String> {
        let to = self.of(gateway).map(|of| self.namespace(of));
        let from = from.map(|from| self.namespace(from)).filter(|from| from.network_mode != NetworkMode::Host);
        let loopback = || Some("127.0.0.1".to_owned());
        match (from, to) {
            (None, None) => loopback(),
            (Some(from), Some(to)) if from.id == to.id => loopback(),
            (None, Some(to)) if to.network_mode == NetworkMode::Host => loopback(),
            (Some(from), Some(to)) => {
                let shared = |ours: &&portreeve_core::snapshot::Attachment| {
                    to.networks.iter().any(|theirs| theirs.network == ours.network)
                };
                from.networks.iter().filter(shared).find_map(|network| network.address.clone())
            }
            // Through a published port it comes from the engine's end of the network, on Linux; elsewhere nobody knows.
            (None, Some(_)) | (Some(_), None) => None,
        }
    }
}

/// Whose configuration it is.
#[derive(Debug, Clone, Copy)]
pub struct Owner<'a> {
    /// `process:77`, or the id of the workload.
    pub id: &'a str,
    /// The workload.
    pub workload: Option<&'a Workload>,
}

/// The ways to gateways among those that a configuration has. Nothing is tried.
pub fn routes(found: &[RouteFound], owner: Owner<'_>, world: &World<'_>, at: Timestamp) -> Vec<ProxyRoute> {
    related(found, owner, world, at).into_iter().map(|(route, _)| route).collect()
}

/// The same, each with what it was made from.
pub(super) fn related<'a>(
    found: &'a [RouteFound],
    owner: Owner<'_>,
    world: &World<'_>,
    at: Timestamp,
) -> Vec<(ProxyRoute, &'a RouteFound)> {
    let ways = found.iter().filter_map(|found| {
        let mut upstream = found.upstream.clone()?;
        let from = owner.workload.and_then(|workload| world.workload(&workload.id));
        let gateway = world.gateway_at(&upstream.host, upstream.port, from)?;
        if found.raw {
            // Bytes are passed on: what the gateway speaks is what its clients speak.
            let scheme = if gateway.ladder.target.starts_with("wss:") { "wss" } else { "ws" };
            scheme.clone_into(&mut upstream.scheme);
        }
        let mut front = published(found, owner.workload);
        let id = id(owner.id, &front, found);
        let path = if front.path == "/" { "/" } else { "/…" };
        front.path = String::from(path);
        let route = ProxyRoute {
            id,
            workload: owner.workload.map(|workload| workload.id.clone()),
            program: found.program.name().to_owned(),
            front,
            upstream: Some(upstream),
            gateway: Some(gateway.id.clone()),
            config: Fact::known(found.config.clone(), format!("configuration of {}", found.program.name()), at),
            direct: gateway.ladder.handshake.clone(),
            through: Probe::not_tried("only the configuration was read", at),
            idle: Probe::not_tried("only the configuration was read", at),
            tls: Fact::unreadable("only the configuration was read", "configuration", at),
            peer: world.peer(from, gateway),
            http: None,
            http_only: found.http_only,
        };
        Some((route, found))
    });
    ways.collect()
}

/// The front as clients reach it: the port of the host on which the container's is published.
fn published(found: &RouteFound, workload: Option<&Workload>) -> GatewayUrl {
    let mut front = found.front();
    let port = workload.and_then(|workload| {
        workload.ports.iter().find(|port| port.container_port == found.port && port.protocol == "tcp")?.host_port
    });
    front.port = port.unwrap_or(front.port);
    front
}

fn id(owner: &str, front: &GatewayUrl, found: &RouteFound) -> String {
    let scheme = if front.scheme == "wss" { "https" } else { "http" };
    let host = if front.host.contains(':') { format!("[{}]", front.host) } else { front.host.clone() };
    let base = format!("{owner} {scheme}://{host}:{}", front.port);
    // A path may be a secret: the line tells the places of one site apart.
    match found.config.places.get("").filter(|_| front.path != "/") {
        Some(place) => format!("{base}/… (line {})", place.line),
        None => format!("{base}/"),
    }
}
