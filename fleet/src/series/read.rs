//! Series for charts.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use portreeve_telemetry::histogram::Histogram;
use rusqlite::Connection;

use super::row::{Entry, Row};
use super::{ALL_NODES, MINUTE, start_of};
use crate::index::NodeKey;
use crate::store::{StoreError, millis, timestamp};

/// Most buckets of one question.
const MAX_BUCKETS: i64 = 3_000;

/// One series over a time.
#[derive(Debug, Clone, PartialEq)]
pub struct SeriesOf {
    /// Name of the metric.
    pub name: String,
    /// Attributes.
    pub attributes: BTreeMap<String, String>,
    /// Unit, by UCUM.
    pub unit: String,
    /// Its buckets, oldest first. Those in which nothing was told are not there.
    pub buckets: Vec<Bucket>,
}

/// One bucket.
#[derive(Debug, Clone, PartialEq)]
pub struct Bucket {
    /// When it begins.
    pub start: Timestamp,
    /// What it tells.
    pub figure: Figure,
}

/// What a bucket tells.
#[derive(Debug, Clone, PartialEq)]
pub enum Figure {
    /// Of a gauge.
    Gauge {
        /// The last value.
        last: f64,
        /// The least.
        min: f64,
        /// The greatest.
        max: f64,
        /// The mean of what was told.
        mean: f64,
    },
    /// Of a counter: by how much it grew.
    Growth(f64),
    /// Of a histogram: what was counted. [`Histogram::quantile`] gives its percentiles.
    Distribution(Histogram),
}

/// Series of one node with these names, in buckets of so many seconds ([`super::MINUTE`], [`super::TEN_MINUTES`] or
/// [`super::TWO_HOURS`]), between two times.
pub fn node(
    connection: &Connection,
    node: NodeKey,
    names: &[&str],
    seconds: i64,
    from: Timestamp,
    to: Timestamp,
) -> Result<Vec<SeriesOf>, StoreError> {
    series(connection, node.0, names, seconds, from, to)
}

/// The same of all nodes together: closes, lock wait, connects, restarts and pairings, by ten minutes or two hours.
pub fn fleet(
    connection: &Connection,
    names: &[&str],
    seconds: i64,
    from: Timestamp,
    to: Timestamp,
) -> Result<Vec<SeriesOf>, StoreError> {
    series(connection, ALL_NODES, names, seconds, from, to)
}

fn series(
    connection: &Connection,
    node: i64,
    names: &[&str],
    seconds: i64,
    from: Timestamp,
    to: Timestamp,
) -> Result<Vec<SeriesOf>, StoreError> {
    let mut wanted: HashMap<u32, SeriesOf> = HashMap::new();
    let mut statement =
        connection.prepare_cached("SELECT id, name, attributes, unit FROM metric_key WHERE name = ?")?;
    for name in names {
        let mut rows = statement.query([name])?;
        while let Some(row) = rows.next()? {
            let attributes: String = row.get(2)?;
            let attributes = serde_json::from_str(&attributes).unwrap_or_default();
            let series = SeriesOf { name: row.get(1)?, attributes, unit: row.get(3)?, buckets: Vec::new() };
            wanted.insert(row.get(0)?, series);
        }
    }
    let last = start_of(millis(to), seconds);
    let first = start_of(millis(from), seconds).max(last - MAX_BUCKETS * seconds);
    let mut tails: HashMap<u32, Entry> = HashMap::new();
    // By the minute, growth is told against the row before.
    let mut start = if seconds == MINUTE { first - seconds } else { first };
    while start <= last {
        if let Some(row) = Row::read(connection, seconds, start, node)? {
            for entry in &row.entries {
                let Some(series) = wanted.get_mut(&entry.key) else { continue };
                let figure = figure(entry, tails.entry(entry.key).or_default(), start);
                if let Some(figure) = figure.filter(|_| start >= first) {
                    series.buckets.push(Bucket { start: timestamp(start * 1_000), figure });
                }
            }
        }
        start += seconds;
    }
    let mut found: Vec<_> = wanted.into_values().filter(|series| !series.buckets.is_empty()).collect();
    found.sort_by(|one, other| (&one.name, &one.attributes).cmp(&(&other.name, &other.attributes)));
    Ok(found)
}

fn figure(entry: &Entry, tail: &mut Entry, start: i64) -> Option<Figure> {
    if let Some(gauge) = &entry.gauge {
        let (count, min, max, sum) = gauge.figures();
        return Some(Figure::Gauge { last: gauge.last, min, max, mean: sum / f64::from(count.max(1)) });
    }
    let growth = entry.growth_since(tail, start)?;
    Some(growth.distribution().map_or(Figure::Growth(growth.value), Figure::Distribution))
}
