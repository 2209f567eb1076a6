//! Delivery over real sockets, into an endpoint that behaves as badly as it can.

#![expect(clippy::unwrap_used, reason = "tests")]

mod client;
mod deliverer;
mod enrol;
mod given;
mod proxy;
mod tls;
