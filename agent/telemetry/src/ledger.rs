//! What was counted: cumulative values with the time since which they are counted.
//!
//! Looks read logs and records that the next look reads again, so that the ledger remembers up to when each series was counted. Counts and
//! that memory are kept as one document: whoever keeps it before he tells of it neither counts a thing twice nor tells a value that falls.
//! A ledger that is lost begins anew with a new start time, which receivers take for a reset.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use portreeve_core::measure::{Reading, Value};
use portreeve_core::order::Order as _;
use serde::{Deserialize, Serialize};

use crate::encode::{Attributes, Point, PointValue};
use crate::histogram::Histogram;
use crate::metric::{self, Kind, Metric};

/// The name and version of the form in which it is kept.
pub const SCHEMA: &str = "portreeve.ledger/1";
/// Most series of one metric. What comes beyond is not told.
pub const MAX_SERIES: usize = 200;
/// Longest value of an attribute, in characters.
const MAX_VALUE: usize = 120;
/// A log's clock may be ahead by so much.
const AHEAD: SignedDuration = SignedDuration::from_mins(1);

/// Counters and histograms since one time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ledger {
    /// [`SCHEMA`].
    pub schema: String,
    /// Since when it is counted.
    pub since: Timestamp,
    accounts: Vec<Account>,
}

/// One series.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Account {
    metric: String,
    attributes: Attributes,
    #[serde(default)]
    count: f64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    histogram: Option<Histogram>,
    /// The time of the newest of those that were counted by their time, and how many had that time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    mark: Option<(Timestamp, usize)>,
}

impl Ledger {
    /// An empty one.
    pub fn new(since: Timestamp) -> Self {
        Self { schema: SCHEMA.to_owned(), since, accounts: Vec::new() }
    }

    /// Takes up what was kept; none where it has no form that is known or lies in the future.
    pub fn parse(bytes: &[u8], now: Timestamp) -> Option<Self> {
        let mut ledger: Self = serde_json::from_slice(bytes).ok()?;
        ledger.accounts.retain(|account| metric::find(&account.metric).is_some());
        (ledger.schema == SCHEMA && ledger.since <= now).then_some(ledger)
    }

    /// Counts what a look read. Values of now are not for it.
    pub fn take(&mut self, readings: &[Reading], now: Timestamp) {
        for reading in readings {
            let Some(metric) = metric::find(&reading.metric) else { continue };
            if matches!(reading.value, Value::Now(_)) {
                continue;
            }
            let since = self.since;
            let Some(account) = self.account(metric, &reading.attributes) else { continue };
            account.take(&reading.value, since, now);
        }
    }

    /// Adds to a counter.
    pub fn add(&mut self, metric: &'static Metric, attributes: &[(&str, &str)], by: f64) {
        if let Some(account) = self.account(metric, &of(attributes)) {
            account.count += by.max(0.0);
        }
    }

    /// All series.
    pub fn points(&self) -> impl Iterator<Item = Point<'_>> {
        self.accounts.iter().filter_map(|account| {
            let metric = metric::find(&account.metric)?;
            let value = match &account.histogram {
                Some(histogram) => PointValue::Histogram(histogram),
                None => PointValue::Number(account.count),
            };
            Some(Point { metric, attributes: &account.attributes, start: self.since, value })
        })
    }

    fn account(&mut self, metric: &'static Metric, attributes: &Attributes) -> Option<&mut Account> {
        let attributes = bounded(metric, attributes);
        let known =
            self.accounts.iter().position(|account| account.metric == metric.name && account.attributes == attributes);
        if let Some(known) = known {
            return self.accounts.get_mut(known);
        }
        if self.accounts.iter().filter(|account| account.metric == metric.name).count() >= MAX_SERIES {
            return None;
        }
        self.accounts.push(Account {
            metric: metric.name.to_owned(),
            attributes,
            count: 0.0,
            histogram: (metric.kind == Kind::Histogram).then(Histogram::default),
            mark: None,
        });
        self.accounts.last_mut()
    }
}

impl Account {
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    fn take(&mut self, value: &Value, since: Timestamp, now: Timestamp) {
        match value {
            Value::Now(_) => {}
            Value::Count(count) => self.count += *count as f64,
            Value::Weighed(values) => {
                for (value, times) in values {
                    self.record(*value, *times);
                }
            }
            Value::Happened(times) => {
                let times: Vec<(Timestamp, f64)> = times.iter().map(|at| (*at, 0.0)).collect();
                self.count += self.fresh(times, since, now).len() as f64;
            }
            Value::Took(values) => {
                for (_, value) in self.fresh(values.clone(), since, now) {
                    self.record(value, 1);
                }
            }
        }
    }

    fn record(&mut self, value: f64, times: u64) {
        if let Some(histogram) = &mut self.histogram {
            histogram.record(value, times);
        }
    }

    /// Those that were not counted yet; they are, then.
    fn fresh(&mut self, mut values: Vec<(Timestamp, f64)>, since: Timestamp, now: Timestamp) -> Vec<(Timestamp, f64)> {
        // After a clock was set back, what comes now is to be counted too.
        let latest = now.checked_add(AHEAD).unwrap_or(now);
        let (mark, counted) = self.mark.filter(|(mark, _)| *mark <= latest).unwrap_or((since, usize::MAX));
        values.retain(|(at, _)| (mark..=latest).contains(at));
        values.order_by_key(|(at, _)| *at);
        let at_mark = values.iter().filter(|(at, _)| *at == mark).count();
        values.drain(..at_mark.min(counted));
        if let Some((newest, _)) = values.last().copied() {
            let same = values.iter().filter(|(at, _)| *at == newest).count();
            self.mark = Some((newest, if newest == mark { at_mark } else { same }));
        }
        values
    }
}

/// Attributes as a series has them.
pub fn of(attributes: &[(&str, &str)]) -> Attributes {
    attributes.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

/// Only those that the metric has, and no longer than allowed.
pub(crate) fn bounded(metric: &Metric, attributes: &Attributes) -> Attributes {
    metric
        .attributes
        .iter()
        .filter_map(|known| {
            let value = attributes.get(known.key)?;
            let value = value.chars().filter(|c| !c.is_control()).take(MAX_VALUE).collect();
            Some((known.key.to_owned(), value))
        })
        .collect()
}

/// The values of now among the readings, as points.
pub fn gauges<'a>(readings: impl IntoIterator<Item = &'a Reading>) -> Vec<(&'static Metric, Attributes, f64)> {
    let mut counts: BTreeMap<&'static str, usize> = BTreeMap::new();
    readings
        .into_iter()
        .filter_map(|reading| {
            let metric = metric::find(&reading.metric)?;
            let Value::Now(value) = reading.value else { return None };
            let count = counts.entry(metric.name).or_default();
            *count += 1;
            (*count <= MAX_SERIES).then(|| (metric, bounded(metric, &reading.attributes), value))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn happened(seconds: &[i64]) -> Vec<Reading> {
        let times = seconds.iter().map(|second| at(*second)).collect();
        vec![Reading {
            metric: metric::GATEWAY_RESTARTS.name.to_owned(),
            attributes: of(&[("gateway", "a"), ("other", "x")]),
            value: Value::Happened(times),
        }]
    }

    fn count(ledger: &Ledger) -> f64 {
        match ledger.points().next().unwrap().value {
            PointValue::Number(count) => count,
            PointValue::Histogram(_) => panic!("a counter"),
        }
    }

    #[test]
    fn what_is_read_again_is_counted_once() {
        let mut ledger = Ledger::new(at(0));
        ledger.take(&happened(&[-50, 0, 10, 20]), at(30));
        assert!((count(&ledger) - 2.0).abs() < 1e-9, "what was before it began is not counted");
        ledger.take(&happened(&[10, 20]), at(60));
        ledger.take(&happened(&[20, 20, 70]), at(80));
        assert!((count(&ledger) - 4.0).abs() < 1e-9);
        assert_eq!(ledger.points().next().unwrap().attributes, &of(&[("gateway", "a")]), "the metric has no other");
    }

    #[test]
    fn it_goes_on_where_it_was_kept() {
        let mut ledger = Ledger::new(at(0));
        ledger.take(&happened(&[10, 20]), at(30));
        let kept = serde_json::to_vec(&ledger).unwrap();
        let mut resumed = Ledger::parse(&kept, at(90)).unwrap();
        assert_eq!(resumed, ledger);
        resumed.take(&happened(&[10, 20, 80]), at(90));
        assert!((count(&resumed) - 3.0).abs() < 1e-9 && resumed.since == at(0));
        assert_eq!(Ledger::parse(b"{}", at(90)), None);
        assert_eq!(Ledger::parse(&kept, at(-90)), None, "it lies in the future");
    }

    #[test]
    fn a_time_far_ahead_neither_counts_nor_stops_the_count() {
        let mut ledger = Ledger::new(at(0));
        ledger.take(&happened(&[10, 900_000]), at(30));
        ledger.take(&happened(&[40]), at(50));
        assert!((count(&ledger) - 2.0).abs() < 1e-9);
        // The clock was ahead, and is set back.
        ledger.take(&happened(&[500_000]), at(500_010));
        ledger.take(&happened(&[60]), at(70));
        assert!(count(&ledger) >= 4.0 - 1e-9);
    }

    #[test]
    fn series_and_values_are_bounded() {
        let mut ledger = Ledger::new(at(0));
        for n in 0..1_000 {
            ledger.add(&metric::CLOSES, &[("gateway", &format!("{n}{}", "x".repeat(500))), ("code", "1006\n")], 1.0);
        }
        assert_eq!(ledger.points().count(), MAX_SERIES);
        assert!(ledger.points().all(|point| point.attributes["gateway"].len() <= MAX_VALUE));
        assert!(ledger.points().all(|point| point.attributes["code"] == "1006"));
    }

    proptest! {
        #[test]
        fn however_a_log_is_cut_into_looks_each_line_counts_once(
            mut seconds in proptest::collection::vec(1_i64..40, 0..60),
            keeps in 1_i64..40,
        ) {
            seconds.sort_unstable();
            let mut ledger = Ledger::new(at(0));
            ledger.take(&happened(&[]), at(0));
            for now in 1..=41 {
                // A look sees what was written before it, as far back as the log reaches.
                let seen: Vec<i64> = seconds.iter().copied().filter(|s| *s < now && *s >= now - keeps).collect();
                ledger.take(&happened(&seen), at(now));
                if now % 7 == 0 {
                    ledger = Ledger::parse(&serde_json::to_vec(&ledger).unwrap(), at(now)).unwrap();
                }
            }
            #[expect(clippy::cast_precision_loss, reason = "few")]
            let all = seconds.len() as f64;
            prop_assert!((count(&ledger) - all).abs() < 1e-9);
        }
    }
}
