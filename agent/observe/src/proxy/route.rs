//! One place of a proxy's configuration that passes requests on.

use std::net::IpAddr;

use portreeve_core::snapshot::{GatewayUrl, Place, ProxyConfig};

use super::Program;
use super::files::Loader;

/// Most places of one configuration.
const MAX_ROUTES: usize = 1_000;
/// Most names of one site.
const MAX_NAMES: usize = 64;
/// Longest host name, in bytes.
const MAX_NAME: usize = 255;
/// Longest `Origin`, in bytes.
const MAX_ORIGIN: usize = 300;
/// Longest path, of a URL or of a file, in bytes.
const MAX_PATH: usize = 4096;
/// Paths of a gateway that are asked over HTTP alone.
const HTTP_ONLY: [&str; 9] =
    ["/hooks", "/health", "/ready", "/startup", "/metrics", "/v1/", "/api/", "/tools/", "/avatar/"];

/// One place of a proxy's configuration that passes requests on.
#[derive(Debug, Clone, PartialEq)]
pub struct RouteFound {
    /// The proxy.
    pub program: Program,
    /// Host names of the site, as written; empty: any.
    pub names: Vec<String>,
    /// Address that it listens on; none: every address.
    pub address: Option<IpAddr>,
    /// Port that it listens on.
    pub port: u16,
    /// Whether it speaks TLS there.
    pub tls: bool,
    /// Beginning of the paths that it takes; none where a pattern decides.
    pub path: Option<String>,
    /// Whether no WebSocket is meant to pass here: a path that is asked over HTTP alone, or another place of the same site passes them.
    pub http_only: bool,
    /// Whether it passes on bytes and knows nothing of HTTP.
    pub raw: bool,
    /// Where it passes requests on to; none where a variable decides.
    pub upstream: Option<GatewayUrl>,
    /// The rest.
    pub config: ProxyConfig,
}

impl RouteFound {
    /// The address that clients use: the first plain name of the site, else the address that it listens on.
    pub fn front(&self) -> GatewayUrl {
        let named = self.names.iter().find(|name| is_plain(name)).cloned();
        let host = named.unwrap_or_else(|| match self.address {
            Some(address) if !address.is_unspecified() => address.to_string(),
            _ => "localhost".to_owned(),
        });
        GatewayUrl {
            scheme: if self.tls { "wss" } else { "ws" }.to_owned(),
            host,
            port: self.port,
            path: self.path.clone().unwrap_or_else(|| "/".to_owned()),
        }
    }

    /// A text with what the proxy puts in for scheme and host. None where something else decides, or the host may be any of several.
    fn literal(&self, text: &str) -> Option<String> {
        let scheme = if self.tls { "https" } else { "http" };
        let name = match self.names.as_slice() {
            [name] if is_plain(name) => Some(name.as_str()),
            _ => None,
        };
        let authority = name.filter(|_| self.port == if self.tls { 443 } else { 80 });
        let value = |variable: &str| match variable {
            "scheme" => Some(scheme),
            "host" | "server_name" => name,
            "http_host" | "hostport" => authority,
            _ => None,
        };
        let mut literal = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(['$', '{']) {
            let (before, from) = rest.split_at(at);
            let from = from.trim_start_matches(['$', '{']);
            let end = from.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(from.len());
            let (variable, after) = from.split_at(end);
            literal.push_str(before);
            literal.push_str(value(variable)?);
            rest = after.strip_prefix('}').unwrap_or(after);
        }
        literal.push_str(rest);
        // What stands before an `@` may be a password.
        (literal.len() <= MAX_ORIGIN && !literal.contains('@')).then_some(literal)
    }
}

/// Whether one more place may be kept; where not, that is said.
pub(super) fn has_room(found: &[RouteFound], place: Option<&Place>, loader: &Loader<'_>) -> bool {
    let fits = found.len() < MAX_ROUTES;
    if !fits {
        loader.cut_off(place.cloned(), "too many places that pass requests on");
    }
    fits
}

/// The names of a site that may be names of hosts.
pub(super) fn names<'a>(all: impl Iterator<Item = &'a str>) -> Vec<String> {
    all.filter(|name| name.len() <= MAX_NAME).take(MAX_NAMES).map(str::to_owned).collect()
}

/// A path that may be one.
pub(super) fn short(path: &str) -> Option<String> {
    (path.len() <= MAX_PATH).then(|| path.to_owned())
}

/// Whether a name of a site is that of one host.
fn is_plain(name: &str) -> bool {
    !name.is_empty() && name != "_" && !name.contains(['*', '~', '$', '{']) && !name.starts_with('.')
}

/// Whether the requests for a path, or those that a pattern takes, are plain HTTP.
pub(super) fn is_http_only(path: &str) -> bool {
    HTTP_ONLY.iter().any(|part| path.contains(part) || path == part.trim_end_matches('/'))
        || path.contains("\\.(")
        || path.starts_with("/.well-known")
}

/// Marks what another place of the same site makes up for, puts in what is known of variables, and leaves out repetitions.
pub(super) fn settle(routes: &mut Vec<RouteFound>) {
    for route in routes.iter_mut() {
        route.config.origin = route.config.origin.take().and_then(|text| route.literal(&text));
    }
    let passing: Vec<RouteFound> =
        routes.iter().filter(|route| route.config.upgrade && !route.http_only).cloned().collect();
    for route in routes.iter_mut().filter(|route| !route.config.upgrade) {
        route.http_only |= passing.iter().any(|other| {
            other.names == route.names
                && other.port == route.port
                && same_host(other.upstream.as_ref(), route.upstream.as_ref())
                && makes_up(other.path.as_deref(), route.path.as_deref())
        });
    }
    let mut kept: Vec<RouteFound> = Vec::new();
    for route in routes.drain(..) {
        // One site listens on both families.
        let known = kept.iter_mut().find(|other| {
            other.names == route.names
                && other.port == route.port
                && other.tls == route.tls
                && other.path == route.path
                && other.upstream == route.upstream
                && other.config == route.config
        });
        match known {
            Some(known) => {
                let unspecified = |address: Option<IpAddr>| address.is_none_or(|address| address.is_unspecified());
                if unspecified(route.address) {
                    known.address = None;
                }
            }
            None => kept.push(route),
        }
    }
    *routes = kept;
}

/// Whether clients that are content with a plain `path` have a WebSocket on the other: that lies around or within it, or is named for one.
/// Two paths beside each other are two ways in.
fn makes_up(other: Option<&str>, path: Option<&str>) -> bool {
    let (Some(other), Some(path)) = (other, path) else { return true };
    let for_sockets = other.split(['/', '-', '_']).any(|part| matches!(part, "ws" | "wss" | "socket" | "websocket"));
    for_sockets || other.starts_with(path) || path.starts_with(other)
}

fn same_host(a: Option<&GatewayUrl>, b: Option<&GatewayUrl>) -> bool {
    matches!((a, b), (Some(a), Some(b)) if a.host == b.host && a.port == b.port)
}

/// `host:port`, `[::1]:1`, `host`; the path is left out.
pub(super) fn split_authority(text: &str, default_port: u16) -> Option<(String, u16)> {
    let text = text.split(['/', '?', '#']).next().unwrap_or(text);
    let text = text.rsplit_once('@').map_or(text, |(_, host)| host);
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, rest) = rest.split_once(']')?;
            (host, rest.strip_prefix(':'))
        }
        None => match text.rsplit_once(':') {
            Some((host, port)) if !host.contains(':') => (host, Some(port)),
            _ => (text, None),
        },
    };
    let plausible = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':');
    if host.is_empty() || host.len() > 255 || !host.chars().all(plausible) {
        return None;
    }
    let port = match port {
        // nginx may be told to append a variable: `http://gw:18789$request_uri`.
        Some(port) => port.split('$').next()?.parse().ok().filter(|port| *port > 0)?,
        None => default_port,
    };
    Some((host.to_owned(), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn authorities_in_their_forms() {
        assert_eq!(split_authority("gw:18789/x", 80), Some(("gw".to_owned(), 18_789)));
        assert_eq!(split_authority("gw", 80), Some(("gw".to_owned(), 80)));
        assert_eq!(split_authority("[::1]:5", 80), Some(("::1".to_owned(), 5)));
        assert_eq!(split_authority("u:p@h:1", 80), Some(("h".to_owned(), 1)));
        for text in ["", ":80", "$host:1", "a b", "h:0", "h:x", "[::1"] {
            assert_eq!(split_authority(text, 80), None, "{text}");
        }
    }
}
