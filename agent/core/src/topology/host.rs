//! What runs on the node itself.

use std::collections::BTreeSet;

use super::{Group, GroupKind, HOST, Node, NodeKind, Picture, Relation, State, host_gateways};
use crate::order::{Gather as _, Order as _};
use crate::snapshot::{Client, ClientKind, Gateway, ProcessRole, Unit};

impl Picture<'_> {
    pub(super) fn host(&mut self) {
        let snapshot = self.snapshot;
        self.topology.groups.push(Group {
            id: HOST.to_owned(),
            kind: GroupKind::Host,
            lines: vec![snapshot.node.hostname.get().map_or_else(|| "this node".to_owned(), Clone::clone)],
            state: None,
            parent: None,
        });
        for client in snapshot.host_clients() {
            self.client(client);
        }
        for gateway in host_gateways(snapshot) {
            self.gateway(gateway);
        }
        self.ports();
        for unit in &snapshot.units.units {
            self.unit(unit);
        }
    }

    fn on_host(&mut self, id: &str, kind: NodeKind, lines: Vec<String>, state: Option<State>) {
        self.node(Node { id: id.to_owned(), kind, lines, state, group: Some(HOST.to_owned()) });
    }

    fn unit(&mut self, unit: &Unit) {
        let gateways = host_gateways(self.snapshot);
        let targets: Vec<String> = gateways
            .filter(|gateway| gateway.units.contains(&unit.id))
            .map(|gateway| format!("gateway {}", gateway.id))
            .collect();
        if targets.is_empty() {
            return;
        }
        let id = format!("unit {}", unit.id);
        let (words, state) = match unit.runtime.get().map(|runtime| runtime.pid) {
            None if unit.runtime.is_absent() => ("not loaded".to_owned(), State::Stopped),
            None => ("state not known".to_owned(), State::Unknown),
            Some(None) => ("no process".to_owned(), State::Stopped),
            Some(Some(pid)) => (format!("pid {pid}"), State::Running),
        };
        self.on_host(&id, NodeKind::Unit, vec![unit.id.clone(), words], Some(state));
        for target in targets {
            self.edge(&id, target, Relation::Starts, None);
        }
    }

    fn client(&mut self, client: &Client) {
        let kind = kind_name(client.kind);
        let id = format!("client {}", client.id);
        let mut lines = vec![client.user.as_ref().map_or_else(|| kind.to_owned(), |user| format!("{kind} of {user}"))];
        lines.extend(client.state_dir.clone());
        self.on_host(&id, NodeKind::Client, lines, client.pid.map(|_| State::Running));
        if let Some(facts) = client.url.get() {
            let target = if client.gateway.is_some() || facts.loopback {
                format!("port {}", facts.url.port)
            } else {
                self.remote(&facts.url, None)
            };
            self.edge_with(&id, target, Relation::Connects, None, client.credentials.winner.clone());
        }
    }

    fn gateway(&mut self, gateway: &Gateway) {
        let id = format!("gateway {}", gateway.id);
        let mut lines = vec![format!("gateway {}", gateway.profile.as_deref().unwrap_or("default"))];
        let pids: Vec<String> = gateway.pids.iter().map(ToString::to_string).collect();
        lines.push(if pids.is_empty() { "not running".to_owned() } else { format!("pid {}", pids.join(", ")) });
        lines.extend(answers(gateway));
        let state = if !pids.is_empty() {
            standing(gateway)
        } else if self.snapshot.processes.get().is_some() {
            State::Stopped
        } else {
            State::Unknown
        };
        self.on_host(&id, NodeKind::Gateway, lines, Some(state));
        if let Some(dir) = &gateway.state_dir {
            let state = format!("state {dir}");
            self.on_host(&state, NodeKind::State, vec![dir.clone()], None);
            self.edge(&id, state, Relation::Uses, None);
        }
    }

    fn ports(&mut self) {
        let snapshot = self.snapshot;
        let mut ports: Vec<u16> = host_gateways(snapshot).map(|gateway| gateway.port).collect();
        ports.extend(snapshot.listeners.get().into_iter().flatten().map(|listener| listener.port));
        ports.extend(self.shown.iter().flat_map(|workload| workload.ports.iter().filter_map(|port| port.host_port)));
        ports.order();
        ports.dedup();
        for port in ports {
            let id = format!("port {port}");
            let published = self.published(port);
            let open: Vec<_> = published.iter().filter(|(workload, _)| workload.is_running()).collect();
            let mut addresses: Vec<String> =
                snapshot.listeners_on(port).map(|listener| listener.address.to_string()).collect();
            if addresses.is_empty() {
                // An engine in a virtual machine may listen where the node's own tables do not show it.
                addresses = open.iter().map(|(_, port)| address(port.host_address.as_deref())).collect();
            }
            addresses.dedup();
            let state = if addresses.is_empty() { State::Stopped } else { State::Running };
            let heard = if addresses.is_empty() { "nothing listens".to_owned() } else { addresses.join(", ") };
            let mut lines = vec![format!("port {port}"), heard];
            for (word, running) in [("of", true), ("claimed by", false)] {
                let of = published.iter().filter(|(workload, _)| workload.is_running() == running);
                let projects: BTreeSet<&str> = of.filter_map(|(workload, _)| workload.project.as_deref()).gather();
                let names = projects.iter().copied().collect::<Vec<_>>().join(", ");
                match projects.len() {
                    0 => {}
                    1 => lines.push(format!("{word} project {names}")),
                    _ => lines.push(format!("{word} projects {names}")),
                }
            }
            let is_open = !open.is_empty();
            self.on_host(&id, NodeKind::Port, lines, Some(state));
            self.published_by(&id, &published);
            self.owners(&id, port, is_open);
        }
    }

    fn owners(&mut self, id: &str, port: u16, is_published: bool) {
        let snapshot = self.snapshot;
        let mut pids: Vec<u32> = snapshot.listeners_on(port).flat_map(|listener| listener.pids.clone()).collect();
        pids.order();
        pids.dedup();
        for gateway in host_gateways(snapshot).filter(|gateway| gateway.port == port) {
            let owns = gateway.pids.iter().any(|pid| pids.contains(pid));
            let relation = if owns { Relation::OwnedBy } else { Relation::ConfiguredFor };
            self.edge(id, format!("gateway {}", gateway.id), relation, None);
        }
        for pid in pids {
            // The engine itself listens for what its containers publish.
            if is_published || snapshot.gateways.iter().any(|gateway| gateway.pids.contains(&pid)) {
                continue;
            }
            let process = snapshot.process(pid);
            let name = process.and_then(|process| process.exe.clone()).unwrap_or_else(|| "a hidden program".to_owned());
            let role = match process.map(|process| process.role) {
                Some(ProcessRole::Gateway) => "gateway of unknown state",
                _ => "no gateway",
            };
            let owner = format!("process {pid}");
            self.on_host(&owner, NodeKind::Process, vec![format!("{role}, pid {pid}"), name], None);
            self.edge(id, owner, Relation::OwnedBy, None);
        }
    }
}

/// An address of the node that a port is published on.
fn address(written: Option<&str>) -> String {
    match written {
        None | Some("" | "0.0.0.0" | "::" | "[::]") => "every address".to_owned(),
        Some(address) => address.to_owned(),
    }
}

pub(super) fn kind_name(kind: ClientKind) -> &'static str {
    match kind {
        ClientKind::Cli => "command line",
        ClientKind::NodeHost => "node host",
    }
}

/// What a gateway says of itself, and the token that it takes.
pub(super) fn answers(gateway: &Gateway) -> Vec<String> {
    let version = gateway.ladder.connect.answer().and_then(|hello| hello.server_version.as_ref());
    let mut lines: Vec<String> = version.map(|version| format!("OpenClaw {version}")).into_iter().collect();
    lines.extend(gateway.credentials.winner.as_ref().map(|token| format!("token {token}")));
    lines
}

/// How a gateway whose process runs stands.
pub(super) fn standing(gateway: &Gateway) -> State {
    let ladder = &gateway.ladder;
    if ladder.connect.answer().is_some() || ladder.handshake.answer().is_some() {
        State::Running
    } else if ladder.handshake.failure().is_some() || ladder.healthz.failure().is_some() {
        State::Troubled
    } else {
        State::Running
    }
}
