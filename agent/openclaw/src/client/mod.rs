//! The WebSocket client: from an address to typed answers, with every failure named by its phase.
//!
//! A connect without a device, from the gateway's own loopback and with the shared secret, leaves no record at the gateway but lines in its
//! log when it is refused. On loopback a wrong secret is answered only after a delay that grows from 0.25 s to 5 s and is shared by all
//! loopback clients: do not guess, and do not make the deadline of the `connect` phase shorter than 6 s.

mod connection;
mod dial;
mod error;
mod frames;
mod machine;
mod upgrade;

use std::time::Duration;

pub use connection::{Connection, Greeting, Held, Opened, connect, greet, hold, open};
pub use error::{
    Attempt, ClockSkew, ConnectError, ErrorKind, Phase, RequestError, RequestErrorKind, Timings, UpgradeRefusal,
};
pub use machine::{Input, Machine, Step};
pub use upgrade::ResponseHead;

/// How long each phase may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadlines {
    /// Resolving the host name.
    pub dns: Duration,
    /// Opening the TCP connection, over all addresses.
    pub tcp: Duration,
    /// The TLS handshake.
    pub tls: Duration,
    /// The HTTP upgrade.
    pub upgrade: Duration,
    /// Waiting for the challenge.
    pub challenge: Duration,
    /// From sending `connect` to its answer.
    pub connect: Duration,
    /// After a refusal: waiting for the close frame that belongs to it.
    pub close: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            dns: Duration::from_secs(3),
            tcp: Duration::from_secs(3),
            tls: Duration::from_secs(4),
            upgrade: Duration::from_secs(4),
            challenge: Duration::from_secs(4),
            connect: Duration::from_secs(8),
            close: Duration::from_millis(500),
        }
    }
}
