//! Engines and containers as the report lists them.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::snapshot::{Engine, EngineKind, NetworkMode, PublishedPort, RunState, Snapshot, Workload, WorkloadRole};

/// One container, or a service of a Compose file that no container runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ContainerSummary {
    /// Stable id: `container:<name>`, `service:<project>/<service>`.
    pub id: String,
    /// Name of the container, or of the service.
    pub name: String,
    /// Engine that has it; none for one that is only written down.
    pub engine: Option<String>,
    /// Compose project.
    pub project: Option<String>,
    /// Service of the project.
    pub service: Option<String>,
    /// What it is.
    pub role: WorkloadRole,
    /// What tells.
    pub role_reason: String,
    /// State; none for one that is only written down.
    pub state: Option<RunState>,
    /// `healthy`, `unhealthy`, `starting`; none without a health check.
    pub health: Option<String>,
    /// How often the engine started it again.
    pub restarts: u32,
    /// Exit status of the last end.
    pub exit_code: Option<i64>,
    /// Last start.
    #[schemars(with = "Option<String>")]
    pub started_at: Option<Timestamp>,
    /// Image as the definition names it.
    pub image: String,
    /// Digest by which a registry knows the image, or else the image's own id.
    pub digest: Option<String>,
    /// Version of the image, where it tells.
    pub version: Option<String>,
    /// Ports published on the host.
    pub ports: Vec<PublishedPort>,
    /// Names of the networks that it is attached to.
    pub networks: Vec<String>,
    /// The workload whose network namespace it shares.
    pub shares_network_of: Option<String>,
    /// Why its namespaces could not be looked into, where they should have been.
    pub not_seen: Option<String>,
}

/// One container engine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EngineSummary {
    /// Stable id.
    pub id: String,
    /// Which product it is.
    pub kind: EngineKind,
    /// Where it listens.
    pub endpoint: String,
    /// User whose engine it is; none for one of the whole node.
    pub user: Option<String>,
    /// Version; none where it did not answer.
    pub version: Option<String>,
    /// Architecture that its containers run on.
    pub arch: Option<String>,
    /// Whether its containers run under a kernel of their own.
    pub in_vm: Option<bool>,
    /// Containers that it has.
    pub containers: Option<u64>,
    /// Who counts on it.
    pub needed_by: Vec<String>,
    /// Why it did not answer.
    pub silent: Option<String>,
}

impl ContainerSummary {
    /// The summary of one workload.
    pub fn new(workload: &Workload, snapshot: &Snapshot) -> Self {
        let runtime = workload.runtime.as_ref();
        let network = |id: &String| {
            let network = snapshot.networks.iter().find(|network| network.id == *id);
            network.map_or_else(|| id.clone(), |network| network.name.clone())
        };
        Self {
            id: workload.id.clone(),
            name: workload.name.clone(),
            engine: workload.engine.clone(),
            project: workload.project.clone(),
            service: workload.service.clone(),
            role: workload.role,
            role_reason: workload.role_reason.clone(),
            state: runtime.map(|runtime| runtime.state),
            health: runtime.and_then(|runtime| runtime.health.clone()),
            restarts: runtime.map_or(0, |runtime| runtime.restart_count),
            exit_code: runtime.and_then(|runtime| runtime.exit_code),
            started_at: runtime.and_then(|runtime| runtime.started_at),
            image: workload.image.reference.clone(),
            digest: workload.image.digests.first().or(workload.image.id.as_ref()).cloned(),
            version: workload.image.version.clone(),
            ports: workload.ports.clone(),
            networks: workload.networks.iter().map(|attachment| network(&attachment.network)).collect(),
            shares_network_of: match &workload.network_mode {
                NetworkMode::Shared { with, .. } => Some(with.clone()),
                NetworkMode::Own | NetworkMode::Host | NetworkMode::None => None,
            },
            not_seen: workload.view.blind().map(ToOwned::to_owned),
        }
    }
}

impl From<&Engine> for EngineSummary {
    fn from(engine: &Engine) -> Self {
        let answer = engine.answer.get();
        Self {
            id: engine.id.clone(),
            kind: engine.kind,
            endpoint: engine.endpoint.clone(),
            user: engine.user.clone(),
            version: answer.map(|answer| answer.version.clone()),
            arch: answer.and_then(|answer| answer.arch.clone()),
            in_vm: answer.map(|answer| answer.in_vm),
            containers: answer.map(|answer| answer.containers),
            needed_by: engine.needed_by.clone(),
            silent: engine.answer.blind().map(ToOwned::to_owned),
        }
    }
}
