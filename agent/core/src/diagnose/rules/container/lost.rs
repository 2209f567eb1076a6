//! `gateway.restart-storm` of a container that is kept running and runs no gateway

use super::super::contained::{logs, name};
use super::run::{STARTS, last_status, unwanted_ends};
use crate::catalogue::Code;
use crate::diagnose::{Context, Draft};
use crate::snapshot::{Workload, WorkloadRole};

/// A command line that its engine starts again and again, in a project without a gateway: its command lost the word `gateway`.
pub(super) fn storm(context: Context<'_>, out: &mut Vec<Draft>) {
    let snapshot = context.snapshot;
    for workload in snapshot.workloads.iter().filter(|workload| workload.role == WorkloadRole::Cli) {
        let is_kept = workload.restart.as_deref().is_some_and(|restart| restart != "no");
        let is_gateway_near = || {
            let gateways = snapshot.workloads.iter().filter(|other| other.role == WorkloadRole::Gateway);
            gateways.filter(|other| other.engine == workload.engine).any(|other| is_of(other, workload))
        };
        let count = unwanted_ends(context, workload);
        if !is_kept || count < STARTS || is_gateway_near() {
            continue;
        }
        let status = last_status(context, workload);
        let last = status.map_or_else(String::new, |status| format!(", the last end with status {status}"));
        let summary =
            format!("{} ended and was started again {count} times{last}: it {}", name(workload), workload.role_reason);
        let restarts = workload.runtime.as_ref().map_or(0, |runtime| runtime.restart_count);
        let engine = workload.engine.clone().unwrap_or_default();
        let mut draft = Draft::new(Code::GatewayRestartStorm, "container", workload.id.clone(), summary)
            .workload(workload)
            .evidence(format!("{restarts} restarts by the engine"), engine, snapshot.taken_at);
        if let Some(place) = workload.place("command") {
            let words = format!("its command is `{}`", workload.command.join(" "));
            draft = draft.written(words, Some(place), snapshot.taken_at);
        }
        out.push(
            draft.command("see what each run says before it ends", logs(snapshot, workload)).remedy(
                "if it is to be a gateway, let its command be `gateway`; a command line needs no restart policy",
            ),
        );
    }
}

/// Whether another workload is of the same project, or both are of none.
fn is_of(other: &Workload, workload: &Workload) -> bool {
    other.project == workload.project
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::fixture::project::*;
    use crate::diagnose::fixture::*;
    use crate::snapshot::{RunState, Runtime, Snapshot};

    /// A project whose one service has lost the word `gateway`.
    fn lost(restarts: u32, policy: Option<&str>) -> Snapshot {
        let mut node = split();
        node.workloads.remove(0);
        node.gateways.clear();
        node.clients.clear();
        let own = node.workloads.first_mut().unwrap();
        own.network_mode = crate::snapshot::NetworkMode::Own;
        own.restart = policy.map(str::to_owned);
        own.runtime = Some(Runtime { state: RunState::Restarting, restart_count: restarts, ..ended(1) });
        node
    }

    #[test]
    fn a_command_line_in_the_gateways_place_that_never_stays_up_is_a_storm() {
        let node = lost(5, Some("unless-stopped"));
        assert_eq!(root_causes(&node), [Code::GatewayRestartStorm]);
        assert_eq!(report(&node).exit_status(false), 69);
    }

    #[test]
    fn one_that_stays_up_that_nobody_keeps_or_that_is_beside_a_gateway_is_none() {
        assert!(silent(storm, &lost(2, Some("always"))));
        assert!(silent(storm, &lost(5, Some("no"))));
        assert!(silent(storm, &lost(5, None)));
        let mut beside = lost(5, Some("always"));
        beside.workloads.push(split().workloads.remove(0));
        assert!(silent(storm, &beside));
    }

    #[test]
    fn one_of_which_no_run_is_known_is_none() {
        let mut node = lost(5, Some("always"));
        node.workloads[0].runtime = None;
        assert!(silent(storm, &node));
    }
}
