//! How a connection ended that never became a session.

use serde::{Deserialize, Serialize};

/// How far a connection had come when it broke, as the gateway names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// The socket was accepted.
    TcpAccepted,
    /// The WebSocket upgrade had begun; the gateway waits for the `connect` frame.
    WsUpgradeStarted,
    /// A `connect` frame with credentials had come.
    AuthCredentialsReceived,
    /// The credentials were good; the device was being judged.
    AuthValidated,
    /// The session was attached.
    SessionAttached,
    /// `hello-ok` was being made.
    HelloPayloadPrepared,
    /// The connection was up.
    Ready,
}

impl Phase {
    /// The phase with the given name in the log.
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "tcp_accepted" => Self::TcpAccepted,
            "ws_upgrade_started" => Self::WsUpgradeStarted,
            "auth_credentials_received" => Self::AuthCredentialsReceived,
            "auth_validated" => Self::AuthValidated,
            "session_attached" => Self::SessionAttached,
            "hello_payload_prepared" => Self::HelloPayloadPrepared,
            "ready" => Self::Ready,
            _ => return None,
        })
    }
}

/// The end of a connection that never became a session.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Close {
    /// WebSocket close code. 1006 and 1000 carry no cause of their own.
    pub code: Option<u16>,
    /// Close reason as sent to the peer, cut by the gateway at about 120 bytes, redacted.
    pub reason: Option<String>,
    /// The gateway's own name of the cause (`unauthorized`, `handshake-timeout`, `pairing-required`, …).
    pub cause: Option<String>,
    /// How far the connection had come.
    pub phase: Option<Phase>,
    /// Why the credentials were refused (`token_mismatch`, …), where the log says so.
    pub auth_reason: Option<String>,
    /// The peer's address without port.
    pub remote: Option<String>,
    /// The peer's client id (`cli`, `openclaw-macos`, …), where it had come.
    pub client: Option<String>,
    /// Time from accept to close, in milliseconds.
    pub duration_ms: Option<u64>,
}
