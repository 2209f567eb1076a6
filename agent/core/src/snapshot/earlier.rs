//! What of an earlier look counts now: how often each job had been started by then.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Snapshot;

/// What the look before this one saw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Earlier {
    /// When it was taken.
    pub at: Timestamp,
    /// When the node had been booted, as far as its uptime tells: counts of another boot cannot be compared.
    pub booted_at: Option<Timestamp>,
    /// Starts of each job so far, by [`super::Unit::id`].
    pub runs: BTreeMap<String, u64>,
}

/// Starts between two looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Risen {
    /// How many.
    pub(crate) by: u64,
    /// Seconds between the looks.
    pub(crate) within_s: i64,
}

/// By how many seconds two looks may differ on when the node was booted.
const SAME_BOOT_S: i64 = 120;
/// Seconds after which a later look takes the place of the one that is compared with.
const KEEP_S: i64 = 600;

impl Earlier {
    /// What of a look will count later.
    pub fn of(snapshot: &Snapshot) -> Self {
        let runs = snapshot.units.units.iter().filter_map(|unit| Some((unit.id.clone(), unit.runtime.get()?.runs?)));
        Self { at: snapshot.taken_at, booted_at: booted_at(snapshot), runs: runs.collect() }
    }

    /// What the next look is to compare with: the earlier one until it is old enough to tell a storm, since looks follow each other
    /// closely while something changes; then this one.
    pub fn next(snapshot: &Snapshot) -> Self {
        let counts = |before: &&Self| {
            let age = snapshot.taken_at.duration_since(before.at).as_secs();
            (0..KEEP_S).contains(&age) && is_same_boot(before, snapshot)
        };
        snapshot.before.as_ref().filter(counts).cloned().unwrap_or_else(|| Self::of(snapshot))
    }
}

fn booted_at(snapshot: &Snapshot) -> Option<Timestamp> {
    let uptime = i64::try_from(*snapshot.node.host.uptime_s.get()?).ok()?;
    snapshot.taken_at.checked_sub(jiff::SignedDuration::from_secs(uptime)).ok()
}

fn is_same_boot(before: &Earlier, snapshot: &Snapshot) -> bool {
    let boots = before.booted_at.zip(booted_at(snapshot));
    boots.is_some_and(|(then, now)| now.duration_since(then).as_secs().abs() <= SAME_BOOT_S)
}

impl Snapshot {
    /// How often a job was started since the look before; none where that is not known, or was before a boot.
    pub(crate) fn risen(&self, unit: &str) -> Option<Risen> {
        let before = self.before.as_ref()?;
        let within_s = self.taken_at.duration_since(before.at).as_secs();
        if within_s <= 0 || !is_same_boot(before, self) {
            return None;
        }
        let runs = self.unit(unit)?.runtime.get()?.runs?;
        Some(Risen { by: runs.checked_sub(*before.runs.get(unit)?)?, within_s })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::fixture::{UNIT, ago, known, node, now, runtime};

    #[test]
    fn the_look_that_is_compared_with_stays_for_ten_minutes_of_one_boot() {
        let after = |seconds: i64, uptime_s: u64| {
            node(|node| {
                runtime(node).runs = Some(9);
                let mut earlier = Earlier::of(node);
                earlier.at = ago(seconds);
                earlier.runs.insert(UNIT.to_owned(), 2);
                node.before = Some(earlier);
                node.node.host.uptime_s = known(uptime_s);
            })
        };
        let first = node(|_| {});
        assert_eq!(Earlier::next(&first), Earlier::of(&first));
        assert_eq!(Earlier::next(&after(30, 864_000)).at, ago(30));
        assert_eq!(Earlier::next(&after(600, 864_000)).at, now());
        assert_eq!(Earlier::next(&after(30, 60)).at, now(), "another boot");
        assert_eq!(Earlier::next(&after(-30, 864_000)).at, now(), "the clock was set back");
        assert_eq!(after(30, 864_000).risen(UNIT), Some(Risen { by: 7, within_s: 30 }));
        assert_eq!(after(-30, 864_000).risen(UNIT), None);
    }
}
