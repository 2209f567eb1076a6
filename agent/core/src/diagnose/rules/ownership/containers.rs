//! Containers and a host that want one port.

use super::claim::claims;
use super::contended::contended;
use super::foreign::foreign;
use super::silent::silent as port_silent;
use crate::catalogue::Code;
use crate::diagnose::fixture::project::*;
use crate::diagnose::fixture::*;
use crate::diagnose::{Context, Policy};
use crate::snapshot::{RunState, Runtime, Snapshot, Workload};

/// A second project that publishes its gateway as well.
fn second(node: &mut Snapshot) {
    let mut other = node.workloads[0].clone();
    let mut gateway = node.gateways[0].clone();
    other.id = other.id.replace("claw", "paw");
    other.name = other.name.replace("claw", "paw");
    other.project = Some("paw".to_owned());
    other.mounts[0].source = Some("paw_state".to_owned());
    gateway.id = other.id.clone();
    gateway.workload = Some(other.id.clone());
    elsewhere(&mut other, 7_001);
    node.workloads.push(other);
    node.gateways.push(gateway);
}

/// A state directory of its own.
fn elsewhere(workload: &mut Workload, ino: u64) {
    if workload.view.get().is_some() {
        value(&mut value(&mut workload.view).state).stat.ino = ino;
    }
}

/// The healthy gateway of the host on the port that the project publishes.
fn with_host(node: &mut Snapshot) {
    let host = healthy();
    (node.processes, node.listeners) = (host.processes, host.listeners);
    (node.units, node.state_dirs) = (host.units, host.state_dirs);
    node.gateways.extend(host.gateways);
}

#[test]
fn two_projects_on_one_published_port_contend() {
    for mut node in both(split, second) {
        if node.workloads[0].runtime.is_some() {
            // The engine could not give the second one its port.
            let error = "Bind for 127.0.0.1:18789 failed: port is already allocated";
            node.workloads[2].runtime =
                Some(Runtime { state: RunState::Created, error: Some(error.to_owned()), pid: None, ..running() });
            node.gateways[1].ladder = silent_gateway(STATE, PORT).ladder;
        }
        assert_eq!(root_causes(&node), [Code::PortContended], "{:#?}", report(&node).findings);
        let finding = finding(&node, Code::PortContended);
        assert!(finding.summary.contains("project `claw`") && finding.summary.contains("project `paw`"));
        assert!(finding.remedy.iter().any(|step| step.text.contains("127.0.0.1:18909:18789")), "{:?}", finding.remedy);
    }
}

#[test]
fn other_addresses_profiles_and_projects_that_ended_do_not() {
    let apart = both(split, |node| {
        second(node);
        node.workloads[2].ports[0].host_address = Some("100.64.0.1".to_owned());
    });
    let mut by_profile = written(split());
    second(&mut by_profile);
    for (workload, profile) in [(0, "one"), (2, "two")] {
        by_profile.workloads[workload].profiles = vec![profile.to_owned()];
        by_profile.workloads[workload].project = Some("claw".to_owned());
    }
    let mut over = split();
    second(&mut over);
    over.workloads[2].runtime = Some(ended(0));
    for node in apart.iter().chain([&by_profile, &over]) {
        assert!(silent(contended, node));
    }
}

#[test]
fn a_gateway_of_the_host_and_a_published_port_contend() {
    let mut node = split();
    with_host(&mut node);
    assert_eq!(root_causes(&node), [Code::PortContended], "{:#?}", report(&node).findings);
    assert!(silent(foreign, &node));
    let policy = Policy::default();
    assert_eq!(claims(Context { snapshot: &node, policy: &policy }, PORT).len(), 2);
}

#[test]
fn the_engines_own_listener_for_a_published_port_is_nobodys() {
    for program in
        ["/usr/bin/docker-proxy", "/Applications/Docker.app/Contents/MacOS/com.docker.backend", "/usr/bin/ssh"]
    {
        let mut node = split();
        node.listeners = known(vec![listener(PORT, 700)]);
        node.processes = known(vec![foreign_process(700, program)]);
        assert!(root_causes(&node).is_empty(), "{:#?}", report(&node).findings);
        assert_eq!(report(&node).verdict, crate::Verdict::Ready);
    }
}

#[test]
fn a_gateway_in_a_container_is_not_missed_on_the_host() {
    assert!(silent(port_silent, &split()));
}

/// Many small projects: what is looked at grows with their number, not with its square.
#[test]
fn five_hundred_containers_are_judged_one_by_one() {
    let mut node = split();
    let (workloads, gateway, client) = (node.workloads.clone(), node.gateways[0].clone(), node.clients[0].clone());
    for number in 0_u16..249 {
        let rename = |text: &str| text.replace("claw", &format!("c{number}"));
        for workload in &workloads {
            let mut workload = workload.clone();
            (workload.id, workload.name) = (rename(&workload.id), rename(&workload.name));
            workload.project = workload.project.as_deref().map(rename);
            workload.mounts[0].source = Some(format!("c{number}_state"));
            workload.ports.iter_mut().for_each(|port| port.host_port = Some(20_000 + number));
            if let crate::snapshot::NetworkMode::Shared { with, .. } = &mut workload.network_mode {
                *with = rename(with);
            }
            elsewhere(&mut workload, 8_000 + u64::from(number));
            for network in &mut workload.networks {
                network.network = rename(&network.network);
            }
            node.workloads.push(workload);
        }
        let mut gateway = gateway.clone();
        gateway.id = rename(&gateway.id);
        gateway.workload = Some(gateway.id.clone());
        node.gateways.push(gateway);
        let mut client = client.clone();
        client.id = rename(&client.id);
        client.workload = Some(client.id.clone());
        client.gateway = None;
        node.clients.push(client);
    }
    let report = report(&node);
    assert_eq!((report.containers.len(), report.gateways.len()), (500, 250));
    assert_eq!(report.verdict, crate::Verdict::Ready, "{:#?}", report.root_causes);
}
