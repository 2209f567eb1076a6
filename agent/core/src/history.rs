//! How the verdict on a node changed, for what cause and for how long.

use std::time::Duration;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::report::Verdict;
use crate::status::{Cause, Judgement};

/// The name and version of the form in which it is kept.
pub const SCHEMA: &str = "portreeve.history/1";
/// Most spells that are kept.
pub const MOST: usize = 300;
/// Most causes that are kept of one spell.
const MOST_CAUSES: usize = 8;

/// Verdicts, oldest first, bounded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct History {
    /// [`SCHEMA`].
    pub schema: String,
    /// The spells; the last one goes on.
    pub spells: Vec<Spell>,
}

/// A time over which the verdict and its causes stayed the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Spell {
    /// The verdict.
    pub verdict: Verdict,
    /// Why, as far as it was ever known in this spell.
    pub causes: Vec<Cause>,
    /// Since when, by the time of day.
    #[schemars(with = "String")]
    pub since: Timestamp,
    /// When it was last confirmed, by the time of day.
    #[schemars(with = "String")]
    pub confirmed_at: Timestamp,
    /// For how many seconds it has been seen to last, on a clock that is never set.
    pub lasted_s: u64,
    /// The boot of the machine in which it was seen; one spell does not outlast a boot.
    pub boot: Option<String>,
    /// Seconds since that boot at which it was last confirmed.
    pub confirmed_at_uptime_s: u64,
    /// Whether the daemon was not there when it ended, so that it may have lasted longer.
    #[serde(default)]
    pub cut: bool,
}

/// The verdict is not what it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What it was; none for the first of all.
    pub from: Option<Verdict>,
    /// For how many seconds it was that.
    pub after_s: Option<u64>,
    /// The new spell.
    pub to: Spell,
}

/// The moment of a verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moment {
    /// By the time of day.
    pub wall: Timestamp,
    /// Since the machine booted, its sleep included.
    pub uptime: Duration,
    /// What names this boot.
    pub boot: Option<String>,
}

/// Why what was kept is no history.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// It is damaged.
    #[error("the history is damaged")]
    Damaged(#[source] serde_json::Error),
    /// A later version of the agent has written it.
    #[error("the history has the form `{0}`, which this version does not know")]
    Unknown(String),
}

impl Default for History {
    fn default() -> Self {
        Self { schema: SCHEMA.to_owned(), spells: Vec::new() }
    }
}

impl History {
    /// Reads what was kept, by this version or by an earlier one.
    pub fn parse(bytes: &[u8]) -> Result<Self, HistoryError> {
        #[derive(Deserialize)]
        struct Form {
            schema: String,
        }
        let form: Form = serde_json::from_slice(bytes).map_err(HistoryError::Damaged)?;
        // A later form adds an arm that turns the earlier one into it.
        let mut history: Self = match form.schema.as_str() {
            SCHEMA => crate::json::parse(bytes).map_err(HistoryError::Damaged)?,
            _ => return Err(HistoryError::Unknown(form.schema)),
        };
        history.bound();
        Ok(history)
    }

    /// The spell that goes on.
    pub fn current(&self) -> Option<&Spell> {
        self.spells.last().filter(|spell| !spell.cut)
    }

    /// Takes the history up after the daemon was away. What was confirmed no longer than `patience` ago in the same boot goes on.
    pub fn resume(&mut self, now: &Moment, patience: Duration) {
        if let Some(spell) = self.spells.last_mut().filter(|spell| !spell.cut) {
            let is_same_boot = now.boot.is_some() && spell.boot == now.boot;
            let away = now.uptime.as_secs().checked_sub(spell.confirmed_at_uptime_s);
            spell.cut = !is_same_boot || away.is_none_or(|away| away > patience.as_secs());
        }
    }

    /// Takes a verdict in, and gives the change if it is one.
    pub fn note(&mut self, judgement: &Judgement, now: &Moment) -> Option<Change> {
        let causes: Vec<Cause> = judgement.causes.iter().take(MOST_CAUSES).cloned().collect();
        let last = self.spells.last_mut();
        let (mut from, mut after_s) = (None, None);
        if let Some(spell) = last {
            from = Some(spell.verdict);
            let is_open = !spell.cut && spell.boot == now.boot;
            if is_open {
                spell.confirm(now);
            } else {
                spell.cut = true;
            }
            if is_open && spell.verdict == judgement.verdict && is_same(&spell.causes, &causes) {
                spell.causes = causes;
                return None;
            }
            after_s = Some(spell.lasted_s);
        }
        let to = Spell {
            verdict: judgement.verdict,
            causes,
            since: now.wall,
            confirmed_at: now.wall,
            lasted_s: 0,
            boot: now.boot.clone(),
            confirmed_at_uptime_s: now.uptime.as_secs(),
            cut: false,
        };
        self.spells.push(to.clone());
        self.bound();
        Some(Change { from, after_s, to })
    }

    fn bound(&mut self) {
        let surplus = self.spells.len().saturating_sub(MOST);
        self.spells.drain(..surplus);
    }
}

impl Spell {
    fn confirm(&mut self, now: &Moment) {
        let passed = now.uptime.as_secs().saturating_sub(self.confirmed_at_uptime_s);
        self.lasted_s = self.lasted_s.saturating_add(passed);
        self.confirmed_at_uptime_s = now.uptime.as_secs();
        self.confirmed_at = now.wall;
    }
}

/// Whether the same is wrong with the same; how it is put may differ.
fn is_same(before: &[Cause], now: &[Cause]) -> bool {
    before.len() == now.len()
        && before.iter().zip(now).all(|(before, now)| before.code == now.code && before.subject == now.subject)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::catalogue::Code;

    fn judgement(verdict: Verdict, causes: &[Code]) -> Judgement {
        let causes = causes.iter().map(|code| Cause {
            code: Some(*code),
            subject: "port:18789".to_owned(),
            summary: "…".to_owned(),
        });
        Judgement { verdict, causes: causes.collect(), ..Judgement::unknown("test", Timestamp::UNIX_EPOCH) }
    }

    fn at(second: u64) -> Moment {
        let wall = Timestamp::from_second(1_800_000_000 + i64::try_from(second).unwrap()).unwrap();
        Moment { wall, uptime: Duration::from_secs(1_000 + second), boot: Some("one".to_owned()) }
    }

    #[test]
    fn a_change_has_its_cause_and_how_long_it_was_otherwise() {
        let mut history = History::default();
        let ready = judgement(Verdict::Ready, &[]);
        let first = history.note(&ready, &at(0)).unwrap();
        assert_eq!((first.from, first.after_s), (None, None));
        assert_eq!(history.note(&ready, &at(600)), None);
        let down = judgement(Verdict::Blocked, &[Code::PortSilent]);
        let change = history.note(&down, &at(700)).unwrap();
        assert_eq!((change.from, change.after_s), (Some(Verdict::Ready), Some(700)));
        assert_eq!(change.to.causes.first().unwrap().code, Some(Code::PortSilent));
        assert_eq!(history.note(&down, &at(760)), None);
        assert!(history.note(&judgement(Verdict::Blocked, &[Code::TokenSplit]), &at(800)).is_some(), "another cause");
        assert_eq!(history.spells.iter().map(|spell| spell.lasted_s).collect::<Vec<_>>(), [700, 100, 0]);
    }

    #[test]
    fn a_clock_that_is_set_changes_no_duration() {
        let mut history = History::default();
        history.note(&judgement(Verdict::Ready, &[]), &at(0));
        let set = Moment { wall: Timestamp::from_second(1_000_000_000).unwrap(), ..at(300) };
        let change = history.note(&judgement(Verdict::Blocked, &[]), &set).unwrap();
        assert_eq!(change.after_s, Some(300));
    }

    #[test]
    fn a_short_absence_of_the_daemon_is_bridged_and_a_boot_is_not() {
        let mut history = History::default();
        let ready = judgement(Verdict::Ready, &[]);
        history.note(&ready, &at(0));
        history.note(&ready, &at(60));
        let mut resumed = History::parse(&serde_json::to_vec(&history).unwrap()).unwrap();
        resumed.resume(&at(90), Duration::from_mins(30));
        assert_eq!(resumed.note(&ready, &at(90)), None);
        assert_eq!(resumed.current().unwrap().lasted_s, 90);
        let rebooted = Moment { boot: Some("two".to_owned()), uptime: Duration::from_secs(20), ..at(100) };
        history.resume(&rebooted, Duration::from_mins(30));
        assert!(history.current().is_none());
        let change = history.note(&ready, &rebooted).unwrap();
        assert_eq!(change.after_s, Some(60), "as far as it was seen");
        assert!(history.spells.first().unwrap().cut);
        let mut late = resumed.clone();
        late.resume(&at(9_000), Duration::from_mins(30));
        assert!(late.current().is_none());
    }

    #[test]
    fn what_a_later_version_wrote_is_not_taken_for_empty() {
        assert!(matches!(History::parse(b"{\"schema\":\"portreeve.history/2\"}"), Err(HistoryError::Unknown(_))));
        assert!(matches!(History::parse(b"{\"schema\""), Err(HistoryError::Damaged(_))));
    }

    proptest! {
        #[test]
        fn it_stays_bounded_and_spells_differ(verdicts in proptest::collection::vec(0_u8..4, 0..700)) {
            let mut history = History::default();
            for (second, verdict) in verdicts.iter().enumerate() {
                let verdict = match verdict { 0 => Verdict::Ready, 1 => Verdict::Degraded, 2 => Verdict::Blocked, _ => Verdict::Unknown };
                history.note(&judgement(verdict, &[]), &at(second as u64));
            }
            prop_assert!(history.spells.len() <= MOST);
            for pair in history.spells.windows(2) {
                prop_assert_ne!(pair[0].verdict, pair[1].verdict);
            }
            prop_assert!(History::parse(&serde_json::to_vec(&history).unwrap()).is_ok());
        }
    }
}
