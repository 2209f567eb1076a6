//! Acceptance and quarantine, as people and programs read them.

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::compare::{Difference, Weight};
use super::decide::{Check, CheckState, Decision, Outcome, retry_after_s};
use super::occasion::{Occasion, occasions};
use super::record::{AcceptedNode, By, How};
use crate::catalogue::Code;
use crate::report::{Agent, NodeSummary, Verdict};
use crate::snapshot::Snapshot;

/// The name and version of the report's form. Changes are additive only.
pub const SCHEMA: &str = "portreeve.acceptance/1";

/// A full acceptance of a node.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AcceptanceReport {
    /// [`SCHEMA`].
    pub schema: String,
    /// When the facts were taken.
    #[schemars(with = "String")]
    pub at: Timestamp,
    /// The agent that took them.
    pub agent: Agent,
    /// The node.
    pub node: NodeSummary,
    /// What the full acceptance says.
    pub outcome: Outcome,
    /// Whether the node is accepted in spite of it, since a person said so.
    pub by_hand: bool,
    /// Who had it accepted.
    pub by: String,
    /// Why, where a person said so.
    pub reason: Option<String>,
    /// Whether the node was never accepted before.
    pub first: bool,
    /// The acceptance that this one is compared with.
    pub before: Option<AcceptedSummary>,
    /// Why the node had to be accepted anew; empty where nothing called for it.
    pub occasions: Vec<OccasionSummary>,
    /// Since when the node is in quarantine; none where it is not.
    #[schemars(with = "Option<String>")]
    pub since: Option<Timestamp>,
    /// How many acceptances were tried in this quarantine, with this one.
    pub attempts: u32,
    /// Seconds after which the daemon tries again; none where it need not.
    pub retry_after_s: Option<u64>,
    /// The checks.
    pub checks: Vec<Check>,
    /// What differs from the accepted node, the heaviest first.
    pub differences: Vec<Difference>,
    /// What stands against it.
    pub reasons: Vec<String>,
    /// The verdict on the node without regard to its quarantine.
    pub verdict: Verdict,
    /// Its root causes.
    pub root_causes: Vec<Code>,
    /// Exit status of `portreeve accept`.
    pub exit_status: u8,
}

/// Why a node had to be accepted anew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OccasionSummary {
    /// What became another.
    #[serde(flatten)]
    pub occasion: Occasion,
    /// In words.
    pub summary: String,
}

/// The last acceptance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AcceptedSummary {
    /// When.
    #[schemars(with = "String")]
    pub at: Timestamp,
    /// By whom.
    pub by: String,
    /// How.
    pub how: How,
    /// Why, where a person said so.
    pub reason: Option<String>,
    /// What a full acceptance said against it, where it was accepted by hand.
    pub in_spite_of: Vec<String>,
    /// Build of the operating system that was accepted.
    pub os_build: Option<String>,
}

/// A quarantine that stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Quarantine {
    /// Since when, as far as that is known: the first acceptance that was tried, or else the boot.
    #[schemars(with = "Option<String>")]
    pub since: Option<Timestamp>,
    /// Why.
    pub occasions: Vec<OccasionSummary>,
    /// How many acceptances were tried.
    pub attempts: u32,
    /// When the last was tried.
    #[schemars(with = "Option<String>")]
    pub last_attempt: Option<Timestamp>,
    /// What stood against it.
    pub reasons: Vec<String>,
    /// Whether a person must say that this is the accepted node.
    pub needs_consent: bool,
}

impl From<Occasion> for OccasionSummary {
    fn from(occasion: Occasion) -> Self {
        Self { summary: occasion.summary(), occasion }
    }
}

impl From<&AcceptedNode> for AcceptedSummary {
    fn from(accepted: &AcceptedNode) -> Self {
        Self {
            at: accepted.at,
            by: accepted.by.clone(),
            how: accepted.how,
            reason: accepted.reason.clone(),
            in_spite_of: accepted.in_spite_of.clone(),
            os_build: accepted.baseline.system.as_ref().map(|system| system.build.clone()),
        }
    }
}

impl Quarantine {
    /// The quarantine of a node; none where it is in none, or where that cannot be told.
    pub fn of(snapshot: &Snapshot) -> Option<Self> {
        let accepted = snapshot.accepted.get()?;
        let occasions = occasions(accepted, snapshot);
        if occasions.is_empty() {
            return None;
        }
        let pending = accepted.pending_of(&occasions);
        let booted = || {
            let uptime = i64::try_from(*snapshot.node.host.uptime_s.get()?).ok()?;
            snapshot.taken_at.checked_sub(SignedDuration::from_secs(uptime)).ok()
        };
        // Neither another build nor other hardware comes without a boot; of the rest nobody knows when it came.
        let by_boot = occasions
            .iter()
            .any(|occasion| matches!(occasion, Occasion::SystemChanged { .. } | Occasion::HardwareChanged));
        let since = pending.map(|pending| pending.since).or_else(|| if by_boot { booted() } else { None });
        Some(Self {
            since,
            attempts: pending.map_or(0, |pending| pending.attempts),
            last_attempt: pending.map(|pending| pending.last),
            reasons: pending.map(|pending| pending.reasons.clone()).unwrap_or_default(),
            needs_consent: occasions.iter().any(Occasion::needs_consent),
            occasions: occasions.into_iter().map(Into::into).collect(),
        })
    }

    /// Why, in a few words: `build 25A354 → 25B78, OpenClaw 2026.9.6 → 2026.9.8`.
    pub fn because(&self) -> String {
        self.occasions.iter().map(|occasion| occasion.occasion.brief()).collect::<Vec<_>>().join(", ")
    }
}

impl AcceptanceReport {
    /// The report on a decision.
    pub fn of(snapshot: &Snapshot, decision: &Decision, by: &By) -> Self {
        let accepted = snapshot.accepted.get();
        let passed = decision.outcome == Outcome::Accepted;
        let by_hand = by.by_hand && !passed;
        let needs_consent =
            decision.checks.iter().any(|check| check.check == "identity" && check.state != CheckState::Pass);
        let waits = !passed && !by_hand && !decision.occasions.is_empty() && !needs_consent;
        Self {
            schema: SCHEMA.to_owned(),
            at: snapshot.taken_at,
            agent: decision.report.agent.clone(),
            node: decision.report.node.clone(),
            outcome: decision.outcome,
            by_hand,
            by: by.name.clone(),
            reason: by.reason.clone(),
            first: snapshot.accepted.is_absent(),
            before: accepted.map(Into::into),
            occasions: decision.occasions.iter().cloned().map(Into::into).collect(),
            since: decision.since,
            attempts: decision.attempts,
            retry_after_s: waits.then(|| retry_after_s(decision.attempts)),
            checks: decision.checks.clone(),
            differences: decision.differences.clone(),
            reasons: decision.reasons.clone(),
            verdict: decision.report.verdict,
            root_causes: decision.report.root_causes.clone(),
            exit_status: exit_status(decision, by_hand),
        }
    }
}

/// `0` accepted; `75` not yet, or not known; else that of the report, or `78` where the report has no error and something was lost.
fn exit_status(decision: &Decision, by_hand: bool) -> u8 {
    const NOT_KNOWN: u8 = 75;
    const ALIGNMENT: u8 = 78;
    let refuses = |check: &Check| check.state == CheckState::Fail;
    match decision.outcome {
        Outcome::Accepted => 0,
        _ if by_hand => 0,
        Outcome::NotYet => NOT_KNOWN,
        Outcome::Refused => {
            let lost = decision.differences.iter().any(|difference| difference.weight == Weight::Lost);
            match decision.report.exit_status(false) {
                0 if lost || decision.checks.iter().any(refuses) => ALIGNMENT,
                0 => NOT_KNOWN,
                status => status,
            }
        }
    }
}

/// The JSON Schema of [`AcceptanceReport`].
pub fn json_schema() -> schemars::Schema {
    schemars::schema_for!(AcceptanceReport)
}
