//! Watching locks: how long a newcomer would wait for each lock of a state directory.
//!
//! Each state directory has a thread of its own, so that a dead network mount stops the watch of that one alone. Nothing is locked
//! but a file of the agent's own, outside of any state directory.

mod latency;
mod places;
mod sampler;
mod target;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, TryLockError};
use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use portreeve_core::Fact;
use portreeve_core::snapshot::{LockLatency, LockWait};

use crate::process::{self, ProcessTable};
use crate::running;
use crate::site::Sites;
use crate::state;
use crate::{Options, os, volume};
use places::Place;
use portreeve_openclaw::environment::Environment;
use sampler::Sampler;

/// How long a thread may take to hand out what it has seen.
const PATIENCE: Duration = Duration::from_secs(1);

/// A shorter wait is not worth a sleep.
const SPIN: Duration = Duration::from_micros(15);

/// A watch that goes on until it is dropped.
#[derive(Debug)]
pub struct LockWatch {
    dirs: Vec<Watched>,
}

#[derive(Debug)]
struct Watched {
    path: PathBuf,
    begun_at: Timestamp,
    file_system: Fact<LockLatency>,
    /// What is known, or why nothing can be.
    shared: Result<Arc<Shared>, String>,
}

#[derive(Debug)]
struct Shared {
    sampler: Mutex<Sampler>,
    stop: AtomicBool,
}

/// Begins to watch the locks of the state directories that are found, or of these alone.
pub fn watch_locks(options: &Options, only: &[PathBuf]) -> LockWatch {
    let at = Timestamp::now();
    let environment = Environment::all(options.environment.iter().cloned());
    let table = process::table(at);
    let empty = ProcessTable::default();
    let entries = table.get().unwrap_or(&empty);
    let mut sites = Sites::find(options, &environment, at);
    let running = running::observe(entries, &sites, at);
    for process in running.values() {
        sites.claim_gateway(&process.process, process.config_path.as_deref());
    }
    let only: Vec<PathBuf> =
        only.iter().map(|dir| std::fs::canonicalize(dir).unwrap_or_else(|_| dir.clone())).collect();
    let sites = sites.into_sites();
    let wanted = sites.iter().filter(|site| only.is_empty() || only.contains(&site.path));
    let places: Vec<state::Place> = wanted.map(|site| state::Place::of(site, &running, entries)).collect();
    watch(&places, options)
}

/// Begins to watch the locks of these state directories.
pub(crate) fn watch(places: &[state::Place], options: &Options) -> LockWatch {
    let places = places
        .iter()
        .map(|place| Place::new(place.path.clone(), place.config_path.clone(), place.uids.iter().copied()));
    let home = options.environment.iter().find(|(name, _)| name == "HOME").map(|(_, home)| PathBuf::from(home));
    let own: Vec<PathBuf> = [options.data_dir.clone()].into_iter().chain(home).collect();
    LockWatch::start(places.collect(), &own)
}

impl LockWatch {
    /// Begins to watch.
    fn start(places: Vec<Place>, own_folders: &[PathBuf]) -> Self {
        let dirs = places.into_iter().map(|place| {
            let at = Timestamp::now();
            let path = place.path.clone();
            let volume = volume::observe(&path, at);
            if let Some(why) = volume.blind() {
                let file_system = Fact::unreadable(why, "F_SETLK", at);
                return Watched { path, begun_at: at, file_system, shared: Err(why.to_owned()) };
            }
            let mut folders = own_folders.to_vec();
            folders.extend(volume.get().map(|volume| PathBuf::from(&volume.mount_point)));
            let file_system = latency::measure(&path, &folders, at);
            Watched { path, begun_at: Timestamp::now(), file_system, shared: spawn(place) }
        });
        Self { dirs: dirs.collect() }
    }

    /// Whether there is no state directory to watch.
    pub fn is_empty(&self) -> bool {
        self.dirs.is_empty()
    }

    /// What was seen up to now.
    pub fn read(&self) -> Vec<LockWait> {
        self.dirs.iter().map(Watched::read).collect()
    }
}

impl Drop for LockWatch {
    fn drop(&mut self) {
        for shared in self.dirs.iter().filter_map(|dir| dir.shared.as_ref().ok()) {
            shared.stop.store(true, Ordering::Relaxed);
        }
    }
}

impl Watched {
    fn read(&self) -> LockWait {
        let mut wait = LockWait {
            state_dir: self.path.to_string_lossy().into_owned(),
            at: self.begun_at,
            watched_s: 0.0,
            cpu_percent: None,
            locks: Vec::new(),
            file_system: self.file_system.clone(),
        };
        let Ok(shared) = &self.shared else { return wait };
        let until = Instant::now() + PATIENCE;
        loop {
            match shared.sampler.try_lock() {
                Ok(sampler) => {
                    wait.watched_s = sampler.watched_s();
                    wait.cpu_percent = sampler.cpu_percent();
                    wait.at = sampler.begun_at();
                    wait.locks = sampler.locks();
                    return wait;
                }
                Err(TryLockError::WouldBlock) if Instant::now() < until => thread::sleep(Duration::from_micros(200)),
                // A file system that was alive when the watch began is not any more.
                Err(TryLockError::WouldBlock | TryLockError::Poisoned(_)) => return wait,
            }
        }
    }
}

fn spawn(place: Place) -> Result<Arc<Shared>, String> {
    let shared = Arc::new(Shared { sampler: Mutex::new(Sampler::new(place)), stop: AtomicBool::new(false) });
    let mine = Arc::clone(&shared);
    let watch = move || {
        os::precise_timers();
        while !mine.stop.load(Ordering::Relaxed) {
            let Ok(mut sampler) = mine.sampler.lock() else { return };
            let nap = sampler.step();
            drop(sampler);
            if nap > SPIN {
                thread::sleep(nap);
            } else {
                // A loop that never gives way can keep the holder off this processor, and so lengthen the hold that it measures.
                thread::yield_now();
            }
        }
    };
    let thread = thread::Builder::new().name("portreeve-locks".to_owned());
    thread.spawn(watch).map(|_| shared).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests;
