//! How a node stands on the board: its own verdict, less what people waived here, or that it is not heard of.

use std::sync::Arc;

use jiff::Timestamp;
use portreeve_core::{Code, Verdict};

use super::decisions::{Decisions, Waiver};
use crate::index::{Brief, FindingBrief, NodeSummary, Presence};

/// How a node stands, the most pressing first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Standing {
    /// An error stands.
    Blocked,
    /// It could not be told, or it never reported.
    Unknown,
    /// It was silent for three beats. Its gateway may work.
    Absent,
    /// Ready, with warnings.
    Degraded,
    /// Every rung is proven.
    Ready,
}

impl Standing {
    /// All, the most pressing first.
    pub(crate) const ALL: [Self; 5] = [Self::Blocked, Self::Unknown, Self::Absent, Self::Degraded, Self::Ready];

    /// As addresses and style sheets name it, and people.
    pub(crate) fn key(self) -> &'static str {
        match self {
            Self::Blocked => "blocked",
            Self::Unknown => "unknown",
            Self::Absent => "absent",
            Self::Degraded => "degraded",
            Self::Ready => "ready",
        }
    }

    /// As people read it.
    pub(crate) fn word(self) -> &'static str {
        self.key()
    }

    /// From what [`Standing::key`] writes.
    pub(crate) fn from_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|standing| standing.key() == key)
    }
}

impl From<Verdict> for Standing {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Ready => Self::Ready,
            Verdict::Degraded => Self::Degraded,
            Verdict::Blocked => Self::Blocked,
            Verdict::Unknown => Self::Unknown,
        }
    }
}

/// What a standing rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ground {
    /// Nothing needs to be said.
    Nothing,
    /// A finding, by its place in the brief.
    Finding(usize),
    /// A root cause, by its place in the brief, of which no finding tells.
    Cause(usize),
    /// It is in quarantine.
    Quarantine,
    /// It was not heard of for three beats.
    Silent,
    /// It never reported.
    New,
    /// It may no longer report.
    Revoked,
    /// Something could not be seen.
    Unseen,
}

/// A node and how it stands.
#[derive(Debug, Clone)]
pub(crate) struct Item {
    /// The node.
    pub(crate) node: Arc<NodeSummary>,
    /// How it stands.
    pub(crate) standing: Standing,
    /// Since when.
    pub(crate) since: Timestamp,
    /// Root causes beside the one that is told.
    pub(crate) more: usize,
    /// Findings that a waiver of the board takes out.
    pub(crate) waived: usize,
    ground: Ground,
}

impl Item {
    /// Judges a node.
    pub(crate) fn of(node: Arc<NodeSummary>, decisions: &Decisions, now: Timestamp) -> Self {
        let brief = &node.brief;
        let waivers: Vec<&Waiver> = decisions.waivers_of(node.key, now).collect();
        let is_waived =
            |finding: &FindingBrief| waivers.iter().any(|waiver| waiver.covers(&finding.code, &finding.subject));
        let waived = if waivers.is_empty() { 0 } else { brief.findings.iter().filter(|one| is_waived(one)).count() };
        let mut since = node.since.unwrap_or(node.enrolled_at);
        let (standing, ground, more) = if node.revoked_at.is_some() {
            since = node.revoked_at.unwrap_or(since);
            (Standing::Absent, Ground::Revoked, 0)
        } else if node.presence == Presence::Absent {
            since = node.presence_since;
            (Standing::Absent, Ground::Silent, 0)
        } else {
            match node.verdict() {
                None => (Standing::Unknown, Ground::New, 0),
                Some(verdict) => {
                    let standing = if waived == 0 { verdict.into() } else { without(brief, verdict, is_waived) };
                    if waived > 0 && standing != verdict.into() {
                        since = waivers.iter().map(|waiver| waiver.at).max().map_or(since, |at| at.max(since));
                    }
                    let (ground, more) = ground(&node, standing, is_waived);
                    (standing, ground, more)
                }
            }
        };
        Self { node, standing, since, more, waived, ground }
    }

    /// Whether this is the same node, with nothing new of it, and stands the same.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        let standing = |item: &Self| (item.standing, item.since, item.more, item.waived, item.ground);
        Arc::ptr_eq(&self.node, &other.node) && standing(self) == standing(other)
    }

    /// Code of the root cause, or a word for what is no finding; empty for a node that is ready.
    pub(crate) fn cause(&self) -> &str {
        let brief = &self.node.brief;
        match self.ground {
            Ground::Nothing => "",
            Ground::Finding(at) => brief.findings.get(at).map_or("", |finding| &finding.code),
            Ground::Cause(at) => brief.root_causes.get(at).map_or("", |code| code),
            Ground::Quarantine => "quarantine",
            Ground::Silent => "absent",
            Ground::New => "never reported",
            Ground::Revoked => "revoked",
            Ground::Unseen => "not seen",
        }
    }

    /// Whether [`Item::cause`] is a finding of the catalogue.
    pub(crate) fn is_finding(&self) -> bool {
        matches!(self.ground, Ground::Finding(_) | Ground::Cause(_))
    }

    /// One sentence on it.
    pub(crate) fn says(&self) -> &str {
        let brief = &self.node.brief;
        match self.ground {
            Ground::Nothing => "",
            Ground::Finding(at) => brief.findings.get(at).map_or("", |finding| &finding.summary),
            Ground::Cause(at) => brief.root_causes.get(at).map_or("", |code| title(code)),
            Ground::Quarantine => {
                let reasons = brief.quarantine.as_ref().map(|quarantine| &quarantine.reasons);
                reasons
                    .and_then(|reasons| reasons.first())
                    .map_or("It is another than the node that was accepted", |reason| reason)
            }
            Ground::Silent => "Silent for three beats; its gateway may work",
            Ground::New => "Enrolled, and sent no report yet",
            Ground::Revoked => "Its credential was revoked",
            Ground::Unseen => "Something that readiness depends on could not be seen",
        }
    }
}

/// What a finding means, where its code is one that this program knows.
pub(crate) fn title(code: &str) -> &'static str {
    Code::ALL.iter().find(|known| known.as_str() == code).map_or("", |known| known.entry().title)
}

/// The verdict as if what is waived were not there. That proves nothing: what an error kept from being proven is not known.
fn without(brief: &Brief, verdict: Verdict, is_waived: impl Fn(&FindingBrief) -> bool) -> Standing {
    let findings = &brief.findings;
    let left = |severity: &str| findings.iter().any(|one| one.severity == severity && !one.waived && !is_waived(one));
    let took = |severity: &str| findings.iter().any(|one| one.severity == severity && !one.waived && is_waived(one));
    match verdict {
        Verdict::Blocked if left("error") || !took("error") => Standing::Blocked,
        Verdict::Blocked if brief.unproven => Standing::Unknown,
        Verdict::Blocked | Verdict::Degraded if left("warning") => Standing::Degraded,
        Verdict::Degraded if !took("warning") => Standing::Degraded,
        Verdict::Blocked | Verdict::Degraded | Verdict::Ready => Standing::Ready,
        Verdict::Unknown => Standing::Unknown,
    }
}

fn ground(node: &NodeSummary, standing: Standing, is_waived: impl Fn(&FindingBrief) -> bool) -> (Ground, usize) {
    let brief = &node.brief;
    let severity = match standing {
        Standing::Blocked => "error",
        Standing::Degraded => "warning",
        _ => "",
    };
    let in_force = |one: &FindingBrief| one.severity == severity && !one.waived && !is_waived(one);
    let causes = |explained: bool| {
        let all = brief.findings.iter().enumerate();
        all.filter(move |(_, one)| in_force(one) && (!one.explained || explained)).map(|(at, _)| at)
    };
    // A cause that was waived leaves what it explained standing by itself.
    let explained = causes(false).next().is_none();
    match causes(explained).next() {
        Some(first) => (Ground::Finding(first), causes(explained).count() - 1),
        None if standing == Standing::Blocked && !brief.root_causes.is_empty() => {
            (Ground::Cause(0), brief.root_causes.len() - 1)
        }
        None if brief.quarantine.is_some() => (Ground::Quarantine, 0),
        None if standing == Standing::Unknown => (Ground::Unseen, 0),
        None => (Ground::Nothing, 0),
    }
}
