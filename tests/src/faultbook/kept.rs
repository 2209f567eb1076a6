//! What came of faults, kept in a folder: a file each, with the text of the fault, so that one that has changed is set up again.

use std::fs;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::book::Outcome;
use super::fault::Fault;
use super::play::Played;

/// A folder of outcomes.
#[derive(Debug, Clone)]
pub struct Keep(pub PathBuf);

#[derive(Deserialize, Serialize)]
struct Kept {
    fault: String,
    at: Timestamp,
    outcome: Outcome,
}

impl Keep {
    /// What came of a fault as it is now; with what `OpenClaw`'s own tools said, where that is wanted and can be had.
    pub(super) fn outcome(&self, index: usize, fault: &Fault, wants_peers: bool) -> Option<Outcome> {
        let kept: Kept = serde_json::from_slice(&fs::read(self.file(fault)).ok()?).ok()?;
        let Played::Asked { peers, asked_peers, .. } = &kept.outcome.played else { return None };
        let is_enough = !wants_peers || *asked_peers || !peers.is_empty();
        let outcome = Outcome::new(index, fault, kept.outcome.played.clone(), kept.outcome.total_ms, kept.at);
        (is_enough && kept.fault == text(fault)).then_some(outcome)
    }

    /// Keeps what came of a fault, where it was asked about.
    pub(super) fn store(&self, fault: &Fault, outcome: &Outcome) {
        if matches!(outcome.played, Played::Asked { .. }) {
            let kept = Kept { fault: text(fault), at: outcome.at, outcome: outcome.clone() };
            fs::create_dir_all(&self.0).unwrap();
            fs::write(self.file(fault), serde_json::to_string_pretty(&kept).unwrap()).unwrap();
        }
    }

    fn file(&self, fault: &Fault) -> PathBuf {
        self.0.join(format!("{}.json", fault.id))
    }
}

/// The fault, and the facts that it starts from.
fn text(fault: &Fault) -> String {
    let read = |path: &Path| fs::read_to_string(path).unwrap_or_default();
    let facts = fault.snapshot.as_ref().map(|name| read(&fault.path.with_file_name(name)));
    read(&fault.path) + &facts.unwrap_or_default()
}
