//! Gateways that wait for a lock.
//!
//! `OpenClaw` polls: a process that waits holds nothing and sleeps in no lock call. What tells it are its own notice in the log, and a
//! gateway that listens nowhere and holds no lock while somebody else holds the one that it needs.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Snapshot;
use crate::snapshot::{LogEvent, Process, ProcessRole, StateDir, event};

/// The lock that a starting gateway waits for.
const AWAITED: &str = "gateway-lifecycle";

/// A process that waits for a lock.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Waiter {
    /// The state directory.
    pub state_dir: String,
    /// The lock by its purpose.
    pub lock: String,
    /// The process that waits.
    pub pid: u32,
    /// Seconds up to now.
    pub seconds: f64,
    /// Since when.
    #[schemars(with = "String")]
    pub since: Timestamp,
    /// The process that holds the lock, where it is known.
    pub holder: Option<u32>,
    /// How it is known that it waits.
    pub source: String,
}

/// The gateways that wait for a lock of a state directory.
pub fn waiters(snapshot: &Snapshot, dir: &StateDir) -> Vec<Waiter> {
    let holder = dir.locks.iter().find(|lock| lock.purpose == AWAITED).and_then(|lock| lock.holder_pid.get()).copied();
    let owners: Vec<u32> = dir
        .locks
        .iter()
        .flat_map(|lock| [lock.holder_pid.get().copied(), lock.owner.get().map(|owner| owner.pid)])
        .flatten()
        .collect();
    let Some(listeners) = snapshot.listeners.get() else { return Vec::new() };
    let idle = |process: &&Process| {
        matches!(process.role, ProcessRole::Gateway | ProcessRole::Bootstrapping)
            && process.workload.is_none()
            && !process.foreign_pidns
            && process.state_dir.as_deref() == Some(dir.path.as_str())
            && !owners.contains(&process.pid)
            && !listeners.iter().any(|listener| listener.pids.contains(&process.pid))
    };
    let processes = snapshot.processes.get().into_iter().flatten().filter(idle);
    processes.filter_map(|process| waiter(snapshot, dir, process, holder)).collect()
}

fn waiter(snapshot: &Snapshot, dir: &StateDir, process: &Process, holder: Option<u32>) -> Option<Waiter> {
    let notice = notice(snapshot, dir).filter(|at| process.started_at.is_none_or(|start| start <= *at));
    let (since, source) = match (notice, holder) {
        (Some(at), _) => (at, "the gateway's log says that it waits"),
        // A gateway has its title only when it is past loading; from then on it needs the lock.
        (None, Some(_)) if process.role == ProcessRole::Gateway => {
            (process.started_at?, "it listens nowhere and holds no lock, and another process holds this one")
        }
        _ => return None,
    };
    Some(Waiter {
        state_dir: dir.path.clone(),
        lock: AWAITED.to_owned(),
        pid: process.pid,
        seconds: snapshot.taken_at.duration_since(since).as_secs_f64().max(0.0),
        since,
        holder,
        source: source.to_owned(),
    })
}

/// When the last wait that has not ended began, by the logs of the directory's gateways.
fn notice(snapshot: &Snapshot, dir: &StateDir) -> Option<Timestamp> {
    let gateways = snapshot.gateways.iter().filter(|gateway| gateway.state_dir.as_deref() == Some(dir.path.as_str()));
    let events = gateways.filter_map(|gateway| gateway.log.get()).flat_map(|log| &log.events);
    let last = |kinds: &[&str]| {
        let of = |event: &&LogEvent| kinds.contains(&event.kind.as_str());
        events.clone().filter(of).filter_map(|event| event.at).max()
    };
    let begun = last(&[event::WAITING_FOR_LIFECYCLE])?;
    let ended = last(&[event::LIFECYCLE_ACQUIRED, event::READY, event::LOCK_TIMEOUT]);
    ended.is_none_or(|ended| ended < begun).then_some(begun)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::fixture::*;
    use crate::fact::Fact;

    const WAITING: u32 = 5_000;

    fn snapshot(notice: bool) -> Snapshot {
        node(|node| {
            let mut other = gateway_process(WAITING, STATE, PORT);
            other.started_at = Some(ago(40));
            add_process(node, other);
            let mut held = lock(STATE, PID);
            held.purpose = AWAITED.to_owned();
            held.holder_pid = known(PID);
            first_state(node).locks = vec![held];
            if notice {
                log_event(node, 30, event::WAITING_FOR_LIFECYCLE, "waiting for gateway-lifecycle ownership", &[]);
            }
        })
    }

    fn found(snapshot: &Snapshot) -> Vec<Waiter> {
        waiters(snapshot, &snapshot.state_dirs[0])
    }

    #[test]
    fn the_notice_says_since_when() {
        let found = found(&snapshot(true));
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].pid, found[0].holder, found[0].since), (WAITING, Some(PID), ago(30)));
        assert!((found[0].seconds - 30.0).abs() < 0.01);
    }

    #[test]
    fn without_a_notice_a_gateway_without_listener_and_locks_waits_for_the_holder() {
        assert_eq!(found(&snapshot(false))[0].since, ago(40));
        let mut unheld = snapshot(false);
        first_state(&mut unheld).locks[0].holder_pid = absent();
        assert_eq!(found(&unheld), []);
    }

    #[test]
    fn a_wait_that_ended_is_over() {
        let mut node = snapshot(true);
        first_state(&mut node).locks.clear();
        assert_eq!(found(&node).len(), 1);
        log_event(&mut node, 5, event::LIFECYCLE_ACQUIRED, "gateway-lifecycle ownership acquired after 25 s", &[]);
        assert_eq!(found(&node), []);
    }

    #[test]
    fn who_listens_or_is_hidden_does_not_wait() {
        assert_eq!(found(&healthy()), []);
        let mut node = snapshot(true);
        node.listeners = Fact::denied("run as root", "x", now());
        assert_eq!(found(&node), []);
    }
}
