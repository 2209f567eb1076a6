//! Services of the projects that run here which no container runs now: the command line of a project is made for one command and removed.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::future::join_all;
use jiff::Timestamp;
use portreeve_compose::GuardedFiles;
use portreeve_core::order::Gather as _;
use portreeve_core::snapshot::{
    Blind, Credentials, HostsAddress, HostsEntry, MountKind, Network, NetworkMode, Project, TokenSource, Workload,
    WorkloadRole,
};
use portreeve_core::{FingerprintKey, Secret};
use portreeve_openclaw::file::Reader;
use secrecy::ExposeSecret;

use crate::compose::{self, Reading};
use crate::deadline::within;
use crate::engine::{Client, Observed, Seen};
use crate::inside::{Bind, Definition};
use crate::users::Account;

/// Most projects whose files are read.
const MAX_PROJECTS: usize = 16;
/// How long the files of one project may take.
const FILES: Duration = Duration::from_secs(2);

/// A service that no container runs, with all that a probe needs to look as it would.
pub(crate) struct Written {
    /// Where it is among the workloads.
    pub(crate) index: usize,
    /// The engine that its project runs on.
    pub(crate) engine: String,
    /// What to make.
    pub(crate) definition: Definition,
}

/// A project that runs here, whose files are to be read.
#[derive(Clone)]
struct Asked {
    /// Its place among the projects.
    index: usize,
    project: Project,
    engine: String,
    /// User whose engine it is.
    owner: Option<u32>,
}

/// What the files of a project say.
struct Said {
    loaded: portreeve_compose::Project,
    facts: compose::Facts,
}

/// Reads the files of the projects that run here. Containers learn where their parts are written; command lines and node hosts that no
/// container runs become workloads.
pub(super) async fn add(
    observed: &mut Observed,
    accounts: &[Account],
    key: &FingerprintKey,
    at: Timestamp,
) -> Vec<Written> {
    let (accounts, key) = (accounts.to_vec(), key.clone());
    let read = move |asked: &Asked| read(asked, &accounts, key.clone(), at);
    let mut written = Vec::new();
    for (asked, said) in in_time(asked(observed), FILES, read).await {
        match said {
            Ok(Ok(Some(said))) => settle(observed, &asked, said, &mut written),
            Ok(Ok(None)) => {}
            Ok(Err(blind)) | Err(blind) => observed.blind.push(blind),
        }
    }
    written
}

/// The projects that `OpenClaw` is in.
fn asked(observed: &Observed) -> Vec<Asked> {
    let projects = observed.projects.iter().enumerate().take(MAX_PROJECTS);
    let asked = projects.filter_map(|(index, project)| {
        let engine = project.engine.clone().filter(|_| !project.files.is_empty())?;
        let has_openclaw = |seen: &Seen| {
            seen.workload.project.as_ref() == Some(&project.name)
                && !matches!(seen.workload.role, WorkloadRole::Other | WorkloadRole::Ingress | WorkloadRole::Proxy)
        };
        let owner = observed.clients.get(&engine).and_then(Client::owner);
        observed.workloads.iter().any(has_openclaw).then(|| Asked { index, project: project.clone(), engine, owner })
    });
    asked.collect()
}

/// What each answers within the deadline. Whoever may start a container names the files, and one on a dead mount never answers.
async fn in_time<T: Send + 'static>(
    asked: Vec<Asked>,
    deadline: Duration,
    read: impl Fn(&Asked) -> T + Clone + Send + 'static,
) -> Vec<(Asked, Result<T, Blind>)> {
    let answers = asked.into_iter().map(|asked| {
        let (read, of) = (read.clone(), asked.clone());
        let answer = tokio::task::spawn_blocking(move || within(deadline, move || read(&of)));
        async move {
            let why = match answer.await {
                Ok(Ok(said)) => return (asked, Ok(said)),
                Ok(Err(overdue)) => overdue.to_string(),
                Err(error) => error.to_string(),
            };
            let blind = unread(&asked.project, why, "look at the volume that they lie on");
            (asked, Err(blind))
        }
    });
    join_all(answers).await
}

/// That the files of a project say nothing. What runs is seen without them.
fn unread(project: &Project, why: String, remedy: &str) -> Blind {
    Blind { what: format!("files of project {}", project.name), why, remedy: remedy.to_owned(), readiness: false }
}

/// None where there are no files.
fn read(asked: &Asked, accounts: &[Account], key: FingerprintKey, at: Timestamp) -> Result<Option<Said>, Blind> {
    let project = &asked.project;
    let files: Vec<PathBuf> = project.files.iter().map(PathBuf::from).collect();
    let Some(first) = files.first() else { return Ok(None) };
    let reader = match reader_of(first, asked.owner, accounts) {
        Ok(Some(reader)) => reader,
        Ok(None) => return Ok(None),
        Err(why) => {
            return Err(unread(project, why, "give the files to `portreeve lint`, as the user whose they are"));
        }
    };
    let options = portreeve_compose::Options {
        files,
        project_dir: project.working_dir.as_ref().map(PathBuf::from),
        name: Some(project.name.clone()),
        env_files: project.env_files.iter().map(PathBuf::from).filter(|file| file.is_absolute()).collect(),
        all_profiles: true,
        ..portreeve_compose::Options::default()
    };
    let loaded = portreeve_compose::load(&options, &GuardedFiles(reader.clone()));
    let facts = compose::facts(&loaded, &Reading { reader, key, shown_from: None, at });
    Ok(Some(Said { loaded, facts }))
}

/// Reads as the user whose engine names the files: what they say goes to that engine. A label is the word of whoever owns the engine; only
/// root's may speak for others, as whom the owner of the file is taken. None where that file is gone.
///
/// # Errors
///
/// Says why there is nobody to read for.
fn reader_of(file: &Path, engine: Option<u32>, accounts: &[Account]) -> Result<Option<Reader>, String> {
    let agent = nix::unistd::geteuid().as_raw();
    let uid = match engine {
        Some(0) => match std::fs::symlink_metadata(file) {
            Ok(metadata) => metadata.uid(),
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(format!("{}: {error}", file.display())),
        },
        Some(owner) if agent == 0 || agent == owner => owner,
        Some(owner) => return Err(format!("the engine that names them is user {owner}'s")),
        None => return Err("whose engine names them is not known".to_owned()),
    };
    let home = accounts.iter().find(|account| account.uid == uid).map(|account| account.home.clone());
    Ok(Some(Reader::for_user(uid, home)))
}

/// Puts what the files of a project say beside what its engine holds.
fn settle(observed: &mut Observed, asked: &Asked, said: Said, written: &mut Vec<Written>) {
    let Asked { index, project, engine, .. } = asked;
    let Said { loaded, facts } = said;
    if let (Some(own), Some(read)) = (observed.projects.get_mut(*index), facts.projects.first()) {
        own.problems.clone_from(&read.problems);
    }
    for mut workload in facts.workloads {
        let gateway = facts.gateways.iter().find(|gateway| gateway.workload.as_ref() == Some(&workload.id));
        let client = facts.clients.iter().find(|client| client.workload.as_ref() == Some(&workload.id)).cloned();
        let credentials = gateway.map(|gateway| &gateway.credentials).or(client.as_ref().map(|one| &one.credentials));
        workload.written = credentials.map(in_environment).unwrap_or_default();
        let service = workload.service.clone();
        let runs = observed.workloads.iter_mut().filter(|seen| {
            seen.workload.project.as_ref() == Some(&project.name)
                && seen.workload.engine.as_ref() == Some(engine)
                && seen.workload.service == service
        });
        let mut is_run = false;
        for seen in runs {
            is_run = true;
            learn(&mut seen.workload, &workload);
        }
        if is_run || !is_used(&workload) {
            continue;
        }
        let Some(defined) = service.as_ref().and_then(|name| loaded.services.get(name)) else { continue };
        let judged = compose::definition(defined);
        let workload = placed(workload, engine, &facts.networks, observed);
        let variables = defined
            .environment
            .iter()
            .filter_map(|(name, one)| Some(Secret::from(format!("{name}={}", one.value.known()?))));
        let definition = definition(&workload, variables.collect(), engine, observed);
        written.push(Written { index: observed.workloads.len(), engine: engine.clone(), definition });
        observed.workloads.push(Seen { workload, definition: judged, client });
    }
}

/// Whether a service counts that no container runs. `docker compose run` makes a command line whatever its profiles are; what is to stay up
/// is not expected where none of its profiles was asked for.
fn is_used(workload: &Workload) -> bool {
    match workload.role {
        WorkloadRole::Cli => true,
        WorkloadRole::NodeHost => workload.profiles.is_empty(),
        WorkloadRole::Gateway | WorkloadRole::Proxy | WorkloadRole::Ingress | WorkloadRole::Other => false,
    }
}

/// The secrets among them that a definition gives in the environment.
fn in_environment(credentials: &Credentials) -> Vec<TokenSource> {
    let of = |source: &&TokenSource| {
        source.fingerprint.is_some() && source.place.is_some() && source.location.contains("of service `")
    };
    credentials.sources.iter().filter(of).cloned().collect()
}

/// Where the parts of a container are written.
fn learn(container: &mut Workload, written: &Workload) {
    container.places.clone_from(&written.places);
    container.profiles.clone_from(&written.profiles);
    container.written.clone_from(&written.written);
    container.image.written = Some(written.image.reference.clone()).filter(|reference| !reference.is_empty());
    for port in &mut container.ports {
        let same = written.ports.iter().find(|other| {
            other.container_port == port.container_port
                && (other.host_port == port.host_port || other.host_port.is_none())
        });
        if let Some(same) = same {
            port.key.clone_from(&same.key);
        }
    }
    for mount in &mut container.mounts {
        if let Some(same) = written.mounts.iter().find(|other| other.target == mount.target) {
            mount.key.clone_from(&same.key);
        }
    }
}

/// The service among the containers of its project: on the engine's networks, in the namespaces of containers.
fn placed(mut workload: Workload, engine: &str, networks: &[Network], observed: &Observed) -> Workload {
    let names: BTreeMap<&str, &str> =
        networks.iter().map(|network| (network.id.as_str(), network.name.as_str())).gather();
    for attached in &mut workload.networks {
        let name = names.get(attached.network.as_str());
        let real = observed
            .networks
            .iter()
            .find(|network| network.engine.as_deref() == Some(engine) && Some(&network.name.as_str()) == name);
        if let Some(real) = real {
            attached.network.clone_from(&real.id);
        }
    }
    if let NetworkMode::Shared { with, .. } = &mut workload.network_mode {
        let other = observed.workloads.iter().find(|seen| {
            let other = &seen.workload;
            let service = other.project.as_deref().zip(other.service.as_deref());
            other.engine.as_deref() == Some(engine)
                && (other.name == *with
                    || service.is_some_and(|(project, service)| format!("service:{project}/{service}") == *with))
        });
        if let Some(other) = other {
            with.clone_from(&other.workload.id);
        }
    }
    workload
}

fn definition(workload: &Workload, environment: Vec<Secret>, engine: &str, observed: &Observed) -> Definition {
    let container = |id: &str| {
        let seen = observed.workloads.iter().find(|seen| seen.workload.id == id)?;
        seen.workload.container_id.as_ref().map(|id| format!("container:{id}"))
    };
    let networks = workload.networks.iter().filter_map(|attached| {
        let network = observed.networks.iter().find(|network| network.id == attached.network)?;
        (network.engine.as_deref() == Some(engine)).then(|| network.name.clone())
    });
    let project = workload.project.as_deref().unwrap_or_default();
    let service = workload.service.as_deref().unwrap_or_default();
    let image = if workload.image.reference.is_empty() {
        format!("{project}-{service}")
    } else {
        workload.image.reference.clone()
    };
    let binds = workload.mounts.iter().filter_map(|mount| {
        let source = mount.source.clone()?;
        let usable = match mount.kind {
            MountKind::Bind => source.starts_with('/'),
            MountKind::Volume => !source.starts_with('/'),
            MountKind::Tmpfs | MountKind::Other => false,
        };
        usable.then(|| Bind { source, target: mount.target.clone(), read_only: mount.read_only })
    });
    Definition {
        name: workload.name.clone(),
        image,
        user: workload.user.clone(),
        environment: environment.into_iter().filter(|pair| pair.expose_secret().len() < 32 * 1024).collect(),
        working_dir: None,
        network_mode: match &workload.network_mode {
            NetworkMode::Own => None,
            NetworkMode::Host => Some("host".to_owned()),
            NetworkMode::None => Some("none".to_owned()),
            NetworkMode::Shared { with, .. } => container(with),
        },
        networks: networks.collect(),
        extra_hosts: workload.extra_hosts.iter().filter_map(hosts_line).collect(),
        binds: binds.collect(),
        read_only_root: workload.read_only_root,
    }
}

/// A name of a hosts file as engines take it; none where its address is not known, and for links, which engines keep elsewhere.
fn hosts_line(entry: &HostsEntry) -> Option<String> {
    match entry.address {
        HostsAddress::Ip(address) => Some(format!("{}:{address}", entry.name)),
        HostsAddress::Machine => Some(format!("{}:host-gateway", entry.name)),
        HostsAddress::Unknown => None,
    }
}

#[cfg(test)]
mod tests;
