//! The scripts of the package, run in a scratch root with recording stand-ins for `launchctl` and `pkgutil`.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test fails by panicking, and one that is skipped says so"
)]

#[path = "../support/mod.rs"]
mod support;

mod attack;
mod lifecycle;
mod scratch;
