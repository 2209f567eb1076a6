//! How long a state directory's locks are waited for: what was watched, judged.

mod estimate;
mod rolling;
mod waiter;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use estimate::{Estimate, Held, Look, Recorder, seconds};
pub use rolling::Windows;
pub use waiter::{Waiter, waiters};

use crate::order::Order as _;
use crate::report::{Agent, Verdict};
use crate::snapshot::{Hold, LockKind, LockLatency, LockWait, Waits, WatchedLock};
use crate::{Fact, Snapshot};

/// The name and version of the report's form. Changes are additive only.
pub const SCHEMA: &str = "portreeve.locks/1";
/// Seconds of wait that 95 of 100 newcomers must not exceed: `OpenClaw` gives up after twice as long.
pub const THRESHOLD_S: f64 = 2.5;
/// Seconds from which a wait is worth a warning.
pub const WARNING_S: f64 = 1.0;
/// Fewer looks do not show where the 95th of 100 newcomers stands.
pub const ENOUGH: u64 = 100;
/// A window shorter than so many thresholds cannot show a wait as long as the threshold.
const WINDOWS: f64 = 2.0;

/// Upper ends of the histogram's bars, in seconds.
const BARS: [f64; 16] =
    [0.0, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 86_400.0];

/// Where waits begin to count.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Thresholds {
    /// Seconds at the 95th percentile above which a wait blocks.
    pub error_s: f64,
    /// Seconds above which it is worth a warning.
    pub warning_s: f64,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self { error_s: THRESHOLD_S, warning_s: WARNING_S }
    }
}

/// What watching the locks shows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LocksReport {
    /// [`SCHEMA`].
    pub schema: String,
    /// The agent that watched.
    pub agent: Agent,
    /// When the watch began.
    #[schemars(with = "String")]
    pub at: Timestamp,
    /// The worst of all locks that are waited for.
    pub verdict: Verdict,
    /// Why it is blocked, degraded or not known; none where it is ready.
    pub why: Option<String>,
    /// Seconds at the 95th percentile above which a wait blocks.
    pub threshold_s: f64,
    /// Seconds above which it is worth a warning.
    pub warning_s: f64,
    /// The state directories.
    pub state_dirs: Vec<WatchedDir>,
    /// The locks, longest wait first.
    pub locks: Vec<LockReport>,
    /// Gateways that wait for a lock now.
    pub waiters: Vec<Waiter>,
}

/// One state directory whose locks were watched.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WatchedDir {
    /// Its path.
    pub path: String,
    /// Seconds of the watch.
    pub watched_s: f64,
    /// What the watch cost, in percent of one core.
    pub cpu_percent: Option<f64>,
    /// What a lock costs on the same volume, on a file of the agent's own.
    pub file_system: Fact<LockLatency>,
}

/// What is known of one lock.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LockReport {
    /// Path of the state directory.
    pub state_dir: String,
    /// Path of the file that carries the lock; of a database, that of the database.
    pub path: String,
    /// How it is taken.
    pub kind: LockKind,
    /// What it protects.
    pub purpose: String,
    /// Held for the owner's whole life: nobody waits for it in ordinary operation, and its wait is not judged.
    pub meant_for_life: bool,
    /// Whether newcomers get it in time.
    pub verdict: Verdict,
    /// Why it is blocked, degraded or not known; none where it is ready.
    pub why: Option<String>,
    /// Seconds that a newcomer at a random time waits; none for a lock that is meant for life, and where nothing was seen.
    pub wait_s: Option<WaitSeconds>,
    /// Share of the time in which it was held, 0 to 1.
    pub held_fraction: Option<f64>,
    /// Looks that were taken at random times.
    pub samples: u64,
    /// Holds that were seen.
    pub holds: u64,
    /// The longest hold.
    pub longest_hold: Option<Hold>,
    /// The hold that goes on.
    pub holder: Option<Hold>,
    /// The distribution of waits; empty where there is none.
    pub histogram: Vec<Bar>,
}

/// A distribution of waits, in seconds. A hold that went on at the end counts as at least its age.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WaitSeconds {
    /// Half wait no longer.
    pub p50: f64,
    /// 95 of 100 wait no longer.
    pub p95: f64,
    /// 99 of 100 wait no longer.
    pub p99: f64,
    /// The longest.
    pub max: f64,
}

/// One bar of a histogram.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Bar {
    /// The longest wait in it, in seconds; the bar begins where the one before it ends.
    pub up_to_s: f64,
    /// Share of newcomers, 0 to 1.
    pub share: f64,
}

impl LocksReport {
    /// Judges what was watched.
    pub fn of(snapshot: &Snapshot, thresholds: Thresholds, agent: Agent) -> Self {
        let mut locks: Vec<LockReport> = snapshot
            .lock_waits
            .iter()
            .flat_map(|dir| dir.locks.iter().map(|lock| LockReport::of(dir, lock, thresholds)))
            .collect();
        let p95 = |lock: &LockReport| lock.wait_s.map_or(-1.0, |wait| wait.p95);
        locks.order_by(|left, right| p95(right).total_cmp(&p95(left)).then_with(|| left.path.cmp(&right.path)));
        let watched = |path: &str| snapshot.lock_waits.iter().any(|dir| dir.state_dir == path);
        let waiters: Vec<Waiter> = snapshot
            .state_dirs
            .iter()
            .filter(|dir| watched(&dir.path))
            .flat_map(|dir| waiters(snapshot, dir))
            .collect();
        let (verdict, why) = judge_all(&locks, &waiters, thresholds);
        Self {
            schema: SCHEMA.to_owned(),
            agent,
            at: snapshot.lock_waits.first().map_or(snapshot.taken_at, |dir| dir.at),
            verdict,
            why,
            threshold_s: thresholds.error_s,
            warning_s: thresholds.warning_s,
            state_dirs: snapshot
                .lock_waits
                .iter()
                .map(|dir| WatchedDir {
                    path: dir.state_dir.clone(),
                    watched_s: dir.watched_s,
                    cpu_percent: dir.cpu_percent,
                    file_system: dir.file_system.clone(),
                })
                .collect(),
            locks,
            waiters,
        }
    }

    /// The exit status: 0, 78 (`EX_CONFIG`, the status of the layer of alignment) where a lock is waited for too long, 75
    /// (`EX_TEMPFAIL`) where it is not known.
    pub fn exit_status(&self) -> u8 {
        match self.verdict {
            Verdict::Ready | Verdict::Degraded => 0,
            Verdict::Blocked => 78,
            Verdict::Unknown => 75,
        }
    }
}

impl LockReport {
    /// Judges one lock.
    pub fn of(dir: &LockWait, lock: &WatchedLock, thresholds: Thresholds) -> Self {
        let waits = lock.waits.get();
        let percentiles = waits.filter(|_| !lock.held_for_life).and_then(WaitSeconds::of);
        let (verdict, why) = match (lock.held_for_life, waits) {
            (true, _) => (Verdict::Ready, None),
            (false, Some(waits)) => judge(waits, percentiles, dir.watched_s, thresholds),
            (false, None) => (Verdict::Unknown, lock.waits.blind().map(str::to_owned)),
        };
        Self {
            state_dir: dir.state_dir.clone(),
            path: lock.path.clone(),
            kind: lock.kind,
            purpose: lock.purpose.clone(),
            meant_for_life: lock.held_for_life,
            verdict,
            why,
            wait_s: percentiles,
            held_fraction: waits.and_then(Waits::held_fraction),
            samples: waits.map_or(0, |waits| waits.samples),
            holds: waits.map_or(0, |waits| waits.holds),
            longest_hold: waits.and_then(|waits| waits.longest.clone()),
            holder: waits.and_then(|waits| waits.running.clone()),
            histogram: waits.filter(|_| percentiles.is_some()).map(bars).unwrap_or_default(),
        }
    }
}

impl WaitSeconds {
    fn of(waits: &Waits) -> Option<Self> {
        Some(Self {
            p50: waits.quantile_s(0.5)?,
            p95: waits.quantile_s(0.95)?,
            p99: waits.quantile_s(0.99)?,
            max: waits.max_s()?,
        })
    }
}

/// The JSON Schema of [`LocksReport`].
pub fn json_schema() -> schemars::Schema {
    schemars::schema_for!(LocksReport)
}

/// A wait that is too long already is too long whatever would come; that it is short enough takes enough looks.
fn judge(
    waits: &Waits,
    wait: Option<WaitSeconds>,
    watched_s: f64,
    thresholds: Thresholds,
) -> (Verdict, Option<String>) {
    let Some(wait) = wait else { return (Verdict::Unknown, Some("nothing was seen".to_owned())) };
    let long =
        |bar: f64| Some(format!("5 of 100 newcomers wait longer than {:.1} s, and {bar:.1} s are the limit", wait.p95));
    // Time that was held throughout was seen without gaps, whoever held it.
    let throughout = waits.held_fraction().is_some_and(|held| held >= 0.5);
    // A few looks that met a hold would prove nothing, but a hold of such a length does.
    let proven = throughout || waits.longest.as_ref().is_some_and(|hold| hold.seconds > thresholds.error_s);
    if wait.p95 > thresholds.error_s && (waits.samples >= ENOUGH || proven) {
        return (Verdict::Blocked, long(thresholds.error_s));
    }
    let needed_s = WINDOWS * thresholds.error_s;
    if watched_s < needed_s {
        return (Verdict::Unknown, Some(format!("{watched_s:.1} s are too short: {needed_s:.1} s are needed")));
    }
    if waits.samples < ENOUGH && !throughout {
        return (Verdict::Unknown, Some(format!("{} looks are too few: {ENOUGH} are needed", waits.samples)));
    }
    if wait.p95 > thresholds.warning_s {
        return (Verdict::Degraded, long(thresholds.warning_s));
    }
    (Verdict::Ready, None)
}

fn judge_all(locks: &[LockReport], waiters: &[Waiter], thresholds: Thresholds) -> (Verdict, Option<String>) {
    if let Some(waiter) = waiters.iter().find(|waiter| waiter.seconds > thresholds.error_s) {
        let why = format!("pid {} has waited {:.0} s for `{}`", waiter.pid, waiter.seconds, waiter.lock);
        return (Verdict::Blocked, Some(why));
    }
    if locks.is_empty() {
        return (Verdict::Unknown, Some("there is no lock".to_owned()));
    }
    for verdict in [Verdict::Blocked, Verdict::Unknown, Verdict::Degraded] {
        if let Some(lock) = locks.iter().find(|lock| lock.verdict == verdict) {
            let why = lock.why.as_ref().map(|why| format!("{} of `{}`: {why}", lock.purpose, lock.path));
            return (verdict, why);
        }
    }
    (Verdict::Ready, None)
}

/// The distribution in bars of about equal width on a logarithmic scale.
#[expect(clippy::cast_precision_loss, reason = "microseconds of a window are below 2^52")]
fn bars(waits: &Waits) -> Vec<Bar> {
    let total = waits.buckets.iter().fold(0_u64, |total, (_, weight)| total.saturating_add(*weight));
    let mut buckets = waits.buckets.iter().peekable();
    let mut out = Vec::new();
    for up_to_s in BARS {
        let mut weight = 0_u64;
        while let Some((_, share)) = buckets.next_if(|(wait, _)| seconds(*wait) <= up_to_s) {
            weight = weight.saturating_add(*share);
        }
        out.push(Bar { up_to_s, share: weight as f64 / total.max(1) as f64 });
        if buckets.peek().is_none() {
            break;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::fixture::*;

    /// Held for `hold_s` of each `period_s`, over a minute of looks at each 10 ms.
    fn watched(hold_s: f64, period_s: f64, window_s: f64) -> LockWait {
        let mut recorder = Recorder::default();
        let mut at = 0.0;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "positive and small")]
        let us = |seconds: f64| (seconds * 1e6) as u64;
        while at < window_s {
            let look = |at: f64| if at % period_s >= period_s - hold_s { Look::Held(Some(9)) } else { Look::Free };
            recorder.arrive(us(at), 10_000, look(at));
            while recorder.followed_us().is_some() && at < window_s {
                at += 0.005;
                recorder.follow(us(at), look(at));
            }
            at += 0.01;
        }
        let estimate = recorder.estimate(us(window_s));
        let hold = |held: Held| Hold {
            seconds: seconds(held.length_us),
            pid: held.holder,
            program: Some("node".to_owned()),
            since: now(),
            running: held.running,
            at_least: held.at_least,
        };
        let waits =
            Waits { longest: estimate.longest.map(hold), running: estimate.running.map(hold), ..estimate.waits };
        LockWait {
            state_dir: STATE.to_owned(),
            at: now(),
            watched_s: window_s,
            cpu_percent: Some(0.1),
            locks: vec![WatchedLock {
                path: format!("{STATE}/state/openclaw.sqlite"),
                kind: LockKind::WalWriter,
                purpose: "database".to_owned(),
                held_for_life: false,
                waits: known(waits),
            }],
            file_system: absent(),
        }
    }

    fn report(wait: LockWait) -> LocksReport {
        let mut node = healthy();
        node.lock_waits = vec![wait];
        LocksReport::of(&node, Thresholds::default(), Agent { version: "1".to_owned() })
    }

    #[test]
    fn short_holds_are_ready_and_long_ones_are_not() {
        assert_eq!(report(watched(0.1, 1.0, 30.0)).verdict, Verdict::Ready);
        let degraded = report(watched(2.0, 4.0, 30.0));
        assert_eq!((degraded.verdict, degraded.exit_status()), (Verdict::Degraded, 0));
        let blocked = report(watched(4.0, 6.0, 60.0));
        assert_eq!((blocked.verdict, blocked.exit_status()), (Verdict::Blocked, 78));
        assert!(blocked.why.unwrap().ends_with("and 2.5 s are the limit"));
    }

    #[test]
    fn a_short_look_proves_nothing_but_a_long_hold() {
        let short = report(watched(0.1, 1.0, 2.0));
        assert_eq!((short.verdict, short.exit_status()), (Verdict::Unknown, 75));
        let stuck = report(watched(5.0, 5.0, 3.0));
        assert_eq!(stuck.verdict, Verdict::Blocked, "{:?}", stuck.why);
        let holder = stuck.locks[0].holder.as_ref().unwrap();
        assert_eq!((holder.pid, holder.running, holder.at_least), (Some(9), true, true));
    }

    #[test]
    fn holders_that_hand_over_without_a_gap_block_as_one_would() {
        let mut recorder = Recorder::default();
        recorder.arrive(0, 40_000, Look::Held(Some(0)));
        for step in 1..1_000_u32 {
            recorder.follow(u64::from(step) * 10_000, Look::Held(Some(step / 200)));
        }
        let waits = recorder.estimate(10_000_000).waits;
        let mut wait = watched(0.1, 1.0, 10.0);
        wait.locks[0].waits = known(waits);
        let report = report(wait);
        assert_eq!((report.verdict, report.exit_status()), (Verdict::Blocked, 78), "{:?}", report.why);
    }

    #[test]
    fn a_lock_for_life_is_shown_and_not_judged() {
        let mut wait = watched(5.0, 5.0, 10.0);
        wait.locks[0].held_for_life = true;
        let report = report(wait);
        assert_eq!((report.verdict, report.locks[0].wait_s), (Verdict::Ready, None));
        assert!(report.locks[0].holder.is_some() && report.locks[0].histogram.is_empty());
    }

    #[test]
    fn what_is_hidden_is_not_known() {
        let mut wait = watched(0.1, 1.0, 30.0);
        wait.locks[0].waits = denied();
        assert_eq!(report(wait).verdict, Verdict::Unknown);
        let mut none = watched(0.1, 1.0, 30.0);
        none.locks.clear();
        assert_eq!(report(none).why.as_deref(), Some("there is no lock"));
    }

    #[test]
    fn bars_hold_all_newcomers() {
        let report = report(watched(0.3, 1.0, 30.0));
        let histogram = &report.locks[0].histogram;
        assert!((histogram.iter().map(|bar| bar.share).sum::<f64>() - 1.0).abs() < 1e-9, "{histogram:?}");
        assert!((histogram[0].share - 0.7).abs() < 0.02, "{histogram:?}");
        assert!((histogram.last().unwrap().up_to_s - 0.5).abs() < 1e-9, "{histogram:?}");
    }
}
