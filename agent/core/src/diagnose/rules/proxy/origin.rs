//! `origin.refused` of a proxy

use std::net::IpAddr;

use super::{about, as_written, gateway_of, location, name, reload};
use crate::catalogue::Code;
use crate::diagnose::{Context, Draft};
use crate::snapshot::{ConfigFacts, Gateway, ProxyRoute, Snapshot};

/// `origin.refused`: the proxy gives each request an `Origin` that the gateway does not allow. A gateway looks at the origin of whatever
/// sends one, so that clients are refused that are no browsers.
pub(in super::super) fn foreign(context: Context<'_>, out: &mut Vec<Draft>) {
    for route in context.snapshot.proxies.iter().filter(|route| !route.http_only) {
        let Some((origin, gateway)) = refused(context.snapshot, route) else { continue };
        let summary = format!(
            "{} gives each request the origin `{origin}`, which the gateway on port {} does not allow: every client is refused",
            name(route),
            gateway.port
        );
        let allowed = match gateway.config.get().and_then(|config| config.allowed_origins.as_ref()) {
            Some(list) if !list.is_empty() => list.join(", "),
            _ => "not set".to_owned(),
        };
        let words = format!("`Origin` is set to `{origin}`");
        let draft = about(context, Code::OriginRefused, route, summary);
        let draft = as_written(draft, route, "origin", &words, context.snapshot.taken_at)
            .seen(format!("`gateway.controlUi.allowedOrigins`: {allowed}"), &gateway.config)
            .remedy(format!(
                "take the `Origin` out{}, so that the client's own is passed on, and list that of the page in `gateway.controlUi.allowedOrigins`",
                location(route, "origin")
            ));
        out.push(reload(context, route, draft));
    }
}

/// Whether a proxy of this gateway makes it refuse an origin.
pub(in super::super) fn is_made(snapshot: &Snapshot, gateway: &Gateway) -> bool {
    let to = |route: &&ProxyRoute| route.gateway.as_ref() == Some(&gateway.id);
    snapshot.proxies.iter().filter(to).any(|route| refused(snapshot, route).is_some())
}

/// The origin of the proxy's own that the gateway behind it refuses, and that gateway.
fn refused<'a>(snapshot: &'a Snapshot, route: &'a ProxyRoute) -> Option<(&'a str, &'a Gateway)> {
    let gateway = gateway_of(snapshot, route)?;
    let written = route.config.get()?;
    let origin = written.origin.as_deref().filter(|origin| !origin.trim().is_empty())?;
    let config = gateway.config.get();
    let unknown = config.is_none() && !gateway.config.is_absent();
    let lets_in = match host(origin) {
        // What is no origin is none to it, whatever it allows.
        None => false,
        Some(host) => {
            let listed = config.is_some_and(|config| allows(snapshot, gateway, config, origin));
            // These count where the request's `Host` is the same, or where the client is on the node.
            let near = host.parse::<IpAddr>().is_ok_and(|address| !address.is_loopback())
                || [".local", ".ts.net"].iter().any(|end| host.ends_with(end));
            let own = is_loopback(&host) && written.forwards.is_empty();
            listed || near || own || config.is_some_and(|config| config.origin_by_host)
        }
    };
    (!unknown && !lets_in).then_some((origin, gateway))
}

/// Whether what is configured, or what a gateway puts in its place at its start, lists an origin.
fn allows(snapshot: &Snapshot, gateway: &Gateway, config: &ConfigFacts, origin: &str) -> bool {
    let origin = origin.trim().trim_end_matches('/').to_ascii_lowercase();
    let listed: Vec<&str> = config.allowed_origins.iter().flatten().map(|entry| entry.trim()).collect();
    if listed.iter().all(|entry| entry.is_empty()) {
        let port = gateway.port;
        let own = [format!("http://localhost:{port}"), format!("http://127.0.0.1:{port}")];
        return own.contains(&origin) && !is_on_loopback(snapshot, gateway);
    }
    let bare = |text: &str| {
        let without = text.strip_suffix(":443").filter(|text| text.starts_with("https://"));
        without
            .or_else(|| text.strip_suffix(":80").filter(|text| text.starts_with("http://")))
            .unwrap_or(text)
            .to_owned()
    };
    listed.iter().any(|entry| *entry == "*" || entry.to_ascii_lowercase() == bare(&origin))
}

/// Whether a gateway of the node listens on the loopback alone. One that listens beyond it allows its own origin.
fn is_on_loopback(snapshot: &Snapshot, gateway: &Gateway) -> bool {
    let mut own = snapshot
        .listeners_on(gateway.port)
        .filter(|listener| listener.pids.iter().any(|pid| gateway.pids.contains(pid)))
        .peekable();
    own.peek().is_some() && own.all(|listener| listener.address.is_loopback())
}

/// The host of an origin: `scheme://host[:port]`.
fn host(origin: &str) -> Option<String> {
    let (scheme, rest) = origin.trim().split_once("://")?;
    let rest = rest.trim_end_matches('/');
    let plausible = !scheme.is_empty() && !rest.is_empty() && !rest.contains(['/', '?', '#', '\\', '@', ' ']);
    let host = match rest.strip_prefix('[') {
        Some(rest) => rest.split(']').next()?,
        None => rest.split(':').next()?,
    };
    plausible.then(|| host.to_ascii_lowercase())
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::super::fixture::*;
    use super::*;
    use crate::diagnose::fixture::*;

    fn with(origin: &str, change: impl FnOnce(&mut ConfigFacts)) -> Snapshot {
        let mut node = behind(|route| {
            let config = value(&mut route.config);
            config.origin = Some(origin.to_owned());
            config.forwards = vec!["X-Forwarded-For".to_owned()];
        });
        let config = value(&mut gateway(&mut node).config);
        config.trusted_proxies = vec!["127.0.0.1".to_owned()];
        change(config);
        node
    }

    #[test]
    fn an_origin_that_nobody_listed_shuts_every_client_out() {
        let node = with("https://claw.example", |_| {});
        assert_eq!(
            draft(foreign, &node).summary,
            "`nginx` at `claw.example:443` gives each request the origin `https://claw.example`, which the gateway on port 18789 does \
             not allow: every client is refused"
        );
        assert_eq!(root_causes(&node), [Code::OriginRefused]);
        for origin in ["http://127.0.0.1:1", "claw.example", "null", "http://user@claw.example"] {
            assert_eq!(drafts(foreign, &with(origin, |_| {})).len(), 1, "{origin}");
        }
    }

    #[test]
    fn one_that_the_gateway_lets_in_is_none() {
        let list = |entries: &[&str]| Some(entries.iter().map(|entry| (*entry).to_owned()).collect());
        for (origin, entries) in [
            ("https://claw.example", &["https://claw.example"][..]),
            ("https://Claw.example/", &["HTTPS://claw.example"]),
            ("https://claw.example:443", &["https://claw.example"]),
            ("https://claw.example", &["*"]),
            ("http://192.168.1.2", &[]),
            ("https://node.tail1.ts.net", &[]),
        ] {
            let node = with(origin, |config| config.allowed_origins = list(entries));
            assert!(silent(foreign, &node), "{origin} {entries:?}");
        }
        assert!(silent(foreign, &with("https://claw.example", |config| config.origin_by_host = true)));
        let mut wide = with("http://localhost:18789", |_| {});
        assert_eq!(drafts(foreign, &wide).len(), 1);
        value(&mut wide.listeners)[0].address = "0.0.0.0".parse().unwrap();
        assert!(silent(foreign, &wide));
        let mut own = with("http://127.0.0.1:1", |_| {});
        value(&mut own.proxies[0].config).forwards.clear();
        assert!(silent(foreign, &own));
    }

    #[test]
    fn healthy_or_hidden_it_says_nothing() {
        assert!(silent(foreign, &healthy()) && silent(foreign, &behind(|_| {})));
        let mut hidden = with("https://claw.example", |_| {});
        gateway(&mut hidden).config = denied();
        assert!(silent(foreign, &hidden));
        hidden = with("https://claw.example", |_| {});
        hidden.proxies[0].config = denied();
        assert!(silent(foreign, &hidden));
    }
}
