//! `gateway.wedged`, `gateway.starting`, `gateway.draining`

use super::super::command::start;
use super::super::life::{Life, life, span, state_of};
use crate::catalogue::Code;
use crate::diagnose::rules::contained::place_named;
use crate::diagnose::{Context, Draft};
use crate::snapshot::{Gateway, Process};

/// `gateway.wedged`, `gateway.starting` and `gateway.draining`: which of them a gateway is in, if any.
pub(super) fn phase(context: Context<'_>, out: &mut Vec<Draft>) {
    for gateway in &context.snapshot.gateways {
        match life(context, gateway) {
            Life::Stopped(process) => out.push(wedged(context, gateway, process, "is stopped by a signal (SIGSTOP)")),
            Life::Mute(process, age) => {
                let what = format!("has run for {} and listens nowhere", span(age));
                out.push(wedged(context, gateway, process, &what));
            }
            Life::Deaf(process) => {
                out.push(wedged(context, gateway, process, "holds its port and answers nothing in time"));
            }
            Life::Starting(process, age) => out.push(starting(context, gateway, process, age)),
            Life::Ending(process) if !is_draining(gateway) => out.push(ending(context, gateway, process)),
            Life::Ending(_) | Life::Listening(_) | Life::Hidden | Life::Gone | Life::Elsewhere(..) => {}
        }
        if is_draining(gateway) {
            out.push(
                Draft::new(
                    Code::GatewayDraining,
                    "gateway",
                    gateway.id.clone(),
                    format!("the gateway in {} is draining before a stop or a restart", place_named(&gateway.id)),
                )
                .gateway(gateway)
                .answered("draining", "GET /startupz and /readyz", &gateway.ladder.startupz),
            );
        }
    }
}

fn wedged(context: Context<'_>, gateway: &Gateway, process: &Process, what: &str) -> Draft {
    let snapshot = context.snapshot;
    let pid = process.pid;
    let mut draft = Draft::new(
        Code::GatewayWedged,
        "gateway",
        gateway.id.clone(),
        format!("the gateway in {} is alive and does not work: pid {pid} {what}", place_named(&gateway.id)),
    )
    .gateway(gateway)
    .seen(format!("pid {pid} {what}"), &snapshot.processes);
    if let Some(cpu) = process.cpu_percent {
        draft = draft.seen(format!("it used {cpu:.0} % of one core over its life"), &snapshot.processes);
    }
    if let Some(failure) = gateway.ladder.healthz.failure() {
        draft = draft.answered(failure.message.clone(), "GET /healthz", &gateway.ladder.healthz);
    }
    let locks = state_of(context, gateway).into_iter().flat_map(|dir| &dir.locks);
    for lock in locks.filter(|lock| lock.owner.get().is_some_and(|owner| owner.pid == pid)) {
        draft = draft.seen(format!("`{}` names pid {pid} as its owner", lock.path), &lock.owner);
    }
    if process.stopped {
        draft = draft.command("let it go on", format!("kill -CONT {pid}"));
    } else if snapshot.node.system.get().is_some_and(|system| system.name == "macOS") {
        draft = draft.command("sample it first, so that the cause is not lost", format!("sample {pid} 5"));
    } else {
        draft =
            draft.command("look where it hangs first, so that the cause is not lost", format!("cat /proc/{pid}/wchan"));
    }
    match gateway.units.iter().find_map(|id| snapshot.unit(id)) {
        Some(unit) => draft.command(format!("then restart `{}`", unit.id), start(unit)),
        None => draft.command("then end it, and start it as it was started", format!("kill -KILL {pid}")),
    }
}

fn starting(context: Context<'_>, gateway: &Gateway, process: &Process, age: Option<i64>) -> Draft {
    let so_far = age.map_or_else(|| "since a time that is not known".to_owned(), |age| format!("for {}", span(age)));
    let pending = gateway.ladder.startupz.answer().and_then(|startup| startup.pending_reason.clone());
    let waits = pending.map_or_else(String::new, |reason| format!(", waits for `{reason}`"));
    Draft::new(
        Code::GatewayStarting,
        "gateway",
        gateway.id.clone(),
        format!("the gateway in {} is starting: pid {} {so_far}{waits}", place_named(&gateway.id), process.pid),
    )
    .gateway(gateway)
    .seen(format!("pid {} runs {so_far}", process.pid), &context.snapshot.processes)
    .remedy(format!(
        "wait: a start may take {} by this node's policy before it counts as failed",
        span(i64::try_from(context.policy.start_budget_s).unwrap_or(i64::MAX))
    ))
}

fn ending(context: Context<'_>, gateway: &Gateway, process: &Process) -> Draft {
    let pid = process.pid;
    Draft::new(
        Code::GatewayDraining,
        "gateway",
        gateway.id.clone(),
        format!("the gateway in {} is ending or restarting: pid {pid} has given up its port", place_named(&gateway.id)),
    )
    .gateway(gateway)
    .seen(format!("pid {pid} runs"), &context.snapshot.processes)
    .seen(format!("no listener on port {}", gateway.port), &context.snapshot.listeners)
    .seen("its log says that this run was ready or was told to end", &gateway.log)
}

/// Whether the gateway says that it drains.
pub(super) fn is_draining(gateway: &Gateway) -> bool {
    let ladder = &gateway.ladder;
    ladder.startupz.answer().is_some_and(|startup| startup.status == "draining")
        || ladder.readyz.answer().is_some_and(|ready| ready.failing.iter().any(|item| item == "gateway-draining"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Verdict;
    use crate::diagnose::fixture::*;
    use crate::snapshot::{FailureKind, Phase, Snapshot, event};

    fn deaf(node: &mut Snapshot) {
        let ladder = silent_gateway(STATE, PORT).ladder;
        gateway(node).ladder = ladder;
        gateway(node).ladder.healthz = failed(Phase::Http, FailureKind::Timeout);
    }

    #[test]
    fn a_stopped_process_is_wedged_and_told_to_go_on() {
        let node = node(|node| {
            value(&mut node.processes)[0].stopped = true;
            deaf(node);
        });
        let draft = draft(phase, &node);
        assert_eq!(
            draft.summary,
            "the gateway in `/Users/op/.openclaw` is alive and does not work: pid 4242 is stopped by a signal (SIGSTOP)"
        );
        assert_eq!(draft.remedy[0].command.as_deref(), Some("kill -CONT 4242"));
        assert_eq!(root_causes(&node), [Code::GatewayWedged]);
        assert_eq!(report(&node).exit_status(false), 69);
    }

    #[test]
    fn a_listener_that_does_not_answer_is_wedged() {
        let node = node(deaf);
        assert_eq!(draft(phase, &node).code, Code::GatewayWedged);
        assert_eq!(
            draft(phase, &node).remedy[1].command.as_deref(),
            Some("launchctl kickstart -k gui/501/ai.openclaw.gateway")
        );
    }

    #[test]
    fn a_process_past_its_budget_without_listener_is_wedged_and_not_silent() {
        let node = node(|node| {
            value(&mut node.listeners).clear();
            gateway(node).ladder = silent_gateway(STATE, PORT).ladder;
        });
        assert_eq!(root_causes(&node), [Code::GatewayWedged]);
    }

    #[test]
    fn a_start_within_its_budget_is_no_error_and_no_verdict() {
        let node = node(|node| {
            value(&mut node.listeners).clear();
            value(&mut node.processes)[0].started_at = Some(ago(9));
            first_state(node).locks.clear();
            gateway(node).ladder = silent_gateway(STATE, PORT).ladder;
        });
        assert_eq!(draft(phase, &node).summary, "the gateway in `/Users/op/.openclaw` is starting: pid 4242 for 9 s");
        let report = report(&node);
        assert_eq!((report.verdict, report.exit_status(false)), (Verdict::Unknown, 75));
        assert!(report.root_causes.is_empty());
    }

    #[test]
    fn a_start_with_listener_tells_what_it_waits_for() {
        let node = node(|node| {
            value(&mut node.processes)[0].started_at = Some(ago(9));
            first_state(node).locks.clear();
            let ladder = &mut gateway(node).ladder;
            let startup = answer(&mut ladder.startupz);
            (startup.status, startup.pending_reason) = ("starting".to_owned(), Some("startup-sidecars".to_owned()));
            let ready = answer(&mut ladder.readyz);
            (ready.ready, ready.failing) = (false, vec!["startup-sidecars".to_owned()]);
            ladder.connect = failed(Phase::Connect, FailureKind::Starting);
            ladder.channels = untried();
        });
        assert!(draft(phase, &node).summary.ends_with("pid 4242 for 9 s, waits for `startup-sidecars`"));
        let report = report(&node);
        assert_eq!(report.verdict, Verdict::Unknown, "{report:#?}");
    }

    #[test]
    fn draining_is_said_and_is_no_error() {
        let node = node(|node| {
            answer(&mut gateway(node).ladder.startupz).status = "draining".to_owned();
            let ready = answer(&mut gateway(node).ladder.readyz);
            (ready.ready, ready.failing) = (false, vec!["gateway-draining".to_owned()]);
        });
        assert_eq!(draft(phase, &node).code, Code::GatewayDraining);
        assert_eq!(report(&node).verdict, Verdict::Unknown);
    }

    #[test]
    fn a_gateway_that_ends_is_neither_starting_nor_wedged_nor_silent() {
        let node = node(|node| {
            value(&mut node.listeners).clear();
            gateway(node).ladder = silent_gateway(STATE, PORT).ladder;
            log_event(node, 1, event::STOPPED_BY_SIGNAL, "received SIGTERM; shutting down", &[]);
        });
        let draft = draft(phase, &node);
        assert_eq!(draft.code, Code::GatewayDraining);
        assert_eq!(
            draft.summary,
            "the gateway in `/Users/op/.openclaw` is ending or restarting: pid 4242 has given up its port"
        );
        let report = report(&node);
        assert_eq!((report.verdict, report.exit_status(false)), (Verdict::Unknown, 75));
        assert!(report.root_causes.is_empty());
    }

    #[test]
    fn healthy_or_hidden_it_says_nothing() {
        assert!(silent(phase, &healthy()));
        assert!(silent(phase, &node(|node| node.processes = denied())));
    }
}
