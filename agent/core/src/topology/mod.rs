//! Who listens, who connects, through what, and with which token: the one-page picture of a node.
//!
//! What bears on `OpenClaw` is a thing of its own: gateways, clients, proxies, what takes web hooks, and any container that publishes a
//! port of theirs or lends them its network. All other containers of a project are one thing with a count, so that the picture of a node
//! with hundreds of containers stays one page.

mod containers;
mod host;
#[cfg(test)]
mod tests;
mod ways;

use std::collections::BTreeSet;
use std::fmt;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Fingerprint;
use crate::diagnose::rules::contained;
use crate::order::Gather as _;
use crate::snapshot::{Gateway, GatewayUrl, Snapshot, Workload};

/// Id of the group of what runs on the node itself.
pub const HOST: &str = "host";

/// Things and the lines between them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Topology {
    /// Name of the node, where it is known.
    pub host: Option<String>,
    /// When it was looked at.
    #[schemars(with = "String")]
    pub taken_at: Timestamp,
    /// What the things belong to, each after the one around it.
    pub groups: Vec<Group>,
    /// Things, in a stable order.
    pub nodes: Vec<Node>,
    /// Lines, in a stable order.
    pub edges: Vec<Edge>,
}

/// What things belong to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Group {
    /// Id that things name.
    pub id: String,
    /// What it is.
    pub kind: GroupKind,
    /// Lines to show, the most telling first.
    pub lines: Vec<String>,
    /// How it stands; none where that means nothing.
    pub state: Option<State>,
    /// The group around it.
    pub parent: Option<String>,
}

/// What a group is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum GroupKind {
    /// The node itself.
    Host,
    /// A container engine.
    Engine,
    /// A Compose project.
    Project,
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
    /// How it stands; none where that means nothing.
    pub state: Option<State>,
    /// The group it belongs to; none elsewhere than on this node.
    pub group: Option<String>,
}

/// What a thing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum NodeKind {
    /// Connects.
    Client,
    /// Takes web hooks and passes them on.
    Ingress,
    /// Passes connections on.
    Proxy,
    /// A listening port of the node.
    Port,
    /// A gateway.
    Gateway,
    /// A process that listens on a port and is no gateway.
    Process,
    /// A container that is none of these.
    Container,
    /// Containers of no interest, counted.
    Others,
    /// Starts a gateway or a client.
    Unit,
    /// A network of containers.
    Network,
    /// A state directory.
    State,
    /// A gateway elsewhere.
    Remote,
}

/// How a thing stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// It does what it is there for.
    Running,
    /// It is there and does not do it, or not yet.
    Troubled,
    /// It does not run.
    Stopped,
    /// It ended in order and has nothing to do.
    Ended,
    /// It is only written down.
    Written,
    /// It could not be seen.
    Unknown,
}

impl State {
    /// The state in one or two words.
    pub fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Troubled => "troubled",
            Self::Stopped => "not running",
            Self::Ended => "ended in order",
            Self::Written => "written down",
            Self::Unknown => "not known",
        }
    }
}

/// A line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Edge {
    /// From this thing.
    pub from: String,
    /// To this one.
    pub to: String,
    /// What it means.
    pub relation: Relation,
    /// More of it: a port, a name on a network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Fingerprint of the token that goes along it.
    pub token: Option<Fingerprint>,
}

/// What a line means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub enum Relation {
    /// A client connects.
    #[serde(rename = "connects")]
    Connects,
    /// A port is listened on.
    #[serde(rename = "owned by")]
    OwnedBy,
    /// A port should be listened on.
    #[serde(rename = "configured for")]
    ConfiguredFor,
    /// A port leads into a container.
    #[serde(rename = "published by")]
    PublishedBy,
    /// A unit starts a program.
    #[serde(rename = "starts")]
    Starts,
    /// A gateway or client keeps its state there.
    #[serde(rename = "uses")]
    Uses,
    /// A container is on a network.
    #[serde(rename = "on")]
    On,
    /// A container has no network namespace of its own.
    #[serde(rename = "in the network of")]
    InNetworkOf,
    /// A proxy passes connections on.
    #[serde(rename = "passes on to")]
    PassesOn,
    /// Web hooks are passed on.
    #[serde(rename = "sends hooks to")]
    SendsHooks,
}

impl fmt::Display for Relation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connects => "connects",
            Self::OwnedBy => "owned by",
            Self::ConfiguredFor => "configured for",
            Self::PublishedBy => "published by",
            Self::Starts => "starts",
            Self::Uses => "uses",
            Self::On => "on",
            Self::InNetworkOf => "in the network of",
            Self::PassesOn => "passes on to",
            Self::SendsHooks => "sends hooks to",
        })
    }
}

impl Topology {
    /// The picture of a node.
    pub fn of(snapshot: &Snapshot) -> Self {
        let mut picture = Picture {
            snapshot,
            shown: containers::shown(snapshot),
            topology: Self {
                host: snapshot.node.hostname.get().cloned(),
                taken_at: snapshot.taken_at,
                groups: Vec::new(),
                nodes: Vec::new(),
                edges: Vec::new(),
            },
        };
        picture.host();
        picture.containers();
        picture.topology.settle()
    }

    /// Leaves out lines that lead nowhere and groups that hold nothing.
    fn settle(mut self) -> Self {
        let ids: BTreeSet<&str> = self.nodes.iter().map(|node| node.id.as_str()).gather();
        self.edges.retain(|edge| ids.contains(edge.from.as_str()) && ids.contains(edge.to.as_str()));
        let held = |group: &Group, groups: &[Group]| {
            self.nodes.iter().any(|node| node.group.as_ref() == Some(&group.id))
                || groups.iter().any(|inner| inner.parent.as_ref() == Some(&group.id))
        };
        // An engine says something even when it holds nothing: that it is there, or that it does not answer.
        let groups = self.groups.clone();
        self.groups.retain(|group| group.kind == GroupKind::Engine || held(group, &groups));
        self
    }
}

/// A picture that is being drawn.
struct Picture<'a> {
    snapshot: &'a Snapshot,
    /// Workloads that are things of their own, in order.
    shown: Vec<&'a Workload>,
    topology: Topology,
}

impl Picture<'_> {
    fn node(&mut self, node: Node) {
        if !self.topology.nodes.iter().any(|other| other.id == node.id) {
            self.topology.nodes.push(node);
        }
    }

    fn edge(&mut self, from: &str, to: impl Into<String>, relation: Relation, detail: Option<String>) {
        self.edge_with(from, to.into(), relation, detail, None);
    }

    fn edge_with(
        &mut self,
        from: &str,
        to: String,
        relation: Relation,
        detail: Option<String>,
        token: Option<Fingerprint>,
    ) {
        let edge = Edge { from: from.to_owned(), to, relation, detail, token };
        if !self.topology.edges.contains(&edge) {
            self.topology.edges.push(edge);
        }
    }

    /// A gateway that is not on this node, or nowhere.
    fn remote(&mut self, url: &GatewayUrl, seen_from: Option<&str>) -> String {
        let id = seen_from.map_or_else(
            || format!("remote {}:{}", url.host, url.port),
            |place| format!("remote {}:{} from {place}", url.host, url.port),
        );
        let mut lines = vec![format!("{}://{}:{}", url.scheme, url.host, url.port)];
        lines.extend(seen_from.map(|_| "no gateway of this node is known there".to_owned()));
        self.node(Node { id: id.clone(), kind: NodeKind::Remote, lines, state: None, group: None });
        id
    }

    /// Id of the thing that stands for a gateway.
    fn gateway_id(&self, id: &str) -> String {
        let gateway = self.snapshot.gateways.iter().find(|gateway| gateway.id == id);
        let workload = gateway.and_then(|gateway| {
            let mirrored = || contained::stands_for(self.snapshot, gateway).map(|workload| workload.id.as_str());
            gateway.workload.as_deref().or_else(mirrored)
        });
        workload.map_or_else(|| format!("gateway {id}"), |workload| format!("workload {workload}"))
    }
}

/// The gateways of the node itself, without those that are only the directory of one in a container.
fn host_gateways(snapshot: &Snapshot) -> impl Iterator<Item = &Gateway> {
    snapshot.host_gateways().filter(|gateway| contained::stands_for(snapshot, gateway).is_none())
}
