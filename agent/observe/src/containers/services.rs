//! Services of the projects that run here which no container runs now: the command line of a project is made for one command and removed.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use jiff::Timestamp;
use portreeve_compose::GuardedFiles;
use portreeve_core::snapshot::{MountKind, Network, NetworkMode, Workload, WorkloadRole};
use portreeve_core::{FingerprintKey, Secret};
use portreeve_openclaw::file::Reader;
use secrecy::ExposeSecret;

use crate::compose::{self, Reading};
use crate::engine::{Observed, Seen};
use crate::inside::{Bind, Definition};
use crate::users::Account;

/// Most projects whose files are read.
const MAX_PROJECTS: usize = 16;

/// A service that no container runs, with all that a probe needs to look as it would.
pub(crate) struct Written {
    /// Where it is among the workloads.
    pub(crate) index: usize,
    /// The engine that its project runs on.
    pub(crate) engine: String,
    /// What to make.
    pub(crate) definition: Definition,
}

/// Reads the files of the projects that run here. Containers learn where their parts are written; command lines and node hosts that no
/// container runs become workloads.
pub(super) fn add(observed: &mut Observed, accounts: &[Account], key: &FingerprintKey, at: Timestamp) -> Vec<Written> {
    let mut written = Vec::new();
    for index in 0..observed.projects.len().min(MAX_PROJECTS) {
        let Some(project) = observed.projects.get(index).cloned() else { break };
        let (Some(engine), false) = (project.engine.clone(), project.files.is_empty()) else { continue };
        let has_openclaw = |seen: &Seen| {
            seen.workload.project.as_ref() == Some(&project.name)
                && !matches!(seen.workload.role, WorkloadRole::Other | WorkloadRole::Ingress | WorkloadRole::Proxy)
        };
        if !observed.workloads.iter().any(has_openclaw) {
            continue;
        }
        let files: Vec<PathBuf> = project.files.iter().map(PathBuf::from).collect();
        let Some(reader) = files.first().and_then(|file| reader_of(file, accounts)) else { continue };
        let options = portreeve_compose::Options {
            files,
            project_dir: project.working_dir.as_ref().map(PathBuf::from),
            name: Some(project.name.clone()),
            all_profiles: true,
            ..portreeve_compose::Options::default()
        };
        let loaded = portreeve_compose::load(&options, &GuardedFiles(reader.clone()));
        let facts = compose::facts(&loaded, &Reading { reader, key: key.clone(), shown_from: None, at });
        if let (Some(own), Some(read)) = (observed.projects.get_mut(index), facts.projects.first()) {
            own.problems.clone_from(&read.problems);
        }
        for workload in facts.workloads {
            let service = workload.service.clone();
            let runs = observed.workloads.iter_mut().filter(|seen| {
                seen.workload.project.as_ref() == Some(&project.name)
                    && seen.workload.engine.as_ref() == Some(&engine)
                    && seen.workload.service == service
            });
            let mut is_run = false;
            for seen in runs {
                is_run = true;
                learn(&mut seen.workload, &workload);
            }
            if is_run || !matches!(workload.role, WorkloadRole::Cli | WorkloadRole::NodeHost) {
                continue;
            }
            let Some(defined) = service.as_ref().and_then(|name| loaded.services.get(name)) else { continue };
            let judged = compose::definition(defined);
            let client = facts.clients.iter().find(|client| client.workload.as_ref() == Some(&workload.id)).cloned();
            let workload = placed(workload, &engine, &facts.networks, observed);
            let variables = defined
                .environment
                .iter()
                .filter_map(|(name, one)| Some(Secret::from(format!("{name}={}", one.value.known()?))));
            let definition = definition(&workload, variables.collect(), &engine, observed);
            written.push(Written { index: observed.workloads.len(), engine: engine.clone(), definition });
            observed.workloads.push(Seen { workload, definition: judged, client });
        }
    }
    written
}

/// Reads as the owner of a project's first file would.
fn reader_of(file: &std::path::Path, accounts: &[Account]) -> Option<Reader> {
    let uid = std::fs::symlink_metadata(file).ok()?.uid();
    let home = accounts.iter().find(|account| account.uid == uid).map(|account| account.home.clone());
    Some(Reader::for_user(uid, home))
}

/// Where the parts of a container are written.
fn learn(container: &mut Workload, written: &Workload) {
    container.places.clone_from(&written.places);
    container.profiles.clone_from(&written.profiles);
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
        networks.iter().map(|network| (network.id.as_str(), network.name.as_str())).collect();
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
        binds: binds.collect(),
        read_only_root: workload.read_only_root,
    }
}
