//! `proxy.untrusted`

use std::net::IpAddr;

use super::subnets::{Peer, engine_ends, is_trusted, net, peer, suggestion};
use super::{about, as_written, gateway_of, location, name};
use crate::catalogue::Code;
use crate::diagnose::rules::command::quote;
use crate::diagnose::rules::contained;
use crate::diagnose::{Context, Draft};
use crate::snapshot::{ConfigFacts, Gateway, ProbeOutcome, ProxyRoute};

/// What a gateway answers to a proxy that it does not trust.
const REFUSAL: &str = "proxy_attribution_required";

/// The header by which a trusted proxy names its client.
const FORWARDED_FOR: &str = "x-forwarded-for";

/// The header that may stand for it, where `gateway.allowRealIpFallback` says so.
const REAL_IP: &str = "x-real-ip";

/// `proxy.untrusted`: forwarding headers come from an address that the gateway does not trust, or name no client to it.
pub(in super::super) fn untrusted(context: Context<'_>, out: &mut Vec<Draft>) {
    let snapshot = context.snapshot;
    for route in &snapshot.proxies {
        let Some(gateway) = gateway_of(snapshot, route) else { continue };
        let forwards = route.config.get().map(|config| config.forwards.as_slice()).unwrap_or_default();
        let peer = peer(snapshot, route, gateway);
        let trusted = trusted_of(gateway).and_then(|trusted| is_trusted(trusted, &peer));
        let nameless = nameless(gateway, forwards);
        let refused = route.through.failure().is_some_and(|failure| failure.reason.as_deref() == Some(REFUSAL));
        let what = if refused {
            "the gateway answers 403 to all but `/healthz`"
        } else {
            // What is only written counts where it is known to be refused.
            let tried = !matches!(route.through.outcome, ProbeOutcome::NotTried { .. });
            if tried || forwards.is_empty() || trusted != Some(false) && nameless.is_none() {
                continue;
            }
            "the gateway will answer 403 to all but `/healthz`"
        };
        let from = from(&peer);
        let end = trusted_end(context, route, gateway).filter(|_| !forwards.is_empty() && nameless.is_none());
        let summary = if trusted == Some(true) {
            let why = match (&nameless, end) {
                (Some(why), _) => why.clone(),
                (None, Some(end)) => format!("so is {end}, from where clients come through its published port"),
                (None, None) => "the client's address is missing or loopback".to_owned(),
            };
            format!("{} is trusted, and {why}: {what}", name(route))
        } else if let (None, Some(why)) = (trusted, &nameless) {
            format!("{} adds forwarding headers, and {why}: {what}", name(route))
        } else {
            format!("{} adds forwarding headers and {from} is not in `gateway.trustedProxies`: {what}", name(route))
        };
        let mut draft = about(context, Code::ProxyUntrusted, route, summary);
        if let Some(failure) = route.through.failure() {
            draft = draft.answered(format!("through the proxy: {}", failure.message), route.id.clone(), &route.through);
        }
        if !forwards.is_empty() {
            let words = format!("it adds {}", forwards.join(", "));
            draft = as_written(draft, route, "forwards", &words, snapshot.taken_at);
        }
        draft = draft.seen(
            format!("`gateway.trustedProxies` is {}", list(trusted_of(gateway).unwrap_or_default())),
            &gateway.config,
        );
        if nameless.is_some() && forwards.iter().any(|name| name.eq_ignore_ascii_case(REAL_IP)) {
            draft = draft.seen("`gateway.allowRealIpFallback` is not true", &gateway.config);
        }
        let named = format!(
            "let it send the client's address in `X-Forwarded-For`{}; what runs on the gateway's own node connects to it directly",
            location(route, "forwards")
        );
        out.push(match (trusted, end) {
            (Some(true), Some(end)) => trust(context, gateway, &peer, Some(end), draft),
            (Some(true), None) => draft.remedy(named),
            (None, _) if nameless.is_some() => draft.remedy(named),
            _ if nameless.is_some() => trust(context, gateway, &peer, None, draft).remedy(named),
            _ => trust(context, gateway, &peer, None, draft),
        });
    }
}

/// Why nothing that a proxy adds names the client to a gateway that trusts it. None where something does, or nobody can say.
fn nameless(gateway: &Gateway, forwards: &[String]) -> Option<String> {
    let adds = |wanted: &str| forwards.iter().any(|name| name.eq_ignore_ascii_case(wanted));
    if forwards.is_empty() || adds(FORWARDED_FOR) {
        return None;
    }
    let real_ip_counts = match gateway.config.get() {
        Some(config) => config.allow_real_ip,
        None => !gateway.config.is_absent(),
    };
    if adds(REAL_IP) && real_ip_counts {
        return None;
    }
    let names: Vec<String> = forwards.iter().map(|name| format!("`{name}`")).collect();
    let verb = if names.len() == 1 { "names" } else { "name" };
    Some(format!("{} alone {verb} no client", names.join(", ")))
}

/// The engine's own address on the proxy's network, where the gateway trusts it.
fn trusted_end(context: Context<'_>, route: &ProxyRoute, gateway: &Gateway) -> Option<IpAddr> {
    let trusted = trusted_of(gateway)?;
    let is_trusted = |end: &IpAddr| trusted.iter().filter_map(|entry| net(entry)).any(|net| net.contains(end));
    engine_ends(context.snapshot, route, gateway).into_iter().find(is_trusted)
}

/// What a gateway trusts; a configuration that is not there trusts nobody.
fn trusted_of(gateway: &Gateway) -> Option<&[String]> {
    match gateway.config.get() {
        Some(ConfigFacts { trusted_proxies, .. }) => Some(trusted_proxies),
        None => gateway.config.is_absent().then_some(&[]),
    }
}

fn from(peer: &Peer) -> String {
    match peer {
        Peer::Loopback => "loopback, from where it connects,".to_owned(),
        Peer::Address(address, Some(subnet)) => format!("its address {address} (network {})", subnet.trunc()),
        Peer::Address(address, None) => format!("its address {address}"),
        Peer::Within(subnets) => {
            let subnets: Vec<String> = subnets.iter().map(ToString::to_string).collect();
            format!("its network {}", subnets.join(", "))
        }
        Peer::Unknown => "its address".to_owned(),
    }
}

fn list(entries: &[String]) -> String {
    if entries.is_empty() { "empty".to_owned() } else { format!("[{}]", entries.join(", ")) }
}

/// The command that adds the peer to what is trusted already, less what has `end` in it.
fn trust(context: Context<'_>, gateway: &Gateway, peer: &Peer, end: Option<IpAddr>, draft: Draft) -> Draft {
    let mut entries: Vec<String> = trusted_of(gateway).unwrap_or_default().to_vec();
    let suggested = suggestion(peer);
    if suggested.is_empty() {
        let within = match peer {
            Peer::Within(subnets) => {
                let subnets: Vec<String> = subnets.iter().map(|subnet| subnet.trunc().to_string()).collect();
                format!(" in {}", subnets.join(" or "))
            }
            _ => ", on a network with a subnet of its own (`ipam`)".to_owned(),
        };
        return draft.remedy(format!(
            "give the proxy a fixed address (`ipv4_address`){within}, and add that address alone to `gateway.trustedProxies`"
        ));
    }
    entries.retain(|entry| end.is_none_or(|end| !net(entry).is_some_and(|net| net.contains(&end))));
    entries.retain(|entry| !suggested.contains(entry));
    entries.extend(suggested);
    let value: Vec<String> = entries.iter().map(|entry| format!("\"{entry}\"")).collect();
    let value = quote(&format!("[{}]", value.join(","))).into_owned();
    let draft = match peer {
        Peer::Address(address, Some(_)) => {
            draft.remedy(format!("let the proxy keep its address: `ipv4_address: {address}` on that network"))
        }
        _ => draft,
    };
    let command = contained::run_at(context.snapshot, gateway, &format!("config set gateway.trustedProxies {value}"));
    draft.command(
        format!("trust it {}; it takes effect at once", contained::place_of(context.snapshot, gateway)),
        command,
    )
}

#[cfg(test)]
mod tests {
    use super::super::fixture::*;
    use super::*;
    use crate::Snapshot;
    use crate::diagnose::fixture::*;

    #[test]
    fn a_refusal_that_was_seen_names_the_command() {
        let node = behind(|route| {
            route.through = refused(403, Some(REFUSAL));
            value(&mut route.config).forwards = vec!["X-Forwarded-For".to_owned()];
        });
        let draft = draft(untrusted, &node);
        assert_eq!(
            draft.summary,
            "`nginx` at `claw.example:443` adds forwarding headers and loopback, from where it connects, is not in \
             `gateway.trustedProxies`: the gateway answers 403 to all but `/healthz`"
        );
        assert_eq!(
            draft.remedy[0].command.as_deref(),
            Some(r#"openclaw config set gateway.trustedProxies '["127.0.0.1","::1"]'"#)
        );
        assert_eq!(root_causes(&node), [Code::ProxyUntrusted]);
    }

    #[test]
    fn between_containers_the_proxys_address_alone_is_suggested() {
        let node = in_containers(|node| {
            node.proxies[0].through = refused(403, Some(REFUSAL));
            node.proxies[0].peer = Some("172.18.0.3".to_owned());
            value(&mut gateway(node).config).trusted_proxies = vec!["10.0.0.1".to_owned()];
        });
        let draft = draft(untrusted, &node);
        assert!(
            draft.summary.contains("its address 172.18.0.3 (network 172.18.0.0/16) is not in"),
            "{}",
            draft.summary
        );
        assert_eq!(draft.remedy[0].text, "let the proxy keep its address: `ipv4_address: 172.18.0.3` on that network");
        let command = draft.remedy[1].command.as_deref().unwrap();
        assert!(command.ends_with(r#"config set gateway.trustedProxies '["10.0.0.1","172.18.0.3"]'"#), "{command}");
    }

    #[test]
    fn a_whole_subnet_that_is_trusted_has_the_engines_own_end_in_it() {
        let node = in_containers(|node| {
            node.proxies[0].through = refused(403, Some(REFUSAL));
            node.proxies[0].peer = Some("172.18.0.3".to_owned());
            node.networks[0].gateways = vec!["172.18.0.1".parse().unwrap()];
            let trusted = &mut value(&mut gateway(node).config).trusted_proxies;
            *trusted = vec!["10.0.0.1".to_owned(), "172.18.0.0/16".to_owned()];
        });
        let draft = draft(untrusted, &node);
        assert!(
            draft.summary.contains("is trusted, and so is 172.18.0.1, from where clients come"),
            "{}",
            draft.summary
        );
        let command = draft.remedy[1].command.as_deref().unwrap();
        assert!(command.ends_with(r#"'["10.0.0.1","172.18.0.3"]'"#), "{command}");
    }

    #[test]
    fn what_is_only_written_is_judged_by_the_subnet() {
        let written = |trusted: &[&str], subnets: &[&str]| {
            in_containers(|node| {
                untried_both(&mut node.proxies[0]);
                node.networks[0].subnets = subnets.iter().map(|subnet| (*subnet).to_owned()).collect();
                value(&mut gateway(node).config).trusted_proxies =
                    trusted.iter().map(|entry| (*entry).to_owned()).collect();
            })
        };
        for (trusted, subnets, found) in [
            (&["172.18.0.0/16"][..], &["172.18.0.0/16"][..], false),
            (&["172.16.0.0/12"], &["172.18.0.0/16"], false),
            (&["172.19.0.0/16"], &["172.18.0.0/16"], true),
            (&["127.0.0.1"], &["172.18.0.0/16"], true),
            (&[], &[], true),
            (&["127.0.0.1"], &[], true),
            (&["172.19.0.0/16"], &[], false),
        ] {
            assert_eq!(!silent(untrusted, &written(trusted, subnets)), found, "{trusted:?} {subnets:?}");
        }
    }

    /// The proxy on the loopback that the gateway trusts, with these headers, not tried.
    fn trusted_with(headers: &[&str], change: impl FnOnce(&mut Snapshot)) -> Snapshot {
        let mut node = behind(|route| {
            untried_both(route);
            value(&mut route.config).forwards = headers.iter().map(|name| (*name).to_owned()).collect();
        });
        value(&mut gateway(&mut node).config).trusted_proxies = vec!["127.0.0.1".to_owned()];
        change(&mut node);
        node
    }

    #[test]
    fn a_trusted_proxy_without_a_client_address_is_told_apart() {
        let tried = trusted_with(&["X-Real-IP"], |node| node.proxies[0].through = refused(403, Some(REFUSAL)));
        assert!(
            draft(untrusted, &tried).summary.ends_with(
                "is trusted, and `X-Real-IP` alone names no client: the gateway answers 403 to all but `/healthz`"
            ),
            "{}",
            draft(untrusted, &tried).summary
        );
        let written = trusted_with(&["x-real-ip"], |_| {});
        let said = draft(untrusted, &written);
        assert!(said.summary.ends_with("names no client: the gateway will answer 403 to all but `/healthz`"));
        assert!(said.remedy[0].text.starts_with("let it send the client's address in `X-Forwarded-For`"));
        assert!(said.evidence.iter().any(|one| one.fact == "`gateway.allowRealIpFallback` is not true"));
        assert_eq!(root_causes(&written), [Code::ProxyUntrusted]);
        assert_eq!(report(&written).exit_status(false), 69);
    }

    #[test]
    fn only_headers_that_count_name_a_client() {
        for (headers, real_ip, found) in [
            (&["X-Real-IP"][..], false, true),
            (&["X-Real-IP"], true, false),
            (&["X-Real-IP", "X-Forwarded-Proto"], false, true),
            (&["X-Real-IP", "X-Forwarded-Proto"], true, false),
            (&["Forwarded"], true, true),
            (&["X-Forwarded-Proto", "X-Forwarded-Host"], true, true),
            (&["X-Real-IP", "x-forwarded-for"], false, false),
            (&[], false, false),
        ] {
            let node = trusted_with(headers, |node| value(&mut gateway(node).config).allow_real_ip = real_ip);
            assert_eq!(!silent(untrusted, &node), found, "{headers:?} {real_ip}");
        }
        // What was let through is well, whoever named the client.
        let well = behind(|route| value(&mut route.config).forwards = vec!["X-Real-IP".to_owned()]);
        assert!(silent(untrusted, &well));
    }

    #[test]
    fn who_is_not_trusted_either_is_told_both() {
        let node = trusted_with(&["X-Real-IP"], |node| {
            value(&mut gateway(node).config).trusted_proxies = vec!["10.0.0.1".to_owned()];
        });
        let remedy = draft(untrusted, &node).remedy;
        assert!(remedy[0].command.as_deref().is_some_and(|command| command.contains("trustedProxies")));
        assert!(remedy[1].text.contains("`X-Forwarded-For`"));
    }

    #[test]
    fn whether_x_real_ip_counts_is_not_guessed() {
        let hidden = trusted_with(&["X-Real-IP"], |node| gateway(node).config = denied());
        assert!(silent(untrusted, &hidden));
        let unread = trusted_with(&["X-Real-IP"], |node| node.proxies[0].config = denied());
        assert!(silent(untrusted, &unread));
    }

    #[test]
    fn healthy_or_hidden_it_says_nothing() {
        assert!(silent(untrusted, &healthy()) && silent(untrusted, &behind(|_| {})));
        assert!(silent(untrusted, &in_containers(|_| {})));
        let hidden = in_containers(|node| {
            untried_both(&mut node.proxies[0]);
            gateway(node).config = denied();
        });
        assert!(silent(untrusted, &hidden));
        let hidden = behind(|route| {
            untried_both(route);
            route.config = denied();
        });
        assert!(silent(untrusted, &hidden));
    }
}
