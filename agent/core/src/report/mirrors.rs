//! What copies a state directory, as the report lists it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Fact;
use crate::snapshot::{
    DestinationKind, Exclusion, ExclusionKind, Mirror, MirrorKind, MirrorWay, Snapshot, StateDir, TimeMachine,
};

/// What something that copies files does with a state directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum MirrorState {
    /// It copies it.
    Copies,
    /// It leaves it out.
    Excluded,
    /// It could not be told.
    Unknown,
}

/// What Time Machine does with a state directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BackupSummary {
    /// What it does with it. `excluded` too where no destination is configured.
    pub state: MirrorState,
    /// By what it is left out.
    pub by: Option<ExclusionKind>,
    /// The path that is excluded: the directory or one above it.
    pub path: Option<String>,
    /// Where backups go; none where that could not be seen.
    pub destinations: Option<Vec<DestinationKind>>,
    /// Whether a backup runs now; none where that could not be seen.
    pub running: Option<bool>,
    /// Why it could not be told.
    pub why: Option<String>,
}

/// A sync client or a job that copies a state directory, or would.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MirrorSummary {
    /// Its name: `Syncthing`, `rsync`, …
    pub name: String,
    /// What it is.
    pub source: MirrorKind,
    /// What it does with the directory.
    pub state: MirrorState,
    /// Which way files go.
    pub way: MirrorWay,
    /// The folder that it copies, without the names of accounts.
    pub root: String,
    /// By what sign it was seen, what leaves the directory out, or why neither could be told.
    pub detail: String,
}

impl BackupSummary {
    /// What Time Machine does with a directory; none where the system has none.
    pub(super) fn of(dir: &StateDir, snapshot: &Snapshot) -> Option<Self> {
        let machine = match (snapshot.time_machine.get(), snapshot.time_machine.blind()) {
            (Some(machine), _) => machine,
            (None, Some(why)) => return Some(Self::unknown(why)),
            (None, None) => return None,
        };
        let excluded = &machine.dirs.iter().find(|one| one.state_dir == dir.path)?.excluded;
        let mut summary = Self { running: running(machine), ..Self::unknown("") };
        summary.destinations = machine.destinations.get().cloned();
        let nowhere = machine.destinations.get().is_some_and(Vec::is_empty);
        if let Some(Exclusion { by, path }) = excluded.get() {
            (summary.by, summary.path) = (Some(*by), Some(path.clone()));
        }
        let hidden = excluded.blind().or_else(|| machine.destinations.blind());
        summary.state = match hidden {
            _ if nowhere || excluded.get().is_some() => MirrorState::Excluded,
            Some(_) => MirrorState::Unknown,
            None => MirrorState::Copies,
        };
        summary.why = hidden.filter(|_| summary.state == MirrorState::Unknown).map(str::to_owned);
        Some(summary)
    }

    fn unknown(why: &str) -> Self {
        let why = Some(why.to_owned()).filter(|why| !why.is_empty());
        Self { state: MirrorState::Unknown, by: None, path: None, destinations: None, running: None, why }
    }
}

fn running(machine: &TimeMachine) -> Option<bool> {
    if machine.running.get().is_some() { Some(true) } else { machine.running.is_absent().then_some(false) }
}

impl From<&Mirror> for MirrorSummary {
    fn from(mirror: &Mirror) -> Self {
        let hidden = mirror.seen.blind().or_else(|| mirror.excluded.blind());
        let said = |fact: &Fact<String>| fact.get().cloned();
        let (state, detail) = match (hidden, mirror.excluded.get()) {
            (Some(why), _) => (MirrorState::Unknown, Some(why.to_owned())),
            (None, Some(how)) => (MirrorState::Excluded, Some(how.clone())),
            (None, None) => (MirrorState::Copies, said(&mirror.seen)),
        };
        Self {
            name: mirror.kind.name().to_owned(),
            source: mirror.kind.clone(),
            state,
            way: mirror.way,
            root: mirror.root.clone(),
            detail: detail.unwrap_or_default(),
        }
    }
}
