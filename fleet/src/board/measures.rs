//! Series as the board shows them.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use portreeve_telemetry::histogram::Histogram;
use portreeve_telemetry::metric;
use rusqlite::Connection;

use crate::index::NodeKey;
use crate::series::{self, Figure, SeriesOf};
use crate::store::{StoreError, millis, timestamp};

/// Points over time.
pub(crate) type Points = Vec<(Timestamp, f64)>;

/// What the page of a node shows of its series.
#[derive(Debug, Clone, Default)]
pub(crate) struct Measures {
    /// Hours that were asked for.
    pub(crate) hours: f64,
    /// Waits for locks by what they protect.
    pub(crate) lock_p95: Vec<(String, Points)>,
    /// Latencies by what was waited for.
    pub(crate) latency: Vec<(String, Points)>,
    /// Starts of gateways.
    pub(crate) restarts: Option<f64>,
    /// Time to successful pair.
    pub(crate) pairing: Option<Spread>,
    /// Connects of devices that are not approved.
    pub(crate) pairing_attempts: Option<f64>,
    /// Secrets that were refused.
    pub(crate) mismatches: Option<f64>,
}

/// A distribution in short.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Spread {
    /// How many were measured.
    pub(crate) count: u64,
    /// Half of them took no longer, in seconds.
    pub(crate) median: f64,
    /// 95 of 100 took no longer.
    pub(crate) p95: f64,
}

impl Measures {
    /// Reads what is known of a node between two times.
    pub(crate) fn read(
        connection: &Connection,
        node: NodeKey,
        (from, to): (Timestamp, Timestamp),
    ) -> Result<Self, StoreError> {
        let names = [
            metric::LOCK_WAIT_P95.name,
            metric::HANDSHAKE_DURATION.name,
            metric::CONNECT_DURATION.name,
            metric::GATEWAY_RESTARTS.name,
            metric::PAIRING_DURATION.name,
            metric::PAIRING_ATTEMPTS.name,
            metric::TOKEN_MISMATCHES.name,
        ];
        let all = pieces(from, to)
            .into_iter()
            .map(|(seconds, from, to)| series::of_node(connection, node, &names, seconds, from, to))
            .collect::<Result<Vec<_>, _>>()?;
        let all: Vec<SeriesOf> = all.into_iter().flatten().collect();
        let series_of = |name: &'static str| all.iter().filter(move |series| series.name == name);
        let grown = |name| {
            let mut any = false;
            let sum = series_of(name).flat_map(|series| &series.buckets).fold(0.0, |sum, bucket| match bucket.figure {
                Figure::Growth(growth) => {
                    any = true;
                    sum + growth
                }
                _ => sum,
            });
            any.then_some(sum)
        };
        let mut lock_p95: BTreeMap<String, Points> = BTreeMap::new();
        for series in series_of(metric::LOCK_WAIT_P95.name) {
            let points = series.buckets.iter().filter_map(|bucket| match bucket.figure {
                Figure::Gauge { max, .. } => Some((bucket.start, max)),
                _ => None,
            });
            lock_p95.entry(lock_name(series)).or_default().extend(points);
        }
        let mut latency: BTreeMap<String, Points> = BTreeMap::new();
        for (name, words) in
            [(metric::HANDSHAKE_DURATION.name, "challenge"), (metric::CONNECT_DURATION.name, "hello-ok")]
        {
            for series in series_of(name) {
                for (bucket, histogram) in distributions(series) {
                    for (share, percentile) in [(0.5, "median"), (0.95, "95 %")] {
                        if let Some(value) = histogram.quantile(share) {
                            latency.entry(format!("{words}, {percentile}")).or_default().push((bucket, value));
                        }
                    }
                }
            }
        }
        let mut pairing = Histogram::default();
        for (_, histogram) in series_of(metric::PAIRING_DURATION.name).flat_map(distributions) {
            pairing.merge(histogram);
        }
        let spread = pairing.quantile(0.5).zip(pairing.quantile(0.95));
        #[expect(clippy::cast_precision_loss, reason = "hours of some months")]
        let hours = to.duration_since(from).as_secs() as f64 / 3_600.0;
        let sorted = |lines: BTreeMap<String, Points>| {
            let sorted = lines.into_iter().map(|(name, mut points)| {
                points.sort_by_key(|point| point.0);
                (name, points)
            });
            sorted.collect()
        };
        Ok(Self {
            hours,
            lock_p95: sorted(lock_p95),
            latency: sorted(latency),
            restarts: grown(metric::GATEWAY_RESTARTS.name),
            pairing: spread.map(|(median, p95)| Spread { count: pairing.count(), median, p95 }),
            pairing_attempts: grown(metric::PAIRING_ATTEMPTS.name),
            mismatches: grown(metric::TOKEN_MISMATCHES.name),
        })
    }
}

/// Buckets to read a time in: fine ones for its end, since coarse ones come to be only some time after.
fn pieces(from: Timestamp, to: Timestamp) -> [(i64, Timestamp, Timestamp); 2] {
    let is_long = to.duration_since(from) > SignedDuration::from_hours(48);
    let (coarse, fine_for) = if is_long { (series::TWO_HOURS, 2) } else { (series::TEN_MINUTES, 1) };
    let cut = to.checked_sub(SignedDuration::from_hours(fine_for)).unwrap_or(to).max(from);
    let cut = series::start_of(millis(cut), coarse);
    let before = timestamp((cut - 1) * 1_000);
    [(coarse, from, before), (series::MINUTE, timestamp(cut * 1_000), to)]
}

fn distributions(series: &SeriesOf) -> impl Iterator<Item = (Timestamp, &Histogram)> {
    series.buckets.iter().filter_map(|bucket| match &bucket.figure {
        Figure::Distribution(histogram) => Some((bucket.start, histogram)),
        Figure::Gauge { .. } | Figure::Growth(_) => None,
    })
}

fn lock_name(series: &SeriesOf) -> String {
    let text = |key: &str| series.attributes.get(key).cloned().unwrap_or_default();
    let (purpose, kind) = (text(metric::PURPOSE.key), text(metric::LOCK_KIND.key));
    if purpose.is_empty() { kind } else { format!("{purpose} ({kind})") }
}

/// Connections that ended with one code in one bucket of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Closes {
    /// When the bucket begins.
    pub(crate) at: Timestamp,
    /// The code.
    pub(crate) code: String,
    /// How many.
    pub(crate) count: u64,
}

/// Connections of all nodes that ended between two times.
pub(crate) fn closes(connection: &Connection, (from, to): (Timestamp, Timestamp)) -> Result<Vec<Closes>, StoreError> {
    let names = [metric::CLOSES.name];
    let mut closes = Vec::new();
    let cut = series::start_of(millis(to) - 2 * series::TWO_HOURS * 1_000, series::TWO_HOURS);
    let pieces =
        [(series::TWO_HOURS, from, timestamp((cut - 1) * 1_000)), (series::TEN_MINUTES, timestamp(cut * 1_000), to)];
    for (seconds, from, to) in pieces {
        for series in series::fleet(connection, &names, seconds, from, to)? {
            let code = series.attributes.get("code").cloned().unwrap_or_else(|| "none".to_owned());
            for bucket in &series.buckets {
                if let Figure::Growth(growth) = bucket.figure {
                    closes.push(Closes { at: bucket.start, code: code.clone(), count: whole(growth) });
                }
            }
        }
    }
    Ok(closes)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count, not below zero")]
fn whole(count: f64) -> u64 {
    count.max(0.0).round() as u64
}
