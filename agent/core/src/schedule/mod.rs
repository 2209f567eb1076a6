//! When the daemon looks at the node: what is due, how long it may take, and what a failure or a change leads to.
//!
//! [`Machine`] is told what happens, each time with the time, and says what to do; it has neither clock nor I/O, so that a day of sleeps,
//! clocks that are set and engines that restart passes in a moment. It judges nothing: what a look means is said by
//! [`diagnose`](crate::diagnose()).

mod found;
mod machine;
mod settings;
#[cfg(test)]
mod tests;

pub use found::{Found, Subjects};
pub use machine::{LaneState, Machine};
pub use settings::Settings;

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::images::schedule::Runs;

/// The time of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// On a clock that is never set and goes on while the machine sleeps.
    pub since: Duration,
    /// Time of day.
    pub wall: Timestamp,
}

/// One of the things that are done again and again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Lane {
    /// Whether who listens, which processes there are and what files say is as it was. Nothing is judged.
    Glance,
    /// Rungs 1 to 4 of the gateways of this node.
    Fast,
    /// Everything, and the verdict.
    Slow,
    /// A short window of looks at locks.
    Locks,
    /// Digests of images at their registries.
    Images,
    /// The full acceptance of a node that has changed.
    Acceptance,
}

impl Lane {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Glance, Self::Fast, Self::Slow, Self::Locks, Self::Images, Self::Acceptance];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Glance => "glance",
            Self::Fast => "fast",
            Self::Slow => "slow",
            Self::Locks => "locks",
            Self::Images => "images",
            Self::Acceptance => "acceptance",
        }
    }

    /// What of one place is done one after the other: a window of seconds must not keep the verdict waiting.
    fn place(self) -> Place {
        match self {
            Self::Glance => Place::Glance,
            Self::Fast | Self::Slow => Place::Short,
            Self::Locks | Self::Images | Self::Acceptance => Place::Long,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Glance,
    Short,
    Long,
}

/// What a cheap look proves, to be compared with the one before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pulse {
    /// Whether each gateway of the host is proven up to rung 4.
    pub proven: bool,
    /// By what, or why not.
    pub what: String,
}

impl Pulse {
    /// What tells one state from another: the pid of an owner matters, the milliseconds of a refusal do not.
    fn is_same(&self, other: &Self) -> bool {
        let words = |text: &str| text.chars().filter(|c| !c.is_ascii_digit()).collect::<String>();
        self.proven == other.proven
            && if self.proven { self.what == other.what } else { words(&self.what) == words(&other.what) }
    }
}

/// How close a change is to who owns what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Urgency {
    /// A file was written.
    Calm,
    /// A listener, a process or a lock came or went: it is looked at before much time passes, and what runs now is begun anew.
    Owner,
}

/// How a lane ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// Well.
    Well {
        /// What a look at gateways proved.
        pulse: Option<Pulse>,
        /// The runs of the image check, where it was one.
        images: Option<Runs>,
    },
    /// Badly: why.
    Badly(String),
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Time passed.
    Tick,
    /// Something on the node is not as it was.
    Changed(Urgency),
    /// What was started has ended.
    Done {
        /// That of [`Action::Run`].
        ticket: u64,
        /// How.
        ended: Ended,
    },
    /// What was given up is gone at last.
    Gone {
        /// That of [`Action::Run`].
        ticket: u64,
    },
    /// A lane is wanted after so long, or sooner where it is due sooner.
    Wanted(Lane, Duration),
    /// The configuration was read anew.
    Configured(Settings),
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Start a lane.
    Run {
        /// To be given with its end.
        ticket: u64,
        /// Which one.
        lane: Lane,
        /// How long it may take.
        limit: Duration,
    },
    /// Kill what was started: its time is up, or it is out of date.
    GiveUp {
        /// That of [`Action::Run`].
        ticket: u64,
        /// Which one.
        lane: Lane,
        /// How long it has taken.
        after: Duration,
        /// Whether its time was up; else what it looks at has changed meanwhile.
        is_overdue: bool,
    },
    /// Tell that the machine slept.
    Woke {
        /// For how long.
        slept: Duration,
    },
    /// Tell that the clock was set.
    ClockSet {
        /// By how much.
        by: SignedDuration,
    },
}
