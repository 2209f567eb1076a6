//! Counting as lines come.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::closes::CloseTally;
use super::report::{EventCount, LayerCounts, LogReport, LogSource};
use super::starts::{StartTally, Starts};
use super::window::{Sliding, Windowed};
use super::{LogLayer, Origin, SCHEMA};
use crate::order::Order as _;
use crate::report::Agent;

/// Window in which refused secrets are counted, in seconds, and how many of them a mistyped token explains.
const MISMATCH: (u32, u64) = (300, 3);
/// Window in which attempts to pair are counted, in seconds, and how many of them a person makes.
const PAIRING: (u32, u64) = (600, 5);
/// Most sources.
const MAX_SOURCES: usize = 256;

/// What an event counts as, besides its kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark<'a> {
    /// Nothing.
    None,
    /// The first line of a run.
    Start,
    /// A process begins to start its gateway again.
    Restarting,
    /// A gateway is about to listen.
    Binding,
    /// A gateway is ready.
    Ready,
    /// A shared secret was refused.
    Mismatch,
    /// A connection ended.
    Close {
        /// Close code.
        code: Option<u16>,
        /// Reason, or the gateway's name of the cause; empty where there is none.
        reason: &'a str,
        /// Whether it ended since the device is not approved.
        pairing: bool,
    },
}

/// One line, as far as it is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen<'a> {
    /// When it was written.
    pub at: Option<Timestamp>,
    /// Where it belongs.
    pub layer: LogLayer,
    /// Name of its event; none where nothing is known of it.
    pub kind: Option<&'static str>,
    /// What it counts as.
    pub mark: Mark<'a>,
}

/// Counts lines. Holds a bounded number of keys, whatever it is given.
#[derive(Debug, Default)]
pub struct Tally {
    sources: Vec<Source>,
    layers: LayerCounts,
    events: BTreeMap<(&'static str, LogLayer), EventCount>,
    closes: CloseTally,
}

/// The counters of one source: windows and starts of different logs do not mix.
#[derive(Debug)]
struct Source {
    report: LogSource,
    mismatches: Sliding,
    pairing: Sliding,
    starts: StartTally,
}

impl Tally {
    /// Begins a source: what follows is counted for it.
    pub fn source(&mut self, id: impl Into<String>, origin: Origin, offset_ms: Option<i64>) {
        self.sources.truncate(MAX_SOURCES - 1);
        self.sources.push(Source {
            report: LogSource {
                id: id.into(),
                origin,
                lines: 0,
                bytes: 0,
                unparsed: 0,
                cut: 0,
                first: None,
                last: None,
                offset_ms,
                problem: None,
            },
            mismatches: Sliding::new(MISMATCH.0),
            pairing: Sliding::new(PAIRING.0),
            starts: StartTally::new(),
        });
    }

    /// Why the source was not read, or not to its end.
    pub fn problem(&mut self, problem: impl Into<String>) {
        if let Some(source) = self.sources.last_mut() {
            source.report.problem = Some(problem.into());
        }
    }

    /// Bytes that were read of the source, and lines that were longer than what is looked at.
    pub fn read(&mut self, bytes: u64, cut: u64) {
        if let Some(source) = self.sources.last_mut() {
            source.report.bytes += bytes;
            source.report.cut += cut;
        }
    }

    /// Counts a line that is torn or foreign.
    pub fn unparsed(&mut self) {
        if let Some(source) = self.sources.last_mut() {
            source.report.unparsed += 1;
        }
    }

    /// Counts a line.
    pub fn line(&mut self, seen: &Seen<'_>) {
        let Some(source) = self.sources.last_mut() else { return };
        source.report.lines += 1;
        if let Some(at) = seen.at {
            source.report.first = Some(source.report.first.map_or(at, |first| first.min(at)));
            source.report.last = Some(source.report.last.map_or(at, |last| last.max(at)));
        }
        self.layers.add(seen.layer);
        let Some(kind) = seen.kind else { return };
        // Kinds are names of the program's own, so that their number is bounded.
        let event = self.events.entry((kind, seen.layer)).or_insert_with(|| EventCount {
            kind: kind.to_owned(),
            layer: seen.layer,
            count: 0,
            first: None,
            last: None,
        });
        event.count += 1;
        event.first = event.first.into_iter().chain(seen.at).min();
        event.last = event.last.max(seen.at);
        match seen.mark {
            Mark::None => {}
            Mark::Start => source.starts.started(seen.at),
            Mark::Restarting => source.starts.restarting(seen.at),
            Mark::Binding => source.starts.binding(),
            Mark::Ready => source.starts.ready(seen.at),
            Mark::Mismatch => source.mismatches.add(seen.at),
            Mark::Close { code, reason, pairing } => {
                self.closes.add(seen.at, code, reason);
                if pairing {
                    source.pairing.add(seen.at);
                }
            }
        }
    }

    /// The report on what was counted.
    pub fn report(self, agent: Agent, at: Timestamp, since: Option<Timestamp>, until: Option<Timestamp>) -> LogReport {
        let starts: Vec<(&str, &StartTally)> =
            self.sources.iter().map(|source| (source.report.id.as_str(), &source.starts)).collect();
        let reports = || self.sources.iter().map(|source| &source.report);
        let mut events: Vec<EventCount> = self.events.into_values().collect();
        events.order_by_key(|event| std::cmp::Reverse(event.count));
        LogReport {
            schema: SCHEMA.to_owned(),
            agent,
            at,
            since,
            until,
            lines: reports().map(|source| source.lines).sum(),
            bytes: reports().map(|source| source.bytes).sum(),
            unparsed: reports().map(|source| source.unparsed).sum(),
            first: reports().filter_map(|source| source.first).min(),
            last: reports().filter_map(|source| source.last).max(),
            layers: self.layers,
            events,
            closes: self.closes.closes(),
            token_mismatches: Windowed::of(
                self.sources.iter().map(|source| &source.mismatches),
                MISMATCH.0,
                MISMATCH.1,
            ),
            pairing_attempts: Windowed::of(self.sources.iter().map(|source| &source.pairing), PAIRING.0, PAIRING.1),
            starts: Starts::of(&starts),
            sources: self.sources.iter().map(|source| source.report.clone()).collect(),
        }
    }
}
