//! State directories, read while gateways answer where no question to them depends on it.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use portreeve_core::snapshot::StateDir;
use tokio::task::JoinHandle;

use crate::clock::Clock;
use crate::gateway;
use crate::process::ProcessTable;
use crate::site::Site;
use crate::state::{self, Place};

/// State directories by their places, and how long they took.
type Read = (Vec<(usize, StateDir)>, Duration);

/// What of state directories is still being read.
pub(super) struct Reading(Option<JoinHandle<Read>>);

/// The state directories, in the order of their places. Those of which a lock names the live gateway are being read on: where and with
/// which secret it is asked does not hang on the rest.
pub(super) fn read(
    sites: &[Site],
    places: &[Place],
    processes: &ProcessTable,
    clock: &mut Clock,
    at: Timestamp,
) -> (Vec<StateDir>, Reading) {
    let mut later = Vec::new();
    let dirs = clock.time("state directories", || {
        let looked = sites.iter().zip(places).enumerate().map(|(index, (site, place))| {
            let owned = state::ownership(place, processes, at);
            if gateway::is_claimed(&owned) {
                later.push((index, place.clone(), site.reader(), owned.clone()));
                return owned;
            }
            state::complete(owned, place, &site.reader(), processes, at)
        });
        looked.collect()
    });
    if later.is_empty() {
        return (dirs, Reading(None));
    }
    let processes = processes.clone();
    let reading = tokio::task::spawn_blocking(move || {
        let started = Instant::now();
        let read = later
            .into_iter()
            .map(|(index, place, reader, owned)| (index, state::complete(owned, &place, &reader, &processes, at)));
        (read.collect(), started.elapsed())
    });
    (dirs, Reading(Some(reading)))
}

impl Reading {
    /// Waits for the rest.
    pub(super) async fn into(self, dirs: &mut [StateDir], clock: &mut Clock) {
        let Some(reading) = self.0 else { return };
        // Of what was not read to the end the facts say that it was not looked at.
        let Ok((read, elapsed)) = reading.await.inspect_err(|error| tracing::warn!(%error, "state directories")) else {
            return;
        };
        clock.note("state directories", elapsed);
        for (index, whole) in read {
            if let Some(dir) = dirs.get_mut(index) {
                *dir = whole;
            }
        }
    }
}
