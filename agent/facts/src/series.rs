//! Many connects to one gateway, spread over a time.

use std::time::Duration;

use portreeve_core::connects::backs_off;
use portreeve_core::snapshot::{Challenge, Probe};
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
    pub concurrency: usize,
    /// When to stop waiting for those that are under way, after the beginning.
    pub deadline: Duration,
}

/// Connects up to the gateway's challenge, sends no secret, and closes. Whoever asks to be left alone for a while is. Gives what came of
/// each in the order of their beginning, and why there are fewer than asked for.
pub async fn series(target: &Target, pace: &Pace) -> (Vec<Probe<Challenge>>, Option<String>) {
    let begun = Instant::now();
    let until = begun + pace.deadline;
    let mut under_way: JoinSet<(u32, Probe<Challenge>)> = JoinSet::new();
    let mut ended: Vec<(u32, Probe<Challenge>)> = Vec::new();
    let mut not_before = begun;
    let mut cut_short = None;
    for number in 0..pace.count {
        let slot = begun + pace.spread.mul_f64(f64::from(number) / f64::from(pace.count.max(1)));
        while under_way.len() >= pace.concurrency.max(1) {
            let Ok(Some(result)) = timeout_at(until, under_way.join_next()).await else { break };
            keep(result.ok(), &mut ended, &mut not_before);
        }
        // What ended meanwhile may ask for patience.
        while let Some(result) = under_way.try_join_next() {
            keep(result.ok(), &mut ended, &mut not_before);
        }
        let start = slot.max(not_before);
        if start >= until || Instant::now() >= until {
            let why = if not_before > slot { "it asked to be left alone for longer" } else { "the time was up" };
            cut_short = Some(why.to_owned());
            break;
        }
        sleep_until(start).await;
        let target = target.clone();
        under_way.spawn(async move { (number, reach(&target, Err("not sent".to_owned())).await.0) });
    }
    while let Ok(Some(result)) = timeout_at(until, under_way.join_next()).await {
        keep(result.ok(), &mut ended, &mut not_before);
    }
    if !under_way.is_empty() {
        cut_short.get_or_insert_with(|| "the time was up".to_owned());
    }
    ended.sort_by_key(|(number, _)| *number);
    (ended.into_iter().map(|(_, probe)| probe).collect(), cut_short)
}

fn keep(result: Option<(u32, Probe<Challenge>)>, ended: &mut Vec<(u32, Probe<Challenge>)>, not_before: &mut Instant) {
    let Some((number, probe)) = result else { return };
    if let Some(pause) = backs_off(&probe) {
        *not_before = (*not_before).max(Instant::now() + Duration::from_millis(pause));
    }
    ended.push((number, probe));
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
        let (connects, cut_short) = series(&silent(), &pace).await;
        assert_eq!((connects.len(), cut_short), (20, None));
        assert!(connects.iter().all(|probe| probe.failure().is_some()));
    }

    #[tokio::test]
    async fn what_does_not_fit_into_the_time_is_not_made_and_said() {
        let pace =
            Pace { count: 1_000, spread: Duration::from_hours(1), concurrency: 3, deadline: Duration::from_millis(50) };
        let (connects, cut_short) = series(&silent(), &pace).await;
        assert!(connects.len() < 1_000);
        assert_eq!(cut_short.as_deref(), Some("the time was up"));
    }
}
