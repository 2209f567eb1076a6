//! One look on behalf of the daemon. Settings come through standard input, what was found goes to standard output.

use std::io::{BufRead as _, Read as _};
use std::time::Duration;

use anyhow::{Context as _, Result};
use jiff::Timestamp;
use portreeve_core::acceptance::{By, Outcome, due_in_s};
use portreeve_core::gate::{Proof, Through, prove};
use portreeve_core::locks::Windows;
use portreeve_core::schedule::{Found, Lane, Pulse, Subjects};
use portreeve_core::selftest::mask;
use portreeve_core::snapshot::Earlier;
use portreeve_core::status::Judgement;
use portreeve_core::{Policy, Snapshot, diagnose};
use portreeve_daemon::{END_OF_SETTINGS, LOCKS_FILE, REPORT_FILE, SNAPSHOT_FILE};
use portreeve_observe::accepted::{self, Acceptance};
use portreeve_observe::selftest::run_if_due;
use portreeve_observe::{Options, images, readiness};
use portreeve_store::{Audience, Folder};
use portreeve_telemetry::read;

use super::observe::{self, Depth, until_signal};
use super::selftest;
use crate::cli::{LaneArgs, ScopeArgs};
use crate::output;
use crate::settings::Settings;

/// What of a look counts at the next.
const EARLIER_FILE: &str = "earlier.json";
/// Who accepts where nobody asked for it.
const BY: &str = "portreeve run";
/// Most bytes of settings.
const MAX_SETTINGS: u64 = 4 << 20;
/// Most bytes of the lock windows that are kept.
const MAX_WINDOWS: u64 = 32 << 20;

pub(super) fn run(args: &LaneArgs) -> Result<u8> {
    let settings = settings()?;
    end_with_daemon();
    let found = match args.lane.into() {
        Lane::Glance => Found::default(),
        Lane::Fast => fast(&settings)?,
        Lane::Slow => slow(&settings)?,
        Lane::Locks => locks(&settings)?,
        Lane::Images => checked_images(&settings)?,
        Lane::Acceptance => acceptance(&settings)?,
    };
    output::print(&serde_json::to_string(&found)?)?;
    Ok(0)
}

fn settings() -> Result<Settings> {
    let mut text = Vec::new();
    std::io::stdin()
        .lock()
        .take(MAX_SETTINGS)
        .read_until(END_OF_SETTINGS, &mut text)
        .context("cannot read the settings")?;
    if text.last() == Some(&END_OF_SETTINGS) {
        text.pop();
    }
    Ok(Settings::from_document(&String::from_utf8_lossy(&text))?)
}

/// A daemon that was killed closes our standard input: nobody waits for what is found.
fn end_with_daemon() {
    std::thread::spawn(|| {
        let mut rest = [0_u8; 64];
        while std::io::stdin().read(&mut rest).is_ok_and(|count| count > 0) {}
        // As if the daemon had asked for the end: what was begun is put away first.
        let _ = nix::sys::signal::raise(nix::sys::signal::Signal::SIGTERM);
    });
}

fn options(settings: &Settings, depth: &Depth) -> Result<Options> {
    observe::options(settings, &ScopeArgs::default(), depth)
}

fn pulse(snapshot: &Snapshot, policy: &Policy) -> Pulse {
    match prove(snapshot, policy, Through::Auth, None) {
        Proof::Ready(what) => Pulse { proven: true, what },
        Proof::Not(what) => Pulse { proven: false, what },
    }
}

fn fast(settings: &Settings) -> Result<Found> {
    let options = options(settings, &Depth::default())?;
    let question = readiness::Question { options: &options, through: Some(Through::Auth), command: None, before: None };
    let sighting = until_signal(readiness::look(&question))?;
    Ok(Found {
        pulse: Some(pulse(&sighting.snapshot, &settings.policy)),
        measures: Some(read::pulse(&sighting.snapshot)),
        ..Found::default()
    })
}

fn slow(settings: &Settings) -> Result<Found> {
    // Before the look, which goes by its result.
    let notes = self_test(settings);
    let options = options(settings, &Depth::default())?;
    let mut snapshot = until_signal(portreeve_observe::observe(&options))?;
    let folder = Folder::create(&settings.data_dir)?;
    snapshot.lock_waits = windows(&folder)?.merged(snapshot.taken_at);
    // What is damaged is as good as none: this look writes it anew.
    snapshot.before = folder.read_json(EARLIER_FILE, MAX_SETTINGS).ok().flatten();
    // What the other lane watched comes through the same seams.
    mask(&mut snapshot);
    let found = judge(settings, &folder, &snapshot)?;
    Ok(Found { notes: [notes, found.notes].concat(), ..found })
}

/// Tries each way of looking where the system or the agent is a new one. What is worth a word.
fn self_test(settings: &Settings) -> Vec<String> {
    match selftest::options(settings).and_then(|options| Ok(run_if_due(&options)?)) {
        Ok(None) => Vec::new(),
        Ok(Some(result)) => {
            let failed = result.failed().map(|seam| {
                format!("the self test found that `{seam}` cannot be relied upon: see `portreeve selftest`")
            });
            failed.collect()
        }
        Err(error) => vec![format!("no self test was made: {error:#}")],
    }
}

/// Judges a snapshot, and keeps both.
fn judge(settings: &Settings, folder: &Folder, snapshot: &Snapshot) -> Result<Found> {
    let report = diagnose(snapshot, &settings.policy);
    let tried = accepted::last_try(folder);
    folder.write_json(SNAPSHOT_FILE, snapshot, Audience::Owner)?;
    folder.write_json(EARLIER_FILE, &Earlier::next(snapshot), Audience::Owner)?;
    folder.write_json(REPORT_FILE, &report, Audience::Owner)?;
    Ok(Found {
        pulse: Some(pulse(snapshot, &settings.policy)),
        judgement: Some(Judgement::of(&report)),
        subjects: Some(Subjects::of(snapshot)),
        acceptance_in_s: due_in_s(snapshot, &report, tried),
        measures: Some(read::whole(snapshot, &report, &settings.policy)),
        ..Found::default()
    })
}

fn windows(folder: &Folder) -> Result<Windows> {
    Ok(folder.read(LOCKS_FILE, MAX_WINDOWS)?.map(|bytes| Windows::parse(&bytes)).unwrap_or_default())
}

fn locks(settings: &Settings) -> Result<Found> {
    let window = Duration::from_secs(settings.daemon.lock_window_s);
    let options = options(settings, &Depth::default())?;
    let watch = portreeve_observe::watch_locks(&options, &[]);
    until_signal(async { tokio::time::sleep(window).await })?;
    let folder = Folder::create(&settings.data_dir)?;
    let mut windows = windows(&folder)?;
    let window = watch.read();
    let measures = Some(read::window(&window));
    windows.add(window, Timestamp::now());
    folder.write_json(LOCKS_FILE, &windows, Audience::Owner)?;
    Ok(Found { measures, ..Found::default() })
}

fn checked_images(settings: &Settings) -> Result<Found> {
    let mut options = options(settings, &Depth::default())?;
    options.probe = false;
    let snapshot = until_signal(portreeve_observe::observe(&options))?;
    let question = images::Question {
        snapshot: &snapshot,
        named: &[],
        pinned: &settings.policy.pinned_images,
        data_dir: &settings.data_dir,
        offline: false,
        if_due: false,
        period_s: settings.images_period_s,
        environment: &options.environment,
        homes: &settings.homes,
        now: Timestamp::now(),
    };
    let (_, asked) = until_signal(images::check(&question))?;
    let kept = images::load(&settings.data_dir)?;
    Ok(Found { images: Some(kept.runs), notes: asked.notes, ..Found::default() })
}

/// A full acceptance of a node that has changed, or that was never accepted. A look at everything follows, and gives the verdict.
fn acceptance(settings: &Settings) -> Result<Found> {
    let options = options(settings, &Depth::default())?;
    let acceptance = Acceptance {
        options: &options,
        policy: &settings.policy,
        by: By { name: BY.to_owned(), by_hand: false, reason: None },
        moved: false,
        dry_run: false,
    };
    let (report, _) = until_signal(accepted::accept(&acceptance))??;
    let notes = match report.outcome {
        Outcome::Accepted => {
            tracing::info!("the node is accepted");
            Vec::new()
        }
        Outcome::NotYet | Outcome::Refused => vec![format!("the node is not accepted: {}", report.reasons.join("; "))],
    };
    Ok(Found { acceptance_in_s: report.retry_after_s, notes, ..Found::default() })
}
