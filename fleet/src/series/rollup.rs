//! From minutes to ten minutes and two hours, and what is deleted when.

use std::collections::btree_map::Entry as MapEntry;
use std::collections::{BTreeMap, HashMap};

use portreeve_telemetry::metric;
use rusqlite::{Connection, params};

use super::row::{Row, Total};
use super::write::MAX_SERIES;
use super::{ALL_NODES, MINUTE, TEN_MINUTES, TWO_HOURS, start_of};
use crate::config::Retention;
use crate::store::StoreError;

/// How long after its end a bucket of ten minutes is added up: points of its last minute may be on their way.
const GRACE: i64 = 90;
/// Most rows that are deleted at once.
const SLICE: u32 = 2_000;
/// Series of all nodes together: as many as a row can hold and be read back, each with the largest histogram.
const MAX_ALL: usize = 4_000;

/// Counters and histograms that are also added up over all nodes. The attribute `gateway`, which tells nodes apart, is left out.
const OF_ALL: [&metric::Metric; 7] = [
    &metric::CLOSES,
    &metric::LOCK_WAIT,
    &metric::CONNECT_ATTEMPTS,
    &metric::CONNECT_DURATION,
    &metric::GATEWAY_RESTARTS,
    &metric::PAIRING_ATTEMPTS,
    &metric::PAIRING_DURATION,
];

/// Adds up what is due, for at most so many pairs of node and bucket. Tells whether there is more.
pub fn advance(connection: &Connection, retention: &Retention, now_ms: i64, most: u32) -> Result<bool, StoreError> {
    let before = now_ms / 1_000 - TEN_MINUTES - GRACE;
    let due: Vec<(i64, i64)> = connection
        .prepare_cached("SELECT start, node FROM series_due WHERE start <= ? ORDER BY start, node LIMIT ?")?
        .query_map(params![before, most], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    let is_more = due.len() == most as usize;
    let mut all = OfAll::default();
    for (start, node) in due {
        let added = minutes(connection, node, start)
            .and_then(|rows| add_up(connection, node, &rows, retention, now_ms, &mut all));
        match added {
            Ok(()) => {}
            // It would be as damaged the next time, and all others would wait for it.
            Err(StoreError::Corrupt(what)) => tracing::error!(node, start, what, "series cannot be added up"),
            Err(error) => return Err(error),
        }
        connection.prepare_cached("DELETE FROM series_due WHERE start = ? AND node = ?")?.execute([start, node])?;
    }
    all.write(connection)?;
    Ok(is_more)
}

/// The rows by the minute of ten minutes.
fn minutes(connection: &Connection, node: i64, start: i64) -> Result<Vec<(i64, Row)>, StoreError> {
    let mut rows = Vec::new();
    for minute in (start..start + TEN_MINUTES).step_by(60) {
        if let Some(row) = Row::read(connection, MINUTE, minute, node)? {
            rows.push((minute, row));
        }
    }
    Ok(rows)
}

/// Adds up rows by the minute of one node, oldest first.
pub(super) fn roll_up(
    connection: &Connection,
    node: i64,
    rows: &[(i64, Row)],
    retention: &Retention,
    now_ms: i64,
) -> Result<(), StoreError> {
    let mut all = OfAll::default();
    add_up(connection, node, rows, retention, now_ms, &mut all)?;
    all.write(connection)
}

fn add_up(
    connection: &Connection,
    node: i64,
    rows: &[(i64, Row)],
    retention: &Retention,
    now_ms: i64,
    all: &mut OfAll,
) -> Result<(), StoreError> {
    let mut tail = Row::read_tail(connection, node)?;
    let mut targets: BTreeMap<(i64, i64), Row> = BTreeMap::new();
    let ten_minutes_from = now_ms / 1_000 - i64::from(retention.ten_minutes_d) * 24 * 3_600;
    let mut is_changed = false;
    for (minute, row) in rows {
        let resolutions = [TEN_MINUTES, TWO_HOURS];
        let places = resolutions.map(|seconds| (seconds, start_of(minute * 1_000, seconds)));
        for place in places {
            if let MapEntry::Vacant(vacant) = targets.entry(place) {
                vacant.insert(Row::read(connection, place.0, place.1, node)?.unwrap_or_default());
            }
        }
        for entry in &row.entries {
            let Some(tail) = tail.entry(entry.key, 2 * MAX_SERIES) else { continue };
            if entry.last_at <= tail.last_at {
                continue;
            }
            is_changed = true;
            let growth = entry.growth_since(tail, *minute);
            for place in places {
                let Some(target) = targets.get_mut(&place).and_then(|row| row.entry(entry.key, MAX_SERIES)) else {
                    continue;
                };
                target.last_at = target.last_at.max(entry.last_at);
                match (&mut target.gauge, &entry.gauge) {
                    (Some(gauge), Some(later)) => gauge.add(later),
                    (empty @ None, Some(first)) => *empty = Some(*first),
                    (_, None) => {}
                }
                if let Some(growth) = &growth {
                    target.grow(growth);
                    all.grow(connection, entry.key, place, growth)?;
                }
            }
        }
    }
    if !is_changed {
        return Ok(());
    }
    for ((seconds, start), row) in targets {
        if seconds == TWO_HOURS || start >= ten_minutes_from {
            row.write(connection, seconds, start, node)?;
        }
    }
    tail.write_tail(connection, node)
}

/// What all nodes together grew by.
#[derive(Default)]
struct OfAll {
    growth: BTreeMap<(i64, i64), BTreeMap<u32, Total>>,
    /// The number of a series without what tells nodes apart; none for one that is not added up.
    keys: HashMap<u32, Option<u32>>,
}

impl OfAll {
    fn grow(&mut self, connection: &Connection, key: u32, place: (i64, i64), growth: &Total) -> Result<(), StoreError> {
        let common = match self.keys.get(&key) {
            Some(common) => *common,
            None => {
                let common = common_key(connection, key)?;
                self.keys.insert(key, common);
                common
            }
        };
        if let Some(common) = common {
            self.growth.entry(place).or_default().entry(common).or_default().add(growth);
        }
        Ok(())
    }

    fn write(self, connection: &Connection) -> Result<(), StoreError> {
        for ((seconds, start), growths) in self.growth {
            let mut row = match Row::read(connection, seconds, start, ALL_NODES) {
                Ok(row) => row.unwrap_or_default(),
                // It would be as damaged the next time, and the series of the nodes would wait for it.
                Err(StoreError::Corrupt(what)) => {
                    tracing::error!(seconds, start, what, "series of all nodes begin anew");
                    Row::default()
                }
                Err(error) => return Err(error),
            };
            for (key, growth) in growths {
                if let Some(entry) = row.entry(key, MAX_ALL) {
                    entry.last_at = start * 1_000;
                    entry.grow(&growth);
                }
            }
            row.write(connection, seconds, start, ALL_NODES)?;
        }
        Ok(())
    }
}

fn common_key(connection: &Connection, key: u32) -> Result<Option<u32>, StoreError> {
    let (name, attributes, unit, seen_at): (String, String, String, i64) = connection
        .prepare_cached("SELECT name, attributes, unit, seen_at FROM metric_key WHERE id = ?")?
        .query_row([key], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?;
    if !OF_ALL.iter().any(|metric| metric.name == name) {
        return Ok(None);
    }
    let mut map: BTreeMap<String, String> = serde_json::from_str(&attributes).unwrap_or_default();
    if map.remove(metric::GATEWAY.key).is_none() {
        return Ok(Some(key));
    }
    let common = serde_json::to_string(&map).map_err(|_| StoreError::Corrupt("attributes"))?;
    connection
        .prepare_cached(
            "INSERT INTO metric_key (name, attributes, unit, seen_at) VALUES (?, ?, ?, ?)
             ON CONFLICT (name, attributes) DO UPDATE SET seen_at = excluded.seen_at",
        )?
        .execute(params![name, common, unit, seen_at])?;
    let id = connection
        .prepare_cached("SELECT id FROM metric_key WHERE name = ? AND attributes = ?")?
        .query_row([&name, &common], |row| row.get(0))?;
    Ok(Some(id))
}

/// Deletes some of what is older than it is kept. Tells how many rows.
pub fn prune(connection: &Connection, retention: &Retention, now_ms: i64) -> Result<usize, StoreError> {
    let now = now_ms / 1_000;
    let day = 24 * 3_600;
    // An hour more than is taken in by the minute, so that what is due was added up before.
    let until = [
        (MINUTE, now - (i64::from(retention.minutes_h) + 1) * 3_600),
        (TEN_MINUTES, now - i64::from(retention.ten_minutes_d) * day),
        (TWO_HOURS, now - i64::from(retention.two_hours_d) * day),
    ];
    let mut deleted = 0;
    for (seconds, until) in until {
        deleted += delete_before(connection, seconds, until, SLICE)?;
    }
    Ok(deleted)
}

/// Deletes the names of series that no row holds any longer. Tells how many.
pub fn prune_keys(connection: &Connection, retention: &Retention, now_ms: i64) -> Result<usize, StoreError> {
    let unused = now_ms - (i64::from(retention.two_hours_d) + 2) * 24 * 3_600 * 1_000;
    Ok(connection.prepare_cached("DELETE FROM metric_key WHERE seen_at < ?")?.execute([unused])?)
}

/// Deletes rows of a resolution that begin before a time, at most so many.
pub(crate) fn delete_before(connection: &Connection, seconds: i64, until: i64, most: u32) -> Result<usize, StoreError> {
    Ok(connection
        .prepare_cached(
            "DELETE FROM series WHERE (seconds, start, node) IN
             (SELECT seconds, start, node FROM series WHERE seconds = ? AND start < ? ORDER BY start LIMIT ?)",
        )?
        .execute(params![seconds, until, most])?)
}

#[cfg(test)]
mod tests {
    use super::super::row::Entry;
    use super::*;

    #[test]
    fn a_damaged_row_of_all_nodes_holds_nothing_up() {
        let connection = Connection::open_in_memory().unwrap();
        crate::store::schema::migrate(&connection).unwrap();
        let start = 100 * TWO_HOURS;
        let key = "INSERT INTO metric_key (id, name, attributes, unit, seen_at) VALUES (1, ?, '{}', '1', 0)";
        connection.execute(key, [metric::CLOSES.name]).unwrap();
        let totals = vec![Total::new(start * 1_000, 3.0, None)];
        let told = Row { entries: vec![Entry { key: 1, last_at: start * 1_000 + 1, totals, ..Entry::default() }] };
        told.write(&connection, MINUTE, start, 7).unwrap();
        connection.execute("INSERT INTO series_due (start, node) VALUES (?, 7)", [start]).unwrap();
        let damaged = "INSERT INTO series (seconds, start, node, body) VALUES (?, ?, ?, x'ffff')";
        connection.execute(damaged, [TEN_MINUTES, start, ALL_NODES]).unwrap();

        advance(&connection, &Retention::default(), (start + TWO_HOURS) * 1_000, 10).unwrap();
        let due: i64 = connection.query_row("SELECT count(*) FROM series_due", [], |row| row.get(0)).unwrap();
        assert_eq!(due, 0);
        for (seconds, node) in [TEN_MINUTES, TWO_HOURS].into_iter().flat_map(|one| [(one, 7), (one, ALL_NODES)]) {
            let row = Row::read(&connection, seconds, start, node).unwrap().unwrap();
            let grown = row.entries[0].growth.as_ref().unwrap().value;
            assert!((grown - 3.0).abs() < 1e-9, "{seconds} {node}: {grown}");
        }
    }
}
