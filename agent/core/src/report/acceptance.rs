//! What the real command line of a client says, as the report lists it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::snapshot::{Acceptance, AcceptanceOutcome, Refusal};

/// One run of the real command line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AcceptanceSummary {
    /// What was run and where.
    pub command: String,
    /// Release of `OpenClaw`.
    pub version: Option<String>,
    /// What came of it.
    pub status: AcceptanceStatus,
    /// How it was refused.
    pub refusal: Option<Refusal>,
    /// Code of the close frame, where it names one.
    pub close_code: Option<u16>,
    /// Its words, or why it was not run.
    pub message: Option<String>,
    /// Exit status.
    pub exit: Option<i32>,
    /// Milliseconds from its start to its end.
    pub elapsed_ms: f64,
}

/// What came of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AcceptanceStatus {
    /// The gateway answered it.
    Accepted,
    /// The gateway refused it, or was not reached.
    Refused,
    /// It said nothing that can be understood.
    Failed,
    /// It was not run.
    Skipped,
}

impl From<&Acceptance> for AcceptanceSummary {
    fn from(acceptance: &Acceptance) -> Self {
        let (status, refusal, close_code, message) = match &acceptance.outcome {
            AcceptanceOutcome::Accepted { .. } => (AcceptanceStatus::Accepted, None, None, None),
            AcceptanceOutcome::Refused { refusal, message, close_code } => {
                (AcceptanceStatus::Refused, Some(*refusal), *close_code, Some(message.clone()))
            }
            AcceptanceOutcome::Failed { why } => (AcceptanceStatus::Failed, None, None, Some(why.clone())),
            AcceptanceOutcome::Skipped { why, .. } => (AcceptanceStatus::Skipped, None, None, Some(why.clone())),
        };
        Self {
            command: acceptance.command.clone(),
            version: acceptance.version.clone(),
            status,
            refusal,
            close_code,
            message,
            exit: acceptance.exit,
            elapsed_ms: acceptance.elapsed_ms,
        }
    }
}
