//! How points become an entry, and entries growth.

use super::row::{Entry, Gauge, Total};
use super::{Sample, TWO_HOURS};

/// Starts of one series that are told apart within a bucket: an agent that restarts more often loses what lay between.
const MAX_STARTS: usize = 8;

impl Entry {
    /// Adds a point. What is not later than the last one is known already: nothing is added, and the answer is no.
    pub(super) fn add(&mut self, at: i64, sample: &Sample) -> bool {
        if at <= self.last_at {
            return false;
        }
        self.last_at = at;
        match sample {
            Sample::Gauge(value) => match &mut self.gauge {
                Some(gauge) => gauge.add(&Gauge::of(*value)),
                None => self.gauge = Some(Gauge::of(*value)),
            },
            Sample::Total { start, value, histogram } => {
                let total = Total::new(*start, *value, histogram.as_deref());
                self.stand(total);
            }
            Sample::Delta(value, histogram) => {
                let growth = Total::new(0, *value, histogram.as_deref());
                self.grow(&growth);
            }
        }
        true
    }

    fn stand(&mut self, mut total: Total) {
        if let Some(last) = self.totals.last_mut() {
            let fell = total.value < last.value
                || total.histogram.as_ref().map_or(0, |now| now.count)
                    < last.histogram.as_ref().map_or(0, |before| before.count);
            if last.start == total.start && !fell {
                *last = total;
                return;
            }
            // It fell and does not say that it began anew: its start is taken to be after that of the last one.
            if last.start >= total.start {
                total.start = last.start + 1;
            }
        }
        if self.totals.len() >= MAX_STARTS {
            self.totals.remove(0);
        }
        self.totals.push(total);
    }

    pub(super) fn grow(&mut self, growth: &Total) {
        match &mut self.growth {
            Some(sum) => sum.add(growth),
            None => self.growth = Some(growth.clone()),
        }
    }

    /// What the totals of this entry grew by since `tail`, which then stands where they stand. `bucket` is where the entry's bucket
    /// begins, in seconds: a series that was never seen before has grown by all that it tells if it began not long ago, and else by
    /// nothing that could be told.
    pub(super) fn growth_since(&self, tail: &mut Entry, bucket: i64) -> Option<Total> {
        let mut growth = self.growth.clone();
        for total in &self.totals {
            let last = tail.totals.last();
            let step = match last {
                Some(last) if last.start == total.start => total.since(last),
                // An entry may tell of starts that are before what was seen last.
                Some(last) if total.start < last.start => continue,
                Some(_) => Total { start: 0, ..total.clone() },
                None if total.start / 1_000 >= bucket - TWO_HOURS => Total { start: 0, ..total.clone() },
                None => {
                    let none = total.distribution().map(|_| portreeve_telemetry::histogram::Histogram::default());
                    Total::new(0, 0.0, none.as_ref())
                }
            };
            match &mut growth {
                Some(sum) => sum.add(&step),
                None => growth = Some(step),
            }
            tail.totals = vec![total.clone()];
        }
        tail.last_at = tail.last_at.max(self.last_at);
        growth
    }
}

#[cfg(test)]
mod tests {
    use portreeve_telemetry::histogram::Histogram;
    use proptest::prelude::*;

    use super::*;

    fn total(start: i64, value: f64) -> Sample {
        Sample::Total { start, value, histogram: None }
    }

    fn grown(entries: &[Entry]) -> f64 {
        let mut tail = Entry::default();
        entries.iter().filter_map(|entry| entry.growth_since(&mut tail, 0)).map(|growth| growth.value).sum()
    }

    #[test]
    fn a_counter_grows_over_resets_and_resends() {
        let mut entry = Entry::default();
        assert!(entry.add(1_000, &total(500, 3.0)));
        assert!(entry.add(2_000, &total(500, 5.0)));
        assert!(!entry.add(2_000, &total(500, 5.0)));
        assert!(!entry.add(1_000, &total(500, 3.0)));
        let mut next = Entry::default();
        assert!(next.add(61_000, &total(500, 7.0)));
        // The agent started again.
        assert!(next.add(62_000, &total(61_500, 2.0)));
        assert!((grown(&[entry, next]) - 9.0).abs() < 1e-9);
    }

    #[test]
    fn what_falls_without_a_new_start_began_anew() {
        let mut entry = Entry::default();
        entry.add(1_000, &total(0, 5.0));
        entry.add(2_000, &total(0, 1.0));
        assert!((grown(&[entry]) - 6.0).abs() < 1e-9);
    }

    #[test]
    fn what_began_long_ago_and_was_never_seen_tells_no_growth() {
        let mut entry = Entry::default();
        entry.add(100_000_000_000, &total(1, 1e6));
        let mut tail = Entry::default();
        let growth = entry.growth_since(&mut tail, 100_000_000).unwrap();
        assert!(growth.value.abs() < 1e-9);
        let mut next = Entry::default();
        next.add(100_000_060_000, &total(1, 1e6 + 2.0));
        assert!((next.growth_since(&mut tail, 100_000_000).unwrap().value - 2.0).abs() < 1e-9);
    }

    #[test]
    fn gauges_have_least_greatest_and_mean() {
        let mut entry = Entry::default();
        for (at, value) in [(1, 3.0), (2, 1.0), (3, 8.0)] {
            entry.add(at, &Sample::Gauge(value));
        }
        let gauge = entry.gauge.unwrap();
        assert_eq!((gauge.figures(), gauge.last), ((3, 1.0, 8.0, 12.0), 8.0));
    }

    proptest! {
        /// However points are spread over buckets and restarts, growth is what was counted, each once.
        #[test]
        fn growth_is_what_was_counted(steps in proptest::collection::vec((0_u32..5, any::<bool>(), any::<bool>()), 1..60)) {
            let (mut counted, mut value, mut start) = (0.0, 0.0, 1_000_i64);
            let (mut histogram, mut entries, mut current) = (Histogram::default(), Vec::new(), Entry::default());
            let mut starts = 0;
            for (index, (step, restart, cut)) in steps.into_iter().enumerate() {
                let at = 2_000 + i64::try_from(index).unwrap() * 10;
                if cut || starts >= 7 {
                    entries.push(std::mem::take(&mut current));
                    starts = 0;
                }
                if restart {
                    (value, start, histogram) = (0.0, at - 1, Histogram::default());
                    starts += 1;
                }
                for _ in 0..step {
                    value += 1.0;
                    counted += 1.0;
                    histogram.record(0.5, 1);
                }
                let sample = || Sample::Total { start, value, histogram: Some(Box::new(histogram.clone())) };
                current.add(at, &sample());
                current.add(at, &sample());
            }
            entries.push(current);
            let mut tail = Entry::default();
            let mut sum = Total::default();
            for entry in &entries {
                // Adding up twice adds nothing.
                for entry in [entry, entry] {
                    if entry.last_at > tail.last_at && let Some(growth) = entry.growth_since(&mut tail, 0) {
                        sum.add(&growth);
                    }
                }
            }
            prop_assert!((sum.value - counted).abs() < 1e-9);
            let distribution = sum.distribution().map_or(0, |all| all.count());
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
            let expected = counted as u64;
            prop_assert_eq!(distribution, expected);
        }
    }
}
