//! Where a gateway is to be found, and how its certificate is to be judged.

pub mod tls;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::client::ErrorKind;
use crate::protocol::text::Text;

pub use tls::{CertFingerprint, TlsFailure, TlsPolicy, TlsSetupError};

/// Longest host name or path accepted, in bytes.
const MAX_PART_BYTES: usize = 1024;

/// Most addresses of one name that are tried.
const MAX_ADDRESSES: usize = 8;

/// Plain or encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Scheme {
    /// `ws://`, and `http://` for the probes.
    Ws,
    /// `wss://`, and `https://` for the probes.
    Wss,
}

impl Scheme {
    /// The scheme of a URL, which may be written as that of the HTTP port.
    pub fn of(name: &str) -> Option<Self> {
        match name {
            "ws" | "http" => Some(Self::Ws),
            "wss" | "https" => Some(Self::Wss),
            _ => None,
        }
    }

    /// The scheme of the WebSocket URL.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ws => "ws",
            Self::Wss => "wss",
        }
    }

    /// The scheme of the HTTP URL on the same port.
    pub fn http(self) -> &'static str {
        match self {
            Self::Ws => "http",
            Self::Wss => "https",
        }
    }

    fn default_port(self) -> u16 {
        match self {
            Self::Ws => 80,
            Self::Wss => 443,
        }
    }
}

/// Why something is not the address of a gateway.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TargetError {
    /// Not a URL at all.
    #[error("not a URL")]
    NotAUrl,
    /// A scheme other than ws, wss, http, https.
    #[error("`{0}` is not a scheme of a gateway; `ws` or `wss` is")]
    Scheme(String),
    /// The host is empty, too long, or holds characters that no host has.
    #[error("not a host name or address")]
    Host,
    /// The path does not start with a slash, is too long, or holds characters that no path has.
    #[error("not a path")]
    Path,
    /// Port 0.
    #[error("port 0 cannot be connected to")]
    Port,
}

/// A gateway's address.
#[derive(Debug, Clone)]
pub struct Target {
    scheme: Scheme,
    host: String,
    port: u16,
    path: String,
    address: Option<IpAddr>,
    tls: TlsPolicy,
}

impl Target {
    /// The gateway at `host` and `port`. An IPv6 address may stand in brackets.
    pub fn new(scheme: Scheme, host: &str, port: u16) -> Result<Self, TargetError> {
        let host = host.trim();
        let host = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
        let plausible = host.parse::<IpAddr>().is_ok()
            || host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'));
        if host.is_empty() || host.len() > MAX_PART_BYTES || !plausible {
            return Err(TargetError::Host);
        }
        if port == 0 {
            return Err(TargetError::Port);
        }

        Ok(Self { scheme, host: host.to_owned(), port, path: "/".to_owned(), address: None, tls: TlsPolicy::Roots })
    }

    /// The gateway on 127.0.0.1, without TLS.
    pub fn loopback(port: u16) -> Result<Self, TargetError> {
        Self::new(Scheme::Ws, &Ipv4Addr::LOCALHOST.to_string(), port)
    }

    /// The gateway that a URL names. User name, password, query and fragment are left out: they may be secrets, and the gateway does not
    /// need them.
    pub fn from_url(url: &str) -> Result<Self, TargetError> {
        let url = crate::credentials::parse_url(url).ok_or(TargetError::NotAUrl)?;
        let scheme =
            Scheme::of(url.scheme()).ok_or_else(|| TargetError::Scheme(url.scheme().chars().take(32).collect()))?;
        let host = url.host_str().ok_or(TargetError::Host)?;
        let port = url.port().unwrap_or(scheme.default_port());

        Self::new(scheme, host, port)?.with_path(url.path())
    }

    /// The addresses of the host, as the system's resolver has them; at most eight.
    pub(crate) async fn resolve(&self) -> Result<Vec<SocketAddr>, ErrorKind> {
        let found = tokio::net::lookup_host((self.host.as_str(), self.port))
            .await
            .map_err(|error| ErrorKind::Dns { message: Text::new(&error.to_string()) })?;
        let addresses: Vec<SocketAddr> = found.take(MAX_ADDRESSES).collect();
        if addresses.is_empty() {
            return Err(ErrorKind::Dns { message: Text::new("no address") });
        }

        Ok(addresses)
    }

    /// Connects to this path instead of `/`; a gateway takes any.
    pub fn with_path(mut self, path: &str) -> Result<Self, TargetError> {
        let plausible = path.starts_with('/') && path.bytes().all(|b| b.is_ascii_graphic() && b != b'#');
        if !plausible || path.len() > MAX_PART_BYTES {
            return Err(TargetError::Path);
        }
        path.clone_into(&mut self.path);

        Ok(self)
    }

    /// Connects to this address instead of asking the resolver; name and certificate are still those of the host.
    #[must_use]
    pub fn with_address(mut self, address: IpAddr) -> Self {
        self.address = Some(address);

        self
    }

    /// Judges the certificate by `policy`.
    #[must_use]
    pub fn with_tls(mut self, policy: TlsPolicy) -> Self {
        self.tls = policy;

        self
    }

    /// Plain or encrypted.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The host, without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The path of the WebSocket.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// How the certificate is judged.
    pub fn tls(&self) -> &TlsPolicy {
        &self.tls
    }

    /// The address to connect to, when no resolver is needed.
    pub fn address(&self) -> Option<IpAddr> {
        self.address.or_else(|| self.host.parse().ok())
    }

    /// Host and port as they stand in a URL or `Host` header.
    pub fn authority(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let path = if self.path == "/" { "" } else { &self.path };

        write!(f, "{}://{}{path}", self.scheme.as_str(), self.authority())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_become_targets() {
        for (url, target) in [
            ("ws://127.0.0.1:18789", "ws://127.0.0.1:18789"),
            ("wss://gw.example/sub", "wss://gw.example:443/sub"),
            ("http://gw.example", "ws://gw.example:80"),
            ("ws://[::1]:18789/", "ws://[::1]:18789"),
            ("wss://user:secret@gw.example/x?token=secret#secret", "wss://gw.example:443/x"),
        ] {
            assert_eq!(Target::from_url(url).unwrap().to_string(), target);
        }
    }

    #[test]
    fn what_could_break_a_request_line_is_refused() {
        assert_eq!(Target::new(Scheme::Ws, "a b", 1).unwrap_err(), TargetError::Host);
        assert_eq!(Target::new(Scheme::Ws, "a\r\nX: y", 1).unwrap_err(), TargetError::Host);
        assert_eq!(Target::new(Scheme::Ws, "", 1).unwrap_err(), TargetError::Host);
        assert_eq!(Target::loopback(0).unwrap_err(), TargetError::Port);
        assert_eq!(Target::loopback(1).unwrap().with_path("/a\r\nX: y").unwrap_err(), TargetError::Path);
        assert_eq!(Target::from_url("127.0.0.1:18789").unwrap_err(), TargetError::NotAUrl);
        assert_eq!(Target::from_url("ftp://h/").unwrap_err(), TargetError::Scheme("ftp".to_owned()));
    }
}
