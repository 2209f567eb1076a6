//! Which namespace started the gateway.

use super::{Asked, Draft, MOST, time};
use crate::logs::Origin;
use crate::snapshot::{Domain, Gateway, NetworkMode, Process, Snapshot, Unit, Workload};

/// Steps from a process to those that started it.
const MOST_PARENTS: usize = 8;
/// Engine events that are named.
const MOST_EVENTS: usize = 6;

pub(super) fn answer(asked: &Asked<'_>, draft: &mut Draft) {
    for gateway in asked.snapshot.gateways.iter().take(MOST) {
        match gateway.workload.as_deref().and_then(|id| asked.snapshot.workload(id)) {
            Some(workload) => contained(asked, gateway, workload, draft),
            None => hosted(asked.snapshot, gateway, draft),
        }
    }
}

fn contained(asked: &Asked<'_>, gateway: &Gateway, workload: &Workload, draft: &mut Draft) {
    let network = match &workload.network_mode {
        NetworkMode::Own => "a network namespace of its own".to_owned(),
        NetworkMode::Host => "the network namespace of the engine's machine".to_owned(),
        NetworkMode::None => "a network namespace of its own that is attached to nothing".to_owned(),
        NetworkMode::Shared { with, .. } => format!("the network namespace of {with}"),
    };
    let project = workload.project.as_ref().map(|project| format!(" of project {project}")).unwrap_or_default();
    let Some(runtime) = &workload.runtime else {
        draft.missing(format!(
            "whether {} was ever started: it is only written down, and no container runs it",
            gateway.id
        ));
        return;
    };
    let engine = workload.engine.clone().unwrap_or_else(|| "an engine".to_owned());
    let since = runtime.started_at.map(|at| format!(" at {}", time(at))).unwrap_or_default();
    draft.say(format!(
        "Gateway {} was started in container {}{project} by {engine}{since}, in {network}.",
        gateway.id, workload.name
    ));
    let pid = runtime.pid.map(|pid| format!(", pid {pid} on the engine's machine")).unwrap_or_default();
    let state = format!("{:?}", runtime.state).to_lowercase();
    draft.fact(
        format!("container {} is {state}{pid}, started again {} times", workload.name, runtime.restart_count),
        engine,
    );
    let events = asked
        .gathered
        .entries
        .iter()
        .filter(|entry| entry.origin == Origin::Engine && entry.text.contains(&workload.id));
    for entry in events.rev().take(MOST_EVENTS) {
        draft.fact_at(entry.text.clone(), entry.source.clone(), entry.at);
    }
}

fn hosted(snapshot: &Snapshot, gateway: &Gateway, draft: &mut Draft) {
    let processes: Vec<&Process> = gateway.pids.iter().filter_map(|&pid| snapshot.process(pid)).collect();
    for process in &processes {
        running(snapshot, gateway, process, draft);
    }
    if processes.is_empty() {
        if let Some(why) = snapshot.processes.blind() {
            draft.missing(format!("which process runs {}: {why}", gateway.id));
        }
        gone(snapshot, gateway, draft);
    }
}

fn running(snapshot: &Snapshot, gateway: &Gateway, process: &Process, draft: &mut Draft) {
    let place = match (&process.workload, process.foreign_pidns, process.foreign_netns) {
        (Some(workload), _, _) => format!("the namespaces of {workload}"),
        (None, true, _) => "a process namespace other than the agent's: a container".to_owned(),
        (None, false, true) => "a network namespace other than the agent's".to_owned(),
        (None, false, false) => "the host's own namespaces".to_owned(),
    };
    let (starter, proof) = starter(snapshot, process);
    let since = process.started_at.map(|at| format!(" since {}", time(at))).unwrap_or_default();
    draft.say(format!("Gateway {} runs as pid {}{since}, in {place}, started by {starter}.", gateway.id, process.pid));
    let uid = process.uid.map(|uid| format!(", user id {uid}")).unwrap_or_default();
    draft.fact(
        format!("pid {} has parent {}{uid}, program {}", process.pid, process.ppid, process.comm),
        "process table",
    );
    draft.evidence.extend(proof);
    if process.started_at.is_none() {
        draft.missing(format!("when pid {} was started: the system does not show it", process.pid));
    }
}

/// Who started a process, in words, and the fact that shows it.
fn starter(snapshot: &Snapshot, process: &Process) -> (String, Option<crate::report::Evidence>) {
    let mut at = Some(process);
    for _ in 0..MOST_PARENTS {
        let Some(current) = at else { break };
        let owns = |unit: &&Unit| unit.runtime.get().and_then(|runtime| runtime.pid) == Some(current.pid);
        if let Some(unit) = snapshot.units.units.iter().find(owns) {
            let fact = format!("{} has pid {}", unit.id, current.pid);
            let evidence = crate::report::Evidence {
                fact,
                source: unit.runtime.source.clone(),
                observed_at: unit.runtime.at,
                place: None,
            };
            return (format!("{} in {}", unit.label, domain(&unit.domain)), Some(evidence));
        }
        at = snapshot.process(current.ppid).filter(|parent| parent.pid != current.pid);
    }
    match (&process.supervisor, process.ppid) {
        (Some(supervisor), _) => (format!("{supervisor}, as its environment says"), None),
        (None, 1) => ("nobody that still lives: its parent is pid 1, and no unit names it".to_owned(), None),
        (None, parent) => (format!("pid {parent}, which no unit names: by hand or by a script"), None),
    }
}

fn domain(domain: &Domain) -> String {
    match domain {
        Domain::System => "the system's domain, which starts at boot".to_owned(),
        Domain::User { uid } => format!("the session of user id {uid}"),
        Domain::EachUser => "every user's session".to_owned(),
    }
}

/// What is written down of the last run of a gateway that does not run.
fn gone(snapshot: &Snapshot, gateway: &Gateway, draft: &mut Draft) {
    let records = gateway.state_dir.as_deref().and_then(|path| snapshot.state_dir(path)).map(|dir| &dir.records);
    let Some(facts) = records.and_then(|records| records.get()) else {
        let why = records.and_then(|records| records.blind()).unwrap_or("it has written down no start");
        draft.missing(format!("what last started {}: it does not run now, and {why}", gateway.id));
        return;
    };
    let source = records.map_or_else(String::new, |records| records.source.clone());
    match facts.boots.first() {
        Some(boot) => {
            let pid = boot.pid.map(|pid| format!(" as pid {pid}")).unwrap_or_default();
            let end = match (&boot.outcome, &boot.reason) {
                (Some(outcome), Some(reason)) => format!("; it ended as {outcome}: {reason}"),
                (Some(outcome), None) => format!("; it ended as {outcome}"),
                (None, _) => "; how it ended is not written down".to_owned(),
            };
            draft.say(format!(
                "Gateway {} does not run now; its last start was at {}{pid}{end}.",
                gateway.id,
                time(boot.started_at)
            ));
            draft.fact_at(format!("start of {} is written down", gateway.id), source.clone(), boot.started_at);
        }
        None => draft
            .missing(format!("what last started {}: it does not run now, and no start is written down", gateway.id)),
    }
    match facts.lease.as_ref().and_then(|lease| Some((lease, lease.supervisor.as_ref().or(lease.mode.as_ref())?))) {
        Some((lease, by)) => {
            draft.say(format!("Its last claim to the state directory, by pid {}, names {by}.", lease.pid));
            draft.fact_at(format!("claim of pid {}", lease.pid), source, lease.heartbeat_at.unwrap_or(draft.at));
        }
        None => draft.missing(format!(
            "which namespace that start of {} was in: a record of a start holds only its pid and its time",
            gateway.id
        )),
    }
}
