//! What the endpoint was told last, and what it is to be told now.
//!
//! A change becomes an event here first, and is kept with what was told; then it is spooled; then it is struck off. After a crash in
//! between, the same event with the same identity is spooled again, so that it happened once.

mod sameness;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use portreeve_core::acceptance::{AcceptedSummary, How, Quarantine};
use portreeve_core::history::Spell;
use portreeve_core::measure::ImageState;
use portreeve_core::order::Gather as _;
use portreeve_core::report::{Agent, NodeSummary, Remedy, Subject, Waived};
use portreeve_core::{Layer, Severity, Verdict};
pub use sameness::Sameness;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::event::{
    self, AcceptanceFinished, AgentStarted, Body, BodyError, Event, FindingClosed, FindingOpened, ImageChanged,
    SpoolDropped, SpoolRefused, VerdictChanged,
};

/// The name and version of the form in which it is kept.
pub const SCHEMA: &str = "portreeve.told/1";
/// Most events that wait to be spooled; the oldest go first.
pub const MAX_PENDING: usize = 512;
/// A report that differs only in numbers is told after so long.
const REFRESH: SignedDuration = SignedDuration::from_hours(1);

/// What the endpoint was told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Told {
    /// [`SCHEMA`].
    pub schema: String,
    /// Random: no two nodes, and no two beginnings of one, make the same identities.
    seed: String,
    /// How many events were ever made; each gets its identity from its number.
    made: u64,
    /// The endpoint that was told.
    #[serde(default)]
    pub endpoint: String,
    /// Since when there is somebody to tell.
    #[serde(default)]
    begun: Option<Timestamp>,
    /// Version of the agent that last ran.
    version: Option<String>,
    verdict: Option<ToldVerdict>,
    report: Option<ToldReport>,
    findings: BTreeMap<String, Open>,
    accepted: Option<Timestamp>,
    attempt: Option<Timestamp>,
    images: BTreeMap<String, ImageState>,
    pending: Vec<Pending>,
    /// Records that the endpoint had refused when it was last told of them.
    #[serde(default)]
    refused: u64,
    /// Events that were given up since too many waited to be spooled.
    #[serde(default)]
    pub given_up: u64,
}

/// The verdict that was told last, and since when it holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct ToldVerdict {
    verdict: Verdict,
    since: Timestamp,
}

/// The report that was told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToldReport {
    /// Identity of the event.
    pub id: Uuid,
    /// When its facts were taken.
    pub at: Timestamp,
    /// What tells it from others.
    pub words: String,
    /// What tells it from others, numbers included.
    pub exact: String,
    /// It is not spooled yet.
    pub pending: bool,
}

/// A finding that stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Open {
    code: String,
    severity: Severity,
    layer: Layer,
    subject: String,
    opened_at: Timestamp,
    waived: bool,
}

/// An event that is not known to be spooled.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Pending {
    id: Uuid,
    at: Timestamp,
    name: String,
    body: Value,
}

/// What of a report is compared.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Outline {
    /// When its facts were taken.
    pub generated_at: Timestamp,
    /// The agent that took them.
    pub agent: Agent,
    /// The node.
    pub node: NodeSummary,
    /// What was found.
    pub findings: Vec<Outlined>,
    /// The last acceptance.
    #[serde(default)]
    pub accepted: Option<AcceptedSummary>,
    /// The quarantine.
    #[serde(default)]
    pub quarantine: Option<Quarantine>,
}

/// What of a finding is compared and told.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Outlined {
    code: String,
    severity: Severity,
    layer: Layer,
    subject: Subject,
    summary: String,
    explained_by: Option<String>,
    remedy: Vec<Remedy>,
    waived: Option<Waived>,
}

impl Told {
    /// Nothing was told to this endpoint. `seed` is random.
    pub fn new(seed: Uuid, endpoint: &str) -> Self {
        Self {
            schema: SCHEMA.to_owned(),
            seed: seed.to_string(),
            made: 0,
            endpoint: endpoint.to_owned(),
            begun: None,
            version: None,
            verdict: None,
            report: None,
            findings: BTreeMap::new(),
            accepted: None,
            attempt: None,
            images: BTreeMap::new(),
            pending: Vec::new(),
            refused: 0,
            given_up: 0,
        }
    }

    /// Takes up what was kept; none where it has no form that is known, so that everything is told anew.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let told: Self = serde_json::from_slice(bytes).ok()?;
        (told.schema == SCHEMA).then_some(told)
    }

    /// The daemon has started. The version that ran before is added.
    pub fn started(&mut self, mut started: AgentStarted) {
        started.updated_from = self.version.take().filter(|before| *before != started.version);
        self.version = Some(started.version.clone());
        self.begun.get_or_insert(started.since);
        self.make(started.since, &Body::AgentStarted(started));
    }

    /// The verdicts so far, oldest first. Each that came after the last one told is told, or after there was anybody to tell; where no such
    /// place is known, only the last.
    pub fn judged(&mut self, spells: &[Spell]) {
        let first = match &self.verdict {
            Some(told) => spells.iter().rposition(|spell| spell.since == told.since).map(|told| told + 1),
            None => self.begun.and_then(|begun| spells.iter().position(|spell| spell.since >= begun)),
        };
        let first = first.unwrap_or(spells.len().saturating_sub(1));
        for (index, spell) in spells.iter().enumerate().skip(first) {
            let before = index.checked_sub(1).and_then(|before| spells.get(before));
            self.verdict = Some(ToldVerdict { verdict: spell.verdict, since: spell.since });
            let body = VerdictChanged {
                from: before.map(|before| before.verdict),
                after_s: before.map(|before| before.lasted_s),
                to: spell.verdict,
                since: spell.since,
                causes: spell.causes.clone(),
                boot: spell.boot.clone(),
            };
            self.make(spell.since, &Body::VerdictChanged(body));
        }
    }

    /// There is a report. Gives whether it is to be told.
    pub fn reported(&mut self, outline: &Outline, sameness: &Sameness) -> bool {
        self.compare_findings(outline);
        self.compare_acceptance(outline);
        let at = outline.generated_at;
        let is_due = |told: &ToldReport| {
            let is_old = at.duration_since(told.at).abs() >= REFRESH;
            told.words != sameness.words || told.exact != sameness.exact && is_old
        };
        if self.report.as_ref().is_none_or(is_due) {
            let id = self.next_id(at, event::Name::Report.as_str());
            let Sameness { words, exact } = sameness.clone();
            self.report = Some(ToldReport { id, at, words, exact, pending: true });
        }
        self.report.as_ref().is_some_and(|report| report.pending)
    }

    /// The report that is to be told, where it is this one. One that is gone is told no more.
    pub fn pending_report(&mut self, exact: &str) -> Option<ToldReport> {
        let report = self.report.as_mut()?;
        if report.exact != exact {
            report.pending = false;
        }
        Some(report.clone()).filter(|report| report.pending)
    }

    fn compare_findings(&mut self, outline: &Outline) {
        let at = outline.generated_at;
        let mut seen = BTreeSet::new();
        for finding in &outline.findings {
            let subject = format!("{}:{}", finding.subject.kind, finding.subject.id);
            let key = format!("{} {subject}", finding.code);
            // The same said twice of the same is one.
            if !seen.insert(key.clone()) {
                continue;
            }
            let waived = finding.waived.is_some();
            let before = self.findings.get(&key);
            if before.is_some_and(|open| open.severity == finding.severity && open.waived == waived) {
                continue;
            }
            let open = Open {
                code: finding.code.clone(),
                severity: finding.severity,
                layer: finding.layer,
                subject: subject.clone(),
                opened_at: before.map_or(at, |open| open.opened_at),
                waived,
            };
            let body = FindingOpened {
                key: key.clone(),
                code: finding.code.clone(),
                severity: finding.severity,
                layer: finding.layer,
                subject,
                summary: finding.summary.clone(),
                root_cause: finding.severity == Severity::Error && !waived && finding.explained_by.is_none(),
                explained_by: finding.explained_by.clone(),
                remedy: finding.remedy.clone(),
                waived: finding.waived.clone(),
                changed: before.is_some(),
            };
            self.findings.insert(key, open);
            self.make(at, &Body::FindingOpened(body));
        }
        let gone: Vec<String> = self.findings.keys().filter(|key| !seen.contains(*key)).cloned().collect();
        for key in gone {
            let Some(open) = self.findings.remove(&key) else { continue };
            let lasted_s = u64::try_from(at.duration_since(open.opened_at).as_secs()).unwrap_or(0);
            let Open { code, severity, layer, subject, opened_at, .. } = open;
            let body = FindingClosed { key, code, severity, layer, subject, opened_at, lasted_s };
            self.make(at, &Body::FindingClosed(body));
        }
    }

    fn compare_acceptance(&mut self, outline: &Outline) {
        let quarantine = outline.quarantine.as_ref();
        let os_build = outline.node.os_build.clone();
        let attempt = quarantine.and_then(|quarantine| Some((quarantine, quarantine.last_attempt?)));
        if let Some((quarantine, at)) = attempt.filter(|(_, at)| self.attempt != Some(*at)) {
            self.attempt = Some(at);
            let body = AcceptanceFinished {
                accepted: false,
                at,
                by: None,
                by_hand: false,
                reason: None,
                against: quarantine.reasons.clone(),
                os_build,
                occasions: quarantine.occasions.iter().map(|occasion| occasion.summary.clone()).collect(),
                attempts: quarantine.attempts,
            };
            self.make(at, &Body::AcceptanceFinished(body));
        }
        if let Some(accepted) = outline.accepted.as_ref().filter(|accepted| self.accepted != Some(accepted.at)) {
            self.accepted = Some(accepted.at);
            let body = AcceptanceFinished {
                accepted: true,
                at: accepted.at,
                by: Some(accepted.by.clone()),
                by_hand: accepted.how == How::ByHand,
                reason: accepted.reason.clone(),
                against: accepted.in_spite_of.clone(),
                os_build: accepted.os_build.clone(),
                occasions: Vec::new(),
                attempts: 0,
            };
            self.make(accepted.at, &Body::AcceptanceFinished(body));
        }
    }

    /// The images in use were looked at.
    pub fn images(&mut self, images: &BTreeMap<String, ImageState>, at: Timestamp) {
        let keys: BTreeSet<&String> = self.images.keys().chain(images.keys()).gather();
        let mut changes = Vec::new();
        for key in keys {
            let (from, to) = (self.images.get(key), images.get(key));
            if from != to {
                let used_by = to.or(from).map(|state| state.used_by.clone()).unwrap_or_default();
                let image = key.split(' ').next().unwrap_or(key).to_owned();
                changes.push(ImageChanged { image, used_by, from: from.cloned(), to: to.cloned() });
            }
        }
        self.images.clone_from(images);
        for change in changes {
            self.make(at, &Body::ImageChanged(change));
        }
    }

    /// Records were dropped from the spool.
    pub fn dropped(&mut self, dropped: SpoolDropped, at: Timestamp) {
        self.make(at, &Body::SpoolDropped(dropped));
    }

    /// The endpoint has refused so many records for good, in all.
    pub fn refused(&mut self, total: u64, why: Option<String>, at: Timestamp) {
        let records = total.saturating_sub(self.refused);
        self.refused = total;
        if records > 0 {
            self.make(at, &Body::SpoolRefused(SpoolRefused { records, total, why }));
        }
    }

    /// Events that are to be spooled, oldest first.
    pub fn pending(&self) -> impl Iterator<Item = Result<Event, BodyError>> {
        self.pending.iter().filter_map(|pending| {
            let name = event::Name::parse(&pending.name)?;
            let body = Body::parse(name, pending.body.clone());
            Some(body.map(|body| Event { id: pending.id, at: pending.at, body }))
        })
    }

    /// Whether something is to be spooled.
    pub fn is_pending(&self) -> bool {
        !self.pending.is_empty() || self.is_report_pending()
    }

    /// Whether the report is to be spooled.
    pub fn is_report_pending(&self) -> bool {
        self.report.as_ref().is_some_and(|report| report.pending)
    }

    /// What was pending is on the disk.
    pub fn settled(&mut self) {
        self.pending.clear();
        if let Some(report) = &mut self.report {
            report.pending = false;
        }
    }

    fn next_id(&mut self, at: Timestamp, name: &str) -> Uuid {
        self.made += 1;
        event::id(at, &[&self.seed, &self.made.to_string(), name])
    }

    fn make(&mut self, at: Timestamp, body: &Body) {
        let name = body.name();
        let id = self.next_id(at, name.as_str());
        // A body of these types is always JSON.
        let body = body.to_json().ok().and_then(|json| serde_json::from_slice(&json).ok()).unwrap_or_default();
        self.pending.push(Pending { id, at, name: name.as_str().to_owned(), body });
        let surplus = self.pending.len().saturating_sub(MAX_PENDING);
        self.given_up += self.pending.drain(..surplus).count() as u64;
    }
}
