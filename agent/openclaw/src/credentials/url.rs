//! The URL of a gateway, and whether a client may speak plaintext to it.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use reqwest::Url;
use secrecy::SecretString;
use serde::Serialize;

use crate::endpoint::Scheme;

/// Why a text is no gateway URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// It does not parse.
    #[error("it is not a URL")]
    Malformed,
    /// Its scheme is none of `ws`, `wss`, `http`, `https`.
    #[error("its scheme is none of `ws`, `wss`, `http`, `https`")]
    Scheme,
    /// It has no host.
    #[error("it has no host")]
    Host,
}

/// Whether a client connects, as far as encryption goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PlaintextVerdict {
    /// The connection is encrypted.
    Encrypted,
    /// Plaintext that stays on this host.
    Loopback,
    /// Plaintext to a private address, a `.local` or a `.ts.net` name.
    Private,
    /// Plaintext to a name, allowed by `OPENCLAW_ALLOW_INSECURE_PRIVATE_WS=1`.
    Allowed,
    /// Plaintext that the client refuses.
    Refused,
}

/// A gateway's URL. `Display` and `Debug` leave out user information, query and fragment, which may hold secrets.
#[derive(Clone)]
pub struct GatewayUrl {
    scheme: Scheme,
    host: String,
    port: u16,
    path: String,
    raw: SecretString,
}

/// Parses a URL; none where its host is not ASCII, for which there are no tables here.
pub fn parse_url(text: &str) -> Option<Url> {
    let text = text.trim();
    let rest = text.split_once(':').map_or(text, |(_, rest)| rest).trim_start_matches(['/', '\\']);
    let authority = rest.split(['/', '?', '#', '\\']).next()?;
    let host = authority.rsplit('@').next()?;
    (host.is_ascii() && !host.contains('%')).then(|| Url::parse(text).ok()).flatten()
}

impl GatewayUrl {
    /// Parses a URL as a browser does, but for a host that is not ASCII: it has to be written as `xn--…`.
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        let url = parse_url(text).ok_or(UrlError::Malformed)?;
        let scheme = Scheme::of(url.scheme()).ok_or(UrlError::Scheme)?;
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or(UrlError::Host)?.to_owned();
        let port = url.port_or_known_default().ok_or(UrlError::Host)?;
        let path = url.path().to_owned();
        Ok(Self { scheme, host, port, path, raw: SecretString::from(text.trim()) })
    }

    /// The URL of a gateway on this host.
    pub fn local(port: u16, tls: bool) -> Self {
        let scheme = if tls { Scheme::Wss } else { Scheme::Ws };
        let raw = format!("{}://127.0.0.1:{port}", scheme.as_str());
        Self { scheme, host: "127.0.0.1".to_owned(), port, path: "/".to_owned(), raw: SecretString::from(raw) }
    }

    /// The scheme, with `http` and `https` translated.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The host in small letters; an IPv6 address in brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, given or implied.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The path, at least `/`.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The URL as it was given, for connecting. It may hold secrets.
    pub fn raw(&self) -> &SecretString {
        &self.raw
    }

    /// The host as an address, if it is one.
    pub fn address(&self) -> Option<IpAddr> {
        self.host.trim_start_matches('[').trim_end_matches(']').parse().ok()
    }

    /// Whether the host is this host: `localhost`, `127.0.0.0/8`, `::1`.
    pub fn is_loopback(&self) -> bool {
        self.name() == "localhost" || self.address().is_some_and(|address| unmapped(address).is_loopback())
    }

    /// Whether the host is loopback, a private address, a `.local` or a `.ts.net` name: plaintext is fine with
    /// OpenClaw's clients there.
    pub fn is_private(&self) -> bool {
        let name = self.name();
        self.is_loopback()
            || self.address().is_some_and(is_private_address)
            || name.strip_suffix(".local").is_some()
            || name.strip_suffix(".ts.net").is_some()
    }

    /// Whether a client connects; `allow_private` is `OPENCLAW_ALLOW_INSECURE_PRIVATE_WS=1`.
    pub fn plaintext_verdict(&self, allow_private: bool) -> PlaintextVerdict {
        match self.scheme {
            Scheme::Wss => PlaintextVerdict::Encrypted,
            Scheme::Ws if self.is_loopback() => PlaintextVerdict::Loopback,
            Scheme::Ws if self.is_private() => PlaintextVerdict::Private,
            Scheme::Ws if allow_private && self.address().is_none() => PlaintextVerdict::Allowed,
            Scheme::Ws => PlaintextVerdict::Refused,
        }
    }

    fn name(&self) -> &str {
        self.host.trim_end_matches('.')
    }
}

impl fmt::Display for GatewayUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}:{}", self.scheme.as_str(), self.host, self.port)?;
        if self.path == "/" { Ok(()) } else { f.write_str(&self.path) }
    }
}

impl fmt::Debug for GatewayUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GatewayUrl({self})")
    }
}

fn unmapped(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(address, IpAddr::V4),
        IpAddr::V4(_) => address,
    }
}

fn is_private_address(address: IpAddr) -> bool {
    match unmapped(address) {
        IpAddr::V4(v4) => is_private_v4(v4),
        IpAddr::V6(v6) => is_private_v6(v6),
    }
}

fn is_private_v4(address: Ipv4Addr) -> bool {
    let [first, second, ..] = address.octets();
    let carrier_grade = first == 100 && (64..128).contains(&second);
    address.is_loopback() || address.is_private() || address.is_link_local() || carrier_grade
}

/// Besides unique local, link local and site local addresses this takes in the special ranges that OpenClaw's own
/// test has, among them addresses that carry a private IPv4 address inside.
fn is_private_v6(address: Ipv6Addr) -> bool {
    let parts = address.segments();
    let [first, second, third, ..] = parts;
    if address.is_unspecified() || address.is_multicast() || (first == 0x64 && second == 0xff9b && third == 1) {
        return false;
    }
    let special = address.is_loopback()
        || first & 0xfe00 == 0xfc00
        || first & 0xffc0 == 0xfe80
        || first & 0xffc0 == 0xfec0
        || (first == 0x2001 && (second == 0xdb8 || second & 0xfff0 == 0x20 || (second == 2 && third == 0)))
        || (first == 0x100 && parts[1..4] == [0, 0, 0]);
    special || embedded_v4(parts).is_some_and(is_private_v4)
}

fn embedded_v4(parts: [u16; 8]) -> Option<Ipv4Addr> {
    let join = |high: u16, low: u16| Some(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low)));
    match parts {
        // Teredo
        [0x2001, 0, .., high, low] => join(!high, !low),
        // 6to4, RFC 6052, RFC 6145, IPv4-compatible, ISATAP
        [0x2002, high, low, ..]
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        | [0, 0, 0, 0, 0xffff | 0, 0, high, low]
        | [_, _, _, _, 0 | 0x100 | 0x200 | 0x300, 0x5efe, high, low] => join(high, low),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_and_hides() {
        let url = GatewayUrl::parse(" https://user:pw@GW.Example/ui?token=abc#x ").unwrap();
        assert_eq!(url.to_string(), "wss://gw.example:443/ui");
        assert!(!format!("{url:?}").contains("pw") && !format!("{url:?}").contains("abc"));
        assert_eq!(GatewayUrl::parse("ws://127.1:18789").unwrap().to_string(), "ws://127.0.0.1:18789");
        assert_eq!(GatewayUrl::local(19001, true).to_string(), "wss://127.0.0.1:19001");
        assert_eq!(GatewayUrl::parse("gateway:18789").unwrap_err(), UrlError::Scheme);
        assert!(GatewayUrl::parse("wss://xn--bcher-kva.example").is_ok());
        for other in ["wss://b\u{fc}cher.example", "wss://%C3%BC.example", "ws:B\u{fc}cher", "ws://a@B\u{fc}cher/"] {
            assert_eq!(GatewayUrl::parse(other).unwrap_err(), UrlError::Malformed, "{other}");
        }
        assert_eq!(GatewayUrl::parse("not a url").unwrap_err(), UrlError::Malformed);
        assert_eq!(GatewayUrl::parse("ws://h:99999").unwrap_err(), UrlError::Malformed);
    }

    #[test]
    fn plaintext_rule() {
        use PlaintextVerdict::{Allowed, Encrypted, Loopback, Private, Refused};
        let cases = [
            ("wss://gw.example", Encrypted, Encrypted),
            ("ws://localhost.:1", Loopback, Loopback),
            ("ws://[::1]:1", Loopback, Loopback),
            ("ws://[::ffff:127.0.0.1]:1", Loopback, Loopback),
            ("ws://192.168.1.2:1", Private, Private),
            ("ws://100.100.1.2:1", Private, Private),
            ("ws://169.254.1.2:1", Private, Private),
            ("ws://[fd00::1]:1", Private, Private),
            ("ws://[64:ff9b::a00:1]:1", Private, Private),
            ("ws://[64:ff9b:1::1]:1", Refused, Refused),
            ("ws://[ff02::1]:1", Refused, Refused),
            ("ws://0.0.0.0:1", Refused, Refused),
            ("ws://mac.local:1", Private, Private),
            ("ws://mac.tail1234.ts.net:1", Private, Private),
            ("ws://openclaw-gateway:18789", Refused, Allowed),
            ("ws://gw.example:1", Refused, Allowed),
            ("ws://8.8.8.8:1", Refused, Refused),
            ("ws://172.32.0.1:1", Refused, Refused),
        ];
        for (text, strict, allowed) in cases {
            let url = GatewayUrl::parse(text).unwrap();
            assert_eq!((url.plaintext_verdict(false), url.plaintext_verdict(true)), (strict, allowed), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn never_panics(text in "(ws://)?[a-z0-9.:\\[\\]@?/%#-]{0,40}") {
            if let Ok(url) = GatewayUrl::parse(&text) {
                let _ = url.plaintext_verdict(true);
            }
        }
    }
}
