//! What was seen, or why it could not be seen.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

/// One fact about the node, with where it comes from and when it was taken.
///
/// "Could not look" is never the same as "nothing there": [`Outcome::Absent`] is said only when the observer looked and saw that the
/// thing does not exist.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Fact<T> {
    /// What came of looking.
    #[serde(flatten)]
    pub outcome: Outcome<T>,
    /// Where the fact comes from: a file, a system call, a command, a request.
    pub source: String,
    /// When it was taken.
    #[schemars(with = "String")]
    pub at: Timestamp,
}

/// What came of looking for a fact.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum Outcome<T> {
    /// It was seen.
    Known {
        /// What was seen.
        value: T,
    },
    /// The observer looked and it does not exist.
    Absent,
    /// Permission was refused.
    Denied {
        /// Who refused, and what would help.
        why: String,
    },
    /// It exists or may exist but gave no usable answer: malformed, too large, timed out.
    Unreadable {
        /// What went wrong.
        why: String,
    },
}

/// What is written of any fact. Derived code for a flattened, tagged enum would be there three times for each type of fact, a
/// tenth of the program.
#[derive(Deserialize)]
struct Form {
    status: Status,
    #[serde(default)]
    value: Value,
    why: Option<String>,
    source: String,
    at: Timestamp,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Status {
    Known,
    Absent,
    Denied,
    Unreadable,
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Fact<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Form { status, value, why, source, at } = Form::deserialize(deserializer)?;
        let why = || why.ok_or_else(|| D::Error::missing_field("why"));
        let outcome = match status {
            Status::Known => Outcome::Known { value: T::deserialize(value).map_err(D::Error::custom)? },
            Status::Absent => Outcome::Absent,
            Status::Denied => Outcome::Denied { why: why()? },
            Status::Unreadable => Outcome::Unreadable { why: why()? },
        };
        Ok(Self { outcome, source, at })
    }
}

impl<T> Fact<T> {
    /// A fact that was seen.
    pub fn known(value: T, source: impl Into<String>, at: Timestamp) -> Self {
        Self { outcome: Outcome::Known { value }, source: source.into(), at }
    }

    /// A fact whose thing does not exist.
    pub fn absent(source: impl Into<String>, at: Timestamp) -> Self {
        Self { outcome: Outcome::Absent, source: source.into(), at }
    }

    /// A fact that permissions hide.
    pub fn denied(why: impl Into<String>, source: impl Into<String>, at: Timestamp) -> Self {
        Self { outcome: Outcome::Denied { why: why.into() }, source: source.into(), at }
    }

    /// A fact whose source gave no usable answer.
    pub fn unreadable(why: impl Into<String>, source: impl Into<String>, at: Timestamp) -> Self {
        Self { outcome: Outcome::Unreadable { why: why.into() }, source: source.into(), at }
    }

    /// The value, where it was seen.
    pub fn get(&self) -> Option<&T> {
        match &self.outcome {
            Outcome::Known { value } => Some(value),
            Outcome::Absent | Outcome::Denied { .. } | Outcome::Unreadable { .. } => None,
        }
    }

    /// Whether the observer looked and saw that there is nothing.
    pub fn is_absent(&self) -> bool {
        matches!(self.outcome, Outcome::Absent)
    }

    /// Why the fact could not be seen, where it could not.
    pub fn blind(&self) -> Option<&str> {
        match &self.outcome {
            Outcome::Denied { why } | Outcome::Unreadable { why } => Some(why),
            Outcome::Known { .. } | Outcome::Absent => None,
        }
    }

    /// The same fact about something derived from the value.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Fact<U> {
        let outcome = match self.outcome {
            Outcome::Known { value } => Outcome::Known { value: f(value) },
            Outcome::Absent => Outcome::Absent,
            Outcome::Denied { why } => Outcome::Denied { why },
            Outcome::Unreadable { why } => Outcome::Unreadable { why },
        };
        Fact { outcome, source: self.source, at: self.at }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_outcome_survives_json() {
        let at = Timestamp::UNIX_EPOCH;
        for fact in [
            Fact::known(7_u16, "sysctl", at),
            Fact::absent("open", at),
            Fact::denied("run as root", "proc_pidinfo", at),
            Fact::unreadable("timed out after 2 s", "tmutil", at),
        ] {
            let text = serde_json::to_string(&fact).expect("a fact serialises");
            assert_eq!(serde_json::from_str::<Fact<u16>>(&text).expect("a fact parses"), fact);
        }
    }

    #[test]
    fn not_seen_is_never_absent() {
        let denied: Fact<u8> = Fact::denied("run as root", "x", Timestamp::UNIX_EPOCH);
        assert!(!denied.is_absent());
        assert_eq!(denied.blind(), Some("run as root"));
        assert_eq!(denied.get(), None);
    }
}
