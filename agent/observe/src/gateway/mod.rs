//! One gateway: its configuration, its credentials, and the rungs of its ladder.

mod config;
mod credentials;
mod failure;
mod ladder;
mod observe;
mod pairing;

pub(crate) use config::Loaded;
pub(crate) use credentials::of_client;
pub(crate) use ladder::{Climb, ConfigRevision, climb};
pub(crate) use observe::{Draft, Surroundings};
