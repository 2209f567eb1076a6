//! The client and the probes against listeners that behave badly, against TLS, and against a real gateway.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]

mod client;
mod gateway;
mod http;
mod listener;
mod tls;
