//! Compose files as Docker Compose reads them, with the place of every value.
//!
//! [`load()`] reads the files of one project, follows `extends` and `include`, merges overrides, interpolates variables and gives a
//! [`Project`] in the forms of Compose v2. It asks no engine and writes nothing. What Compose would refuse or warn about is a [`Problem`]
//! with its place. Variables that nobody gives leave a value [unknown](Unknown) and are no error: they are given at deploy time.
//!
//! Files may come from strangers: each is bounded in size, the tree in depth and nodes, aliases count at their full weight, and the
//! [`Files`] that are handed in decide what may be read.

mod at;
mod canonical;
mod check;
pub mod discover;
pub mod dotenv;
pub mod duration;
mod extends;
mod extract;
mod files;
mod include;
mod interpolate;
mod load;
mod merge;
mod model;
mod node;
mod parts;
mod places;
pub mod port;
pub mod quantity;
mod resolve;
pub mod template;
pub mod volume;
pub mod words;
pub mod yaml;

pub use files::{FileError, Files, GuardedFiles, MemoryFiles, UserFiles};
pub use load::{Options, load};
pub use model::{
    Build, Dependency, EnvFile, EnvValue, FileGrant, Healthcheck, Mount, MountKind, Network, Origin, Problem, Project,
    Resource, Service, ServiceNetwork, Unknown, Value, Variable, Volume,
};

/// Bytes of one file.
pub const MAX_FILE_BYTES: u64 = 1 << 20;
/// Files of one project, those that are included, extended or name variables among them.
pub const MAX_FILES: usize = 128;
/// Levels of nesting, aliases at their full depth.
pub const MAX_DEPTH: usize = 48;
/// Nodes of a project, aliases at their full weight.
pub const MAX_NODES: usize = 100_000;
/// Bytes of one value after interpolation.
pub const MAX_VALUE_BYTES: usize = 256 << 10;
