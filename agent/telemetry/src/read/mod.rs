//! What looks measured: from facts and verdicts to readings of the [metrics](crate::metric). No path, no device and no address is in an
//! attribute; what tells one gateway from another is its user, profile and port.

mod agent;
mod gateway;
mod images;
mod locks;
mod node;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

pub use agent::daemon;
pub use locks::window;
use portreeve_core::measure::{Measures, Reading, Value};
use portreeve_core::{Policy, Report, Snapshot};

use crate::ledger;
use crate::metric::Metric;

/// What a look at everything measured.
pub fn whole(snapshot: &Snapshot, report: &Report, policy: &Policy) -> Measures {
    let mut readings = Readings::default();
    node::verdict(report, &mut readings);
    node::host(snapshot, report, &mut readings);
    node::containers(report, &mut readings);
    node::states(report, &mut readings);
    gateway::summaries(report, &mut readings);
    for gateway in &snapshot.gateways {
        gateway::probes(gateway, &mut readings);
        gateway::happenings(gateway, snapshot, &mut readings);
        gateway::pairing(gateway, &mut readings);
    }
    gateway::tokens(snapshot, &mut readings);
    locks::summary(&snapshot.lock_waits, &mut readings);
    let images = images::states(snapshot, policy, &mut readings);
    Measures { readings: readings.0, images: Some(images) }
}

/// What a look at rungs 1 to 4 measured.
pub fn pulse(snapshot: &Snapshot) -> Measures {
    let mut readings = Readings::default();
    for gateway in &snapshot.gateways {
        gateway::probes(gateway, &mut readings);
    }
    Measures { readings: readings.0, images: None }
}

/// Readings as they are gathered.
#[derive(Debug, Default)]
pub(crate) struct Readings(pub(crate) Vec<Reading>);

impl Readings {
    fn push(&mut self, metric: &'static Metric, attributes: &[(&str, &str)], value: Value) {
        self.0.push(Reading { metric: metric.name.to_owned(), attributes: ledger::of(attributes), value });
    }

    fn now(&mut self, metric: &'static Metric, attributes: &[(&str, &str)], value: f64) {
        self.push(metric, attributes, Value::Now(value));
    }

    fn flag(&mut self, metric: &'static Metric, attributes: &[(&str, &str)], holds: bool) {
        self.now(metric, attributes, f64::from(u8::from(holds)));
    }

    /// One of several states.
    fn state(&mut self, metric: &'static Metric, attributes: &[(&str, &str)], key: &str, states: &[&str], is: &str) {
        for state in states {
            let attributes = [attributes, &[(key, *state)]].concat();
            self.flag(metric, &attributes, *state == is);
        }
    }

    /// How many there are of each.
    fn tally<const N: usize>(
        &mut self,
        metric: &'static Metric,
        keys: [&str; N],
        values: impl Iterator<Item = [String; N]>,
    ) {
        let mut counts: BTreeMap<[String; N], u32> = BTreeMap::new();
        for value in values {
            *counts.entry(value).or_default() += 1;
        }
        for (values, count) in counts {
            let attributes: Vec<(&str, &str)> = keys.iter().copied().zip(values.iter().map(String::as_str)).collect();
            self.now(metric, &attributes, f64::from(count));
        }
    }
}

/// The word by which JSON names a variant.
fn word(value: &impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}

/// Milliseconds in seconds.
fn seconds(ms: f64) -> f64 {
    ms / 1_000.0
}

/// Whole numbers as doubles.
#[expect(clippy::cast_precision_loss, reason = "what is counted is far below 2^52")]
fn double(count: u64) -> f64 {
    count as f64
}
