//! For how long a verdict stands.

use jiff::{SignedDuration, Timestamp};

/// A time to choose.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    /// As addresses name it.
    pub(super) key: &'static str,
    /// As people read it.
    pub(super) label: &'static str,
    hours: i64,
    over: bool,
}

/// Times to choose from.
pub(super) const SPANS: [Span; 6] = [
    Span { key: "1h", label: "Last hour", hours: 1, over: false },
    Span { key: "1d", label: "Last day", hours: 24, over: false },
    Span { key: "7d", label: "Last 7 days", hours: 7 * 24, over: false },
    Span { key: "over1h", label: "Over an hour", hours: 1, over: true },
    Span { key: "over1d", label: "Over a day", hours: 24, over: true },
    Span { key: "over7d", label: "Over 7 days", hours: 7 * 24, over: true },
];

impl Span {
    /// The time that divides, and whether what began before it is meant.
    pub(super) fn limit(self, now: Timestamp) -> Option<(Timestamp, bool)> {
        now.checked_sub(SignedDuration::from_hours(self.hours)).ok().map(|limit| (limit, self.over))
    }
}

/// A choice of a form.
pub(crate) struct Choice {
    /// Its value.
    pub(crate) key: &'static str,
    /// Its name.
    pub(crate) label: &'static str,
    /// Whether it is the one in force.
    pub(crate) chosen: bool,
}
