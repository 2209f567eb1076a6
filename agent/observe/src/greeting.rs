//! A handshake up to the gateway's challenge.

use std::time::Duration;

use jiff::Timestamp;
use portreeve_core::snapshot::{Challenge, Probe};
use portreeve_facts::reach;
use portreeve_openclaw::endpoint::Target;
use tokio::time::timeout;

/// Asks whoever listens for the challenge, shows no secret, and says goodbye.
pub(crate) async fn handshake(target: &Target, left: Duration) -> Probe<Challenge> {
    match timeout(left, reach(target, Err("none is needed for a challenge".to_owned()))).await {
        Ok((challenge, _)) => challenge,
        Err(_) => Probe::not_tried("the time was up", Timestamp::now()),
    }
}
