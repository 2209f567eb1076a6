//! What each engine holds.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use portreeve_core::Fact;
use portreeve_core::order::Gather as _;
use portreeve_core::snapshot::{
    Blind, Engine, EngineAnswer, EngineEvent, EngineKind, EngineVolume, LogFacts, Network, NetworkMode, Project,
    RunState,
};

use super::client::{Bounds, Client, List, Version};
use super::containers::containers;
use super::discover::{Candidate, Discovery};
use super::error::EngineError;
use super::events;
use super::text::line;
use super::wire::{Info, Listed, ListedNetwork, Volumes};
use super::workload::{CONFIG_FILES, ENVIRONMENT_FILE, PROJECT, Seen, WORKING_DIR, name, network_id};
use crate::process::ProcessTable;

/// How long an engine has for its first answer.
const FIRST_ANSWER: Duration = Duration::from_secs(3);
/// How long it has for all of its answers.
const ALL_ANSWERS: Duration = Duration::from_secs(6);
/// How long its events may take.
const EVENTS: Duration = Duration::from_secs(1);
/// Tries to list containers where the engine says that it failed.
const LIST_TRIES: u32 = 5;
/// Between two of them.
const LIST_PAUSE: Duration = Duration::from_millis(100);
/// Most containers that are looked at.
const MAX_CONTAINERS: usize = 2_000;
/// Longest answer on one thing, in bytes.
pub(super) const ONE: usize = 1024 * 1024;
/// Bounds of a list.
const LIST: Bounds = Bounds { total: 256 << 20, element: 256 * 1024, items: MAX_CONTAINERS };

/// The agent's own kernel and processes, to tell whether an engine shares them.
#[derive(Debug, Clone, Copy)]
pub struct OwnSystem<'a> {
    /// Release of the kernel; none where engines cannot share it.
    pub kernel: Option<&'a str>,
    /// Its processes.
    pub processes: &'a ProcessTable,
}

/// What the engines hold.
#[derive(Debug, Default)]
pub struct Observed {
    /// Engines.
    pub engines: Vec<Engine>,
    /// Networks.
    pub networks: Vec<Network>,
    /// Volumes.
    pub volumes: Vec<EngineVolume>,
    /// Projects.
    pub projects: Vec<Project>,
    /// Containers.
    pub workloads: Vec<Seen>,
    /// What the containers of gateways printed, by [`Workload::id`](portreeve_core::snapshot::Workload::id).
    pub logs: BTreeMap<String, Fact<LogFacts>>,
    /// Clients of those engines that answered, by [`Engine::id`].
    pub clients: BTreeMap<String, Client>,
    /// What could not be seen.
    pub blind: Vec<Blind>,
}

/// Asks all engines at once. It ends at the deadline of the slowest, or at `until`.
pub async fn observe(discovery: Discovery, own: OwnSystem<'_>, until: Instant, at: Timestamp) -> Observed {
    let mut observed = Observed { blind: discovery.blind, ..Observed::default() };
    let asked = discovery.candidates.iter().map(|candidate| ask(candidate, until, at));
    let held = futures_util::future::join_all(asked).await;
    for (candidate, held) in discovery.candidates.iter().zip(held) {
        observed.add(candidate, held, own, at);
    }
    observed
}

/// What one engine gave.
struct Held {
    answer: Fact<EngineAnswer>,
    kind: EngineKind,
    kernel: Option<String>,
    client: Option<Client>,
    seen: Vec<Seen>,
    /// Containers that it did not tell of.
    blind: Vec<Blind>,
    networks: Vec<Network>,
    volumes: Vec<EngineVolume>,
    projects: Vec<Project>,
    events: Fact<Vec<EngineEvent>>,
}

fn engine_id(candidate: &Candidate) -> String {
    format!("docker:{}", name(&candidate.socket.to_string_lossy()))
}

async fn ask(candidate: &Candidate, until: Instant, at: Timestamp) -> Held {
    let engine = engine_id(candidate);
    let source = format!("GET /version at {}", candidate.socket.display());
    let nothing = |answer: Fact<EngineAnswer>| Held {
        events: Fact::unreadable("the engine gave no answer", "GET /events", at),
        kind: candidate.kind,
        kernel: None,
        client: None,
        seen: Vec::new(),
        blind: Vec::new(),
        networks: Vec::new(),
        volumes: Vec::new(),
        projects: Vec::new(),
        answer,
    };
    if let Some(refusal) = &candidate.refusal {
        return nothing(Fact::unreadable(refusal, "the socket's owner", at));
    }
    let begun = Instant::now();
    let first = until.min(begun + FIRST_ANSWER);
    let (client, version) = match Client::connect(&candidate.socket, first).await {
        Ok(answered) => answered,
        Err(error) if error.is_nobody() => return nothing(Fact::absent(source, at)),
        Err(error) if error.is_denied() => {
            let why = format!("{}; run as root or as a user of that engine", error.sentence());
            return nothing(Fact::denied(why, source, at));
        }
        Err(error) => return nothing(Fact::unreadable(line(&error.sentence(), 512), source, at)),
    };
    let all = until.min(begun + ALL_ANSWERS);
    let asked_at = Timestamp::now();
    let begun_info = Instant::now();
    let info = client.get::<Info>("/info", ONE, all).await;
    let took = begun_info.elapsed();
    let (list, networks, volumes, events) = tokio::join!(
        list(&client, all),
        client.list::<ListedNetwork>("/networks", LIST, all),
        client.get::<Volumes>("/volumes", 8 * ONE, all),
        events::ask(&client, is_podman(&version), until.min(Instant::now() + EVENTS), at),
    );
    let list = match list {
        Ok(list) => list,
        Err(error) => return nothing(Fact::unreadable(line(&error.sentence(), 512), "GET /containers/json", at)),
    };
    let mut list = list;
    // Our own throw-away containers are nobody's.
    let is_ours = |item: &Listed| {
        item.labels.contains_key(crate::inside::LABEL)
            && item.names.iter().any(|name| name.trim_start_matches('/').starts_with(crate::inside::NAME_PREFIX))
    };
    let listed = list.items.len();
    list.items.retain(|item| !is_ours(item));
    let ours = (listed - list.items.len()) as u64;
    let (mut seen, blind) = containers(&client, &list.items, &engine, all, at).await;
    let projects = projects(&list.items, &engine);
    let volumes = volumes.map(|volumes| volumes.volumes).unwrap_or_default();
    let counted = list.items.len() as u64 + list.passed_over;
    // Containers come and go between two answers: the engine's own count matters where the list broke off.
    let total = match &info {
        Ok(info) if !list.whole => info.containers.saturating_sub(ours).max(counted),
        _ => counted,
    };
    let info = info.unwrap_or_default();
    let kind = kind(&version, &info, candidate.kind);
    let networks = networks.map(|list| list.items).unwrap_or_default();
    let networks: Vec<Network> =
        networks.iter().take(MAX_CONTAINERS).map(|network| as_network(network, &engine, kind)).collect();
    resolve_networks(&mut seen, &networks, &engine);
    let answer = EngineAnswer {
        version: name(&version.version),
        api_version: client.api_version().to_owned(),
        os: version.os.as_deref().map(name),
        arch: version.arch.as_deref().map(name),
        in_vm: false,
        skew_ms: skew(&info, asked_at, took),
        skew_uncertainty_ms: Some(u64::try_from(took.as_millis() / 2).unwrap_or(u64::MAX).saturating_add(1)),
        elapsed_ms: begun.elapsed().as_secs_f64() * 1e3,
        containers: total,
        unlisted: total.saturating_sub(list.items.len() as u64),
    };
    Held {
        kind,
        kernel: version.kernel_version.or(info.kernel_version),
        client: Some(client),
        networks,
        volumes: volumes
            .iter()
            .take(MAX_CONTAINERS)
            .map(|volume| EngineVolume {
                name: name(&volume.name),
                engine: Some(engine.clone()),
                project: volume.labels.get(PROJECT).map(|project| name(project)),
                driver: name(&volume.driver),
                mountpoint: Some(name(&volume.mountpoint)).filter(|path| !path.is_empty()),
            })
            .collect(),
        projects,
        events: events.map(|events| events::of(events, &seen)),
        seen,
        blind,
        answer: Fact::known(answer, source, at),
    }
}

/// Whether it is Podman behind Docker's API.
fn is_podman(version: &Version) -> bool {
    version.components.iter().any(|component| component.name.contains("Podman"))
}

/// The product, by what it calls itself or else by where its socket is.
fn kind(version: &Version, info: &Info, hint: EngineKind) -> EngineKind {
    let names = version.components.iter().map(|component| component.name.as_str());
    let said: Vec<&str> =
        names.chain([version.platform.name.as_str(), info.operating_system.as_deref().unwrap_or_default()]).collect();
    for (word, kind) in [
        ("Podman", EngineKind::Podman),
        ("Docker Desktop", EngineKind::DockerDesktop),
        ("OrbStack", EngineKind::Orbstack),
        ("Rancher Desktop", EngineKind::RancherDesktop),
    ] {
        if said.iter().any(|text| text.contains(word)) {
            return kind;
        }
    }
    hint
}

/// All containers. Podman fails at the whole list where one of them comes or goes while it is made.
async fn list(client: &Client, until: Instant) -> Result<List<Listed>, EngineError> {
    let mut tries = LIST_TRIES;
    loop {
        tries -= 1;
        match client.list::<Listed>("/containers/json?all=true", LIST, until).await {
            Err(EngineError::Refused { status: 500, .. }) if tries > 0 => tokio::time::sleep(LIST_PAUSE).await,
            answer => return answer,
        }
    }
}

/// The engine's clock less ours, where it says its time.
fn skew(info: &Info, asked_at: Timestamp, took: Duration) -> Option<i64> {
    let theirs: Timestamp = info.system_time.as_deref()?.parse().ok()?;
    let half = i64::try_from(took.as_millis() / 2).ok()?;
    theirs.as_millisecond().checked_sub(asked_at.as_millisecond())?.checked_sub(half)
}

fn projects(list: &[Listed], engine: &str) -> Vec<Project> {
    let mut projects: BTreeMap<&str, Project> = BTreeMap::new();
    for item in list {
        let Some(project) = item.labels.get(PROJECT) else { continue };
        projects.entry(project).or_insert_with(|| Project {
            name: name(project),
            engine: Some(engine.to_owned()),
            working_dir: item.labels.get(WORKING_DIR).map(|dir| name(dir)),
            files: item
                .labels
                .get(CONFIG_FILES)
                .into_iter()
                .flat_map(|files| files.split(','))
                .take(32)
                .map(name)
                .collect(),
            env_files: item
                .labels
                .get(ENVIRONMENT_FILE)
                .into_iter()
                .flat_map(|files| files.split(','))
                .take(32)
                .map(name)
                .collect(),
            problems: Vec::new(),
        });
    }
    projects.into_values().collect()
}

/// Podman attaches containers to a network by its name, and gives the network an id.
fn resolve_networks(seen: &mut [Seen], networks: &[Network], engine: &str) {
    for attachment in seen.iter_mut().flat_map(|seen| &mut seen.workload.networks) {
        if networks.iter().any(|network| network.id == attachment.network) {
            continue;
        }
        let named = networks.iter().find(|network| network_id(engine, &network.name) == attachment.network);
        if let Some(network) = named {
            attachment.network.clone_from(&network.id);
        }
    }
}

fn as_network(network: &ListedNetwork, engine: &str, kind: EngineKind) -> Network {
    // Podman lists its default network under the name that Docker's has, and knows it under its own alone.
    let is_podmans_default = kind == EngineKind::Podman && network.name == "bridge";
    Network {
        id: network_id(engine, &network.id),
        name: if is_podmans_default { "podman".to_owned() } else { name(&network.name) },
        engine: Some(engine.to_owned()),
        project: network.labels.get(PROJECT).map(|project| name(project)),
        driver: name(&network.driver),
        internal: network.internal,
        subnets: network.ipam.config.iter().map(|config| name(&config.subnet)).filter(|net| !net.is_empty()).collect(),
        gateways: network
            .ipam
            .config
            .iter()
            .filter_map(|config| config.gateway.split('/').next()?.parse().ok())
            .collect(),
    }
}

impl Observed {
    fn add(&mut self, candidate: &Candidate, held: Held, own: OwnSystem<'_>, at: Timestamp) {
        let id = engine_id(candidate);
        let in_vm = in_vm(&held, own, at);
        let mut seen = held.seen;
        let taken: BTreeSet<String> = self.workloads.iter().map(|seen| seen.workload.id.clone()).gather();
        let renamed: BTreeMap<String, String> = seen
            .iter()
            .filter(|seen| taken.contains(&seen.workload.id))
            .map(|seen| (seen.workload.id.clone(), format!("{}@{id}", seen.workload.id)))
            .gather();
        for seen in &mut seen {
            if let Some(new) = renamed.get(&seen.workload.id) {
                new.clone_into(&mut seen.workload.id);
            }
            if let NetworkMode::Shared { with, .. } = &mut seen.workload.network_mode
                && let Some(new) = renamed.get(with)
            {
                new.clone_into(with);
            }
        }
        let events = held.events.map(|mut events| {
            for event in &mut events {
                if let Some(new) = renamed.get(&event.workload) {
                    new.clone_into(&mut event.workload);
                }
            }
            events
        });
        let answer = held.answer.map(|answer| EngineAnswer { in_vm, ..answer });
        if let Some(answer) = answer.get().filter(|answer| answer.unlisted > 0) {
            self.blind.push(Blind {
                what: format!("{} of the {} containers of {id}", answer.unlisted, answer.containers),
                why: "they are more than are looked at, larger than any honest one, or came after the deadline"
                    .to_owned(),
                remedy: "remove containers that nobody needs: docker container prune".to_owned(),
                readiness: false,
            });
        }
        self.blind.extend(
            held.blind
                .into_iter()
                .map(|blind| Blind { what: renamed.get(&blind.what).cloned().unwrap_or(blind.what), ..blind }),
        );
        if let (Some(client), true) = (held.client, answer.get().is_some()) {
            self.clients.insert(id.clone(), client);
        }
        self.engines.push(Engine {
            endpoint: format!("unix://{}", name(&candidate.socket.to_string_lossy())),
            id,
            kind: held.kind,
            user: candidate.user.clone(),
            known_from: candidate.known_from.clone(),
            needed_by: Vec::new(),
            answer,
            events,
        });
        self.networks.extend(held.networks);
        self.volumes.extend(held.volumes);
        self.projects.extend(held.projects);
        self.workloads.extend(seen);
    }
}

/// Whether its containers run under another kernel: it names another release, or its processes are not here.
fn in_vm(held: &Held, own: OwnSystem<'_>, at: Timestamp) -> bool {
    let (Some(kernel), Some(theirs)) = (own.kernel, held.kernel.as_deref()) else { return true };
    if kernel != theirs {
        return true;
    }
    // What was started since the processes were listed is missing there.
    let mut pids = held.seen.iter().filter_map(|seen| {
        let runtime = seen.workload.runtime.as_ref()?;
        let before = runtime.started_at.is_some_and(|started| started < at);
        runtime.pid.filter(|_| before && runtime.state == RunState::Running)
    });
    let first = pids.next();
    let is_here = |pid: u32| own.processes.get(pid).is_some();
    first.is_some_and(|first| !is_here(first)) && !pids.any(is_here)
}
