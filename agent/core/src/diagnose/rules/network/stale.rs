//! `url.loopback-in-namespace` of what shares the namespace that a container had before it was started again

use super::super::contained::{left_behind, name, namespace, of_client, restart};
use super::super::container::stage::{Stage, stage};
use crate::catalogue::Code;
use crate::diagnose::{Context, Draft};
use crate::snapshot::{Gateway, Snapshot, Workload};

/// A container beside the gateway that still has the namespace of the gateway's last start: in it is nothing but a loopback.
///
/// Source: Docker Engine, `--network container:<name>` (docs.docker.com/engine/network): the namespace is joined once, when it starts.
pub(super) fn namespace_of_last_start(context: Context<'_>, out: &mut Vec<Draft>) {
    let snapshot = context.snapshot;
    for workload in &snapshot.workloads {
        let Some(other) = left_behind(snapshot, workload) else { continue };
        let Some(gateway) = gateway_of(snapshot, workload, other) else { continue };
        // While it still comes up, what is beside it may be started again as well.
        if matches!(stage(context, gateway), Stage::Starting(..) | Stage::Down(..)) {
            continue;
        }
        let client =
            snapshot.clients.iter().find(|client| of_client(snapshot, client).map(|own| &own.id) == Some(&workload.id));
        let summary = format!(
            "{} still has the network namespace that {} had before it was started again: nothing but itself is on the loopback there",
            name(workload),
            name(other)
        );
        let mut draft = match client {
            Some(client) => {
                Draft::new(Code::UrlLoopbackInNamespace, "client", client.id.clone(), summary).client(client)
            }
            None => Draft::new(Code::UrlLoopbackInNamespace, "container", workload.id.clone(), summary),
        };
        draft = draft.gateway(gateway).workload(workload);
        for part in [workload, other] {
            let Some(at) = part.runtime.as_ref().and_then(|runtime| runtime.started_at) else { continue };
            let engine = part.engine.clone().unwrap_or_default();
            draft = draft.evidence(format!("{} was started at {at}", name(part)), engine, context.snapshot.taken_at);
        }
        if let Some(place) = workload.place("network_mode") {
            draft = draft.written("it joins that namespace".to_owned(), Some(place), context.snapshot.taken_at);
        }
        draft = draft.command("start it again", restart(snapshot, workload));
        if let Some(service) = &other.service {
            draft = draft.remedy(format!(
                "let Compose do so whenever it starts the other: `depends_on: {{ {service}: {{ condition: service_started, restart: true }} }}`"
            ));
        }
        out.push(draft);
    }
}

/// The gateway that is cut off by it: the workload itself, or one in the namespace that it is not in.
fn gateway_of<'a>(snapshot: &'a Snapshot, workload: &Workload, other: &'a Workload) -> Option<&'a Gateway> {
    let runs = |wanted: &Workload| {
        snapshot.gateways.iter().find(|gateway| gateway.workload.as_deref() == Some(wanted.id.as_str()))
    };
    let net = namespace(snapshot, other);
    let beside = || {
        let inside = snapshot.workloads.iter().filter(|inside| inside.id != workload.id);
        inside.filter(|inside| namespace(snapshot, inside).id == net.id).find_map(runs)
    };
    runs(workload).or_else(beside)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::fixture::project::*;
    use crate::diagnose::fixture::*;
    use crate::snapshot::{NetworkMode, RunState, Runtime, WorkloadRole};

    fn beside(own: i64, gateways: i64) -> Snapshot {
        let mut node = split();
        let with = node.workloads[0].id.clone();
        let cli = cli_workload(&mut node);
        cli.network_mode = NetworkMode::Shared { with, found: true };
        cli.runtime = Some(Runtime { started_at: Some(ago(own)), ..running() });
        gateway_workload(&mut node).runtime = Some(Runtime { started_at: Some(ago(gateways)), ..running() });
        node
    }

    #[test]
    fn what_was_not_started_again_with_the_gateway_is_named() {
        let node = beside(600, 60);
        assert_eq!(root_causes(&node), [Code::UrlLoopbackInNamespace]);
        let found = draft(namespace_of_last_start, &node);
        assert_eq!(found.remedy[0].command.as_deref(), Some("docker compose -p claw restart openclaw-cli"));
        assert_eq!(report(&node).exit_status(false), 69);
    }

    #[test]
    fn any_container_beside_it_is_cut_off() {
        let mut node = beside(600, 60);
        node.clients.clear();
        cli_workload(&mut node).role = WorkloadRole::Proxy;
        assert_eq!(drafts(namespace_of_last_start, &node).len(), 1);
    }

    #[test]
    fn one_of_the_present_start_has_the_present_namespace() {
        assert!(silent(namespace_of_last_start, &beside(60, 600)));
        assert!(silent(namespace_of_last_start, &split()));
    }

    #[test]
    fn without_times_and_where_one_does_not_run_nothing_is_said() {
        let mut node = beside(600, 60);
        cli_workload(&mut node).runtime = Some(Runtime { started_at: None, ..running() });
        assert!(silent(namespace_of_last_start, &node));
        let mut node = beside(600, 60);
        gateway_workload(&mut node).runtime.as_mut().unwrap().state = RunState::Restarting;
        assert!(silent(namespace_of_last_start, &node));
    }
}
