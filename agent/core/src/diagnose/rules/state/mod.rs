//! State directories: who uses them, who may, where they lie.

mod contained;
mod database;
mod lease;
mod lock;
mod lock_wait;
mod owner;
mod roots;
mod shared;
mod unmerged;
mod version;
mod volume;

pub(super) use contained::keeps_state;
pub(super) use version::release;

use super::super::{Context, Rule};
use crate::catalogue::Code;
use crate::diagnose::Draft;
use crate::snapshot::{Gateway, Process, Snapshot, StateDir};

pub(super) const RULES: &[Rule] = &[
    contained::ephemeral,
    contained::not_shared,
    contained::readonly,
    contained::shared,
    contained::uid_drift,
    database::aliased,
    database::broken,
    database::wal,
    lease::lease_foreign,
    lock::lock_stale,
    lock_wait::lock_wait,
    owner::open,
    owner::readonly,
    owner::uid_drift,
    roots::split_roots,
    shared::shared,
    unmerged::unmerged,
    version::version_boundary,
    volume::disk,
    volume::external,
];

/// What they may raise.
pub(super) const RAISES: &[Code] = &[
    Code::StateShared,
    Code::StateLockBlind,
    Code::StateEphemeral,
    Code::StateNotShared,
    Code::StateLockStale,
    Code::StateLockWait,
    Code::StateVersionBoundary,
    Code::StateLeaseForeign,
    Code::StateUidDrift,
    Code::StateReadonly,
    Code::StateSplitRoots,
    Code::StateOpen,
    Code::StateDisk,
    Code::StateWal,
    Code::StateDbBroken,
    Code::StateExternalVolume,
    Code::StateAliased,
];

/// The gateways of a state directory.
pub(super) fn gateways_of<'a>(context: Context<'a>, dir: &'a StateDir) -> impl Iterator<Item = &'a Gateway> {
    context.snapshot.gateways.iter().filter(move |gateway| gateway.state_dir.as_deref() == Some(dir.path.as_str()))
}

/// The live processes that run the gateway of a state directory.
fn processes_of<'a>(context: Context<'a>, dir: &'a StateDir) -> impl Iterator<Item = &'a Process> {
    gateways_of(context, dir)
        .flat_map(|gateway| &gateway.pids)
        .filter_map(move |&pid| context.snapshot.process(pid))
        .filter(|process| process.role == crate::snapshot::ProcessRole::Gateway && process.workload.is_none())
}

/// State directories that a gateway or a client uses.
pub(super) fn in_use(context: Context<'_>) -> impl Iterator<Item = &StateDir> {
    used(context.snapshot)
}

/// The same of a snapshot.
pub(super) fn used(snapshot: &Snapshot) -> impl Iterator<Item = &StateDir> {
    snapshot.state_dirs.iter().filter(move |dir| {
        let path = Some(dir.path.as_str());
        snapshot.gateways.iter().any(|gateway| gateway.state_dir.as_deref() == path)
            || snapshot.clients.iter().any(|client| client.state_dir.as_deref() == path)
    })
}

/// A finding about a state directory, related to its gateways.
pub(super) fn about(context: Context<'_>, code: Code, dir: &StateDir, summary: impl Into<String>) -> Draft {
    let draft = Draft::new(code, "state", dir.path.clone(), summary).state_dir(&dir.path);
    gateways_of(context, dir).fold(draft, Draft::gateway)
}

/// Whether a path lies below the directory.
fn is_below(dir: &StateDir, path: &str) -> bool {
    path.strip_prefix(&dir.path).is_some_and(|rest| rest.starts_with('/'))
}
