//! What is known of a node.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use portreeve_core::Verdict;
use serde::{Deserialize, Serialize};

use super::Brief;

/// The number by which the database knows a node. Never given to another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeKey(pub i64);

/// What is known of a node, in short.
#[derive(Debug, Clone)]
pub struct NodeSummary {
    /// The number by which the database knows it.
    pub key: NodeKey,
    /// Its identity: `service.instance.id`.
    pub id: String,
    /// The name it is known by here.
    pub name: String,
    /// Host name, as it enrolled.
    pub hostname: String,
    /// Version of its agent.
    pub agent_version: String,
    /// When it enrolled.
    pub enrolled_at: Timestamp,
    /// Since when it may no longer write; none where it may.
    pub revoked_at: Option<Timestamp>,
    /// When it was last heard of, by this machine's clock; none where it never was.
    pub last_seen: Option<Timestamp>,
    /// Whether it is heard of.
    pub presence: Presence,
    /// Since when that is so.
    pub presence_since: Timestamp,
    /// Seconds between two beats.
    pub interval_s: u32,
    /// Seconds that its clock was ahead of this machine's when it told of its last event, where it is more than the wire explains.
    pub clock_ahead_s: Option<i64>,
    /// Since when its verdict stands; none where it has none.
    pub since: Option<Timestamp>,
    /// When the facts of the current report were taken; none where it sent none.
    pub report_at: Option<Timestamp>,
    /// The longest wait for a lock that it told last; none where it told none.
    pub lock_wait: Option<LockWait>,
    /// The current report in short; the default where it sent none.
    pub brief: Arc<Brief>,
}

/// How long newcomers wait for the most contended lock of a node.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LockWait {
    /// 95 of 100 wait no longer, in seconds.
    pub p95_s: f64,
    /// What the lock protects.
    pub purpose: String,
    /// What kind of lock it is.
    pub kind: String,
    /// When it was told.
    pub at: Timestamp,
}

/// Whether a node is heard of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Presence {
    /// It enrolled and never reported.
    #[default]
    New,
    /// It reports.
    Present,
    /// It was silent for three beats. What is known of it is old. Its gateways may work.
    Absent,
}

impl LockWait {
    /// The lock as people read it: `database (wal-writer)`.
    pub fn lock(&self) -> String {
        match (self.purpose.as_str(), self.kind.as_str()) {
            ("", kind) => kind.to_owned(),
            (purpose, "") => purpose.to_owned(),
            (purpose, kind) => format!("{purpose} ({kind})"),
        }
    }
}

impl NodeSummary {
    /// Beats that a node may miss before it is absent.
    pub const BEATS: i64 = 3;

    /// Its verdict; none where it sent no report yet.
    pub fn verdict(&self) -> Option<Verdict> {
        self.brief.verdict
    }

    /// When it is absent, if nothing is heard of it.
    pub fn absent_at(&self) -> Option<Timestamp> {
        let silence = SignedDuration::from_secs(i64::from(self.interval_s.max(1)) * Self::BEATS);
        self.last_seen.and_then(|seen| seen.checked_add(silence).ok())
    }
}

impl Presence {
    /// As it is written: `new`, `present`, `absent`.
    pub fn name(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Present => "present",
            Self::Absent => "absent",
        }
    }

    /// From what [`Presence::name`] writes.
    pub fn from_name(name: &str) -> Self {
        match name {
            "present" => Self::Present,
            "absent" => Self::Absent,
            _ => Self::New,
        }
    }
}
