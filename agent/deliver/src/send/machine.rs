//! When what is sent, and what becomes of it: a pure function of what happened, with time and chance from outside.

use std::time::Duration;

use super::Outcome;
use crate::spool::Signal;

/// Batches of logs that go before one of metrics, where both wait.
const LOGS_IN_ROW: u32 = 4;
/// Records refused one after the other, with nothing accepted between them, that are set aside without a pause. Beyond that it may be the
/// endpoint that is wrong, and not each record.
const REFUSED_IN_ROW: u32 = 3;

/// How much is sent at once, and how long is waited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// Most records of a request.
    pub max_records: usize,
    /// Most bytes of a request before compression, unless one record alone has more.
    pub max_bytes: usize,
    /// How long more records are waited for once there is one.
    pub linger: Duration,
    /// The first pause after a failure. Each further one is twice as long, and of each between a half and all is taken.
    pub first_pause: Duration,
    /// The longest such pause.
    pub max_pause: Duration,
    /// The same where the endpoint answers, but not to us: a credential that it does not know, a path that it does not have.
    pub first_slow_pause: Duration,
    /// The longest such pause.
    pub max_slow_pause: Duration,
    /// The longest time that an endpoint may ask to be left alone.
    pub max_retry_after: Duration,
    /// Between two looks at whether there is another credential than the one that was refused.
    pub look: Duration,
    /// For how long a size that was too large is not tried again.
    pub size_memory: Duration,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            max_records: 512,
            max_bytes: 1 << 20,
            linger: Duration::from_secs(2),
            first_pause: Duration::from_secs(1),
            max_pause: Duration::from_mins(5),
            first_slow_pause: Duration::from_secs(30),
            max_slow_pause: Duration::from_mins(15),
            max_retry_after: Duration::from_hours(1),
            look: Duration::from_secs(10),
            size_memory: Duration::from_hours(1),
        }
    }
}

/// What is to be done now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Send the oldest records of a signal.
    Send(Order),
    /// Nothing until then, or until something comes; a time as those that go in.
    Sleep(Option<Duration>),
}

/// A request to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Order {
    /// Which records.
    pub signal: Signal,
    /// At most so many.
    pub max_records: usize,
    /// At most so many bytes, but at least one record.
    pub max_bytes: usize,
}

/// A request that was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sent {
    /// Which records.
    pub signal: Signal,
    /// How many.
    pub records: usize,
    /// Their bytes.
    pub bytes: usize,
}

/// What is to be done with the records of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    /// They are done with.
    Acknowledge,
    /// The one record is refused whatever it is sent with.
    SetAside,
    /// They wait on.
    Keep,
}

/// Decides. All times are since one moment, on a clock that is never set.
#[derive(Debug)]
pub struct Machine {
    policy: Policy,
    chance: fastrand::Rng,
    metrics: Lane,
    logs: Lane,
    logs_in_row: u32,
}

#[derive(Debug, Default)]
struct Lane {
    /// Something may wait.
    waits: bool,
    not_before: Duration,
    /// It waits for more records, and for nothing else.
    lingers: bool,
    /// The credential was refused.
    is_unwelcome: bool,
    failures: u32,
    /// So many of the oldest records were refused together, and it is not known which of them was meant.
    suspects: usize,
    refused_in_row: u32,
    /// What is not larger than this may be taken; until when that counts.
    ceiling: Option<(usize, Duration)>,
}

impl Machine {
    /// One that takes it that something waits.
    pub fn new(policy: Policy, now: Duration, seed: u64) -> Self {
        let lane = || Lane { waits: true, not_before: now, ..Lane::default() };
        Self { policy, chance: fastrand::Rng::with_seed(seed), metrics: lane(), logs: lane(), logs_in_row: 0 }
    }

    fn lane(&mut self, signal: Signal) -> &mut Lane {
        match signal {
            Signal::Metrics => &mut self.metrics,
            Signal::Logs => &mut self.logs,
        }
    }

    /// Records were spooled.
    pub fn arrived(&mut self, now: Duration, signal: Signal) {
        let until = now + self.policy.linger;
        let lane = self.lane(signal);
        if !lane.waits {
            lane.waits = true;
            if until > lane.not_before {
                lane.not_before = until;
                lane.lingers = true;
            }
        }
    }

    /// No record of this signal waits.
    pub fn empty(&mut self, signal: Signal) {
        self.lane(signal).waits = false;
    }

    /// Where more records are waited for, they are waited for no longer. Pauses after failures stay.
    pub fn hurry(&mut self, now: Duration) {
        for lane in [&mut self.metrics, &mut self.logs] {
            if std::mem::take(&mut lane.lingers) {
                lane.not_before = now;
            }
        }
    }

    /// There is another credential than the one that was refused, or another configuration: what failed is tried at once.
    pub fn renewed(&mut self, now: Duration) {
        for lane in [&mut self.metrics, &mut self.logs] {
            if std::mem::take(&mut lane.is_unwelcome) || lane.failures > 0 {
                lane.not_before = now;
                lane.failures = 0;
            }
        }
    }

    /// Whether the endpoint has refused what we are, and not what was sent.
    pub fn is_unwelcome(&self) -> bool {
        self.metrics.is_unwelcome || self.logs.is_unwelcome
    }

    /// What is to be done now.
    pub fn step(&mut self, now: Duration) -> Step {
        let due = |lane: &Lane| lane.waits && lane.not_before <= now;
        // What happened is worth more than what was measured meanwhile; but a long row of events does not keep the measurements back.
        let signal = match (due(&self.logs), due(&self.metrics)) {
            (true, true) if self.logs_in_row >= LOGS_IN_ROW => Signal::Metrics,
            (true, _) => Signal::Logs,
            (false, true) => Signal::Metrics,
            (false, false) => {
                let waiting = [&self.logs, &self.metrics].into_iter().filter(|lane| lane.waits);
                return Step::Sleep(waiting.map(|lane| lane.not_before).min());
            }
        };
        self.logs_in_row = if signal == Signal::Logs { self.logs_in_row.saturating_add(1) } else { 0 };
        let policy = self.policy;
        let lane = self.lane(signal);
        lane.lingers = false;
        if lane.ceiling.is_some_and(|(_, until)| until <= now) {
            lane.ceiling = None;
        }
        let max_bytes = lane.ceiling.map_or(policy.max_bytes, |(bytes, _)| bytes.min(policy.max_bytes));
        let max_records = match lane.suspects {
            0 => policy.max_records,
            some => some.div_ceil(2).min(policy.max_records),
        };
        Step::Send(Order { signal, max_records: max_records.max(1), max_bytes })
    }

    /// What is to be done with what was sent.
    pub fn judge(&mut self, now: Duration, sent: Sent, outcome: &Outcome) -> Deed {
        let policy = self.policy;
        let lane = self.lane(sent.signal);
        lane.not_before = now;
        lane.is_unwelcome = false;
        match outcome {
            Outcome::Accepted | Outcome::Partly { .. } => {
                lane.failures = 0;
                lane.refused_in_row = 0;
                lane.suspects = lane.suspects.saturating_sub(sent.records);
                Deed::Acknowledge
            }
            Outcome::TooLarge if sent.records > 1 => {
                lane.failures = 0;
                lane.ceiling = Some((sent.bytes / 2, now + policy.size_memory));
                Deed::Keep
            }
            Outcome::Refused { .. } if sent.records > 1 => {
                lane.failures = 0;
                lane.suspects = sent.records;
                Deed::Keep
            }
            Outcome::TooLarge | Outcome::Refused { .. } => {
                lane.failures = 0;
                lane.suspects = lane.suspects.saturating_sub(1);
                lane.refused_in_row = lane.refused_in_row.saturating_add(1);
                if let Some(beyond) = lane.refused_in_row.checked_sub(REFUSED_IN_ROW + 1) {
                    let pause = self.pause(policy.first_pause, policy.max_pause, beyond);
                    self.lane(sent.signal).not_before = now + pause;
                }
                Deed::SetAside
            }
            Outcome::Unwelcome { .. } => {
                lane.is_unwelcome = true;
                self.fail(now, sent.signal, policy.first_slow_pause, policy.max_slow_pause, None)
            }
            Outcome::Busy { retry_after, .. } => {
                self.fail(now, sent.signal, policy.first_pause, policy.max_pause, *retry_after)
            }
            Outcome::Failed { .. } => self.fail(now, sent.signal, policy.first_pause, policy.max_pause, None),
        }
    }

    fn fail(
        &mut self,
        now: Duration,
        signal: Signal,
        first: Duration,
        max: Duration,
        retry_after: Option<Duration>,
    ) -> Deed {
        let failures = self.lane(signal).failures;
        let pause = self.pause(first, max, failures);
        let asked = retry_after.unwrap_or_default().min(self.policy.max_retry_after);
        // All that were told the same time would come back at the same time.
        let asked = asked + asked.mul_f64(self.chance.f64() / 10.0);
        let lane = self.lane(signal);
        lane.failures = failures.saturating_add(1);
        lane.not_before = now + pause.max(asked);
        Deed::Keep
    }

    /// A pause after so many failures before the last one.
    fn pause(&mut self, first: Duration, max: Duration, failures: u32) -> Duration {
        let whole = first.saturating_mul(2_u32.saturating_pow(failures.min(31))).min(max);
        whole.mul_f64(0.5 + self.chance.f64() / 2.0)
    }
}

#[cfg(test)]
mod tests;
