//! Failures over time.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Most failures that are remembered.
const MOST: usize = 64;

/// When starts failed, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Failures {
    at: Vec<Timestamp>,
}

impl Failures {
    /// Adds one.
    pub fn add(&mut self, at: Timestamp) {
        self.at.push(at);
        let surplus = self.at.len().saturating_sub(MOST);
        self.at.drain(..surplus);
    }

    /// Forgets what is older than `within`, and what a clock that was set back has put into the future.
    pub fn prune(&mut self, now: Timestamp, within: Duration) {
        let oldest = now.checked_sub(within).unwrap_or(Timestamp::MIN);
        self.at.retain(|at| *at > oldest && *at <= now);
        let surplus = self.at.len().saturating_sub(MOST);
        self.at.drain(..surplus);
    }

    /// How many are remembered.
    pub fn count(&self) -> usize {
        self.at.len()
    }

    /// The last one.
    pub fn last(&self) -> Option<Timestamp> {
        self.at.last().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    #[test]
    fn what_is_old_or_in_the_future_is_forgotten() {
        let mut failures = Failures::default();
        for second in [0, 50, 100, 700] {
            failures.add(at(second));
        }
        failures.prune(at(600), Duration::from_secs(550));
        assert_eq!(failures.at, [at(100)]);
    }

    #[test]
    fn the_memory_is_bounded() {
        let mut failures = Failures::default();
        (0..1_000).for_each(|second| failures.add(at(second)));
        assert_eq!((failures.count(), failures.last()), (MOST, Some(at(999))));
    }
}
