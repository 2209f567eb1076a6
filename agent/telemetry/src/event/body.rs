//! What events tell: one type for each body.

use jiff::Timestamp;
use portreeve_core::report::{Remedy, Report, Waived};
use portreeve_core::status::Cause;
use portreeve_core::{Layer, Severity, Verdict};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Name;
use crate::otlp::SeverityNumber;

/// The body of an event.
#[derive(Debug, Clone, PartialEq)]
pub enum Body {
    /// Of [`Name::AgentStarted`].
    AgentStarted(AgentStarted),
    /// Of [`Name::Report`].
    Report(Box<Report>),
    /// Of [`Name::VerdictChanged`].
    VerdictChanged(VerdictChanged),
    /// Of [`Name::FindingOpened`].
    FindingOpened(FindingOpened),
    /// Of [`Name::FindingClosed`].
    FindingClosed(FindingClosed),
    /// Of [`Name::AcceptanceFinished`].
    AcceptanceFinished(AcceptanceFinished),
    /// Of [`Name::ImageChanged`].
    ImageChanged(ImageChanged),
    /// Of [`Name::SpoolDropped`].
    SpoolDropped(SpoolDropped),
    /// Of [`Name::SpoolRefused`].
    SpoolRefused(SpoolRefused),
}

/// The daemon started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentStarted {
    /// Version of the agent.
    pub version: String,
    /// Since when the daemon runs.
    pub since: Timestamp,
    /// What names this boot of the machine.
    #[serde(default)]
    pub boot: Option<String>,
    /// Seconds since that boot.
    pub uptime_s: u64,
    /// Seconds between two deliveries of metrics; after three times as long without one the node is absent.
    pub interval_s: u64,
    /// The version that ran before, where it was another one.
    #[serde(default)]
    pub updated_from: Option<String>,
}

/// The verdict or its causes changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerdictChanged {
    /// What it was; none for the first of all.
    pub from: Option<Verdict>,
    /// For how many seconds it was that, as far as it was seen.
    pub after_s: Option<u64>,
    /// What it is.
    pub to: Verdict,
    /// Since when.
    pub since: Timestamp,
    /// Why.
    pub causes: Vec<Cause>,
    /// What names the boot of the machine in which it changed.
    #[serde(default)]
    pub boot: Option<String>,
}

/// A finding stands that did not stand before, or its severity or waiver changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FindingOpened {
    /// Tells it from the node's other findings: code and subject. The event of its end has the same.
    pub key: String,
    /// Its code; a later agent may know others than this one.
    pub code: String,
    /// Its severity.
    pub severity: Severity,
    /// Its layer.
    pub layer: Layer,
    /// What it is about: `port:18789`.
    pub subject: String,
    /// One sentence.
    pub summary: String,
    /// Whether nothing else explains it and it blocks.
    pub root_cause: bool,
    /// The finding that explains it.
    #[serde(default)]
    pub explained_by: Option<String>,
    /// How to mend it.
    #[serde(default)]
    pub remedy: Vec<Remedy>,
    /// The waiver that takes it out of the verdict.
    #[serde(default)]
    pub waived: Option<Waived>,
    /// Whether it stood before, with another severity or waiver.
    #[serde(default)]
    pub changed: bool,
}

/// A finding no longer stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FindingClosed {
    /// As in [`FindingOpened::key`].
    pub key: String,
    /// Its code.
    pub code: String,
    /// The severity that it had.
    pub severity: Severity,
    /// Its layer.
    pub layer: Layer,
    /// What it was about.
    pub subject: String,
    /// When it was first seen.
    pub opened_at: Timestamp,
    /// Seconds from there to the look that did not see it, by the time of day.
    pub lasted_s: u64,
}

/// A full acceptance of the node ended, or a person accepted it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AcceptanceFinished {
    /// Whether the node is accepted.
    pub accepted: bool,
    /// When.
    pub at: Timestamp,
    /// By whom, where it is accepted.
    #[serde(default)]
    pub by: Option<String>,
    /// Whether a person said so, in spite of what the acceptance said.
    #[serde(default)]
    pub by_hand: bool,
    /// Why, where a person said so.
    #[serde(default)]
    pub reason: Option<String>,
    /// What stands, or stood, against it.
    #[serde(default)]
    pub against: Vec<String>,
    /// Build of the operating system that was accepted, or that is not accepted yet.
    #[serde(default)]
    pub os_build: Option<String>,
    /// Why the node had to be accepted anew, in words.
    #[serde(default)]
    pub occasions: Vec<String>,
    /// Acceptances that were tried in this quarantine.
    #[serde(default)]
    pub attempts: u32,
}

/// What runs for an image, its pin, or what its registry says of it changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageChanged {
    /// The image in its normal form: `docker.io/library/nginx:latest`.
    pub image: String,
    /// What uses it, by their ids.
    pub used_by: Vec<String>,
    /// What it was; none for an image that came into use.
    #[serde(default)]
    pub from: Option<portreeve_core::measure::ImageState>,
    /// What it is; none for one that is not in use any more.
    #[serde(default)]
    pub to: Option<portreeve_core::measure::ImageState>,
}

/// Records were dropped undelivered, since the spool's bound was reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpoolDropped {
    /// How many.
    pub records: u64,
    /// Their size.
    pub bytes: u64,
    /// How many were ever dropped, with these.
    pub total: u64,
    /// Time of the oldest of them.
    #[serde(default)]
    pub oldest: Option<Timestamp>,
    /// Time of the newest of them.
    #[serde(default)]
    pub newest: Option<Timestamp>,
}

/// The endpoint refused records for good; they were set aside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpoolRefused {
    /// How many.
    pub records: u64,
    /// How many were ever refused, with these.
    pub total: u64,
    /// What the endpoint said, shortened.
    #[serde(default)]
    pub why: Option<String>,
}

/// Why a body cannot be understood.
#[derive(Debug, thiserror::Error)]
#[error("the body of `{}` has another form", name.as_str())]
pub struct BodyError {
    /// The event's name.
    pub name: Name,
    /// What is wrong.
    #[source]
    pub source: serde_json::Error,
}

impl Body {
    /// The name of the event that it belongs to.
    pub fn name(&self) -> Name {
        match self {
            Self::AgentStarted(_) => Name::AgentStarted,
            Self::Report(_) => Name::Report,
            Self::VerdictChanged(_) => Name::VerdictChanged,
            Self::FindingOpened(_) => Name::FindingOpened,
            Self::FindingClosed(_) => Name::FindingClosed,
            Self::AcceptanceFinished(_) => Name::AcceptanceFinished,
            Self::ImageChanged(_) => Name::ImageChanged,
            Self::SpoolDropped(_) => Name::SpoolDropped,
            Self::SpoolRefused(_) => Name::SpoolRefused,
        }
    }

    /// How bad it is.
    pub fn severity(&self) -> SeverityNumber {
        match self {
            Self::AgentStarted(_) | Self::Report(_) | Self::FindingClosed(_) | Self::ImageChanged(_) => {
                SeverityNumber::Info
            }
            Self::VerdictChanged(change) => match change.to {
                Verdict::Ready => SeverityNumber::Info,
                Verdict::Degraded | Verdict::Unknown => SeverityNumber::Warn,
                Verdict::Blocked => SeverityNumber::Error,
            },
            Self::FindingOpened(finding) if finding.waived.is_some() => SeverityNumber::Info,
            Self::FindingOpened(finding) => match finding.severity {
                Severity::Error => SeverityNumber::Error,
                Severity::Warning => SeverityNumber::Warn,
                Severity::Information => SeverityNumber::Info,
            },
            Self::AcceptanceFinished(finished) if finished.accepted => SeverityNumber::Info,
            Self::AcceptanceFinished(_) | Self::SpoolRefused(_) => SeverityNumber::Warn,
            Self::SpoolDropped(_) => SeverityNumber::Error,
        }
    }

    /// Reads the body of an event. Fields that are not known are left out; a code of a later version makes a whole [`Report`] unreadable.
    pub fn parse(name: Name, value: Value) -> Result<Self, BodyError> {
        let body = match name {
            Name::AgentStarted => serde_json::from_value(value).map(Self::AgentStarted),
            Name::Report => serde_json::from_value(value).map(Self::Report),
            Name::VerdictChanged => serde_json::from_value(value).map(Self::VerdictChanged),
            Name::FindingOpened => serde_json::from_value(value).map(Self::FindingOpened),
            Name::FindingClosed => serde_json::from_value(value).map(Self::FindingClosed),
            Name::AcceptanceFinished => serde_json::from_value(value).map(Self::AcceptanceFinished),
            Name::ImageChanged => serde_json::from_value(value).map(Self::ImageChanged),
            Name::SpoolDropped => serde_json::from_value(value).map(Self::SpoolDropped),
            Name::SpoolRefused => serde_json::from_value(value).map(Self::SpoolRefused),
        };
        body.map_err(|source| BodyError { name, source })
    }

    /// As JSON, for the encoder.
    pub fn to_json(&self) -> Result<Vec<u8>, BodyError> {
        let bytes = match self {
            Self::AgentStarted(body) => serde_json::to_vec(body),
            Self::Report(body) => serde_json::to_vec(body),
            Self::VerdictChanged(body) => serde_json::to_vec(body),
            Self::FindingOpened(body) => serde_json::to_vec(body),
            Self::FindingClosed(body) => serde_json::to_vec(body),
            Self::AcceptanceFinished(body) => serde_json::to_vec(body),
            Self::ImageChanged(body) => serde_json::to_vec(body),
            Self::SpoolDropped(body) => serde_json::to_vec(body),
            Self::SpoolRefused(body) => serde_json::to_vec(body),
        };
        bytes.map_err(|source| BodyError { name: self.name(), source })
    }
}
