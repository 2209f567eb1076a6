//! What the real command line says when it is run.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::probe::ChannelsAnswer;

/// One run of `openclaw channels status --probe` where a client runs and as its user.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Acceptance {
    /// What was run and where: `openclaw channels status --probe in container claw-openclaw-cli-1`.
    pub command: String,
    /// Release of `OpenClaw` that was run, or that would have been.
    pub version: Option<String>,
    /// What came of it.
    pub outcome: AcceptanceOutcome,
    /// Exit status; none where it was not run or was ended. `OpenClaw` 2026.9 exits with 0 when it is refused, too.
    #[serde(default)]
    pub exit: Option<i32>,
    /// Milliseconds from its start to its end.
    pub elapsed_ms: f64,
    /// When it was started.
    pub at: Timestamp,
}

/// What came of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum AcceptanceOutcome {
    /// The gateway answered it.
    Accepted {
        /// The state of the channels as it was told.
        channels: ChannelsAnswer,
    },
    /// It says that the gateway refused it or was not reached.
    Refused {
        /// How.
        refusal: Refusal,
        /// Its own words, with anything secret masked.
        message: String,
        /// Code of the close frame, where it names one.
        close_code: Option<u16>,
    },
    /// It was run and said nothing that can be understood.
    Failed {
        /// One sentence with no secret in it.
        why: String,
    },
    /// It was not run.
    Skipped {
        /// Why.
        why: String,
        /// What would let it be run; none where nothing would be learnt.
        remedy: Option<String>,
    },
}

/// How the real command line was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Refusal {
    /// Its token or password is not the gateway's.
    Secret,
    /// It has no token or password to send.
    NoSecret,
    /// Its device waits for approval, is not known, or was not given the scope.
    Pairing,
    /// It will not send a secret in plain text.
    Plaintext,
    /// It shares no protocol version with the gateway.
    Protocol,
    /// The gateway locks out attempts.
    RateLimited,
    /// It does not reach the gateway.
    Unreachable,
    /// Any other.
    Other,
}
