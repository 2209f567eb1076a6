//! What the gateway itself is up to.

mod phase;
mod readiness;
mod restarts;
mod versions;

use super::super::Rule;
use crate::catalogue::Code;

pub(super) const RULES: &[Rule] = &[
    phase::phase,
    readiness::not_ready,
    readiness::stalled,
    readiness::breaker,
    restarts::storm,
    versions::two_versions,
];

/// What they may raise.
pub(super) const RAISES: &[Code] = &[
    Code::GatewayWedged,
    Code::GatewayStarting,
    Code::GatewayDraining,
    Code::GatewayNotReady,
    Code::GatewayStalled,
    Code::GatewayBreaker,
    Code::GatewayRestartStorm,
    Code::GatewayTwoVersions,
];
