//! Whether a node may be relied upon again after it was changed: what was accepted, what differs now, and what a full acceptance says.
//!
//! A node that was accepted once and then got another macOS, other hardware, another `OpenClaw` or another engine is in quarantine until a
//! full acceptance has passed. That follows from the record of the last acceptance and from what the node is now, so it survives reboots and
//! cannot be forgotten. A node that was never accepted is not in quarantine; its first full acceptance makes the record.
//!
//! ```text
//! Snapshot ──▶ Baseline ──▶ compare ──▶ differences ─┐
//!     │                                              ├──▶ decide ──▶ AcceptanceReport, AcceptedNode
//!     └──────▶ diagnose ──▶ checks ──────────────────┘
//! ```

mod baseline;
mod compare;
mod decide;
#[cfg(test)]
pub(crate) mod fixture;
mod occasion;
mod record;
mod report;
#[cfg(test)]
mod tests;

pub(crate) use baseline::stays_awake;
pub use baseline::{
    Baseline, ClientBaseline, ContainerBaseline, EngineBaseline, ExclusionBaseline, GatewayBaseline, PortBaseline,
    StateDirBaseline, UnitBaseline,
};
pub use compare::{Difference, Weight, compare};
pub use decide::{Check, CheckState, Decision, Outcome, PATIENCE_S, Question, decide, due_in_s, retry_after_s};
pub use occasion::{Occasion, occasions, same_key};
pub use record::{AcceptedNode, By, DataFolder, How, Pending, RECORD_SCHEMA, record};
pub use report::{AcceptanceReport, AcceptedSummary, OccasionSummary, Quarantine, SCHEMA, json_schema};
