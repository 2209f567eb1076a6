//! The node's own clock.

use serde::{Deserialize, Serialize};

use crate::Fact;

/// What is known of the node's clock.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct NodeClock {
    /// Whether the system says that something keeps its clock; none where it was not asked.
    #[serde(default)]
    pub kept: Option<Fact<Keeping>>,
    /// How far it is from a time server; none where none is configured.
    #[serde(default)]
    pub server: Option<Fact<ServerTime>>,
}

/// What the kernel says of what keeps its clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Keeping {
    /// Something told it the time lately.
    pub synchronised: bool,
    /// By how much it may be off as far as the kernel knows, in milliseconds.
    pub max_error_ms: u64,
}

/// The answer of a time server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerTime {
    /// The server as it is configured.
    pub server: String,
    /// The server's clock less ours, in milliseconds.
    pub offset_ms: i64,
    /// By how much that may be wrong either way, in milliseconds: half the round trip, and what the server says of itself.
    pub uncertainty_ms: u64,
    /// Steps between the server and a reference clock, 1 to 15.
    pub stratum: u8,
}
