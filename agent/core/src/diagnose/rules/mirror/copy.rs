//! Copies of state directories: which one a process uses, and which one is only a copy.

use super::super::life::state_of;
use super::super::ownership::is_active;
use crate::diagnose::Context;
use crate::snapshot::{Boot, Expectation, Gateway, StateDir, StateRecords};

/// Whether a gateway is only what a copy of another one's state directory looks like: the same identity or the same last start, nothing
/// that runs, no unit at all, be it disabled, and the original in use. Lease, starts and configuration in it are the original's.
pub(crate) fn is_spare(context: Context<'_>, gateway: &Gateway) -> bool {
    let Some(dir) = state_of(context, gateway) else { return false };
    let is_anothers = |pid: &u32| directory_of(context, *pid).is_some_and(|other| other.path != dir.path);
    !gateway.expected.contains(&Expectation::Asked)
        && gateway.units.is_empty()
        && gateway.pids.iter().all(is_anothers)
        && !is_alive(context, dir)
        && context.snapshot.state_dirs.iter().any(|other| is_copied(dir, other) && is_alive(context, other))
}

/// Whether a gateway runs or should run in it, or something has its files open. When it was written tells nothing: a copy is as young as
/// the moment at which it was made.
pub(super) fn is_alive(context: Context<'_>, dir: &StateDir) -> bool {
    let snapshot = context.snapshot;
    let is_its = |pid: &u32| directory_of(context, *pid).is_some_and(|other| other.path == dir.path);
    let works = |gateway: &Gateway| {
        gateway.pids.iter().any(is_its) || gateway.units.iter().filter_map(|id| snapshot.unit(id)).any(is_active)
    };
    super::super::state::gateways_of(context, dir).any(works) || dir.open.get().is_some_and(|open| !open.is_empty())
}

/// Whether two paths lead to one directory.
pub(super) fn is_same(one: &StateDir, other: &StateDir) -> bool {
    let place = |dir: &StateDir| dir.stat.get().map(|stat| (stat.dev, stat.ino));
    one.path == other.path || place(one).is_some() && place(one) == place(other)
}

/// The state directory of a gateway's process. Lease and lock of a copy name the owner of the original, so that its own word counts; where
/// that is hidden, the lease that was renewed last.
fn directory_of(context: Context<'_>, pid: u32) -> Option<&StateDir> {
    let snapshot = context.snapshot;
    if let Some(path) = snapshot.process(pid).and_then(|process| process.state_dir.as_deref()) {
        return snapshot.state_dir(path);
    }
    let named = snapshot.gateways.iter().filter(|gateway| gateway.pids.contains(&pid));
    let heard = |dir: &&StateDir| dir.records.get()?.lease.as_ref()?.heartbeat_at;
    named.filter_map(|gateway| state_of(context, gateway)).max_by_key(heard)
}

/// Whether one directory holds an identity or the last start of the other.
fn is_copied(one: &StateDir, other: &StateDir) -> bool {
    let (Some(ours), Some(theirs)) = (one.records.get(), other.records.get()) else { return false };
    let start = |boot: &Boot| (boot.pid, boot.started_at);
    let began = |records: &StateRecords| records.boots.first().map(start);
    let same_start = began(ours).is_some_and(|first| theirs.boots.iter().any(|boot| start(boot) == first));
    !is_same(one, other) && (same_start || ours.devices.iter().any(|device| theirs.devices.contains(device)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Snapshot;
    use crate::catalogue::Code;
    use crate::diagnose::Policy;
    use crate::diagnose::fixture::*;

    const COPY: &str = "/Users/op/.openclaw-copy";

    /// The healthy node with a copy of its state directory, as `cp -a` leaves it: the lease in it names the gateway of the original.
    fn copied(change: impl FnOnce(&mut Snapshot)) -> Snapshot {
        node(|node| {
            let mut copy = state_dir(COPY, 700);
            copy.records = node.state_dirs[0].records.clone();
            copy.open = absent();
            node.state_dirs.push(copy);
            let mut twin = silent_gateway(COPY, PORT);
            twin.pids = vec![PID];
            twin.expected = vec![Expectation::Process, Expectation::Config, Expectation::Remains];
            twin.ladder = node.gateways[0].ladder.clone();
            node.gateways.push(twin);
            change(node);
        })
    }

    fn spares(snapshot: &Snapshot) -> Vec<bool> {
        let context = Context { snapshot, policy: &Policy::default() };
        snapshot.gateways.iter().map(|gateway| is_spare(context, gateway)).collect()
    }

    #[test]
    fn a_copy_of_a_directory_in_use_claims_no_port_and_owes_no_proof() {
        let node = copied(|_| {});
        assert_eq!(spares(&node), [false, true]);
        assert!(codes(&node).contains(&Code::MirrorGhost) && !codes(&node).contains(&Code::PortContended));
        assert_eq!(report(&node).exit_status(false), 0);
    }

    #[test]
    fn it_stays_a_copy_once_the_original_has_started_anew() {
        let node = copied(|node| {
            node.gateways[1].pids.clear();
            node.gateways[1].ladder = silent_gateway(COPY, PORT).ladder;
            value(&mut node.state_dirs[1].records).lease = None;
        });
        assert_eq!(spares(&node), [false, true]);
        assert_eq!(report(&node).exit_status(false), 0);
    }

    #[test]
    fn a_start_in_common_tells_where_no_identity_is_known() {
        let apart = |started: i64| {
            copied(|node| {
                for dir in &mut node.state_dirs {
                    let records = value(&mut dir.records);
                    records.devices.clear();
                    records.boots = vec![Boot {
                        pid: Some(PID),
                        started_at: ago(60),
                        completed_at: None,
                        outcome: None,
                        reason: None,
                    }];
                }
                value(&mut node.state_dirs[1].records).boots[0].started_at = ago(started);
            })
        };
        assert_eq!(spares(&apart(60)), [false, true]);
        assert_eq!(spares(&apart(90)), [false, false]);
    }

    #[test]
    fn a_copy_that_runs_is_to_run_or_was_asked_for_is_none() {
        let runs = copied(|node| {
            node.gateways[1].pids = vec![5_000];
            add_process(node, gateway_process(5_000, COPY, PORT));
        });
        assert_eq!(spares(&runs), [false, false]);
        assert!(codes(&runs).contains(&Code::PortContended));
        assert_eq!(spares(&copied(|node| node.gateways[1].expected.push(Expectation::Asked))), [false, false]);
        let to_run = copied(|node| {
            let mut other = unit("ai.openclaw.copy", None);
            other.state_dir = Some(COPY.to_owned());
            other.disabled = known(true);
            node.gateways[1].units.push(other.id.clone());
            node.units.units.push(other);
        });
        assert_eq!(spares(&to_run), [false, false]);
    }

    #[test]
    fn where_the_environment_is_hidden_the_lease_that_beats_tells() {
        let hidden = |ours: i64, theirs: i64| {
            copied(|node| {
                for process in value(&mut node.processes) {
                    process.state_dir = None;
                }
                for gateway in &mut node.gateways {
                    gateway.units.clear();
                }
                for (dir, beat) in node.state_dirs.iter_mut().zip([ours, theirs]) {
                    dir.open = denied();
                    value(&mut dir.records).lease.as_mut().unwrap().heartbeat_at = Some(ago(beat));
                }
            })
        };
        assert_eq!(spares(&hidden(5, 200)), [false, true]);
        assert_eq!(spares(&hidden(200, 5)), [true, false]);
    }

    #[test]
    fn healthy_or_hidden_there_is_no_copy() {
        assert_eq!(spares(&healthy()), [false]);
        assert_eq!(spares(&copied(|node| node.state_dirs[1].records = denied())), [false, false]);
        assert_eq!(spares(&copied(|node| node.state_dirs[0].records = denied())), [false, false]);
    }
}
