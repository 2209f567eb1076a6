//! From looks at a lock to the wait of a newcomer that arrives at a random time.
//!
//! A newcomer that arrives while the lock is held waits until it is free; one that arrives while it is free does not wait. The share
//! of time from which the wait is longer than `w` is thus the sum of `max(0, length - w)` over all holds, by the time watched.
//!
//! Nobody sees each hold from its beginning. What is seen instead are arrivals: looks at random, independent times. A look that finds
//! the lock free stands for the mean time between looks. One that finds it held stands for as much, and from then on the lock is
//! looked at often, until it is free; as that time is seen without gaps, each moment of it counts as an arrival of its own. Each
//! moment is so counted once on average, however often looks are taken and however the pace depends on what was seen before, and
//! short holds, which looks mostly miss, are not counted as longer than they are.
//!
//! OpenClaw polls instead of waiting in the kernel: what it waits in truth is longer by the rest of its pause between two tries,
//! `SQLite`'s at most 100 ms. That pause is the newcomer's, not the lock's, and is not counted here.

use hdrhistogram::Histogram;

use crate::snapshot::Waits;

/// Digits to which waits are kept apart.
const DIGITS: u8 = 3;
/// Longest wait that is told from longer ones, in microseconds: a day.
const MAX_US: u64 = 86_400_000_000;
/// Most moments into which one hold is divided.
const STEPS: u64 = 256;

/// What one look at a lock shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// A newcomer would get it.
    Free,
    /// A newcomer would wait; the holder's pid, where it is known.
    Held(Option<u32>),
}

/// Gathers the looks at one lock. Times are microseconds since any one moment and never go back.
#[derive(Debug, Clone)]
pub struct Recorder {
    waits: Histogram<u64>,
    observed_us: u64,
    held_us: u64,
    samples: u64,
    holds: u64,
    last_free: Option<u64>,
    pending: Option<Pending>,
    longest: Option<Held>,
}

/// A hold that is being followed. Where one holder gives way to the next without a gap that a look has met, they are one time of
/// waiting and two holds.
#[derive(Debug, Clone, Copy)]
struct Pending {
    /// When it was first seen, and the time for which that look stands.
    first: u64,
    weight: u64,
    /// When it was last seen.
    last: u64,
    holder: Option<u32>,
    since: u64,
    at_least: bool,
}

/// A hold, in the recorder's time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    /// Who, where it is known.
    pub holder: Option<u32>,
    /// Since when.
    pub since_us: u64,
    /// For how long.
    pub length_us: u64,
    /// Whether it was there at the first look, and so is longer.
    pub at_least: bool,
    /// Whether it goes on.
    pub running: bool,
}

/// What a recorder has gathered.
#[derive(Debug, Clone)]
pub struct Estimate {
    /// The distribution; its holds are in [`Estimate::longest`] and [`Estimate::running`].
    pub waits: Waits,
    /// The longest hold.
    pub longest: Option<Held>,
    /// The hold that goes on.
    pub running: Option<Held>,
}

impl Default for Recorder {
    fn default() -> Self {
        Self {
            waits: histogram(),
            observed_us: 0,
            held_us: 0,
            samples: 0,
            holds: 0,
            last_free: None,
            pending: None,
            longest: None,
        }
    }
}

impl Recorder {
    /// A look at a random time, which stands for the mean time between such looks.
    pub fn arrive(&mut self, at: u64, interval: u64, look: Look) {
        self.samples += 1;
        if self.pending.is_some() {
            self.follow(at, look);
            return;
        }
        match look {
            Look::Free => {
                self.count(0, interval);
                self.last_free = Some(at);
            }
            Look::Held(holder) => {
                // It began after the last look that found it free; a hold that was there before the first look is of unknown age.
                let since = self.last_free.map_or(at, |free| midpoint(free.max(at.saturating_sub(interval)), at));
                let at_least = self.last_free.is_none();
                self.pending = Some(Pending { first: at, weight: interval, last: at, holder, since, at_least });
                self.holds += 1;
            }
        }
    }

    /// A look while a hold is followed.
    pub fn follow(&mut self, at: u64, look: Look) {
        let Some(mut pending) = self.pending else { return };
        let between = midpoint(pending.last, at);
        match look {
            Look::Free => {
                self.pending = None;
                self.close(&pending, between);
                self.keep(&pending, between, false);
                self.count(0, at.saturating_sub(between));
                self.last_free = Some(at);
            }
            Look::Held(holder) => {
                if holder.is_some() && pending.holder.is_some() && holder != pending.holder {
                    self.keep(&pending, between, false);
                    self.holds += 1;
                    (pending.since, pending.at_least) = (between, false);
                }
                pending.holder = holder.or(pending.holder);
                pending.last = at;
                self.pending = Some(pending);
            }
        }
    }

    /// How long the present hold has been seen, in microseconds; none while the lock is free.
    pub fn followed_us(&self) -> Option<u64> {
        self.pending.map(|pending| pending.last.saturating_sub(pending.first))
    }

    /// Who holds it at the last look, if somebody does, and whether he is known.
    pub fn holder(&self) -> Option<Option<u32>> {
        self.pending.map(|pending| pending.holder)
    }

    /// All that was seen up to now. A hold that goes on ends here: it counts as at least its age.
    pub fn estimate(&self, now: u64) -> Estimate {
        let mut ended = self.clone();
        let running = ended.pending.take().map(|pending| {
            let now = now.max(pending.last);
            ended.close(&pending, now);
            ended.keep(&pending, now, true);
            held(&pending, now, true)
        });
        let buckets = ended.waits.iter_recorded().map(|step| (step.value_iterated_to(), step.count_at_value()));
        Estimate {
            waits: Waits {
                buckets: buckets.collect(),
                observed_us: ended.observed_us,
                held_us: ended.held_us,
                samples: ended.samples,
                holds: ended.holds,
                longest: None,
                running: None,
            },
            longest: ended.longest,
            running,
        }
    }

    /// Arrivals from the first look at a hold to its end.
    fn close(&mut self, pending: &Pending, end: u64) {
        let length = end.saturating_sub(pending.first);
        self.held_us = self.held_us.saturating_add(pending.weight).saturating_add(length);
        self.count(length, pending.weight);
        let steps = length.clamp(1, STEPS);
        let share =
            |step: u64| u64::try_from(u128::from(length) * u128::from(step) / u128::from(steps)).unwrap_or(length);
        for step in 0..steps {
            let (from, to) = (share(step), share(step + 1));
            self.count(midpoint(from, to), to - from);
        }
    }

    fn keep(&mut self, pending: &Pending, end: u64, running: bool) {
        let hold = held(pending, end, running);
        if self.longest.is_none_or(|longest| longest.length_us < hold.length_us) {
            self.longest = Some(hold);
        }
    }

    fn count(&mut self, wait: u64, weight: u64) {
        if weight == 0 {
            return;
        }
        self.observed_us = self.observed_us.saturating_add(weight);
        // The histogram grows by itself, and takes every value up to the longest.
        let _ = self.waits.record_n(wait.min(MAX_US), weight);
    }
}

fn held(pending: &Pending, end: u64, running: bool) -> Held {
    Held {
        holder: pending.holder,
        since_us: pending.since,
        length_us: end.saturating_sub(pending.since),
        at_least: pending.at_least,
        running,
    }
}

fn midpoint(from: u64, to: u64) -> u64 {
    from + to.saturating_sub(from) / 2
}

/// One that grows as needed.
#[expect(clippy::expect_used, reason = "the constructor refuses more than five digits, and these are three")]
fn histogram() -> Histogram<u64> {
    Histogram::new(DIGITS).expect("three digits are allowed")
}

impl Waits {
    /// The wait in seconds that this share of newcomers does not exceed; none where nothing was observed.
    pub fn quantile_s(&self, share: f64) -> Option<f64> {
        let histogram = self.histogram();
        (!histogram.is_empty()).then(|| seconds(histogram.value_at_quantile(share)))
    }

    /// The longest wait in seconds.
    pub fn max_s(&self) -> Option<f64> {
        let histogram = self.histogram();
        (!histogram.is_empty()).then(|| seconds(histogram.max()))
    }

    /// The share of time in which the lock was held, 0 to 1.
    #[expect(clippy::cast_precision_loss, reason = "microseconds of a window are below 2^52")]
    pub fn held_fraction(&self) -> Option<f64> {
        (self.observed_us > 0).then(|| self.held_us as f64 / self.observed_us as f64)
    }

    /// Adds a later window of the same lock.
    pub fn merge(&mut self, later: &Self) {
        let mut histogram = self.histogram();
        // Both have the same steps and grow as needed.
        let _ = histogram.add(later.histogram());
        self.buckets =
            histogram.iter_recorded().map(|step| (step.value_iterated_to(), step.count_at_value())).collect();
        self.observed_us = self.observed_us.saturating_add(later.observed_us);
        self.held_us = self.held_us.saturating_add(later.held_us);
        self.samples = self.samples.saturating_add(later.samples);
        self.holds = self.holds.saturating_add(later.holds);
        let longer = later
            .longest
            .as_ref()
            .filter(|hold| self.longest.as_ref().is_none_or(|longest| longest.seconds < hold.seconds));
        if let Some(hold) = longer {
            self.longest = Some(hold.clone());
        }
        self.running.clone_from(&later.running);
    }

    fn histogram(&self) -> Histogram<u64> {
        let mut histogram = histogram();
        for (wait, weight) in &self.buckets {
            let _ = histogram.record_n((*wait).min(MAX_US), *weight);
        }
        histogram
    }
}

/// Microseconds as seconds.
#[expect(clippy::cast_precision_loss, reason = "no more than a day")]
pub fn seconds(microseconds: u64) -> f64 {
    microseconds.min(MAX_US) as f64 / 1e6
}

#[cfg(test)]
mod tests;
