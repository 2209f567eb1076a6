//! One gateway: its configuration, its credentials, and the rungs of its ladder.

mod begun;
mod observe;
mod trust;

pub(crate) use begun::Begun;
pub(crate) use observe::{Draft, Surroundings, is_claimed};
