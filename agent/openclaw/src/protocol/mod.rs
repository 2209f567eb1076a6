//! The gateway's WebSocket protocol, version 4: frames, error and close codes, and the answers that a probe reads.
//!
//! One JSON object per text frame. Everything here is pure: bytes in, values out. Unknown fields are skipped while parsing and never
//! stored, which is also how tokens that an answer may carry are dropped. Free text from the gateway passes through [`text`] first.

mod channels;
mod close;
mod connect;
mod detail;
mod error;
mod frame;
mod health;
mod hello;
mod lenient;
mod pairing;
pub mod text;

pub use channels::{ChannelAccount, ChannelProbe, ChannelsStatus, StatusIssue};
pub use close::{Close, CloseMeaning};
pub use connect::{ClientIdentity, ConnectParams, Credential, Scope};
pub use detail::{DetailCode, ErrorCode, NextStep, PairingReason};
pub use error::Rejection;
pub use frame::{Challenge, Frame, FrameError, FrameKind, Shutdown, request_text};
pub use health::{AccountHealth, ChannelHealth, EventLoop, Health};
pub use hello::{GrantedAuth, Hello, Policy, ServerInfo};
pub use pairing::{DeviceToken, NodeSurface, PairedDevice, PairingList, PendingPairing};

/// The protocol version spoken here; gateways of this generation accept no other from an operator client.
pub const PROTOCOL_VERSION: u32 = 4;

/// Largest frame or message accepted from a gateway, in bytes. A `hello-ok` of a small gateway is 16 KiB and grows with its agents,
/// sessions and channels; the gateway itself would go up to 25 MiB.
pub const MAX_MESSAGE_BYTES: usize = 4 * 1024 * 1024;
