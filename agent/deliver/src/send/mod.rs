//! Sending what is spooled: OTLP over HTTP, in protobuf and gzip.
//!
//! What is sent when, and what becomes of it, is decided by [`Machine`], which is pure; [`Client`] makes one request; [`Deliverer`] drives
//! both beside the daemon. A record leaves the spool when the endpoint said that it has it, or when the endpoint refuses it alone. An
//! endpoint that gets it and cannot say so gets it again, under the same id.

mod client;
mod deliverer;
mod destination;
pub mod enrol;
pub mod enrolment;
mod machine;
mod outcome;
mod tls;

pub use client::Client;
pub use deliverer::{DELIVERY_FILE, Deliverer, flush};
pub use destination::{Destination, OFF, Options, SetupError, parse_url};
pub use machine::{Deed, Machine, Order, Policy, Sent, Step};
pub use outcome::Outcome;
