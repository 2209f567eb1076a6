//! When registries are asked again: a pure function of the time and of the last runs.
//!
//! All times are of the wall clock, so that a week counts in which the machine slept or was off. What was missed is made up for once.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// How far ahead of now a time may lie before the clock counts as set back, in seconds.
const TOLERANCE_S: i64 = 600;
/// After the first failure the next try is this far off, in seconds; after each further one twice as far.
const RETRY_S: i64 = 3_600;
/// Failures wait no longer than so, in seconds.
const MAX_RETRY_S: i64 = 86_400;
/// Part of the period over which nodes spread.
const SPREAD: u64 = 14;

/// The runs so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Runs {
    /// Begin of the last one.
    #[serde(default)]
    pub last: Option<Timestamp>,
    /// How many of the last ones in a row left something unknown that another try may tell.
    #[serde(default)]
    pub failures: u32,
}

impl Runs {
    /// When the next is due. `period_s` and `jitter_s` are seconds.
    pub fn next(&self, now: Timestamp, period_s: u64, jitter_s: u64) -> Timestamp {
        let Some(last) = self.last else { return now };
        if last.as_second().saturating_sub(now.as_second()) > TOLERANCE_S {
            // The clock was set back: to wait until it has caught up might take for ever.
            return now;
        }
        let period = i64::try_from(period_s.saturating_add(jitter_s)).unwrap_or(i64::MAX);
        let wait = match self.failures {
            0 => period,
            failures => RETRY_S.saturating_mul(1_i64 << (failures - 1).min(16)).min(MAX_RETRY_S).min(period),
        };
        last.checked_add(SignedDuration::from_secs(wait)).unwrap_or(Timestamp::MAX)
    }

    /// Whether the next is due.
    pub fn is_due(&self, now: Timestamp, period_s: u64, jitter_s: u64) -> bool {
        self.next(now, period_s, jitter_s) <= now
    }

    /// The same after a run; `complete` where nothing was left that another try may tell.
    #[must_use]
    pub fn after(self, now: Timestamp, complete: bool) -> Self {
        Self { last: Some(now), failures: if complete { 0 } else { self.failures.saturating_add(1) } }
    }
}

/// Seconds by which this node is later than others, always the same for one node, so that a fleet does not ask at one moment.
pub fn jitter(node: &str, period_s: u64) -> u64 {
    let digest = Sha256::digest(node.as_bytes());
    let number = digest.iter().take(8).fold(0_u64, |number, byte| (number << 8) | u64::from(*byte));
    number % (period_s / SPREAD + 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const WEEK: u64 = 7 * 86_400;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    #[test]
    fn the_first_run_is_due_at_once_and_the_next_a_week_later() {
        let never = Runs::default();
        assert!(never.is_due(at(0), WEEK, 100));
        let once = never.after(at(0), true);
        assert!(!once.is_due(at(1), WEEK, 100) && !once.is_due(at(604_899), WEEK, 100));
        assert!(once.is_due(at(604_900), WEEK, 100));
    }

    #[test]
    fn after_eight_weeks_of_sleep_it_runs_once() {
        let mut runs = Runs::default().after(at(0), true);
        let mut count = 0;
        for second in 0..600 {
            let now = at(8 * 604_800 + second);
            if runs.is_due(now, WEEK, 7) {
                count += 1;
                runs = runs.after(now, true);
            }
        }
        assert_eq!(count, 1);
    }

    #[test]
    fn a_clock_set_back_does_not_put_it_off_for_ever() {
        let ahead = Runs::default().after(at(8 * 86_400), true);
        assert!(ahead.is_due(at(0), WEEK, 0));
        assert!(!ahead.after(at(0), true).is_due(at(60), WEEK, 0), "and it runs once");
        assert!(!Runs::default().after(at(300), true).is_due(at(0), WEEK, 0), "a small step is no reason");
    }

    #[test]
    fn failures_are_tried_again_sooner_and_ever_more_rarely() {
        let mut runs = Runs::default();
        let mut waits = Vec::new();
        for _ in 0..8 {
            runs = runs.after(at(0), false);
            waits.push((runs.next(at(0), WEEK, 0).as_second() - at(0).as_second()) / 3_600);
        }
        assert_eq!(waits, [1, 2, 4, 8, 16, 24, 24, 24]);
        assert_eq!(runs.after(at(0), true).failures, 0);
    }

    #[test]
    fn nodes_spread_over_half_a_day() {
        let all: std::collections::BTreeSet<u64> = (0..100).map(|n| jitter(&format!("node {n}"), WEEK)).collect();
        assert!(all.len() > 95 && all.iter().all(|jitter| *jitter <= WEEK / 14));
        assert_eq!(jitter("a", WEEK), jitter("a", WEEK));
    }

    proptest! {
        #[test]
        fn however_the_clock_jumps_a_run_is_never_due_again_at_once(
            last in any::<i32>(), now in any::<i32>(), period in 1_u64..10_000_000, jitter in 0_u64..1_000_000, failures in 0_u32..100
        ) {
            let (last, now) = (at(last.into()), at(now.into()));
            let runs = Runs { last: Some(last), failures };
            let next = runs.next(now, period, jitter);
            prop_assert!(next <= now.max(last) + SignedDuration::from_secs(11_000_000));
            for reached in [true, false] {
                prop_assert!(!runs.after(now, reached).is_due(now, period, jitter));
            }
        }
    }
}
