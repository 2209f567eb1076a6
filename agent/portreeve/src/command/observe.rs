//! From what was typed and configured to a snapshot.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use portreeve_core::{FingerprintKey, Snapshot};
use portreeve_observe::{Options, SeriesAsked};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::cli::{Global, ScopeArgs};
use crate::error::UserError;
use crate::settings::{MANAGED_CONFIG, Settings};

/// A saved snapshot of a node with many units and a full log window stays far below this.
const MAX_SNAPSHOT_BYTES: u64 = 256 << 20;

/// Exit status of a program that a signal ended, less the signal's number: what a shell says of it.
const SIGNALLED: i32 = 128;

/// How long removing containers may take after a signal.
const PATIENCE: Duration = Duration::from_secs(4);

/// How much work a signal has to give up.
static WORKING: AtomicUsize = AtomicUsize::new(0);

/// How long and how deep to look.
#[derive(Debug, Clone, Default)]
pub(crate) struct Depth {
    /// Seconds after which what is not known stays unknown.
    pub(crate) timeout_s: Option<u64>,
    /// Whether to do what loads a gateway or runs `OpenClaw` itself.
    pub(crate) deep: bool,
    /// A series of connects from the client of the container in question.
    pub(crate) series: Option<SeriesAsked>,
    /// For how long locks are watched.
    pub(crate) lock_window: Option<Duration>,
}

/// The agent's configuration.
pub(crate) fn settings(global: &Global) -> Result<Settings> {
    let variable = |name: &str| std::env::var(name).ok();
    let settings =
        Settings::load(global.config.as_deref(), Path::new(MANAGED_CONFIG), variable, portreeve_observe::is_root())?;
    Ok(settings)
}

/// The facts: those of a file, or of this node now.
pub(crate) fn snapshot(settings: &Settings, scope: &ScopeArgs, depth: &Depth) -> Result<Snapshot> {
    let snapshot = match &scope.from {
        Some(path) => read(path)?,
        None => observe(settings, scope, depth)?,
    };
    if let Some(wanted) = &scope.in_container
        && !snapshot.workloads.iter().any(|workload| portreeve_observe::is_container(workload, wanted))
    {
        let known = snapshot.workloads.iter().map(|workload| workload.name.clone()).collect();
        return Err(UserError::NoSuchContainer { name: wanted.clone(), known }.into());
    }
    Ok(snapshot)
}

fn observe(settings: &Settings, scope: &ScopeArgs, depth: &Depth) -> Result<Snapshot> {
    until_signal(portreeve_observe::observe(&options(settings, scope, depth)?))
}

/// What to observe.
pub(super) fn options(settings: &Settings, scope: &ScopeArgs, depth: &Depth) -> Result<Options> {
    let key = portreeve_observe::fingerprint_key(&settings.data_dir, settings.shared_key_file.as_deref())
        .context("cannot make fingerprints")?;
    Ok(options_with(settings, scope, depth, key))
}

/// What to observe, with this key of fingerprints.
pub(super) fn options_with(settings: &Settings, scope: &ScopeArgs, depth: &Depth, key: FingerprintKey) -> Options {
    let homes = if scope.home.is_empty() { settings.homes.clone() } else { scope.home.clone() };
    let mut state_dirs = settings.state_dirs.clone();
    state_dirs.extend(scope.state_dir.iter().cloned());
    Options {
        homes: (!homes.is_empty()).then_some(homes),
        state_dirs,
        ports: settings.ports.clone(),
        public_urls: settings.public_urls.clone(),
        environment: std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect(),
        key,
        containers: settings.containers && !scope.no_containers,
        probe: !scope.no_probe,
        deep: depth.deep,
        deep_connects: settings.deep_connects,
        time_server: settings.time_server.clone(),
        probe_dir: settings.probe_dir.clone(),
        in_container: scope.in_container.clone(),
        series: depth.series.clone(),
        lock_window: depth.lock_window,
        data_dir: settings.data_dir.clone(),
        deadline: Duration::from_secs(depth.timeout_s.unwrap_or(settings.timeout_s)),
        agent_version: env!("CARGO_PKG_VERSION").to_owned(),
    }
}

/// Runs work to its end, or ends the program at a signal.
pub(super) fn until_signal<T>(work: impl Future<Output = T>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let ending = ending();
    WORKING.fetch_add(1, Ordering::SeqCst);
    let result = runtime.block_on(async {
        // The future that is given up removes the containers that it made.
        tokio::select! {
            result = work => Ok(result),
            signal = ending => Err(signal),
        }
    });
    WORKING.fetch_sub(1, Ordering::SeqCst);
    // A lookup or a file system that still hangs must not hold the answer back.
    runtime.shutdown_background();
    result.or_else(|signal| std::process::exit(SIGNALLED + signal))
}

/// Catches signals that end the program from now on; the future gives the number of the first. The program ends at once where nothing is
/// left to give up, and where that is not done in time, since a file system hangs, all the same.
fn ending() -> impl Future<Output = i32> {
    let (send, receive) = tokio::sync::oneshot::channel();
    let (ready, is_ready) = mpsc::channel();
    std::thread::spawn(move || {
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
        let signal = runtime.block_on(ended(ready));
        let is_working = WORKING.load(Ordering::SeqCst) > 0;
        // Nobody listens where the observation is over.
        let _ = send.send(signal);
        if is_working {
            std::thread::sleep(PATIENCE);
        }
        std::process::exit(SIGNALLED + signal);
    });
    // It says nothing, and hangs up.
    let _ = is_ready.recv();
    async {
        match receive.await {
            Ok(signal) => signal,
            Err(_) => std::future::pending().await,
        }
    }
}

async fn ended(ready: mpsc::Sender<()>) -> i32 {
    let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
    let [interrupt, terminate, hangup] = kinds.map(|kind| (kind, signal(kind)));
    drop(ready);
    let wait = async |(kind, signals): (SignalKind, std::io::Result<Signal>)| match signals {
        Ok(mut signals) => {
            signals.recv().await;
            kind.as_raw_value()
        }
        // Without a handler the signal ends the program by itself.
        Err(_) => std::future::pending().await,
    };
    tokio::select! {
        number = wait(interrupt) => number,
        number = wait(terminate) => number,
        number = wait(hangup) => number,
    }
}

fn read(path: &Path) -> Result<Snapshot> {
    let content = portreeve_openclaw::file::read_regular(path, MAX_SNAPSHOT_BYTES)
        .map_err(|error| UserError::Read { path: path.to_owned(), source: std::io::Error::other(error) })?;
    let snapshot: Snapshot = portreeve_core::json::parse(&content.bytes)
        .map_err(|error| UserError::NotASnapshot { path: path.to_owned(), source: Box::new(error) })?;
    if snapshot.schema != portreeve_core::snapshot::SCHEMA {
        let problem = format!("its schema is `{}`", snapshot.schema);
        return Err(UserError::NotASnapshot { path: path.to_owned(), source: problem.into() }.into());
    }
    Ok(snapshot)
}
