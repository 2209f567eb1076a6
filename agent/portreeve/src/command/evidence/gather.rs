//! What a bundle holds besides the facts: logs, and what the daemon wrote down.

use std::net::IpAddr;

use anyhow::Result;
use jiff::Timestamp;
use portreeve_core::evidence::{Gathered, History};
use portreeve_core::logs::{Merge, Unrepeated};
use portreeve_core::{Snapshot, history};
use portreeve_daemon::HISTORY_FILE;
use portreeve_observe::log::{self, EntryList, Wanted};
use portreeve_store::Folder;

use super::super::observe::until_signal;
use crate::cli::EvidenceArgs;
use crate::settings::Settings;

/// Longest history that is read, in bytes.
const MAX_HISTORY: u64 = 8 << 20;

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
pub(super) fn history(args: &EvidenceArgs, settings: &Settings, since: Timestamp) -> History {
    let none = |about: String| History { about, spells: Vec::new() };
    if args.scope.from.is_some() {
        return none("The bundle was made from saved facts, without the history of the node.".to_owned());
    }
    let place = settings.data_dir.join(HISTORY_FILE).display().to_string();
    match kept(settings) {
        Ok(Some(kept)) => {
            let all = kept.spells.len();
            let spells: Vec<_> = kept.spells.into_iter().filter(|spell| spell.confirmed_at >= since).collect();
            History { about: format!("{} of {all} spells in {place} reach into this time.", spells.len()), spells }
        }
        Ok(None) => none(format!("There is no {place}: no daemon (`portreeve run`) has watched this node.")),
        Err(error) => none(format!("{place} cannot be read: {error}")),
    }
}

fn kept(settings: &Settings) -> Result<Option<history::History>> {
    let Some(folder) = Folder::open(&settings.data_dir)? else { return Ok(None) };
    let bytes = folder.read(HISTORY_FILE, MAX_HISTORY)?;
    Ok(bytes.map(|bytes| history::History::parse(&bytes)).transpose()?)
}
