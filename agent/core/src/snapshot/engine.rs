//! Container engines, and what they hold besides containers.

use std::net::IpAddr;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Fact;

/// A container engine of the node.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Engine {
    /// Stable id: `docker:/var/run/docker.sock`, `apple-container`.
    pub id: String,
    /// Which product it is, as far as its socket's place and its own answer tell.
    pub kind: EngineKind,
    /// Where it listens: `unix:///var/run/docker.sock`; `container` for a command.
    pub endpoint: String,
    /// User whose engine it is; none for one of the whole node.
    pub user: Option<String>,
    /// How it is known: `DOCKER_HOST of this shell`, `context colima in /Users/op/.docker`, `usual place`.
    pub known_from: Vec<String>,
    /// Who counts on it: units that start containers, projects whose containers ran. Empty: nobody known.
    pub needed_by: Vec<String>,
    /// What it says of itself; unreadable where it accepts and does not answer in time.
    pub answer: Fact<EngineAnswer>,
    /// What happened to its containers lately, oldest first, bounded.
    pub events: Fact<Vec<EngineEvent>>,
}

/// A product that runs containers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum EngineKind {
    /// Docker Engine without a product around it.
    Docker,
    /// Docker Desktop.
    DockerDesktop,
    /// `OrbStack`.
    Orbstack,
    /// Colima.
    Colima,
    /// Lima.
    Lima,
    /// Rancher Desktop.
    RancherDesktop,
    /// Podman, in a machine or native.
    Podman,
    /// Apple's `container`.
    AppleContainer,
}

impl EngineKind {
    /// Its name as people write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Docker => "Docker Engine",
            Self::DockerDesktop => "Docker Desktop",
            Self::Orbstack => "OrbStack",
            Self::Colima => "Colima",
            Self::Lima => "Lima",
            Self::RancherDesktop => "Rancher Desktop",
            Self::Podman => "Podman",
            Self::AppleContainer => "Apple container",
        }
    }
}

/// What an engine says of itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EngineAnswer {
    /// Version of the engine.
    pub version: String,
    /// Version of the API agreed on.
    pub api_version: String,
    /// Operating system that its containers run on.
    pub os: Option<String>,
    /// Architecture that its containers run on, in Go's words: `arm64`, `amd64`.
    pub arch: Option<String>,
    /// Whether its containers run under another kernel than the agent's, so that locks and inodes of the two cannot be compared.
    pub in_vm: bool,
    /// The engine's clock less ours, in milliseconds.
    pub skew_ms: Option<i64>,
    /// By how much that may be wrong either way, in milliseconds.
    #[serde(default)]
    pub skew_uncertainty_ms: Option<u64>,
    /// Milliseconds that its own answers took, added up.
    pub elapsed_ms: f64,
    /// Containers that it has, listed or not.
    pub containers: u64,
    /// Containers that were not looked at, since there are more than the bound.
    pub unlisted: u64,
}

/// Something that happened to a container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EngineEvent {
    /// When.
    pub at: Timestamp,
    /// `start`, `die`, `oom`, `kill`, `health_status: unhealthy`, …
    pub action: String,
    /// Workload: its id in [`super::Workload::id`].
    pub workload: String,
    /// Exit status of a `die`.
    pub exit_code: Option<i64>,
    /// Whether it happened to an earlier container of that name, which is gone.
    #[serde(default)]
    pub replaced: bool,
}

/// A network of an engine, or one that a project defines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Network {
    /// Stable id: the engine's id and the network's, or the project's and the key in it.
    pub id: String,
    /// Name.
    pub name: String,
    /// Engine that has it; none for one that is only written down.
    pub engine: Option<String>,
    /// Compose project.
    pub project: Option<String>,
    /// `bridge`, `host`, `none`, `macvlan`, …
    pub driver: String,
    /// Without a way out.
    pub internal: bool,
    /// Subnets: `172.18.0.0/16`.
    pub subnets: Vec<String>,
    /// Addresses of the engine's own side.
    pub gateways: Vec<IpAddr>,
}

/// A volume of an engine, or one that a project defines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Volume {
    /// Name.
    pub name: String,
    /// Engine that has it; none for one that is only written down.
    pub engine: Option<String>,
    /// Compose project.
    pub project: Option<String>,
    /// `local`, …
    pub driver: String,
    /// Its place on the engine's machine.
    pub mountpoint: Option<String>,
}

/// A Compose project: running, written down, or both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Project {
    /// Name.
    pub name: String,
    /// Engine on which it runs or ran; none for one that is only written down.
    pub engine: Option<String>,
    /// Folder that relative paths start from.
    pub working_dir: Option<String>,
    /// Its files, in the order of their precedence.
    pub files: Vec<String>,
    /// Files of variables that it was brought up with in place of `.env`, later ones over earlier ones.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub env_files: Vec<String>,
    /// What is wrong with the files themselves; empty where they were not read.
    pub problems: Vec<ProjectProblem>,
}

/// Something wrong with a Compose file that is no finding of the catalogue: a syntax error, an undefined network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProjectProblem {
    /// Where.
    pub place: Option<super::Place>,
    /// What is wrong.
    pub message: String,
    /// Whether Compose refuses the project for it.
    pub fatal: bool,
}
