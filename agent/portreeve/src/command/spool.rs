//! `portreeve spool`.

use std::collections::{BTreeMap, BTreeSet};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use jiff::Timestamp;
use nix::sys::signal::{Signal as Hint, kill};
use nix::unistd::Pid;
use portreeve_core::SpoolReport;
use portreeve_core::delivery::Delivery;
use portreeve_core::order::Gather as _;
use portreeve_core::spool::{Damage, SCHEMA, SetAside, Totals, Waiting};
use portreeve_deliver::send::{DELIVERY_FILE, Destination, flush};
use portreeve_deliver::spool::{Damage as Damaged, Kept, Limits, Place, Signal, Spool, SpoolError, Survey};
use portreeve_store::{Folder, StoreError};

use super::delivery::SPOOL;
use super::{json, observe};
use crate::cli::{Global, SpoolCommand};
use crate::error::UserError;
use crate::settings::Settings;
use crate::{output, render};

/// Something still waits.
const WAITS: u8 = 75;
/// Most bytes of how delivery goes.
const MAX_DELIVERY: u64 = 64 << 10;
/// How often is looked whether the daemon has delivered.
const LOOK: Duration = Duration::from_millis(200);

pub(super) fn run(global: &Global, command: &SpoolCommand) -> Result<u8> {
    let settings = observe::settings(global)?;
    let path = settings.data_dir.join(SPOOL);
    let folder = Folder::open(&path).with_context(|| format!("cannot open `{}`", path.display()))?;
    let Some(folder) = folder else { return Err(UserError::NoSpool { path }.into()) };
    match command {
        SpoolCommand::Inspect { json: is_json } => {
            let report = report(&settings, &folder)?;
            let text = if *is_json { json(&report)? } else { render::spool(&report, output::width()) };
            output::print(&text)?;
            Ok(0)
        }
        SpoolCommand::Verify { json: is_json } => {
            let report = report(&settings, &folder)?;
            let text = if *is_json { json(&report)? } else { render::verified(&report) };
            output::verdict(&text)?;
            Ok(u8::from(!report.damages.is_empty()))
        }
        SpoolCommand::Flush { timeout } => flushed(&settings, folder, Duration::from_secs(*timeout)),
    }
}

/// Who has the spool open.
fn holder(folder: &Folder) -> Result<Option<u32>> {
    match Spool::check_free(folder) {
        Ok(()) => Ok(None),
        Err(SpoolError::InUse { holder }) => Ok(Some(holder.unwrap_or(0))),
        Err(error) => Err(error.into()),
    }
}

fn survey(folder: &Folder) -> Result<Survey> {
    Survey::read(folder, Timestamp::now()).with_context(|| format!("cannot read `{}`", folder.path().display()))
}

fn delivery(settings: &Settings) -> Option<Delivery> {
    let folder = Folder::open(&settings.data_dir).ok().flatten()?;
    folder.read_json(DELIVERY_FILE, MAX_DELIVERY).ok().flatten()
}

fn report(settings: &Settings, folder: &Folder) -> Result<SpoolReport> {
    let survey = survey(folder)?;
    let mut waiting: BTreeMap<String, Waiting> =
        Signal::ALL.iter().map(|signal| (signal.as_str().to_owned(), Waiting::default())).gather();
    let mut events: BTreeMap<String, u64> = BTreeMap::new();
    for record in survey.records.iter().filter(|record| record.place == Place::Waiting) {
        let place = waiting.entry(record.signal.as_str().to_owned()).or_default();
        place.records += 1;
        place.bytes += record.bytes;
        place.oldest = Some(place.oldest.map_or(record.at, |oldest| oldest.min(record.at)));
        for name in &record.events {
            *events.entry(name.clone()).or_default() += 1;
        }
    }
    let state = survey.state;
    let damages = survey.damages.into_iter();
    Ok(SpoolReport {
        schema: SCHEMA.to_owned(),
        at: Timestamp::now(),
        folder: folder.path().display().to_string(),
        in_use_by: holder(folder)?,
        waiting,
        events,
        set_aside: survey.records.iter().filter(|record| record.place == Place::SetAside).map(set_aside).collect(),
        damages: damages.map(|Damaged { file, offset, bytes }| Damage { file, offset, bytes }).collect(),
        files: survey.files as u64,
        file_bytes: state.file_bytes,
        totals: Totals {
            since: state.since,
            spooled: state.spooled_total,
            delivered: state.delivered_total,
            dropped: state.dropped_total,
            dropped_bytes: state.dropped_bytes_total,
            refused: state.refused_total,
            lost: state.lost_total,
            torn: state.torn_total,
        },
        delivery: delivery(settings),
    })
}

fn set_aside(record: &Kept) -> SetAside {
    SetAside {
        id: record.id.to_string(),
        signal: record.signal.as_str().to_owned(),
        at: record.at,
        bytes: record.bytes,
        events: record.events.clone(),
        why: record.why.clone().unwrap_or_default(),
    }
}

fn flushed(settings: &Settings, folder: Folder, patience: Duration) -> Result<u8> {
    let begun = Instant::now();
    let waits: BTreeSet<_> = ids(&folder)?;
    if waits.is_empty() {
        output::note("nothing waits to be delivered");
        return Ok(0);
    }
    let options = &settings.deliver.options;
    let destination = Destination::new(options, &settings.data_dir).context("nothing can be delivered")?;
    if destination.is_none() {
        return Err(UserError::NoEndpoint.into());
    }
    let limits =
        Limits { max_bytes: settings.deliver.spool_bytes, max_age: Duration::from_secs(settings.deliver.spool_age_s) };
    let path = folder.path().to_owned();
    match holder(&folder)? {
        Some(pid) => {
            output::note("the daemon runs, and delivers");
            hurry(settings, pid);
            while begun.elapsed() < patience && !ids(&folder)?.is_disjoint(&waits) {
                thread::sleep(LOOK.min(patience.saturating_sub(begun.elapsed())));
            }
        }
        None => {
            let spool = Spool::open(folder, limits, Timestamp::now())
                .with_context(|| format!("cannot open `{}`", path.display()))?;
            flush(spool, options.clone(), settings.data_dir.clone(), patience).context("cannot deliver")?;
        }
    }
    let folder = Folder::open(&path)?.ok_or(UserError::NoSpool { path })?;
    let left = ids(&folder)?.intersection(&waits).count();
    output::verdict(&render::flushed(waits.len(), left, delivery(settings).as_ref()))?;
    Ok(if left == 0 { 0 } else { WAITS })
}

/// Asks the daemon to try at once, if that is who has the spool open.
fn hurry(settings: &Settings, pid: u32) {
    let lock = Folder::open(&settings.data_dir).ok().flatten().map(|folder| folder.lock("daemon.lock", Duration::ZERO));
    let is_daemon = matches!(lock, Some(Err(StoreError::Held { holder, .. })) if holder == Some(pid));
    if let Ok(pid) = i32::try_from(pid)
        && is_daemon
        && pid > 1
    {
        // It may have ended meanwhile.
        let _ = kill(Pid::from_raw(pid), Hint::SIGHUP);
    }
}

/// What waits to be delivered.
fn ids(folder: &Folder) -> Result<BTreeSet<String>> {
    let records = survey(folder)?.records.into_iter();
    Ok(records.filter(|record| record.place == Place::Waiting).map(|record| record.id.to_string()).collect())
}
