//! systemd: definitions in unit files, and what `systemctl` says of services.

pub mod folder;
pub mod service;
pub mod show;
pub mod unit_file;

pub use folder::{Definition, Definitions};
pub use service::Service;
