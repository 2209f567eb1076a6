//! From what OpenClaw's files and answers say to the facts of a snapshot.
//!
//! The observers of the host and the probe in a container's namespaces both use it, so that a rule sees the same facts of either.

mod acceptance;
pub mod address;
mod certificate;
mod config;
pub mod credentials;
pub mod database;
mod environment;
pub mod failure;
pub mod file;
mod ladder;
mod local_target;
pub mod mountinfo;
mod pairing;
pub mod permission;
pub mod request;
pub mod resolv_conf;
pub mod secret;
mod series;
pub mod socket_diag;
pub mod socket_table;
mod url;
pub mod workload;
mod written;

pub use acceptance::acceptance;
pub use certificate::certificate;
pub use config::Loaded;
pub use environment::read_environment;
pub use ladder::{Climb, ConfigRevision, climb, climb_by, http, reach, reach_on, unasked, untried};
pub use local_target::local_target;
pub use pairing::pairing;
pub use series::{Pace, series};
pub use url::{gateway_url, url};
pub use written::Written;
