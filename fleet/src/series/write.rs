//! Points into the database.

use std::collections::BTreeMap;
use std::sync::PoisonError;

use portreeve_telemetry::metric;

use super::row::Row;
use super::{MINUTE, Point, Sample, TEN_MINUTES, rollup, start_of};
use crate::index::{LockWait, NodeSummary, clipped};
use crate::store::{StoreError, Tx, millis, timestamp};

/// Most series of one node in one bucket.
pub(super) const MAX_SERIES: usize = 2_000;
/// The longest beat that an agent may announce, in seconds.
const MAX_INTERVAL: f64 = 24.0 * 3_600.0;

/// Points that were not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Refused {
    /// Since there are too many series.
    pub series: u64,
}

/// Writes the points of a node, and what they say of it into `node`.
pub fn write(tx: &mut Tx<'_>, node: &mut NodeSummary, points: Vec<Point>) -> Result<Refused, StoreError> {
    let mut refused = Refused::default();
    let now = millis(tx.now());
    let minutes_from = now - i64::from(tx.shared().config.retention.minutes_h) * 3_600 * 1_000;
    let mut minutes: BTreeMap<i64, Vec<(u32, Point)>> = BTreeMap::new();
    let mut old: BTreeMap<i64, Vec<(u32, Point)>> = BTreeMap::new();
    let max = tx.shared().config.limits.series;
    {
        let mut keys = tx.shared().keys.lock().unwrap_or_else(PoisonError::into_inner);
        for point in points {
            if point.name == metric::AGENT_INTERVAL.name {
                note_interval(node, &point);
            }
            if point.name == metric::LOCK_WAIT_P95.name {
                note_lock_wait(node, &point);
            }
            let Some(key) = keys.id(tx.connection(), node.key, &point, max, now)? else {
                refused.series += 1;
                continue;
            };
            let place = if point.at >= minutes_from { &mut minutes } else { &mut old };
            place.entry(start_of(point.at, MINUTE)).or_default().push((key, point));
        }
    }
    let connection = tx.connection();
    for (start, points) in minutes {
        let mut row = Row::read(connection, MINUTE, start, node.key.0)?.unwrap_or_default();
        if add(&mut row, points, &mut refused) {
            row.write(connection, MINUTE, start, node.key.0)?;
            connection
                .prepare_cached("INSERT OR IGNORE INTO series_due (start, node) VALUES (?, ?)")?
                .execute([start_of(start * 1_000, TEN_MINUTES), node.key.0])?;
        }
    }
    // What is older than the rows by the minute goes where those would have gone.
    let mut rows = Vec::new();
    for (start, points) in old {
        let mut row = Row::default();
        if add(&mut row, points, &mut refused) {
            rows.push((start, row));
        }
    }
    if !rows.is_empty() {
        rollup::roll_up(connection, node.key.0, &rows, &tx.shared().config.retention, now)?;
    }
    Ok(refused)
}

fn add(row: &mut Row, mut points: Vec<(u32, Point)>, refused: &mut Refused) -> bool {
    points.sort_by_key(|(_, point)| point.at);
    let mut added = false;
    for (key, point) in points {
        match row.entry(key, MAX_SERIES) {
            Some(entry) => added |= entry.add(point.at, &point.sample),
            None => refused.series += 1,
        }
    }
    added
}

/// The agent tells how often it reports.
fn note_interval(node: &mut NodeSummary, point: &Point) {
    if let Sample::Gauge(seconds) = point.sample
        && (1.0..=MAX_INTERVAL).contains(&seconds)
    {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a day at most")]
        let seconds = seconds.ceil() as u32;
        node.interval_s = seconds;
    }
}

/// The index holds the longest wait that was told last.
fn note_lock_wait(node: &mut NodeSummary, point: &Point) {
    let Sample::Gauge(p95_s) = point.sample else { return };
    if !p95_s.is_finite() {
        return;
    }
    let at = timestamp(point.at);
    if node.lock_wait.as_ref().is_some_and(|known| (known.at, known.p95_s) > (at, p95_s)) {
        return;
    }
    let attributes: BTreeMap<String, String> = serde_json::from_str(&point.attributes).unwrap_or_default();
    let text = |key| attributes.get(key).map_or("", |text| clipped(text, 100)).to_owned();
    node.lock_wait =
        Some(LockWait { p95_s, purpose: text(metric::PURPOSE.key), kind: text(metric::LOCK_KIND.key), at });
}
