//! `port.contended` within one network namespace

use super::super::contained::{self, judged, of, share_namespace, shares_kernel};
use super::super::container::run::STOPPED;
use super::super::life::seconds;
use super::{is_active, wants_to_run};
use crate::catalogue::Code;
use crate::diagnose::{Context, Draft};
use crate::snapshot::{Gateway, NetworkMode, RunState, Snapshot, Workload};

/// How far apart the ports of two gateways are to be: each uses some of those above its own.
const APART: u16 = 120;

/// How long an end counts, in seconds.
const LATELY_S: i64 = 3_600;

/// Two gateways of one port in one network namespace: that of a container which both share, or that of the machine.
pub(super) fn in_one_namespace(context: Context<'_>, out: &mut Vec<Draft>) {
    let snapshot = context.snapshot;
    let wanted: Vec<(&Gateway, Option<&Workload>)> = judged(snapshot)
        .map(|gateway| (gateway, of(snapshot, gateway)))
        .filter(|(gateway, workload)| match workload {
            Some(workload) => wants_to_run(workload) || failed_lately(context, workload),
            None => gateway.workload.is_none() && is_up(snapshot, gateway),
        })
        .collect();
    for (index, &(one, within)) in wanted.iter().enumerate() {
        let Some(workload) = within else { continue };
        let others = wanted.iter().enumerate().filter(|(at, (_, other))| other.is_none() || *at > index);
        for (_, &(other, beside)) in others.filter(|(_, (other, _))| other.id != one.id && other.port == one.port) {
            if meet(snapshot, workload, beside) {
                out.push(describe(context, (one, workload), (other, beside)));
            }
        }
    }
}

/// Whether it ended by itself not long ago: what cannot have its port gives up.
fn failed_lately(context: Context<'_>, workload: &Workload) -> bool {
    let Some(runtime) = &workload.runtime else { return false };
    let lately = runtime.finished_at.is_some_and(|at| seconds(at, context.snapshot.taken_at) <= LATELY_S);
    runtime.state == RunState::Exited && lately && runtime.exit_code.is_some_and(|status| !STOPPED.contains(&status))
}

/// Whether a gateway of the machine runs, or is kept running.
fn is_up(snapshot: &Snapshot, gateway: &Gateway) -> bool {
    !gateway.pids.is_empty() || gateway.units.iter().filter_map(|id| snapshot.unit(id)).any(is_active)
}

/// Whether both are in one namespace for certain.
fn meet(snapshot: &Snapshot, one: &Workload, other: Option<&Workload>) -> bool {
    let Some(other) = other else {
        let net = contained::namespace(snapshot, one);
        return net.network_mode == NetworkMode::Host && shares_kernel(snapshot, net) == Some(true);
    };
    let by_profile = !one.profiles.is_empty()
        && one.project == other.project
        && !other.profiles.is_empty()
        && !one.profiles.iter().any(|profile| other.profiles.contains(profile));
    !by_profile && share_namespace(snapshot, one, other) == Some(true)
}

fn describe(
    context: Context<'_>,
    (gateway, workload): (&Gateway, &Workload),
    (other, beside): (&Gateway, Option<&Workload>),
) -> Draft {
    let snapshot = context.snapshot;
    let port = gateway.port;
    let place =
        |id: &str, workload: Option<&Workload>| workload.map_or_else(|| contained::place_named(id), contained::name);
    let (ours, theirs) = (place(&gateway.id, Some(workload)), place(&other.id, beside));
    let net = contained::namespace(snapshot, workload);
    let which = if net.network_mode == NetworkMode::Host {
        "that of the machine".to_owned()
    } else {
        format!("that of {}", contained::name(net))
    };
    let summary = format!(
        "port {port} is claimed by the gateway in {ours}, and by the one in {theirs}: they have one network namespace, {which}"
    );
    let mut draft = Draft::new(Code::PortContended, "port", format!("{port} of {}", net.id), summary)
        .gateway(gateway)
        .gateway(other)
        .workload(workload);
    if let Some(beside) = beside {
        draft = draft.workload(beside);
    }
    for (of, within) in [(gateway, Some(workload)), (other, beside)] {
        let at = snapshot.taken_at;
        let words = format!("{} should listen on port {port}", place(&of.id, within));
        draft = match within.and_then(|within| within.place("network_mode").map(|place| (within, place))) {
            Some((within, place)) if within.places.contains_key("network_mode") => {
                draft.written(words, Some(place), at)
            }
            _ => draft.evidence(words, of.port_source.clone(), at),
        };
    }
    draft
        .remedy(format!(
            "give one of them a port of its own, at least {APART} away: `--port {}`",
            port.saturating_add(APART)
        ))
        .remedy(format!("or give {ours} a network namespace of its own: take `network_mode` out of its definition"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::fixture::project::*;
    use crate::diagnose::fixture::*;
    use crate::snapshot::Runtime;

    /// A second gateway in the namespace of the first.
    fn two(node: &mut Snapshot) {
        let mut other = node.workloads[0].clone();
        let mut gateway = node.gateways[0].clone();
        let with = other.id.clone();
        other.id = other.id.replace("gateway", "research");
        other.name = other.name.replace("gateway", "research");
        other.service = Some("research".to_owned());
        other.network_mode = NetworkMode::Shared { with, found: true };
        other.ports.clear();
        other.mounts[0].source = Some("research_state".to_owned());
        if other.view.get().is_some() {
            value(&mut value(&mut other.view).state).stat.ino = 7_001;
        }
        gateway.id = other.id.clone();
        gateway.workload = Some(other.id.clone());
        node.workloads.push(other);
        node.gateways.push(gateway);
    }

    #[test]
    fn two_gateways_of_one_port_in_one_namespace_contend_although_both_seem_to_answer() {
        for node in both(split, two) {
            assert_eq!(root_causes(&node), [Code::PortContended], "{:#?}", report(&node).findings);
            assert!(draft(in_one_namespace, &node).summary.contains("they have one network namespace"));
        }
    }

    #[test]
    fn the_machines_namespace_is_shared_with_its_own_gateway() {
        let mut node = split();
        let host = healthy();
        (node.processes, node.listeners) = (host.processes, host.listeners);
        (node.units, node.state_dirs) = (host.units, host.state_dirs);
        node.gateways.extend(host.gateways);
        gateway_workload(&mut node).ports.clear();
        assert!(silent(in_one_namespace, &node));
        gateway_workload(&mut node).network_mode = NetworkMode::Host;
        if let Some(answer) = node.engines.first_mut() {
            value(&mut answer.answer).in_vm = false;
        }
        assert_eq!(drafts(in_one_namespace, &node).len(), 1);
        value(&mut node.engines[0].answer).in_vm = true;
        assert!(silent(in_one_namespace, &node));
    }

    #[test]
    fn other_ports_ended_containers_and_what_is_not_known_do_not() {
        let mut apart = split();
        two(&mut apart);
        apart.gateways[1].port = 19_001;
        assert!(silent(in_one_namespace, &apart));
        let mut over = split();
        two(&mut over);
        over.workloads.last_mut().unwrap().runtime = Some(ended(0));
        assert!(silent(in_one_namespace, &over));
        let mut lost = split();
        two(&mut lost);
        let unknown = NetworkMode::Shared { with: "gone".to_owned(), found: false };
        lost.workloads.last_mut().unwrap().network_mode = unknown;
        assert!(silent(in_one_namespace, &lost));
        let mut made = split();
        two(&mut made);
        made.workloads.last_mut().unwrap().runtime = Some(Runtime { state: RunState::Created, ..running() });
        assert!(silent(in_one_namespace, &made));
    }
}
