//! Rung 1 of the ladder.

use super::super::container::stage::{Stage, heard, stage};
use super::super::life::{descends, state_of};
use super::super::{contained, container};
use super::facing::facing;
use crate::diagnose::Context;
use crate::order::Order as _;
use crate::report::{RungState, RungSummary};
use crate::snapshot::{Gateway, ProcessRole};

/// Rung 1: exactly one process listens on the port, it is the gateway of this state directory, and lock file, lease and unit name it.
pub(crate) fn one_owner(context: Context<'_>, gateway: &Gateway) -> RungSummary {
    let (state, detail) = judge(context, gateway);
    RungSummary { rung: "one-owner".to_owned(), state, elapsed_ms: elapsed(context), detail }
}

/// How long it took to see who listens; none where the snapshot does not tell.
#[expect(clippy::cast_precision_loss, reason = "an observer's milliseconds are far below 2^52")]
fn elapsed(context: Context<'_>) -> Option<f64> {
    let timings =
        context.snapshot.timings.iter().filter(|timing| matches!(timing.observer.as_str(), "listeners" | "processes"));
    timings.map(|timing| timing.elapsed_ms as f64).reduce(|sum, elapsed| sum + elapsed)
}

fn judge(context: Context<'_>, gateway: &Gateway) -> (RungState, String) {
    let snapshot = context.snapshot;
    if gateway.workload.is_some() {
        return contained(context, gateway);
    }
    if let Some(why) = snapshot.listeners.blind().or(snapshot.processes.blind()) {
        return (RungState::Unknown, why.to_owned());
    }
    let port = gateway.port;
    let mut owners: Vec<u32> = facing(snapshot, gateway).flat_map(|listener| listener.pids.clone()).collect();
    owners.order();
    owners.dedup();
    // What a gateway starts has its listener too, until it has become another program.
    let inherits = |pid: u32| {
        let parent = snapshot.process(pid).map(|process| process.ppid);
        parent.is_some_and(|parent| gateway.pids.contains(&parent) && owners.contains(&parent))
    };
    let owners: Vec<u32> = owners.iter().copied().filter(|pid| !inherits(*pid)).collect();
    match owners.as_slice() {
        [] if facing(snapshot, gateway).next().is_some() => {
            (RungState::Unknown, format!("port {port} is taken by a process that is hidden from this user"))
        }
        [] => (RungState::Fail, format!("nothing listens on port {port}")),
        [pid] if gateway.pids.contains(pid) => match other_owner(context, gateway, *pid) {
            Some(other) => (RungState::Fail, other),
            None => (RungState::Pass, format!("pid {pid}")),
        },
        [pid] => (RungState::Fail, format!("port {port} belongs to pid {pid}, which is not this gateway")),
        more => match more.iter().find(|pid| !gateway.pids.contains(pid)) {
            Some(pid) if more.len() == 2 => {
                let at = facing(snapshot, gateway).find(|listener| listener.pids.contains(pid));
                let at = at.map_or_else(String::new, |listener| format!(" on {}", listener.address));
                (RungState::Fail, format!("port {port}{at} belongs to pid {pid}, which is not this gateway"))
            }
            _ => (RungState::Fail, format!("port {port} has {} owners", more.len())),
        },
    }
}

/// The rung of a gateway in a container: it runs, it listens within, and nobody else has the port that it publishes.
fn contained(context: Context<'_>, gateway: &Gateway) -> (RungState, String) {
    let port = gateway.port;
    let workload = match stage(context, gateway) {
        Stage::Elsewhere => {
            return (RungState::Unknown, "it is only written down, and no container runs it".to_owned());
        }
        Stage::Down(workload, runtime) => {
            return (RungState::Fail, format!("{} is {}", contained::name(workload), container::state(runtime)));
        }
        Stage::Mute(workload, other) => {
            let instead = other.map_or_else(String::new, |other| format!(", only on port {other}"));
            return (
                RungState::Fail,
                format!("nothing listens on port {port} in {}{instead}", contained::name(workload)),
            );
        }
        Stage::Starting(workload, _) => {
            return (RungState::Fail, format!("{} is starting", contained::name(workload)));
        }
        Stage::Up(workload) => workload,
    };
    let taken = workload.ports.iter().filter(|published| published.container_port == port).find_map(|published| {
        let host_port = published.host_port?;
        let foreign = context.snapshot.listeners_on(host_port).filter(|listener| !listener.foreign_netns);
        foreign.flat_map(|listener| &listener.pids).find_map(|&pid| {
            let process = context.snapshot.process(pid)?;
            let other = process.role == ProcessRole::Gateway
                && process.workload.as_ref().is_some_and(|id| *id != workload.id)
                || process.role == ProcessRole::Gateway && process.workload.is_none() && !process.foreign_pidns;
            other.then(|| format!("port {host_port} of the host belongs to pid {pid}, which is not this gateway"))
        })
    });
    if let Some(taken) = taken {
        return (RungState::Fail, taken);
    }
    let heard = heard(context, gateway, workload).is_some_and(|mut all| all.any(|listener| listener.port == port));
    if heard || gateway.ladder.healthz.answer().is_some() {
        return (RungState::Pass, contained::name(workload));
    }
    let why = workload.view.blind().unwrap_or("its namespaces were not looked into");
    (RungState::Unknown, why.to_owned())
}

/// Another live process that lock file, lease or unit name as this gateway.
fn other_owner(context: Context<'_>, gateway: &Gateway, pid: u32) -> Option<String> {
    let dir = state_of(context, gateway);
    let lock = dir.into_iter().flat_map(|dir| &dir.locks).find_map(|lock| {
        let owner = lock.owner.get()?;
        let live = owner.alive && owner.start_time == owner.live_start_time;
        (lock.held_for_life && owner.role.is_none() && live && owner.pid != pid)
            .then(|| format!("port {} belongs to pid {pid}, `{}` to pid {}", gateway.port, lock.path, owner.pid))
    });
    let lease = || {
        let lease = dir?.records.get()?.lease.as_ref()?;
        (lease.alive && lease.pid != pid)
            .then(|| format!("port {} belongs to pid {pid}, the owner lease to pid {}", gateway.port, lease.pid))
    };
    let unit = || {
        let running: Vec<(&str, u32)> = gateway
            .units
            .iter()
            .filter_map(|id| context.snapshot.unit(id))
            .filter_map(|unit| Some((unit.id.as_str(), unit.runtime.get()?.pid?)))
            .collect();
        let (id, other) = running.first()?;
        (!running.iter().any(|(_, of_unit)| descends(context, pid, *of_unit)))
            .then(|| format!("port {} belongs to pid {pid}, `{id}` runs pid {other}", gateway.port))
    };
    lock.or_else(lease).or_else(unit)
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;
    use crate::Snapshot;
    use crate::diagnose::{Policy, fixture::*};

    fn of(snapshot: &Snapshot) -> RungSummary {
        one_owner(Context { snapshot, policy: &Policy::default() }, &snapshot.gateways[0])
    }

    #[test]
    fn the_healthy_gateway_owns_its_port() {
        assert_eq!(of(&healthy()).state, RungState::Pass);
    }

    #[test]
    fn a_wrapper_above_the_gateway_is_its_unit_all_the_same() {
        let node = node(|node| {
            runtime(node).pid = Some(4_000);
            value(&mut node.processes)[0].ppid = 4_100;
            add_process(node, crate::snapshot::Process { ppid: 4_000, ..foreign_process(4_100, "/bin/sh") });
        });
        assert_eq!(of(&node).state, RungState::Pass);
    }

    #[test]
    fn unit_lock_and_lease_must_name_the_listener() {
        let unit = node(|node| runtime(node).pid = Some(9));
        assert_eq!(of(&unit).detail, "port 18789 belongs to pid 4242, `gui/501/ai.openclaw.gateway` runs pid 9");
        let lock = node(|node| value(&mut first_state(node).locks[0].owner).pid = 9);
        assert_eq!(of(&lock).state, RungState::Fail);
        let lease = node(|node| value(&mut first_state(node).records).lease.as_mut().unwrap().pid = 9);
        assert_eq!(of(&lease).detail, "port 18789 belongs to pid 4242, the owner lease to pid 9");
        let dead = node(|node| {
            let lease = value(&mut first_state(node).records).lease.as_mut().unwrap();
            (lease.pid, lease.alive) = (9, false);
        });
        assert_eq!(of(&dead).state, RungState::Pass);
    }

    #[test]
    fn a_listener_on_another_address_takes_nothing_from_a_gateway_on_loopback() {
        for address in [Ipv4Addr::new(100, 64, 0, 9), Ipv4Addr::new(127, 0, 0, 2)] {
            let node = node(|node| {
                let mut other = listener(PORT, 77);
                other.address = IpAddr::V4(address);
                value(&mut node.listeners).push(other);
            });
            assert_eq!(of(&node).state, RungState::Pass);
        }
    }

    #[test]
    fn a_stranger_on_the_other_loopback_is_named_with_its_address() {
        let node = node(|node| value(&mut node.listeners)[1].pids = vec![77]);
        assert_eq!(of(&node).detail, "port 18789 on ::1 belongs to pid 77, which is not this gateway");
    }

    #[test]
    fn a_child_that_has_the_listener_of_its_gateway_is_no_other_owner() {
        let with_parent = |ppid| {
            node(|node| {
                value(&mut node.listeners)[0].pids.push(5_000);
                add_process(node, crate::snapshot::Process { ppid, ..foreign_process(5_000, "/usr/bin/node") });
            })
        };
        assert_eq!(of(&with_parent(PID)).state, RungState::Pass);
        assert_eq!(of(&with_parent(1)).state, RungState::Fail);
    }

    #[test]
    fn what_is_hidden_is_unknown() {
        assert_eq!(of(&node(|node| node.listeners = denied())).state, RungState::Unknown);
        let hidden = node(|node| value(&mut node.listeners).iter_mut().for_each(|listener| listener.pids.clear()));
        assert_eq!(of(&hidden).state, RungState::Unknown);
    }
}
