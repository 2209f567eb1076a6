//! Who would take a port.

use std::collections::BTreeMap;

use super::super::contained;
use super::super::life::seconds;
use super::super::mirror::is_spare;
use crate::diagnose::Context;
use crate::snapshot::{
    Expectation, Gateway, Lease, Manager, Process, ProcessRole, PublishedPort, RunState, Snapshot, Unit, UnitRole,
    Workload,
};

/// How old the remains of a run that ended badly may be and still tell of a gateway that will be started again.
const REMAINS_S: i64 = 3_600;

/// How old a start may be that failed because the port was taken.
const REFUSED_S: i64 = 86_400;

/// One owner-to-be of a port, with all that would start it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Claim<'a> {
    /// The gateway, where it is one of this node's.
    pub(crate) gateway: Option<&'a Gateway>,
    /// Units that would start it.
    pub(crate) units: Vec<&'a Unit>,
    /// Processes that run it.
    pub(crate) processes: Vec<&'a Process>,
    /// What else says that it will be started.
    pub(crate) remains: Option<String>,
    /// State directory.
    pub(crate) state: Option<&'a str>,
    /// The container or service, where it is one.
    pub(crate) workload: Option<&'a Workload>,
}

impl Claim<'_> {
    /// The claim in words.
    pub(crate) fn words(&self) -> String {
        if let Some(workload) = self.workload {
            return contained::name(workload);
        }
        let mut parts: Vec<String> = self.units.iter().map(|unit| format!("unit `{}`", unit.id)).collect();
        parts.extend(self.processes.iter().map(|process| format!("pid {}", process.pid)));
        match (self.state, &self.remains) {
            (Some(state), Some(remains)) if parts.is_empty() => format!("the gateway in `{state}` ({remains})"),
            (Some(state), _) => format!("{} with state `{state}`", parts.join(" and ")),
            (None, _) => parts.join(" and "),
        }
    }
}

/// Whether a unit runs, is loaded, or will be at the next boot or login.
pub(crate) fn is_active(unit: &Unit) -> bool {
    let runtime = unit.runtime.get();
    if runtime.is_some_and(|runtime| runtime.pid.is_some()) {
        return true;
    }
    if unit.disabled.get() == Some(&true) || unit.background_allowed.get() == Some(&false) {
        return false;
    }
    match unit.manager {
        Manager::Launchd => runtime.is_some() || unit.starts_at_load,
        // systemd loads whatever is asked about; only what is enabled comes up by itself.
        Manager::Systemd => unit.starts_at_load,
    }
}

/// Whether a service manager would bring this gateway back.
pub(crate) fn supervised(snapshot: &Snapshot, gateway: &Gateway) -> bool {
    let by_unit = gateway.units.iter().filter_map(|id| snapshot.unit(id)).any(is_active);
    let by_marker =
        gateway.pids.iter().filter_map(|&pid| snapshot.process(pid)).any(|process| process.supervisor.is_some());
    let by_lease = lease(snapshot, gateway).is_some_and(|lease| lease.mode.as_deref() == Some("supervised"));
    by_unit || by_marker || by_lease
}

fn lease<'a>(snapshot: &'a Snapshot, gateway: &Gateway) -> Option<&'a Lease> {
    snapshot.state_dir(gateway.state_dir.as_deref()?)?.records.get()?.lease.as_ref()
}

/// Everyone that would take this port on this node, each once. What only a configuration says is no claim unless another gateway has the
/// port: then the one that is configured cannot be started.
pub(crate) fn claims(context: Context<'_>, port: u16) -> Vec<Claim<'_>> {
    let snapshot = context.snapshot;
    let mut claims: BTreeMap<String, Claim<'_>> = BTreeMap::new();
    let stands_alone =
        |gateway: &&Gateway| contained::stands_for(snapshot, gateway).is_none() && !is_spare(context, gateway);
    for gateway in snapshot.host_gateways().filter(|gateway| gateway.port == port).filter(stands_alone) {
        let processes: Vec<&Process> = gateway
            .pids
            .iter()
            .filter_map(|&pid| snapshot.process(pid))
            .filter(|process| {
                process.role == ProcessRole::Gateway && !process.foreign_netns && process.workload.is_none()
            })
            .collect();
        let remains = remains(context, gateway);
        if !processes.is_empty() || remains.is_some() {
            let claim = claims.entry(gateway.id.clone()).or_default();
            (claim.gateway, claim.state) = (Some(gateway), gateway.state_dir.as_deref());
            claim.processes = processes;
            claim.remains = remains;
        }
    }
    for unit in snapshot.units.units.iter().filter(|unit| is_active(unit)) {
        let gateway = snapshot.gateways.iter().find(|gateway| {
            gateway.units.contains(&unit.id) || unit.state_dir.is_some() && gateway.state_dir == unit.state_dir
        });
        // Without a port of its own a unit takes the one of its gateway's configuration.
        let claimed = unit.port.or_else(|| gateway.map(|gateway| gateway.port));
        if claimed != Some(port) || !matches!(unit.role, UnitRole::Gateway | UnitRole::Other) {
            continue;
        }
        let key = gateway.map(|gateway| gateway.id.clone()).or_else(|| unit.state_dir.clone());
        let claim = claims.entry(key.unwrap_or_else(|| unit.id.clone())).or_default();
        claim.gateway = claim.gateway.or(gateway);
        claim.state = claim.state.or(unit.state_dir.as_deref());
        claim.units.push(unit);
    }
    for process in snapshot.processes.get().into_iter().flatten() {
        let known = snapshot.gateways.iter().any(|gateway| gateway.pids.contains(&process.pid));
        if process.role == ProcessRole::Gateway && process.port == Some(port) && !is_contained(process) && !known {
            let key = process.state_dir.clone().unwrap_or_else(|| format!("pid {}", process.pid));
            let claim = claims.entry(key).or_default();
            claim.state = claim.state.or(process.state_dir.as_deref());
            claim.processes.push(process);
        }
    }
    for (workload, _) in publishers(snapshot, port) {
        let claim = claims.entry(format!("workload {}", workload.id)).or_default();
        claim.workload = Some(workload);
        claim.gateway =
            snapshot.gateways.iter().find(|gateway| gateway.workload.as_deref() == Some(workload.id.as_str()));
    }
    claims.into_values().collect()
}

/// What says that a gateway without process will be started: its last run ended badly and lately, the operator named it, or its
/// configuration stands against another gateway that has the port.
fn remains(context: Context<'_>, gateway: &Gateway) -> Option<String> {
    let snapshot = context.snapshot;
    let dir = snapshot.state_dir(gateway.state_dir.as_deref()?);
    let boot = dir.and_then(|dir| dir.records.get()).and_then(|records| records.boots.first());
    if let Some(boot) = boot {
        let age = seconds(boot.started_at, snapshot.taken_at);
        let reason = boot.reason.as_deref().unwrap_or_default();
        let refused = reason.contains("EADDRINUSE") || reason.contains("already listening");
        if refused && age <= REFUSED_S {
            return Some(format!("its start at {} found the port taken", boot.started_at));
        }
        if !refused && boot.outcome.as_deref() != Some("clean_stop") && age <= REMAINS_S {
            return Some(format!("its run since {} did not end cleanly", boot.started_at));
        }
    }
    if gateway.expected.contains(&Expectation::Asked) {
        return Some("the one that was asked for".to_owned());
    }
    let by_container = publishers(snapshot, gateway.port).next().is_some();
    let taken = by_container
        || snapshot.gateways.iter().filter(|other| other.id != gateway.id).any(|other| {
            snapshot
                .listeners_on(gateway.port)
                .any(|listener| !listener.foreign_netns && listener.pids.iter().any(|pid| other.pids.contains(pid)))
        });
    // Who switched its only unit off does not want it to run.
    let switched_off =
        !gateway.units.is_empty() && !gateway.units.iter().filter_map(|id| snapshot.unit(id)).any(is_active);
    // A configuration in which nothing ever ran is that of a command line that looks in the wrong home.
    let may_run = !gateway.units.is_empty() || !dir.is_some_and(|dir| dir.records.is_absent());
    (taken && may_run && !switched_off && gateway.expected.contains(&Expectation::Config))
        .then(|| "it is configured for it".to_owned())
}

fn is_contained(process: &Process) -> bool {
    process.foreign_netns || process.workload.is_some()
}

/// The containers and services that would have a port of the host, each with how it publishes it.
pub(crate) fn publishers(snapshot: &Snapshot, port: u16) -> impl Iterator<Item = (&Workload, &PublishedPort)> {
    snapshot.workloads.iter().filter(|workload| wants_to_run(workload)).filter_map(move |workload| {
        let published =
            workload.ports.iter().find(|published| published.host_port == Some(port) && published.protocol != "udp");
        published.map(|published| (workload, published))
    })
}

/// Whether a workload runs, will be started again, or is only written down.
pub(crate) fn wants_to_run(workload: &Workload) -> bool {
    let Some(runtime) = &workload.runtime else { return true };
    match runtime.state {
        RunState::Running | RunState::Restarting | RunState::Paused => true,
        // The engine could not give it what it asked for.
        RunState::Created => runtime.error.is_some(),
        RunState::Exited | RunState::Dead => {
            runtime.error.as_deref().is_some_and(|error| error.contains("already"))
                || workload
                    .restart
                    .as_deref()
                    .is_some_and(|restart| restart == "always" || restart.starts_with("on-failure"))
        }
        RunState::Removing => false,
    }
}
