//! Caddy 2: which site passes what on, from a Caddyfile or from the JSON that it becomes.

mod import;
mod json;
mod tree;

use std::collections::BTreeMap;
use std::net::IpAddr;

use portreeve_core::snapshot::{GatewayUrl, Place, ProxyConfig};

use self::tree::{Line, Word};
use super::files::Loader;
use super::route::{self, RouteFound, has_room, is_http_only, short, split_authority};
use super::{Problem, Program};

/// Headers that Caddy adds unless told otherwise.
const ADDED: [&str; 3] = ["X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host"];

/// Most matchers of one block.
const MAX_MATCHERS: usize = 256;
/// Most forwarding headers of one place.
const MAX_FORWARDS: usize = 64;
/// Longest name of a header, in bytes.
const MAX_HEADER: usize = 255;

pub(super) fn routes(path: &str, loader: &Loader<'_>) -> Vec<RouteFound> {
    let file = match loader.read(path) {
        Ok(file) => file,
        Err(why) => {
            loader.problem(Problem { place: None, message: format!("`{path}` cannot be read: {why}") });
            return Vec::new();
        }
    };
    if file.text.trim_start().starts_with('{') && serde_json::from_str::<serde_json::Value>(&file.text).is_ok() {
        return json::routes(&file.name, &file.text, loader);
    }
    let lines = import::expand(tree::parse(&file.name, &file.text, loader), path, loader);
    sites(&lines, loader)
}

/// Options before the first site.
struct Global {
    http_port: u16,
    https_port: u16,
    auto_https: bool,
}

fn sites(lines: &[Line], loader: &Loader<'_>) -> Vec<RouteFound> {
    let options = lines.first().filter(|line| line.words.is_empty());
    let option =
        |name: &str| options.and_then(|options| options.inner().iter().find(|line| line.name() == name)?.word(1));
    let global = Global {
        http_port: option("http_port").and_then(|port| port.parse().ok()).unwrap_or(80),
        https_port: option("https_port").and_then(|port| port.parse().ok()).unwrap_or(443),
        auto_https: option("auto_https") != Some("off"),
    };
    let sites: Vec<&Line> = lines.iter().filter(|line| !line.words.is_empty()).collect();
    let mut found = Vec::new();
    // A file with one site may do without braces.
    if let [first, rest @ ..] = sites.as_slice()
        && first.block.is_none()
    {
        let rest: Vec<Line> = rest.iter().map(|line| (*line).clone()).collect();
        site(&first.words, &rest, &global, loader, &mut found);
        return found;
    }
    for line in sites {
        site(&line.words, line.inner(), &global, loader, &mut found);
    }
    found
}

fn site(addresses: &[Word], lines: &[Line], global: &Global, loader: &Loader<'_>, found: &mut Vec<RouteFound>) {
    let tls = lines.iter().find(|line| line.name() == "tls");
    let certificate =
        tls.and_then(|tls| tls.words.get(1)).filter(|word| word.text.contains(['/', '.']) && !word.text.contains('@'));
    let bind: Option<IpAddr> = lines
        .iter()
        .find(|line| line.name() == "bind")
        .and_then(|bind| bind.word(1)?.parse().ok())
        .filter(|address: &IpAddr| !address.is_unspecified());
    let mut proxies = Vec::new();
    walk(lines, &matchers(lines), Path::all(), &mut proxies);
    for address in addresses.iter().flat_map(|word| word.text.split(',')).filter(|text| !text.is_empty()).take(64) {
        let Some(listen) = listen(address, tls.is_some(), global) else { continue };
        for (line, path) in &proxies {
            if !has_room(found, Some(&line.place), loader) {
                return;
            }
            let (upstream, mut config) = proxy(line);
            if let Some(word) = certificate.filter(|_| listen.tls) {
                config.certificate = short(&word.text);
                config.places.insert("certificate".to_owned(), word.place.clone());
            }
            found.push(RouteFound {
                program: Program::Caddy,
                names: route::names(listen.name.iter().map(String::as_str)),
                address: bind,
                port: listen.port,
                tls: listen.tls,
                path: path.prefix.and_then(short),
                http_only: path.prefix.is_some_and(is_http_only),
                raw: false,
                upstream,
                config,
            });
        }
    }
}

struct Listen {
    name: Option<String>,
    port: u16,
    tls: bool,
}

fn listen(address: &str, has_tls: bool, global: &Global) -> Option<Listen> {
    let (scheme, rest) = address.split_once("://").map_or((None, address), |(scheme, rest)| (Some(scheme), rest));
    let rest = rest.split('/').next().unwrap_or(rest);
    let (name, port) = match rest.strip_prefix(':') {
        Some(port) => (None, Some(port.parse().ok()?)),
        None => match rest.rsplit_once(':') {
            Some((name, port)) if !name.contains(':') || name.ends_with(']') => {
                (Some(name), Some(port.parse::<u16>().ok()?))
            }
            _ => (Some(rest), None),
        },
    };
    let name = name.filter(|name| !name.is_empty()).map(|name| name.trim_matches(['[', ']']).to_owned());
    let tls = match (scheme, port) {
        (Some("http"), _) => false,
        (Some("https"), _) => true,
        (_, Some(port)) if port == global.http_port => false,
        (_, Some(port)) if port == global.https_port => true,
        (_, Some(_)) if name.is_none() => has_tls,
        _ => has_tls || global.auto_https && name.is_some(),
    };
    let port = port.unwrap_or(if tls { global.https_port } else { global.http_port });
    Some(Listen { name, port, tls })
}

#[derive(Clone, Copy)]
struct Path<'a> {
    prefix: Option<&'a str>,
}

/// Named matchers, with the first path that each asks for.
type Matchers<'a> = BTreeMap<&'a str, Option<&'a str>>;

impl<'a> Path<'a> {
    fn all() -> Self {
        Self { prefix: Some("/") }
    }

    /// What is taken within this by a matcher: `*`, `/ws/*`, `@name`.
    fn matched(self, matcher: &'a str, named: &Matchers<'a>) -> Self {
        if matcher.starts_with('/') {
            return Self { prefix: Some(matcher.trim_end_matches('*')) };
        }
        match matcher.strip_prefix('@') {
            // A matcher that looks at headers alone takes every path.
            Some(name) => Self { prefix: named.get(name).copied().flatten().or(self.prefix) },
            None => self,
        }
    }
}

fn matchers(lines: &[Line]) -> Matchers<'_> {
    let matchers = lines.iter().filter_map(|line| {
        let name = line.name().strip_prefix('@')?;
        let inline = (line.word(1) == Some("path")).then(|| line.word(2)).flatten();
        let path = inline.or_else(|| line.inner().iter().find(|line| line.name() == "path")?.word(1));
        Some((name, path.map(|path| path.trim_end_matches('*'))))
    });
    matchers.take(MAX_MATCHERS).collect()
}

fn is_matcher(word: &str) -> bool {
    word == "*" || word.starts_with(['/', '@'])
}

fn walk<'a>(lines: &'a [Line], named: &Matchers<'a>, path: Path<'a>, found: &mut Vec<(&'a Line, Path<'a>)>) {
    let mut named = named.clone();
    named.extend(matchers(lines));
    for line in lines {
        let here = || match line.word(1).filter(|word| is_matcher(word)) {
            Some(matcher) => path.matched(matcher, &named),
            None => path,
        };
        match line.name() {
            "reverse_proxy" => found.push((line, here())),
            "handle" | "handle_path" | "route" => walk(line.inner(), &named, here(), found),
            _ => {}
        }
    }
}

/// Where a `reverse_proxy` passes requests on to, and how.
fn proxy(line: &Line) -> (Option<GatewayUrl>, ProxyConfig) {
    let mut places = BTreeMap::from([(String::new(), line.place.clone())]);
    let inline = line.arguments().iter().filter(|word| !is_matcher(&word.text));
    let listed = line.inner().iter().filter(|line| line.name() == "to").flat_map(Line::arguments);
    let to = inline.chain(listed).next();
    let transport = line.inner().iter().find(|line| line.name() == "transport");
    let settings = transport.map(Line::inner).unwrap_or_default();
    let tls = settings.iter().any(|line| line.name().starts_with("tls"));
    let upstream = to.and_then(|word| upstream(&word.text, tls));
    places.extend(to.map(|word| ("upstream".to_owned(), word.place.clone())));

    let timeouts = settings.iter().filter(|line| line.name() == "read_timeout");
    let timeouts = timeouts.chain(line.inner().iter().filter(|line| line.name() == "stream_timeout"));
    let shortest = timeouts
        .filter_map(|line| Some((seconds(line.word(1)?).filter(|seconds| *seconds > 0.0)?, &line.place)))
        .min_by(|(a, _), (b, _)| a.total_cmp(b));
    places.extend(shortest.map(|(_, place)| ("read_timeout".to_owned(), place.clone())));

    let forwards = forwards(line, &mut places);
    let origin = origin(line);
    places.extend(origin.map(|word| ("origin".to_owned(), word.place.clone())));
    let holds_back = |line: &&Line| matches!(line.name(), "buffer_responses" | "response_buffers");
    let buffering = line.inner().iter().find(holds_back);
    places.extend(buffering.map(|line| ("buffering".to_owned(), line.place.clone())));
    let config = ProxyConfig {
        upgrade: true,
        read_timeout_s: shortest.map(|(seconds, _)| seconds),
        buffering: buffering.is_some(),
        forwards,
        origin: origin.map(|word| word.text.clone()),
        certificate: None,
        places,
    };
    (upstream, config)
}

fn forwards(line: &Line, places: &mut BTreeMap<String, Place>) -> Vec<String> {
    let mut forwards: Vec<String> = ADDED.map(str::to_owned).into();
    for change in line.inner().iter().filter(|line| line.name() == "header_up") {
        let Some(name) = change.word(1) else { continue };
        if let Some(removed) = name.strip_prefix('-') {
            let removed = removed.to_ascii_lowercase();
            forwards.retain(|name| {
                let name = name.to_ascii_lowercase();
                removed.strip_suffix('*').map_or(name != removed, |prefix| !name.starts_with(prefix))
            });
            continue;
        }
        let name = name.trim_start_matches(['+', '?']);
        if forwards.len() >= MAX_FORWARDS || name.len() > MAX_HEADER {
            continue;
        }
        let forwarding = name.to_ascii_lowercase();
        let known = forwards.iter().any(|known| known.eq_ignore_ascii_case(name));
        if !known
            && (forwarding.starts_with("x-forwarded-") || matches!(forwarding.as_str(), "x-real-ip" | "forwarded"))
        {
            places.entry("forwards".to_owned()).or_insert_with(|| change.place.clone());
            forwards.push(name.to_owned());
        }
    }
    forwards
}

/// What stands in place of the client's `Origin`: the last value that is set. One with something to be found in it first changes the client's.
fn origin(line: &Line) -> Option<&Word> {
    let sets = |line: &&Line| {
        let name = line.word(1).map(|name| name.trim_start_matches(['+', '?']));
        line.name() == "header_up" && name.is_some_and(|name| name.eq_ignore_ascii_case("origin"))
    };
    let change = line.inner().iter().rfind(sets)?;
    change.words.get(2).filter(|word| change.words.len() == 3 && !word.text.is_empty())
}

/// `gw:18789`, `https://gw`, `:18789`, `localhost:18789`.
fn upstream(text: &str, tls: bool) -> Option<GatewayUrl> {
    let (scheme, rest) = text.split_once("://").map_or((None, text), |(scheme, rest)| (Some(scheme), rest));
    let tls = match scheme {
        None | Some("http" | "h2c") => tls,
        Some("https") => true,
        Some(_) => return None,
    };
    let rest = rest.strip_prefix(':').map_or_else(|| rest.to_owned(), |port| format!("localhost:{port}"));
    // A range of ports is as many upstreams.
    let rest = match rest.rsplit_once(':') {
        Some((host, ports)) => format!("{host}:{}", ports.split('-').next().unwrap_or(ports)),
        None => rest,
    };
    if rest.starts_with("unix") {
        return None;
    }
    let (host, port) = split_authority(&rest, if tls { 443 } else { 80 })?;
    Some(GatewayUrl { scheme: if tls { "wss" } else { "ws" }.to_owned(), host, port, path: "/".to_owned() })
}

/// A duration as Go writes it, and days.
fn seconds(text: &str) -> Option<f64> {
    let mut total = 0.0;
    let mut rest = text.trim();
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, after) = rest.split_at(digits);
        let number: f64 = number.parse().ok()?;
        let letters = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, after) = after.split_at(letters);
        total += number
            * match unit {
                "ns" => 1e-9,
                "us" | "µs" => 1e-6,
                "ms" => 1e-3,
                "s" => 1.0,
                "m" => 60.0,
                "h" => 3_600.0,
                "d" => 86_400.0,
                "" if after.is_empty() && number == 0.0 => 0.0,
                _ => return None,
            };
        rest = after;
    }
    Some(total)
}
