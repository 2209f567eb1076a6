//! What of a node an acceptance stands for.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::Fact;
use crate::order::Gather as _;
use crate::report::{MirrorState, MirrorSummary};
use crate::snapshot::{
    Client, ClientKind, Engine, EngineKind, ExclusionKind, Gateway, KeepAlive, PowerSettings, Process, ProcessRole,
    Snapshot, SystemVersion, Unit, UnitRole, UnitState, UpdateSettings, WorkloadRole,
};

/// The parts of a snapshot that must outlast an upgrade, by stable names and without what changes from hour to hour.
///
/// None stands for what was not seen.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Baseline {
    /// Operating system.
    pub system: Option<SystemVersion>,
    /// Gateways, by id.
    pub gateways: BTreeMap<String, GatewayBaseline>,
    /// Units, by id, which begins with the domain.
    pub units: BTreeMap<String, UnitBaseline>,
    /// Ports that a gateway or a unit claims and that are listened on, by number; none where listeners were hidden.
    pub ports: Option<BTreeMap<String, PortBaseline>>,
    /// Container engines, by id.
    pub engines: BTreeMap<String, EngineBaseline>,
    /// Containers of `OpenClaw` and of what leads to it, by id.
    pub containers: BTreeMap<String, ContainerBaseline>,
    /// What Time Machine does with state directories in use, by path.
    pub exclusions: BTreeMap<String, ExclusionBaseline>,
    /// What else does or would copy state directories: `Syncthing of /Users/op, for /Users/op/.openclaw`.
    pub mirrors: BTreeMap<String, MirrorState>,
    /// State directories in use, by path.
    pub state_dirs: BTreeMap<String, StateDirBaseline>,
    /// Clients, by what they are and whose.
    pub clients: BTreeMap<String, ClientBaseline>,
    /// Whether the machine stays awake.
    pub stays_awake: Option<bool>,
    /// Whether it starts by itself after a power failure.
    pub restarts_alone: Option<bool>,
    /// Whether somebody is logged in after boot without a password.
    pub automatic_login: Option<bool>,
    /// Whether the disk stays locked after boot until somebody types a password.
    pub file_vault: Option<bool>,
    /// Whether the system installs its updates by itself.
    pub automatic_updates: Option<bool>,
    /// Places of units and domains that could not be looked at: a unit that is missing may be there.
    pub unseen_units: BTreeSet<String>,
}

/// One gateway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GatewayBaseline {
    /// Its port.
    pub port: u16,
    /// Release of `OpenClaw` that runs.
    pub version: Option<String>,
}

/// One unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnitBaseline {
    /// What it is.
    pub role: UnitRole,
    /// Whether the service manager has loaded it.
    pub loaded: Option<bool>,
    /// Whether it is switched on in the service manager.
    pub enabled: Option<bool>,
    /// Whether background task management lets it run.
    pub background: Option<bool>,
    /// Whether it has a process.
    pub running: Option<bool>,
    /// Restart policy.
    pub keep_alive: KeepAlive,
    /// Its definition.
    pub path: Option<String>,
}

/// One port.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortBaseline {
    /// Who listens, in words; empty where that is hidden.
    pub owners: BTreeSet<String>,
    /// Addresses.
    pub addresses: BTreeSet<String>,
}

/// One engine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EngineBaseline {
    /// Which product.
    pub kind: EngineKind,
    /// Its version, where it answered.
    pub version: Option<String>,
    /// Whether it answers.
    pub answers: Option<bool>,
    /// Whether something of `OpenClaw` runs on it, or is to.
    pub needed: bool,
}

/// One container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerBaseline {
    /// What it is.
    pub role: WorkloadRole,
    /// Its engine.
    pub engine: Option<String>,
    /// Whether it runs.
    pub running: bool,
    /// Its image's digest.
    pub digest: Option<String>,
}

/// What Time Machine does with a state directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum ExclusionBaseline {
    /// It leaves it out.
    Excluded {
        /// By what.
        by: ExclusionKind,
        /// The path that is excluded.
        path: String,
    },
    /// It backs it up, or would.
    Included,
    /// Not seen.
    Unseen,
}

/// One state directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateDirBaseline {
    /// Owner, `uid:gid`.
    pub owner: Option<String>,
    /// Permission bits, octal.
    pub mode: Option<String>,
    /// File system.
    pub file_system: Option<String>,
}

/// One client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientBaseline {
    /// The gateway of this node that it leads to.
    pub gateway: Option<String>,
    /// Where it would connect, `ws://127.0.0.1:18789`.
    pub url: Option<String>,
    /// Whether its device is approved.
    pub approved: Option<bool>,
}

impl Baseline {
    /// What of a snapshot must outlast an upgrade.
    pub fn of(snapshot: &Snapshot) -> Self {
        let host = &snapshot.node.host;
        let is_there = |fact: &Fact<String>| seen(fact, |_| true, false);
        let power = host.power.get();
        let used = used_dirs(snapshot);
        Self {
            system: snapshot.node.system.get().cloned(),
            gateways: snapshot.gateways.iter().map(|gateway| (gateway.id.clone(), gateway.into())).collect(),
            units: snapshot.units.units.iter().map(|unit| (unit.id.clone(), unit.into())).collect(),
            ports: snapshot.listeners.get().map(|_| ports(snapshot)),
            engines: snapshot
                .engines
                .iter()
                .map(|engine| (engine.id.clone(), EngineBaseline::of(engine, snapshot)))
                .collect(),
            containers: containers(snapshot),
            exclusions: exclusions(snapshot, &used),
            mirrors: mirrors(snapshot, &used),
            state_dirs: snapshot
                .state_dirs
                .iter()
                .filter(|dir| used.contains(dir.path.as_str()))
                .map(|dir| {
                    let stat = dir.stat.get();
                    let base = StateDirBaseline {
                        owner: stat.map(|stat| format!("{}:{}", stat.uid, stat.gid)),
                        mode: stat.map(|stat| format!("{:04o}", stat.mode & 0o7777)),
                        file_system: dir.volume.get().map(|volume| volume.file_system.clone()),
                    };
                    (dir.path.clone(), base)
                })
                .collect(),
            clients: snapshot.clients.iter().map(|client| (client_key(client), client.into())).collect(),
            stays_awake: power.and_then(stays_awake),
            restarts_alone: power.and_then(|power| power.auto_restart),
            automatic_login: is_there(&host.auto_login),
            file_vault: seen(&host.file_vault, |on| *on, false),
            automatic_updates: host.updates.get().and_then(UpdateSettings::installs_alone),
            unseen_units: snapshot
                .units
                .places
                .iter()
                .chain(&snapshot.units.domains)
                .filter(|(_, fact)| fact.blind().is_some())
                .map(|(name, _)| name.clone())
                .collect(),
        }
    }
}

/// Whether the machine stays awake by these settings; none where they do not tell.
pub(crate) fn stays_awake(power: &PowerSettings) -> Option<bool> {
    if power.sleep_disabled == Some(true) {
        return Some(true);
    }
    power.sleep_minutes.map(|minutes| minutes == 0)
}

/// A fact in a form in which "not seen" is none.
fn seen<T>(fact: &Fact<T>, known: impl FnOnce(&T) -> bool, absent: bool) -> Option<bool> {
    fact.get().map(known).or_else(|| fact.is_absent().then_some(absent))
}

/// State directories that a gateway or client of the host uses.
fn used_dirs(snapshot: &Snapshot) -> BTreeSet<&str> {
    let of_gateways = snapshot.gateways.iter().filter_map(|gateway| gateway.state_dir.as_deref());
    let of_clients = snapshot.host_clients().filter_map(|client| client.state_dir.as_deref());
    of_gateways.chain(of_clients).gather()
}

/// Ports that a gateway, a unit or a published port of a container claims, with those that listen there.
fn ports(snapshot: &Snapshot) -> BTreeMap<String, PortBaseline> {
    let claimed: BTreeSet<u16> = snapshot
        .host_gateways()
        .map(|gateway| gateway.port)
        .chain(snapshot.units.units.iter().filter_map(|unit| unit.port))
        .chain(snapshot.workloads.iter().filter(|workload| workload.role == WorkloadRole::Gateway).flat_map(
            |workload| workload.ports.iter().filter(|port| port.protocol == "tcp").filter_map(|port| port.host_port),
        ))
        .gather();
    let mut ports = BTreeMap::new();
    for port in claimed {
        let mut base = PortBaseline { owners: BTreeSet::new(), addresses: BTreeSet::new() };
        for listener in snapshot.listeners_on(port).filter(|listener| !listener.foreign_netns) {
            base.addresses.insert(listener.address.to_string());
            let owners = listener.pids.iter().filter_map(|pid| snapshot.process(*pid));
            base.owners.extend(owners.map(|process| owner(process, snapshot)));
        }
        if !base.addresses.is_empty() {
            ports.insert(port.to_string(), base);
        }
    }
    ports
}

/// Who a process is, by what outlasts its next start.
fn owner(process: &Process, snapshot: &Snapshot) -> String {
    if let Some(workload) = process.workload.as_deref().and_then(|id| snapshot.workload(id)) {
        return format!("container {}", workload.name);
    }
    match (&process.state_dir, process.role) {
        (Some(dir), ProcessRole::Gateway | ProcessRole::Bootstrapping) => format!("gateway of {dir}"),
        _ => process.exe.clone().unwrap_or_else(|| process.comm.clone()),
    }
}

fn containers(snapshot: &Snapshot) -> BTreeMap<String, ContainerBaseline> {
    let mine =
        snapshot.workloads.iter().filter(|workload| workload.runtime.is_some() && workload.role != WorkloadRole::Other);
    mine.map(|workload| {
        let base = ContainerBaseline {
            role: workload.role,
            engine: workload.engine.clone(),
            running: workload.is_running(),
            digest: workload.image.digests.first().or(workload.image.id.as_ref()).cloned(),
        };
        (workload.id.clone(), base)
    })
    .gather()
}

fn exclusions(snapshot: &Snapshot, used: &BTreeSet<&str>) -> BTreeMap<String, ExclusionBaseline> {
    if snapshot.time_machine.blind().is_some() {
        return used.iter().map(|path| ((*path).to_owned(), ExclusionBaseline::Unseen)).collect();
    }
    let dirs = snapshot.time_machine.get().into_iter().flat_map(|machine| &machine.dirs);
    dirs.filter(|dir| used.contains(dir.state_dir.as_str()))
        .map(|dir| {
            let base = match dir.excluded.get() {
                Some(exclusion) => ExclusionBaseline::Excluded { by: exclusion.by, path: exclusion.path.clone() },
                None if dir.excluded.is_absent() => ExclusionBaseline::Included,
                None => ExclusionBaseline::Unseen,
            };
            (dir.state_dir.clone(), base)
        })
        .gather()
}

fn mirrors(snapshot: &Snapshot, used: &BTreeSet<&str>) -> BTreeMap<String, MirrorState> {
    let mut mirrors = BTreeMap::new();
    for mirror in snapshot.mirrors.iter().filter(|mirror| used.contains(mirror.state_dir.as_str())) {
        let summary = MirrorSummary::from(mirror);
        let name = format!("{} of {}, for {}", summary.name, summary.root, mirror.state_dir);
        // Of several that have one name, the one that copies counts.
        let state = mirrors.entry(name).or_insert(summary.state);
        if summary.state == MirrorState::Copies {
            *state = MirrorState::Copies;
        }
    }
    mirrors
}

/// A name for a client that holds no process id.
fn client_key(client: &Client) -> String {
    match client.kind {
        ClientKind::Cli => client.id.clone(),
        ClientKind::NodeHost => {
            let whose = client.workload.as_ref().or(client.state_dir.as_ref()).unwrap_or(&client.id);
            format!("node-host:{whose}")
        }
    }
}

impl From<&Gateway> for GatewayBaseline {
    fn from(gateway: &Gateway) -> Self {
        let hello = gateway.ladder.connect.answer().and_then(|hello| hello.server_version.clone());
        let startup = || gateway.ladder.startupz.answer().and_then(|startup| startup.version.clone());
        Self { port: gateway.port, version: hello.or_else(startup) }
    }
}

impl From<&Unit> for UnitBaseline {
    fn from(unit: &Unit) -> Self {
        let running = |state: UnitState| state == UnitState::Running;
        Self {
            role: unit.role,
            loaded: seen(&unit.runtime, |_| true, false),
            enabled: seen(&unit.disabled, |disabled| !disabled, true),
            background: seen(&unit.background_allowed, |allowed| *allowed, true),
            running: seen(&unit.runtime, |runtime| running(runtime.state), false),
            keep_alive: unit.keep_alive.clone(),
            path: unit.path.clone(),
        }
    }
}

impl EngineBaseline {
    fn of(engine: &Engine, snapshot: &Snapshot) -> Self {
        let carries = snapshot
            .workloads
            .iter()
            .any(|workload| workload.engine.as_ref() == Some(&engine.id) && workload.role != WorkloadRole::Other);
        let denied = matches!(engine.answer.outcome, crate::fact::Outcome::Denied { .. });
        Self {
            kind: engine.kind,
            version: engine.answer.get().map(|answer| answer.version.clone()),
            answers: (!denied).then(|| engine.answer.get().is_some()),
            needed: carries || !engine.needed_by.is_empty(),
        }
    }
}

impl From<&Client> for ClientBaseline {
    fn from(client: &Client) -> Self {
        let url = client.url.get().map(|facts| &facts.url);
        Self {
            gateway: client.gateway.clone(),
            url: url.map(|url| format!("{}://{}:{}", url.scheme, url.host, url.port)),
            approved: seen(&client.device, |device| device.approved.is_some(), false),
        }
    }
}
