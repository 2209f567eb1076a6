//! What logs say over time: events by layer and kind, close codes, refusals and pairing by window, starts.

mod closes;
mod counts;
mod report;
mod starts;
mod tally;
mod timeline;
mod window;

pub use closes::{CloseBucket, Closes, CodeCount, ReasonCount};
pub use report::{EventCount, LayerCounts, LogReport, LogSource, json_schema};
pub use starts::{Start, Starts};
pub use tally::{Mark, Seen, Tally};
pub use timeline::{Entry, Merge, Unrepeated};
pub use window::Windowed;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The name and version of the report's form. Changes are additive only.
pub const SCHEMA: &str = "portreeve.logs/1";

/// Where in the chain from client to channel a line belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LogLayer {
    /// Start, stop, port, locks, sockets.
    Transport,
    /// Credentials, devices, scopes.
    Auth,
    /// Messaging channels and sub-agents.
    Channels,
    /// None of them, or not known.
    Other,
}

impl LogLayer {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Transport => "transport",
            Self::Auth => "auth",
            Self::Channels => "channels",
            Self::Other => "other",
        }
    }
}

/// Severity of a line as its writer gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LogLevel {
    /// Each step.
    Trace,
    /// For whoever looks for a fault in the program.
    Debug,
    /// What happens.
    Info,
    /// What may go wrong.
    Warn,
    /// What went wrong.
    Error,
    /// What ends the program.
    Fatal,
}

impl LogLevel {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Trace => "trace",
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
            Self::Fatal => "fatal",
        }
    }
}

/// Who wrote a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// A gateway, or what shares its log.
    Gateway,
    /// What connects to a gateway.
    Client,
    /// A container engine.
    Engine,
    /// launchd or systemd, and what jobs print.
    ServiceManager,
    /// The unified log of macOS.
    System,
}

impl Origin {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::Client => "client",
            Self::Engine => "engine",
            Self::ServiceManager => "service",
            Self::System => "system",
        }
    }
}

#[cfg(test)]
mod tests;
