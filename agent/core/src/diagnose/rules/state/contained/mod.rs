//! The state of gateways in containers: who shares it, where it lies, and whose it is.

mod mounts;
mod owner;
mod place;
mod shared;

#[cfg(test)]
mod tests;

pub(super) use mounts::{ephemeral, not_shared, readonly};
pub(super) use owner::uid_drift;
pub(crate) use place::keeps_state;
pub(super) use shared::shared;
