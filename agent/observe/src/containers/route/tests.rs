use jiff::Timestamp;
use portreeve_core::Fact;
use portreeve_core::snapshot::{
    Attachment, EngineAnswer, EngineKind, Expectation, HostsEntry, PublishedPort, WorkloadRole,
};
use portreeve_facts::workload::Definition;

use super::super::entries;
use super::*;
use crate::engine::test_workload;

const NET: &str = "e/net";

fn workload(name: &str, command: &str, network: &str, address: &str) -> Workload {
    let definition =
        Definition { command: Some(command.split(' ').map(str::to_owned).collect()), ..Definition::default() };
    let mut workload = test_workload(name, &definition);
    workload.networks = vec![Attachment {
        network: network.to_owned(),
        aliases: vec![name.to_owned()],
        address: Some(address.to_owned()),
    }];
    workload
}

fn url(text: &str) -> GatewayUrl {
    portreeve_facts::gateway_url(&portreeve_openclaw::credentials::GatewayUrl::parse(text).unwrap())
}

#[test]
fn names_addresses_namespaces_and_published_ports_lead_to_the_gateway() {
    let mut gateway = workload("gateway", "openclaw gateway --bind lan", NET, "172.18.0.2");
    gateway.ports = vec![PublishedPort {
        host_address: Some("127.0.0.1".into()),
        host_port: Some(28_789),
        container_port: 18_789,
        protocol: "tcp".into(),
        key: String::new(),
    }];
    let mut sidecar = workload("sidecar", "openclaw channels status", NET, "172.18.0.9");
    sidecar.networks.clear();
    sidecar.network_mode = NetworkMode::Shared { with: gateway.id.clone(), found: true };
    let near = workload("near", "openclaw channels status", NET, "172.18.0.3");
    let far = workload("far", "openclaw channels status", "e/other", "172.19.0.3");
    let entry = entries::gateway(&gateway, Expectation::Container, Timestamp::UNIX_EPOCH).unwrap();
    assert_eq!(gateway.role, WorkloadRole::Gateway);
    let (gateways, workloads) = (vec![entry], vec![gateway, sidecar, near, far]);
    let plan = Plan { gateways: &gateways, workloads: &workloads, networks: &[], engines: &[], addresses: &[] };
    let [_, sidecar, near, far] = &workloads[..] else { unreachable!() };
    for (text, from, leads) in [
        ("ws://127.0.0.1:18789", Some(sidecar), true),
        ("ws://localhost:18789", Some(near), false),
        ("ws://gateway:18789", Some(near), true),
        ("ws://GATEWAY:18789", Some(sidecar), true),
        ("ws://gateway:28789", Some(near), false),
        ("ws://gateway:18789", Some(far), false),
        ("ws://172.18.0.2:18789", Some(near), true),
        ("ws://host.docker.internal:28789", Some(far), true),
        ("ws://host.docker.internal:18789", Some(far), false),
        ("ws://127.0.0.1:28789", None, true),
        ("ws://127.0.0.1:18789", None, false),
    ] {
        let found = plan.leads_to(&url(text), from);
        assert_eq!(found.is_some(), leads, "{text} from {:?}", from.map(|from| &from.name));
    }
}

#[test]
fn in_the_network_of_their_machine_all_are_at_one_loopback() {
    let on_host = |name: &str, command: &str| {
        let mut workload = workload(name, command, NET, "");
        workload.networks.clear();
        (workload.network_mode, workload.project) = (NetworkMode::Host, Some("claw".to_owned()));
        workload
    };
    let gateway = on_host("gateway", "openclaw gateway");
    let near = on_host("near", "openclaw channels status");
    let written = Workload { engine: None, ..on_host("written", "openclaw channels status") };
    let elsewhere = Workload { engine: Some("other".to_owned()), ..near.clone() };
    let own = Workload { network_mode: NetworkMode::Own, ..near.clone() };
    let entry = entries::gateway(&gateway, Expectation::Container, Timestamp::UNIX_EPOCH).unwrap();
    // The client is listed first, as it is where it was started last.
    let workloads = vec![near.clone(), gateway];
    let gateways = vec![entry];
    let url = url("ws://127.0.0.1:18789");
    for in_vm in [true, false] {
        let engines = [engine(in_vm)];
        let plan =
            Plan { gateways: &gateways, workloads: &workloads, networks: &[], engines: &engines, addresses: &[] };
        for (from, leads) in [(&near, true), (&written, true), (&elsewhere, false), (&own, false)] {
            assert_eq!(plan.leads_to(&url, Some(from)).is_some(), leads, "{} {in_vm}", from.name);
        }
    }
}

#[test]
fn a_hosts_file_counts_before_the_names_of_networks() {
    let mut gateway = workload("gateway", "openclaw gateway --bind lan", NET, "172.18.0.2");
    gateway.ports = vec![PublishedPort {
        host_address: None,
        host_port: Some(28_789),
        container_port: 18_789,
        protocol: "tcp".into(),
        key: String::new(),
    }];
    let entry = entries::gateway(&gateway, Expectation::Container, Timestamp::UNIX_EPOCH).unwrap();
    let client = workload("client", "openclaw channels status", NET, "172.18.0.3");
    let (gateways, workloads) = (vec![entry], vec![gateway]);
    let plan = Plan { gateways: &gateways, workloads: &workloads, networks: &[], engines: &[], addresses: &[] };
    for (line, text, leads) in [
        ("gateway:127.0.0.1", "ws://gateway:18789", false),
        ("GATEWAY=127.0.0.1", "ws://gateway:18789", false),
        ("gateway:192.0.2.7", "ws://gateway:18789", false),
        ("gateway:172.18.0.2", "ws://gateway:18789", true),
        ("other:127.0.0.1", "ws://gateway:18789", true),
        ("gateway=${ADDRESS}", "ws://gateway:18789", true),
        ("other:172.18.0.2", "ws://other:18789", true),
        ("gateway.example.com:172.18.0.2", "wss://gateway.example.com:18789", true),
        ("node:host-gateway", "ws://node:28789", true),
        ("node:host-gateway", "ws://node:18789", false),
    ] {
        let from = Workload { extra_hosts: vec![HostsEntry::parse(line)], ..client.clone() };
        assert_eq!(plan.leads_to(&url(text), Some(&from)).is_some(), leads, "{text} with {line}");
    }
}

#[test]
fn the_loopback_of_the_node_is_not_reached_over_the_bridge() {
    let mut gateway = workload("gateway", "openclaw gateway --bind lan", NET, "172.18.0.2");
    let publish = |gateway: &mut Workload, address: Option<&str>| {
        gateway.ports = vec![PublishedPort {
            host_address: address.map(str::to_owned),
            host_port: Some(18_789),
            container_port: 18_789,
            protocol: "tcp".into(),
            key: String::new(),
        }];
    };
    let client = workload("client", "openclaw channels status", NET, "172.18.0.3");
    let gateways = vec![entries::gateway(&gateway, Expectation::Container, Timestamp::UNIX_EPOCH).unwrap()];
    for (address, in_vm, leads) in [
        (Some("127.0.0.1"), Some(false), false),
        (Some("127.0.0.1"), Some(true), true),
        (Some("127.0.0.1"), None, true),
        (Some("172.17.0.1"), Some(false), true),
        (None, Some(false), true),
    ] {
        publish(&mut gateway, address);
        let workloads = vec![gateway.clone()];
        let engines: Vec<Engine> = in_vm.into_iter().map(engine).collect();
        let plan =
            Plan { gateways: &gateways, workloads: &workloads, networks: &[], engines: &engines, addresses: &[] };
        let machine = url("ws://host.docker.internal:18789");
        assert_eq!(plan.leads_to(&machine, Some(&client)).is_some(), leads, "{address:?} {in_vm:?}");
        assert!(plan.leads_to(&url("ws://127.0.0.1:18789"), None).is_some(), "from the node itself");
    }
}

fn engine(in_vm: bool) -> Engine {
    let answer = EngineAnswer {
        version: String::new(),
        api_version: String::new(),
        os: None,
        arch: None,
        in_vm,
        skew_ms: None,
        skew_uncertainty_ms: None,
        elapsed_ms: 0.0,
        containers: 2,
        unlisted: 0,
    };
    let at = Timestamp::UNIX_EPOCH;
    Engine {
        id: "e".to_owned(),
        kind: EngineKind::Docker,
        endpoint: String::new(),
        user: None,
        known_from: Vec::new(),
        needed_by: Vec::new(),
        answer: Fact::known(answer, "test", at),
        events: Fact::absent("test", at),
    }
}
