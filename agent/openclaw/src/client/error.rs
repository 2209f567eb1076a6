//! What can go wrong on the way to a gateway, by phase.

use std::net::SocketAddr;
use std::time::Duration;

use nix::errno::Errno;
use serde::{Deserialize, Serialize};

use crate::endpoint::TlsFailure;
use crate::protocol::text::Text;
use crate::protocol::{Close, CloseMeaning, Rejection};

/// The phases of a connect, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Resolving the host name.
    Dns,
    /// Opening the TCP connection.
    Tcp,
    /// The TLS handshake.
    Tls,
    /// The HTTP upgrade to a WebSocket.
    Upgrade,
    /// Waiting for the gateway's challenge.
    Challenge,
    /// Sending `connect` and waiting for `hello-ok`.
    Connect,
    /// After `hello-ok`.
    Session,
}

impl Phase {
    /// The phase's name as it stands in output.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Dns => "dns",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
            Self::Upgrade => "upgrade",
            Self::Challenge => "challenge",
            Self::Connect => "connect",
            Self::Session => "session",
        }
    }
}

impl std::fmt::Display for Phase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How long each phase took. A phase that was not reached, or not needed, has none; the one that failed has the time until it did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Timings {
    /// Resolving the host name; none for an address.
    pub dns: Option<Duration>,
    /// Opening the TCP connection, over all addresses tried.
    pub tcp: Option<Duration>,
    /// The TLS handshake; none for `ws`.
    pub tls: Option<Duration>,
    /// The HTTP upgrade.
    pub upgrade: Option<Duration>,
    /// From the upgrade to the challenge.
    pub challenge: Option<Duration>,
    /// From sending `connect` to its answer.
    pub connect: Option<Duration>,
}

impl Timings {
    /// The sum over all phases.
    pub fn total(&self) -> Duration {
        [self.dns, self.tcp, self.tls, self.upgrade, self.challenge, self.connect].into_iter().flatten().sum()
    }

    pub(super) fn record(&mut self, phase: Phase, elapsed: Duration) {
        let slot = match phase {
            Phase::Dns => &mut self.dns,
            Phase::Tcp => &mut self.tcp,
            Phase::Tls => &mut self.tls,
            Phase::Upgrade => &mut self.upgrade,
            Phase::Challenge => &mut self.challenge,
            Phase::Connect => &mut self.connect,
            Phase::Session => return,
        };
        *slot = Some(elapsed);
    }
}

/// How far the gateway's clock is from ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockSkew {
    /// Gateway minus here, in milliseconds: positive when the gateway is ahead.
    pub offset_ms: i64,
    /// By how much the offset may be wrong, in milliseconds: the challenge was made at some moment between our upgrade request and its
    /// arrival.
    pub uncertainty_ms: u64,
}

/// One address that was tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// The address.
    pub address: SocketAddr,
    /// Why it failed.
    pub kind: ErrorKind,
    /// After how long.
    pub elapsed: Duration,
}

/// A gateway could not be reached, or did not let us in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("failed to connect to `{target}` in phase `{phase}`")]
pub struct ConnectError {
    /// The URL, without anything secret.
    pub target: String,
    /// The phase that failed.
    pub phase: Phase,
    /// Why.
    #[source]
    pub kind: ErrorKind,
    /// How long each phase took.
    pub timings: Timings,
    /// The addresses that did not answer.
    pub attempts: Vec<Attempt>,
    /// The address that answered, if one did.
    pub peer: Option<SocketAddr>,
    /// How far the gateway's clock is from ours, if a challenge came.
    pub clock_skew: Option<ClockSkew>,
}

impl ConnectError {
    /// The refusal, if the gateway sent one.
    pub fn rejection(&self) -> Option<&Rejection> {
        match &self.kind {
            ErrorKind::Rejected { rejection, .. } => Some(rejection),
            _ => None,
        }
    }

    /// The close frame, if the gateway sent one.
    pub fn close(&self) -> Option<&Close> {
        self.kind.close()
    }

    /// Whether the gateway says that it is still starting.
    pub fn is_starting(&self) -> bool {
        self.kind.is_starting()
    }
}

/// Why a phase failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The name does not resolve.
    #[error("the name does not resolve: {message}")]
    Dns {
        /// What the resolver said.
        message: Text,
    },
    /// Nobody listens there.
    #[error("the connection was refused")]
    Refused,
    /// Nothing came within the deadline.
    #[error("nothing came within {} ms", after.as_millis())]
    Timeout {
        /// The deadline.
        after: Duration,
    },
    /// The other side tore the connection down.
    #[error("the connection was reset")]
    Reset {
        /// The system's error; none where the connection just ended.
        errno: Option<Errno>,
    },
    /// No route to host or network.
    #[error("the host cannot be reached")]
    Unreachable {
        /// The system's error.
        errno: Option<Errno>,
    },
    /// The operating system did not let us.
    #[error("the operating system refused: {message}")]
    Denied {
        /// The system's error.
        errno: Option<Errno>,
        /// What it said.
        message: Text,
    },
    /// Any other fault of the connection.
    #[error("the connection failed: {message}")]
    Io {
        /// The system's error.
        errno: Option<Errno>,
        /// What the operating system said.
        message: Text,
    },
    /// TLS failed.
    #[error(transparent)]
    Tls(TlsFailure),
    /// An HTTP answer other than the upgrade.
    #[error("the upgrade was refused with HTTP status {}", .0.status)]
    UpgradeRefused(Box<UpgradeRefusal>),
    /// Not HTTP at all.
    #[error("the listener does not speak HTTP{}", if *tls { " but TLS" } else { "" })]
    NotHttp {
        /// It answered with a TLS record: the scheme should be `wss`.
        tls: bool,
    },
    /// The upgrade was granted, but not by a WebSocket server.
    #[error("the listener granted the upgrade but is not a WebSocket server: {what}")]
    NotWebSocket {
        /// What is wrong.
        what: &'static str,
    },
    /// The WebSocket is open but no challenge came: not an OpenClaw gateway, or one that hangs.
    #[error("no challenge came within {} ms", after.as_millis())]
    ChallengeTimeout {
        /// The deadline.
        after: Duration,
    },
    /// The first frame is not a challenge.
    #[error("the first frame is not a challenge: {what}")]
    ChallengeMalformed {
        /// What is wrong with it.
        what: Text,
    },
    /// The gateway answered and refused.
    #[error("the gateway refused: {}", .rejection.detail.as_ref().map_or_else(|| rejection.code.as_str(), |detail| detail.as_str()))]
    Rejected {
        /// The answer.
        rejection: Box<Rejection>,
        /// The close frame that followed it.
        close: Option<Close>,
    },
    /// The gateway closed without an answer.
    #[error("the gateway closed the connection with {0}")]
    Closed(Close),
    /// The connection ended without a close frame: what clients report as 1006.
    #[error("the connection ended without a close frame")]
    Abnormal {
        /// The system's error; none where the connection just ended.
        errno: Option<Errno>,
    },
    /// A frame that breaks the protocol.
    #[error("the gateway broke the protocol: {message}")]
    Protocol {
        /// How.
        message: Text,
    },
    /// A frame larger than we accept.
    #[error("a frame is larger than {limit} bytes")]
    FrameTooLarge {
        /// The limit in bytes.
        limit: usize,
    },
}

impl ErrorKind {
    /// The close frame, if one came.
    pub fn close(&self) -> Option<&Close> {
        match self {
            Self::Rejected { close, .. } => close.as_ref(),
            Self::Closed(close) => Some(close),
            _ => None,
        }
    }

    /// Whether the gateway says that it is still starting.
    pub fn is_starting(&self) -> bool {
        let said = matches!(self, Self::Rejected { rejection, .. } if rejection.is_starting());

        said || self.close().is_some_and(|close| close.meaning() == CloseMeaning::Starting)
    }

    /// The operating system's error behind it, where there was one.
    pub fn errno(&self) -> Option<Errno> {
        match self {
            Self::Refused => Some(Errno::ECONNREFUSED),
            Self::Reset { errno }
            | Self::Unreachable { errno }
            | Self::Denied { errno, .. }
            | Self::Io { errno, .. }
            | Self::Abnormal { errno } => *errno,
            _ => None,
        }
    }

    /// Classifies a failed system call.
    pub fn from_io(error: &std::io::Error) -> Self {
        use std::io::ErrorKind as Io;

        if let Some(failure) = TlsFailure::within(error) {
            return Self::Tls(failure);
        }
        if let Some(inner) = error.get_ref().and_then(|inner| inner.downcast_ref::<std::io::Error>()) {
            return Self::from_io(inner);
        }
        let message = || Text::new(&error.to_string());
        let errno = error.raw_os_error().map(Errno::from_raw);
        match error.kind() {
            Io::ConnectionRefused => Self::Refused,
            Io::ConnectionReset | Io::ConnectionAborted | Io::BrokenPipe | Io::UnexpectedEof => Self::Reset { errno },
            Io::HostUnreachable | Io::NetworkUnreachable | Io::NetworkDown => Self::Unreachable { errno },
            Io::PermissionDenied => Self::Denied { errno, message: message() },
            _ => Self::Io { errno, message: message() },
        }
    }

    /// Which of several failed attempts tells most: the more of the way one went, the more it tells.
    pub(super) fn weight(&self) -> u8 {
        match self {
            Self::Timeout { .. } => 4,
            Self::Reset { .. } => 3,
            Self::Refused => 2,
            Self::Denied { .. } => 1,
            _ => 0,
        }
    }
}

/// An HTTP answer other than the upgrade.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpgradeRefusal {
    /// The HTTP status.
    pub status: u16,
    /// `error.type` of a JSON body, such as `proxy_attribution_required`.
    pub error_type: Option<String>,
    /// `error.message` of a JSON body, or the start of a plain text one.
    pub message: Option<Text>,
    /// `Retry-After`, in seconds.
    pub retry_after_s: Option<u64>,
    /// The `Server` header: it names the proxy or web server that answered instead of a gateway.
    pub server: Option<Text>,
    /// The `Location` of a redirect, without its query.
    pub location: Option<Text>,
}

impl UpgradeRefusal {
    /// Whether a gateway refused because a proxy that it does not trust sent forwarding headers.
    pub fn is_proxy_attribution(&self) -> bool {
        self.error_type.as_deref() == Some("proxy_attribution_required")
    }
}

/// A request after `hello-ok` failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the request `{method}` failed")]
pub struct RequestError {
    /// The method.
    pub method: String,
    /// Why.
    #[source]
    pub kind: RequestErrorKind,
    /// After how long.
    pub elapsed: Duration,
}

impl RequestError {
    /// The refusal, if the gateway sent one.
    pub fn rejection(&self) -> Option<&Rejection> {
        match &self.kind {
            RequestErrorKind::Refused(rejection) => Some(rejection),
            _ => None,
        }
    }
}

/// Why a request failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RequestErrorKind {
    /// The gateway refused it.
    #[error("the gateway refused: {}", .0.detail.as_ref().map_or_else(|| .0.code.as_str(), |detail| detail.as_str()))]
    Refused(Box<Rejection>),
    /// No answer came within the deadline; the connection may still be used.
    #[error("no answer came within {} ms", after.as_millis())]
    Timeout {
        /// The deadline.
        after: Duration,
    },
    /// The connection ended first.
    #[error("the connection ended first")]
    Ended(#[source] ErrorKind),
    /// The answer is not of the expected shape.
    #[error("the answer is not of the expected shape: {message}")]
    Shape {
        /// What the parser said.
        message: Text,
    },
    /// The parameters cannot be written as JSON.
    #[error("the parameters cannot be written as JSON")]
    Params,
}
