//! What the rules on ways say where a hosts file has the name that a client looks for, of running projects and of those that are only
//! written down.

use super::*;
use crate::Verdict;
use crate::diagnose::fixture::project::*;
use crate::diagnose::fixture::*;
use crate::snapshot::namespace::NameAnswer;
use crate::snapshot::{EngineKind, FailureKind, HostsEntry, NetworkMode, Phase, Snapshot};

const MACHINE: &str = "host.docker.internal";

/// The bridged project with a client that does not come through, whose hosts file has this entry.
fn entered(entry: &str) -> Snapshot {
    let mut node = bridged();
    enter(&mut node, entry);
    fail(&mut node, Phase::Tcp, FailureKind::Refused);
    node
}

fn enter(node: &mut Snapshot, entry: &str) {
    cli_workload(node).extra_hosts.push(HostsEntry::parse(entry));
}

fn fail(node: &mut Snapshot, phase: Phase, kind: FailureKind) {
    let client = cli_client(node);
    (client.handshake, client.connect, client.gateway) = (failed(phase, kind), untried(), None);
}

fn look_for(node: &mut Snapshot, host: &str) {
    value(&mut cli_client(node).url).url.host = host.to_owned();
}

/// A client that goes over the host, to a port that is published on these addresses.
fn over_host(entry: Option<&str>, published: &[Option<&str>]) -> Snapshot {
    let mut node = bridged();
    look_for(&mut node, MACHINE);
    if let Some(entry) = entry {
        enter(&mut node, entry);
    }
    fail(&mut node, Phase::Tcp, FailureKind::Refused);
    let ports = &mut gateway_workload(&mut node).ports;
    let port = ports[0].clone();
    *ports = published
        .iter()
        .map(|address| crate::snapshot::PublishedPort { host_address: address.map(str::to_owned), ..port.clone() })
        .collect();
    node
}

fn answer(node: &mut Snapshot, host: &str, addresses: &[&str]) {
    let error = addresses.is_empty().then(|| "no such name".to_owned());
    let addresses = addresses.iter().map(|address| address.parse().unwrap()).collect();
    value(&mut cli_workload(node).view).names =
        vec![NameAnswer { host: host.to_owned(), addresses, error, elapsed_ms: 1.0 }];
}

#[test]
fn a_name_that_a_hosts_file_leads_home_is_the_container_itself() {
    for entry in ["openclaw-gateway:127.0.0.1", "OpenClaw-Gateway=127.0.0.1", "openclaw-gateway:[::1]"] {
        let running = entered(entry);
        let mut only_written = written(bridged());
        enter(&mut only_written, entry);
        cli_client(&mut only_written).gateway = None;
        for node in [running, only_written] {
            assert_eq!(root_causes(&node), [Code::UrlLoopbackInNamespace], "{:#?}", report(&node).findings);
            let finding = finding(&node, Code::UrlLoopbackInNamespace);
            assert!(finding.summary.contains("itself, since it stands for "), "{}", finding.summary);
            assert!(finding.remedy[0].text.contains("remove `openclaw-gateway` from its `extra_hosts`"));
            assert!(finding.remedy.iter().all(|step| !step.text.contains("OPENCLAW_GATEWAY_URL=")), "it is that name");
        }
    }
}

#[test]
fn a_name_that_was_seen_to_lead_home_is_no_way_either() {
    let mut node = bridged();
    look_for(&mut node, "gateway.example.com");
    fail(&mut node, Phase::Tcp, FailureKind::Refused);
    cli_client(&mut node).gateway = Some(node.gateways[0].id.clone());
    answer(&mut node, "gateway.example.com", &["127.0.0.1"]);
    assert_eq!(root_causes(&node), [Code::UrlLoopbackInNamespace]);
    answer(&mut node, "gateway.example.com", &["127.0.0.1", "172.18.0.2"]);
    assert!(silent(url::loopback, &node), "one of two leads elsewhere");
}

#[test]
fn a_hosts_file_that_leads_to_the_gateway_is_well() {
    let mut node = bridged();
    enter(&mut node, "openclaw-gateway:172.18.0.2");
    assert_eq!(report(&node).verdict, Verdict::Ready);
    let node = entered("openclaw-gateway:172.18.0.2");
    for rule in [url::loopback, url::unresolvable, url::no_shared_network, url::wrong_port] {
        assert!(silent(rule, &node));
    }
}

#[test]
fn a_name_whose_address_is_not_known_is_not_judged() {
    let mut node = entered("elsewhere=${ADDRESS}");
    look_for(&mut node, "elsewhere");
    for rule in [url::loopback, url::unresolvable, url::no_shared_network, url::wrong_port] {
        assert!(silent(rule, &node));
    }
}

#[test]
fn a_link_leaves_the_name_to_the_network() {
    let mut node = bridged();
    cli_workload(&mut node).extra_hosts.push(HostsEntry::unknown(GATEWAY));
    value(&mut cli_client(&mut node).url).url.port = 19_999;
    fail(&mut node, Phase::Tcp, FailureKind::Refused);
    assert_eq!(root_causes(&node), [Code::UrlWrongPort]);
}

#[test]
fn a_name_that_leads_out_of_the_engine_means_no_gateway_here() {
    let mut node = entered("openclaw-gateway:192.0.2.7");
    cli_workload(&mut node).networks[0].network = "elsewhere".to_owned();
    let client = node.clients[0].clone();
    assert_eq!(super::super::contained::meant(&node, &client), None);
    for rule in [url::loopback, url::unresolvable, url::no_shared_network, url::wrong_port] {
        assert!(silent(rule, &node));
    }
}

#[test]
fn the_namespace_of_another_has_the_hosts_file_of_that_one() {
    let mut node = entered("unrelated:10.0.0.1");
    look_for(&mut node, "elsewhere");
    let mut net = cli_workload(&mut node).clone();
    net.id = "container:claw-net-1".to_owned();
    net.extra_hosts = vec![HostsEntry::parse("elsewhere:127.0.0.1")];
    cli_workload(&mut node).network_mode = NetworkMode::Shared { with: net.id.clone(), found: true };
    cli_workload(&mut node).networks.clear();
    node.workloads.push(net);
    assert_eq!(root_causes(&node), [Code::UrlLoopbackInNamespace], "{:#?}", report(&node).findings);
}

#[test]
fn no_container_reaches_a_port_on_the_loopback_of_the_host() {
    let named = "host.docker.internal:host-gateway";
    let by_address = "host.docker.internal:172.18.0.1";
    for entry in [named, by_address] {
        for published in [&[Some("127.0.0.1")][..], &[Some("127.0.0.1"), Some("[::1]")]] {
            let node = over_host(Some(entry), published);
            assert_eq!(root_causes(&node), [Code::UrlWrongPort], "{:#?}", report(&node).findings);
            let finding = finding(&node, Code::UrlWrongPort);
            assert!(finding.summary.ends_with("on 127.0.0.1 only, which no container reaches"), "{}", finding.summary);
            assert!(finding.remedy[0].text.starts_with("write `ws://openclaw-gateway:18789` in"), "{finding:#?}");
        }
    }
    let mut written = over_host(Some(named), &[Some("127.0.0.1")]);
    cli_client(&mut written).handshake = untried();
    assert_eq!(root_causes(&written), [Code::UrlWrongPort], "by what is written alone");
}

#[test]
fn a_port_of_the_host_that_a_container_reaches_is_well() {
    let named = Some("host.docker.internal:host-gateway");
    for published in [&[None][..], &[Some("127.0.0.1"), Some("172.18.0.1")]] {
        assert!(silent(url::wrong_port, &over_host(named, published)));
    }
    let mut in_vm = over_host(named, &[Some("127.0.0.1")]);
    value(&mut in_vm.engines[0].answer).in_vm = true;
    assert!(silent(url::wrong_port, &in_vm), "a virtual machine hands it on to the loopback of the host");
    let mut relayed = over_host(named, &[Some("127.0.0.1")]);
    relayed.listeners = known(vec![crate::snapshot::Listener { foreign_netns: false, ..every_address(PORT) }]);
    assert!(silent(url::wrong_port, &relayed), "something else listens there");
    let mut works = over_host(named, &[Some("127.0.0.1")]);
    cli_client(&mut works).handshake = bridged().clients[0].handshake.clone();
    assert!(silent(url::wrong_port, &works));
}

#[test]
fn an_engine_that_is_not_known_is_not_judged_by_its_loopback() {
    let mut node = over_host(Some("host.docker.internal:host-gateway"), &[Some("127.0.0.1")]);
    node.engines[0].answer = denied();
    assert!(silent(url::wrong_port, &node));
    node.engines.clear();
    assert!(silent(url::wrong_port, &node));
    assert_eq!(bridged().engines[0].kind, EngineKind::Docker);
}

#[test]
fn the_name_of_the_host_without_an_entry_may_not_resolve() {
    let mut node = over_host(None, &[Some("127.0.0.1")]);
    fail(&mut node, Phase::Dns, FailureKind::Unresolved);
    answer(&mut node, MACHINE, &[]);
    assert!(codes(&node).contains(&Code::UrlUnresolvable));
    let mut node = over_host(Some("host.docker.internal:host-gateway"), &[Some("127.0.0.1")]);
    fail(&mut node, Phase::Dns, FailureKind::Unresolved);
    assert!(silent(url::unresolvable, &node), "nobody asked for the name within");
}

#[test]
fn a_service_that_no_container_runs_means_the_gateway_of_its_project() {
    let mut node = bridged();
    let url = value(&mut cli_client(&mut node).url);
    (url.url.host, url.loopback) = ("localhost".to_owned(), true);
    fail(&mut node, Phase::Tcp, FailureKind::Refused);
    let workload = cli_workload(&mut node);
    (workload.engine, workload.container_id, workload.runtime) = (None, None, None);
    workload.profiles = vec!["tools".to_owned()];
    assert_eq!(root_causes(&node), [Code::UrlLoopbackInNamespace]);
    assert_eq!(report(&node).exit_status(false), 69);
    cli_workload(&mut node).project = Some("another".to_owned());
    assert!(silent(url::loopback, &node), "that project may run elsewhere");
}

/// The gateway of the host alone, and a client in a container that goes there.
fn to_host(change: impl FnOnce(&mut Snapshot)) -> Snapshot {
    let mut node = over_host(Some("host.docker.internal:host-gateway"), &[Some("127.0.0.1")]);
    let host = healthy();
    node.workloads.remove(0);
    (node.processes, node.listeners, node.units) = (host.processes, host.listeners, host.units);
    (node.state_dirs, node.gateways) = (host.state_dirs, host.gateways);
    node.clients[0].gateway = Some(node.gateways[0].id.clone());
    node.clients[0].credentials = host.clients[0].credentials.clone();
    change(&mut node);
    node
}

#[test]
fn a_gateway_on_the_loopback_of_the_host_is_reached_by_no_container() {
    let node = to_host(|_| {});
    let finding = finding(&node, Code::BindLoopback);
    assert!(
        finding.summary.starts_with("the gateway on port 18789 listens on the host's loopback only"),
        "{finding:#?}"
    );
    assert_eq!(root_causes(&node), [Code::BindLoopback], "{:#?}", report(&node).findings);
}

#[test]
fn a_gateway_of_the_host_that_may_be_reached_is_not_judged() {
    let changes: [fn(&mut Snapshot); 7] = [
        |node| value(&mut node.listeners)[0].address = "0.0.0.0".parse().unwrap(),
        |node| value(&mut node.listeners)[0].address = "172.17.0.1".parse().unwrap(),
        |node| value(&mut node.engines[0].answer).in_vm = true,
        |node| node.engines[0].answer = denied(),
        |node| node.listeners = denied(),
        |node| value(&mut node.listeners).clear(),
        |node| cli_client(node).handshake = bridged().clients[0].handshake.clone(),
    ];
    for change in changes {
        assert!(silent(bind::loopback_of_host, &to_host(change)));
    }
}
