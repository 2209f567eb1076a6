//! Events: what happened, each told once.

mod body;
mod fields;

pub use body::{
    AcceptanceFinished, AgentStarted, Body, BodyError, FindingClosed, FindingOpened, ImageChanged, SpoolDropped,
    SpoolRefused, VerdictChanged,
};
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::otlp::SeverityNumber;

/// Attribute of each log record: the event's own identity, a UUID of version 7. What arrives twice with the same one happened once.
pub const ID: &str = "log.record.uid";

/// The name of an event, as in a log record's `event_name`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Name {
    /// The daemon started.
    AgentStarted,
    /// The report is another one; its body is the whole report.
    Report,
    /// The verdict or its causes changed.
    VerdictChanged,
    /// A finding was not there before.
    FindingOpened,
    /// A finding is no longer there.
    FindingClosed,
    /// An acceptance came to an end.
    AcceptanceFinished,
    /// The images that run, their pins or what the registry says of them changed.
    ImageChanged,
    /// Records were dropped from the spool, since its bound was reached.
    SpoolDropped,
    /// The endpoint refused records for good; they were set aside.
    SpoolRefused,
}

impl Name {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::AgentStarted,
        Self::Report,
        Self::VerdictChanged,
        Self::FindingOpened,
        Self::FindingClosed,
        Self::AcceptanceFinished,
        Self::ImageChanged,
        Self::SpoolDropped,
        Self::SpoolRefused,
    ];

    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AgentStarted => "portreeve.agent.started",
            Self::Report => "portreeve.report",
            Self::VerdictChanged => "portreeve.verdict.changed",
            Self::FindingOpened => "portreeve.finding.opened",
            Self::FindingClosed => "portreeve.finding.closed",
            Self::AcceptanceFinished => "portreeve.acceptance.finished",
            Self::ImageChanged => "portreeve.image.changed",
            Self::SpoolDropped => "portreeve.spool.dropped",
            Self::SpoolRefused => "portreeve.spool.refused",
        }
    }

    /// The event with this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == name)
    }

    /// What it tells, for the documentation.
    pub fn description(self) -> &'static str {
        match self {
            Self::AgentStarted => "The daemon started.",
            Self::Report => "The report is another one than before, times left aside. The body is the whole report.",
            Self::VerdictChanged => "The verdict or its causes changed.",
            Self::FindingOpened => "A finding stands that did not stand before, or its severity or waiver changed.",
            Self::FindingClosed => "A finding no longer stands.",
            Self::AcceptanceFinished => "A full acceptance of the node ended, or a person accepted it.",
            Self::ImageChanged => "What runs for an image, its pin, or what its registry says of it changed.",
            Self::SpoolDropped => "Records were dropped undelivered, since the spool's bound was reached.",
            Self::SpoolRefused => "The endpoint refused records for good; they were set aside.",
        }
    }
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Its identity, a UUID of version 7: [`ID`].
    pub id: Uuid,
    /// When it happened.
    pub at: Timestamp,
    /// What.
    pub body: Body,
}

impl Event {
    /// Its name.
    pub fn name(&self) -> Name {
        self.body.name()
    }

    /// How bad it is.
    pub fn severity(&self) -> SeverityNumber {
        self.body.severity()
    }
}

/// An event's identity: a UUID of version 7 of this time, the same for the same words.
pub fn id(at: Timestamp, words: &[&str]) -> Uuid {
    let mut hash = Sha256::new();
    for word in words {
        hash.update(word.len().to_be_bytes());
        hash.update(word.as_bytes());
    }
    let digest: [u8; 32] = hash.finalize().into();
    let mut tail = [0; 10];
    tail.iter_mut().zip(digest).for_each(|(to, from)| *to = from);
    let ms = u64::try_from(at.as_millisecond()).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(ms, &tail).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_words_at_the_same_time_are_the_same_event() {
        let at = Timestamp::from_second(1_800_000_000).unwrap();
        let one = id(at, &["a", "b"]);
        assert_eq!(one, id(at, &["a", "b"]));
        assert_ne!(one, id(at, &["ab", ""]));
        assert_eq!(one.get_version_num(), 7);
        let later = at + jiff::SignedDuration::from_secs(1);
        assert!(id(later, &["a", "b"]) > one);
    }

    #[test]
    fn names_are_found_again() {
        for name in Name::ALL {
            assert_eq!(Name::parse(name.as_str()), Some(name));
        }
        assert_eq!(Name::parse("portreeve.other"), None);
    }
}
