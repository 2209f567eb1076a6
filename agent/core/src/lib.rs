//! Facts, findings, rules and reports of Portreeve.
//!
//! ```text
//! observers ──▶ Snapshot ──▶ diagnose ──▶ Report
//! ```
//!
//! Everything here is a pure function of its input: no file, no socket, no clock. The same [`Snapshot`] and [`Policy`] give the same
//! [`Report`] on any machine, so that a node in the field can be diagnosed again at a desk and each rule can be tested anywhere.

#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

pub mod acceptance;
pub mod catalogue;
pub mod connects;
pub mod delivery;
pub mod diagnose;
pub mod error;
pub mod evidence;
pub mod fact;
pub mod gate;
pub mod history;
pub mod image_reference;
pub mod images;
pub mod json;
pub mod lint;
pub mod locks;
pub mod logs;
pub mod maintenance;
pub mod measure;
pub mod order;
pub mod report;
pub mod schedule;
pub mod secret;
pub mod selftest;
pub mod snapshot;
pub mod spool;
pub mod status;
pub mod topology;

pub use acceptance::AcceptanceReport;
pub use catalogue::{Code, Layer, Severity};
pub use connects::{ConnectReport, Series};
pub use diagnose::{Policy, Waiver, diagnose};
pub use fact::Fact;
pub use image_reference::ImageReference;
pub use images::ImagesReport;
pub use lint::{LintReport, lint};
pub use locks::LocksReport;
pub use logs::LogReport;
pub use maintenance::Maintenance;
pub use report::{Report, Verdict};
pub use secret::{Fingerprint, FingerprintKey, Secret};
pub use selftest::SelfTest;
pub use snapshot::Snapshot;
pub use spool::SpoolReport;
