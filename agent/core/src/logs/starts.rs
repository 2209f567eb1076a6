//! Starts of a gateway, and how long each took.

use std::collections::VecDeque;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::window::{Sliding, Windowed};
use crate::connects::{Latency, percentiles};
use crate::order::Order as _;

/// Most starts that are told one by one, the latest.
const SHOWN: usize = 20;
/// Most durations that percentiles are made of, the latest.
const MEASURED: usize = 1_000;
/// Window in which starts are counted, in seconds.
const WINDOW_S: u32 = 600;
/// More starts than so many within the window are a storm.
const BAR: u64 = 2;
/// A `ready` that comes later belongs to no start that was seen, in milliseconds: lines between were lost.
const LATEST_MS: i64 = 3_600_000;

/// Starts of gateways.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Starts {
    /// How many, and how many within ten minutes.
    pub counted: Windowed,
    /// How many of them became ready.
    pub ready: u64,
    /// Milliseconds from the first line of a run to `ready`.
    pub ready_ms: Option<Latency>,
    /// The latest, oldest first.
    pub latest: Vec<Start>,
}

/// One start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Start {
    /// The log.
    pub source: String,
    /// When the first line of the run was written.
    #[schemars(with = "Option<String>")]
    pub at: Option<Timestamp>,
    /// Milliseconds until `ready`; none where it was not said.
    pub ready_ms: Option<u64>,
}

/// Whether a process was told to start its gateway again.
#[derive(Debug, Clone, Copy)]
enum Restarting {
    No,
    /// Since then, where the line has a time.
    Since(Option<Timestamp>),
}

/// Counts the starts of one source.
#[derive(Debug, Clone)]
pub(super) struct StartTally {
    counted: Sliding,
    ready: u64,
    durations: VecDeque<u64>,
    latest: VecDeque<(Option<Timestamp>, Option<u64>)>,
    /// When the process was told to start its gateway again. Whether it does so itself or leaves it to another is not known yet.
    restarting: Restarting,
}

impl StartTally {
    pub(super) fn new() -> Self {
        Self {
            counted: Sliding::new(WINDOW_S),
            ready: 0,
            durations: VecDeque::new(),
            latest: VecDeque::new(),
            restarting: Restarting::No,
        }
    }

    pub(super) fn restarting(&mut self, at: Option<Timestamp>) {
        self.restarting = Restarting::Since(at);
    }

    pub(super) fn binding(&mut self) {
        if let Restarting::Since(at) = self.restarting {
            self.started(at);
        }
    }

    pub(super) fn started(&mut self, at: Option<Timestamp>) {
        self.restarting = Restarting::No;
        self.counted.add(at);
        self.latest.push_back((at, None));
        if self.latest.len() > SHOWN {
            self.latest.pop_front();
        }
    }

    pub(super) fn ready(&mut self, at: Option<Timestamp>) {
        let Some((Some(begun), ready @ None)) = self.latest.back_mut() else { return };
        let Some(at) = at else { return };
        let elapsed = at.as_millisecond() - begun.as_millisecond();
        if !(0..=LATEST_MS).contains(&elapsed) {
            return;
        }
        self.ready += 1;
        *ready = Some(elapsed.unsigned_abs());
        self.durations.push_back(elapsed.unsigned_abs());
        if self.durations.len() > MEASURED {
            self.durations.pop_front();
        }
    }
}

impl Starts {
    /// What several sources counted.
    pub(super) fn of(tallies: &[(&str, &StartTally)]) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "durations are below an hour")]
        let durations = tallies.iter().flat_map(|(_, tally)| &tally.durations).map(|ms| *ms as f64);
        let mut latest: Vec<Start> = tallies
            .iter()
            .flat_map(|(source, tally)| tally.latest.iter().map(move |start| (source, start)))
            .map(|(source, (at, ready_ms))| Start { source: (*source).to_owned(), at: *at, ready_ms: *ready_ms })
            .collect();
        latest.order_by_key(|start| start.at);
        latest.drain(..latest.len().saturating_sub(SHOWN));
        Self {
            counted: Windowed::of(tallies.iter().map(|(_, tally)| &tally.counted), WINDOW_S, BAR),
            ready: tallies.iter().map(|(_, tally)| tally.ready).sum(),
            ready_ms: percentiles(durations),
            latest,
        }
    }
}
