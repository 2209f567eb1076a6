//! The `connect` request: who we say we are, and with what.
//!
//! The gateway's schema is closed: one key it does not know and the connection is refused.

use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use zeroize::Zeroizing;

use super::PROTOCOL_VERSION;
use super::frame::request_text;

/// A permission of an operator connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum Scope {
    /// Read status, health, channels.
    #[serde(rename = "operator.read")]
    Read,
    /// Read and decide pairing requests; used here only to read them.
    #[serde(rename = "operator.pairing")]
    Pairing,
}

impl Scope {
    /// The scope as it stands on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "operator.read",
            Self::Pairing => "operator.pairing",
        }
    }
}

/// Which client we present ourselves as. Only these two are accepted without a device, keep the scopes they ask for on the gateway's own
/// loopback, and leave no record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClientIdentity {
    /// Client `cli` in mode `cli`.
    Cli,
    /// Client `gateway-client` in mode `backend`.
    Backend,
}

impl ClientIdentity {
    /// `client.id`.
    pub fn id(self) -> &'static str {
        match self {
            Self::Cli => "cli",
            Self::Backend => "gateway-client",
        }
    }

    /// `client.mode`.
    pub fn mode(self) -> &'static str {
        match self {
            Self::Cli => "cli",
            Self::Backend => "backend",
        }
    }
}

/// The shared secret to connect with, in the field where a client of that configuration would send it.
#[derive(Debug, Clone)]
pub enum Credential {
    /// None.
    None,
    /// `auth.token`.
    Token(SecretString),
    /// `auth.password`.
    Password(SecretString),
    /// Both fields, as the CLI does when the environment has both.
    Both {
        /// `auth.token`.
        token: SecretString,
        /// `auth.password`.
        password: SecretString,
    },
}

impl Credential {
    /// The secrets themselves, for masking them in whatever comes back.
    pub(crate) fn secrets(&self) -> Vec<&str> {
        match self {
            Self::None => Vec::new(),
            Self::Token(secret) | Self::Password(secret) => vec![secret.expose_secret()],
            Self::Both { token, password } => vec![token.expose_secret(), password.expose_secret()],
        }
    }

    fn wire(&self) -> Option<Auth<'_>> {
        let auth = match self {
            Self::None => return None,
            Self::Token(token) => Auth { token: Some(token.expose_secret()), ..Auth::default() },
            Self::Password(password) => Auth { password: Some(password.expose_secret()), ..Auth::default() },
            Self::Both { token, password } => {
                Auth { token: Some(token.expose_secret()), password: Some(password.expose_secret()) }
            }
        };

        Some(auth)
    }
}

/// Everything that the `connect` request is made of.
#[derive(Debug, Clone)]
pub struct ConnectParams {
    /// Which client we present ourselves as.
    pub identity: ClientIdentity,
    /// `client.version`: shown in the gateway's logs.
    pub version: String,
    /// `client.platform`: `linux`, `macos`.
    pub platform: String,
    /// The permissions to ask for.
    pub scopes: Vec<Scope>,
    /// The shared secret.
    pub credential: Credential,
}

impl ConnectParams {
    /// A reader: what a probe on the gateway's own host uses.
    pub fn reader(identity: ClientIdentity, credential: Credential) -> Self {
        Self {
            identity,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            platform: std::env::consts::OS.to_owned(),
            scopes: vec![Scope::Read, Scope::Pairing],
            credential,
        }
    }

    /// The frame that answers the challenge. The text holds the secret.
    pub fn frame(&self, id: &str) -> Result<Zeroizing<String>, serde_json::Error> {
        let scopes: Vec<&str> = self.scopes.iter().map(|scope| scope.as_str()).collect();
        let params = Params {
            min_protocol: PROTOCOL_VERSION,
            max_protocol: PROTOCOL_VERSION,
            client: Client {
                id: self.identity.id(),
                version: &self.version,
                platform: &self.platform,
                mode: self.identity.mode(),
            },
            role: ROLE,
            scopes: &scopes,
            caps: [],
            auth: self.credential.wire(),
        };

        request_text(id, "connect", &params).map(Zeroizing::new)
    }
}

const ROLE: &str = "operator";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Params<'a> {
    min_protocol: u32,
    max_protocol: u32,
    client: Client<'a>,
    role: &'a str,
    scopes: &'a [&'a str],
    caps: [&'a str; 0],
    #[serde(skip_serializing_if = "Option::is_none")]
    auth: Option<Auth<'a>>,
}

#[derive(Serialize)]
struct Client<'a> {
    id: &'a str,
    version: &'a str,
    platform: &'a str,
    mode: &'a str,
}

#[derive(Serialize, Default)]
#[serde(rename_all = "camelCase")]
struct Auth<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<&'a str>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(identity: ClientIdentity, credential: Credential) -> ConnectParams {
        ConnectParams {
            version: "1.2.3".to_owned(),
            platform: "linux".to_owned(),
            ..ConnectParams::reader(identity, credential)
        }
    }

    #[test]
    fn the_frame_has_the_keys_of_the_closed_schema_and_no_other() {
        let frame = params(ClientIdentity::Cli, Credential::Token("t-1".into())).frame("c1").unwrap();

        insta::assert_snapshot!(frame.as_str(), @r#"{"type":"req","id":"c1","method":"connect","params":{"minProtocol":4,"maxProtocol":4,"client":{"id":"cli","version":"1.2.3","platform":"linux","mode":"cli"},"role":"operator","scopes":["operator.read","operator.pairing"],"caps":[],"auth":{"token":"t-1"}}}"#);
    }

    #[test]
    fn each_credential_goes_into_its_field() {
        let auth = |credential| {
            let frame = params(ClientIdentity::Backend, credential).frame("c1").unwrap();
            let frame: serde_json::Value = serde_json::from_str(&frame).unwrap();
            frame.pointer("/params/auth").map(ToString::to_string)
        };

        assert_eq!(auth(Credential::None), None);
        assert_eq!(auth(Credential::Token("a".into())).unwrap(), r#"{"token":"a"}"#);
        assert_eq!(auth(Credential::Password("b".into())).unwrap(), r#"{"password":"b"}"#);
        assert_eq!(
            auth(Credential::Both { token: "a".into(), password: "b".into() }).unwrap(),
            r#"{"password":"b","token":"a"}"#
        );
    }

    #[test]
    fn debug_shows_no_secret() {
        let shown = format!("{:?}", params(ClientIdentity::Cli, Credential::Token("planted-secret".into())));

        assert!(!shown.contains("planted-secret"), "{shown}");
    }
}
