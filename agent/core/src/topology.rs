//! Who listens, who connects, through what, and with which token: the one-page picture of a node.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Fingerprint;
use crate::snapshot::{Client, ClientKind, Gateway, ProcessRole, Snapshot};

/// Things and the lines between them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Topology {
    /// Things, in a stable order.
    pub nodes: Vec<Node>,
    /// Lines, in a stable order.
    pub edges: Vec<Edge>,
}

/// A thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Node {
    /// Id that edges name.
    pub id: String,
    /// What it is.
    pub kind: NodeKind,
    /// Lines to show, the most telling first.
    pub lines: Vec<String>,
}

/// What a thing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum NodeKind {
    /// Connects.
    Client,
    /// A listening port.
    Port,
    /// A gateway.
    Gateway,
    /// A process that listens on a port and is no gateway.
    Process,
    /// Starts a gateway or a client.
    Unit,
    /// A state directory.
    State,
    /// A gateway elsewhere.
    Remote,
}

/// A line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Edge {
    /// From this thing.
    pub from: String,
    /// To this one.
    pub to: String,
    /// What it means: `connects`, `owns`, `configured for`, `starts`, `uses`.
    pub relation: String,
    /// Fingerprint of the token that goes along it.
    pub token: Option<Fingerprint>,
}

impl Topology {
    /// The picture of a node.
    pub fn of(snapshot: &Snapshot) -> Self {
        let mut picture = Self { nodes: Vec::new(), edges: Vec::new() };
        for client in &snapshot.clients {
            picture.client(client);
        }
        for gateway in &snapshot.gateways {
            picture.gateway(gateway);
        }
        picture.ports(snapshot);
        for unit in &snapshot.units.units {
            let targets: Vec<String> = snapshot
                .gateways
                .iter()
                .filter(|gateway| gateway.units.contains(&unit.id))
                .map(|gateway| format!("gateway {}", gateway.id))
                .collect();
            if targets.is_empty() {
                continue;
            }
            let id = format!("unit {}", unit.id);
            let state = unit.runtime.get().map_or_else(
                || if unit.runtime.is_absent() { "not loaded".to_owned() } else { "state not known".to_owned() },
                |runtime| runtime.pid.map_or_else(|| "no process".to_owned(), |pid| format!("pid {pid}")),
            );
            picture.node(&id, NodeKind::Unit, vec![unit.id.clone(), state]);
            for target in targets {
                picture.edge(&id, target, "starts", None);
            }
        }
        picture
    }

    fn client(&mut self, client: &Client) {
        let kind = match client.kind {
            ClientKind::Cli => "command line",
            ClientKind::NodeHost => "node host",
        };
        let id = format!("client {}", client.id);
        let mut lines = vec![client.user.as_ref().map_or_else(|| kind.to_owned(), |user| format!("{kind} of {user}"))];
        lines.extend(client.state_dir.clone());
        self.node(&id, NodeKind::Client, lines);
        if let Some(facts) = client.url.get() {
            let url = &facts.url;
            let target = if client.gateway.is_some() || facts.loopback {
                format!("port {}", url.port)
            } else {
                let remote = format!("remote {}:{}", url.host, url.port);
                self.node(&remote, NodeKind::Remote, vec![format!("{}://{}:{}", url.scheme, url.host, url.port)]);
                remote
            };
            self.edge(&id, target, "connects", client.credentials.winner.clone());
        }
    }

    fn gateway(&mut self, gateway: &Gateway) {
        let id = format!("gateway {}", gateway.id);
        let mut lines = vec![format!("gateway {}", gateway.profile.as_deref().unwrap_or("default"))];
        let pids: Vec<String> = gateway.pids.iter().map(ToString::to_string).collect();
        lines.push(if pids.is_empty() { "not running".to_owned() } else { format!("pid {}", pids.join(", ")) });
        if let Some(version) = gateway.ladder.connect.answer().and_then(|hello| hello.server_version.as_ref()) {
            lines.push(format!("OpenClaw {version}"));
        }
        if let Some(token) = &gateway.credentials.winner {
            lines.push(format!("token {token}"));
        }
        self.node(&id, NodeKind::Gateway, lines);
        if let Some(dir) = &gateway.state_dir {
            let state = format!("state {dir}");
            self.node(&state, NodeKind::State, vec![dir.clone()]);
            self.edge(&id, state, "uses", None);
        }
    }

    fn ports(&mut self, snapshot: &Snapshot) {
        let mut ports: Vec<u16> = snapshot.gateways.iter().map(|gateway| gateway.port).collect();
        ports.extend(snapshot.listeners.get().into_iter().flatten().map(|listener| listener.port));
        ports.sort_unstable();
        ports.dedup();
        for port in ports {
            let id = format!("port {port}");
            let addresses: Vec<String> =
                snapshot.listeners_on(port).map(|listener| listener.address.to_string()).collect();
            let heard = if addresses.is_empty() { "nothing listens".to_owned() } else { addresses.join(", ") };
            self.node(&id, NodeKind::Port, vec![format!("port {port}"), heard]);
            let mut pids: Vec<u32> = snapshot.listeners_on(port).flat_map(|listener| listener.pids.clone()).collect();
            pids.sort_unstable();
            pids.dedup();
            for gateway in snapshot.gateways.iter().filter(|gateway| gateway.port == port) {
                let owns = gateway.pids.iter().any(|pid| pids.contains(pid));
                self.edge(
                    &id,
                    format!("gateway {}", gateway.id),
                    if owns { "owned by" } else { "configured for" },
                    None,
                );
            }
            for pid in pids {
                if snapshot.gateways.iter().any(|gateway| gateway.pids.contains(&pid)) {
                    continue;
                }
                let process = snapshot.process(pid);
                let name =
                    process.and_then(|process| process.exe.clone()).unwrap_or_else(|| "a hidden program".to_owned());
                let role = match process.map(|process| process.role) {
                    Some(ProcessRole::Gateway) => "gateway of unknown state",
                    _ => "no gateway",
                };
                let owner = format!("process {pid}");
                self.node(&owner, NodeKind::Process, vec![format!("{role}, pid {pid}"), name]);
                self.edge(&id, owner, "owned by", None);
            }
        }
    }

    fn node(&mut self, id: &str, kind: NodeKind, lines: Vec<String>) {
        if !self.nodes.iter().any(|node| node.id == id) {
            self.nodes.push(Node { id: id.to_owned(), kind, lines });
        }
    }

    fn edge(&mut self, from: &str, to: String, relation: &str, token: Option<Fingerprint>) {
        self.edges.push(Edge { from: from.to_owned(), to, relation: relation.to_owned(), token });
    }
}
