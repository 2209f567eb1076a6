//! What is not taken, and how that is told: `google.rpc.Status` in protobuf, as OTLP/HTTP demands.

use axum::http::StatusCode;
use axum::http::header::{CONNECTION, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::response::{IntoResponse, Response};
use portreeve_telemetry::otlp::PROTOBUF;
use prost::Message;

/// Why a request is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// The credential is missing, or not known, or no longer.
    Unknown,
    /// It reports as another node.
    Other,
    /// The node sends too fast; seconds to wait.
    TooFast(u64),
    /// The body is too large, packed or unpacked.
    TooLarge,
    /// It is in a form that is not taken.
    Form(&'static str),
    /// It is not what it says it is.
    Malformed(&'static str),
    /// It did not arrive in time.
    Slow,
    /// Too much waits already.
    Overloaded,
    /// The database failed.
    Unavailable,
    /// A mistake of this server.
    Internal,
}

/// <https://github.com/googleapis/googleapis/blob/master/google/rpc/status.proto>
#[derive(Clone, PartialEq, Message)]
struct Status {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
}

impl Refusal {
    /// A word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unknown => "credential",
            Self::Other => "other-node",
            Self::TooFast(_) => "too-fast",
            Self::TooLarge => "too-large",
            Self::Form(_) => "form",
            Self::Malformed(_) => "malformed",
            Self::Slow => "slow",
            Self::Overloaded => "overloaded",
            Self::Unavailable => "unavailable",
            Self::Internal => "internal",
        }
    }

    /// HTTP status, code of `google.rpc.Code`, and what is said.
    fn parts(self) -> (StatusCode, i32, &'static str) {
        match self {
            Self::Unknown => (StatusCode::UNAUTHORIZED, 16, "this credential is not known, or no longer: enrol"),
            Self::Other => (StatusCode::FORBIDDEN, 7, "the resource is another node than that of the credential"),
            Self::TooFast(_) => (StatusCode::TOO_MANY_REQUESTS, 8, "this node sends too fast"),
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, 3, "the body is too large"),
            Self::Form(why) => (StatusCode::UNSUPPORTED_MEDIA_TYPE, 3, why),
            Self::Malformed(why) => (StatusCode::BAD_REQUEST, 3, why),
            Self::Slow => (StatusCode::REQUEST_TIMEOUT, 4, "the body did not arrive in time"),
            Self::Overloaded => (StatusCode::SERVICE_UNAVAILABLE, 14, "too much waits for the database, or it is full"),
            Self::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, 14, "the database did not take it"),
            Self::Internal => (StatusCode::INTERNAL_SERVER_ERROR, 13, "this server made a mistake"),
        }
    }

    /// Seconds after which it may be tried again.
    fn retry_after(self) -> Option<u64> {
        match self {
            Self::TooFast(seconds) => Some(seconds),
            // Spread, so that those who were refused together do not come back together.
            Self::Overloaded | Self::Unavailable => Some(fastrand::u64(2..=15)),
            _ => None,
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, code, message) = self.parts();
        let body = Status { code, message: message.to_owned() }.encode_to_vec();
        let mut response = (status, [(CONTENT_TYPE, PROTOBUF)], body).into_response();
        let headers = response.headers_mut();
        if let Some(seconds) = self.retry_after() {
            headers.insert(RETRY_AFTER, seconds.into());
        }
        if self == Self::Unknown {
            headers.insert(WWW_AUTHENTICATE, axum::http::HeaderValue::from_static("Bearer"));
        }
        if matches!(self, Self::Slow | Self::TooLarge) {
            headers.insert(CONNECTION, axum::http::HeaderValue::from_static("close"));
        }
        response
    }
}
