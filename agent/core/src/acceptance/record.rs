//! The record of an acceptance, as it is kept between runs.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::baseline::Baseline;
use super::decide::{Decision, Outcome};
use super::occasion::Occasion;
use crate::Fingerprint;
use crate::snapshot::Snapshot;

/// The name and version of the record's form.
pub const RECORD_SCHEMA: &str = "portreeve.accepted/1";

/// How a node came to be accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum How {
    /// A full acceptance passed.
    Passed,
    /// A person accepted it in spite of what a full acceptance said.
    ByHand,
}

/// The node as it was accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AcceptedNode {
    /// [`RECORD_SCHEMA`].
    pub schema: String,
    /// When.
    pub at: Timestamp,
    /// By whom: a login name, or `portreeve run`.
    pub by: String,
    /// How.
    pub how: How,
    /// Why, where a person said so.
    #[serde(default)]
    pub reason: Option<String>,
    /// What a full acceptance said against it, where it was accepted by hand.
    #[serde(default)]
    pub in_spite_of: Vec<String>,
    /// The agent that accepted it.
    pub agent_version: String,
    /// Keyed fingerprint of the hardware UUID or machine id.
    #[serde(default)]
    pub hardware: Option<Fingerprint>,
    /// The folder that the record was written into.
    #[serde(default)]
    pub folder: Option<DataFolder>,
    /// What was accepted.
    pub baseline: Box<Baseline>,
    /// Acceptances that were tried since and did not pass.
    #[serde(default)]
    pub pending: Option<Pending>,
}

/// The agent's own folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataFolder {
    /// Its inode, which a folder that was copied or restored does not keep.
    #[serde(default)]
    pub inode: Option<u64>,
    /// Fingerprint of a fixed text, by which the key of the fingerprints can be told from others.
    #[serde(default)]
    pub key: Option<Fingerprint>,
}

/// Acceptances that did not pass, since the node is in quarantine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    /// Since when the node is in quarantine.
    pub since: Timestamp,
    /// What called for them; nothing in records of agents that did not keep it.
    #[serde(default)]
    pub occasions: Vec<Occasion>,
    /// When the first was tried.
    pub first: Timestamp,
    /// How many were tried.
    pub attempts: u32,
    /// When the last was tried.
    pub last: Timestamp,
    /// What the last said.
    pub reasons: Vec<String>,
}

impl AcceptedNode {
    /// The attempts that belong to a quarantine with these occasions: those of one that ended by itself do not.
    pub(crate) fn pending_of(&self, occasions: &[Occasion]) -> Option<&Pending> {
        let kind = std::mem::discriminant::<Occasion>;
        let is_same = |before: &Occasion| occasions.iter().any(|occasion| kind(occasion) == kind(before));
        self.pending.as_ref().filter(|pending| pending.occasions.is_empty() || pending.occasions.iter().any(is_same))
    }
}

/// Who accepts a node, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct By {
    /// A login name, or `portreeve run`.
    pub name: String,
    /// Whether the node is accepted whatever the full acceptance says.
    pub by_hand: bool,
    /// Why.
    pub reason: Option<String>,
}

/// The record to keep after a full acceptance; none where nothing is to be kept, since the node was never accepted and is not now.
pub fn record(snapshot: &Snapshot, decision: &Decision, by: &By) -> Option<AcceptedNode> {
    let passed = decision.outcome == Outcome::Accepted;
    if passed || by.by_hand {
        return Some(AcceptedNode {
            schema: RECORD_SCHEMA.to_owned(),
            at: snapshot.taken_at,
            by: by.name.clone(),
            how: if passed { How::Passed } else { How::ByHand },
            reason: by.reason.clone(),
            in_spite_of: if passed { Vec::new() } else { decision.reasons.clone() },
            agent_version: snapshot.agent_version.clone(),
            hardware: snapshot.node.id.get().cloned(),
            folder: snapshot.data_folder.clone(),
            baseline: Box::new(Baseline::of(snapshot)),
            pending: None,
        });
    }
    let mut kept = snapshot.accepted.get().cloned()?;
    // A full acceptance that nothing called for leaves the record as it is.
    if decision.occasions.is_empty() {
        return None;
    }
    let first = kept.pending_of(&decision.occasions).map_or(snapshot.taken_at, |pending| pending.first);
    kept.pending = Some(Pending {
        since: decision.since.unwrap_or(snapshot.taken_at),
        occasions: decision.occasions.clone(),
        first,
        attempts: decision.attempts,
        last: snapshot.taken_at,
        reasons: decision.reasons.clone(),
    });
    Some(kept)
}
