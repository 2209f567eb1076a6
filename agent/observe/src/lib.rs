//! The observers: from a running node to a [`portreeve_core::Snapshot`] of facts.
//!
//! An observer says what it saw, how, and what it could not see; it never judges. Nothing here writes to what it observes: no lock is
//! taken, no database is opened but as a copy in memory, no symbolic link of a less privileged user is followed, and every wait ends at
//! a deadline.

mod acceptance;
pub mod accepted;
mod asked;
mod client;
mod clock;
pub mod command;
pub mod commands;
pub mod compose;
mod connects;
mod containers;
mod deadline;
mod dotenv;
pub mod engine;
pub mod file;
mod gateway;
pub mod glance;
mod greeting;
mod held;
pub mod host;
mod identity;
pub mod images;
pub mod inside;
mod install;
pub mod key;
pub mod launchd;
pub mod listener;
mod local_address;
pub mod lock;
mod locks;
pub mod log;
pub mod maintenance;
pub mod mirror;
mod node;
mod options;
mod os;
pub mod plist;
pub mod process;
pub mod proxy;
pub mod readiness;
pub mod registry;
mod running;
pub mod selftest;
mod site;
pub mod sntp;
mod state;
pub mod systemd;
mod time_server;
pub mod units;
pub mod users;
pub mod volume;

pub use connects::{connects, series_of};
pub use containers::is_container;
pub use identity::node_identity;
pub use key::fingerprint_key;
pub use local_address::local_addresses;
pub use locks::{LockWatch, watch_locks};
pub use node::observe;
pub use options::Options;
pub use portreeve_facts::Pace;
pub use portreeve_facts::request::{MAX_SERIES, SeriesAsked};
pub use units::{unit_inventory, unit_inventory_of};

/// Where a daemon of root writes the document that everybody may read.
pub const STATUS_FILE: &str = os::STATUS_FILE;

/// Who acts: the login name of this user, or of the one who became root by `sudo`. `variables` are those of the environment.
pub fn operator(variables: &[(String, String)]) -> String {
    let sudo = variables.iter().find(|(name, value)| name == "SUDO_USER" && !value.is_empty());
    if let (true, Some((_, name))) = (is_root(), sudo) {
        return name.clone();
    }
    let uid = nix::unistd::geteuid();
    nix::unistd::User::from_uid(uid).ok().flatten().map_or_else(|| format!("user {uid}"), |user| user.name)
}

/// Whether this process may see everything on the node.
pub fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}
