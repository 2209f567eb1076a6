//! launchd: definitions in property lists, and what `launchctl` says of loaded jobs.

mod block;
pub mod disabled;
pub mod domain;
pub mod folder;
pub mod job;
mod keys;
pub mod list;
pub mod procinfo;
pub mod refusal;
pub mod runtime;

pub mod service;

pub use folder::{Definition, Definitions, Folder};
pub use job::{Disabled, Job, JobError, SocketClaim};
pub use refusal::Refusal;
pub use service::{PrintError, ServicePrint};
