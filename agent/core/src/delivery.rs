//! How delivery to a central endpoint goes.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where the daemon keeps it, in its data folder.
pub const FILE: &str = "delivery.json";

/// How delivery to a central endpoint goes. It holds no secret.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Delivery {
    /// Where to: scheme, host and port.
    pub endpoint: String,
    /// Records that wait.
    pub records: u64,
    /// Their bytes on the disk.
    pub bytes: u64,
    /// When the oldest of them came to be.
    #[schemars(with = "Option<String>")]
    pub oldest: Option<Timestamp>,
    /// When the endpoint last took something, since the daemon started.
    #[schemars(with = "Option<String>")]
    pub last_success: Option<Timestamp>,
    /// What last went wrong, since the daemon started.
    pub last_error: Option<DeliveryError>,
    /// Whether that is how it stands.
    pub is_failing: bool,
    /// Records that the endpoint took.
    pub delivered_total: u64,
    /// Records that were dropped, since too many waited or for too long.
    pub dropped_total: u64,
    /// Records that the endpoint refused one by one, and that were set aside.
    pub refused_total: u64,
    /// Log records and data points that the endpoint rejected out of what it took, since the daemon started.
    pub rejected: u64,
}

/// What went wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeliveryError {
    /// When.
    #[schemars(with = "String")]
    pub at: Timestamp,
    /// Of what: `metrics`, `logs`; none where it was neither.
    pub signal: Option<String>,
    /// One sentence.
    pub why: String,
}
