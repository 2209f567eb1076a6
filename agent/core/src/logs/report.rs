//! What `logs` reports.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Closes, LogLayer, Origin, Starts, Windowed};
use crate::report::Agent;

/// What logs say.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LogReport {
    /// [`super::SCHEMA`].
    pub schema: String,
    /// The agent that read.
    pub agent: Agent,
    /// When it was made.
    #[schemars(with = "String")]
    pub at: Timestamp,
    /// Lines from before were left out; none where nothing was asked.
    #[schemars(with = "Option<String>")]
    pub since: Option<Timestamp>,
    /// Lines from after were left out; none where nothing was asked.
    #[schemars(with = "Option<String>")]
    pub until: Option<Timestamp>,
    /// Lines.
    pub lines: u64,
    /// Bytes read.
    pub bytes: u64,
    /// Lines that are torn or foreign.
    pub unparsed: u64,
    /// Time of the first line that has one.
    #[schemars(with = "Option<String>")]
    pub first: Option<Timestamp>,
    /// Time of the last line that has one.
    #[schemars(with = "Option<String>")]
    pub last: Option<Timestamp>,
    /// Lines by layer.
    pub layers: LayerCounts,
    /// Events by kind, most frequent first.
    pub events: Vec<EventCount>,
    /// How connections ended.
    pub closes: Closes,
    /// Shared secrets that were refused.
    pub token_mismatches: Windowed,
    /// Connects that were turned away since the device is not approved.
    pub pairing_attempts: Windowed,
    /// Starts of gateways.
    pub starts: Starts,
    /// What was read.
    pub sources: Vec<LogSource>,
}

/// Lines by layer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LayerCounts {
    /// Start, stop, port, locks, sockets.
    pub transport: u64,
    /// Credentials, devices, scopes.
    pub auth: u64,
    /// Messaging channels and sub-agents.
    pub channels: u64,
    /// None of them, or not known.
    pub other: u64,
}

impl LayerCounts {
    pub(super) fn add(&mut self, layer: LogLayer) {
        *match layer {
            LogLayer::Transport => &mut self.transport,
            LogLayer::Auth => &mut self.auth,
            LogLayer::Channels => &mut self.channels,
            LogLayer::Other => &mut self.other,
        } += 1;
    }
}

/// Events of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EventCount {
    /// The kind: `ready`, `unauthorized`, `closed-before-connect`, …
    pub kind: String,
    /// Where they belong.
    pub layer: LogLayer,
    /// How many.
    pub count: u64,
    /// Time of the first that has one.
    #[schemars(with = "Option<String>")]
    pub first: Option<Timestamp>,
    /// Time of the last that has one.
    #[schemars(with = "Option<String>")]
    pub last: Option<Timestamp>,
}

/// One log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LogSource {
    /// Its path, or the container it is of.
    pub id: String,
    /// Who wrote it.
    pub origin: Origin,
    /// Lines counted.
    pub lines: u64,
    /// Bytes read.
    pub bytes: u64,
    /// Lines that are torn or foreign.
    pub unparsed: u64,
    /// Lines of which only the beginning was looked at.
    pub cut: u64,
    /// Time of its first line that has one.
    #[schemars(with = "Option<String>")]
    pub first: Option<Timestamp>,
    /// Time of its last line that has one.
    #[schemars(with = "Option<String>")]
    pub last: Option<Timestamp>,
    /// Its clock less this node's, in milliseconds, as measured and taken off its times; none where it is this node's own clock.
    pub offset_ms: Option<i64>,
    /// Why it was not read, or not to its end.
    pub problem: Option<String>,
}

/// The JSON Schema of [`LogReport`].
pub fn json_schema() -> schemars::Schema {
    schemars::schema_for!(LogReport)
}
