//! One seam's try: what it may use, until when, and what may be objected.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use portreeve_core::Fact;
use portreeve_core::fact::Outcome;

use super::eyes::Eyes;
use super::ground::Ground;
use crate::deadline::{Overdue, within};

/// Between two looks at what is about to change.
const PAUSE: Duration = Duration::from_millis(20);

/// Why a seam has not passed.
#[derive(Debug)]
pub(super) enum Objection {
    /// It told something else than the truth.
    Wrong { expected: String, seen: String },
    /// It told nothing in time.
    Late { expected: String, seen: String },
    /// There is no truth to ask it about, or it says that it may not look.
    Untried(String),
}

impl Objection {
    pub(super) fn wrong(expected: impl Into<String>, seen: impl Into<String>) -> Self {
        Self::Wrong { expected: expected.into(), seen: seen.into() }
    }
}

/// An answer of a system call that makes truth.
pub(super) fn untried<E: std::error::Error>(doing: &str) -> impl FnOnce(E) -> Objection {
    move |error| Objection::Untried(format!("{doing}: {}", crate::file::chain(&error)))
}

/// One seam's try.
pub(super) struct Trial<'a> {
    pub(super) ground: &'a Ground,
    pub(super) at: Timestamp,
    eyes: &'a Arc<dyn Eyes>,
    until: Instant,
}

impl<'a> Trial<'a> {
    pub(super) fn new(ground: &'a Ground, eyes: &'a Arc<dyn Eyes>, patience: Duration) -> Self {
        Self { ground, at: Timestamp::now(), eyes, until: Instant::now() + patience }
    }

    /// What is left of the time.
    pub(super) fn left(&self) -> Duration {
        self.until.saturating_duration_since(Instant::now())
    }

    pub(super) fn eyes(&self) -> &'a Arc<dyn Eyes> {
        self.eyes
    }

    /// Asks within the time that is left.
    pub(super) fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&dyn Eyes) -> T + Send + 'static,
    ) -> Result<T, Objection> {
        within_or(self.left(), self.eyes, question)
            .map_err(|overdue| Objection::Late { expected: "an answer".to_owned(), seen: overdue.to_string() })
    }

    /// Asks for a fact. None where the seam says that there is nothing.
    pub(super) fn fact<T: Send + 'static>(
        &self,
        question: impl FnOnce(&dyn Eyes) -> Fact<T> + Send + 'static,
    ) -> Result<Option<T>, Objection> {
        told(self.ask(question)?)
    }

    /// Asks for a fact that must be there.
    pub(super) fn known<T: Send + 'static>(
        &self,
        expected: &str,
        question: impl FnOnce(&dyn Eyes) -> Fact<T> + Send + 'static,
    ) -> Result<T, Objection> {
        self.fact(question)?.ok_or_else(|| Objection::wrong(expected, "nothing"))
    }

    /// Looks at most so many times, until nothing is wrong any more.
    pub(super) fn looks<T>(&self, times: u32, look: impl Fn() -> Result<T, Objection>) -> Result<T, Objection> {
        for _ in 1..times {
            match look() {
                Err(Objection::Wrong { .. }) if self.left() > PAUSE => std::thread::sleep(PAUSE),
                other => return other,
            }
        }
        look()
    }

    /// Looks again and again until nothing is wrong any more, or the time is over.
    pub(super) fn until<T>(&self, look: impl Fn() -> Result<T, Objection>) -> Result<T, Objection> {
        loop {
            match look() {
                Err(Objection::Wrong { .. }) if self.left() > PAUSE => std::thread::sleep(PAUSE),
                other => return other,
            }
        }
    }
}

/// What a fact says.
pub(super) fn told<T>(fact: Fact<T>) -> Result<Option<T>, Objection> {
    match fact.outcome {
        Outcome::Known { value } => Ok(Some(value)),
        Outcome::Absent => Ok(None),
        Outcome::Denied { why } => Err(Objection::Untried(format!("it may not look: {why}"))),
        Outcome::Unreadable { why } => Err(Objection::Late { expected: "an answer".to_owned(), seen: why }),
    }
}

/// Asks within a time.
pub(super) fn within_or<T: Send + 'static>(
    patience: Duration,
    eyes: &Arc<dyn Eyes>,
    question: impl FnOnce(&dyn Eyes) -> T + Send + 'static,
) -> Result<T, Overdue> {
    let eyes = Arc::clone(eyes);
    within(patience, move || question(&*eyes))
}

/// Objects to what is not so.
pub(super) fn same<T: PartialEq + fmt::Debug>(what: &str, seen: &T, truth: &T) -> Result<(), Objection> {
    if seen == truth {
        return Ok(());
    }
    Err(Objection::wrong(format!("{what} {truth:?}"), format!("{seen:?}")))
}
