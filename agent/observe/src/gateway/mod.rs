//! One gateway: its configuration, its credentials, and the rungs of its ladder.

mod observe;

pub(crate) use observe::{Draft, Surroundings, is_claimed};
