//! What a bundle holds besides the facts: logs, and what the daemon wrote down.

use std::net::IpAddr;

use anyhow::Result;
use jiff::Timestamp;
use portreeve_core::Snapshot;
use portreeve_core::evidence::{Gathered, History};
use portreeve_core::logs::{Merge, Unrepeated};
use portreeve_observe::log::{self, EntryList, Wanted};

use super::super::observe::until_signal;
use crate::cli::EvidenceArgs;
use crate::settings::Settings;

/// What the logs of the node say.
pub(super) fn logs(args: &EvidenceArgs, snapshot: &Snapshot, since: Timestamp) -> Result<Gathered> {
    if args.scope.from.is_some() {
        return Ok(Gathered::of_facts(
            snapshot,
            since,
            "the bundle was made from saved facts, without the logs themselves",
        ));
    }
    let wanted = Wanted { since: Some(since), until: None, layer: None, all: true };
    let mut engines = log::engine_entries(snapshot);
    engines.retain(|entry| entry.at >= since);
    let mut history = until_signal(log::entries(&log::places(snapshot), &wanted, false))?;
    history.lists.push(Box::new(engines.into_iter()));
    let mut gathered = Gathered::with_problems(history.problems);
    Unrepeated::new(Merge::<EntryList>::new(history.lists)).for_each(|entry| gathered.add(entry));
    Ok(gathered)
}

/// The node's own addresses; those of another node are not known here.
pub(super) fn own_addresses(args: &EvidenceArgs) -> Vec<IpAddr> {
    if args.scope.from.is_some() { Vec::new() } else { portreeve_observe::local_addresses() }
}

/// What the daemon wrote down of earlier verdicts.
pub(super) fn history(_args: &EvidenceArgs, settings: &Settings, _since: Timestamp) -> History {
    History {
        about: format!("No daemon has written down verdicts in {}.", settings.data_dir.display()),
        changes: Vec::new(),
    }
}
