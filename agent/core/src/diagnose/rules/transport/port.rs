//! `url.wrong-port`, and `bind.loopback` of a gateway on the node itself

use std::collections::BTreeSet;

use super::super::contained::{name, namespace, of, run_at};
use super::super::ownership::{process_name, publishers};
use crate::catalogue::{Code, Severity};
use crate::diagnose::{Context, Draft};
use crate::order::Gather as _;
use crate::snapshot::{Client, ConfigFacts, Failure, FailureKind, Gateway, ProxyRoute, Snapshot, UrlFacts};

/// `url.wrong-port`: a client would connect to a port where no gateway listens.
pub(super) fn wrong_port(context: Context<'_>, out: &mut Vec<Draft>) {
    let snapshot = context.snapshot;
    for client in snapshot.host_clients() {
        let Some(url) = client.url.get() else { continue };
        let draft = match client.handshake.failure() {
            // Not every port of a client is looked at for who listens there.
            None if client.handshake.answer().is_some() || client.gateway.is_none() => None,
            Some(failure) if is_stranger(failure) => {
                misdirected(context, client, url, failure).or_else(|| stranger(context, client, url, failure))
            }
            Some(failure) if failure.kind == FailureKind::Refused && client.gateway.is_none() && !url.by_default => {
                nobody(context, client, url, failure)
            }
            _ => unheard(context, client, url),
        };
        out.extend(draft);
    }
}

/// Whether whoever took the connection did not answer as a gateway does, well or not.
fn is_stranger(failure: &Failure) -> bool {
    let is_other = matches!(
        failure.kind,
        FailureKind::NotHttp
            | FailureKind::NotOpenClaw
            | FailureKind::HttpStatus
            | FailureKind::Malformed
            | FailureKind::Reset
            | FailureKind::Timeout
    );
    // A reason is a gateway's own word.
    is_other && failure.reason.is_none()
}

/// Whether a port is one of a gateway, a container, or a proxy that was tried in vain: what is wrong there is found at that.
fn is_judged_there(snapshot: &Snapshot, port: u16) -> bool {
    let fails = |route: &ProxyRoute| route.front.port == port && route.through.failure().is_some();
    let gateways = || snapshot.gateways.iter().any(|gateway| gateway.port == port);
    publishers(snapshot, port).next().is_some() || snapshot.proxies.iter().any(fails) || gateways()
}

/// The port that a client comes by leads into the container of a gateway, to another port than the gateway's.
fn misdirected(context: Context<'_>, client: &Client, url: &UrlFacts, failure: &Failure) -> Option<Draft> {
    let snapshot = context.snapshot;
    let port = url.url.port;
    let (holder, published, gateway, workload) = publishers(snapshot, port).find_map(|(holder, published)| {
        let (gateway, workload) = snapshot.gateways.iter().find_map(|gateway| {
            let workload = of(snapshot, gateway).filter(|one| namespace(snapshot, one).id == holder.id)?;
            gateway.ladder.handshake.answer().map(|_| (gateway, workload))
        })?;
        (published.container_port != gateway.port).then_some((holder, published, gateway, workload))
    })?;
    let leads_to = published.container_port;
    let summary = format!(
        "`{}` would connect to port {port} ({}), which leads to port {leads_to} of {}, whose gateway listens on port {}",
        client.id,
        url.source,
        name(workload),
        gateway.port
    );
    let place = holder.place(&published.key);
    let at = place.map_or_else(String::new, |place| format!(" at {place}"));
    Some(
        Draft::new(Code::UrlWrongPort, "client", client.id.clone(), summary)
            .client(client)
            .gateway(gateway)
            .written(format!("port {port} is published to {leads_to}"), place, snapshot.taken_at)
            .answered(failure.message.clone(), "handshake of the client", &client.handshake)
            .remedy(format!("publish `127.0.0.1:{port}:{}`{at}, and make the container anew", gateway.port)),
    )
}

/// Another program listens where a client expects its gateway.
fn stranger(context: Context<'_>, client: &Client, url: &UrlFacts, failure: &Failure) -> Option<Draft> {
    let (snapshot, port) = (context.snapshot, url.url.port);
    if is_judged_there(snapshot, port) {
        return None;
    }
    let mut pids = snapshot.listeners_on(port).filter(|listener| !listener.foreign_netns).flat_map(|one| &one.pids);
    let who = pids.find_map(|pid| snapshot.process(*pid)).map_or_else(|| "a program".to_owned(), process_name);
    let summary = format!(
        "`{}` would connect to port {port} ({}), where {who} listens and does not answer as a gateway",
        client.id, url.source
    );
    let mut draft = Draft::new(Code::UrlWrongPort, "client", client.id.clone(), summary)
        .client(client)
        .seen(format!("port {port} from {}", url.source), &client.url)
        .answered(failure.message.clone(), "handshake of the client", &client.handshake);
    if let Some((gateway, listens)) = own_gateway(context, client) {
        draft = draft
            .gateway(gateway.0)
            .seen(format!("its gateway, pid {}, listens on port {listens}", gateway.1), &snapshot.listeners)
            .remedy(format!("write port {listens} in {}, or remove the address there", url.source));
    }
    Some(draft.remedy(format!("where a tunnel or a proxy is meant on port {port}: see that its other end is up")))
}

/// Nothing listens where a client expects a gateway that is none of this node's.
fn nobody(context: Context<'_>, client: &Client, url: &UrlFacts, failure: &Failure) -> Option<Draft> {
    let port = url.url.port;
    if is_judged_there(context.snapshot, port) || own_gateway(context, client).is_some() {
        return unheard(context, client, url);
    }
    let summary = format!("`{}` would connect to port {port} ({}), where nothing listens", client.id, url.source);
    let draft = Draft::new(Code::UrlWrongPort, "client", client.id.clone(), summary)
        .client(client)
        .seen(format!("port {port} from {}", url.source), &client.url)
        .answered(failure.message.clone(), "handshake of the client", &client.handshake)
        .remedy(format!("start the tunnel or the proxy that is meant there, or correct the address in {}", url.source));
    Some(draft)
}

/// Nothing listens there, and the client's gateway listens on another port.
fn unheard(context: Context<'_>, client: &Client, url: &UrlFacts) -> Option<Draft> {
    let snapshot = context.snapshot;
    snapshot.listeners.get()?;
    if !url.loopback || snapshot.listeners_on(url.url.port).next().is_some() {
        return None;
    }
    let (gateway, port) = own_gateway(context, client)?;
    if url.by_default && is_unclear(gateway.0) {
        return None;
    }
    Some(
        Draft::new(
            Code::UrlWrongPort,
            "client",
            client.id.clone(),
            format!(
                "`{}` would connect to port {} ({}), where nothing listens; its gateway, pid {}, listens on port {port}",
                client.id,
                url.url.port,
                url.source,
                gateway.1
            ),
        )
        .client(client)
        .gateway(gateway.0)
        // A gateway that was given its port on the command line is well; its user's commands were not told.
        .severity(if url.by_default { Severity::Warning } else { Severity::Error })
        .seen(format!("port {} from {}", url.url.port, url.source), &client.url)
        .seen(format!("pid {} listens on port {port}, nothing on port {}", gateway.1, url.url.port), &snapshot.listeners)
        .remedy(if url.by_default {
            "the gateway was given its port where its user's commands do not look".to_owned()
        } else {
            format!(
                "a gateway keeps the port of its first start through restarts within its process: end pid {} and start it anew for port {}",
                gateway.1, url.url.port
            )
        })
        .command(
            if url.by_default { format!("tell them of port {port}") } else { format!("or set the port back to {port}") },
            run_at(snapshot, gateway.0, &format!("config set gateway.port {port}")),
        ),
    )
}

/// `bind.loopback`: a client would connect to an address of the node, and its gateway listens on the loopback only.
pub(super) fn loopback(context: Context<'_>, out: &mut Vec<Draft>) {
    let snapshot = context.snapshot;
    for client in snapshot.host_clients() {
        let Some(url) = client.url.get().filter(|url| !url.loopback) else { continue };
        let refused = client.handshake.failure().filter(|failure| failure.kind == FailureKind::Refused);
        let (Some(failure), Some((gateway, port))) = (refused, own_gateway(context, client)) else { continue };
        let own = || snapshot.listeners_on(port).filter(|listener| listener.pids.contains(&gateway.1));
        if port != url.url.port || !own().all(|listener| listener.address.is_loopback()) {
            continue;
        }
        let summary = format!(
            "`{}` would connect to `{}:{port}` ({}), and its gateway listens on the loopback only",
            client.id, url.url.host, url.source
        );
        out.push(
            Draft::new(Code::BindLoopback, "gateway", gateway.0.id.clone(), summary)
                .client(client)
                .gateway(gateway.0)
                .seen(format!("port {port} of pid {} is bound to loopback", gateway.1), &snapshot.listeners)
                .answered(failure.message.clone(), "handshake of the client", &client.handshake)
                .remedy(format!("on this node write `{}://127.0.0.1:{port}` in {}", url.url.scheme, url.source))
                .remedy("or let the gateway listen on every address, with a strong token: `gateway.bind lan`"),
        );
    }
}

/// Whether its configuration names a port for all that is known: one that is refused or hidden tells nobody that it does not.
fn is_unclear(gateway: &Gateway) -> bool {
    let config = &gateway.config;
    config.blind().is_some() || config.get().is_some_and(ConfigFacts::is_refused)
}

/// The gateway that a client means, with a process of it and the port on which that one listens.
fn own_gateway<'a>(context: Context<'a>, client: &Client) -> Option<((&'a Gateway, u32), u16)> {
    let snapshot = context.snapshot;
    let named = |gateway: &&Gateway| {
        client.gateway.as_ref() == Some(&gateway.id)
            || client.state_dir.is_some() && client.state_dir == gateway.state_dir
    };
    let only = || {
        let mut all = snapshot.host_gateways();
        all.next().filter(|_| all.next().is_none())
    };
    let gateway = snapshot.host_gateways().find(named).or_else(only)?;
    let ports: BTreeSet<(u16, u32)> = snapshot
        .listeners
        .get()?
        .iter()
        .filter(|listener| !listener.foreign_netns)
        .flat_map(|listener| listener.pids.iter().map(move |pid| (listener.port, *pid)))
        .filter(|(_, pid)| gateway.pids.contains(pid))
        .gather();
    let (port, pid) = ports.first()?;
    Some(((gateway, *pid), *port))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::fixture::*;
    use crate::snapshot::{Challenge, ConfigProblem, Phase, Probe};

    /// The configured port was changed under a running gateway, which stays where it was.
    fn moved(node: &mut Snapshot) {
        let silent = silent_gateway(STATE, 18_999);
        let gateway = gateway(node);
        (gateway.port, gateway.ladder) = (18_999, silent.ladder);
        value(&mut gateway.config).port = Some(18_999);
        first_unit(node).port_argument = None;
        first_unit(node).port = None;
        value(&mut first_client(node).url).url.port = 18_999;
    }

    #[test]
    fn a_port_that_is_published_past_the_gateway_is_named_with_its_place() {
        let published = |to: u16| {
            let mut client = healthy().clients.remove(0);
            client.gateway = None;
            client.handshake = failed(Phase::Http, FailureKind::Reset);
            let mut node = project::split();
            project::gateway_workload(&mut node).ports[0].container_port = to;
            node.clients.push(client);
            node
        };
        let past = published(18_790);
        assert_eq!(
            draft(wrong_port, &past).summary,
            "`cli:/Users/op/.openclaw` would connect to port 18789 (gateway.port in /Users/op/.openclaw/openclaw.json), which leads \
             to port 18790 of container `claw-openclaw-gateway-1` (service `openclaw-gateway` of project `claw`), whose gateway \
             listens on port 18789"
        );
        assert!(silent(wrong_port, &published(18_789)));
    }

    #[test]
    fn a_port_that_was_changed_under_a_running_gateway_is_the_root_of_its_silence() {
        let node = node(moved);
        assert_eq!(
            draft(wrong_port, &node).summary,
            "`cli:/Users/op/.openclaw` would connect to port 18999 (gateway.port in /Users/op/.openclaw/openclaw.json), \
             where nothing listens; its gateway, pid 4242, listens on port 18789"
        );
        assert_eq!(root_causes(&node), [Code::UrlWrongPort]);
        assert_eq!(report(&node).exit_status(false), 69);
    }

    #[test]
    fn a_port_that_commands_were_never_told_is_a_warning() {
        let node = node(|node| {
            moved(node);
            value(&mut first_client(node).url).by_default = true;
        });
        assert_eq!(finding(&node, Code::UrlWrongPort).severity, Severity::Warning);
    }

    #[test]
    fn a_configuration_that_is_not_understood_may_name_the_port() {
        let told_nothing = |node: &mut Snapshot| {
            moved(node);
            value(&mut first_client(node).url).by_default = true;
        };
        let refused = node(|node| {
            told_nothing(node);
            let problem = ConfigProblem {
                path: CONFIG.to_owned(),
                line: Some(3),
                column: Some(3),
                message: "it is not valid JSON5: expected comma".to_owned(),
                fatal: true,
            };
            value(&mut gateway(node).config).problems.push(problem);
        });
        assert!(silent(wrong_port, &refused));
        assert!(silent(
            wrong_port,
            &node(|node| {
                told_nothing(node);
                gateway(node).config = denied();
            })
        ));
        assert!(!silent(wrong_port, &node(told_nothing)));
    }

    #[test]
    fn an_old_port_in_the_unit_explains_it() {
        let node = node(|node| {
            moved(node);
            first_unit(node).port_argument = Some(PORT);
        });
        assert_eq!(root_causes(&node), [Code::UnitWrongPort]);
    }

    #[test]
    fn a_gateway_that_is_down_leaves_no_wrong_port() {
        assert!(silent(wrong_port, &node(kill_gateway)));
    }

    #[test]
    fn a_remote_gateway_is_not_judged_by_local_listeners() {
        let node = node(|node| {
            moved(node);
            value(&mut first_client(node).url).loopback = false;
        });
        assert!(silent(wrong_port, &node));
    }

    fn answers(failure: FailureKind, change: impl FnOnce(&mut Snapshot)) -> Snapshot {
        node(|node| {
            let client = first_client(node);
            (client.gateway, client.handshake) = (None, failed(Phase::Http, failure));
            let url = value(&mut client.url);
            (url.url.port, url.source) = (8080, "`OPENCLAW_GATEWAY_URL`".to_owned());
            change(node);
        })
    }

    #[test]
    fn another_program_on_the_port_of_a_client_is_the_root_cause() {
        let node = answers(FailureKind::HttpStatus, |node| {
            add_process(node, foreign_process(99, "/usr/bin/python3"));
            value(&mut node.listeners).push(listener(8080, 99));
        });
        let draft = draft(wrong_port, &node);
        assert_eq!(
            draft.summary,
            "`cli:/Users/op/.openclaw` would connect to port 8080 (`OPENCLAW_GATEWAY_URL`), where pid 99 (`/usr/bin/python3`) \
             listens and does not answer as a gateway"
        );
        assert_eq!(draft.remedy[0].text, "write port 18789 in `OPENCLAW_GATEWAY_URL`, or remove the address there");
        assert_eq!(root_causes(&node), [Code::UrlWrongPort]);
        assert_eq!(report(&node).exit_status(false), 69);
    }

    #[test]
    fn a_tunnel_whose_other_end_is_gone_is_said_of_a_client_without_a_gateway_here() {
        let gone = |node: &mut Snapshot| {
            first_client(node).state_dir = None;
            node.gateways.push(silent_gateway("/Users/other/.openclaw", 19_500));
        };
        assert!(draft(wrong_port, &answers(FailureKind::Reset, gone)).remedy[0].text.contains("tunnel"));
        let refused = draft(wrong_port, &answers(FailureKind::Refused, gone));
        assert!(refused.summary.ends_with("(`OPENCLAW_GATEWAY_URL`), where nothing listens"), "{}", refused.summary);
    }

    #[test]
    fn what_a_gateway_says_is_no_wrong_port() {
        for kind in [FailureKind::Starting, FailureKind::Closed, FailureKind::Rejected, FailureKind::Unresolved] {
            assert!(silent(wrong_port, &answers(kind, |node| value(&mut node.listeners).push(listener(8080, 99)))));
        }
        let refuses = answers(FailureKind::HttpStatus, |node| {
            let mut failure = first_client(node).handshake.failure().unwrap().clone();
            failure.reason = Some("proxy_attribution_required".to_owned());
            first_client(node).handshake = Probe::failed(failure, 1.0, now());
            value(&mut node.listeners).push(listener(8080, 99));
        });
        assert!(silent(wrong_port, &refuses));
    }

    #[test]
    fn what_is_wrong_with_another_gateway_is_found_there() {
        let node = answers(FailureKind::Timeout, |node| {
            node.gateways.push(silent_gateway("/Users/other/.openclaw", 8080));
        });
        assert!(silent(wrong_port, &node));
    }

    #[test]
    fn a_tunnel_to_a_gateway_elsewhere_is_well_though_its_port_was_not_looked_at() {
        let asked = |handshake: fn() -> Probe<Challenge>| {
            answers(FailureKind::Refused, |node| first_client(node).handshake = handshake())
        };
        let answered = || {
            let answer = Challenge { tcp_ms: 0.3, challenge_ms: 1.0, skew_ms: None, skew_uncertainty_ms: None };
            Probe::answered(answer, 1.3, now())
        };
        assert!(silent(wrong_port, &asked(answered)));
        assert!(silent(wrong_port, &asked(untried)));
    }

    #[test]
    fn a_gateway_on_the_loopback_is_not_reached_at_an_address_of_the_node() {
        let outside = |change: fn(&mut Snapshot)| {
            node(|node| {
                let client = first_client(node);
                client.handshake = failed(Phase::Tcp, FailureKind::Refused);
                let url = value(&mut client.url);
                (url.loopback, url.url.host) = (false, "192.168.7.4".to_owned());
                change(node);
            })
        };
        let node = outside(|_| {});
        assert!(draft(loopback, &node).summary.contains("`192.168.7.4:18789`"));
        assert_eq!(root_causes(&node), [Code::BindLoopback]);
        assert!(silent(loopback, &outside(|node| first_client(node).handshake = untried())));
        assert!(silent(loopback, &outside(|node| node.listeners = denied())));
        let wide = |node: &mut Snapshot| value(&mut node.listeners)[0].address = std::net::Ipv4Addr::UNSPECIFIED.into();
        assert!(silent(loopback, &outside(wide)));
    }

    #[test]
    fn healthy_or_hidden_they_say_nothing() {
        for rule in [wrong_port, loopback] {
            assert!(silent(rule, &healthy()));
            assert!(silent(rule, &node(|node| first_client(node).url = denied())));
        }
        assert!(silent(
            wrong_port,
            &node(|node| {
                moved(node);
                node.listeners = denied();
            })
        ));
    }
}
