//! nginx: which `location` passes what on, with what it inherits.

mod level;
mod tree;

use std::net::IpAddr;

use portreeve_core::snapshot::{GatewayUrl, ProxyConfig};

use self::level::{Level, Shared};
use self::tree::Directive;
use super::files::Loader;
use super::route::{self, RouteFound, has_room, is_http_only, short, split_authority};
use super::{Problem, Program};

/// The image's own main file, as far as it matters.
const MAIN: &str = "http { include /etc/nginx/conf.d/*.conf; include /etc/nginx/templates/*.template; }";

/// From this release on nginx speaks HTTP/1.1 to upstreams by itself.
const SPEAKS_1_1: [u32; 3] = [1, 29, 7];

pub(super) fn routes(path: &str, version: Option<&str>, loader: &Loader<'_>) -> Vec<RouteFound> {
    let main = Program::Nginx.default_config();
    let root = if path == main && loader.read(path).is_err() {
        tree::parse_text(main, MAIN, "/etc/nginx", loader)
    } else {
        tree::load(path, loader)
    };
    let speaks_1_1 = version.and_then(numbers).is_none_or(|version| version >= SPEAKS_1_1);
    let mut found = Vec::new();
    // A file may be a whole configuration, or what one includes within `http`.
    http(&root, speaks_1_1, loader, &mut found);
    for directive in &root {
        match directive.name.as_str() {
            "http" => http(directive.inner(), speaks_1_1, loader, &mut found),
            "stream" => stream(directive.inner(), loader, &mut found),
            _ => {}
        }
    }
    found
}

fn numbers(version: &str) -> Option<[u32; 3]> {
    let mut parts = version.split(['.', '-']).map(|part| part.parse::<u32>().ok());
    let major = parts.next()??;
    // `1` and `1.29` move: they are whatever is newest.
    Some([major, parts.next().flatten().unwrap_or(u32::MAX), parts.next().flatten().unwrap_or(u32::MAX)])
}

/// Where a server listens.
struct Listen {
    address: Option<IpAddr>,
    port: u16,
    tls: bool,
}

fn http(directives: &[Directive], speaks_1_1: bool, loader: &Loader<'_>, found: &mut Vec<RouteFound>) {
    let shared = Shared::of(directives, speaks_1_1);
    let outer = Level::default().enter(directives, loader);
    for server in directives.iter().filter(|directive| directive.name == "server" && directive.block.is_some()) {
        let inner = server.inner();
        let level = outer.enter(inner, loader);
        let lists = inner.iter().filter(|directive| directive.name == "server_name");
        let names = route::names(lists.flat_map(|directive| directive.arguments.iter().map(|word| word.text.as_str())));
        let listens = listens(inner, 80);
        let mut places = Vec::new();
        locations(inner, &level, "/", loader, &mut places);
        for (location, level, path) in places {
            for pass in location.inner().iter().filter(|directive| directive.name == "proxy_pass") {
                let upstream = pass.argument(0).and_then(|text| upstream(text, &level, &shared));
                if upstream.is_none() && pass.arguments.is_empty() {
                    loader.problem(Problem {
                        place: Some(pass.place.clone()),
                        message: "`proxy_pass` without an address".to_owned(),
                    });
                    continue;
                }
                for listen in &listens {
                    if !has_room(found, Some(&pass.place), loader) {
                        return;
                    }
                    let config = level.config(&location.place, &pass.place, listen.tls, &shared);
                    found.push(RouteFound {
                        program: Program::Nginx,
                        names: names.clone(),
                        address: listen.address,
                        port: listen.port,
                        tls: listen.tls,
                        path: path.prefix.and_then(short),
                        http_only: path.exact && path.prefix != Some("/") || is_http_only(path.text),
                        raw: false,
                        upstream: upstream.clone(),
                        config,
                    });
                }
            }
        }
    }
}

/// What a `location` takes.
struct Path<'a> {
    text: &'a str,
    prefix: Option<&'a str>,
    exact: bool,
}

/// Every `location` below, and every `if` in one, with what holds there.
fn locations<'a>(
    directives: &'a [Directive],
    level: &Level<'a>,
    around: &'a str,
    loader: &Loader<'_>,
    found: &mut Vec<(&'a Directive, Level<'a>, Path<'a>)>,
) {
    for directive in directives.iter().filter(|directive| directive.block.is_some()) {
        let path = match (directive.name.as_str(), directive.argument(0), directive.argument(1)) {
            ("location", Some("="), Some(path)) => Path { text: path, prefix: Some(path), exact: true },
            ("location", Some("^~"), Some(path)) => Path { text: path, prefix: Some(path), exact: false },
            ("location", Some(_), Some(pattern)) => Path { text: pattern, prefix: None, exact: false },
            ("location", Some(path), None) => {
                Path { text: path, prefix: Some(path).filter(|path| path.starts_with('/')), exact: false }
            }
            ("if" | "limit_except", _, _) => Path { text: around, prefix: Some(around), exact: false },
            _ => continue,
        };
        let inner = level.enter(directive.inner(), loader);
        locations(directive.inner(), &inner, path.text, loader, found);
        found.push((directive, inner, path));
    }
}

fn listens(server: &[Directive], default_port: u16) -> Vec<Listen> {
    // Before 1.25 `ssl on;` did it for the whole server.
    let all_tls = server.iter().any(|directive| directive.name == "ssl" && directive.argument(0) == Some("on"));
    let mut listens: Vec<Listen> = server
        .iter()
        .filter(|directive| directive.name == "listen")
        .filter_map(|directive| {
            let text = directive.argument(0)?;
            let flags = directive.arguments.get(1..).unwrap_or_default();
            let tls = all_tls || flags.iter().any(|flag| matches!(flag.text.as_str(), "ssl" | "quic"));
            if flags.iter().any(|flag| flag.text == "quic") || text.starts_with("unix:") {
                return None;
            }
            let (address, port) = match text.parse::<u16>() {
                Ok(port) => (None, port),
                Err(_) => {
                    let text =
                        text.strip_prefix("*:").map_or_else(|| text.to_owned(), |port| format!("0.0.0.0:{port}"));
                    let (host, port) = split_authority(&text, default_port)?;
                    let address =
                        if host == "localhost" { Some(IpAddr::from([127, 0, 0, 1])) } else { host.parse().ok() };
                    (address.filter(|address: &IpAddr| !address.is_unspecified()), port)
                }
            };
            Some(Listen { address, port, tls })
        })
        .collect();
    if listens.is_empty() && !server.iter().any(|directive| directive.name == "listen") {
        listens.push(Listen { address: None, port: default_port, tls: all_tls });
    }
    listens
}

/// `http://name:port/…` with variables and `upstream` blocks resolved.
fn upstream(text: &str, level: &Level<'_>, shared: &Shared) -> Option<GatewayUrl> {
    let text = level.resolve(text);
    let (scheme, rest) = text.split_once("://")?;
    let (scheme, default_port) = match scheme {
        "http" => ("ws", 80),
        "https" => ("wss", 443),
        _ => return None,
    };
    let (name, _) = split_authority(rest, default_port)?;
    let address = match shared.upstream(&name) {
        Some(server) => split_authority(server, default_port),
        None => split_authority(rest, default_port),
    };
    let (host, port) = address?;
    Some(GatewayUrl { scheme: scheme.to_owned(), host, port, path: "/".to_owned() })
}

/// `stream`: bytes are passed on, whatever they are.
fn stream(directives: &[Directive], loader: &Loader<'_>, found: &mut Vec<RouteFound>) {
    let shared = Shared::of(directives, true);
    let outer = Level::default().enter(directives, loader);
    for server in directives.iter().filter(|directive| directive.name == "server") {
        let level = outer.enter(server.inner(), loader);
        let Some(pass) = server.inner().iter().find(|directive| directive.name == "proxy_pass") else { continue };
        let to = pass.argument(0).map(|text| level.resolve(text)).unwrap_or_default();
        let to = shared.upstream(&to).map_or(to.clone(), str::to_owned);
        for listen in listens(server.inner(), 0).iter().filter(|listen| listen.port > 0) {
            if !has_room(found, Some(&pass.place), loader) {
                return;
            }
            let tls = level.speaks_tls_upstream();
            let upstream = split_authority(&to, 0).filter(|(_, port)| *port > 0).map(|(host, port)| GatewayUrl {
                scheme: if tls { "wss" } else { "ws" }.to_owned(),
                host,
                port,
                path: "/".to_owned(),
            });
            let mut places = level.timeout_place();
            places.insert(String::new(), server.place.clone());
            places.insert("upstream".to_owned(), pass.place.clone());
            let config = ProxyConfig {
                upgrade: true,
                read_timeout_s: level.read_timeout(),
                buffering: false,
                forwards: Vec::new(),
                origin: None,
                certificate: level.certificate(listen.tls),
                places,
            };
            found.push(RouteFound {
                program: Program::Nginx,
                names: Vec::new(),
                address: listen.address,
                port: listen.port,
                tls: listen.tls,
                path: Some("/".to_owned()),
                http_only: false,
                raw: !listen.tls && !tls,
                upstream,
                config,
            });
        }
    }
}
