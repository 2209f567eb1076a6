//! Devices: who waits, who is approved, who can approve; and what the gateway's log says of refusals.

mod device;
mod refusal;
#[cfg(test)]
mod tests;

use jiff::{SignedDuration, Timestamp};

use super::super::Rule;
use crate::catalogue::Code;
use crate::snapshot::{Gateway, LogEvent};
use device::{deadlock, identity_lost, pending, state_readonly, unapproved};
use refusal::{clock, origin, protocol, rate_limited, retries, storm, token_stale};

pub(super) const RULES: &[Rule] = &[
    pending,
    unapproved,
    deadlock,
    identity_lost,
    state_readonly,
    retries,
    token_stale,
    clock,
    origin,
    protocol,
    storm,
    rate_limited,
];

/// What they may raise.
pub(super) const RAISES: &[Code] = &[
    Code::PairingPending,
    Code::PairingScopeUpgrade,
    Code::PairingUnapproved,
    Code::PairingDeadlock,
    Code::PairingIdentityLost,
    Code::PairingStateReadonly,
    Code::PairingRetries,
    Code::DeviceTokenStale,
    Code::DeviceClock,
    Code::OriginRefused,
    Code::ProtocolMismatch,
    Code::TokenStorm,
    Code::RateLimited,
];

/// How long a request for approval lives (`OpenClaw` 2026.9: five minutes from the last try).
const REQUEST_LIFE: SignedDuration = SignedDuration::from_mins(5);
/// The window in which repeated refusals count as one storm.
const STORM_WINDOW: SignedDuration = SignedDuration::from_mins(5);
/// Refusals within the window that a mistyped token does not explain.
const STORM_REFUSALS: usize = 3;
/// The window in which pairing attempts are counted.
const RETRY_WINDOW: SignedDuration = SignedDuration::from_mins(10);
/// Attempts within the window that a person waiting at a prompt does not make.
const RETRIES: usize = 5;
/// The gateway refuses a device signature that is older or newer than this.
const SIGNATURE_SKEW_MS: u64 = 120_000;
/// How far back a refusal in the log counts as the state of now.
const RECENT: SignedDuration = SignedDuration::from_mins(10);

fn events<'a>(gateway: &'a Gateway, kind: &'a str) -> impl Iterator<Item = &'a LogEvent> {
    gateway.log.get().into_iter().flat_map(|log| &log.events).filter(move |event| event.kind == kind)
}

/// Events of the last `window` before the snapshot.
fn within<'a>(
    events: impl Iterator<Item = &'a LogEvent>,
    now: Timestamp,
    window: SignedDuration,
) -> impl Iterator<Item = &'a LogEvent> {
    events.filter(move |event| event.at.is_some_and(|at| at <= now && now.duration_since(at) <= window))
}

fn log_source(gateway: &Gateway) -> String {
    gateway.log.get().and_then(|log| log.files.first().cloned()).unwrap_or_else(|| gateway.log.source.clone())
}
