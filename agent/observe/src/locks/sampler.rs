//! Looks at the locks of one state directory: seldom and at random times while they are free, often while one is held.

use std::collections::HashMap;
use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use nix::time::{ClockId, clock_gettime};
use portreeve_core::Fact;
use portreeve_core::locks::{Held, Look, Recorder, seconds};
use portreeve_core::snapshot::{Hold, LockKind, Waits, WatchedLock};

use super::places::Place;
use super::target::Target;
use crate::{file, os};

/// Mean time between looks while nothing is waited for, in microseconds.
const IDLE_US: u64 = 40_000;
/// For so long looks at free locks are not made rarer, whatever they cost: with fewer of them nothing is proven.
const PROOF_US: u64 = 10_000_000;
/// Mean time between looks at a lock that was held lately.
const BUSY_US: u64 = 2_000;
/// How long "lately" is, in lengths of the hold: of long holds a window has few, and each has to be met soon after it began.
const CALM_SHARE: u64 = 20;
/// Its shortest and longest time. A gateway without work writes a little now and then, which must not cost more than idle locks may.
const CALM_US: (u64, u64) = (300_000, 2_000_000);
/// Looks at a lock that is held are so much closer together than the hold is long, by its age or by half of what holds lasted
/// lately: what is missed between two looks is a gap in which a newcomer would have got it.
const FOLLOW_SHARE: u64 = 200;
/// Shortest and longest time between such looks.
const FOLLOW_US: (u64, u64) = (40, 5_000);
/// A hold that is shorter is looked at without sleeping in between, since gaps between such holds can be as short as a sleep.
const SHORT_US: u64 = 2_000;
/// Time between looks at such a one.
const SHORT_STEP_US: u64 = 8;
/// How often files are looked up anew.
const REFRESH_US: u64 = 1_000_000;
/// How often new ones are looked for, which takes more.
const FIND_US: u64 = 3_000_000;
/// How often the pace is held against its cost.
const GOVERN_US: u64 = 250_000;
/// Share of a core that looking may cost while nothing is held, and while something is.
const BUDGET: (f64, f64) = (0.002, 0.03);
/// By how much looks may become rarer.
const MAX_SCALE: f64 = 100.0;
/// Longest time without a look at whether to stop.
const NAP: Duration = Duration::from_millis(100);
/// Most programs whose names are kept.
const MAX_PROGRAMS: usize = 1_024;

const SOURCE: &str = "F_GETLK";
const EXISTENCE: &str = "existence of the lock file";

/// Everything known of one state directory's locks.
#[derive(Debug)]
pub(super) struct Sampler {
    place: Place,
    begun: Instant,
    begun_at: Timestamp,
    targets: Vec<Target>,
    tracks: Vec<Track>,
    refused: Vec<(PathBuf, io::Error)>,
    programs: HashMap<u32, Option<String>>,
    random: fastrand::Rng,
    next_idle: u64,
    next_refresh: u64,
    next_find: u64,
    governor: Governor,
}

/// The pace of one target.
#[derive(Debug, Default)]
struct Track {
    recorder: Recorder,
    /// When to look at a hold again.
    follow: Option<u64>,
    /// When to look next at a lock that was held lately, and what that look stands for.
    own: Option<(u64, u64)>,
    calm_after: u64,
    /// How long holds were followed lately, in microseconds.
    typical: u64,
}

/// What the watch has cost up to some moment.
#[derive(Debug, Clone, Copy)]
struct Spent {
    at: u64,
    used: Duration,
}

/// Looks less often where looking costs more than it may. A hold that is followed is followed as closely as ever: fewer of them are.
#[derive(Debug)]
struct Governor {
    next: u64,
    last: Spent,
    scale: f64,
}

impl Sampler {
    pub(super) fn new(place: Place) -> Self {
        let mut sampler = Self {
            place,
            begun: Instant::now(),
            begun_at: Timestamp::now(),
            targets: Vec::new(),
            tracks: Vec::new(),
            refused: Vec::new(),
            programs: HashMap::new(),
            random: fastrand::Rng::new(),
            next_idle: 0,
            next_refresh: REFRESH_US,
            next_find: 0,
            governor: Governor { next: GOVERN_US, last: Spent { at: 0, used: Duration::ZERO }, scale: 1.0 },
        };
        sampler.refresh();
        sampler
    }

    fn now(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    /// Does what is due and says how long to sleep.
    pub(super) fn step(&mut self) -> Duration {
        let now = self.now();
        if now >= self.next_refresh {
            self.refresh();
            self.next_refresh = now + REFRESH_US;
        }
        if now >= self.governor.next {
            let busy = self.tracks.iter().any(|track| track.own.is_some() || track.follow.is_some());
            self.governor.judge(now, if busy { BUDGET.1 } else { BUDGET.0 });
        }
        let idle = if now < PROOF_US { IDLE_US } else { self.governor.scaled(IDLE_US) };
        let idle_due = now >= self.next_idle;
        for index in 0..self.targets.len() {
            self.look(index, idle_due.then_some(idle));
        }
        if idle_due {
            self.next_idle = now + pause(&mut self.random, idle);
        }
        // A lock that is followed has no other look due, however long ago that was.
        let soonest = self.tracks.iter().filter_map(|track| track.follow.or(track.own.map(|(due, _)| due)));
        let next = soonest.chain([self.next_idle, self.next_refresh]).min().unwrap_or(self.next_idle);
        Duration::from_micros(next.saturating_sub(self.now())).min(NAP)
    }

    /// Looks at one target where that is due.
    fn look(&mut self, index: usize, idle: Option<u64>) {
        let now = self.now();
        let (Some(target), Some(track)) = (self.targets.get_mut(index), self.tracks.get_mut(index)) else { return };
        let followed = track.follow.is_some();
        let look = match (track.follow, track.own) {
            (Some(due), _) if now >= due => {
                let look = target.look();
                let length = track.recorder.followed_us().unwrap_or(0);
                track.recorder.follow(now, look);
                if look == Look::Free {
                    track.typical = track.typical / 4 * 3 + length / 4;
                }
                look
            }
            (None, Some((due, interval))) if now >= due => {
                let look = target.look();
                track.recorder.arrive(now, interval, look);
                look
            }
            // Of a lock that is held for life only the holder is of interest.
            (None, None) if idle.is_some() => {
                let look = target.look();
                track.recorder.arrive(now, idle.unwrap_or(IDLE_US), look);
                look
            }
            _ => return,
        };
        if let Look::Held(Some(pid)) = look
            && !self.programs.contains_key(&pid)
        {
            if self.programs.len() >= MAX_PROGRAMS {
                self.programs.clear();
            }
            self.programs.insert(pid, os::program(pid));
        }
        if target.held_for_life {
            return;
        }
        track.follow = track.recorder.followed_us().map(|followed| {
            let length = followed.max(track.typical / 2);
            let apart = (length / FOLLOW_SHARE).clamp(FOLLOW_US.0, FOLLOW_US.1);
            now + if length < SHORT_US { SHORT_STEP_US } else { apart }
        });
        if let Some(followed) = track.recorder.followed_us() {
            track.calm_after = now + followed.saturating_mul(CALM_SHARE).clamp(CALM_US.0, CALM_US.1);
        } else if now < track.calm_after {
            let interval = self.governor.scaled(BUSY_US);
            // From when the last look was due: one that comes late must not make looks rarer than they say. All of a hold that was
            // followed is counted already.
            let late = track.own.filter(|_| !followed);
            let from = late.map_or(now, |(due, _)| due.max(now.saturating_sub(interval)));
            track.own = Some((from + pause(&mut self.random, interval), interval));
        } else {
            track.own = None;
        }
    }

    /// Looks up files that came or went.
    fn refresh(&mut self) {
        for (target, track) in self.targets.iter_mut().zip(&mut self.tracks) {
            target.refresh();
            if let Some(remade) = target.remade() {
                *target = remade;
                // What was seen is of another lock.
                *track = Track::default();
            }
        }
        let now = self.now();
        if now < self.next_find {
            return;
        }
        self.next_find = now + FIND_US;
        self.refused.clear();
        self.place.find(&mut self.targets, &mut self.refused);
        self.tracks.resize_with(self.targets.len(), Track::default);
    }

    /// How long the watch has lasted, in seconds.
    pub(super) fn watched_s(&self) -> f64 {
        self.begun.elapsed().as_secs_f64()
    }

    /// What it has cost of one core, in percent; none in its first moments.
    pub(super) fn cpu_percent(&self) -> Option<f64> {
        let Spent { at, used } = self.governor.last;
        (at > 0).then(|| used.as_secs_f64() / seconds(at) * 100.0)
    }

    /// When it began.
    pub(super) fn begun_at(&self) -> Timestamp {
        self.begun_at
    }

    /// What was seen up to now.
    pub(super) fn locks(&self) -> Vec<WatchedLock> {
        let at = Timestamp::now();
        let now = self.now();
        let mut locks: Vec<WatchedLock> = self
            .targets
            .iter()
            .zip(&self.tracks)
            .filter(|(target, _)| target.seen || target.refused.is_some())
            .map(|(target, track)| WatchedLock {
                path: target.path.to_string_lossy().into_owned(),
                kind: target.kind,
                purpose: target.purpose.to_owned(),
                held_for_life: target.held_for_life,
                waits: match &target.refused {
                    Some(error) => file::error_fact(error, SOURCE, at),
                    None => Fact::known(self.waits(target, track, now), source(target.kind), at),
                },
            })
            .collect();
        locks.extend(self.refused.iter().map(|(path, error)| WatchedLock {
            path: path.to_string_lossy().into_owned(),
            kind: LockKind::WalWriter,
            purpose: "database".to_owned(),
            held_for_life: false,
            waits: file::error_fact(error, SOURCE, at),
        }));
        locks
    }

    fn waits(&self, target: &Target, track: &Track, now: u64) -> Waits {
        let estimate = track.recorder.estimate(now);
        let hold = |held: Held| self.hold(held, target);
        Waits { longest: estimate.longest.map(hold), running: estimate.running.map(hold), ..estimate.waits }
    }

    fn hold(&self, held: Held, target: &Target) -> Hold {
        let micros = i64::try_from(held.since_us).unwrap_or(i64::MAX);
        let seen = self.begun_at.checked_add(SignedDuration::from_micros(micros)).unwrap_or(self.begun_at);
        // A lock file tells its age, however late it was seen.
        let made = target.made_at().filter(|made| held.running && *made < seen);
        let since = made.unwrap_or(seen);
        let before_s = seen.duration_since(since).as_secs_f64();
        // A running holder may have changed its title since.
        let now = held.holder.filter(|_| held.running).and_then(os::program);
        Hold {
            seconds: seconds(held.length_us) + before_s,
            pid: held.holder,
            program: now.or_else(|| self.programs.get(&held.holder?).cloned().flatten()),
            since,
            running: held.running,
            at_least: held.at_least && made.is_none(),
        }
    }
}

fn source(kind: LockKind) -> &'static str {
    match kind {
        LockKind::ExclusiveFile => EXISTENCE,
        LockKind::SqliteLockFile | LockKind::WalWriter | LockKind::RollbackDatabase => SOURCE,
    }
}

impl Governor {
    fn judge(&mut self, now: u64, budget: f64) {
        self.next = now + GOVERN_US;
        let Some(used) = cpu_time() else { return };
        let before = self.last;
        self.last = Spent { at: now, used };
        let share = used.saturating_sub(before.used).as_secs_f64() / seconds(now.saturating_sub(before.at)).max(1e-6);
        self.scale = if share > budget {
            (self.scale * (share / budget).min(2.0)).min(MAX_SCALE)
        } else {
            (self.scale * 0.9).max(1.0)
        };
    }

    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "below a second"
    )]
    fn scaled(&self, microseconds: u64) -> u64 {
        (microseconds as f64 * self.scale) as u64
    }
}

/// A pause whose end does not depend on how long it has lasted, so that no holder's rhythm can hide between looks.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "below a minute"
)]
fn pause(random: &mut fastrand::Rng, mean: u64) -> u64 {
    // 1 - f64() is above 0, whose logarithm there is none of.
    (-(1.0 - random.f64()).ln() * mean as f64) as u64
}

/// What the calling thread has used of a processor.
fn cpu_time() -> Option<Duration> {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).ok().map(Duration::from)
}
