//! The server as it is met over real sockets, by friends and by others.

#![expect(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "tests")]

mod body;
mod contents;
mod credentials;
mod fleet;
#[path = "../../../fuzz/checks/seeds.rs"]
mod fuzz_seeds;
mod harm;
#[path = "../../../fuzz/checks/otlp.rs"]
mod otlp;
mod request;
mod seeds;
mod telling;
mod wire;
