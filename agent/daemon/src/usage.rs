//! What the daemon itself uses.

use std::collections::VecDeque;
use std::time::Duration;

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;
use portreeve_core::status::{Budget, Usage};

use crate::os;

/// Samples over which use is averaged, one a minute.
const WINDOW: usize = 11;

/// Measures, once a minute.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    samples: VecDeque<(Duration, Duration)>,
    budget: Budget,
}

impl Meter {
    /// What is used now. `now` is on a clock that is never set.
    pub(crate) fn measure(&mut self, now: Duration, stuck: usize) -> Usage {
        let used = processor_time();
        self.samples.push_back((now, used));
        if self.samples.len() > WINDOW {
            self.samples.pop_front();
        }
        let first = self.samples.front().copied().unwrap_or((now, used));
        let passed = now.saturating_sub(first.0).as_secs_f64();
        let spent = used.saturating_sub(first.1).as_secs_f64();
        let child = getrusage(UsageWho::RUSAGE_CHILDREN).ok().map(|usage| os::child_rss_bytes(usage.max_rss()));
        let mut usage = Usage {
            cpu_percent: if passed > 0.0 { (spent / passed * 100_000.0).round() / 1_000.0 } else { 0.0 },
            resident_bytes: os::resident().ok(),
            child_resident_bytes: child.filter(|bytes| *bytes > 0),
            descriptors: os::descriptors().ok(),
            stuck: u64::try_from(stuck).unwrap_or(u64::MAX),
            over: Vec::new(),
        };
        usage.over = self.budget.over(&usage);
        usage
    }
}

/// That of this process and of its children that have ended.
fn processor_time() -> Duration {
    let of = |who| {
        getrusage(who).map_or(Duration::ZERO, |usage| duration(usage.user_time()) + duration(usage.system_time()))
    };
    of(UsageWho::RUSAGE_SELF) + of(UsageWho::RUSAGE_CHILDREN)
}

fn duration(time: TimeVal) -> Duration {
    let seconds = u64::try_from(time.tv_sec()).unwrap_or(0);
    let micros = u64::try_from(time.tv_usec()).unwrap_or(0);
    Duration::from_secs(seconds) + Duration::from_micros(micros)
}
