//! `url.unresolvable`, `url.wrong-scheme`, `url.plaintext-refused`

use super::super::auth::{client_name, gateway_of};
use super::super::contained::of_client;
use crate::catalogue::Code;
use crate::diagnose::{Context, Draft};
use crate::snapshot::{Client, FailureKind, Gateway, GatewayUrl, UrlFacts, Workload};

/// `url.unresolvable`: the host of a client's URL is no name on this node.
pub(super) fn unresolvable(context: Context<'_>, out: &mut Vec<Draft>) {
    let snapshot = context.snapshot;
    for client in snapshot.host_clients() {
        let failure = client.handshake.failure().filter(|failure| failure.kind == FailureKind::Unresolved);
        let (Some(failure), Some(UrlFacts { url, source, .. })) = (failure, client.url.get()) else { continue };
        let summary = format!(
            "`{}` looks for its gateway at `{}` ({source}), a name that does not resolve on this node",
            client.id, url.host
        );
        let mut draft = Draft::new(Code::UrlUnresolvable, "client", client.id.clone(), summary)
            .client(client)
            .seen(format!("`{}://{}:{}` from {source}", url.scheme, url.host, url.port), &client.url)
            .answered(failure.message.clone(), "the resolver of this node", &client.handshake)
            .remedy(format!("correct the name in {source}, or bring up the network that knows it, such as a VPN"));
        let own = |gateway: &&Gateway| gateway.state_dir.is_some() && gateway.state_dir == client.state_dir;
        if let Some(gateway) = snapshot.host_gateways().find(own) {
            draft = draft.remedy(format!(
                "or remove it there, where the gateway of `{}` on port {} of this node is meant",
                gateway.id, gateway.port
            ));
        }
        out.push(draft);
    }
}

/// `url.wrong-scheme`: a client speaks TLS to a gateway that does not, or the other way round.
pub(super) fn wrong_scheme(context: Context<'_>, out: &mut Vec<Draft>) {
    for client in &context.snapshot.clients {
        let Some(url) = client.url.get() else { continue };
        if client.handshake.answer().is_some() || client.connect.answer().is_some() {
            continue;
        }
        if let Some(draft) = wrong_as_seen(context, client, url) {
            out.push(draft);
            continue;
        }
        let gateway = gateway_of(context.snapshot, client);
        let Some((gateway, config)) = gateway.and_then(|gateway| Some((gateway, gateway.config.get()?))) else {
            continue;
        };
        let client_tls = matches!(url.url.scheme.as_str(), "wss" | "https");
        // What the listener was seen to speak tells more than what the configuration says by now.
        let speaks_tls = match client.handshake.failure().map(|failure| failure.kind) {
            Some(FailureKind::Tls) if client_tls => false,
            Some(FailureKind::NotHttp) if !client_tls => config.tls,
            _ => config.tls,
        };
        if client_tls == speaks_tls {
            continue;
        }
        let right = if speaks_tls { "wss" } else { "ws" };
        let mut draft = Draft::new(
            Code::UrlWrongScheme,
            "client",
            client.id.clone(),
            format!(
                "{} would speak `{}` to port {} ({}), and the gateway there speaks `{right}`",
                who(client),
                url.url.scheme,
                url.url.port,
                url.source
            ),
        )
        .client(client)
        .gateway(gateway)
        .seen(format!("scheme `{}` from {}", url.url.scheme, url.source), &client.url)
        .seen(if config.tls { "TLS is on" } else { "TLS is off" }, &gateway.config);
        if let Some(failure) = client.handshake.failure() {
            draft = draft.answered(failure.message.clone(), "handshake of the client", &client.handshake);
        }
        draft = draft.remedy(format!("write `{right}://{}:{}` in {}", url.url.host, url.url.port, url.source));
        if let Some(workload) = of_client(context.snapshot, client) {
            draft = at_url(context, draft, workload);
            if right == "ws" && !url.loopback && !workload.environment.iter().any(|name| name == ALLOW_PLAINTEXT) {
                draft = draft.remedy(format!(
                    "with `{ALLOW_PLAINTEXT}=1` beside it, on a network that is trusted as a whole: the client refuses `ws://` \
                     to a name otherwise"
                ));
            }
        }
        out.push(draft);
    }
}

/// On the node itself, where a gateway was seen to answer in the other way.
fn wrong_as_seen(context: Context<'_>, client: &Client, url: &UrlFacts) -> Option<Draft> {
    let failure = client.handshake.failure().filter(|failure| failure.kind == FailureKind::Tls)?;
    if client.workload.is_some() {
        return None;
    }
    let GatewayUrl { scheme, host, port, .. } = &url.url;
    let right = if scheme == "wss" { "ws" } else { "wss" };
    let summary = format!(
        "{} would speak `{scheme}` to port {port} ({}), and the gateway there speaks `{right}`",
        who(client),
        url.source
    );
    let mut draft = Draft::new(Code::UrlWrongScheme, "client", client.id.clone(), summary)
        .client(client)
        .seen(format!("scheme `{scheme}` from {}", url.source), &client.url)
        .answered(failure.message.clone(), "handshake of the client", &client.handshake)
        .remedy(format!("write `{right}://{host}:{port}` in {}", url.source));
    if let Some(gateway) = gateway_of(context.snapshot, client) {
        draft = draft.gateway(gateway);
    }
    Some(draft)
}

/// The variable by which a client is told to send its secret in the clear.
const ALLOW_PLAINTEXT: &str = "OPENCLAW_ALLOW_INSECURE_PRIVATE_WS";

/// A client, for sentences.
fn who(client: &Client) -> String {
    if client.workload.is_some() { client_name(client) } else { format!("`{}`", client.id) }
}

/// Where the URL of a client in a container is written.
fn at_url(context: Context<'_>, draft: Draft, workload: &Workload) -> Draft {
    match workload.place("environment.OPENCLAW_GATEWAY_URL") {
        Some(place) => draft.written("the URL", Some(place), context.snapshot.taken_at),
        None => draft,
    }
}

/// `url.plaintext-refused`: the client itself would refuse to send its secret in the clear.
pub(super) fn plaintext_refused(context: Context<'_>, out: &mut Vec<Draft>) {
    for client in &context.snapshot.clients {
        let Some(UrlFacts { url, source, refusal: Some(refusal), .. }) = client.url.get() else { continue };
        let mut draft = Draft::new(
            Code::UrlPlaintextRefused,
            "client",
            client.id.clone(),
            format!(
                "{} refuses to connect to `{}://{}:{}` ({source}): {refusal}",
                who(client),
                url.scheme,
                url.host,
                url.port
            ),
        )
        .client(client)
        .seen(refusal.clone(), &client.url);
        if let Some(gateway) = gateway_of(context.snapshot, client) {
            draft = draft.gateway(gateway);
        }
        if let Some(workload) = of_client(context.snapshot, client) {
            draft = in_container(context, draft, workload);
        }
        out.push(draft);
    }
}

/// What a client in a container is told instead of a tunnel.
fn in_container(context: Context<'_>, draft: Draft, workload: &Workload) -> Draft {
    at_url(context, draft, workload)
        .remedy("share the gateway's network namespace (`network_mode: \"service:…\"`), and remove the URL")
        .remedy("or, on a network that is trusted as a whole, set `OPENCLAW_ALLOW_INSECURE_PRIVATE_WS=1` in its environment")
        .remedy("or use `wss://`, with TLS at the gateway or at a proxy before it")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Snapshot;
    use crate::diagnose::fixture::*;
    use crate::snapshot::Phase;

    fn named(host: &str, client: impl FnOnce(&mut Client)) -> Snapshot {
        node(|node| {
            let mine = first_client(node);
            let url = value(&mut mine.url);
            (url.url.host, url.url.scheme, url.loopback) = (host.to_owned(), "wss".to_owned(), false);
            mine.gateway = None;
            client(mine);
        })
    }

    #[test]
    fn a_name_that_does_not_resolve_is_the_root_of_what_a_client_misses() {
        let node = named("gw.exmaple.net", |client| client.handshake = failed(Phase::Dns, FailureKind::Unresolved));
        let draft = draft(unresolvable, &node);
        assert_eq!(
            draft.summary,
            "`cli:/Users/op/.openclaw` looks for its gateway at `gw.exmaple.net` \
             (gateway.port in /Users/op/.openclaw/openclaw.json), a name that does not resolve on this node"
        );
        assert!(draft.remedy[1].text.contains("on port 18789 of this node"), "{draft:?}");
        assert_eq!(root_causes(&node), [Code::UrlUnresolvable]);
        assert_eq!(report(&node).exit_status(false), 69);
    }

    #[test]
    fn a_name_that_resolves_or_was_not_asked_for_is_well() {
        assert!(silent(unresolvable, &named("gw.example.net", |_| {})));
        let elsewhere = named("gw.example.net", |client| client.handshake = failed(Phase::Tcp, FailureKind::Refused));
        assert!(silent(unresolvable, &elsewhere));
    }

    #[test]
    fn tls_on_one_side_only_is_named_with_the_right_scheme() {
        let node = node(|node| {
            value(&mut first_client(node).url).url.scheme = "wss".to_owned();
            first_client(node).handshake = failed(Phase::Tls, FailureKind::Tls);
        });
        let draft = draft(wrong_scheme, &node);
        assert_eq!(draft.remedy[0].text, format!("write `ws://127.0.0.1:18789` in gateway.port in {CONFIG}"));
        let other = crate::diagnose::fixture::node(|node| value(&mut gateway(node).config).tls = true);
        assert_eq!(drafts(wrong_scheme, &other).len(), 1);
    }

    #[test]
    fn a_handshake_that_came_through_disproves_it() {
        let node = node(|node| {
            value(&mut first_client(node).url).url.scheme = "wss".to_owned();
            let challenge = gateway(node).ladder.handshake.clone();
            first_client(node).handshake = challenge;
        });
        assert!(silent(wrong_scheme, &node));
    }

    #[test]
    fn a_client_that_refuses_plaintext_says_why() {
        let node = node(|node| {
            let url = value(&mut first_client(node).url);
            url.url.host = "gw.example.net".to_owned();
            url.refusal = Some("plaintext to an address that is not private".to_owned());
        });
        assert_eq!(
            draft(plaintext_refused, &node).summary,
            "`cli:/Users/op/.openclaw` refuses to connect to `ws://gw.example.net:18789` \
             (gateway.port in /Users/op/.openclaw/openclaw.json): plaintext to an address that is not private"
        );
        assert_eq!(root_causes(&node), [Code::UrlPlaintextRefused]);
    }

    #[test]
    fn healthy_or_hidden_they_say_nothing() {
        for rule in [unresolvable, wrong_scheme, plaintext_refused] {
            assert!(silent(rule, &healthy()));
            assert!(silent(rule, &node(|node| first_client(node).url = denied())));
        }
    }
}
