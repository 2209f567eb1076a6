//! Metrics of the server itself, in the text form of Prometheus.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::http::StatusCode;

use crate::index::{NodeSummary, Presence};

/// Upper ends of the buckets of durations, in seconds.
const BOUNDS: [f64; 11] = [0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5];

/// What the server counts of itself.
#[derive(Default)]
pub struct Meter {
    requests: Mutex<BTreeMap<(&'static str, u16), u64>>,
    refusals: Mutex<BTreeMap<&'static str, u64>>,
    dropped: Mutex<BTreeMap<&'static str, u64>>,
    ingest: Durations,
    commits: Durations,
    work: AtomicU64,
    points: AtomicU64,
    points_left: AtomicU64,
    events: AtomicU64,
    events_known: AtomicU64,
    events_left: AtomicU64,
    database: AtomicU64,
    connections: AtomicU64,
    connections_refused: AtomicU64,
}

#[derive(Default)]
struct Durations {
    buckets: [AtomicU64; BOUNDS.len()],
    count: AtomicU64,
    microseconds: AtomicU64,
}

impl Durations {
    fn add(&self, took: Duration) {
        let seconds = took.as_secs_f64();
        for (bucket, bound) in self.buckets.iter().zip(BOUNDS) {
            if seconds <= bound {
                bucket.fetch_add(1, Ordering::Relaxed);
            }
        }
        self.count.fetch_add(1, Ordering::Relaxed);
        self.microseconds.fetch_add(u64::try_from(took.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    fn write(&self, out: &mut String, name: &str) {
        let count = self.count.load(Ordering::Relaxed);
        for (bucket, bound) in self.buckets.iter().zip(BOUNDS) {
            let value = bucket.load(Ordering::Relaxed);
            let _ = writeln!(out, "{name}_bucket{{le=\"{bound}\"}} {value}");
        }
        let sum = Duration::from_micros(self.microseconds.load(Ordering::Relaxed)).as_secs_f64();
        let _ = writeln!(out, "{name}_bucket{{le=\"+Inf\"}} {count}\n{name}_sum {sum}\n{name}_count {count}");
    }
}

impl Meter {
    /// A request was answered.
    pub fn request(&self, signal: &'static str, status: StatusCode, took: Duration) {
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        *requests.entry((signal, status.as_u16())).or_default() += 1;
        drop(requests);
        if status.is_success() {
            self.ingest.add(took);
        }
    }

    /// A request was refused.
    pub fn refused(&self, reason: &'static str) {
        *self.refusals.lock().unwrap_or_else(PoisonError::into_inner).entry(reason).or_default() += 1;
    }

    /// Data points were taken, and some not.
    pub fn points(&self, taken: u64, left: u64) {
        self.points.fetch_add(taken, Ordering::Relaxed);
        self.points_left.fetch_add(left, Ordering::Relaxed);
    }

    /// Events were taken, were known already, and some were not taken.
    pub fn events(&self, new: u64, known: u64, left: u64) {
        self.events.fetch_add(new, Ordering::Relaxed);
        self.events_known.fetch_add(known, Ordering::Relaxed);
        self.events_left.fetch_add(left, Ordering::Relaxed);
    }

    /// A transaction was committed, with so many pieces of work.
    pub fn commit(&self, work: usize, took: Duration) {
        self.work.fetch_add(work as u64, Ordering::Relaxed);
        self.commits.add(took);
    }

    /// Rows were dropped since the database is full.
    pub fn dropped(&self, kind: &'static str, rows: u64) {
        *self.dropped.lock().unwrap_or_else(PoisonError::into_inner).entry(kind).or_default() += rows;
    }

    /// Bytes of the database that hold something.
    pub fn database(&self, bytes: u64) {
        self.database.store(bytes, Ordering::Relaxed);
    }

    /// Connections that are open.
    pub fn connections(&self, open: usize) {
        self.connections.store(open as u64, Ordering::Relaxed);
    }

    /// A connection was one too many.
    pub fn connection_refused(&self) {
        self.connections_refused.fetch_add(1, Ordering::Relaxed);
    }

    /// All of it, as text.
    pub fn text<'a>(&self, nodes: impl Iterator<Item = &'a NodeSummary>) -> String {
        let mut out = String::with_capacity(8 * 1024);
        let mut presence = BTreeMap::from([(Presence::New, 0), (Presence::Present, 0), (Presence::Absent, 0)]);
        let mut verdicts = BTreeMap::from([("none", 0), ("ready", 0), ("degraded", 0), ("blocked", 0), ("unknown", 0)]);
        for node in nodes.filter(|node| node.revoked_at.is_none()) {
            *presence.entry(node.presence).or_default() += 1_u64;
            *verdicts.entry(node.verdict().map_or("none", portreeve_core::Verdict::name)).or_default() += 1_u64;
        }
        head(&mut out, "nodes", "gauge", "Nodes by whether they report.");
        for (state, count) in presence {
            let _ = writeln!(out, "portreeve_fleet_nodes{{presence=\"{}\"}} {count}", state.name());
        }
        head(&mut out, "verdicts", "gauge", "Nodes by the verdict that they reported last.");
        for (verdict, count) in verdicts {
            let _ = writeln!(out, "portreeve_fleet_verdicts{{verdict=\"{verdict}\"}} {count}");
        }
        head(&mut out, "requests_total", "counter", "Requests of agents by signal and status.");
        for ((signal, status), count) in &*self.requests.lock().unwrap_or_else(PoisonError::into_inner) {
            let labels = format!("{{signal=\"{signal}\",status=\"{status}\"}}");
            let _ = writeln!(out, "portreeve_fleet_requests_total{labels} {count}");
        }
        head(&mut out, "refused_total", "counter", "Requests of agents that were refused, by reason.");
        for (reason, count) in &*self.refusals.lock().unwrap_or_else(PoisonError::into_inner) {
            let _ = writeln!(out, "portreeve_fleet_refused_total{{reason=\"{reason}\"}} {count}");
        }
        head(&mut out, "dropped_rows_total", "counter", "Rows dropped since the database is full.");
        for (kind, count) in &*self.dropped.lock().unwrap_or_else(PoisonError::into_inner) {
            let _ = writeln!(out, "portreeve_fleet_dropped_rows_total{{kind=\"{kind}\"}} {count}");
        }
        head(&mut out, "ingest_seconds", "histogram", "Time from a request's head to its commit.");
        self.ingest.write(&mut out, "portreeve_fleet_ingest_seconds");
        head(&mut out, "commit_seconds", "histogram", "Time of transactions.");
        self.commits.write(&mut out, "portreeve_fleet_commit_seconds");
        let numbers = [
            ("work_total", "counter", "Pieces of work that were committed.", &self.work),
            ("points_total", "counter", "Data points taken.", &self.points),
            ("points_left_total", "counter", "Data points not taken.", &self.points_left),
            ("events_total", "counter", "Events taken.", &self.events),
            ("events_known_total", "counter", "Events that had arrived before.", &self.events_known),
            ("events_left_total", "counter", "Events not taken.", &self.events_left),
            ("database_bytes", "gauge", "Bytes of the database that hold something.", &self.database),
            ("connections", "gauge", "Connections that are open.", &self.connections),
            ("connections_refused_total", "counter", "Connections that were too many.", &self.connections_refused),
        ];
        for (name, kind, help, value) in numbers {
            head(&mut out, name, kind, help);
            let _ = writeln!(out, "portreeve_fleet_{name} {}", value.load(Ordering::Relaxed));
        }
        head(&mut out, "info", "gauge", "Always 1; the version stands in the label.");
        let _ = writeln!(out, "portreeve_fleet_info{{version=\"{}\"}} 1", env!("CARGO_PKG_VERSION"));
        out
    }
}

fn head(out: &mut String, name: &str, kind: &str, help: &str) {
    let _ = writeln!(out, "# HELP portreeve_fleet_{name} {help}\n# TYPE portreeve_fleet_{name} {kind}");
}
