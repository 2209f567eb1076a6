//! Why a probe got no answer, by phase.

use std::error::Error;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::client::ErrorKind;
use crate::endpoint::TlsFailure;
use crate::protocol::text::Text;

/// The phases of a probe, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HttpPhase {
    /// Resolving the host name.
    Dns,
    /// Opening the TCP connection.
    Tcp,
    /// The TLS handshake.
    Tls,
    /// Waiting for the head of the answer.
    Response,
    /// Reading the body.
    Body,
}

impl std::fmt::Display for HttpPhase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Dns => "dns",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
            Self::Response => "response",
            Self::Body => "body",
        })
    }
}

/// A probe got no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the probe of `{path}` failed in phase `{phase}`")]
pub struct ProbeError {
    /// The path asked for.
    pub path: &'static str,
    /// The phase that failed.
    pub phase: HttpPhase,
    /// Why.
    #[source]
    pub kind: ProbeErrorKind,
    /// After how long.
    pub elapsed: Duration,
}

impl ProbeError {
    /// Whether something answered, though not as a gateway would: it listens, and it is not one.
    pub fn is_answer(&self) -> bool {
        match &self.kind {
            ProbeErrorKind::BodyTooLarge { .. } => true,
            ProbeErrorKind::Connection(kind) => {
                matches!(kind, ErrorKind::NotHttp { .. } | ErrorKind::Tls(TlsFailure::NotTls))
            }
            ProbeErrorKind::Setup { .. } => false,
        }
    }
}

/// Why a probe got no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProbeErrorKind {
    /// The connection failed.
    #[error(transparent)]
    Connection(ErrorKind),
    /// The body is larger than any that a gateway sends.
    #[error("the body is larger than {limit} bytes")]
    BodyTooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// The probe could not be made at all.
    #[error("the probe cannot be made: {message}")]
    Setup {
        /// Why.
        message: Text,
    },
}

/// Finds out what a failed request failed of.
pub(super) fn classify(error: &reqwest::Error, connect_deadline: Duration) -> (HttpPhase, ProbeErrorKind) {
    let connection = |phase, kind| (phase, ProbeErrorKind::Connection(kind));
    if let Some(failure) = TlsFailure::within(error) {
        return connection(HttpPhase::Tls, ErrorKind::Tls(failure));
    }
    let phase = if error.is_connect() { HttpPhase::Tcp } else { HttpPhase::Response };
    if error.is_timeout() {
        return connection(phase, ErrorKind::Timeout { after: connect_deadline });
    }
    let mut said = String::new();
    let mut current: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(cause) = current {
        if let Some(io) = cause.downcast_ref::<std::io::Error>() {
            return connection(phase, ErrorKind::from_io(io));
        }
        said = cause.to_string();
        current = cause.source();
    }
    // The HTTP library keeps its own errors private; their texts are what can be told apart.
    let not_http = ["parsed", "unexpected message", "head is too large"].iter().any(|text| said.contains(text));

    connection(phase, if not_http { ErrorKind::NotHttp { tls: false } } else { ErrorKind::Reset { errno: None } })
}
