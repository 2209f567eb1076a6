//! What waits to be delivered, and what became of the rest.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use crate::delivery::Delivery;

/// The name and version of the form.
pub const SCHEMA: &str = "portreeve.spool/1";

/// What lies in the spool.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct SpoolReport {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// When it was looked at.
    #[schemars(with = "String")]
    pub at: Timestamp,
    /// The folder.
    pub folder: String,
    /// Process id of who has it open, as the daemon does; 0 where it is not known, none where nobody has.
    pub in_use_by: Option<u32>,
    /// What waits: `metrics`, `logs`.
    pub waiting: BTreeMap<String, Waiting>,
    /// How many events of each name wait.
    pub events: BTreeMap<String, u64>,
    /// What the endpoint refused and is still kept, oldest first.
    pub set_aside: Vec<SetAside>,
    /// Parts of files that are no records.
    pub damages: Vec<Damage>,
    /// Files of records.
    pub files: u64,
    /// Their bytes.
    pub file_bytes: u64,
    /// What became of all that was spooled.
    pub totals: Totals,
    /// How delivery went when the daemon, or `spool flush`, last wrote it down; none where neither did.
    pub delivery: Option<Delivery>,
}

/// What waits of one kind.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Waiting {
    /// Records.
    pub records: u64,
    /// Their bytes.
    pub bytes: u64,
    /// When the oldest came to be.
    #[schemars(with = "Option<String>")]
    pub oldest: Option<Timestamp>,
}

/// A record that the endpoint refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SetAside {
    /// Its identity.
    pub id: String,
    /// `metrics`, `logs`.
    pub signal: String,
    /// When it came to be.
    #[schemars(with = "String")]
    pub at: Timestamp,
    /// Its bytes.
    pub bytes: u64,
    /// Names of its events.
    pub events: Vec<String>,
    /// What the endpoint said.
    pub why: String,
}

/// A part of a file that is no record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Damage {
    /// The file's name.
    pub file: String,
    /// Where it begins, in bytes.
    pub offset: u64,
    /// How many bytes.
    pub bytes: u64,
}

/// What became of all that was spooled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Totals {
    /// Since when.
    #[schemars(with = "String")]
    pub since: Timestamp,
    /// Records that were spooled.
    pub spooled: u64,
    /// Records that the endpoint took.
    pub delivered: u64,
    /// Records that were dropped, since too many waited or for too long.
    pub dropped: u64,
    /// Their bytes.
    pub dropped_bytes: u64,
    /// Records that the endpoint refused for good.
    pub refused: u64,
    /// Records that could not be read any more.
    pub lost: u64,
    /// Ends of files that were not whole, as a crash leaves them.
    pub torn: u64,
}

impl SpoolReport {
    /// Records that wait.
    pub fn records(&self) -> u64 {
        self.waiting.values().map(|waiting| waiting.records).sum()
    }

    /// When the oldest record that waits came to be.
    pub fn oldest(&self) -> Option<Timestamp> {
        self.waiting.values().filter_map(|waiting| waiting.oldest).min()
    }
}

/// The JSON Schema of [`SpoolReport`].
pub fn json_schema() -> schemars::Schema {
    schemars::schema_for!(SpoolReport)
}
