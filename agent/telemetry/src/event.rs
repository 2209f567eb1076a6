//! Events: what happened, each told once.

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
}
