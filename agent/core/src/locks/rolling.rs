//! Windows of looks at locks, put together to one that moves with the time.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::Fact;
use crate::snapshot::{LockWait, Waits};

/// The name and version of the form in which it is kept.
pub(crate) const SCHEMA: &str = "portreeve.lock-windows/1";
/// Most windows that are kept.
const MOST: usize = 36;
/// An older window says nothing of now.
const MAX_AGE: SignedDuration = SignedDuration::from_hours(6);
/// By how much a window may lie ahead before the clock counts as set back.
const TOLERANCE: SignedDuration = SignedDuration::from_mins(10);

/// The last windows, oldest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Windows {
    /// Name and version of this form.
    pub schema: String,
    /// What each saw.
    windows: Vec<Vec<LockWait>>,
}

impl Default for Windows {
    fn default() -> Self {
        Self { schema: SCHEMA.to_owned(), windows: Vec::new() }
    }
}

impl Windows {
    /// Reads what was kept; nothing where it is of no form that this version knows: it is measured again soon.
    pub fn parse(bytes: &[u8]) -> Self {
        let windows: Option<Self> = crate::json::parse(bytes).ok();
        windows.filter(|windows| windows.schema == SCHEMA).unwrap_or_default()
    }

    /// Adds the newest, and drops what is too old or lies in the future.
    pub fn add(&mut self, window: Vec<LockWait>, now: Timestamp) {
        self.windows.push(window);
        self.windows.retain(|window| window.iter().any(|wait| is_current(wait, now)));
        let surplus = self.windows.len().saturating_sub(MOST);
        self.windows.drain(..surplus);
    }

    /// All of them as one window for each state directory. A lock that the newest did not see is left out.
    pub fn merged(&self, now: Timestamp) -> Vec<LockWait> {
        let mut windows = self.windows.iter().rev();
        let mut merged: Vec<LockWait> =
            windows.next().into_iter().flatten().filter(|wait| is_current(wait, now)).cloned().collect();
        for older in windows {
            for wait in &mut merged {
                let before = older.iter().find(|before| before.state_dir == wait.state_dir && is_current(before, now));
                if let Some(before) = before {
                    join(wait, before);
                }
            }
        }
        merged
    }
}

fn is_current(wait: &LockWait, now: Timestamp) -> bool {
    let age = now.duration_since(wait.at);
    age <= MAX_AGE && age >= -TOLERANCE
}

/// Puts an older window before a newer one.
fn join(wait: &mut LockWait, before: &LockWait) {
    let (new, old) = (wait.watched_s, before.watched_s);
    wait.cpu_percent = match (wait.cpu_percent, before.cpu_percent) {
        (Some(one), Some(other)) if new + old > 0.0 => Some((one * new + other * old) / (new + old)),
        (one, other) => one.or(other),
    };
    wait.watched_s = new + old;
    wait.at = wait.at.min(before.at);
    for lock in &mut wait.locks {
        let earlier = before.locks.iter().find(|earlier| earlier.path == lock.path && earlier.kind == lock.kind);
        let Some(earlier) = earlier.and_then(|earlier| earlier.waits.get()) else { continue };
        let joined = lock.waits.get().map(|waits| {
            let mut joined: Waits = earlier.clone();
            joined.merge(waits);
            joined
        });
        if let Some(joined) = joined {
            let facts: &Fact<Waits> = &lock.waits;
            lock.waits = facts.clone().map(|_| joined);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::{LockKind, WatchedLock};

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + minute * 60).unwrap()
    }

    fn window(minute: i64, held_us: u64) -> Vec<LockWait> {
        let waits = Waits {
            buckets: vec![(1, 10_000_000 - held_us), (3_000_000, held_us)],
            observed_us: 10_000_000,
            held_us,
            samples: 500,
            holds: 1,
            longest: None,
            running: None,
        };
        vec![LockWait {
            state_dir: "/s".to_owned(),
            at: at(minute),
            watched_s: 10.0,
            cpu_percent: Some(0.2),
            locks: vec![WatchedLock {
                path: "/s/state/openclaw.sqlite".to_owned(),
                kind: LockKind::WalWriter,
                purpose: "database".to_owned(),
                held_for_life: false,
                waits: Fact::known(waits, "test", at(minute)),
            }],
            file_system: Fact::absent("test", at(minute)),
        }]
    }

    #[test]
    fn short_windows_become_one_long_one() {
        let mut windows = Windows::default();
        for minute in 0..6 {
            windows.add(window(minute * 10, if minute == 0 { 1_000_000 } else { 0 }), at(minute * 10));
        }
        let windows = Windows::parse(&serde_json::to_vec(&windows).unwrap());
        let merged = windows.merged(at(51));
        let [dir] = merged.as_slice() else { panic!("{merged:?}") };
        assert!((dir.watched_s - 60.0).abs() < 1e-9 && dir.at == at(0));
        let waits = dir.locks.first().unwrap().waits.get().unwrap();
        assert_eq!((waits.observed_us, waits.held_us, waits.samples), (60_000_000, 1_000_000, 3_000));
    }

    #[test]
    fn what_is_old_or_lies_in_the_future_does_not_count() {
        let mut windows = Windows::default();
        windows.add(window(0, 0), at(0));
        windows.add(window(300, 0), at(300));
        let watched = |windows: &Windows, minute| windows.merged(at(minute)).first().unwrap().watched_s;
        assert!((watched(&windows, 301) - 20.0).abs() < 1e-9);
        assert!((watched(&windows, 400) - 10.0).abs() < 1e-9);
        assert!(windows.merged(at(0)).is_empty(), "set back by five hours");
        windows.add(window(0, 0), at(0));
        assert_eq!(windows.windows.len(), 2);
        assert!(Windows::parse(b"{}").merged(at(0)).is_empty());
    }

    #[test]
    fn no_more_are_kept_than_needed() {
        let mut windows = Windows::default();
        for minute in 0..200 {
            windows.add(window(minute, 0), at(minute));
        }
        assert_eq!(windows.windows.len(), MOST);
    }
}
