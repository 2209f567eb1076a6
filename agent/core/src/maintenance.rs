//! Somebody works on the node: the verdict is shown with a note, and gates stop nothing for not being ready.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Name and version of the form of `maintenance status --json`.
pub const SCHEMA: &str = "portreeve.maintenance/1";
/// Name of the file that says so, in the agent's own folder.
pub const FILE: &str = "maintenance.json";
/// Most bytes of that file.
pub const MAX_BYTES: u64 = 16 * 1024;
/// Longest maintenance: one that is forgotten must not hide a node for ever.
pub const LONGEST: Duration = Duration::from_hours(24 * 30);
/// Longest reason, in bytes.
pub const MAX_REASON: usize = 1_000;
/// By how much a clock may be set back after the beginning.
const CLOCK_SLACK: SignedDuration = SignedDuration::from_mins(5);

/// A time in which somebody works on the node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Maintenance {
    /// When it was announced.
    #[schemars(with = "String")]
    pub since: Timestamp,
    /// When it ends by itself.
    #[schemars(with = "String")]
    pub until: Timestamp,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Who announced it: a login name.
    pub by: String,
}

/// What cannot be announced.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MaintenanceError {
    /// It would be over already.
    #[error("{until:.0} is over already")]
    Past {
        /// The end.
        until: Timestamp,
    },
    /// It would take longer than [`LONGEST`].
    #[error("maintenance lasts at most 30 days")]
    TooLong,
    /// A reason that nobody would read.
    #[error("a reason has at most {MAX_REASON} bytes")]
    TooWordy,
}

impl Maintenance {
    /// One that begins now.
    pub fn new(now: Timestamp, until: Timestamp, reason: Option<String>, by: String) -> Result<Self, MaintenanceError> {
        if until <= now {
            return Err(MaintenanceError::Past { until });
        }
        let maintenance = Self { since: now, until, reason, by };
        if !maintenance.is_bounded() {
            return Err(MaintenanceError::TooLong);
        }
        if maintenance.reason.as_ref().is_some_and(|reason| reason.len() > MAX_REASON) {
            return Err(MaintenanceError::TooWordy);
        }
        Ok(maintenance)
    }

    /// Whether it holds at a time. One that lies in the future, since the clock was set back or the file was made by hand, does not.
    pub fn holds(&self, now: Timestamp) -> bool {
        self.is_bounded() && now < self.until && now.duration_since(self.since) >= -CLOCK_SLACK
    }

    fn is_bounded(&self) -> bool {
        let lasts = self.until.duration_since(self.since);
        lasts.is_positive() && Duration::try_from(lasts).is_ok_and(|lasts| lasts <= LONGEST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn hour() -> Maintenance {
        Maintenance::new(at(0), at(3_600), Some("engine upgrade".to_owned()), "op".to_owned()).unwrap()
    }

    #[test]
    fn it_ends_by_itself() {
        let hour = hour();
        assert!(hour.holds(at(0)) && hour.holds(at(3_599)));
        assert!(!hour.holds(at(3_600)) && !hour.holds(at(1_000_000)));
    }

    #[test]
    fn a_clock_that_was_set_back_does_not_make_it_longer() {
        assert!(hour().holds(at(-200)), "time servers correct by less");
        assert!(!hour().holds(at(-7_200)));
        assert!(!hour().holds(Timestamp::MIN) && !hour().holds(Timestamp::MAX));
    }

    #[test]
    fn what_cannot_be_announced() {
        let new = |until, reason: Option<String>| Maintenance::new(at(0), until, reason, "op".to_owned());
        assert_eq!(new(at(0), None), Err(MaintenanceError::Past { until: at(0) }));
        assert_eq!(new(at(31 * 86_400), None), Err(MaintenanceError::TooLong));
        assert!(new(at(30 * 86_400), None).is_ok());
        assert_eq!(new(at(60), Some("x".repeat(1_001))), Err(MaintenanceError::TooWordy));
    }

    #[test]
    fn a_file_that_says_for_ever_is_not_believed() {
        let text = r#"{"since":"2020-01-01T00:00:00Z","until":"2099-01-01T00:00:00Z","by":"op"}"#;
        let forever: Maintenance = serde_json::from_str(text).unwrap();
        assert!(!forever.holds(at(0)));
    }
}
