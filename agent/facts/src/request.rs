//! What a probe in a container's namespaces is asked, and the bounds of its answer.
//!
//! Both travel over the standard streams of the probe's own throw-away container, so that no secret is ever an argument.

use std::collections::BTreeMap;

use portreeve_core::snapshot::NamespaceView;
use portreeve_core::snapshot::namespace;
use portreeve_core::{Fingerprint, Secret};
use secrecy::ExposeSecret;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The name and version of the request.
pub const SCHEMA: &str = "portreeve.probe-request/1";
/// No request is larger, in bytes.
pub const MAX_REQUEST_BYTES: usize = 64 * 1024;
/// No answer is larger, in bytes.
pub const MAX_ANSWER_BYTES: usize = 256 * 1024;
/// Longest deadline, in milliseconds.
pub const MAX_DEADLINE_MS: u64 = 60_000;
/// Most items in one list of a request.
pub const MAX_ITEMS: usize = 64;
/// Most connects to one address.
pub const MAX_ATTEMPTS: u32 = 100;
/// Most connects of a series: all of them come back in one answer.
pub const MAX_SERIES: u32 = 500;
/// Longest name, path or URL, in bytes.
const MAX_TEXT_BYTES: usize = 4096;

/// What a probe is to look at. Every list may be empty, everything optional may be left out.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// [`SCHEMA`].
    pub schema: String,
    /// Milliseconds after which the answer is printed with whatever is known by then.
    pub deadline_ms: u64,
    /// Key of the node's fingerprints, in hexadecimal digits.
    #[serde(serialize_with = "expose", deserialize_with = "secret")]
    pub fingerprint_key: Secret,
    /// Part of `OpenClaw` whose view is asked for; none for the view of the network and the files alone.
    #[serde(default)]
    pub role: Option<Role>,
    /// State directory; as its environment says where nothing is given.
    #[serde(default)]
    pub state_dir: Option<String>,
    /// `--profile` of its command.
    #[serde(default)]
    pub profile: Option<String>,
    /// Port that the gateway is expected on (`--port` of its command); as environment and configuration say where nothing is given.
    #[serde(default)]
    pub port: Option<u16>,
    /// `--url` of the client's command.
    #[serde(default)]
    pub url: Option<String>,
    /// `--token` of its command.
    #[serde(default, serialize_with = "expose_some", deserialize_with = "some_secret")]
    pub token: Option<Secret>,
    /// `--password` of its command.
    #[serde(default, serialize_with = "expose_some", deserialize_with = "some_secret")]
    pub password: Option<Secret>,
    /// `--host`, `--port` and `--tls` of a node host's command.
    #[serde(default)]
    pub node_target: Option<NodeTarget>,
    /// Variables that differ from the probe's own environment; null: not set.
    #[serde(default, serialize_with = "expose_map", deserialize_with = "variables")]
    pub environment: BTreeMap<String, Option<Secret>>,
    /// Whether a secret may be shown to what listens where the gateway should be: on the loopback of this namespace for a gateway, at the
    /// client's own URL for a client. Without it the handshake is all that is tried.
    #[serde(default)]
    pub may_send_secret: bool,
    /// The only secret that a client may show: one that the gateway is known to refuse would count against its address there.
    #[serde(default)]
    pub only_secret: Option<Fingerprint>,
    /// Names to resolve.
    #[serde(default)]
    pub names: Vec<String>,
    /// Addresses to connect to.
    #[serde(default)]
    pub connects: Vec<ConnectAsked>,
    /// Gateways whose HTTP probes are asked, as URLs (`ws://gateway:18789`); no secret is sent.
    #[serde(default)]
    pub http: Vec<String>,
    /// A series of connects to the client's gateway; none is made where the role is not that of a client.
    #[serde(default)]
    pub series: Option<SeriesAsked>,
    /// Unix sockets to look at.
    #[serde(default)]
    pub sockets: Vec<SocketAsked>,
    /// Folder in which a file is made and removed, to see whether it can be written. Never the state directory or below it.
    #[serde(default)]
    pub write_test: Option<String>,
    /// Leaves out the lists that only a person reads: listeners on other ports than the gateway's, files of other users.
    #[serde(default)]
    pub brief: bool,
}

/// A part of `OpenClaw`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// The gateway.
    Gateway,
    /// The command line.
    Cli,
    /// A node host.
    NodeHost,
}

/// Where a node host's command says that it connects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeTarget {
    /// Host name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Whether through TLS; as the configuration says where nothing is given.
    #[serde(default)]
    pub tls: Option<bool>,
}

/// An address to connect to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConnectAsked {
    /// Host name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// How often, at most [`MAX_ATTEMPTS`].
    pub attempts: u32,
}

/// A series of connects up to the gateway's challenge, without a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeriesAsked {
    /// URL to connect to; the client's own where none is given.
    #[serde(default)]
    pub url: Option<String>,
    /// How many, at most [`MAX_SERIES`].
    pub count: u32,
    /// Milliseconds over which they begin.
    pub spread_ms: u64,
    /// How many at a time.
    pub concurrency: u32,
}

/// A Unix socket to look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SocketAsked {
    /// Path within the container.
    pub path: String,
    /// What names it.
    pub source: String,
}

impl Request {
    /// A request that asks for nothing but what costs nothing. `key` has at least 16 bytes.
    pub fn new(key: &[u8], deadline_ms: u64) -> Self {
        let digits = key.iter().fold(String::with_capacity(key.len() * 2), |text, byte| format!("{text}{byte:02x}"));
        Self {
            schema: SCHEMA.to_owned(),
            deadline_ms,
            fingerprint_key: Secret::from(digits),
            role: None,
            state_dir: None,
            profile: None,
            port: None,
            url: None,
            token: None,
            password: None,
            node_target: None,
            environment: BTreeMap::new(),
            may_send_secret: false,
            only_secret: None,
            names: Vec::new(),
            connects: Vec::new(),
            http: Vec::new(),
            series: None,
            sockets: Vec::new(),
            write_test: None,
            brief: false,
        }
    }

    /// Reads a request of at most [`MAX_REQUEST_BYTES`] and holds it to its bounds.
    pub fn parse(bytes: &[u8]) -> Result<Self, RequestError> {
        if bytes.len() > MAX_REQUEST_BYTES {
            return Err(RequestError::TooLarge { what: "the request", limit: MAX_REQUEST_BYTES });
        }
        let request: Self = serde_json::from_slice(bytes).map_err(|error| RequestError::malformed(&error))?;
        if request.schema != SCHEMA {
            return Err(RequestError::Schema { found: request.schema.chars().take(64).collect() });
        }
        request.check()?;
        Ok(request)
    }

    /// The request as the probe reads it. It holds the node's key and may hold secrets.
    pub fn to_json(&self) -> Result<Secret, RequestError> {
        self.check()?;
        let text = serde_json::to_string(self).map_err(|error| RequestError::malformed(&error))?;
        if text.len() > MAX_REQUEST_BYTES {
            return Err(RequestError::TooLarge { what: "the request", limit: MAX_REQUEST_BYTES });
        }
        Ok(Secret::from(text))
    }

    /// The bytes of the fingerprint key.
    pub fn key_bytes(&self) -> Result<Vec<u8>, RequestError> {
        let digits = self.fingerprint_key.expose_secret();
        let nibble = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let pairs = digits.as_bytes().chunks(2).map(|pair| match pair {
            [high, low] => Some(nibble(*high)? << 4 | nibble(*low)?),
            _ => None,
        });
        pairs.collect::<Option<Vec<u8>>>().ok_or(RequestError::Key)
    }

    fn check(&self) -> Result<(), RequestError> {
        let within = |what, count: usize| {
            if count > MAX_ITEMS { Err(RequestError::TooMany { what, limit: MAX_ITEMS }) } else { Ok(()) }
        };
        within("names", self.names.len())?;
        within("connects", self.connects.len())?;
        within("http", self.http.len())?;
        within("sockets", self.sockets.len())?;
        if self.deadline_ms == 0 || self.deadline_ms > MAX_DEADLINE_MS {
            return Err(RequestError::Deadline { limit: MAX_DEADLINE_MS });
        }
        if self.connects.iter().any(|asked| asked.attempts > MAX_ATTEMPTS) {
            return Err(RequestError::TooMany { what: "attempts", limit: MAX_ATTEMPTS as usize });
        }
        if self.series.as_ref().is_some_and(|asked| asked.count > MAX_SERIES) {
            return Err(RequestError::TooMany { what: "connects of the series", limit: MAX_SERIES as usize });
        }
        let series = self.series.as_ref().and_then(|asked| asked.url.as_ref());
        let texts = self
            .names
            .iter()
            .chain(&self.http)
            .chain(self.connects.iter().map(|asked| &asked.host))
            .chain(self.sockets.iter().flat_map(|asked| [&asked.path, &asked.source]))
            .chain([&self.state_dir, &self.profile, &self.url, &self.write_test].into_iter().flatten())
            .chain(series);
        if texts.into_iter().any(|text| text.len() > MAX_TEXT_BYTES || text.contains('\0')) {
            return Err(RequestError::TooLarge { what: "a name, path or URL", limit: MAX_TEXT_BYTES });
        }
        self.key_bytes().map(|_| ())
    }
}

/// Why a request is not one.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// More bytes than are read.
    #[error("{what} has more than {limit} bytes or holds a NUL")]
    TooLarge {
        /// Of what.
        what: &'static str,
        /// The bound.
        limit: usize,
    },
    /// More items than are looked at.
    #[error("`{what}` are more than {limit}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// The bound.
        limit: usize,
    },
    /// The deadline is none.
    #[error("`deadline_ms` is 0 or more than {limit}")]
    Deadline {
        /// The bound.
        limit: u64,
    },
    /// The key is not one.
    #[error("`fingerprint_key` is not made of pairs of hexadecimal digits")]
    Key,
    /// Another version.
    #[error("the request is `{found}` and not `{SCHEMA}`")]
    Schema {
        /// What it says.
        found: String,
    },
    /// It does not parse. The text of the parser may hold a piece of a secret and is left out.
    #[error("the request is not JSON of the known shape: line {line}, column {column}")]
    Malformed {
        /// Line, counted from 1.
        line: usize,
        /// Column, counted from 1.
        column: usize,
    },
}

impl RequestError {
    fn malformed(error: &serde_json::Error) -> Self {
        Self::Malformed { line: error.line(), column: error.column() }
    }
}

/// Why an answer is not one.
#[derive(Debug, thiserror::Error)]
pub enum AnswerError {
    /// More bytes than are read.
    #[error("the probe's answer has more than {MAX_ANSWER_BYTES} bytes")]
    TooLarge,
    /// Another version.
    #[error("the probe's answer is `{found}` and not `{}`", namespace::SCHEMA)]
    Schema {
        /// What it says.
        found: String,
    },
    /// It does not parse.
    #[error("the probe's answer is not understood")]
    Malformed(#[source] serde_json::Error),
}

/// Reads a probe's answer of at most [`MAX_ANSWER_BYTES`]. Its texts are as the container gave them.
pub fn parse_answer(bytes: &[u8]) -> Result<NamespaceView, AnswerError> {
    if bytes.len() > MAX_ANSWER_BYTES {
        return Err(AnswerError::TooLarge);
    }
    let view: NamespaceView = portreeve_core::json::parse(bytes).map_err(AnswerError::Malformed)?;
    if view.schema != namespace::SCHEMA {
        return Err(AnswerError::Schema { found: view.schema.chars().take(64).collect() });
    }
    Ok(view)
}

fn expose<S: Serializer>(secret: &Secret, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(secret.expose_secret())
}

#[expect(clippy::ref_option, reason = "the signature is serde's")]
fn expose_some<S: Serializer>(secret: &Option<Secret>, serializer: S) -> Result<S::Ok, S::Error> {
    secret.as_ref().map(ExposeSecret::expose_secret).serialize(serializer)
}

fn expose_map<S: Serializer>(variables: &BTreeMap<String, Option<Secret>>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer
        .collect_map(variables.iter().map(|(name, value)| (name, value.as_ref().map(ExposeSecret::expose_secret))))
}

fn secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Secret, D::Error> {
    String::deserialize(deserializer).map(Secret::from)
}

fn some_secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Secret>, D::Error> {
    Option::<String>::deserialize(deserializer).map(|text| text.map(Secret::from))
}

fn variables<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, Option<Secret>>, D::Error> {
    let variables = BTreeMap::<String, Option<String>>::deserialize(deserializer)?;
    Ok(variables.into_iter().map(|(name, value)| (name, value.map(Secret::from))).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn full() -> Request {
        let mut request = Request::new(&[0xa5; 32], 1500);
        request.role = Some(Role::NodeHost);
        request.token = Some(Secret::from("canary-flag"));
        request.environment.insert("OPENCLAW_GATEWAY_TOKEN".to_owned(), Some(Secret::from("canary-variable")));
        request.environment.insert("OPENCLAW_GATEWAY_URL".to_owned(), None);
        request.node_target = Some(NodeTarget { host: "gateway".to_owned(), port: 18789, tls: None });
        request.connects.push(ConnectAsked { host: "gateway".to_owned(), port: 18789, attempts: 5 });
        request.sockets.push(SocketAsked { path: "/run/x.sock".to_owned(), source: "DOCKER_HOST".to_owned() });
        request
    }

    #[test]
    fn a_request_survives_the_way_and_shows_no_secret() {
        let request = full();
        let read = Request::parse(request.to_json().unwrap().expose_secret().as_bytes()).unwrap();
        assert_eq!(read.key_bytes().unwrap(), [0xa5; 32]);
        assert_eq!(read.connects, request.connects);
        assert_eq!(read.environment.len(), 2);
        let token = read.environment["OPENCLAW_GATEWAY_TOKEN"].as_ref().unwrap();
        assert_eq!(token.expose_secret(), "canary-variable");
        let shown = format!("{read:?}");
        assert!(!shown.contains("canary") && !shown.contains("a5a5"), "{shown}");
    }

    #[test]
    fn what_is_out_of_bounds_is_refused() {
        let text = full().to_json().unwrap().expose_secret().to_owned();
        for (from, to) in [
            ("portreeve.probe-request/1", "portreeve.probe-request/2"),
            ("\"deadline_ms\":1500", "\"deadline_ms\":0"),
            ("\"deadline_ms\":1500", "\"deadline_ms\":600000"),
            ("\"attempts\":5", "\"attempts\":101"),
            ("a5a5", "a5x5"),
            ("a5a5", "a5a"),
            ("\"brief\":false", "\"brief\":false,\"more\":1"),
            ("/run/x.sock", "/run/\\u0000"),
        ] {
            let changed = text.replacen(from, to, 1);
            assert_ne!(changed, text);
            let error = Request::parse(changed.as_bytes()).unwrap_err();
            assert!(!error.to_string().contains("canary"), "{error}");
        }
        let mut many = full();
        many.names = vec!["x".to_owned(); MAX_ITEMS + 1];
        assert!(matches!(many.to_json(), Err(RequestError::TooMany { what: "names", .. })));
        assert!(matches!(Request::parse(&vec![b' '; MAX_REQUEST_BYTES + 1]), Err(RequestError::TooLarge { .. })));
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC{0,200}", bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Request::parse(text.as_bytes());
            let _ = Request::parse(&bytes);
            let _ = parse_answer(text.as_bytes());
        }
    }
}
