//! Engines, projects, and what of their containers bears on `OpenClaw`.

use std::collections::{BTreeMap, BTreeSet};

use super::host::{answers, kind_name, standing};
use super::{Group, GroupKind, HOST, Node, NodeKind, Picture, Relation, State, host_gateways};
use crate::order::{Gather as _, Order as _};
use crate::snapshot::{
    Engine, MountKind, NetworkMode, Project, PublishedPort, RunState, Runtime, Snapshot, Workload, WorkloadRole,
};

/// Containers of one role and project that are things of their own; the rest are counted.
const MOST_SHOWN: usize = 16;
/// Projects of one engine without anything of interest that are a thing each; where there are more, they are one thing.
const MOST_OTHERS: usize = 6;
/// Ports that the count of other containers lists.
const MOST_PORTS: usize = 6;

/// The workloads that are things of their own, in order.
pub(super) fn shown(snapshot: &Snapshot) -> Vec<&Workload> {
    let mut ids: BTreeSet<&str> = BTreeSet::new();
    ids.extend(snapshot.gateways.iter().filter_map(|gateway| gateway.workload.as_deref()));
    ids.extend(snapshot.clients.iter().filter_map(|client| client.workload.as_deref()));
    ids.extend(snapshot.proxies.iter().filter_map(|route| route.workload.as_deref()));
    ids.extend(snapshot.ingresses.iter().filter_map(|ingress| ingress.workload.as_deref()));
    let gateways: BTreeSet<u16> = host_gateways(snapshot).map(|gateway| gateway.port).gather();
    let takes = |port: &PublishedPort| port.host_port.is_some_and(|port| gateways.contains(&port));
    let of_interest = snapshot
        .workloads
        .iter()
        .filter(|workload| workload.role != WorkloadRole::Other || workload.ports.iter().any(takes));
    ids.extend(of_interest.map(|workload| workload.id.as_str()));
    let lenders: Vec<&str> = snapshot
        .workloads
        .iter()
        .filter(|workload| ids.contains(workload.id.as_str()))
        .filter_map(|workload| match &workload.network_mode {
            NetworkMode::Shared { with, found: true } => Some(with.as_str()),
            _ => None,
        })
        .collect();
    ids.extend(lenders);
    let mut shown: Vec<&Workload> =
        snapshot.workloads.iter().filter(|workload| ids.contains(workload.id.as_str())).collect();
    let is_well = |workload: &Workload| standing_of(workload).1 == State::Running;
    shown.order_by_key(|workload| (group_id(workload), workload.role, is_well(workload), &workload.id));
    let mut counts: BTreeMap<(String, WorkloadRole), usize> = BTreeMap::new();
    shown.retain(|workload| {
        let count = counts.entry((group_id(workload), workload.role)).or_default();
        *count += 1;
        *count <= MOST_SHOWN
    });
    shown
}

pub(super) fn project_id(engine: Option<&str>, name: &str) -> String {
    engine.map_or_else(|| format!("project {name}"), |engine| format!("project {name} on {engine}"))
}

fn group_id(workload: &Workload) -> String {
    match (&workload.project, &workload.engine) {
        (Some(project), engine) => project_id(engine.as_deref(), project),
        (None, Some(engine)) => format!("engine {engine}"),
        (None, None) => HOST.to_owned(),
    }
}

impl<'a> Picture<'a> {
    pub(super) fn containers(&mut self) {
        let snapshot = self.snapshot;
        for engine in &snapshot.engines {
            self.topology.groups.push(engine_group(engine));
        }
        self.projects();
        for workload in self.shown.clone() {
            self.workload(workload);
        }
        self.others();
        self.networks();
        self.clients();
        self.proxies();
        self.ingresses();
    }

    /// Workloads that publish a port of the node, with how.
    pub(super) fn published(&self, port: u16) -> Vec<(&'a Workload, &'a PublishedPort)> {
        let of = |workload: &'a Workload| {
            let ports = workload.ports.iter().filter(move |it| it.host_port == Some(port) && it.protocol == "tcp");
            ports.map(move |port| (workload, port))
        };
        self.shown.iter().copied().flat_map(of).collect()
    }

    pub(super) fn published_by(&mut self, id: &str, published: &[(&Workload, &PublishedPort)]) {
        for (workload, port) in published {
            let relation = if workload.is_running() { Relation::PublishedBy } else { Relation::ConfiguredFor };
            let detail = (port.host_port != Some(port.container_port)).then(|| format!("as :{}", port.container_port));
            self.edge(id, format!("workload {}", workload.id), relation, detail);
        }
    }

    fn projects(&mut self) {
        let snapshot = self.snapshot;
        let mut groups: BTreeMap<String, Group> = BTreeMap::new();
        for project in &snapshot.projects {
            let group = project_group(project);
            groups.insert(group.id.clone(), group);
        }
        for workload in &snapshot.workloads {
            let Some(name) = &workload.project else { continue };
            let id = group_id(workload);
            groups.entry(id.clone()).or_insert_with(|| Group {
                id,
                kind: GroupKind::Project,
                lines: vec![format!("project {name}")],
                state: None,
                parent: workload.engine.as_ref().map(|engine| format!("engine {engine}")),
            });
        }
        self.topology.groups.extend(groups.into_values());
    }

    fn workload(&mut self, workload: &'a Workload) {
        let snapshot = self.snapshot;
        let id = format!("workload {}", workload.id);
        let gateway = snapshot.gateways.iter().find(|gateway| gateway.workload.as_ref() == Some(&workload.id));
        let client = snapshot.clients.iter().find(|client| client.workload.as_ref() == Some(&workload.id));
        let is_proxy = snapshot.proxies.iter().any(|route| route.workload.as_ref() == Some(&workload.id));
        let is_ingress = snapshot.ingresses.iter().any(|ingress| ingress.workload.as_ref() == Some(&workload.id));
        let (kind, word) = match workload.role {
            _ if gateway.is_some() => (NodeKind::Gateway, "gateway"),
            WorkloadRole::Gateway => (NodeKind::Gateway, "gateway"),
            WorkloadRole::Cli => (NodeKind::Client, "command line"),
            WorkloadRole::NodeHost => (NodeKind::Client, "node host"),
            _ if client.is_some() => (NodeKind::Client, client.map_or("client", |client| kind_name(client.kind))),
            WorkloadRole::Proxy => (NodeKind::Proxy, "proxy"),
            WorkloadRole::Ingress => (NodeKind::Ingress, "ingress"),
            WorkloadRole::Other if is_proxy => (NodeKind::Proxy, "proxy"),
            WorkloadRole::Other if is_ingress => (NodeKind::Ingress, "ingress"),
            WorkloadRole::Other => (NodeKind::Container, "container"),
        };
        let (words, mut state) = standing_of(workload);
        let mut lines = vec![format!("{word} {}", workload.name), words];
        if workload.image.reference.is_empty() {
            lines.extend(workload.image.built.then(|| "built here".to_owned()));
        } else {
            lines.push(workload.image.reference.clone());
        }
        lines.extend(workload.listens.as_ref().map(|listens| format!("listens on {}:{}", listens.bind, listens.port)));
        if let Some(gateway) = gateway {
            lines.extend(answers(gateway));
            if state == State::Running {
                state = standing(gateway);
            }
        }
        match workload.network_mode {
            NetworkMode::Host => lines.push("network of the host".to_owned()),
            NetworkMode::None => lines.push("no network".to_owned()),
            NetworkMode::Own | NetworkMode::Shared { .. } => {}
        }
        self.node(Node { id: id.clone(), kind, lines, state: Some(state), group: Some(group_id(workload)) });
        if let NetworkMode::Shared { with, .. } = &workload.network_mode {
            self.edge(&id, format!("workload {with}"), Relation::InNetworkOf, None);
        }
        if matches!(kind, NodeKind::Gateway | NodeKind::Client) {
            self.state_of(&id, workload);
        }
    }

    /// Where a gateway or client in a container keeps its state, where that outlives the container.
    fn state_of(&mut self, id: &str, workload: &Workload) {
        let Some(mount) = workload.state_dir.as_deref().and_then(|dir| workload.mount_of(dir)) else { return };
        let access = mount.read_only.then(|| "read-only".to_owned());
        let (state, lines, group) = match (mount.kind, &mount.source) {
            (MountKind::Bind, _) => {
                let Some(path) = workload.state_on_host() else { return };
                // In a virtual machine the same path may be another directory; engines for macOS share those of the host.
                (format!("state {path}"), vec![path], Some(HOST.to_owned()))
            }
            (MountKind::Volume, Some(name)) => {
                let engine = workload.engine.as_deref().unwrap_or_default();
                (format!("state volume {engine} {name}"), vec![format!("volume {name}")], Some(group_id(workload)))
            }
            _ => return,
        };
        self.node(Node { id: state.clone(), kind: NodeKind::State, lines, state: None, group });
        self.edge(id, state, Relation::Uses, access);
    }

    /// One thing for all containers of a project that are none of their own, and one for all projects that have no others.
    fn others(&mut self) {
        let ids: BTreeSet<&str> = self.shown.iter().map(|workload| workload.id.as_str()).gather();
        let mut groups: BTreeMap<String, Vec<&Workload>> = BTreeMap::new();
        for workload in self.snapshot.workloads.iter().filter(|workload| !ids.contains(workload.id.as_str())) {
            groups.entry(group_id(workload)).or_default().push(workload);
        }
        let drawn: BTreeSet<String> = self.shown.iter().map(|workload| group_id(workload)).gather();
        let mut bare: BTreeMap<Option<&str>, Vec<&Workload>> = BTreeMap::new();
        let mut projects: BTreeMap<Option<&str>, usize> = BTreeMap::new();
        for (id, workloads) in &groups {
            let is_bare = !drawn.contains(id) && workloads.iter().all(|workload| workload.project.is_some());
            if let (true, Some(first)) = (is_bare, workloads.first()) {
                bare.entry(first.engine.as_deref()).or_default().extend(workloads);
                *projects.entry(first.engine.as_deref()).or_default() += 1;
            }
        }
        for (id, workloads) in &groups {
            let engine = workloads.first().and_then(|workload| workload.engine.as_deref());
            let is_bare = !drawn.contains(id) && workloads.iter().all(|workload| workload.project.is_some());
            if !is_bare || projects.get(&engine).is_none_or(|count| *count <= MOST_OTHERS) {
                self.counted(id, id, workloads, None);
            }
        }
        for (engine, workloads) in bare {
            let count = projects.get(&engine).copied().unwrap_or_default();
            if count > MOST_OTHERS {
                let group = engine.map_or_else(|| HOST.to_owned(), |engine| format!("engine {engine}"));
                self.counted(&format!("projects of {group}"), &group, &workloads, Some(count));
            }
        }
    }

    fn counted(&mut self, id: &str, group: &str, workloads: &[&Workload], projects: Option<usize>) {
        let id = format!("others {id}");
        let count = workloads.len();
        let word = if count == 1 { "container" } else { "containers" };
        let mut lines = match projects {
            Some(projects) => vec![format!("{projects} other projects"), format!("{count} {word}")],
            None => vec![format!("{count} other {word}")],
        };
        let mut states: BTreeMap<&str, usize> = BTreeMap::new();
        for workload in workloads {
            *states.entry(workload.runtime.as_ref().map_or("written down", |it| word_of(it.state))).or_default() += 1;
        }
        let states: Vec<String> = states.into_iter().map(|(state, count)| format!("{count} {state}")).collect();
        lines.push(states.join(", "));
        let gateways = workloads.iter().filter(|workload| workload.role == WorkloadRole::Gateway).count();
        if gateways > 0 {
            lines.push(format!("gateways among them: {gateways}"));
        }
        let ports: BTreeSet<u16> =
            workloads.iter().flat_map(|workload| workload.ports.iter().filter_map(|port| port.host_port)).gather();
        if !ports.is_empty() {
            let mut text: Vec<String> = ports.iter().take(MOST_PORTS).map(ToString::to_string).collect();
            if ports.len() > MOST_PORTS {
                text.push(format!("{} more", ports.len() - MOST_PORTS));
            }
            lines.push(format!("publish {}", text.join(", ")));
        }
        self.node(Node { id, kind: NodeKind::Others, lines, state: None, group: Some(group.to_owned()) });
    }
}

fn engine_group(engine: &Engine) -> Group {
    let (lines, state) = match (engine.answer.get(), engine.answer.blind()) {
        (Some(answer), _) => {
            (vec![format!("{} {}", engine.kind.name(), answer.version), engine.endpoint.clone()], State::Running)
        }
        (None, Some(why)) => {
            let silent = format!("does not answer: {why}");
            (vec![engine.kind.name().to_owned(), silent, engine.endpoint.clone()], State::Troubled)
        }
        (None, None) => {
            (vec![engine.kind.name().to_owned(), "not there".to_owned(), engine.endpoint.clone()], State::Stopped)
        }
    };
    Group { id: format!("engine {}", engine.id), kind: GroupKind::Engine, lines, state: Some(state), parent: None }
}

fn project_group(project: &Project) -> Group {
    let mut lines = vec![format!("project {}", project.name)];
    let refused = project.problems.iter().any(|problem| problem.fatal);
    if refused {
        lines.push("Compose refuses its files".to_owned());
    } else if project.engine.is_none() {
        lines.push("only written down".to_owned());
    }
    lines.extend(project.working_dir.clone());
    let state = match (refused, &project.engine) {
        (true, _) => Some(State::Troubled),
        (false, None) => Some(State::Written),
        (false, Some(_)) => None,
    };
    Group {
        id: project_id(project.engine.as_deref(), &project.name),
        kind: GroupKind::Project,
        lines,
        state,
        parent: project.engine.as_ref().map(|engine| format!("engine {engine}")),
    }
}

fn word_of(state: RunState) -> &'static str {
    match state {
        RunState::Created => "never started",
        RunState::Running => "running",
        RunState::Paused => "paused",
        RunState::Restarting => "restarting",
        RunState::Exited => "exited",
        RunState::Removing => "being removed",
        RunState::Dead => "dead",
    }
}

/// How a workload stands, in words and as a state.
fn standing_of(workload: &Workload) -> (String, State) {
    let Some(runtime) = &workload.runtime else { return ("written down".to_owned(), State::Written) };
    let mut words = word_of(runtime.state).to_owned();
    if let (RunState::Exited | RunState::Restarting | RunState::Dead, Some(code)) = (runtime.state, runtime.exit_code) {
        words.push_str(&format!(" {code}"));
    }
    if runtime.oom_killed {
        words.push_str(", out of memory");
    }
    if let (RunState::Running, Some(health)) = (runtime.state, &runtime.health) {
        words.push_str(&format!(", {health}"));
    }
    match runtime.restart_count {
        0 => {}
        1 => words.push_str(", 1 restart"),
        count => words.push_str(&format!(", {count} restarts")),
    }
    (words, state_of(workload, runtime))
}

fn state_of(workload: &Workload, runtime: &Runtime) -> State {
    let one_shot = !matches!(workload.role, WorkloadRole::Gateway | WorkloadRole::Proxy | WorkloadRole::Ingress);
    match runtime.state {
        RunState::Running if runtime.health.as_deref().is_none_or(|health| health == "healthy") => State::Running,
        RunState::Running | RunState::Paused | RunState::Restarting | RunState::Removing | RunState::Dead => {
            State::Troubled
        }
        RunState::Exited if one_shot && runtime.exit_code == Some(0) => State::Ended,
        RunState::Created | RunState::Exited => State::Stopped,
    }
}
