//! Containers of this node: what the engines hold, what is seen from within, and which gateways and clients that makes.

mod entries;
mod owners;
mod prints;
mod route;
mod series;
mod services;
mod within;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use portreeve_core::Fact;
use portreeve_core::snapshot::{
    Blind, Client, DeviceStanding, Engine, EngineKind, Expectation, Gateway, Pairing, Unit, Workload, WorkloadRole,
};
use portreeve_openclaw::environment::Environment;

use crate::Options;
use crate::deadline::within;
use crate::engine::{self, Discovery, DockerHost, Observed, OwnSystem, Search, Seen};
use crate::inside::Inside;
use crate::units::Detail;
use crate::users::Account;

pub(crate) use owners::name_owners;
pub(crate) use route::Plan;
pub(crate) use series::Callers;
pub(crate) use services::Written;

/// How long the search for sockets may take; a home on a dead mount never answers.
const SEARCH: Duration = Duration::from_secs(2);

/// What decides about where engines are looked for.
pub(crate) struct Question<'a> {
    /// What was asked.
    pub(crate) options: &'a Options,
    /// Accounts to be looked at.
    pub(crate) accounts: &'a [Account],
    /// Environment of the caller.
    pub(crate) environment: &'a Environment,
    /// Environments of the units.
    pub(crate) details: &'a [Detail],
    /// This machine.
    pub(crate) own: OwnSystem<'a>,
    /// When to stop.
    pub(crate) until: Instant,
    /// Time of the observation.
    pub(crate) at: Timestamp,
}

/// What the engines hold, with what was seen from within.
pub(crate) async fn observe(question: &Question<'_>) -> (Observed, Vec<Written>) {
    if !question.options.containers {
        return (Observed::default(), Vec::new());
    }
    let mut hosts: Vec<DockerHost> = Vec::new();
    let mut add = |of: String, environment: &Environment, uid: Option<u32>| {
        if let Some(value) = environment.text("DOCKER_HOST") {
            let user = uid.map(|uid| {
                let account = question.accounts.iter().find(|account| account.uid == uid);
                (account.map_or_else(|| uid.to_string(), |account| account.name.clone()), uid)
            });
            hosts.push(DockerHost { of, value: value.to_owned(), user });
        }
    };
    add("this shell".to_owned(), question.environment, None);
    for detail in question.details {
        add(detail.id.clone(), &detail.environment, detail.uid);
    }
    let search = Search {
        accounts: question.accounts.to_vec(),
        root: PathBuf::from("/"),
        hosts,
        agent_uid: nix::unistd::geteuid().as_raw(),
    };
    let discovery = tokio::task::spawn_blocking(move || within(SEARCH, move || engine::discover(&search))).await;
    let discovery = match discovery {
        Ok(Ok(discovery)) => discovery,
        Ok(Err(overdue)) => unsearched(&overdue.to_string()),
        Err(error) => unsearched(&error.to_string()),
    };
    let (mut observed, apple) = tokio::join!(
        engine::observe(discovery, question.own, question.until, question.at),
        engine::apple::observe(question.accounts, question.own.processes, question.until, question.at),
    );
    observed.logs = prints::read(&observed, question.until, question.at).await;
    let written = services::add(&mut observed, question.accounts, &question.options.key, question.at).await;
    if question.options.probe {
        let inside = Inside::new(question.options.probe_dir.clone());
        let options = question.options;
        let look = within::Look {
            inside: &inside,
            key: &options.key,
            series: options.in_container.as_deref().zip(options.series.as_ref()),
            until: question.until,
            at: question.at,
        };
        within::look(&mut observed, &written, &look).await;
    } else {
        unprobed(&mut observed.workloads, "no probe was to be run", question.at);
    }
    if let Some(apple) = apple {
        observed.add_apple(apple);
    }
    (observed, written)
}

fn unsearched(why: &str) -> Discovery {
    let blind = Blind {
        what: "container engines of this node".to_owned(),
        why: format!("the search for their sockets did not end: {why}"),
        remedy: "look at the volumes that home folders lie on".to_owned(),
        readiness: true,
    };
    Discovery { candidates: Vec::new(), blind: vec![blind] }
}

/// The gateways and clients that containers make, in the order of the workloads.
pub(crate) fn entries(observed: &mut Observed, at: Timestamp) -> (Vec<Gateway>, Vec<Client>) {
    for seen in &mut observed.workloads {
        entries::refine_listens(&mut seen.workload, &seen.definition);
    }
    let (seen, logs) = (&observed.workloads, &mut observed.logs);
    let workloads = || seen.iter().map(|seen| &seen.workload);
    let expectation = |workload: &Workload| match workload.engine {
        Some(_) => Expectation::Container,
        None => Expectation::Definition,
    };
    let gateway = |workload: &Workload| {
        let gateway = entries::gateway(workload, expectation(workload), at)?;
        let log = logs.remove(&workload.id).unwrap_or_else(|| gateway.log.clone());
        Some(Gateway { log, ..gateway })
    };
    let gateways = workloads().filter_map(gateway).collect();
    let clients = seen.iter().filter_map(|seen| entries::client(seen, at)).collect();
    (gateways, clients)
}

/// Says of each client which gateway its URL leads to, and how that gateway stands to its device.
pub(crate) fn connect(clients: &mut [Client], plan: &Plan<'_>) {
    for client in clients {
        let from = match &client.workload {
            Some(id) => match plan.workloads.iter().find(|workload| workload.id == *id) {
                Some(workload) => Some(workload),
                None => continue,
            },
            None => None,
        };
        // What the host's own observers found stays.
        if client.gateway.is_none()
            && let Some(url) = client.url.get()
        {
            client.gateway = plan.leads_to(&url.url, from).map(|gateway| gateway.id.clone());
        }
        if from.is_none() {
            continue;
        }
        let gateway = client.gateway.as_ref().and_then(|id| plan.gateways.iter().find(|gateway| gateway.id == *id));
        if let Some(pairing) = gateway.and_then(|gateway| gateway.pairing.get()) {
            let known = client.device.clone().map(|device| standing(device, pairing));
            client.device = known;
        }
    }
}

/// A device's standing by its gateway's own list.
fn standing(device: DeviceStanding, pairing: &Pairing) -> DeviceStanding {
    let same = |other: &str| other.eq_ignore_ascii_case(&device.device_id);
    let approved = pairing.paired.iter().find(|paired| same(&paired.device_id)).cloned();
    let pending = pairing.pending.iter().find(|pending| same(&pending.device_id)).cloned();
    DeviceStanding { approved: approved.or(device.approved), pending: pending.or(device.pending), ..device }
}

/// Which units count on an engine: those that start containers.
pub(crate) fn name_needs(observed: &mut Observed, units: &[Unit]) {
    for unit in units {
        let program = unit.arguments.iter().map(|word| word.rsplit('/').next().unwrap_or(word));
        let is_apple = program.clone().next() == Some("container");
        let starts = |name| matches!(name, "docker" | "docker-compose" | "podman" | "podman-compose");
        if !is_apple && !program.take(4).any(starts) {
            continue;
        }
        let meant = |engine: &Engine| {
            if is_apple || engine.kind == EngineKind::AppleContainer {
                return is_apple && engine.kind == EngineKind::AppleContainer;
            }
            engine.known_from.iter().any(|known| known.ends_with(&unit.id) || known == "usual place")
        };
        if let Some(engine) = observed.engines.iter_mut().find(|engine| meant(engine)) {
            engine.needed_by.push(unit.id.clone());
        }
    }
}

/// Whether a name, a service or the beginning of an id is this workload's.
pub fn is_container(workload: &Workload, wanted: &str) -> bool {
    workload.name == wanted
        || workload.id == wanted
        || workload.service.as_deref() == Some(wanted)
        || (wanted.len() >= 4 && workload.container_id.as_deref().is_some_and(|id| id.starts_with(wanted)))
}

/// Leaves the clients and gateways of one container and of what its clients lead to.
pub(crate) fn keep_only(wanted: &str, gateways: &mut Vec<Gateway>, clients: &mut Vec<Client>, workloads: &[Workload]) {
    let is_wanted = |id: Option<&str>| {
        workloads.iter().any(|workload| Some(workload.id.as_str()) == id && is_container(workload, wanted))
    };
    clients.retain(|client| is_wanted(client.workload.as_deref()));
    gateways.retain(|gateway| {
        is_wanted(gateway.workload.as_deref())
            || clients.iter().any(|client| client.gateway.as_deref() == Some(gateway.id.as_str()))
    });
}

/// Why nothing is known from within a container that no probe was run in.
fn unprobed(seen: &mut [Seen], why: &str, at: Timestamp) {
    for workload in seen.iter_mut().map(|seen| &mut seen.workload) {
        let has_openclaw = matches!(workload.role, WorkloadRole::Gateway | WorkloadRole::Cli | WorkloadRole::NodeHost);
        if has_openclaw && workload.view.get().is_none() {
            workload.view = Fact::unreadable(why, "probe", at);
        }
    }
}
