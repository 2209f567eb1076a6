//! Many connects to one gateway, spread over a time.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use portreeve_core::connects::{Series, backs_off};
use portreeve_core::snapshot::{Challenge, Failure, FailureKind, Phase, Probe};
use portreeve_openclaw::endpoint::Target;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::reach;

/// How to connect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// How many connects.
    pub count: u32,
    /// Over which time they begin, evenly.
    pub spread: Duration,
    /// How many may be under way at once; the next waits for one of them.
    pub concurrency: u32,
    /// When to stop waiting for those that are under way, after the beginning.
    pub deadline: Duration,
}

/// What came of the connects, by their number; none of those that are under way.
#[derive(Default)]
struct Made {
    connects: BTreeMap<u32, Option<Probe<Challenge>>>,
    not_before: Option<Instant>,
}

/// Connects up to the gateway's challenge, sends no secret, and closes. Whoever asks to be left alone for a while is. A connect that is
/// under way at the deadline counts as failed. `from` is where this runs, for the reader.
pub async fn series(target: &Target, pace: &Pace, from: &str) -> Series {
    let begun = Instant::now();
    let until = begun + pace.deadline;
    let most = usize::try_from(pace.concurrency).unwrap_or(usize::MAX).max(1);
    let mut under_way = JoinSet::new();
    let mut made = Made::default();
    let mut cut_short = None;
    for number in 0..pace.count {
        let slot = begun + pace.spread.mul_f64(f64::from(number) / f64::from(pace.count));
        while under_way.len() >= most {
            let Ok(Some(result)) = timeout_at(until, under_way.join_next()).await else { break };
            made.keep(result.ok());
        }
        // What ended meanwhile may ask for patience.
        while let Some(result) = under_way.try_join_next() {
            made.keep(result.ok());
        }
        let start = made.not_before.map_or(slot, |not_before| slot.max(not_before));
        if start >= until || Instant::now() >= until {
            let why = if start > slot { "it asked to be left alone for longer" } else { "the time was up" };
            cut_short = Some(why.to_owned());
            break;
        }
        sleep_until(start).await;
        let target = target.clone();
        made.connects.insert(number, None);
        under_way.spawn(async move { (number, reach(&target, Err("not sent".to_owned())).await.0) });
    }
    while let Ok(Some(result)) = timeout_at(until, under_way.join_next()).await {
        made.keep(result.ok());
    }
    let late = || {
        let failure = Failure::new(Phase::Challenge, FailureKind::Timeout, "no challenge before the series was over");
        Probe::failed(failure, begun.elapsed().as_secs_f64() * 1_000.0, Timestamp::now())
    };
    Series {
        target: format!("{}://{}", target.scheme().as_str(), target.authority()),
        from: from.to_owned(),
        asked: pace.count,
        cut_short,
        connects: made.connects.into_values().map(|probe| probe.unwrap_or_else(late)).collect(),
    }
}

impl Made {
    fn keep(&mut self, ended: Option<(u32, Probe<Challenge>)>) {
        let Some((number, probe)) = ended else { return };
        if let Some(pause) = backs_off(&probe) {
            self.not_before = self.not_before.max(Some(Instant::now() + Duration::from_millis(pause)));
        }
        self.connects.insert(number, Some(probe));
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    fn silent() -> Target {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        Target::loopback(port).unwrap()
    }

    #[tokio::test]
    async fn as_many_are_made_as_are_asked_for() {
        let pace =
            Pace { count: 20, spread: Duration::from_millis(40), concurrency: 3, deadline: Duration::from_secs(20) };
        let series = series(&silent(), &pace, "here").await;
        assert_eq!((series.connects.len(), series.cut_short), (20, None));
        assert!(series.connects.iter().all(|probe| probe.failure().is_some()));
    }

    #[tokio::test]
    async fn what_does_not_fit_into_the_time_is_not_made_and_said() {
        let pace =
            Pace { count: 1_000, spread: Duration::from_hours(1), concurrency: 3, deadline: Duration::from_millis(50) };
        let series = series(&silent(), &pace, "here").await;
        assert!(series.connects.len() < 1_000);
        assert_eq!(series.cut_short.as_deref(), Some("the time was up"));
    }

    #[tokio::test]
    async fn a_connect_that_never_ends_counts_as_failed() {
        // Accepts, by its backlog, and never answers.
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let target = Target::loopback(listener.local_addr().unwrap().port()).unwrap();
        let pace = Pace { count: 3, spread: Duration::ZERO, concurrency: 3, deadline: Duration::from_millis(300) };
        let series = series(&target, &pace, "here").await;
        let kinds: Vec<_> = series.connects.iter().filter_map(|probe| Some(probe.failure()?.kind)).collect();
        assert_eq!(kinds, [FailureKind::Timeout; 3]);
    }
}
