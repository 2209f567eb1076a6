//! Compose files as Docker Compose reads them, with the place of every value.
//!
//! [`load()`] reads the files of one project, follows `extends` and `include`, merges overrides, interpolates variables and gives a
//! [`Project`] in the forms of Compose v2. It asks no engine and writes nothing. What Compose would refuse or warn about is a [`Problem`]
//! with its place. Variables that nobody gives leave a value [unknown](Unknown) and are no error: they are given at deploy time.
//!
//! Files may come from strangers: each is bounded in size, the tree in depth and nodes, and the [`Files`] that are handed in decide what
//! may be read. One budget of nodes covers a whole project, with all that aliases, variables, ranges of ports and `extends` make more of.

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
/// Nodes of a project, aliases at their full weight. A text counts for one more per [`NODE_BYTES`].
pub const MAX_NODES: usize = 100_000;
/// Bytes of a text that weigh as much as a node.
pub const NODE_BYTES: usize = 64;
/// Bytes of a key.
pub const MAX_KEY_BYTES: usize = 1024;
/// Bytes of a folder that relative paths start from, which is the most that systems take.
pub const MAX_PATH_BYTES: usize = 4096;
/// Bytes of a project's name, which is part of the names of all that it has.
pub const MAX_NAME_BYTES: usize = 255;
/// Bytes of one value after interpolation.
pub const MAX_VALUE_BYTES: usize = 256 << 10;
