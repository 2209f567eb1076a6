//! `gateway.wedged` of a gateway in a container

use super::super::contained::{logs, name, restart};
use super::about;
use super::stage::{Stage, stage};
use crate::catalogue::Code;
use crate::diagnose::{Context, Draft};
use crate::snapshot::{FailureKind, Phase};

/// `gateway.wedged`: the container runs, something takes connections on the gateway's port within it, and nothing is answered.
pub(super) fn wedged(context: Context<'_>, out: &mut Vec<Draft>) {
    let snapshot = context.snapshot;
    for gateway in &snapshot.gateways {
        let Stage::Up(workload) = stage(context, gateway) else { continue };
        let is_late =
            |failure: &&crate::snapshot::Failure| failure.kind == FailureKind::Timeout && failure.phase > Phase::Tcp;
        let Some(failure) = gateway.ladder.healthz.failure().filter(is_late) else { continue };
        let what = "it holds its port and answers nothing in time";
        let summary = format!("the gateway in {} is alive and does not work: {what}", name(workload));
        let draft = about(context, Code::GatewayWedged, gateway, workload, summary, "the container runs".to_owned())
            .answered(failure.message.clone(), "GET /healthz", &gateway.ladder.healthz)
            .command("see what it said last, so that the cause is not lost", logs(snapshot, workload))
            .command("then start it anew", restart(snapshot, workload));
        out.push(draft);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::fixture::project::*;
    use crate::diagnose::fixture::*;
    use crate::snapshot::{Runtime, Snapshot, event};

    fn deaf(age: i64) -> Snapshot {
        let mut node = split();
        gateway_workload(&mut node).runtime = Some(Runtime { started_at: Some(ago(age)), ..running() });
        let ladder = silent_gateway(STATE, PORT).ladder;
        gateway(&mut node).ladder = ladder;
        gateway(&mut node).ladder.healthz = failed(Phase::Http, FailureKind::Timeout);
        gateway(&mut node).log = healthy().gateways[0].log.clone();
        node
    }

    #[test]
    fn a_container_that_answers_nothing_past_its_budget_is_wedged() {
        let node = deaf(7_200);
        assert_eq!(root_causes(&node), [Code::GatewayWedged], "{:#?}", report(&node).findings);
        let command = "docker compose -p claw restart openclaw-gateway";
        assert_eq!(draft(wedged, &node).remedy[1].command.as_deref(), Some(command));
        assert_eq!(report(&node).exit_status(false), 69);
    }

    #[test]
    fn one_that_was_ready_is_wedged_and_not_starting() {
        let mut node = deaf(20);
        assert!(silent(wedged, &node), "it may come up");
        log_event(&mut node, 10, event::READY, "ready", &[]);
        assert_eq!(drafts(wedged, &node).len(), 1);
        log_event(&mut node, 5, event::LOADING_CONFIGURATION, "loading configuration", &[]);
        assert!(silent(wedged, &node), "it begins anew");
        let mut node = deaf(20);
        log_event(&mut node, 60, event::READY, "ready", &[]);
        assert!(silent(wedged, &node), "an earlier run was");
    }

    #[test]
    fn what_answers_or_was_not_asked_is_not() {
        assert!(silent(wedged, &split()));
        let mut node = deaf(7_200);
        gateway(&mut node).ladder.healthz = failed(Phase::Tcp, FailureKind::Timeout);
        assert!(silent(wedged, &node));
        gateway(&mut node).ladder.healthz = untried();
        assert!(silent(wedged, &node));
    }
}
