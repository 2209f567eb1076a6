use super::{GroupKind, Node, NodeKind, Relation, State, Topology};
use crate::diagnose::fixture::project::{
    CLI, GATEWAY, PROJECT, bridged, cli_client, container, ended, gateway_workload, split, written,
};
use crate::diagnose::fixture::{healthy, known};
use crate::fact::Fact;
use crate::snapshot::{NetworkMode, PublishedPort, Snapshot, Workload, WorkloadRole};

fn thing<'a>(map: &'a Topology, id: &str) -> &'a Node {
    let ids: Vec<&str> = map.nodes.iter().map(|node| node.id.as_str()).collect();
    map.nodes.iter().find(|node| node.id == id).unwrap_or_else(|| panic!("no {id} in {ids:?}"))
}

fn ways(map: &Topology, relation: Relation) -> Vec<(String, String)> {
    let ways = map.edges.iter().filter(|edge| edge.relation == relation);
    ways.map(|edge| (edge.from.clone(), edge.to.clone())).collect()
}

fn of(service: &str) -> String {
    format!("workload container:{PROJECT}-{service}-1")
}

/// So many containers of one project that do nothing for `OpenClaw`.
fn crowd(project: &str, count: usize) -> impl Iterator<Item = Workload> {
    let project = project.to_owned();
    (0..count).map(move |index| Workload {
        id: format!("container:{project}-web-{index}"),
        name: format!("{project}-web-{index}"),
        project: Some(project.clone()),
        ..container("web", WorkloadRole::Other)
    })
}

fn publish(node: &mut Snapshot, port: u16) {
    gateway_workload(node).ports = vec![PublishedPort {
        host_address: None,
        host_port: Some(port),
        container_port: 18789,
        protocol: "tcp".to_owned(),
        key: String::new(),
    }];
}

#[test]
fn a_gateway_and_its_command_line_are_things_of_their_project() {
    let map = Topology::of(&split());
    let gateway = thing(&map, &of(GATEWAY));
    assert_eq!((gateway.kind, gateway.state), (NodeKind::Gateway, Some(State::Running)));
    let group = map.groups.iter().find(|group| Some(&group.id) == gateway.group.as_ref()).unwrap();
    assert_eq!((group.kind, group.lines[0].as_str()), (GroupKind::Project, "project claw"));
    assert_eq!(thing(&map, &of(CLI)).kind, NodeKind::Client);
    assert_eq!(ways(&map, Relation::InNetworkOf), [(of(CLI), of(GATEWAY))]);
    assert_eq!(ways(&map, Relation::Connects), [(of(CLI), of(GATEWAY))]);
    let volumes: Vec<String> = ways(&map, Relation::Uses).into_iter().map(|(_, to)| to).collect();
    assert!(volumes.len() == 2 && volumes[0] == volumes[1], "{volumes:?}");
}

#[test]
fn a_port_names_the_project_that_publishes_it() {
    let mut node = split();
    publish(&mut node, 18790);
    let map = Topology::of(&node);
    assert_eq!(thing(&map, "port 18790").lines[1..], ["every address", "of project claw"]);
    assert_eq!(ways(&map, Relation::PublishedBy), [("port 18790".to_owned(), of(GATEWAY))]);

    gateway_workload(&mut node).runtime = Some(ended(1));
    node.listeners = known(Vec::new());
    let map = Topology::of(&node);
    assert_eq!(thing(&map, "port 18790").lines[1..], ["nothing listens", "claimed by project claw"]);
    assert_eq!(thing(&map, "port 18790").state, Some(State::Stopped));
    assert_eq!(ways(&map, Relation::PublishedBy), []);
    assert_eq!(ways(&map, Relation::ConfiguredFor), [("port 18790".to_owned(), of(GATEWAY))]);
}

#[test]
fn a_loopback_address_in_a_container_leads_nowhere() {
    let mut node = bridged();
    let client = cli_client(&mut node);
    client.gateway = None;
    let Some(facts) = client.url.get().cloned() else { panic!("the fixture has a URL") };
    client.url = known(crate::snapshot::UrlFacts {
        loopback: true,
        url: crate::snapshot::GatewayUrl { host: "127.0.0.1".to_owned(), ..facts.url },
        ..facts
    });
    let map = Topology::of(&node);
    let [(from, to)] = ways(&map, Relation::Connects).try_into().unwrap();
    assert_eq!(from, of(CLI));
    assert_eq!(thing(&map, &to).kind, NodeKind::Remote);
}

#[test]
fn what_is_only_written_down_says_so() {
    let map = Topology::of(&written(split()));
    assert!(map.nodes.iter().any(|node| node.kind == NodeKind::Gateway && node.state == Some(State::Written)));
    assert!(map.groups.iter().any(|group| group.kind == GroupKind::Project && group.parent.is_none()));
}

#[test]
fn five_hundred_containers_are_a_count_for_each_project() {
    let mut node = split();
    node.workloads.extend(crowd(PROJECT, 300));
    node.workloads.extend(crowd("shop", 200));
    let map = Topology::of(&node);
    let counts: Vec<&str> =
        map.nodes.iter().filter(|node| node.kind == NodeKind::Others).map(|node| node.lines[0].as_str()).collect();
    assert_eq!(counts, ["300 other containers", "200 other containers"]);
    assert!(map.nodes.len() < 20, "{}", map.nodes.len());

    for project in 0..100 {
        node.workloads.extend(crowd(&format!("p{project}"), 5));
    }
    let map = Topology::of(&node);
    assert!(map.nodes.len() < 20, "{}", map.nodes.len());
    assert!(
        map.nodes
            .iter()
            .any(|node| node.lines.starts_with(&["101 other projects".to_owned(), "700 containers".to_owned()]))
    );
}

#[test]
fn many_gateways_of_one_project_are_counted_past_the_first() {
    let mut node = split();
    node.workloads.extend(crowd(PROJECT, 60).map(|workload| Workload { role: WorkloadRole::Gateway, ..workload }));
    let map = Topology::of(&node);
    assert_eq!(map.nodes.iter().filter(|node| node.kind == NodeKind::Gateway).count(), 16);
    let others = map.nodes.iter().find(|node| node.kind == NodeKind::Others).unwrap();
    assert!(others.lines.contains(&"gateways among them: 45".to_owned()), "{:?}", others.lines);
}

#[test]
fn a_container_that_takes_a_gateways_port_is_of_interest() {
    let mut node = healthy();
    let mut other = container("db", WorkloadRole::Other);
    other.ports = vec![PublishedPort {
        host_address: Some("127.0.0.1".to_owned()),
        host_port: Some(18789),
        container_port: 80,
        protocol: "tcp".to_owned(),
        key: String::new(),
    }];
    node.workloads = vec![other];
    let map = Topology::of(&node);
    assert_eq!(thing(&map, &of("db")).kind, NodeKind::Container);
    assert!(map.edges.iter().any(|edge| edge.relation == Relation::PublishedBy && edge.to == of("db")));
}

#[test]
fn an_engine_that_does_not_answer_stays_on_the_map() {
    let mut node = split();
    let at = node.taken_at;
    node.workloads.clear();
    node.engines[0].answer = Fact::unreadable("no answer within 2 s", "/info", at);
    let map = Topology::of(&node);
    let engine = map.groups.iter().find(|group| group.kind == GroupKind::Engine).unwrap();
    assert_eq!(engine.state, Some(State::Troubled));
    assert!(engine.lines.iter().any(|line| line.contains("no answer within 2 s")));
}

#[test]
fn a_namespace_that_nobody_has_draws_no_line() {
    let mut node = split();
    let cli = node.workloads.iter_mut().find(|workload| workload.role == WorkloadRole::Cli).unwrap();
    cli.network_mode = NetworkMode::Shared { with: "container:gone".to_owned(), found: false };
    let map = Topology::of(&node);
    assert_eq!(ways(&map, Relation::InNetworkOf), []);
    for edge in &map.edges {
        thing(&map, &edge.from);
        thing(&map, &edge.to);
    }
}
