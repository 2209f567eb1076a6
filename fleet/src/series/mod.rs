//! Series: by the minute, by ten minutes and by two hours.
//!
//! All series of a node in one bucket are one row, deflated. A row by the minute holds what the node told: gauges in short, and counters
//! and histograms as they stood, once for each start of theirs. Some time after its ten minutes are over, rows by the minute are added
//! up: what a counter or a histogram grew by since it was last seen (the node's *tail*) goes into the rows by ten minutes and by two
//! hours. What was added up already is not added again, so that a request may arrive twice.

mod fold;
mod keys;
mod read;
mod rollup;
mod row;
mod write;

pub use keys::Keys;
pub use read::{Bucket, Figure, SeriesOf, fleet, node as of_node};
pub(crate) use rollup::delete_before;
pub use rollup::{advance, prune, prune_keys};
pub use write::{Refused, write};

use portreeve_telemetry::histogram::Histogram;

/// Length of the buckets of each resolution, in seconds.
pub const MINUTE: i64 = 60;
/// The second.
pub const TEN_MINUTES: i64 = 600;
/// The third.
pub const TWO_HOURS: i64 = 7_200;
/// Where the series of all nodes together are kept.
pub const ALL_NODES: i64 = 0;

/// One data point.
pub struct Point {
    /// Name of the metric.
    pub name: String,
    /// Attributes: JSON, sorted.
    pub attributes: String,
    /// Unit.
    pub unit: String,
    /// When, in milliseconds.
    pub at: i64,
    /// What.
    pub sample: Sample,
}

/// What a data point tells.
pub enum Sample {
    /// A value of now.
    Gauge(f64),
    /// A count, or a distribution, since `start`.
    Total {
        /// Since when, in milliseconds; 0 where that is not told.
        start: i64,
        /// The count.
        value: f64,
        /// The distribution.
        histogram: Option<Box<Histogram>>,
    },
    /// By how much a count or a distribution grew since the point before.
    Delta(f64, Option<Box<Histogram>>),
}

/// The beginning of the bucket that a time lies in, in seconds.
pub fn start_of(at_ms: i64, seconds: i64) -> i64 {
    at_ms.div_euclid(1_000).div_euclid(seconds) * seconds
}
