//! What a gateway's processes are up to, told from process list, listeners, locks and answers.

use jiff::Timestamp;

use super::super::Context;
use crate::snapshot::{FailureKind, Gateway, Listener, LogEvent, Process, ProcessRole, StateDir, event};

/// How long a process may carry the title of a command that is still loading before it is no starting gateway.
const BOOTSTRAP_S: i64 = 60;

/// How long a process that was told to end may take before it counts as hung. launchd kills after `ExitTimeOut`, 20 s of which OpenClaw
/// writes into its units, systemd after 90 s where nothing else is set (`TimeoutStopSec`, systemd.service(5)).
const ENDING_S: i64 = 90;

/// What a gateway's processes are up to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Life<'a> {
    /// Processes or listeners are hidden, so that nothing can be said.
    Hidden,
    /// No process runs it.
    Gone,
    /// The kernel has it stopped.
    Stopped(&'a Process),
    /// It runs, and may still come to answer within the budget for a start.
    Starting(&'a Process, Option<i64>),
    /// It runs, had been ready or was told to end, and listens nowhere any more.
    Ending(&'a Process),
    /// It runs, is past the budget for a start and listens nowhere.
    Mute(&'a Process, i64),
    /// It listens, on another port.
    Elsewhere(&'a Process, u16),
    /// It listens on its port, and does not answer although it was up before or is past the budget for a start.
    Deaf(&'a Process),
    /// It listens on its port.
    Listening(&'a Process),
}

/// What the processes of a gateway are up to.
pub(super) fn life<'a>(context: Context<'a>, gateway: &Gateway) -> Life<'a> {
    let snapshot = context.snapshot;
    // Of a gateway in a container its engine tells.
    if gateway.workload.is_some() || snapshot.processes.get().is_none() {
        return Life::Hidden;
    }
    let mine: Vec<&Process> = gateway
        .pids
        .iter()
        .filter_map(|&pid| snapshot.process(pid))
        .filter(|process| matches!(process.role, ProcessRole::Gateway | ProcessRole::Bootstrapping))
        .filter(|process| process.workload.is_none())
        .collect();
    let holds_port = |process: &&&Process| snapshot.listeners_on(gateway.port).any(|listener| holds(listener, process));
    let Some(&process) = mine
        .iter()
        .find(holds_port)
        .or_else(|| mine.iter().find(|process| process.role == ProcessRole::Gateway))
        .or_else(|| mine.first())
    else {
        return Life::Gone;
    };
    if process.stopped {
        return Life::Stopped(process);
    }
    let Some(listeners) = snapshot.listeners.get() else { return Life::Hidden };
    let age = started(context, gateway, process).map(|at| seconds(at, snapshot.taken_at));
    let budget = i64::try_from(context.policy.start_budget_s).unwrap_or(i64::MAX);
    if holds_port(&&process) {
        return match gateway.ladder.healthz.failure().map(|failure| failure.kind) {
            Some(FailureKind::Timeout)
                if age.is_none_or(|age| age > budget) || was_ready(context, gateway, process) =>
            {
                Life::Deaf(process)
            }
            Some(FailureKind::Timeout | FailureKind::Starting | FailureKind::Refused | FailureKind::Reset)
                if age.is_none_or(|age| age <= budget) =>
            {
                Life::Starting(process, age)
            }
            _ if pending(gateway) && age.is_none_or(|age| age <= budget) => Life::Starting(process, age),
            _ => Life::Listening(process),
        };
    }
    let elsewhere = listeners.iter().find(|listener| listener.pids.contains(&process.pid));
    if let Some(listener) = elsewhere {
        return Life::Elsewhere(process, listener.port);
    }
    match age {
        Some(age) if process.role == ProcessRole::Bootstrapping && age > BOOTSTRAP_S => Life::Gone,
        _ if told_to_end(context, gateway, process) => Life::Ending(process),
        Some(age) if age > budget => Life::Mute(process, age),
        _ if was_ready(context, gateway, process) => Life::Ending(process),
        age => Life::Starting(process, age),
    }
}

/// Whether the process holds the listener, or may where its owner is hidden.
fn holds(listener: &Listener, process: &Process) -> bool {
    listener.pids.contains(&process.pid) || listener.pids.is_empty() && !listener.foreign_netns
}

/// Whether the gateway itself says that it is still starting.
fn pending(gateway: &Gateway) -> bool {
    let ladder = &gateway.ladder;
    ladder.startupz.answer().is_some_and(|startup| startup.status == "starting")
        || [ladder.handshake.failure(), ladder.connect.failure()]
            .into_iter()
            .flatten()
            .any(|failure| failure.kind == FailureKind::Starting)
}

/// When the present run began. A restart within the process makes a new lock and a new row, and keeps the pid.
pub(super) fn started(context: Context<'_>, gateway: &Gateway, process: &Process) -> Option<Timestamp> {
    let dir = state_of(context, gateway);
    let locks = dir.into_iter().flat_map(|dir| &dir.locks).filter_map(|lock| {
        lock.owner.get().filter(|owner| owner.pid == process.pid && owner.alive).and_then(|owner| owner.created_at)
    });
    let boots = dir
        .and_then(|dir| dir.records.get())
        .into_iter()
        .flat_map(|records| &records.boots)
        .filter(|boot| boot.pid == Some(process.pid))
        .map(|boot| boot.started_at);
    // Rows and locks of an earlier process with the same pid are older than the process.
    let process_start = process.started_at;
    locks.chain(boots).filter(|at| process_start.is_none_or(|start| *at >= start)).chain(process_start).max()
}

/// Whether the log says that the present run had been ready.
fn was_ready(context: Context<'_>, gateway: &Gateway, process: &Process) -> bool {
    let Some(start) = started(context, gateway, process) else { return false };
    events(gateway, event::READY).any(|event| event.at.is_some_and(|at| at >= start))
}

/// Whether the log says that the present run was told to end or to begin anew, not longer ago than that may take.
fn told_to_end(context: Context<'_>, gateway: &Gateway, process: &Process) -> bool {
    let Some(start) = started(context, gateway, process) else { return false };
    recent(context, gateway, event::STOPPED_BY_SIGNAL, ENDING_S).any(|event| event.at.is_some_and(|at| at >= start))
}

/// The state directory of a gateway, where it was looked at.
pub(super) fn state_of<'a>(context: Context<'a>, gateway: &Gateway) -> Option<&'a StateDir> {
    context.snapshot.state_dir(gateway.state_dir.as_deref()?)
}

/// Events of one kind in a gateway's log.
pub(super) fn events<'a>(gateway: &'a Gateway, kind: &'a str) -> impl Iterator<Item = &'a LogEvent> {
    gateway.log.get().into_iter().flat_map(|log| &log.events).filter(move |event| event.kind == kind)
}

/// Events of one kind in a gateway's log within so many seconds before the snapshot.
pub(super) fn recent<'a>(
    context: Context<'_>,
    gateway: &'a Gateway,
    kind: &'a str,
    within_s: i64,
) -> impl Iterator<Item = &'a LogEvent> {
    let now = context.snapshot.taken_at;
    events(gateway, kind).filter(move |event| event.at.is_some_and(|at| seconds(at, now) <= within_s))
}

/// Whether another gateway's lines may stand in the same log.
pub(super) fn log_is_shared(context: Context<'_>, gateway: &Gateway) -> bool {
    let Some(log) = gateway.log.get() else { return false };
    context
        .snapshot
        .gateways
        .iter()
        .filter(|other| other.id != gateway.id)
        .filter_map(|other| other.log.get())
        .any(|other| other.files.iter().any(|file| !is_users_log(file) && log.files.contains(file)))
}

/// Whether a file is the log that all gateways and commands of one user share by default. What stands here of such a file has been told
/// apart by port and pid; of a file that two gateways were configured to share it has not.
fn is_users_log(file: &str) -> bool {
    let mut parts = file.rsplit('/');
    let name = parts.next().unwrap_or_default();
    let folder = parts.next().unwrap_or_default();
    name.starts_with("openclaw-") && (folder == "openclaw" || folder.starts_with("openclaw-"))
}

/// Whole seconds from one moment to a later one.
pub(super) fn seconds(from: Timestamp, to: Timestamp) -> i64 {
    to.duration_since(from).as_secs()
}

/// A span of time in words: `40 s`, `12 min`, `3 h`.
pub(super) fn span(seconds: i64) -> String {
    match seconds {
        ..=119 => format!("{seconds} s"),
        120..=7_199 => format!("{} min", seconds / 60),
        7_200..=172_799 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// Whether a process is the other one or descends from it: a unit's job may be a wrapper that stays above the gateway.
pub(super) fn descends(context: Context<'_>, pid: u32, from: u32) -> bool {
    let mut at = pid;
    // Deeper than any real chain from launchd to a gateway; also ends a list that runs in a circle.
    for _ in 0..32 {
        if at == from {
            return true;
        }
        match context.snapshot.process(at) {
            Some(process) if process.ppid > 1 => at = process.ppid,
            Some(_) | None => return false,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::super::super::{Policy, fixture::*};
    use super::*;
    use crate::Snapshot;
    use crate::snapshot::Phase;

    fn of(snapshot: &Snapshot) -> Life<'_> {
        life(Context { snapshot, policy: Box::leak(Box::default()) as &Policy }, &snapshot.gateways[0])
    }

    fn without_listener(seconds: i64) -> Snapshot {
        node(|node| {
            value(&mut node.listeners).clear();
            value(&mut node.processes)[0].started_at = Some(ago(seconds));
            first_state(node).locks.clear();
            value(&mut first_state(node).records).boots.clear();
        })
    }

    #[test]
    fn a_process_with_its_listener_is_up() {
        assert!(matches!(of(&healthy()), Life::Listening(_)));
    }

    #[test]
    fn without_a_listener_age_tells_starting_from_mute() {
        assert!(matches!(of(&without_listener(5)), Life::Starting(_, Some(5))));
        assert!(matches!(of(&without_listener(301)), Life::Mute(_, 301)));
    }

    #[test]
    fn a_gateway_that_had_been_ready_and_lost_its_listener_is_ending_and_not_starting() {
        let mut node = without_listener(105);
        log_event(&mut node, 90, event::READY, "ready", &[]);
        assert!(matches!(of(&node), Life::Ending(_)));
        value(&mut node.processes)[0].started_at = Some(ago(60));
        assert!(matches!(of(&node), Life::Starting(_, Some(60))), "an earlier run was ready");
        value(&mut node.processes)[0].started_at = Some(ago(301));
        assert!(matches!(of(&node), Life::Mute(_, 301)), "it had its time");
    }

    #[test]
    fn a_gateway_of_any_age_that_was_told_to_end_is_ending_until_it_counts_as_hung() {
        let mut node = without_listener(86_400);
        log_event(&mut node, 91, event::STOPPED_BY_SIGNAL, "received SIGTERM; shutting down", &[]);
        assert!(matches!(of(&node), Life::Mute(..)));
        log_event(&mut node, 90, event::STOPPED_BY_SIGNAL, "received SIGTERM; shutting down", &[]);
        assert!(matches!(of(&node), Life::Ending(_)));
    }

    #[test]
    fn a_restart_within_the_process_counts_from_the_new_lock() {
        let mut node = without_listener(86_400);
        first_state(&mut node).locks.push(lock(STATE, PID));
        value(&mut first_state(&mut node).locks[0].owner).created_at = Some(ago(3));
        log_event(&mut node, 5, event::STOPPED_BY_SIGNAL, "received SIGUSR2; restarting", &[]);
        assert!(matches!(of(&node), Life::Starting(_, Some(3))));
    }

    #[test]
    fn a_timeout_is_deafness_only_after_the_budget_or_after_it_was_ready() {
        let mut node = node(|node| gateway(node).ladder.healthz = failed(Phase::Http, FailureKind::Timeout));
        assert!(matches!(of(&node), Life::Deaf(_)));
        value(&mut node.processes)[0].started_at = Some(ago(20));
        first_state(&mut node).locks.clear();
        assert!(matches!(of(&node), Life::Starting(..)));
        log_event(&mut node, 10, event::READY, "ready", &[]);
        assert!(matches!(of(&node), Life::Deaf(_)));
    }

    #[test]
    fn hidden_processes_say_nothing() {
        assert_eq!(of(&node(|node| node.processes = denied())), Life::Hidden);
        assert_eq!(of(&node(|node| node.listeners = denied())), Life::Hidden);
    }

    #[test]
    fn another_port_is_seen() {
        let snapshot = node(|node| gateway(node).port = 18_999);
        assert!(matches!(of(&snapshot), Life::Elsewhere(_, PORT)));
    }

    #[test]
    fn a_command_line_that_hangs_is_no_gateway() {
        let mut node = without_listener(100);
        value(&mut node.processes)[0].role = ProcessRole::Bootstrapping;
        assert_eq!(of(&node), Life::Gone);
    }

    #[test]
    fn spans_read_well() {
        assert_eq!([span(40), span(720), span(10_800), span(400_000)], ["40 s", "12 min", "3 h", "4 days"]);
    }
}
