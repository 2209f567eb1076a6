//! What everybody on the node may read of the daemon's last verdict. It holds no secret.

mod usage;

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::usage::{Budget, Usage};
use crate::Maintenance;
use crate::acceptance::Quarantine;
use crate::catalogue::{Code, Layer};
use crate::delivery::Delivery;
use crate::history::Moment;
use crate::report::{Agent, LayerState, LayerSummary, Report, Verdict};
use crate::schedule::{Lane, LaneState};

/// The name and version of the document's form. Changes are additive only.
pub const SCHEMA: &str = "portreeve.status/1";
/// Beats that may be missed before the document is out of date.
pub const MISSED_BEATS: u32 = 3;
/// Exit status of what is not known (`EX_TEMPFAIL`).
pub const NOT_KNOWN: u8 = 75;
/// Most causes that are told.
const MOST_CAUSES: usize = 16;

/// What a look at everything came to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Judgement {
    /// When the facts were taken.
    pub at: Timestamp,
    /// The verdict.
    pub verdict: Verdict,
    /// The exit status that `check` would have given.
    pub exit_status: u8,
    /// Root causes, most upstream first; why it is not known where it is not.
    pub causes: Vec<Cause>,
    /// State of each layer.
    pub layers: BTreeMap<Layer, LayerSummary>,
    /// Keyed fingerprint of the hardware's identity.
    pub node: Option<String>,
    /// That somebody works on the node.
    #[serde(default)]
    pub maintenance: Option<Maintenance>,
    /// The quarantine that the node is in.
    #[serde(default)]
    pub quarantine: Option<Quarantine>,
}

/// Why the verdict is what it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Cause {
    /// The finding; none where the node could not be looked at.
    pub code: Option<Code>,
    /// What it is about: `port:18789`.
    pub subject: String,
    /// One sentence.
    pub summary: String,
}

impl Judgement {
    /// That of a report.
    pub fn of(report: &Report) -> Self {
        let causes = report.findings.iter().filter(|finding| finding.is_root_cause()).map(|finding| Cause {
            code: Some(finding.code),
            subject: format!("{}:{}", finding.subject.kind, finding.subject.id),
            summary: finding.summary.clone(),
        });
        let blind = report.blind.iter().filter(|blind| blind.readiness).map(|blind| Cause {
            code: Some(Code::AgentBlind),
            subject: format!("observer:{}", blind.what),
            summary: format!("{} could not be seen: {}", blind.what, blind.why),
        });
        let mut causes: Vec<Cause> = causes.take(MOST_CAUSES).collect();
        if report.verdict == Verdict::Unknown {
            causes.extend(blind.take(MOST_CAUSES));
            if causes.is_empty() {
                let unproven = report.layers.iter().filter(|(_, layer)| layer.state == LayerState::Unknown);
                causes.extend(unproven.take(1).map(|(layer, summary)| Cause {
                    code: None,
                    subject: format!("layer:{layer}"),
                    summary: summary.detail.clone(),
                }));
            }
        }
        Self {
            at: report.generated_at,
            verdict: report.verdict,
            exit_status: report.exit_status(false),
            causes,
            layers: report.layers.clone(),
            node: report.node.id.clone(),
            maintenance: report.maintenance.clone(),
            quarantine: report.quarantine.clone(),
        }
    }

    /// Where nothing could be looked at.
    pub fn unknown(why: &str, at: Timestamp) -> Self {
        let cause = Cause { code: None, subject: "agent:daemon".to_owned(), summary: why.to_owned() };
        Self {
            at,
            verdict: Verdict::Unknown,
            exit_status: NOT_KNOWN,
            causes: vec![cause],
            layers: BTreeMap::new(),
            node: None,
            maintenance: None,
            quarantine: None,
        }
    }
}

/// The document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Status {
    /// [`SCHEMA`].
    pub schema: String,
    /// When it was written.
    #[schemars(with = "String")]
    pub written_at: Timestamp,
    /// Seconds after which it is written again, whatever happens. After three times as long it is out of date.
    pub beat_s: u64,
    /// The agent that runs.
    pub agent: Agent,
    /// The daemon.
    pub daemon: Daemon,
    /// Keyed fingerprint of the hardware's identity.
    pub node: Option<String>,
    /// The verdict.
    pub verdict: Verdict,
    /// The exit status that `check` would have given.
    pub exit_status: u8,
    /// Since when the verdict and its causes are what they are.
    #[schemars(with = "String")]
    pub since: Timestamp,
    /// For how many seconds, on a clock that is never set.
    pub lasted_s: u64,
    /// When the facts were taken on which the verdict rests.
    #[schemars(with = "Option<String>")]
    pub judged_at: Option<Timestamp>,
    /// Root causes, most upstream first; why it is not known where it is not.
    pub causes: Vec<Cause>,
    /// State of each layer.
    pub layers: BTreeMap<Layer, LayerSummary>,
    /// That somebody works on the node: the verdict stands, and nothing is stopped or restarted for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maintenance: Option<Maintenance>,
    /// The quarantine that the node is in, since it is another than the one that was accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quarantine: Option<Quarantine>,
    /// What is done again and again.
    pub lanes: BTreeMap<Lane, LaneSummary>,
    /// What the daemon itself uses.
    pub usage: Option<Usage>,
    /// How delivery to a central endpoint goes; none where nothing is delivered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery: Option<Delivery>,
    /// What is wrong with the daemon itself: a configuration that was refused, a folder that cannot be written.
    pub problems: Vec<String>,
}

/// The daemon.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Daemon {
    /// Its process.
    pub pid: u32,
    /// When that started, in the system's own unit, so that another process of the same number is not taken for it.
    pub start: Option<u64>,
    /// Since when it runs.
    #[schemars(with = "String")]
    pub since: Timestamp,
    /// What names this boot of the machine.
    pub boot: Option<String>,
    /// Seconds since that boot at which this was written, sleep included.
    pub uptime_s: u64,
}

/// What became of a lane.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LaneSummary {
    /// When it last ended well.
    #[schemars(with = "Option<String>")]
    pub ended_at: Option<Timestamp>,
    /// Milliseconds that it took.
    pub took_ms: Option<u64>,
    /// How often it was begun since the daemon started.
    pub runs: u64,
    /// Seconds until it is due again, if nothing happens before.
    pub due_in_s: Option<u64>,
    /// Why the last one ended badly; none where it ended well.
    pub failure: Option<String>,
}

impl From<LaneState> for LaneSummary {
    fn from(state: LaneState) -> Self {
        Self {
            ended_at: state.ended_at,
            took_ms: state.took.map(|took| u64::try_from(took.as_millis()).unwrap_or(u64::MAX)),
            runs: state.runs,
            due_in_s: state.due_in.map(|due| due.as_secs()),
            failure: state.failure,
        }
    }
}

/// What the process table says of a daemon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alive {
    /// It runs.
    Yes,
    /// No such process, or another one of the same number.
    No,
    /// That cannot be seen.
    NotSeen,
}

impl Status {
    /// Why it must not be believed now, if so: the daemon is gone, or has not written for three beats.
    pub fn stale(&self, now: &Moment, alive: Alive) -> Option<String> {
        let daemon = &self.daemon;
        if daemon.boot.is_some() && now.boot.is_some() && daemon.boot != now.boot {
            return Some("the machine was started anew since, and the daemon was not".to_owned());
        }
        if alive == Alive::No {
            return Some(format!("the daemon (pid {}) does not run any more", daemon.pid));
        }
        let most = self.beat_s.saturating_mul(MISSED_BEATS.into());
        let age = self.age(now);
        (age > Duration::from_secs(most)).then(|| {
            format!(
                "the daemon (pid {}) has not written for {} s, and should every {} s",
                daemon.pid,
                age.as_secs(),
                self.beat_s
            )
        })
    }

    /// How old it is. Within one boot a clock that was set does not matter.
    pub fn age(&self, now: &Moment) -> Duration {
        if self.daemon.boot.is_some() && self.daemon.boot == now.boot {
            return Duration::from_secs(now.uptime.as_secs().saturating_sub(self.daemon.uptime_s));
        }
        Duration::try_from(now.wall.duration_since(self.written_at)).unwrap_or_default()
    }
}

/// The JSON Schema of [`StatusReport`].
pub fn json_schema() -> schemars::Schema {
    schemars::schema_for!(StatusReport)
}

/// What `status --json` prints: the document, and whether it may be believed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StatusReport {
    /// The document.
    #[serde(flatten)]
    pub status: Status,
    /// Seconds since it was written.
    pub age_s: u64,
    /// Why it must not be believed; none where it may.
    pub stale: Option<String>,
}

impl StatusReport {
    /// Judges a document.
    pub fn of(status: Status, now: &Moment, alive: Alive) -> Self {
        Self { age_s: status.age(now).as_secs(), stale: status.stale(now, alive), status }
    }

    /// The exit status: that of `check`, or 75 where the document is out of date.
    pub fn exit_status(&self) -> u8 {
        if self.stale.is_some() { NOT_KNOWN } else { self.status.exit_status }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status() -> Status {
        Status {
            schema: SCHEMA.to_owned(),
            written_at: Timestamp::UNIX_EPOCH,
            beat_s: 60,
            agent: Agent { version: "0.1.0".to_owned() },
            daemon: Daemon {
                pid: 42,
                start: Some(7),
                since: Timestamp::UNIX_EPOCH,
                boot: Some("one".to_owned()),
                uptime_s: 1_000,
            },
            node: None,
            verdict: Verdict::Ready,
            exit_status: 0,
            since: Timestamp::UNIX_EPOCH,
            lasted_s: 0,
            judged_at: None,
            causes: Vec::new(),
            layers: BTreeMap::new(),
            maintenance: None,
            quarantine: None,
            lanes: BTreeMap::new(),
            usage: None,
            delivery: None,
            problems: Vec::new(),
        }
    }

    fn at(uptime: u64, boot: &str) -> Moment {
        Moment { wall: Timestamp::UNIX_EPOCH, uptime: Duration::from_secs(uptime), boot: Some(boot.to_owned()) }
    }

    #[test]
    fn an_old_one_one_of_another_boot_and_one_of_a_dead_daemon_are_never_green() {
        let fresh = StatusReport::of(status(), &at(1_180, "one"), Alive::Yes);
        assert_eq!((fresh.exit_status(), fresh.stale.as_deref()), (0, None));
        for (now, alive, word) in [
            (at(1_181, "one"), Alive::Yes, "has not written for 181 s"),
            (at(1_001, "one"), Alive::No, "does not run"),
            (at(1_001, "two"), Alive::Yes, "started anew"),
        ] {
            let report = StatusReport::of(status(), &now, alive);
            assert_eq!(report.exit_status(), 75);
            assert!(report.stale.as_deref().is_some_and(|why| why.contains(word)), "{report:?}");
        }
    }

    #[test]
    fn a_clock_that_was_set_makes_no_document_old_or_young() {
        let mut now = at(1_010, "one");
        now.wall = Timestamp::from_second(4_000_000_000).unwrap();
        assert_eq!(status().stale(&now, Alive::NotSeen), None);
        assert_eq!(status().age(&now).as_secs(), 10);
    }
}
