//! The HTTP upgrade, sans I/O: the request as bytes, the answer from bytes.
//!
//! Done here rather than by the WebSocket library because a refused upgrade is a finding: its status, its headers and its body say who
//! refused and why.

use serde::Deserialize;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::error::{ErrorKind, UpgradeRefusal};
use crate::endpoint::Target;
use crate::protocol::text::Text;

/// Largest answer head accepted, in bytes.
pub(super) const MAX_HEAD_BYTES: usize = 16 * 1024;

/// Most of a refusal's body read, in bytes.
pub(super) const MAX_BODY_BYTES: usize = 8 * 1024;

/// Longest `error.type` kept, in characters.
const MAX_TYPE_CHARS: usize = 64;

/// The request that asks for the upgrade. No `Origin` and no forwarding header: the first is for browsers, the second would make the
/// gateway take us for a proxy.
pub(super) fn request(target: &Target, key: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: {authority}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\nUser-Agent: portreeve/{version}\r\n\r\n",
        path = target.path(),
        authority = target.authority(),
        version = env!("CARGO_PKG_VERSION"),
    )
}

/// The head of an HTTP answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResponseHead {
    status: u16,
    headers: Vec<(String, String)>,
    length: usize,
}

impl ResponseHead {
    /// Reads the head from the start of `bytes`; `None` while it is not complete.
    pub fn parse(bytes: &[u8]) -> Result<Option<Self>, ErrorKind> {
        // The first bytes decide early, so that a listener of another protocol is not waited for.
        let prefix = b"HTTP/1.";
        let seen = bytes.len().min(prefix.len());
        if bytes.get(..seen) != prefix.get(..seen) {
            return Err(ErrorKind::NotHttp { tls: matches!(bytes, [0x14..=0x17] | [0x14..=0x17, 0x03, ..]) });
        }
        let Some((head, length)) = split_head(bytes) else {
            return if bytes.len() >= MAX_HEAD_BYTES { Err(ErrorKind::NotHttp { tls: false }) } else { Ok(None) };
        };
        let head = String::from_utf8_lossy(head);
        let mut lines = head.lines();
        let status = lines
            .next()
            .and_then(|line| line.split_ascii_whitespace().nth(1))
            .and_then(|status| status.parse().ok())
            .filter(|status| (100..1000).contains(status))
            .ok_or(ErrorKind::NotHttp { tls: false })?;
        let headers = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.trim().to_ascii_lowercase(), value.trim().to_owned()))
            .collect();

        Ok(Some(Self { status, headers, length }))
    }

    /// The HTTP status.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Where the body, or the first frame, starts.
    pub fn length(&self) -> usize {
        self.length
    }

    /// The value of the first header of this lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str())
    }

    /// Checks that a granted upgrade was granted by a WebSocket server that read our key.
    pub fn verify(&self, key: &str) -> Result<(), ErrorKind> {
        let has = |name, token: &str| {
            self.header(name).is_some_and(|value| value.split(',').any(|part| part.trim().eq_ignore_ascii_case(token)))
        };
        let what = if !has("upgrade", "websocket") || !has("connection", "upgrade") {
            "the answer lacks the upgrade headers"
        } else if self.header("sec-websocket-accept") != Some(derive_accept_key(key.as_bytes()).as_str()) {
            "the answer does not fit the key"
        } else {
            return Ok(());
        };

        Err(ErrorKind::NotWebSocket { what })
    }

    /// How much of the body to read: what it announces, within the limit.
    pub(super) fn body_bytes(&self) -> usize {
        self.header("content-length")
            .and_then(|length| length.parse().ok())
            .map_or(MAX_BODY_BYTES, |n: usize| n.min(MAX_BODY_BYTES))
    }

    /// The refusal that this head and `body` are.
    pub fn refusal(&self, body: &[u8]) -> UpgradeRefusal {
        let body = body.get(..MAX_BODY_BYTES.min(body.len())).unwrap_or_default();
        let json: Option<RefusalBody> = serde_json::from_slice(body).ok();
        let (error_type, message) = match json {
            Some(json) => (json.error.kind, json.error.message),
            None => (None, self.plain_text(body)),
        };

        UpgradeRefusal {
            status: self.status,
            error_type: error_type.map(|kind| Text::new(&kind).as_str().chars().take(MAX_TYPE_CHARS).collect()),
            message,
            retry_after_s: self.header("retry-after").and_then(|seconds| seconds.parse().ok()),
            server: self.header("server").map(Text::new),
            location: self.header("location").map(|to| Text::new(to.split(['?', '#']).next().unwrap_or_default())),
        }
    }

    fn plain_text(&self, body: &[u8]) -> Option<Text> {
        let plain = self.header("content-type").is_none_or(|kind| kind.starts_with("text/plain"));
        let text = Text::new(&String::from_utf8_lossy(body));

        (plain && !text.is_empty()).then_some(text)
    }
}

#[derive(Deserialize)]
struct RefusalBody {
    error: RefusalError,
}

#[derive(Deserialize)]
struct RefusalError {
    #[serde(rename = "type")]
    kind: Option<String>,
    message: Option<Text>,
}

/// The head without its final empty line, and how long it is with it.
fn split_head(bytes: &[u8]) -> Option<(&[u8], usize)> {
    let bytes = bytes.get(..bytes.len().min(MAX_HEAD_BYTES))?;
    let end = |mark: &[u8]| bytes.windows(mark.len()).position(|window| window == mark).map(|at| (at, at + mark.len()));
    let (at, length) = end(b"\r\n\r\n").into_iter().chain(end(b"\n\n")).min()?;

    Some((bytes.get(..at)?, length))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

    fn head(text: &str) -> ResponseHead {
        ResponseHead::parse(text.as_bytes()).unwrap().unwrap()
    }

    #[test]
    fn the_request_is_a_plain_upgrade() {
        let target = Target::from_url("ws://[::1]:18789/x").unwrap();

        insta::assert_snapshot!(request(&target, KEY).replace(env!("CARGO_PKG_VERSION"), "V").replace("\r\n", "\n"), @r"
        GET /x HTTP/1.1
        Host: [::1]:18789
        Connection: Upgrade
        Upgrade: websocket
        Sec-WebSocket-Version: 13
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==
        User-Agent: portreeve/V
        ");
    }

    #[test]
    fn a_granted_upgrade_must_fit_the_key() {
        let granted = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                       Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\nrest";

        assert_eq!(head(granted).verify(KEY), Ok(()));
        assert_eq!(granted.get(head(granted).length()..), Some("rest"));
        assert!(matches!(head(granted).verify("other"), Err(ErrorKind::NotWebSocket { .. })));
        assert!(matches!(head("HTTP/1.1 101 x\r\n\r\n").verify(KEY), Err(ErrorKind::NotWebSocket { .. })));
    }

    #[test]
    fn a_refusal_says_who_refused_and_why() {
        let refusal = head("HTTP/1.1 503 x\r\nRetry-After: 7\r\nServer: nginx\r\n\r\n")
            .refusal(b"Too many unauthenticated sockets");
        assert_eq!((refusal.status, refusal.retry_after_s), (503, Some(7)));
        assert_eq!(refusal.server, Some(Text::new("nginx")));
        assert_eq!(refusal.message, Some(Text::new("Too many unauthenticated sockets")));

        let refusal = head("HTTP/1.1 403 x\r\nContent-Type: application/json\r\n\r\n").refusal(
            br#"{"error":{"message":"Proxy client attribution is required.","type":"proxy_attribution_required"}}"#,
        );
        assert!(refusal.is_proxy_attribution());

        let refusal = head("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n").refusal(b"<html>");
        assert_eq!(refusal.message, None);
    }

    #[test]
    fn other_protocols_are_recognised_at_once() {
        assert_eq!(ResponseHead::parse(b"SSH-2.0-OpenSSH"), Err(ErrorKind::NotHttp { tls: false }));
        assert_eq!(ResponseHead::parse(&[0x15, 3, 3, 0, 2, 2, 80]), Err(ErrorKind::NotHttp { tls: true }));
        assert_eq!(ResponseHead::parse(b"HTTP/1.1 abc\r\n\r\n"), Err(ErrorKind::NotHttp { tls: false }));
        assert_eq!(ResponseHead::parse(b"HTT"), Ok(None));
        assert_eq!(ResponseHead::parse(b""), Ok(None));
        let endless = [b"HTTP/1.1 200 OK\r\n".to_vec(), vec![b'x'; MAX_HEAD_BYTES]].concat();
        assert_eq!(ResponseHead::parse(&endless), Err(ErrorKind::NotHttp { tls: false }));
    }

    proptest! {
        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300), http in any::<bool>()) {
            let bytes = if http { [b"HTTP/1.1 200 ".to_vec(), bytes].concat() } else { bytes };
            if let Ok(Some(head)) = ResponseHead::parse(&bytes) {
                let _ = head.refusal(&bytes);
                let _ = head.verify(KEY);
            }
        }
    }
}
