//! Frames: the envelope of requests, responses and events.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::error::{Rejection, WireError};
use super::lenient;
use super::text::Text;

/// Longest request id, event name or nonce accepted, in bytes.
const MAX_NAME_BYTES: usize = 256;

/// A frame that is not what the protocol says.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// Not JSON, nested too deeply, or not a frame.
    #[error("a frame of {bytes} bytes is not a frame of the protocol")]
    NotAFrame {
        /// Size of the frame in bytes.
        bytes: usize,
        /// What the parser said.
        #[source]
        source: serde_json::Error,
    },
    /// A name in the envelope is far longer than any the gateway uses.
    #[error("a frame carries a name of {bytes} bytes")]
    NameTooLong {
        /// Length of the name in bytes.
        bytes: usize,
    },
    /// The payload is not of the shape that belongs to the request.
    #[error("the payload of `{what}` is not of the expected shape")]
    Payload {
        /// The method or event.
        what: String,
        /// What the parser said.
        #[source]
        source: serde_json::Error,
    },
}

/// What kind of frame it is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum FrameKind {
    /// An event of this name.
    Event(String),
    /// The answer to the request of this id; `ok` says whether it was granted.
    Response {
        /// The id of the request.
        id: String,
        /// Whether the request was granted.
        ok: bool,
    },
    /// A kind of frame that a client does not expect.
    Other(Text),
}

/// A frame as received: its envelope parsed, its payload left in place until a type for it is known.
#[derive(Debug)]
pub struct Frame<'a> {
    kind: FrameKind,
    raw: RawFrame<'a>,
}

/// The text of a frame; its `Debug` shows only the size, because a payload may hold tokens.
struct RawFrame<'a>(&'a str);

impl std::fmt::Debug for RawFrame<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

#[derive(Deserialize)]
struct Envelope {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default, deserialize_with = "lenient::or_default")]
    id: String,
    #[serde(default, deserialize_with = "lenient::or_default")]
    event: String,
    #[serde(default, deserialize_with = "lenient::or_default")]
    ok: bool,
}

#[derive(Deserialize)]
struct Payload<T> {
    payload: T,
}

#[derive(Deserialize)]
struct Refusal {
    #[serde(default, deserialize_with = "lenient::or_default")]
    error: WireError,
}

impl<'a> Frame<'a> {
    /// Reads the envelope of `text`.
    pub fn parse(text: &'a str) -> Result<Self, FrameError> {
        let envelope: Envelope =
            serde_json::from_str(text).map_err(|source| FrameError::NotAFrame { bytes: text.len(), source })?;
        for name in [&envelope.id, &envelope.event] {
            if name.len() > MAX_NAME_BYTES {
                return Err(FrameError::NameTooLong { bytes: name.len() });
            }
        }
        let kind = match envelope.kind.as_str() {
            "event" => FrameKind::Event(envelope.event),
            "res" => FrameKind::Response { id: envelope.id, ok: envelope.ok },
            other => FrameKind::Other(Text::new(other)),
        };

        Ok(Self { kind, raw: RawFrame(text) })
    }

    /// What kind of frame it is.
    pub fn kind(&self) -> &FrameKind {
        &self.kind
    }

    /// Reads the payload as a `T`; whatever `T` has no field for is skipped and not kept.
    pub fn payload<T: DeserializeOwned>(&self, what: &str) -> Result<T, FrameError> {
        let read: Payload<T> =
            serde_json::from_str(self.raw.0).map_err(|source| FrameError::Payload { what: what.to_owned(), source })?;

        Ok(read.payload)
    }

    /// Reads why the request was refused. An answer without an error gives an empty one.
    pub fn rejection(&self) -> Rejection {
        self.rejection_without(&[])
    }

    /// The same, with each of `secrets` masked should the gateway repeat it.
    pub fn rejection_without(&self, secrets: &[&str]) -> Rejection {
        let read: Result<Refusal, _> = serde_json::from_str(self.raw.0);

        Rejection::new(read.map(|refusal| refusal.error).unwrap_or_default(), secrets)
    }
}

/// The gateway's first word, `connect.challenge`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Challenge {
    /// What a device's proof must contain; a UUID today.
    pub nonce: String,
    /// The gateway's clock, in milliseconds since 1970.
    pub ts: i64,
    /// Features the gateway announces before it knows who connects.
    #[serde(default, deserialize_with = "lenient::names")]
    pub capabilities: Vec<String>,
}

impl Challenge {
    /// The name of the event.
    pub const EVENT: &'static str = "connect.challenge";

    /// Whether the nonce can be signed and sent back.
    pub fn is_usable(&self) -> bool {
        !self.nonce.trim().is_empty() && self.nonce.len() <= MAX_NAME_BYTES && !self.nonce.contains('|')
    }
}

/// The event that precedes a stop or restart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Shutdown {
    /// `gateway stopping` or `gateway restarting`.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub reason: Text,
    /// When the gateway expects to be back, in milliseconds from now; absent for a stop.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub restart_expected_ms: Option<u64>,
}

impl Shutdown {
    /// The name of the event.
    pub const EVENT: &'static str = "shutdown";
}

/// The text of a request frame.
pub fn request_text(id: &str, method: &str, params: &impl Serialize) -> Result<String, serde_json::Error> {
    #[derive(Serialize)]
    struct Request<'a, P> {
        #[serde(rename = "type")]
        kind: &'static str,
        id: &'a str,
        method: &'a str,
        params: &'a P,
    }

    serde_json::to_string(&Request { kind: "req", id, method, params })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{DetailCode, ErrorCode, Health, PairingReason};
    use super::*;

    #[test]
    fn reads_a_refusal() {
        let text = r#"{"type":"res","id":"c1","ok":false,"error":{"code":"NOT_PAIRED","message":"pairing required: device is not approved yet",
            "details":{"code":"PAIRING_REQUIRED","reason":"not-paired","requestId":"11111111-2222-3333-4444-555555555555",
            "deviceId":"8beb8cf5630878e5ab50aebf8f2df2c80d5542235c2c157b0510249ba4e9e1f2","approvedScopes":["operator.read",7]}}}"#;

        let frame = Frame::parse(text).unwrap();
        let rejection = frame.rejection();

        assert_eq!(*frame.kind(), FrameKind::Response { id: "c1".to_owned(), ok: false });
        assert_eq!(rejection.code, ErrorCode::NotPaired);
        assert_eq!(rejection.detail, Some(DetailCode::PairingRequired));
        assert_eq!(rejection.pairing_reason, Some(PairingReason::NotPaired));
        assert_eq!(rejection.request_id.as_deref(), Some("11111111-2222-3333-4444-555555555555"));
        assert_eq!(rejection.approved_scopes, ["operator.read"]);
    }

    #[test]
    fn a_refusal_of_another_shape_is_still_a_refusal() {
        for text in [
            r#"{"type":"res","id":"c1","ok":false}"#,
            r#"{"type":"res","id":"c1","ok":false,"error":"no"}"#,
            r#"{"type":"res","id":"c1","ok":false,"error":{"code":3,"details":[1]}}"#,
        ] {
            let rejection = Frame::parse(text).unwrap().rejection();

            assert_eq!(rejection.code, ErrorCode::Other(String::new()));
            assert_eq!(rejection.detail, None);
        }
    }

    #[test]
    fn a_request_id_that_could_be_a_shell_command_is_dropped() {
        let text = r#"{"type":"res","id":"c1","ok":false,"error":{"details":{"code":"PAIRING_REQUIRED","requestId":"x; rm -rf /"}}}"#;

        assert_eq!(Frame::parse(text).unwrap().rejection().request_id, None);
    }

    #[test]
    fn deep_nesting_costs_no_stack() {
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        let text = format!(r#"{{"type":"res","id":"r1","ok":false,"payload":{{"channels":{deep}}},"error":{deep}}}"#);

        let frame = Frame::parse(&text).unwrap();

        assert!(frame.payload::<Health>("health").is_err());
        assert_eq!(frame.rejection().code, ErrorCode::Other(String::new()));
    }

    proptest! {
        #[test]
        fn never_panics(text in ".{0,200}") {
            if let Ok(frame) = Frame::parse(&text) {
                let _ = frame.rejection();
                let _ = frame.payload::<Challenge>("x");
            }
        }
    }
}
