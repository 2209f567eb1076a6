//! `portreeve run`.

mod teller;
mod worker;

use std::time::Duration;

use anyhow::Result;
use portreeve_core::images::schedule::Runs;
use portreeve_core::schedule::Settings as Schedule;
use portreeve_daemon::Config;

use self::teller::Teller;
use super::observe;
use crate::cli::Global;
use crate::settings::Settings;

pub(super) fn run(global: &Global) -> Result<u8> {
    let settings = observe::settings(global)?;
    let images = portreeve_observe::images::load(&settings.data_dir).map_or_else(
        |error| {
            tracing::warn!("{}", error.sentence());
            Runs::default()
        },
        |kept| kept.runs,
    );
    let started_in = settings.data_dir.clone();
    let (sink, follower) = Teller::start(&settings)?;
    let reload = || {
        let settings = observe::settings(global).map_err(|error| format!("{error:#}"))?;
        if settings.data_dir == started_in {
            follower.follow(&settings);
        }
        Ok(config(global, &settings))
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let ended = runtime.block_on(portreeve_daemon::run(config(global, &settings), images, reload, sink));
    runtime.shutdown_background();
    ended?;
    Ok(0)
}

fn config(global: &Global, settings: &Settings) -> Config {
    let daemon = settings.daemon;
    let mut lane_words = Vec::new();
    if global.quiet {
        lane_words.push("--quiet".into());
    }
    lane_words.extend((0..global.verbose).map(|_| "--verbose".into()));
    lane_words.push("lane".into());
    Config {
        schedule: Schedule {
            glance: Duration::from_secs(daemon.glance_s),
            fast: Duration::from_secs(daemon.fast_s),
            slow: Duration::from_secs(daemon.slow_s),
            locks: Duration::from_secs(daemon.locks_s),
            lock_window: Duration::from_secs(daemon.lock_window_s),
            images_s: settings.images_period_s,
            observation: Duration::from_secs(settings.timeout_s),
            seed: std::process::id().into(),
        },
        data_dir: settings.data_dir.clone(),
        status_file: settings.status_file(portreeve_observe::is_root()),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        lane_words,
        lane_settings: settings.document(),
    }
}
