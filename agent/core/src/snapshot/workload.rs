//! Containers as an engine reports them, and services as a Compose file defines them: one shape for both, so that one rule judges both.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::credentials::TokenSource;
use super::hosts::{HostsAddress, HostsEntry};
use super::namespace::NamespaceView;
use super::place::Place;
use crate::Fact;

/// A container, or a service that no container runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Workload {
    /// Stable id: `container:<name>` for one that an engine has, `service:<project>/<service>` for one that is only written down.
    pub id: String,
    /// Name of the container, or of the service.
    pub name: String,
    /// Engine that has it; none for one that is only written down.
    pub engine: Option<String>,
    /// The engine's id of the container.
    pub container_id: Option<String>,
    /// Compose project.
    pub project: Option<String>,
    /// Service of the project.
    pub service: Option<String>,
    /// What it is.
    pub role: WorkloadRole,
    /// What tells: `runs openclaw gateway run`, `image nginx`.
    pub role_reason: String,
    /// Its image.
    pub image: Image,
    /// User it runs as: `1000:1000`, `node`; none for the image's own.
    pub user: Option<String>,
    /// Entry point and command with anything secret masked.
    pub command: Vec<String>,
    /// Names of its environment variables, in order.
    pub environment: Vec<String>,
    /// Where a gateway listens within it.
    pub listens: Option<Listens>,
    /// Its network namespace.
    pub network_mode: NetworkMode,
    /// Networks it is attached to.
    pub networks: Vec<Attachment>,
    /// Names that its own hosts file adds: `extra_hosts`, `links`.
    #[serde(default)]
    pub extra_hosts: Vec<HostsEntry>,
    /// Ports published on the host.
    pub ports: Vec<PublishedPort>,
    /// What is mounted.
    pub mounts: Vec<Mount>,
    /// Its state directory, as a path within it.
    pub state_dir: Option<String>,
    /// Whether its own layer is read-only.
    pub read_only_root: bool,
    /// Health check; none where neither definition nor image has one.
    pub healthcheck: Option<Healthcheck>,
    /// Restart policy: `no`, `always`, `unless-stopped`, `on-failure[:n]`.
    pub restart: Option<String>,
    /// Services it waits for: name and condition (`service_started`, `service_healthy`, `service_completed_successfully`).
    pub depends_on: Vec<Dependency>,
    /// Profiles that switch it on; empty: always on.
    pub profiles: Vec<String>,
    /// Bytes of memory it may use; none: no limit.
    pub memory_limit: Option<u64>,
    /// How it runs; none for one that is only written down.
    pub runtime: Option<Runtime>,
    /// What was seen from within its namespaces.
    pub view: Fact<NamespaceView>,
    /// Where each part of it is written, by the path of its keys: `environment.OPENCLAW_GATEWAY_TOKEN`, `ports.0`, `volumes.2`,
    /// `network_mode`; the empty path is the service itself. Empty for one whose definition was not read.
    #[serde(default)]
    pub places: BTreeMap<String, Place>,
    /// Secrets of its environment that the files of its project would give to a container made now; empty where they were not read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub written: Vec<TokenSource>,
}

impl Workload {
    /// Where a part of it is written, or else where the nearest part around it is.
    pub fn place(&self, path: &str) -> Option<&Place> {
        let mut path = path;
        loop {
            if let Some(place) = self.places.get(path) {
                return Some(place);
            }
            if path.is_empty() {
                return None;
            }
            path = path.rsplit_once('.').map_or("", |(around, _)| around);
        }
    }

    /// What its own hosts file says that a name stands for; nothing where it does not have the name.
    pub fn hosts(&self, name: &str) -> impl Iterator<Item = HostsAddress> {
        self.extra_hosts.iter().filter(|entry| entry.name.eq_ignore_ascii_case(name)).map(|entry| entry.address)
    }

    /// Whether its main process runs now.
    pub fn is_running(&self) -> bool {
        self.runtime.as_ref().is_some_and(|runtime| runtime.state == RunState::Running)
    }

    /// Whether another workload was started again after it: what joined the namespace of the other's last start is still in that one.
    pub fn is_older_than(&self, other: &Self) -> bool {
        let began = |workload: &Self| workload.runtime.as_ref().filter(|_| workload.is_running())?.started_at;
        began(self).zip(began(other)).is_some_and(|(own, others)| own < others)
    }

    /// The path on the engine's machine that its state directory is bound from.
    pub fn state_on_host(&self) -> Option<String> {
        let state = self.state_dir.as_deref()?;
        let mount = self.mount_of(state).filter(|mount| mount.kind == MountKind::Bind)?;
        let below = state.strip_prefix(mount.target.trim_end_matches('/')).unwrap_or_default();
        Some(format!("{}{below}", mount.source.as_deref()?.trim_end_matches('/')))
    }

    /// The mount that a path within it lies on: the one with the longest target.
    pub fn mount_of(&self, path: &str) -> Option<&Mount> {
        let covers = |target: &str| {
            let target = target.trim_end_matches('/');
            path.strip_prefix(target).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        self.mounts.iter().filter(|mount| covers(&mount.target)).max_by_key(|mount| mount.target.len())
    }
}

/// What a workload is, by what it runs and listens on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum WorkloadRole {
    /// A gateway.
    Gateway,
    /// The command line of `OpenClaw`, one-shot or waiting.
    Cli,
    /// A node host.
    NodeHost,
    /// A reverse proxy: nginx, Caddy, Traefik, …
    Proxy,
    /// What takes web hooks and passes them on: n8n, …
    Ingress,
    /// Anything else.
    Other,
}

/// An image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Image {
    /// As the definition names it: `ghcr.io/openclaw/openclaw:2026.9.6`; empty where it is built.
    pub reference: String,
    /// As the Compose file names it now, where one was read and is not what made the container.
    #[serde(default)]
    pub written: Option<String>,
    /// Built from a context of the project.
    pub built: bool,
    /// Config digest of what runs.
    pub id: Option<String>,
    /// Digests by which registries know it.
    pub digests: Vec<String>,
    /// Platform of the image: `linux/arm64`.
    pub platform: Option<String>,
    /// `org.opencontainers.image.version`, or the version in a tag that is one.
    pub version: Option<String>,
}

/// Where a gateway listens, as its arguments, environment and configuration say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listens {
    /// Port within its namespace.
    pub port: u16,
    /// Where the port comes from.
    pub port_source: String,
    /// Effective `bind`: `loopback`, `lan`, `tailnet`, `custom`, `auto` (every address, in a container).
    pub bind: String,
    /// Where the bind comes from: `--bind of its command`, `gateway.bind in …`, `the default in a container`.
    pub bind_source: String,
    /// Path of keys in [`Workload::places`] that says the bind.
    pub bind_key: String,
    /// Whether only its own namespace reaches it.
    pub loopback_only: bool,
}

/// Whose network namespace a workload is in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "mode", rename_all = "kebab-case")]
pub enum NetworkMode {
    /// Its own, attached to networks.
    Own,
    /// The host's, or that of the engine's virtual machine.
    Host,
    /// Its own, attached to nothing.
    None,
    /// That of another workload, by its [`Workload::id`].
    Shared {
        /// The other workload; the name as written where there is none such.
        with: String,
        /// Whether there is such a workload.
        found: bool,
    },
}

/// A network that a workload is attached to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// [`super::Network::id`].
    pub network: String,
    /// Names by which others on it reach the workload: service, container name, aliases.
    pub aliases: Vec<String>,
    /// Address, where it runs.
    pub address: Option<String>,
}

/// A port published on the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PublishedPort {
    /// Address of the host; none: every address.
    pub host_address: Option<String>,
    /// Port of the host; none: any that is free.
    pub host_port: Option<u16>,
    /// Port within the workload.
    pub container_port: u16,
    /// `tcp` or `udp`.
    pub protocol: String,
    /// Path of keys in [`Workload::places`].
    #[serde(default)]
    pub key: String,
}

impl PublishedPort {
    /// Whether machines other than the host can reach it.
    pub fn is_exposed(&self) -> bool {
        let Some(address) = &self.host_address else { return true };
        let address = address.trim_start_matches('[').trim_end_matches(']');
        address.parse::<std::net::IpAddr>().map_or(address != "localhost", |address| !address.is_loopback())
    }
}

/// Something mounted into a workload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Mount {
    /// What kind.
    pub kind: MountKind,
    /// Path on the host of a bind, name of a volume; none for an anonymous volume or memory.
    pub source: Option<String>,
    /// Path within the workload.
    pub target: String,
    /// Whether it cannot be written.
    pub read_only: bool,
    /// `rprivate`, `rshared`, …; none where nothing is said.
    pub propagation: Option<String>,
    /// Path of keys in [`Workload::places`].
    #[serde(default)]
    pub key: String,
}

/// Kind of a mount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum MountKind {
    /// A path of the host.
    Bind,
    /// A volume of the engine.
    Volume,
    /// Memory.
    Tmpfs,
    /// Anything else.
    Other,
}

/// A service that another waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Dependency {
    /// Service.
    pub service: String,
    /// `service_started`, `service_healthy`, `service_completed_successfully`.
    pub condition: String,
}

/// A health check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Healthcheck {
    /// Switched off.
    pub disabled: bool,
    /// The command with anything secret masked.
    pub test: Vec<String>,
    /// What it asks of a gateway.
    pub asks: HealthQuestion,
    /// Milliseconds between two checks.
    pub interval_ms: u64,
    /// Milliseconds that a check may take.
    pub timeout_ms: u64,
    /// Milliseconds from the start in which a failed check counts for nothing.
    pub start_period_ms: u64,
    /// Failed checks in a row that make it unhealthy.
    pub retries: u32,
    /// Whether it comes from the image and not from the definition.
    pub from_image: bool,
}

/// What a health check asks of a gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum HealthQuestion {
    /// Whether the process is there, or the port is open.
    Process,
    /// `/healthz` or `/health`.
    Liveness,
    /// `/startupz`.
    Startup,
    /// `/readyz` or `/ready`.
    Readiness,
    /// The command line's own probe.
    Command,
    /// Something that is not known.
    Unknown,
}

/// How a container runs or ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Runtime {
    /// State.
    pub state: RunState,
    /// Process id on the engine's machine; none where it does not run.
    pub pid: Option<u32>,
    /// Exit status of the last end.
    pub exit_code: Option<i64>,
    /// Whether the kernel ended it for want of memory.
    pub oom_killed: bool,
    /// How often the engine started it again.
    pub restart_count: u32,
    /// The engine's own error, with anything secret masked.
    pub error: Option<String>,
    /// Last start.
    pub started_at: Option<Timestamp>,
    /// Last end.
    pub finished_at: Option<Timestamp>,
    /// `healthy`, `unhealthy`, `starting`; none without a health check.
    pub health: Option<String>,
    /// Failed health checks in a row.
    pub failing_streak: u32,
    /// Last results of the health check, oldest first: exit status and output, bounded, with anything secret masked.
    pub health_log: Vec<HealthResult>,
}

/// State of a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RunState {
    /// Made, never started.
    Created,
    /// Runs.
    Running,
    /// Held.
    Paused,
    /// Between two starts.
    Restarting,
    /// Ended.
    Exited,
    /// Being removed.
    Removing,
    /// Could not be ended or removed.
    Dead,
}

/// One result of a health check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthResult {
    /// When it ended.
    pub at: Option<Timestamp>,
    /// Exit status.
    pub exit_code: i64,
    /// Output.
    pub output: String,
}
