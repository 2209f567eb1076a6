//! What the agent itself could not see.

use super::super::{Context, Draft, Rule};
use crate::catalogue::Code;

pub(super) const RULES: &[Rule] = &[blind];

/// What they may raise.
pub(super) const RAISES: &[Code] = &[Code::AgentBlind];

/// `agent.blind`: an observer could not see. Where readiness depends on it the verdict cannot be `ready`.
fn blind(context: Context<'_>, out: &mut Vec<Draft>) {
    let snapshot = context.snapshot;
    for spot in &snapshot.blind {
        out.push(
            Draft::new(
                Code::AgentBlind,
                "observer",
                spot.what.clone(),
                format!("{} could not be seen: {}", spot.what, spot.why),
            )
            .evidence(spot.why.clone(), spot.what.clone(), snapshot.taken_at)
            .remedy(spot.remedy.clone()),
        );
    }
}
