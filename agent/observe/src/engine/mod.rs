//! Container engines: where they listen, what they hold.

pub(crate) mod apple;
mod archive;
mod client;
mod containers;
mod discover;
mod elements;
mod error;
mod events;
mod lenient;
mod observe;
mod parts;
mod processes;
mod text;
mod wire;
mod workload;

pub(crate) use archive::{Found, read};
pub(crate) use client::segment;
pub use client::{Body, Bounds, Client, Component, List, Platform, Version};
pub use discover::{Candidate, Discovery, DockerHost, Search, discover};
pub use error::EngineError;
pub use observe::{Observed, OwnSystem, observe};
pub(crate) use text::line;
pub use workload::Seen;
#[cfg(test)]
pub(crate) use workload::test_workload;
