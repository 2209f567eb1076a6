//! What the rules on ways say and do not say, of running projects and of those that are only written down.

use super::*;
use crate::Severity;
use crate::diagnose::fixture::project::*;
use crate::diagnose::fixture::*;
use crate::snapshot::namespace::{NameAnswer, SocketSeen};
use crate::snapshot::{
    AuthMode, FailureKind, FileStat, HostsEntry, Listener, NetworkMode, Phase, Snapshot, UrlFacts, WorkloadRole,
};
use std::net::{IpAddr, Ipv4Addr};

/// The same fault, running (where the client's handshake fails in this way) and only written down.
fn faulty(change: impl Fn(&mut Snapshot), kind: FailureKind) -> [Snapshot; 2] {
    let mut pair = both(bridged, change);
    let client = cli_client(&mut pair[0]);
    client.handshake = failed(Phase::Tcp, kind);
    client.connect = untried();
    pair
}

fn host(node: &mut Snapshot, host: &str) {
    value(&mut cli_client(node).url).url.host = host.to_owned();
}

fn only_root(pair: &[Snapshot; 2], code: Code) {
    for node in pair {
        assert_eq!(root_causes(node), [code], "{:#?}", report(node).findings);
        let others: Vec<Code> =
            codes(node).into_iter().filter(|found| *found != code && *found != Code::ChannelNone).collect();
        assert!(others.is_empty(), "{others:?}");
    }
}

#[test]
fn loopback_on_the_bridge_is_the_container_itself() {
    let pair = faulty(
        |node| {
            let url = value(&mut cli_client(node).url);
            (url.url.host, url.loopback) = ("127.0.0.1".to_owned(), true);
            cli_client(node).gateway = None;
        },
        FailureKind::Refused,
    );
    only_root(&pair, Code::UrlLoopbackInNamespace);
    let finding = finding(&pair[0], Code::UrlLoopbackInNamespace);
    assert_eq!(
        finding.summary,
        "the command line in container `claw-openclaw-cli-1` looks for the gateway at `127.0.0.1:18789`, which is \
         container `claw-openclaw-cli-1` (service `openclaw-cli` of project `claw`) itself; the gateway is in container \
         `claw-openclaw-gateway-1` (service `openclaw-gateway` of project `claw`)"
    );
    assert_eq!(finding.remedy[0].text, "set `OPENCLAW_GATEWAY_URL=ws://openclaw-gateway:18789`");
}

#[test]
fn a_forwarder_beside_the_client_makes_its_loopback_right() {
    let mut node = bridged();
    let url = value(&mut cli_client(&mut node).url);
    (url.url.host, url.loopback) = ("127.0.0.1".to_owned(), true);
    cli_client(&mut node).handshake = failed(Phase::Http, FailureKind::Timeout);
    cli_client(&mut node).connect = untried();
    value(&mut cli_workload(&mut node).view).listeners = known(vec![every_address(PORT)]);
    assert!(silent(url::loopback, &node));
}

#[test]
fn a_typing_mistake_is_told_with_the_names_that_would_resolve() {
    let pair = faulty(|node| host(node, "openclaw-gatway"), FailureKind::Unresolved);
    only_root(&pair, Code::UrlUnresolvable);
    for node in &pair {
        let finding = finding(node, Code::UrlUnresolvable);
        assert!(finding.summary.ends_with("`openclaw-gateway` would"), "{}", finding.summary);
    }
}

#[test]
fn a_name_of_the_world_or_of_the_hosts_file_is_not_judged_by_definitions() {
    let world = both(bridged, |node| host(node, "gateway.example.com"));
    let added = both(bridged, |node| {
        host(node, "elsewhere");
        cli_workload(node).extra_hosts.push(HostsEntry::unknown("elsewhere"));
    });
    for node in world.iter().chain(&added) {
        assert!(silent(url::unresolvable, &written_client(node)));
    }
}

/// The same client, not probed.
fn written_client(node: &Snapshot) -> Snapshot {
    let mut node = node.clone();
    let client = cli_client(&mut node);
    (client.handshake, client.connect) = (untried(), untried());
    node
}

#[test]
fn a_name_that_was_asked_for_and_not_found_counts_whatever_it_is() {
    let mut node = bridged();
    host(&mut node, "gateway.example.com");
    cli_client(&mut node).handshake = failed(Phase::Dns, FailureKind::Unresolved);
    cli_client(&mut node).connect = untried();
    value(&mut cli_workload(&mut node).view).names = vec![NameAnswer {
        host: "gateway.example.com".to_owned(),
        addresses: Vec::new(),
        error: Some("NXDOMAIN".to_owned()),
        elapsed_ms: 2.0,
    }];
    assert_eq!(draft(url::unresolvable, &node).code, Code::UrlUnresolvable);
}

#[test]
fn two_networks_explain_that_the_name_is_unknown() {
    let apart = |node: &mut Snapshot| {
        let id = cli_workload(node).networks[0].network.clone();
        let other = crate::snapshot::Network {
            id: format!("{id}-other"),
            name: "other".to_owned(),
            ..node.networks[0].clone()
        };
        cli_workload(node).networks[0].network = other.id.clone();
        node.networks.push(other);
    };
    for node in &faulty(apart, FailureKind::Unresolved) {
        assert_eq!(root_causes(node), [Code::UrlNoSharedNetwork], "{:#?}", report(node).findings);
    }
}

#[test]
fn the_published_port_is_not_the_inner_one() {
    let published = |node: &mut Snapshot| {
        gateway_workload(node).ports[0].host_port = Some(19_999);
        value(&mut cli_client(node).url).url.port = 19_999;
    };
    let pair = faulty(published, FailureKind::Refused);
    only_root(&pair, Code::UrlWrongPort);
    assert!(finding(&pair[0], Code::UrlWrongPort).summary.ends_with("that is the port published on the host"));
    assert!(finding(&pair[1], Code::UrlWrongPort).evidence.iter().any(|evidence| evidence.place.is_some()));
}

#[test]
fn a_port_on_which_something_else_listens_is_not_judged() {
    let mut pair = faulty(|node| value(&mut cli_client(node).url).url.port = 8_443, FailureKind::NotHttp);
    value(&mut gateway_workload(&mut pair[0]).view).listeners = known(vec![every_address(PORT), every_address(8_443)]);
    assert!(silent(url::wrong_port, &pair[0]));
}

#[test]
fn plaintext_to_a_service_name_is_refused_by_the_client() {
    let refuse = |node: &mut Snapshot| {
        value(&mut cli_client(node).url).refusal =
            Some("ws:// to `openclaw-gateway`, which is not known to be private".to_owned());
        cli_workload(node).environment.retain(|name| !name.contains("INSECURE"));
    };
    let pair = faulty(refuse, FailureKind::ClientRefuses);
    only_root(&pair, Code::UrlPlaintextRefused);
    let remedy = &finding(&pair[1], Code::UrlPlaintextRefused).remedy;
    assert!(remedy.iter().any(|step| step.text.contains("OPENCLAW_ALLOW_INSECURE_PRIVATE_WS=1")));
}

#[test]
fn tls_to_the_plain_port_is_the_wrong_scheme() {
    let mut node = bridged();
    value(&mut cli_client(&mut node).url).url.scheme = "wss".to_owned();
    cli_client(&mut node).handshake = failed(Phase::Tls, FailureKind::Tls);
    cli_client(&mut node).connect = untried();
    assert_eq!(root_causes(&node), [Code::UrlWrongScheme]);
}

#[test]
fn a_gateway_on_its_containers_loopback_is_reached_by_nobody_else() {
    let bound = |node: &mut Snapshot| {
        let listens = gateway_workload(node).listens.as_mut().unwrap();
        (listens.loopback_only, listens.bind) = (true, "loopback".to_owned());
        let loopback = Listener { address: IpAddr::V4(Ipv4Addr::LOCALHOST), ..every_address(PORT) };
        if gateway_workload(node).view.get().is_some() {
            value(&mut gateway_workload(node).view).listeners = known(vec![loopback]);
        }
    };
    only_root(&faulty(bound, FailureKind::Refused), Code::BindLoopback);
    for node in &both(split, bound) {
        assert_eq!(root_causes(node), [Code::BindLoopback], "the published port leads nowhere");
    }
    for mut node in both(split, bound) {
        gateway_workload(&mut node).ports.clear();
        assert!(silent(bind::loopback, &node), "nobody comes from elsewhere");
    }
}

#[test]
fn what_listens_counts_before_what_is_written() {
    let mut node = bridged();
    gateway_workload(&mut node).listens.as_mut().unwrap().loopback_only = true;
    assert!(silent(bind::loopback, &node));
    gateway_workload(&mut node).listens = None;
    gateway_workload(&mut node).view = denied();
    assert!(silent(bind::loopback, &node));
}

#[test]
fn a_port_published_on_every_address_warns_and_errs_without_a_good_secret() {
    let open = |node: &mut Snapshot| gateway_workload(node).ports[0].host_address = None;
    for node in &both(split, open) {
        let finding = finding(node, Code::BindExposed);
        assert_eq!(finding.severity, Severity::Warning);
        assert!(finding.summary.contains("published on port 18789 of every address"), "{}", finding.summary);
        assert!(root_causes(node).is_empty());
    }
    let unguarded = |node: &mut Snapshot| {
        open(node);
        gateway(node).credentials.mode = known(AuthMode::None);
    };
    for node in &both(split, unguarded) {
        assert_eq!(root_causes(node), [Code::BindExposed]);
    }
}

#[test]
fn a_port_that_another_service_publishes_for_the_gateway_exposes_it() {
    let behind = |node: &mut Snapshot| {
        let mut vpn = container("vpn", WorkloadRole::Other);
        vpn.ports = std::mem::take(&mut gateway_workload(node).ports);
        vpn.ports[0].host_address = None;
        gateway_workload(node).network_mode = NetworkMode::Shared { with: vpn.id.clone(), found: true };
        node.workloads.push(vpn);
    };
    let mut node = split();
    behind(&mut node);
    let summary = draft(bind::exposed, &node).summary;
    assert!(summary.contains("published on port 18789 of every address"), "{summary}");
}

#[test]
fn a_bridge_url_within_the_shared_namespace_is_mixed() {
    let mix = |node: &mut Snapshot| {
        let url: &mut UrlFacts = value(&mut cli_client(node).url);
        (url.url.host, url.loopback) = (GATEWAY.to_owned(), false);
    };
    for node in &both(split, mix) {
        assert_eq!(finding(node, Code::UrlMixed).severity, Severity::Warning);
        assert!(root_causes(node).is_empty());
    }
}

#[test]
fn sockets_are_judged_as_their_client_sees_them() {
    let socket = |change: fn(&mut SocketSeen)| {
        let mut node = split();
        let mut socket = SocketSeen {
            path: "/run/claw/gateway.sock".to_owned(),
            source: "OPENCLAW_SOCKET".to_owned(),
            stat: known(FileStat { uid: 0, gid: 998, ..stat(0o660, 5) }),
            kind: Some("socket".to_owned()),
            permitted: Some(true),
        };
        change(&mut socket);
        value(&mut cli_workload(&mut node).view).sockets.push(socket);
        node
    };
    assert!(silent(socket::sockets, &socket(|_| {})));
    assert!(silent(socket::sockets, &socket(|socket| socket.stat = denied())));
    assert_eq!(draft(socket::sockets, &socket(|socket| socket.stat = absent())).code, Code::SocketMissing);
    let folder = socket(|socket| socket.kind = Some("directory".to_owned()));
    assert!(draft(socket::sockets, &folder).summary.contains("is no socket but a directory"));
    let denied = draft(socket::sockets, &socket(|socket| socket.permitted = Some(false)));
    assert_eq!(denied.code, Code::SocketDenied);
    assert_eq!(denied.remedy[0].text, "run it with the socket's group: `group_add: [\"998\"]`");
}

#[test]
fn healthy_or_hidden_they_say_nothing() {
    let hidden = |from: fn() -> Snapshot| {
        let mut node = from();
        cli_client(&mut node).url = denied();
        cli_workload(&mut node).view = denied();
        node
    };
    let nodes = [split(), bridged()].into_iter().chain([written(split()), written(bridged())]);
    for node in nodes.chain([hidden(split), hidden(bridged)]) {
        for rule in RULES {
            assert!(silent(*rule, &node));
        }
    }
}
