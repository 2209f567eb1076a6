//! Locks: how long newcomers wait.

use std::collections::BTreeMap;

use portreeve_core::locks::seconds;
use portreeve_core::measure::{Measures, Value};
use portreeve_core::snapshot::{LockWait, Waits, WatchedLock};

use super::{Readings, word};
use crate::metric;

/// Microseconds for which one count stands.
const GRAIN_US: u64 = 1_000;

/// Locks for which anybody waits in ordinary operation, by kind and purpose.
fn by_kind(waits: &[LockWait]) -> BTreeMap<(String, &str), Vec<&WatchedLock>> {
    let mut locks: BTreeMap<(String, &str), Vec<&WatchedLock>> = BTreeMap::new();
    for lock in waits.iter().flat_map(|dir| &dir.locks).filter(|lock| !lock.held_for_life) {
        locks.entry((word(&lock.kind), lock.purpose.as_str())).or_default().push(lock);
    }
    locks
}

/// What one window showed.
pub fn window(waits: &[LockWait]) -> Measures {
    let mut readings = Readings::default();
    for ((kind, purpose), locks) in by_kind(waits) {
        let mut weights: BTreeMap<u64, u64> = BTreeMap::new();
        for (wait, weight) in locks.iter().filter_map(|lock| lock.waits.get()).flat_map(|waits| &waits.buckets) {
            let sum = weights.entry(*wait).or_default();
            *sum = sum.saturating_add(*weight);
        }
        let values = counted(weights);
        if !values.is_empty() {
            readings.push(&metric::LOCK_WAIT, &[("kind", &kind), ("purpose", purpose)], Value::Weighed(values));
        }
    }
    Measures { readings: readings.0, images: None }
}

/// Times in milliseconds. What is less than one goes to the next shorter wait, so that the sum stays right.
pub(super) fn counted(weights: BTreeMap<u64, u64>) -> Vec<(f64, u64)> {
    let mut rest = 0_u64;
    let mut values = Vec::new();
    for (wait, weight) in weights.into_iter().rev() {
        rest = rest.saturating_add(weight);
        if rest >= GRAIN_US {
            values.push((seconds(wait), rest / GRAIN_US));
        }
        rest %= GRAIN_US;
    }
    values
}

/// What the last windows show together: of each kind the worst lock.
pub(super) fn summary(waits: &[LockWait], readings: &mut Readings) {
    for ((kind, purpose), locks) in by_kind(waits) {
        let attributes = [("kind", kind.as_str()), ("purpose", purpose)];
        let seen = || locks.iter().filter_map(|lock| lock.waits.get());
        let worst = |values: &mut dyn Iterator<Item = f64>| values.max_by(f64::total_cmp);
        if let Some(p95) = worst(&mut seen().filter_map(|waits| waits.quantile_s(0.95))) {
            readings.now(&metric::LOCK_WAIT_P95, &attributes, p95);
        }
        if let Some(held) = worst(&mut seen().filter_map(Waits::held_fraction)) {
            readings.now(&metric::LOCK_HELD, &attributes, held);
        }
        if let Some(longest) = worst(&mut seen().filter_map(|waits| Some(waits.longest.as_ref()?.seconds))) {
            readings.now(&metric::LOCK_LONGEST_HOLD, &attributes, longest);
        }
    }
}
