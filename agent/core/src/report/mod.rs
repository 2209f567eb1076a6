//! The verdict on a node, as people and programs read it.

mod acceptance;
mod containers;
mod credentials;
mod mirrors;
mod schema;
mod summary;

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use acceptance::{AcceptanceStatus, AcceptanceSummary};
pub use containers::{ContainerSummary, EngineSummary};
pub use credentials::{Reader, credentials};
pub use mirrors::{BackupSummary, MirrorState, MirrorSummary};
pub use schema::json_schema;
pub use summary::{ClientSummary, GatewaySummary, RungState, RungSummary, StateDirSummary, UnitSummary, ladder};

use crate::acceptance::{AcceptedSummary, Quarantine};
use crate::catalogue::{Code, Layer, Severity};
use crate::snapshot::{Blind, Place};

/// The name and version of the report's form. Changes are additive only.
pub const SCHEMA: &str = "portreeve.report/1";

/// The verdict on a node, with everything that led to it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: String,
    /// When the facts were taken.
    #[schemars(with = "String")]
    pub generated_at: Timestamp,
    /// The agent that took them.
    pub agent: Agent,
    /// The node.
    pub node: NodeSummary,
    /// The verdict.
    pub verdict: Verdict,
    /// That somebody works on the node: the verdict stands, and nothing is stopped or restarted for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maintenance: Option<crate::Maintenance>,
    /// The quarantine that the node is in, since it is another than the one that was accepted; none where it is in none.
    #[serde(default)]
    pub quarantine: Option<Quarantine>,
    /// The last acceptance of the node; none where it was never accepted or that could not be seen.
    #[serde(default)]
    pub accepted: Option<AcceptedSummary>,
    /// Errors that nothing else explains, most upstream first.
    pub root_causes: Vec<Code>,
    /// State of each layer.
    pub layers: BTreeMap<Layer, LayerSummary>,
    /// Everything found, root causes first.
    pub findings: Vec<Finding>,
    /// Gateways, with their rungs.
    pub gateways: Vec<GatewaySummary>,
    /// What connects to them.
    pub clients: Vec<ClientSummary>,
    /// Service definitions.
    pub units: Vec<UnitSummary>,
    /// Container engines.
    #[serde(default)]
    pub engines: Vec<EngineSummary>,
    /// Containers, and services of Compose files that no container runs.
    pub containers: Vec<ContainerSummary>,
    /// State directories.
    pub state_dirs: Vec<StateDirSummary>,
    /// What could not be seen.
    pub blind: Vec<Blind>,
}

/// The agent that took the facts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Agent {
    /// Its version.
    pub version: String,
}

/// The node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NodeSummary {
    /// Keyed fingerprint of the hardware's identity.
    pub id: Option<String>,
    /// Host name.
    pub hostname: Option<String>,
    /// Operating system.
    pub os: Option<String>,
    /// Its version.
    pub os_version: Option<String>,
    /// Its build.
    pub os_build: Option<String>,
    /// Processor architecture.
    pub arch: String,
    /// Seconds since boot.
    pub uptime_s: Option<u64>,
}

/// The verdict on a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Every rung is proven.
    Ready,
    /// Ready, with warnings.
    Degraded,
    /// An error stands.
    Blocked,
    /// No error found, but something that readiness depends on could not be seen.
    Unknown,
}

impl Verdict {
    /// Its name in a report.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Degraded => "degraded",
            Self::Blocked => "blocked",
            Self::Unknown => "unknown",
        }
    }
}

/// State of a layer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LayerSummary {
    /// Whether it holds.
    pub state: LayerState,
    /// What decided.
    pub detail: String,
}

/// Whether a layer holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LayerState {
    /// Proven.
    Pass,
    /// An error stands.
    Fail,
    /// Not proven.
    Unknown,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// Its code.
    pub code: Code,
    /// Severity here.
    pub severity: Severity,
    /// Its layer.
    pub layer: Layer,
    /// What it is about.
    pub subject: Subject,
    /// One sentence.
    pub summary: String,
    /// The facts that it rests on.
    pub evidence: Vec<Evidence>,
    /// Findings of this report that it explains.
    pub explains: Vec<Code>,
    /// The finding of this report that explains it.
    pub explained_by: Option<Code>,
    /// How to mend it.
    pub remedy: Vec<Remedy>,
    /// The waiver that takes it out of the verdict.
    pub waived: Option<Waived>,
}

/// What a finding is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Subject {
    /// `port`, `unit`, `process`, `gateway`, `client`, `state`, `config`, `device`, `channel`, `token`, `node`,
    /// `container`, `engine`, `socket`, `proxy`, `ingress`.
    pub kind: String,
    /// Which one.
    pub id: String,
}

/// One fact that a finding rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Evidence {
    /// What was seen, in words.
    pub fact: String,
    /// Where.
    pub source: String,
    /// When.
    #[schemars(with = "String")]
    pub observed_at: Timestamp,
    /// Where in a file it is written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
}

/// One step of a remedy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Remedy {
    /// What to do.
    pub text: String,
    /// The command that does it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
}

/// A waiver in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Waived {
    /// Until when.
    #[schemars(with = "String")]
    pub until: Timestamp,
    /// Why.
    pub reason: String,
}

impl Report {
    /// The exit status by the documented contract: `0` ready or degraded, `75` unknown, and for a blocked node the layer of the most
    /// upstream root cause: transport `69`, auth `77`, channels `76`, alignment `78`, anything else `1`. With `strict`, warnings give `1`.
    pub fn exit_status(&self, strict: bool) -> u8 {
        match self.verdict {
            Verdict::Ready => 0,
            Verdict::Degraded => u8::from(strict),
            Verdict::Unknown => 75,
            Verdict::Blocked => {
                let layer =
                    self.findings.iter().filter(|finding| finding.is_root_cause()).map(|finding| finding.layer).min();
                match layer {
                    Some(Layer::Transport) => 69,
                    Some(Layer::Auth) => 77,
                    Some(Layer::Channels) => 76,
                    Some(Layer::Alignment) => 78,
                    Some(Layer::Node) | None => 1,
                }
            }
        }
    }
}

impl Finding {
    /// Whether it is an error in force that nothing else explains.
    pub fn is_root_cause(&self) -> bool {
        self.severity == Severity::Error && self.waived.is_none() && self.explained_by.is_none()
    }
}
