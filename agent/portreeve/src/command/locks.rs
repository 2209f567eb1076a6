//! `portreeve locks`.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;
use portreeve_core::locks::Thresholds;
use portreeve_core::report::Agent;
use portreeve_core::selftest::mask;
use portreeve_core::{LocksReport, Snapshot};
use portreeve_observe::{LockWatch, Options};

use super::observe::{self, Depth, until_signal};
use super::{file, json};
use crate::cli::{Global, LocksArgs, ScopeArgs};
use crate::error::UserError;
use crate::{output, render};

/// How long to watch where nothing is said, in seconds.
const WINDOW_S: u64 = 10;
/// How often `--watch` shows what it has.
const TICK: Duration = Duration::from_secs(1);
/// How often `--watch` looks for gateways that wait: that takes a look at the whole node.
const LOOK_AGAIN: Duration = Duration::from_secs(30);

pub(super) fn run(global: &Global, args: &LocksArgs) -> Result<u8> {
    let settings = observe::settings(global)?;
    for dir in &args.dirs {
        if !dir.is_dir() {
            return Err(UserError::NoStateDir { problem: format!("`{}` is not a directory", dir.display()) }.into());
        }
    }
    // The home of a directory that is named tells whose it is; all others are left alone.
    let homes = args.dirs.iter().filter_map(|dir| dir.parent()).map(Path::to_path_buf);
    let home = if args.dirs.is_empty() { args.home.clone() } else { homes.chain(args.home.clone()).collect() };
    let scope =
        ScopeArgs { home, state_dir: args.dirs.clone(), no_containers: true, no_probe: true, ..ScopeArgs::default() };
    // What waits for a lock is looked for meanwhile, and no longer.
    let timeout_s = args.seconds.unwrap_or(WINDOW_S).min(settings.timeout_s);
    let options = observe::options(&settings, &scope, &Depth { timeout_s: Some(timeout_s), ..Depth::default() })?;
    let mut thresholds = settings.policy.lock_wait;
    if let Some(error_s) = args.threshold {
        thresholds = Thresholds { error_s, warning_s: thresholds.warning_s.min(error_s) };
    }
    let watch = portreeve_observe::watch_locks(&options, &args.dirs);
    if watch.is_empty() {
        return Err(UserError::NoStateDir { problem: "no state directory was found".to_owned() }.into());
    }
    until_signal(follow(global, args, &options, &watch, thresholds))?
}

async fn follow(
    global: &Global,
    args: &LocksArgs,
    options: &Options,
    watch: &LockWatch,
    thresholds: Thresholds,
) -> Result<u8> {
    let begun = Instant::now();
    let window = match (args.seconds, args.watch) {
        (Some(seconds), _) => Some(Duration::from_secs(seconds)),
        (None, false) => Some(Duration::from_secs(WINDOW_S)),
        (None, true) => None,
    };
    let mut snapshot = portreeve_observe::observe(options).await;
    let mut looked = Instant::now();
    loop {
        let left = window.map(|window| window.saturating_sub(begun.elapsed()));
        if left.is_some_and(|left| left.is_zero()) {
            break;
        }
        tokio::time::sleep(left.unwrap_or(TICK).min(TICK)).await;
        if args.watch {
            if looked.elapsed() > LOOK_AGAIN {
                snapshot = portreeve_observe::observe(options).await;
                looked = Instant::now();
            }
            show(args, &report(&mut snapshot, watch, thresholds))?;
        } else if let Some(window) = window {
            let done = begun.elapsed().min(window).as_secs();
            output::progress(global, &format!("watching locks, {done} of {} s", window.as_secs()));
        }
    }
    output::progress(global, "");
    let report = report(&mut snapshot, watch, thresholds);
    if let Some(path) = &args.svg {
        file::picture(path, &render::locks_svg(&render::LockChart::of(&report, &snapshot.lock_waits))?)?;
    }
    if !args.watch && !args.svg.as_deref().is_some_and(file::is_stdout) {
        let text = if args.json { json(&report)? } else { render::locks(&report, output::width()) };
        output::verdict(&text)?;
    }
    Ok(report.exit_status())
}

fn report(snapshot: &mut Snapshot, watch: &LockWatch, thresholds: Thresholds) -> LocksReport {
    snapshot.lock_waits = watch.read();
    // What was watched comes through the same seams as what was observed.
    mask(snapshot);
    LocksReport::of(snapshot, thresholds, Agent { version: env!("CARGO_PKG_VERSION").to_owned() })
}

fn show(args: &LocksArgs, report: &LocksReport) -> Result<()> {
    if args.json {
        output::print(&format!("{}\n", serde_json::to_string(report)?))?;
    } else if output::is_terminal() {
        output::redraw(&render::locks(report, output::width()))?;
    } else {
        output::print(&render::locks_line(report))?;
    }
    Ok(())
}
