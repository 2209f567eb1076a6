//! Which gateway a URL leads to, from where a client runs.

use std::net::IpAddr;

use portreeve_core::snapshot::{Engine, Gateway, GatewayUrl, HostsAddress, Network, NetworkMode, Workload};

/// Names by which a container reaches the machine that it runs on.
const HOST_NAMES: [&str; 4] =
    ["host.docker.internal", "gateway.docker.internal", "host.containers.internal", "host.orb.internal"];

/// How a port of the node is come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Over {
    /// Over the loopback of the node itself.
    Loopback,
    /// From a container, at the engine's end of its network.
    Bridge,
}

/// How many steps from one namespace to the next are followed.
const MOST_STEPS: usize = 8;

/// What a way may lead through.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan<'a> {
    /// Gateways of host and containers.
    pub(crate) gateways: &'a [Gateway],
    /// Containers and services.
    pub(crate) workloads: &'a [Workload],
    /// Networks.
    pub(crate) networks: &'a [Network],
    /// Engines.
    pub(crate) engines: &'a [Engine],
    /// Addresses of the node.
    pub(crate) addresses: &'a [IpAddr],
}

impl<'a> Plan<'a> {
    /// The gateway that a URL leads to; none where it leads elsewhere, or to something that is no gateway.
    pub(crate) fn leads_to(&self, url: &GatewayUrl, from: Option<&Workload>) -> Option<&'a Gateway> {
        let host = url.host.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
        let address = host.parse::<IpAddr>().ok();
        let loopback = host == "localhost" || address.is_some_and(|address| address.is_loopback());
        let Some(from) = from else {
            let own = loopback || address.is_some_and(|address| self.addresses.contains(&address));
            return if own { self.on_host(url.port, Over::Loopback) } else { self.at_address(address?, url.port) };
        };
        let home = self.namespace(from);
        if loopback {
            return self.at_loopback(home, url.port);
        }
        // A hosts file counts before the names of networks.
        let mut told =
            home.hosts(&host).chain(from.hosts(&host)).filter(|told| *told != HostsAddress::Unknown).peekable();
        if address.is_none() && told.peek().is_some() {
            return told.find_map(|told| match told {
                HostsAddress::Ip(address) => self.at_address_within(home, address, url.port),
                HostsAddress::Machine => self.on_host(url.port, Over::Bridge),
                HostsAddress::Unknown => None,
            });
        }
        if let Some(other) = self.named(home, &host) {
            return self.inside(self.namespace(other), url.port);
        }
        if HOST_NAMES.contains(&host.as_str()) {
            return self.on_host(url.port, Over::Bridge);
        }
        self.at_address_within(home, address?, url.port)
    }

    /// The gateway that an address leads to from within a namespace.
    fn at_address_within(&self, home: &Workload, address: IpAddr, port: u16) -> Option<&'a Gateway> {
        if address.is_loopback() {
            return self.at_loopback(home, port);
        }
        if let Some(gateway) = self.at_address(address, port) {
            return Some(gateway);
        }
        let is_engines = self.networks.iter().any(|network| network.gateways.contains(&address));
        (is_engines || self.addresses.contains(&address)).then(|| self.on_host(port, Over::Bridge)).flatten()
    }

    /// The gateway on the loopback of a namespace.
    fn at_loopback(&self, home: &Workload, port: u16) -> Option<&'a Gateway> {
        match home.network_mode {
            // Compose may be asked to use the host's network, which is the virtual machine's where there is one.
            NetworkMode::Host if self.shares_kernel(home) => self.on_host(port, Over::Loopback),
            _ => self.inside(home, port),
        }
    }

    /// The workload whose network namespace this one is in.
    pub(crate) fn namespace<'w>(&self, workload: &'w Workload) -> &'w Workload
    where
        'a: 'w,
    {
        let mut at = workload;
        for _ in 0..MOST_STEPS {
            let NetworkMode::Shared { with, found: true } = &at.network_mode else { return at };
            match self.workloads.iter().find(|other| other.id == *with) {
                Some(next) => at = next,
                None => return at,
            }
        }
        at
    }

    /// Whether a workload runs under the agent's own kernel.
    pub(crate) fn shares_kernel(&self, workload: &Workload) -> bool {
        let engine = self.engines.iter().find(|engine| Some(&engine.id) == workload.engine.as_ref());
        engine.and_then(|engine| engine.answer.get()).is_some_and(|answer| !answer.in_vm)
    }

    /// The gateway in a network namespace that listens on a port.
    fn inside(&self, namespace: &Workload, port: u16) -> Option<&'a Gateway> {
        self.gateways.iter().find(|gateway| {
            gateway.port == port
                && gateway
                    .workload
                    .as_deref()
                    .and_then(|id| self.workloads.iter().find(|workload| workload.id == id))
                    .is_some_and(|workload| is_same(self.namespace(workload), namespace))
        })
    }

    /// What a name stands for on the networks that a namespace is attached to.
    fn named(&self, home: &Workload, name: &str) -> Option<&'a Workload> {
        self.workloads.iter().find(|other| {
            other.networks.iter().any(|theirs| {
                home.networks.iter().any(|ours| ours.network == theirs.network)
                    && theirs.aliases.iter().any(|alias| alias.eq_ignore_ascii_case(name))
            })
        })
    }

    fn at_address(&self, address: IpAddr, port: u16) -> Option<&'a Gateway> {
        let holds = |workload: &&Workload| {
            workload.networks.iter().any(|attached| {
                attached.address.as_deref().and_then(|text| text.parse::<IpAddr>().ok()) == Some(address)
            })
        };
        self.workloads.iter().filter(holds).find_map(|workload| self.inside(self.namespace(workload), port))
    }

    /// The gateway behind a port of the node: one of the host, or one whose container publishes it.
    fn on_host(&self, port: u16, over: Over) -> Option<&'a Gateway> {
        let published = self.workloads.iter().filter(|workload| workload.engine.is_some() && workload.is_running());
        let published = published
            .flat_map(|workload| workload.ports.iter().map(move |published| (workload, published)))
            .filter(|(_, published)| published.host_port == Some(port) && published.protocol == "tcp")
            .find(|(workload, published)| {
                // The host of an engine in a virtual machine is spoken to by way of its loopback.
                over == Over::Loopback || published.is_exposed() || !self.shares_kernel(workload)
            });
        if let Some((workload, published)) = published {
            return self.inside(self.namespace(workload), published.container_port);
        }
        let mut in_hosts_network = self.workloads.iter().filter(|workload| {
            workload.is_running() && workload.network_mode == NetworkMode::Host && self.shares_kernel(workload)
        });
        self.gateways
            .iter()
            .find(|gateway| gateway.workload.is_none() && gateway.port == port)
            .or_else(|| in_hosts_network.find_map(|workload| self.inside(workload, port)))
    }
}

/// Whether two workloads, neither of which shares another's, have one network namespace: that of their engine's machine is one for all.
fn is_same(one: &Workload, other: &Workload) -> bool {
    let of_one_machine = match (&one.engine, &other.engine) {
        (Some(one), Some(other)) => one == other,
        // A service that no container runs would run where its project does.
        _ => one.project.is_some() && one.project == other.project,
    };
    let are_on_host = one.network_mode == NetworkMode::Host && other.network_mode == NetworkMode::Host;
    one.id == other.id || of_one_machine && are_on_host
}

#[cfg(test)]
mod tests;
