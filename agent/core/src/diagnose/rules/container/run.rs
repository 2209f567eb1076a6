//! `port.silent`, `unit.exit-config`, `gateway.starting`, `gateway.restart-storm` and `gateway.oom` of a gateway in a container

use super::super::contained::{bring_up, logs, name, of};
use super::super::life::{recent, seconds, span};
use super::stage::{Stage, stage};
use super::{about, state};
use crate::catalogue::Code;
use crate::diagnose::{Context, Draft};
use crate::snapshot::{EngineEvent, RunState, Runtime, Workload, event};

/// The status by which a gateway says that restarting it is of no use (`EX_CONFIG`).
const EX_CONFIG: i64 = 78;

/// The window in which starts are counted, in seconds.
const WINDOW_S: i64 = 600;

/// Starts within the window that make a storm.
pub(super) const STARTS: usize = 3;

/// How long a kill for want of memory counts, in seconds.
const OOM_S: i64 = 3_600;

/// Statuses of a container that somebody stopped: clean, SIGINT, SIGTERM.
pub(in super::super) const STOPPED: [i64; 3] = [0, 130, 143];

/// Events in which a gateway says why it does not start, the most telling first.
const REASONS: [&str; 7] = [
    event::MAINTENANCE_CONTENTION,
    event::START_REFUSED,
    event::START_FAILED,
    event::REQUIRES_STATE_MIGRATION,
    event::ALREADY_LISTENING,
    event::WRITE_DENIED,
    event::READONLY_DATABASE,
];

/// `port.silent`: the container does not run, or nothing listens on the gateway's port within it.
pub(in super::super) fn down(context: Context<'_>, out: &mut Vec<Draft>) {
    let snapshot = context.snapshot;
    for gateway in &snapshot.gateways {
        let (workload, what) = match stage(context, gateway) {
            Stage::Down(workload, runtime) => (workload, format!("it is {}", state(runtime))),
            Stage::Mute(workload, Some(other)) => (workload, format!("it listens on port {other} instead")),
            Stage::Mute(workload, None) => (workload, "it runs, and no socket of it listens".to_owned()),
            Stage::Elsewhere | Stage::Starting(..) | Stage::Up(_) => continue,
        };
        let summary = format!("nothing listens on port {} in {}: {what}", gateway.port, name(workload));
        let mut draft = about(context, Code::PortSilent, gateway, workload, summary, what);
        if let Some(runtime) = &workload.runtime {
            draft = ends(context, draft, workload, runtime);
        }
        draft = match stage(context, gateway) {
            Stage::Mute(_, Some(other)) => {
                draft.remedy(format!("let it listen on port {}, or publish and name port {other}", gateway.port))
            }
            _ => draft.command("start it", bring_up(snapshot, workload)),
        };
        out.push(draft.command("if it does not stay up, see what it says", logs(snapshot, workload)));
    }
}

/// How the container ended, as its engine and its health check say.
fn ends(context: Context<'_>, draft: Draft, workload: &Workload, runtime: &Runtime) -> Draft {
    let mut draft = draft;
    let at = runtime.finished_at.unwrap_or(context.snapshot.taken_at);
    let engine = workload.engine.clone().unwrap_or_default();
    if let Some(error) = &runtime.error {
        draft = draft.evidence(error.clone(), engine.clone(), at);
    }
    if runtime.state != RunState::Running
        && let (Some(status), Some(end)) = (runtime.exit_code, runtime.finished_at)
    {
        draft = draft.evidence(format!("it ended with status {status}"), engine.clone(), end);
    }
    if let Some(last) = runtime.health_log.last().filter(|last| last.exit_code != 0) {
        draft = draft.evidence(format!("health check: {}", last.output.trim()), engine, last.at.unwrap_or(at));
    }
    draft
}

/// `unit.exit-config`: the gateway refused to start, and will refuse again.
pub(in super::super) fn exit_config(context: Context<'_>, out: &mut Vec<Draft>) {
    let snapshot = context.snapshot;
    for gateway in &snapshot.gateways {
        let Some(workload) = of(snapshot, gateway) else { continue };
        if matches!(stage(context, gateway), Stage::Up(_) | Stage::Elsewhere) || !refused_to_start(context, workload) {
            continue;
        }
        let said = REASONS.iter().find_map(|kind| recent(context, gateway, kind, OOM_S * 24).last());
        let why = said.map_or_else(String::new, |event| format!(": {}", event.text.trim_end_matches('.')));
        let summary = format!("{} ended with status 78, its gateway refuses to start{why}", name(workload));
        let seen = "last exit status 78 (EX_CONFIG)".to_owned();
        let mut draft = about(context, Code::UnitExitConfig, gateway, workload, summary, seen);
        draft = match said {
            Some(event) => draft.seen(event.text.clone(), &gateway.log),
            None => draft.command("see the reason that it gave", logs(snapshot, workload)),
        };
        out.push(draft.remedy("mend what the reason names").command("then start it", bring_up(snapshot, workload)));
    }
}

/// Whether what a container runs ended with the status of a gateway that refuses to start.
pub(in super::super) fn refused_to_start(context: Context<'_>, workload: &Workload) -> bool {
    last_status(context, workload) == Some(EX_CONFIG)
}

/// Status of the last end of a container, one that runs again included.
pub(super) fn last_status(context: Context<'_>, workload: &Workload) -> Option<i64> {
    let runtime = workload.runtime.as_ref()?;
    if runtime.state != RunState::Running {
        return runtime.exit_code;
    }
    events(context, workload, WINDOW_S).filter(|event| event.action == "die").filter_map(|event| event.exit_code).last()
}

/// What happened to a container within so many seconds before the snapshot, oldest first.
fn events<'a>(context: Context<'a>, workload: &'a Workload, within_s: i64) -> impl Iterator<Item = &'a EngineEvent> {
    let snapshot = context.snapshot;
    let engine = snapshot.engines.iter().find(|engine| workload.engine.as_ref() == Some(&engine.id));
    engine
        .and_then(|engine| engine.events.get())
        .into_iter()
        .flatten()
        .filter(move |event| event.workload == workload.id && seconds(event.at, snapshot.taken_at) <= within_s)
}

/// `gateway.starting`: the container runs, and its gateway may still come to answer.
pub(in super::super) fn starting(context: Context<'_>, out: &mut Vec<Draft>) {
    for gateway in &context.snapshot.gateways {
        let Stage::Starting(workload, age) = stage(context, gateway) else { continue };
        // One that ends again and again is not about to come up.
        if unwanted_ends(context, workload) >= STARTS {
            continue;
        }
        let so_far =
            age.map_or_else(|| "since a time that is not known".to_owned(), |age| format!("for {}", span(age)));
        let pending = gateway.ladder.startupz.answer().and_then(|startup| startup.pending_reason.clone());
        let waits = pending.map_or_else(String::new, |reason| format!(", waits for `{reason}`"));
        let summary = format!("the gateway in {} is starting {so_far}{waits}", name(workload));
        let seen = format!("the container runs {so_far}");
        out.push(about(context, Code::GatewayStarting, gateway, workload, summary, seen).remedy(format!(
            "wait: a start may take {} by this node's policy before it counts as failed",
            span(i64::try_from(context.policy.start_budget_s).unwrap_or(i64::MAX))
        )));
    }
}

/// How often a container ended within the window without anybody stopping it.
pub(super) fn unwanted_ends(context: Context<'_>, workload: &Workload) -> usize {
    let mut unwanted = 0;
    // An engine tells of a `kill` only where somebody asked for it: `docker stop`, `docker rm --force`.
    let mut asked_for = false;
    for event in events(context, workload, WINDOW_S) {
        match event.action.as_str() {
            "kill" => asked_for = true,
            "start" => asked_for = false,
            "die" => {
                let stopped = event.exit_code.is_some_and(|status| STOPPED.contains(&status));
                unwanted += usize::from(!stopped && !asked_for);
                asked_for = false;
            }
            _ => {}
        }
    }
    let Some(runtime) = &workload.runtime else { return unwanted };
    let lately = runtime.state == RunState::Restarting
        || runtime.started_at.is_some_and(|at| seconds(at, context.snapshot.taken_at) <= WINDOW_S);
    let counted = if lately { usize::try_from(runtime.restart_count).unwrap_or(usize::MAX) } else { 0 };
    unwanted.max(counted)
}

/// `gateway.restart-storm`: the engine starts the container again and again.
pub(in super::super) fn storm(context: Context<'_>, out: &mut Vec<Draft>) {
    let snapshot = context.snapshot;
    for gateway in &snapshot.gateways {
        let Some(workload) = of(snapshot, gateway) else { continue };
        let Some(runtime) = &workload.runtime else { continue };
        let count = unwanted_ends(context, workload);
        if count < STARTS {
            continue;
        }
        let status = last_status(context, workload).or(runtime.exit_code);
        let last = status.map_or_else(String::new, |status| format!(", the last end with status {status}"));
        let summary = format!("{} ended and was started again {count} times{last}", name(workload));
        let seen = format!("{} restarts by the engine", runtime.restart_count);
        let mut draft = about(context, Code::GatewayRestartStorm, gateway, workload, summary, seen);
        draft = ends(context, draft, workload, runtime);
        for event in REASONS.iter().filter_map(|kind| recent(context, gateway, kind, WINDOW_S).last()) {
            draft = draft.seen(event.text.clone(), &gateway.log);
        }
        if let Some(place) = workload.place("restart").filter(|_| workload.places.contains_key("restart")) {
            let policy = workload.restart.as_deref().unwrap_or("no");
            draft = draft.written(format!("restart policy `{policy}`"), Some(place), snapshot.taken_at);
        }
        out.push(
            draft
                .command("see what each run says before it ends", logs(snapshot, workload))
                .remedy("stop it until the cause is found: a restart policy repeats the fault, it does not mend it"),
        );
    }
}

/// `gateway.oom`: the kernel ended the container for want of memory.
pub(in super::super) fn oom(context: Context<'_>, out: &mut Vec<Draft>) {
    let snapshot = context.snapshot;
    for gateway in &snapshot.gateways {
        let Some(workload) = of(snapshot, gateway) else { continue };
        let Some(runtime) = &workload.runtime else { continue };
        // What an earlier container lacked, this one may have been given, unless they all end.
        let counts = |event: &&EngineEvent| !event.replaced || unwanted_ends(context, workload) >= STARTS;
        let event = events(context, workload, OOM_S).filter(|event| event.action == "oom").filter(counts).last();
        if !runtime.oom_killed && event.is_none() {
            continue;
        }
        let limit = workload.memory_limit.map(|bytes| format!("{} MiB", bytes >> 20));
        let of_limit = limit.as_ref().map_or_else(String::new, |limit| format!(", its limit is {limit}"));
        let summary = format!("{} was ended for want of memory{of_limit}", name(workload));
        let seen = if runtime.oom_killed { "the engine says `OOMKilled`" } else { "the engine reported `oom`" };
        let mut draft = about(context, Code::GatewayOom, gateway, workload, summary, seen.to_owned());
        draft = ends(context, draft, workload, runtime);
        if let (Some(limit), Some(place)) = (&limit, workload.place("mem_limit")) {
            draft = draft.written(format!("memory limit {limit}"), Some(place), snapshot.taken_at);
        }
        draft = draft.remedy(match limit {
            Some(limit) => format!("raise its memory limit above {limit}: a gateway needs 1 GiB or more"),
            None => {
                "give the engine's machine more memory, or the container a limit and Node a heap below it".to_owned()
            }
        });
        out.push(draft.command("then start it", bring_up(snapshot, workload)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::fixture::project::*;
    use crate::diagnose::fixture::*;
    use crate::snapshot::{FailureKind, Phase, Snapshot};

    fn with(runtime: Runtime) -> Snapshot {
        let mut node = split();
        end_gateway(&mut node, runtime);
        node
    }

    fn happened(node: &mut Snapshot, action: &str, exit_code: Option<i64>, times: i64) {
        for time in 0..times {
            let event = EngineEvent {
                at: ago(300 - time * 60),
                action: action.to_owned(),
                workload: node.workloads[0].id.clone(),
                exit_code,
                replaced: false,
            };
            value(&mut node.engines[0].events).push(event);
        }
    }

    #[test]
    fn a_stopped_container_names_the_command_that_starts_it() {
        let node = with(ended(0));
        assert_eq!(root_causes(&node), [Code::PortSilent]);
        let finding = finding(&node, Code::PortSilent);
        assert_eq!(
            finding.summary,
            "nothing listens on port 18789 in container `claw-openclaw-gateway-1` (service `openclaw-gateway` of \
             project `claw`): it is stopped, last exit status 0"
        );
        assert_eq!(
            finding.remedy[0].command.as_deref(),
            Some("docker compose -p claw -f /srv/claw/compose.yaml up -d openclaw-gateway")
        );
    }

    #[test]
    fn a_refusal_to_start_is_the_cause_of_the_silence() {
        assert_eq!(root_causes(&with(ended(78))), [Code::UnitExitConfig]);
        let looping = with(Runtime { state: RunState::Restarting, restart_count: 7, ..ended(78) });
        assert_eq!(root_causes(&looping), [Code::UnitExitConfig]);
    }

    #[test]
    fn what_the_gateway_said_last_is_the_reason_of_its_end() {
        let mut node = with(ended(78));
        gateway(&mut node).log = healthy().gateways[0].log.clone();
        let text = "Gateway failed to start: no room.";
        log_event(&mut node, 3_600 * 5, event::START_FAILED, text, &[]);
        log_event(&mut node, 3_600 * 5, event::REQUIRES_STATE_MIGRATION, "requires state migration", &[]);
        let finding = finding(&node, Code::UnitExitConfig);
        assert!(finding.summary.ends_with("its gateway refuses to start: Gateway failed to start: no room"));
        assert!(finding.evidence.iter().any(|evidence| evidence.fact == text));
        assert!(!finding.remedy.iter().any(|step| step.text.contains("see the reason")));
    }

    #[test]
    fn a_loop_is_a_storm() {
        let node = with(Runtime { state: RunState::Restarting, restart_count: 5, ..ended(1) });
        assert_eq!(root_causes(&node), [Code::GatewayRestartStorm]);
        let mut between = split();
        happened(&mut between, "die", Some(1), 3);
        gateway_workload(&mut between).runtime = Some(Runtime { started_at: Some(ago(3)), ..running() });
        gateway(&mut between).ladder.healthz = failed(Phase::Tcp, FailureKind::Refused);
        assert_eq!(root_causes(&between), [Code::GatewayRestartStorm]);
    }

    #[test]
    fn restarts_of_the_operator_and_of_long_ago_are_no_storm() {
        let mut by_hand = split();
        happened(&mut by_hand, "die", Some(143), 4);
        assert!(silent(storm, &by_hand));
        let mut removed = split();
        for _ in 0..4 {
            happened(&mut removed, "kill", None, 1);
            happened(&mut removed, "die", Some(137), 1);
            happened(&mut removed, "start", None, 1);
        }
        assert!(silent(storm, &removed));
        let mut old = split();
        gateway_workload(&mut old).runtime = Some(Runtime { restart_count: 9, ..running() });
        assert!(silent(storm, &old));
        old.engines[0].events = denied();
        assert!(silent(storm, &old));
    }

    #[test]
    fn a_kill_for_want_of_memory_explains_the_loop() {
        let mut node = with(Runtime { oom_killed: true, restart_count: 4, state: RunState::Restarting, ..ended(137) });
        gateway_workload(&mut node).memory_limit = Some(256 << 20);
        assert_eq!(root_causes(&node), [Code::GatewayOom]);
        assert!(finding(&node, Code::GatewayOom).summary.ends_with("its limit is 256 MiB"));
        let mut again = split();
        happened(&mut again, "oom", None, 1);
        assert_eq!(root_causes(&again), [Code::GatewayOom]);
    }

    #[test]
    fn what_an_earlier_container_lacked_counts_only_while_they_all_end() {
        let mut mended = split();
        happened(&mut mended, "oom", None, 1);
        value(&mut mended.engines[0].events)[0].replaced = true;
        assert!(silent(oom, &mended));
        for _ in 0..4 {
            happened(&mut mended, "die", Some(137), 1);
        }
        assert!(!silent(oom, &mended));
    }

    #[test]
    fn a_young_container_is_starting_and_blocks_nothing() {
        let mut node = split();
        gateway_workload(&mut node).runtime = Some(Runtime { started_at: Some(ago(4)), ..running() });
        gateway(&mut node).ladder.healthz = failed(Phase::Tcp, FailureKind::Refused);
        assert!(root_causes(&node).is_empty(), "{:?}", codes(&node));
        assert!(codes(&node).contains(&Code::GatewayStarting));
        assert_eq!(report(&node).verdict, crate::Verdict::Unknown);
    }

    #[test]
    fn a_container_whose_gateway_listens_elsewhere_is_named() {
        let mut node = split();
        let heard = known(vec![every_address(19_999)]);
        value(&mut gateway_workload(&mut node).view).listeners = heard;
        gateway(&mut node).ladder.healthz = failed(Phase::Tcp, FailureKind::Refused);
        assert!(draft(down, &node).summary.ends_with("it listens on port 19999 instead"));
    }

    #[test]
    fn what_is_well_or_only_written_down_has_no_run_to_judge() {
        for rule in [down, exit_config, starting, storm, oom] {
            for node in [split(), written(split())] {
                assert!(silent(rule, &node));
            }
        }
    }
}
