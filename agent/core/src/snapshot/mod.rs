//! Everything seen on a node at one time, with how it was seen and what could not be seen.
//!
//! A snapshot is plain data: it serialises, holds no secret, and is all that the rules know.

mod acceptance;
mod client;
mod clock;
mod credentials;
mod earlier;
mod engine;
pub mod event;
mod gateway;
mod hosts;
mod image_check;
mod lock_wait;
mod mirror;
pub mod namespace;
mod node;
mod place;
mod probe;
mod proxy;
mod records;
mod state;
mod unit;
mod workload;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use acceptance::{Acceptance, AcceptanceOutcome, Refusal};
pub use client::{Client, ClientKind, DeviceStanding, GatewayUrl, ShownCertificate, UrlFacts, UrlTls};
pub use clock::{Keeping, NodeClock, ServerTime};
pub use credentials::{AuthMode, Credentials, ExposedSecret, SecretQuality, SourceOutcome, TokenSource};
pub use earlier::Earlier;
pub(crate) use earlier::Risen;
pub use engine::{
    Engine, EngineAnswer, EngineEvent, EngineKind, Network, Project, ProjectProblem, Volume as EngineVolume,
};
pub use gateway::{ConfigFacts, ConfigProblem, Expectation, Gateway, Install, LogEvent, LogFacts, LogFile};
pub use hosts::{HostsAddress, HostsEntry};
pub use image_check::{
    AcceptedImage, DigestKind, DigestSeen, ImageCheck, ImageDigest, RegistryAnswer, RegistryDigest, ResolvedManifest,
};
pub use lock_wait::{Hold, LockKind, LockLatency, LockWait, Waits, WatchedLock};
pub use mirror::{
    Backup, BackupOf, DestinationKind, Exclusion, ExclusionKind, LocalSnapshots, Mirror, MirrorKind, MirrorWay,
    Starter, TimeMachine,
};
pub use namespace::NamespaceView;
pub use node::{Host, Listener, Node, PowerSettings, Process, ProcessRole, SystemVersion, UpdateSettings};
pub use place::Place;
pub use probe::{
    AccountStatus, Challenge, ChannelStatus, ChannelsAnswer, EventLoop, Failure, FailureKind, Hello, Ladder, Liveness,
    Phase, Probe, ProbeOutcome, Readiness, Startup,
};
pub use proxy::{IdleSocket, Ingress, ProxyConfig, ProxyRoute, TlsSeen};
pub use records::{Boot, Lease, PairedDevice, Pairing, PendingPairing, StateRecords};
pub use state::{DatabaseFile, FileStat, LockFile, LockHolder, OpenPath, StateDir, Volume};
pub use unit::{
    Domain, KeepAlive, Manager, Unit, UnitInventory, UnitOwner, UnitProblem, UnitRole, UnitRuntime, UnitState,
};
pub use workload::{
    Attachment, Dependency, HealthQuestion, HealthResult, Healthcheck, Image, Listens, Mount, MountKind, NetworkMode,
    PublishedPort, RunState, Runtime, Workload, WorkloadRole,
};

pub use crate::acceptance::{AcceptedNode, DataFolder};
use crate::delivery::Delivery;
use crate::{Fact, SelfTest};

/// The name and version of the snapshot's form.
pub const SCHEMA: &str = "portreeve.snapshot/1";

/// All facts about one node at one time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// [`SCHEMA`].
    pub schema: String,
    /// When the observation began. Rules measure ages against it.
    pub taken_at: Timestamp,
    /// Version of the agent that took it.
    pub agent_version: String,
    /// The node itself.
    pub node: Node,
    /// Processes that matter: gateways, node hosts, `OpenClaw` commands, and the owners of the ports of interest.
    pub processes: Fact<Vec<Process>>,
    /// Every listener on the ports of interest, in both families.
    pub listeners: Fact<Vec<Listener>>,
    /// Service definitions and what the service manager says of them.
    pub units: UnitInventory,
    /// State directories.
    pub state_dirs: Vec<StateDir>,
    /// Gateways that run here or should.
    pub gateways: Vec<Gateway>,
    /// What connects to gateways.
    pub clients: Vec<Client>,
    /// `OpenClaw` installations found.
    pub installs: Vec<Install>,
    /// Container engines.
    #[serde(default)]
    pub engines: Vec<Engine>,
    /// Networks of the engines and of projects that are only written down.
    #[serde(default)]
    pub networks: Vec<Network>,
    /// Volumes of the engines and of projects that are only written down.
    #[serde(default)]
    pub volumes: Vec<EngineVolume>,
    /// Compose projects.
    #[serde(default)]
    pub projects: Vec<Project>,
    /// Containers, and services that are only written down.
    #[serde(default)]
    pub workloads: Vec<Workload>,
    /// Ways through proxies.
    #[serde(default)]
    pub proxies: Vec<ProxyRoute>,
    /// What takes web hooks.
    #[serde(default)]
    pub ingresses: Vec<Ingress>,
    /// How long locks were held, where they were watched.
    #[serde(default)]
    pub lock_waits: Vec<LockWait>,
    /// What registries said of images the last time they were asked; nothing is asked for a snapshot.
    #[serde(default)]
    pub image_checks: Vec<ImageCheck>,
    /// Time Machine; absent where the system has none.
    #[serde(default = "not_looked_at")]
    pub time_machine: Fact<TimeMachine>,
    /// What else copies a state directory.
    #[serde(default)]
    pub mirrors: Vec<Mirror>,
    /// The last self test, of whatever system and agent; absent where none was run.
    #[serde(default = "not_looked_at")]
    pub selftest: Fact<SelfTest>,
    /// That somebody works on the node, where it was announced and holds.
    #[serde(default)]
    pub maintenance: Option<crate::Maintenance>,
    /// The node as it was accepted the last time; absent where it never was.
    #[serde(default = "not_looked_at")]
    pub accepted: Fact<AcceptedNode>,
    /// The agent's own folder; none where it has none yet.
    #[serde(default)]
    pub data_folder: Option<DataFolder>,
    /// How delivery to a central endpoint goes; absent where nothing is delivered.
    #[serde(default = "not_looked_at")]
    pub delivery: Fact<Delivery>,
    /// What the look before this one saw; none where the agent does not look again and again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Earlier>,
    /// What an observer could not see, beyond what single facts say.
    #[serde(default)]
    pub blind: Vec<Blind>,
    /// Wall time of each observer.
    #[serde(default)]
    pub timings: Vec<Timing>,
}

/// The fact of an agent that did not know to look.
fn not_looked_at<T>() -> Fact<T> {
    Fact::absent("not looked at", Timestamp::UNIX_EPOCH)
}

/// Something an observer could not see.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Blind {
    /// What could not be seen.
    pub what: String,
    /// Why.
    pub why: String,
    /// What would let it be seen.
    pub remedy: String,
    /// Whether readiness depends on it, so that the verdict cannot be `ready`.
    pub readiness: bool,
}

/// Wall time of one observer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Timing {
    /// The observer.
    pub observer: String,
    /// Milliseconds.
    pub elapsed_ms: u64,
}

impl Snapshot {
    /// A node at which nothing was looked, and why.
    pub fn unseen(taken_at: Timestamp, agent_version: &str, node: Node, why: &str) -> Self {
        Self {
            schema: SCHEMA.to_owned(),
            taken_at,
            agent_version: agent_version.to_owned(),
            node,
            processes: Fact::unreadable(why, "nothing", taken_at),
            listeners: Fact::unreadable(why, "nothing", taken_at),
            units: UnitInventory::default(),
            state_dirs: Vec::new(),
            gateways: Vec::new(),
            clients: Vec::new(),
            installs: Vec::new(),
            engines: Vec::new(),
            networks: Vec::new(),
            volumes: Vec::new(),
            projects: Vec::new(),
            workloads: Vec::new(),
            proxies: Vec::new(),
            ingresses: Vec::new(),
            lock_waits: Vec::new(),
            image_checks: Vec::new(),
            time_machine: Fact::absent(why, taken_at),
            mirrors: Vec::new(),
            selftest: not_looked_at(),
            maintenance: None,
            accepted: Fact::absent(why, taken_at),
            data_folder: None,
            delivery: Fact::absent(why, taken_at),
            before: None,
            blind: Vec::new(),
            timings: Vec::new(),
        }
    }

    /// The process with this pid, where processes were seen.
    pub fn process(&self, pid: u32) -> Option<&Process> {
        self.processes.get()?.iter().find(|process| process.pid == pid)
    }

    /// The state directory with this resolved path.
    pub fn state_dir(&self, path: &str) -> Option<&StateDir> {
        self.state_dirs.iter().find(|dir| dir.path == path)
    }

    /// The unit with this id.
    pub fn unit(&self, id: &str) -> Option<&Unit> {
        self.units.units.iter().find(|unit| unit.id == id)
    }

    /// The workload with this id.
    pub fn workload(&self, id: &str) -> Option<&Workload> {
        self.workloads.iter().find(|workload| workload.id == id)
    }

    /// The gateways that run in no container.
    pub fn host_gateways(&self) -> impl Iterator<Item = &Gateway> {
        self.gateways.iter().filter(|gateway| gateway.workload.is_none())
    }

    /// The clients that run in no container.
    pub fn host_clients(&self) -> impl Iterator<Item = &Client> {
        self.clients.iter().filter(|client| client.workload.is_none())
    }

    /// The listeners on a port, where listeners were seen.
    pub fn listeners_on(&self, port: u16) -> impl Iterator<Item = &Listener> {
        self.listeners.get().into_iter().flatten().filter(move |listener| listener.port == port)
    }
}
