//! `port.contended`

use crate::diagnose::rules::contained::place_named;
use crate::order::Gather as _;
use std::collections::BTreeSet;

use super::super::command::retire;
use super::super::contained;
use super::claim::{Claim, claims};
use crate::catalogue::Code;
use crate::diagnose::{Context, Draft};
use crate::snapshot::{Snapshot, Workload, WorkloadRole};

/// `port.contended`: two or more owners are set up for one port.
///
/// The same gateway installed twice is one owner here, and `unit.duplicate` speaks of it. A configuration that nothing starts is none.
pub(super) fn contended(context: Context<'_>, out: &mut Vec<Draft>) {
    let snapshot = context.snapshot;
    let ports: BTreeSet<u16> = snapshot
        .host_gateways()
        .map(|gateway| gateway.port)
        .chain(snapshot.units.units.iter().filter_map(|unit| unit.port))
        .chain(published_by_gateways(snapshot))
        .gather();
    for port in ports {
        let claims = claims(context, port);
        // At least one of them is a gateway: what others do among themselves is no concern of this node's verdict.
        if claims.len() < 2 || claims.iter().all(|claim| claim.gateway.is_none()) || !clash(port, &claims) {
            continue;
        }
        out.push(describe(context, port, &claims));
    }
}

fn describe(context: Context<'_>, port: u16, claims: &[Claim<'_>]) -> Draft {
    let snapshot = context.snapshot;
    let words: Vec<String> = claims.iter().map(Claim::words).collect();
    let mut draft = Draft::new(
        Code::PortContended,
        "port",
        port.to_string(),
        format!("port {port} is claimed by {}", words.join(", and by ")),
    );
    for claim in claims {
        if let Some(gateway) = claim.gateway.filter(|_| claim.workload.is_some()) {
            draft = draft.gateway(gateway);
        } else if let Some(gateway) = claim.gateway {
            draft = draft.gateway(gateway).evidence(
                format!("{} should listen on port {port}", gateway.id),
                gateway.port_source.clone(),
                snapshot.taken_at,
            );
        } else if let Some(state) = claim.state {
            draft = draft.state_dir(state);
        }
        if let Some(workload) = claim.workload {
            draft = published(draft.workload(workload), context, port, workload);
        }
        for unit in &claim.units {
            draft = draft.seen(format!("`{}` claims port {port}", unit.id), &unit.runtime);
        }
        for process in &claim.processes {
            draft = draft.seen(format!("pid {} runs", process.pid), &snapshot.processes);
        }
    }
    let owner = snapshot.listeners_on(port).find_map(|listener| listener.pids.first());
    draft = draft.remedy(match owner {
        Some(pid) if claims.iter().all(|claim| claim.workload.is_none()) => {
            format!("decide which one keeps port {port}; pid {pid} has it now")
        }
        _ => format!("decide which one keeps port {port}"),
    });
    let losers = claims.iter().filter(|claim| !owner.is_some_and(|pid| claim.processes.iter().any(|p| p.pid == *pid)));
    for claim in losers {
        for unit in &claim.units {
            draft = draft.command(format!("to retire `{}`", unit.id), retire(unit));
        }
        if let Some(workload) = claim.workload {
            draft = other_port(draft, context, port, workload);
        } else if let Some(gateway) = claim.gateway {
            draft = draft.command(
                format!("or give the gateway in {} a port of its own, at least 120 away", place_named(&gateway.id)),
                format!("{}openclaw config set gateway.port {}", environment(claim), port.saturating_add(120)),
            );
        }
    }
    draft
}

/// Ports of the host that containers of gateways publish.
fn published_by_gateways(snapshot: &Snapshot) -> impl Iterator<Item = u16> {
    let gateways = snapshot.workloads.iter().filter(|workload| workload.role == WorkloadRole::Gateway);
    gateways.flat_map(|workload| &workload.ports).filter_map(|port| port.host_port)
}

/// Whether two of the claims are for one address. Containers may publish one port on different addresses, and services of different
/// profiles never run together.
fn clash(port: u16, claims: &[Claim<'_>]) -> bool {
    let containers: Vec<&Workload> = claims.iter().filter_map(|claim| claim.workload).collect();
    let others = claims.len() - containers.len();
    if others > 1 {
        return true;
    }
    if others == 1 && containers.iter().any(|workload| addresses(workload, port).any(is_near)) {
        return true;
    }
    containers.iter().enumerate().any(|(index, one)| {
        containers.iter().skip(index + 1).any(|other| {
            let apart = !one.profiles.is_empty()
                && !other.profiles.is_empty()
                && one.project == other.project
                && !one.profiles.iter().any(|profile| other.profiles.contains(profile));
            !apart
                && addresses(one, port).any(|ours| {
                    addresses(other, port).any(|theirs| ours == theirs || is_every(ours) || is_every(theirs))
                })
        })
    })
}

fn addresses(workload: &Workload, port: u16) -> impl Iterator<Item = Option<&str>> {
    let ports = workload.ports.iter().filter(move |published| published.host_port == Some(port));
    ports.map(|published| published.host_address.as_deref())
}

fn is_every(address: Option<&str>) -> bool {
    matches!(address, None | Some("0.0.0.0" | "::" | "[::]" | ""))
}

/// Whether an address is one on which a gateway of the host listens by default.
fn is_near(address: Option<&str>) -> bool {
    is_every(address) || matches!(address, Some("127.0.0.1" | "::1" | "[::1]" | "localhost"))
}

fn published(draft: Draft, context: Context<'_>, port: u16, workload: &Workload) -> Draft {
    let at = context.snapshot.taken_at;
    let mut draft = draft;
    for published in workload.ports.iter().filter(|published| published.host_port == Some(port)) {
        let words = format!("{} publishes its port {} as {port}", contained::name(workload), published.container_port);
        draft = match workload.place(&published.key) {
            Some(place) => draft.written(words, Some(place), at),
            None => draft.evidence(words, workload.engine.clone().unwrap_or_else(|| "definition".to_owned()), at),
        };
    }
    if let Some(error) = workload.runtime.as_ref().and_then(|runtime| runtime.error.as_ref()) {
        draft = draft.evidence(error.clone(), workload.engine.clone().unwrap_or_default(), at);
    }
    draft
}

fn other_port(draft: Draft, context: Context<'_>, port: u16, workload: &Workload) -> Draft {
    let name = contained::name(workload);
    let mut draft = draft;
    if workload.engine.is_some() {
        draft = draft.command(format!("to stop {name}"), contained::stop(context.snapshot, workload));
    }
    let inner = workload.ports.iter().find(|published| published.host_port == Some(port)).map(|p| p.container_port);
    let other = port.saturating_add(120);
    draft.remedy(format!(
        "or publish {name} elsewhere: `127.0.0.1:{other}:{}`; its own port stays",
        inner.unwrap_or(port)
    ))
}

fn environment(claim: &Claim<'_>) -> String {
    claim.state.map_or_else(String::new, |state| format!("OPENCLAW_STATE_DIR={} ", super::super::command::quote(state)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::fixture::*;
    use crate::snapshot::{Boot, Domain, Expectation, Snapshot, StateRecords, UnitRole};

    const OTHER: &str = "/Users/op/.openclaw-work";

    fn beside(change: impl FnOnce(&mut Snapshot)) -> Snapshot {
        node(|node| {
            node.gateways.push(silent_gateway(OTHER, PORT));
            node.state_dirs.push(state_dir(OTHER, 300));
            change(node);
        })
    }

    fn ended(node: &mut Snapshot, outcome: Option<&str>, reason: Option<&str>, seconds: i64) {
        node.state_dirs[1].records = known(StateRecords {
            schema_version: 18,
            lease: None,
            boots: vec![Boot {
                pid: Some(5_000),
                started_at: ago(seconds),
                completed_at: None,
                outcome: outcome.map(str::to_owned),
                reason: reason.map(str::to_owned),
            }],
            devices: Vec::new(),
            paired: Vec::new(),
            pending: Vec::new(),
            device_tokens: Vec::new(),
        });
    }

    #[test]
    fn two_units_with_different_state_claim_one_port() {
        let node = beside(|node| {
            let mut other = unit("ai.openclaw.work", None);
            other.state_dir = Some(OTHER.to_owned());
            node.units.units.push(other);
        });
        let draft = draft(contended, &node);
        assert_eq!(
            draft.summary,
            "port 18789 is claimed by unit `gui/501/ai.openclaw.gateway` and pid 4242 with state `/Users/op/.openclaw`, \
             and by unit `gui/501/ai.openclaw.work` with state `/Users/op/.openclaw-work`"
        );
        assert_eq!(
            draft.remedy[1].command.as_deref(),
            Some("launchctl disable gui/501/ai.openclaw.work && launchctl bootout gui/501/ai.openclaw.work")
        );
        assert_eq!(
            draft.remedy[2].command.as_deref(),
            Some("OPENCLAW_STATE_DIR=/Users/op/.openclaw-work openclaw config set gateway.port 18909")
        );
    }

    #[test]
    fn a_start_that_found_the_port_taken_is_a_claim() {
        let taken = "another gateway instance is already listening on ws://127.0.0.1:18789 | listen EADDRINUSE";
        let node = beside(|node| ended(node, Some("startup_failed"), Some(taken), 600));
        assert!(draft(contended, &node).summary.contains("found the port taken"));
        let root = root_causes(&node);
        assert_eq!(root, [Code::PortContended]);
    }

    #[test]
    fn a_live_second_process_is_a_claim() {
        let node = beside(|node| {
            node.gateways[1].pids = vec![5_000];
            add_process(node, gateway_process(5_000, OTHER, PORT));
        });
        assert!(draft(contended, &node).summary.contains("pid 5000 with state `/Users/op/.openclaw-work`"));
    }

    #[test]
    fn a_gateway_that_was_asked_for_is_a_claim() {
        let node = beside(|node| node.gateways[1].expected.push(Expectation::Asked));
        assert_eq!(drafts(contended, &node).len(), 1);
    }

    #[test]
    fn a_configuration_against_a_gateway_that_runs_is_a_claim() {
        let draft = draft(contended, &beside(ran_once));
        assert!(
            draft.summary.ends_with("and by the gateway in `/Users/op/.openclaw-work` (it is configured for it)"),
            "{}",
            draft.summary
        );
    }

    #[test]
    fn a_configuration_in_which_nothing_ever_ran_is_no_claim() {
        assert!(silent(contended, &beside(|_| {})));
    }

    fn ran_once(node: &mut Snapshot) {
        ended(node, Some("clean_stop"), None, 86_400);
    }

    #[test]
    fn configurations_that_nobody_runs_are_no_contention() {
        let idle = |outcome: Option<&str>, seconds| {
            beside(|node| {
                kill_gateway(node);
                node.units.units.clear();
                value(&mut first_state(node).records).boots.clear();
                ended(node, outcome, None, seconds);
            })
        };
        assert!(silent(contended, &idle(Some("clean_stop"), 60)));
        assert!(silent(contended, &idle(None, 86_400)));
    }

    #[test]
    fn a_unit_without_a_port_claims_that_of_its_gateway() {
        let node = beside(|node| {
            let mut other = unit("ai.openclaw.work", None);
            (other.state_dir, other.port, other.port_argument) = (Some(OTHER.to_owned()), None, None);
            node.units.units.push(other);
        });
        assert_eq!(drafts(contended, &node).len(), 1);
    }

    #[test]
    fn a_tunnel_that_a_unit_keeps_up_claims_its_port() {
        let node = node(|node| {
            let mut tunnel = unit("com.example.tunnel", None);
            (tunnel.role, tunnel.state_dir) = (UnitRole::Other, None);
            node.units.units.push(tunnel);
        });
        assert!(draft(contended, &node).summary.ends_with("and by unit `gui/501/com.example.tunnel`"));
    }

    #[test]
    fn a_unit_that_is_switched_off_claims_nothing() {
        let node = beside(|node| {
            let mut other = unit("ai.openclaw.work", None);
            other.state_dir = Some(OTHER.to_owned());
            other.disabled = known(true);
            other.runtime = absent();
            node.gateways[1].units.push(other.id.clone());
            node.units.units.push(other);
        });
        assert!(silent(contended, &node));
    }

    #[test]
    fn the_same_gateway_installed_twice_is_one_owner() {
        let node = node(|node| {
            let mut daemon = unit("ai.openclaw.gateway", None);
            daemon.id = "system/ai.openclaw.gateway".to_owned();
            daemon.domain = Domain::System;
            node.units.units.push(daemon);
        });
        assert!(silent(contended, &node));
    }

    #[test]
    fn healthy_or_hidden_it_says_nothing() {
        assert!(silent(contended, &healthy()));
        let hidden = node(|node| {
            node.processes = denied();
            node.listeners = denied();
            first_unit(node).runtime = denied();
        });
        assert!(silent(contended, &hidden));
    }
}
