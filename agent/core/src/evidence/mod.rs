//! The bundle for a ticket: what a node was like, what its logs say of the time before, and what can be answered of the questions that are
//! asked after an incident.

mod gathered;
mod questions;
pub mod redact;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use gathered::{Gathered, KindSeen, LevelLines, MAX_ENTRIES, MAX_LINES, Timeline};
pub use questions::{Answer, Question, Told, answers};
pub use redact::{Redacted, Redactor};

use crate::catalogue::Code;
use crate::history::Spell;
use crate::report::{Agent, Verdict};

/// The name and version of the form. Changes are additive only.
pub const SCHEMA: &str = "portreeve.evidence/1";

/// A bundle in short.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Evidence {
    /// [`SCHEMA`].
    pub schema: String,
    /// The agent that made it.
    pub agent: Agent,
    /// When the facts were taken.
    #[schemars(with = "String")]
    pub taken_at: Timestamp,
    /// From when on logs were read.
    #[schemars(with = "String")]
    pub since: Timestamp,
    /// The node's name.
    pub host: Option<String>,
    /// The verdict.
    pub verdict: Verdict,
    /// Errors that nothing else explains, most upstream first.
    pub root_causes: Vec<Code>,
    /// The questions that are asked after an incident.
    pub questions: Vec<Answer>,
    /// What logs say, in short.
    pub timeline: Timeline,
    /// The last lines of each severity.
    pub levels: Vec<LevelLines>,
    /// What the daemon wrote down of earlier verdicts.
    pub history: History,
    /// What was taken out.
    pub redacted: Redacted,
    /// The parts of the bundle.
    pub parts: Vec<Part>,
    /// The files that were written; empty in the bundle itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<WrittenFile>,
}

/// What the daemon wrote down of earlier verdicts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct History {
    /// How much there is of it, or why there is nothing.
    pub about: String,
    /// The spells of one verdict that reach into the time of the bundle, oldest first.
    pub spells: Vec<Spell>,
}

/// A part of a bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Part {
    /// Its name in the archive.
    pub name: String,
    /// What it is.
    pub about: String,
    /// Bytes; none where it was left out.
    pub bytes: Option<u64>,
    /// Why it, or some of it, was left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left_out: Option<String>,
}

/// A file that was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WrittenFile {
    /// Where.
    pub path: String,
    /// Bytes.
    pub bytes: u64,
    /// Its SHA-256, in hexadecimal digits.
    pub sha256: String,
}

/// The JSON Schema of [`Evidence`].
pub fn json_schema() -> schemars::Schema {
    schemars::schema_for!(Evidence)
}
