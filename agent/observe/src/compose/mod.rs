//! Compose projects that are only written down, as a snapshot keeps them.
//!
//! What a file does not tell stays unknown: the value of a variable that nobody gives, what lies in a volume, the environment of an image
//! that the project builds. Nothing outside the project's own folder is read, so that a project gives the same facts everywhere.

mod mounted;
mod proxied;
mod relate;
mod service;
mod side;
mod unset;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use portreeve_compose::Project;
use portreeve_core::snapshot::{
    Client, EngineVolume, Gateway, Host, Ingress, Network, Node, NodeClock, Place, Project as ProjectFacts,
    ProjectProblem, ProxyRoute, Snapshot, Workload,
};
use portreeve_core::{Fact, Fingerprint, FingerprintKey};
use portreeve_openclaw::file::Reader;

pub(crate) use service::definition;

/// How projects are turned into facts.
#[derive(Debug, Clone)]
pub struct Reading {
    /// Reads the files that are mounted into services.
    pub reader: Reader,
    /// Makes fingerprints.
    pub key: FingerprintKey,
    /// Folder that shown paths are made relative to; none to show them whole.
    pub shown_from: Option<PathBuf>,
    /// When.
    pub at: Timestamp,
}

/// What one project holds.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// The project itself.
    pub projects: Vec<ProjectFacts>,
    /// Its services.
    pub workloads: Vec<Workload>,
    /// Its networks.
    pub networks: Vec<Network>,
    /// Its volumes.
    pub volumes: Vec<EngineVolume>,
    /// Gateways in its services.
    pub gateways: Vec<Gateway>,
    /// Clients in its services.
    pub clients: Vec<Client>,
    /// Ways through the proxies in its services.
    pub proxies: Vec<ProxyRoute>,
    /// What takes web hooks in its services.
    pub ingresses: Vec<Ingress>,
}

/// The facts of one project. Services that no profile switches on are left out.
pub fn facts(project: &Project, reading: &Reading) -> Facts {
    let mut facts = Facts { projects: vec![project_facts(project)], ..Facts::default() };
    if project.is_refused() {
        return facts;
    }
    facts.networks = networks(project);
    facts.volumes = volumes(project);
    for service in project.services.values().filter(|service| service.active) {
        let mut side = side::Side::of(project, service, reading);
        facts.workloads.push(side.workload.clone());
        facts.gateways.extend(side.gateway.take());
        facts.clients.extend(side.client.take());
    }
    relate::clients(&mut facts);
    proxied::add(project, reading, &mut facts);
    facts
}

/// A snapshot of projects alone, as if they were all deployed on one node. Nothing of the node it is made on is in it.
pub fn snapshot(projects: &[Project], reading: &Reading, agent_version: &str) -> Snapshot {
    let mut all = Facts::default();
    for project in projects {
        let mut one = facts(project, reading);
        all.projects.append(&mut one.projects);
        all.workloads.append(&mut one.workloads);
        all.networks.append(&mut one.networks);
        all.volumes.append(&mut one.volumes);
        all.gateways.append(&mut one.gateways);
        all.clients.append(&mut one.clients);
        all.proxies.append(&mut one.proxies);
        all.ingresses.append(&mut one.ingresses);
    }
    number(&mut all);
    let at = reading.at;
    Snapshot {
        gateways: all.gateways,
        clients: all.clients,
        networks: all.networks,
        volumes: all.volumes,
        projects: all.projects,
        workloads: all.workloads,
        proxies: all.proxies,
        ingresses: all.ingresses,
        ..Snapshot::unseen(at, agent_version, no_node(at), "only files were read")
    }
}

/// Gives each secret a number in the order of its appearance instead of its fingerprint, so that the same files give the same facts whatever
/// the key, and nothing can be guessed from them.
fn number(facts: &mut Facts) {
    let mut numbers: BTreeMap<Fingerprint, Fingerprint> = BTreeMap::new();
    let gateways = facts.gateways.iter_mut().map(|gateway| &mut gateway.credentials);
    let clients = facts.clients.iter_mut().map(|client| &mut client.credentials);
    for credentials in gateways.chain(clients) {
        let sources = credentials.sources.iter_mut().filter_map(|source| source.fingerprint.as_mut());
        for print in credentials.winner.as_mut().into_iter().chain(sources) {
            let next = numbers.len() + 1;
            let number = numbers.entry(print.clone()).or_insert_with(|| Fingerprint::numbered(next));
            print.clone_from(number);
        }
    }
}

fn unseen<T>(at: Timestamp) -> Fact<T> {
    Fact::unreadable("only files were read", "definition", at)
}

fn no_node(at: Timestamp) -> Node {
    Node {
        id: unseen(at),
        hostname: unseen(at),
        system: unseen(at),
        arch: String::new(),
        host: Host {
            uptime_s: unseen(at),
            power: unseen(at),
            console_user: unseen(at),
            auto_login: unseen(at),
            file_vault: unseen(at),
            updates: unseen(at),
            agent_uid: nix::unistd::geteuid().as_raw(),
        },
        clock: NodeClock::default(),
    }
}

fn project_facts(project: &Project) -> ProjectFacts {
    let problem = |problem: &portreeve_compose::Problem| ProjectProblem {
        place: problem.place.clone(),
        message: problem.message.clone(),
        fatal: problem.fatal,
    };
    ProjectFacts {
        name: project.name.clone(),
        engine: None,
        working_dir: Some(project.working_dir.to_string_lossy().into_owned()),
        files: project.files.iter().map(|file| file.to_string_lossy().into_owned()).collect(),
        env_files: Vec::new(),
        problems: project.problems.iter().map(problem).collect(),
    }
}

fn networks(project: &Project) -> Vec<Network> {
    let network = |(key, network): (&String, &portreeve_compose::Network)| Network {
        id: network_id(project, key),
        name: network.name.clone(),
        engine: None,
        project: Some(project.name.clone()),
        driver: network.driver.clone().unwrap_or_else(|| "bridge".to_owned()),
        internal: network.internal,
        subnets: network.subnets.clone(),
        gateways: network.gateways.iter().filter_map(|gateway| gateway.parse().ok()).collect(),
    };
    project.networks.iter().map(network).collect()
}

/// Two projects that name one external network are attached to the same.
fn network_id(project: &Project, key: &str) -> String {
    match project.networks.get(key).filter(|network| network.external) {
        Some(network) => format!("external/{}", network.name),
        None => format!("{}/{key}", project.name),
    }
}

fn volumes(project: &Project) -> Vec<EngineVolume> {
    let volume = |volume: &portreeve_compose::Volume| EngineVolume {
        name: volume.name.clone(),
        engine: None,
        project: (!volume.external).then(|| project.name.clone()),
        driver: volume.driver.clone().unwrap_or_else(|| "local".to_owned()),
        mountpoint: None,
    };
    project.volumes.values().map(volume).collect()
}

/// A path as it is shown: relative to where the user is.
fn shown(path: &str, reading: &Reading) -> String {
    let below = reading.shown_from.as_deref().and_then(|from| Path::new(path).strip_prefix(from).ok());
    below.map_or_else(|| path.to_owned(), |below| below.to_string_lossy().into_owned())
}

/// A place in a file with its path as it is shown.
fn shown_place(place: &Place, reading: &Reading) -> Place {
    Place { file: shown(&place.file, reading), ..place.clone() }
}
