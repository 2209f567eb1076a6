//! The form of a row: protobuf, deflated.

use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use portreeve_telemetry::histogram::Histogram;
use portreeve_telemetry::otlp::ExponentialHistogramDataPoint;
use prost::Message;
use rusqlite::{Connection, OptionalExtension, params};

use crate::store::StoreError;

/// Largest row once it is unpacked, in bytes.
const MAX_BYTES: u64 = 16 * 1024 * 1024;

/// All series of a node in one bucket, sorted by key.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Row {
    #[prost(message, repeated, tag = "1")]
    pub(super) entries: Vec<Entry>,
}

/// One series in a bucket.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Entry {
    /// What it is: a row of `metric_key`.
    #[prost(uint32, tag = "1")]
    pub(super) key: u32,
    /// Time of the last point, in milliseconds.
    #[prost(int64, tag = "2")]
    pub(super) last_at: i64,
    #[prost(message, optional, tag = "3")]
    pub(super) gauge: Option<Gauge>,
    /// How a total stood last, for each start of it.
    #[prost(message, repeated, tag = "4")]
    pub(super) totals: Vec<Total>,
    /// What it grew by, in this bucket.
    #[prost(message, optional, tag = "5")]
    pub(super) growth: Option<Total>,
}

/// A gauge over a bucket. Where `count` is 0 there was one value, and it is `last`.
#[derive(Clone, Copy, PartialEq, Message)]
pub(super) struct Gauge {
    #[prost(double, tag = "1")]
    pub(super) last: f64,
    #[prost(uint32, tag = "2")]
    pub(super) count: u32,
    #[prost(double, tag = "3")]
    pub(super) min: f64,
    #[prost(double, tag = "4")]
    pub(super) max: f64,
    #[prost(double, tag = "5")]
    pub(super) sum: f64,
}

/// A count, or a distribution.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Total {
    /// Since when it is counted, in milliseconds.
    #[prost(int64, tag = "1")]
    pub(super) start: i64,
    #[prost(double, tag = "2")]
    pub(super) value: f64,
    #[prost(message, optional, tag = "3")]
    pub(super) histogram: Option<ExponentialHistogramDataPoint>,
}

impl Row {
    /// The entry of a key. It is made where there is none yet and the row has room: none otherwise.
    pub(super) fn entry(&mut self, key: u32, max: usize) -> Option<&mut Entry> {
        let place = match self.entries.binary_search_by_key(&key, |entry| entry.key) {
            Ok(place) => place,
            Err(_) if self.entries.len() >= max => return None,
            Err(place) => {
                self.entries.insert(place, Entry { key, ..Entry::default() });
                place
            }
        };
        self.entries.get_mut(place)
    }

    fn pack(&self) -> Result<Vec<u8>, StoreError> {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
        let packed = encoder.write_all(&self.encode_to_vec()).and_then(|()| encoder.finish());
        packed.map_err(|_| StoreError::Corrupt("a row of series cannot be packed"))
    }

    pub(super) fn unpack(packed: &[u8]) -> Result<Self, StoreError> {
        let mut bytes = Vec::new();
        let read = DeflateDecoder::new(packed).take(MAX_BYTES).read_to_end(&mut bytes);
        read.map_err(|_| StoreError::Corrupt("a row of series is not deflated"))?;
        Self::decode(bytes.as_slice()).map_err(|_| StoreError::Corrupt("a row of series"))
    }

    /// Reads a bucket of a node.
    pub(super) fn read(
        connection: &Connection,
        seconds: i64,
        start: i64,
        node: i64,
    ) -> Result<Option<Self>, StoreError> {
        let packed: Option<Vec<u8>> = connection
            .prepare_cached("SELECT body FROM series WHERE seconds = ? AND start = ? AND node = ?")?
            .query_row([seconds, start, node], |row| row.get(0))
            .optional()?;
        packed.map(|packed| Self::unpack(&packed)).transpose()
    }

    /// Writes a bucket of a node.
    pub(super) fn write(&self, connection: &Connection, seconds: i64, start: i64, node: i64) -> Result<(), StoreError> {
        connection
            .prepare_cached("INSERT OR REPLACE INTO series (seconds, start, node, body) VALUES (?, ?, ?, ?)")?
            .execute(params![seconds, start, node, self.pack()?])?;
        Ok(())
    }

    /// Reads where the totals of a node stood.
    pub(super) fn read_tail(connection: &Connection, node: i64) -> Result<Self, StoreError> {
        let packed: Option<Vec<u8>> = connection
            .prepare_cached("SELECT body FROM series_tail WHERE node = ?")?
            .query_row([node], |row| row.get(0))
            .optional()?;
        packed.map_or_else(|| Ok(Self::default()), |packed| Self::unpack(&packed))
    }

    /// Writes where the totals of a node stand.
    pub(super) fn write_tail(&self, connection: &Connection, node: i64) -> Result<(), StoreError> {
        connection
            .prepare_cached("INSERT OR REPLACE INTO series_tail (node, body) VALUES (?, ?)")?
            .execute(params![node, self.pack()?])?;
        Ok(())
    }
}

impl Gauge {
    pub(super) fn of(value: f64) -> Self {
        Self { last: value, ..Self::default() }
    }

    /// Count, least, greatest and sum.
    pub(super) fn figures(&self) -> (u32, f64, f64, f64) {
        if self.count == 0 { (1, self.last, self.last, self.last) } else { (self.count, self.min, self.max, self.sum) }
    }

    /// Adds what came later.
    pub(super) fn add(&mut self, later: &Self) {
        let (count, min, max, sum) = self.figures();
        let (more, lower, higher, added) = later.figures();
        *self = Self {
            last: later.last,
            count: count.saturating_add(more),
            min: min.min(lower),
            max: max.max(higher),
            sum: sum + added,
        };
    }
}

impl Total {
    pub(super) fn new(start: i64, value: f64, histogram: Option<&Histogram>) -> Self {
        Self { start, value, histogram: histogram.map(Histogram::to_point) }
    }

    pub(super) fn distribution(&self) -> Option<Histogram> {
        self.histogram.as_ref().and_then(Histogram::from_point)
    }

    /// Adds another growth.
    pub(super) fn add(&mut self, other: &Self) {
        self.value += other.value;
        let sum = match (self.distribution(), other.distribution()) {
            (Some(mut one), Some(other)) => {
                one.merge(&other);
                Some(one)
            }
            (one, other) => one.or(other),
        };
        self.histogram = sum.as_ref().map(Histogram::to_point);
    }

    /// What it grew by since it stood at `earlier`. What fell has begun anew.
    pub(super) fn since(&self, earlier: &Self) -> Self {
        let histogram = match (self.distribution(), earlier.distribution()) {
            (Some(now), Some(before)) => Some(now.since(&before).unwrap_or(now)),
            (now, _) => now,
        };
        let value = if self.value >= earlier.value { self.value - earlier.value } else { self.value };
        Self::new(0, value, histogram.as_ref())
    }
}
