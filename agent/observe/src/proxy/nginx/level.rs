//! What holds at a level of an nginx configuration: what it says itself, and what it inherits.

use std::collections::BTreeMap;

use portreeve_core::order::{Gather as _, Order as _};
use portreeve_core::snapshot::{Place, ProxyConfig};

use super::super::files::Loader;
use super::super::route::short;
use super::tree::{Directive, Word};

/// Headers by which a gateway knows that a proxy stands between.
const FORWARDING: [&str; 6] =
    ["x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-forwarded-port", "x-real-ip", "forwarded"];

/// Most headers that a level sets.
const MAX_HEADERS: usize = 64;
/// Most variables that hold at a level.
const MAX_VARIABLES: usize = 64;
/// Longest text with its variables resolved, in bytes.
const MAX_RESOLVED: usize = 4096;

/// What is defined once for all servers.
#[derive(Debug, Default)]
pub(super) struct Shared {
    /// First server of each `upstream`.
    upstreams: BTreeMap<String, String>,
    /// Value that each `map` gives for a request with `Upgrade: websocket`, by variable.
    maps: BTreeMap<String, String>,
    speaks_1_1: bool,
}

impl Shared {
    pub(super) fn of(directives: &[Directive], speaks_1_1: bool) -> Self {
        let mut shared = Self { speaks_1_1, ..Self::default() };
        for directive in directives {
            match (directive.name.as_str(), directive.argument(0), directive.argument(1)) {
                ("upstream", Some(name), _) => {
                    let usable = |server: &&Directive| {
                        server.name == "server" && !server.arguments.iter().any(|word| word.text == "down")
                    };
                    let server = directive.inner().iter().find(usable).and_then(|server| server.argument(0));
                    shared.upstreams.insert(name.to_owned(), server.unwrap_or_default().to_owned());
                }
                ("map", Some(_), Some(variable)) => {
                    let websocket =
                        |entry: &&Directive| entry.name.trim_start_matches(['~', '*', '^']).starts_with("websocket");
                    let of = |name: &str| directive.inner().iter().find(|entry| entry.name == name);
                    let entry = directive.inner().iter().find(websocket).or_else(|| of("default"));
                    let value = entry.and_then(|entry| entry.argument(0)).unwrap_or_default();
                    shared.maps.insert(variable.trim_start_matches('$').to_owned(), value.to_owned());
                }
                _ => {}
            }
        }
        shared
    }

    /// First server of the `upstream` of this name.
    pub(super) fn upstream(&self, name: &str) -> Option<&str> {
        self.upstreams.get(name).map(String::as_str)
    }
}

/// What holds at a level.
#[derive(Debug, Clone, Default)]
pub(super) struct Level<'a> {
    http_version: Option<&'a Word>,
    headers: Vec<(&'a str, &'a Word)>,
    read_timeout: Option<&'a Word>,
    buffering: Option<&'a Word>,
    certificate: Option<&'a Word>,
    upstream_tls: bool,
    variables: BTreeMap<&'a str, &'a str>,
}

impl<'a> Level<'a> {
    /// A level within this one. A directive replaces that of the level around; of `proxy_set_header` the first replaces all.
    pub(super) fn enter(&self, directives: &'a [Directive], loader: &Loader<'_>) -> Self {
        let mut level = self.clone();
        let mut own_headers = false;
        for directive in directives.iter().filter(|directive| directive.block.is_none()) {
            let first = directive.arguments.first();
            match directive.name.as_str() {
                "proxy_http_version" => level.http_version = first,
                "proxy_read_timeout" | "proxy_timeout" => level.read_timeout = first,
                "proxy_buffering" => level.buffering = first,
                "ssl_certificate" => level.certificate = first,
                "proxy_ssl" => level.upstream_tls = directive.argument(0) == Some("on"),
                "proxy_set_header" => {
                    if !std::mem::replace(&mut own_headers, true) {
                        level.headers.clear();
                    }
                    if level.headers.len() >= MAX_HEADERS {
                        loader.cut_off(Some(directive.place.clone()), "too many headers");
                    } else if let [name, value, ..] = directive.arguments.as_slice() {
                        level.headers.push((&name.text, value));
                    }
                }
                "set" => {
                    if level.variables.len() >= MAX_VARIABLES {
                        loader.cut_off(Some(directive.place.clone()), "too many variables");
                    } else if let [name, value, ..] = directive.arguments.as_slice() {
                        level.variables.insert(name.text.trim_start_matches('$'), &value.text);
                    }
                }
                _ => {}
            }
        }
        level
    }

    /// Text with the variables that were set to something literal.
    pub(super) fn resolve(&self, text: &str) -> String {
        let mut resolved = text.to_owned();
        // Longest first, so that `$a` does not take the beginning of `$ab`.
        let mut variables: Vec<(&&str, &&str)> = self.variables.iter().collect();
        variables.order_by_key(|(name, _)| std::cmp::Reverse(name.len()));
        for (name, value) in variables {
            let longest = value.len().saturating_mul(resolved.matches('$').count()).saturating_add(resolved.len());
            if longest > MAX_RESOLVED {
                continue;
            }
            resolved = resolved.replace(&format!("${{{name}}}"), value).replace(&format!("${name}"), value);
        }
        resolved
    }

    fn header(&self, name: &str) -> Option<&'a Word> {
        self.headers.iter().find(|(header, _)| header.eq_ignore_ascii_case(name)).map(|(_, value)| *value)
    }

    fn passes_upgrade(&self, shared: &Shared) -> bool {
        let version = self.http_version.map_or(shared.speaks_1_1, |word| word.text == "1.1");
        let upgrade = self.header("Upgrade").is_some_and(|word| {
            let value = self.resolve(&word.text);
            value.starts_with('$') || value.eq_ignore_ascii_case("websocket")
        });
        let connection = self.header("Connection").is_some_and(|word| {
            let value = self.resolve(&word.text);
            let value = match value.strip_prefix('$') {
                Some("http_connection") => "upgrade",
                // A variable of unknown making is given the benefit of the doubt.
                Some(variable) => shared.maps.get(variable).map_or("upgrade", String::as_str),
                None => &value,
            };
            // A map may pass the client's own header on.
            value.starts_with('$') || value.to_ascii_lowercase().contains("upgrade")
        });
        version && upgrade && connection
    }

    /// Seconds of silence after which it cuts, where that is said.
    pub(super) fn read_timeout(&self) -> Option<f64> {
        self.read_timeout.and_then(|word| seconds(&word.text))
    }

    pub(super) fn timeout_place(&self) -> BTreeMap<String, Place> {
        self.read_timeout.iter().map(|word| ("read_timeout".to_owned(), word.place.clone())).gather()
    }

    /// The certificate file, where the listener speaks TLS.
    pub(super) fn certificate(&self, tls: bool) -> Option<String> {
        self.certificate.filter(|_| tls).and_then(|word| short(&word.text))
    }

    /// Whether a `stream` speaks TLS to its upstream.
    pub(super) fn speaks_tls_upstream(&self) -> bool {
        self.upstream_tls
    }

    /// What holds at a `location` that passes requests on.
    pub(super) fn config(&self, location: &Place, pass: &Place, tls: bool, shared: &Shared) -> ProxyConfig {
        let forwards: Vec<&(&str, &Word)> = self
            .headers
            .iter()
            .filter(|(name, value)| !value.text.is_empty() && FORWARDING.contains(&name.to_ascii_lowercase().as_str()))
            .collect();
        let origin = self.header("Origin").filter(|word| !word.text.is_empty());
        let mut places = self.timeout_place();
        let mut add = |key: &str, place: Option<&Place>| {
            places.extend(place.map(|place| (key.to_owned(), place.clone())));
        };
        add("", Some(location));
        add("upstream", Some(pass));
        let upgrade = self.header("Upgrade").or_else(|| self.header("Connection")).or(self.http_version);
        add("upgrade", upgrade.map(|word| &word.place));
        add("buffering", self.buffering.map(|word| &word.place));
        add("forwards", forwards.first().map(|(_, value)| &value.place));
        add("origin", origin.map(|word| &word.place));
        add("certificate", self.certificate.filter(|_| tls).map(|word| &word.place));
        ProxyConfig {
            upgrade: self.passes_upgrade(shared),
            read_timeout_s: self.read_timeout(),
            buffering: self.buffering.is_none_or(|word| word.text != "off"),
            forwards: forwards.iter().map(|(name, _)| (*name).to_owned()).collect(),
            origin: origin.map(|word| self.resolve(&word.text)),
            certificate: self.certificate(tls),
            places,
        }
    }
}

/// A time as nginx writes it: `5`, `5s`, `500ms`, `1m30s`, `1h`, `1d`.
fn seconds(text: &str) -> Option<f64> {
    let mut total = 0.0;
    let mut rest = text.trim();
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let (number, after) = rest.split_at(digits);
        let number: f64 = number.parse().ok()?;
        let letters = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
        let (unit, after) = after.split_at(letters);
        total += number
            * match unit {
                "ms" => 0.001,
                "" | "s" => 1.0,
                "m" => 60.0,
                "h" => 3_600.0,
                "d" => 86_400.0,
                "w" => 604_800.0,
                "M" => 2_592_000.0,
                "y" => 31_536_000.0,
                _ => return None,
            };
        rest = after.trim_start();
    }
    Some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_in_their_forms() {
        for (text, value) in
            [("5", 5.0), ("5s", 5.0), ("500ms", 0.5), ("1m30s", 90.0), ("1h", 3_600.0), ("1h 1s", 3_601.0)]
        {
            assert!((seconds(text).unwrap() - value).abs() < 1e-9, "{text}");
        }
        for text in ["", "soon", "5x", "s", "$timeout"] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }
}
