//! `portreeve logs`.

use std::time::Duration;

use anyhow::Result;
use jiff::Timestamp;
use portreeve_core::logs::{Entry, Merge, Unrepeated};
use portreeve_core::report::Agent;
use portreeve_observe::log::{self, EntryList, History, Place, Wanted};

use super::observe::{Depth, until_signal};
use super::{file, json, observe};
use crate::cli::{Global, LogsArgs, ScopeArgs};
use crate::error::UserError;
use crate::{output, render};

/// Between two looks at files that grow.
const PAUSE: Duration = Duration::from_millis(200);
/// Bytes of a timeline that are written at once.
const BATCH: usize = 64 * 1024;

pub(super) fn run(global: &Global, args: &LogsArgs) -> Result<u8> {
    let at = Timestamp::now();
    let (places, engines) = if args.files.is_empty() { of_node(global, args)? } else { of_files(args)? };
    let wanted = Wanted {
        since: args.since.or((args.follow && !args.timeline).then_some(at)),
        until: args.until,
        layer: args.layer.map(Into::into),
        all: args.all,
    };
    if args.timeline || args.follow {
        return timeline(args, &places, engines, &wanted);
    }
    let tally = until_signal(log::tally(&places, &wanted))?;
    let agent = Agent { version: env!("CARGO_PKG_VERSION").to_owned() };
    let report = tally.report(agent, at, wanted.since, wanted.until);
    if let Some(path) = &args.svg {
        file::picture(path, &render::logs_svg(&render::CloseChart::of(&report))?)?;
        if file::is_stdout(path) {
            return Ok(0);
        }
    }
    output::print(&if args.json { json(&report)? } else { render::logs(&report, output::width()) })?;
    Ok(0)
}

fn of_files(args: &LogsArgs) -> Result<(Vec<Place>, Vec<Entry>)> {
    for path in &args.files {
        std::fs::metadata(path).map_err(|source| UserError::Read { path: path.clone(), source })?;
    }
    Ok((log::named(&args.files), Vec::new()))
}

/// The logs of this node, and what its engines say.
fn of_node(global: &Global, args: &LogsArgs) -> Result<(Vec<Place>, Vec<Entry>)> {
    let scope = ScopeArgs {
        home: args.home.clone(),
        state_dir: args.state_dir.clone(),
        no_containers: args.no_containers,
        no_probe: true,
        ..ScopeArgs::default()
    };
    let snapshot = observe::snapshot(&observe::settings(global)?, &scope, &Depth::default())?;
    let places = log::places(&snapshot);
    if places.is_empty() {
        return Err(UserError::NoLogs.into());
    }
    Ok((places, log::engine_entries(&snapshot)))
}

fn timeline(args: &LogsArgs, places: &[Place], mut engines: Vec<Entry>, wanted: &Wanted) -> Result<u8> {
    engines.retain(|entry| wanted.holds(Some(entry.at)) && wanted.layer.is_none_or(|layer| layer == entry.layer));
    let History { mut lists, mut tail, problems } = until_signal(log::entries(places, wanted, args.follow))?;
    for (place, problem) in problems {
        tracing::warn!("{place}: {problem}");
    }
    lists.push(Box::new(engines.into_iter()));
    print(args, Unrepeated::new(Merge::<EntryList>::new(lists)))?;
    while args.follow && !tail.is_empty() {
        std::thread::sleep(PAUSE);
        print(args, Unrepeated::new(tail.poll().into_iter()))?;
    }
    Ok(0)
}

fn print(args: &LogsArgs, entries: impl Iterator<Item = Entry>) -> Result<()> {
    let mut text = String::new();
    for entry in entries {
        if args.json {
            text.push_str(&serde_json::to_string(&entry)?);
            text.push('\n');
        } else {
            text.push_str(&render::log_entry(&entry));
        }
        if text.len() >= BATCH {
            output::print(&text)?;
            text.clear();
        }
    }
    if !text.is_empty() {
        output::print(&text)?;
    }
    Ok(())
}
