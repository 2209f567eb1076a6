//! Everything seen on a node at one time, with how it was seen and what could not be seen.
//!
//! A snapshot is plain data: it serialises, holds no secret, and is all that the rules know.

pub mod event;
mod gateway;
mod node;
mod probe;
mod state;
mod unit;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use gateway::{
    AuthMode, Boot, Client, ClientKind, ConfigFacts, ConfigProblem, Credentials, DeviceStanding, Expectation,
    ExposedSecret, Gateway, GatewayUrl, Install, Lease, LogEvent, LogFacts, PairedDevice, Pairing, PendingPairing,
    SecretQuality, SourceOutcome, StateRecords, TokenSource, UrlFacts,
};
pub use node::{Host, Listener, Node, PowerSettings, Process, ProcessRole, SystemVersion};
pub use probe::{
    AccountStatus, Challenge, ChannelStatus, ChannelsAnswer, EventLoop, Failure, FailureKind, Hello, Ladder, Liveness,
    Phase, Probe, ProbeOutcome, Readiness, Startup,
};
pub use state::{DatabaseFile, FileStat, LockFile, LockHolder, OpenPath, StateDir, Volume};
pub use unit::{
    Domain, KeepAlive, Manager, Unit, UnitInventory, UnitOwner, UnitProblem, UnitRole, UnitRuntime, UnitState,
};

use crate::Fact;

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
    /// What an observer could not see, beyond what single facts say.
    #[serde(default)]
    pub blind: Vec<Blind>,
    /// Wall time of each observer.
    #[serde(default)]
    pub timings: Vec<Timing>,
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

    /// The listeners on a port, where listeners were seen.
    pub fn listeners_on(&self, port: u16) -> impl Iterator<Item = &Listener> {
        self.listeners.get().into_iter().flatten().filter(move |listener| listener.port == port)
    }
}
