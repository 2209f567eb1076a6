//! `unit.relaunch-loop`, `unit.success-elsewhere`

use super::super::command::retire;
use super::super::life::{recent, span};
use super::super::ownership::{Listening, listening};
use super::{about, gateway_of, gateway_units, owns};
use crate::catalogue::Code;
use crate::diagnose::{Context, Draft};
use crate::snapshot::{Gateway, KeepAlive, Manager, Process, Risen, Unit, UnitRuntime, UnitState, event};

/// Starts of a job after which its count says that it does not stay up.
const RUNS: u64 = 3;

/// Seconds between `ready` and the signal that ends it, below which something else must have sent it.
const READY_S: i64 = 5;

/// How far back the log counts, in seconds.
const WINDOW_S: i64 = 600;

/// A unit that runs nothing while a healthy gateway of another owner has its port.
struct Contest<'a> {
    unit: &'a Unit,
    runtime: &'a UnitRuntime,
    gateway: &'a Gateway,
    winner: &'a Process,
}

fn contests(context: Context<'_>) -> impl Iterator<Item = Contest<'_>> {
    gateway_units(context).filter_map(move |unit| {
        let runtime = unit.runtime.get()?;
        let gateway = gateway_of(context, unit)?;
        let Listening::Gateway(winner) = listening(context, gateway) else { return None };
        let healthy = gateway.ladder.healthz.answer().is_some_and(|live| live.ok);
        (healthy && !owns(context, unit, winner.pid)).then_some(Contest { unit, runtime, gateway, winner })
    })
}

fn comes_back_on_success(unit: &Unit) -> bool {
    matches!(unit.keep_alive, KeepAlive::Always | KeepAlive::When { successful_exit: Some(true), .. })
}

/// `unit.relaunch-loop`: the service manager starts a job over and over against a healthy gateway, or something ends it each time.
pub(super) fn relaunch_loop(context: Context<'_>, out: &mut Vec<Draft>) {
    for Contest { unit, runtime, gateway, winner } in contests(context) {
        let risen = context.snapshot.risen(&unit.id);
        // A count that stands still is of days long past.
        let counted = match risen {
            Some(risen) => risen.by > 0,
            None => runtime.runs.is_some_and(|runs| runs >= RUNS),
        };
        let rising = runtime.state == UnitState::SpawnScheduled || counted;
        if !comes_back_on_success(unit) || !rising {
            continue;
        }
        let runs = runtime.runs.map_or_else(String::new, |runs| format!(" ({runs} runs so far)"));
        let mut draft = about(
            context,
            Code::UnitRelaunchLoop,
            unit,
            format!("`{}` is started over and over{runs} while pid {} has port {}", unit.id, winner.pid, gateway.port),
        )
        .seen(format!("`{}`: {:?}, last exit {}", unit.id, runtime.state, exit(runtime)).to_lowercase(), &unit.runtime)
        .seen(format!("port {} belongs to pid {}", gateway.port, winner.pid), &context.snapshot.listeners);
        if let Some(Risen { by, within_s }) = risen.filter(|risen| risen.by > 0) {
            draft = draft.seen(format!("{by} starts within {within_s} s, since the look before"), &unit.runtime);
        }
        for event in recent(context, gateway, event::INCUMBENT_HEALTHY_LEAVING, WINDOW_S).take(2) {
            draft = draft.seen(event.text.clone(), &gateway.log);
        }
        out.push(
            draft
                .remedy("keep one supervisor: either the unit or what started the other process")
                .command(format!("to keep `{}`, stop the other", unit.id), format!("kill {}", winner.pid))
                .command(format!("to keep pid {}, retire the unit", winner.pid), retire(unit)),
        );
    }
    for unit in gateway_units(context) {
        ended_when_ready(context, unit, out);
    }
}

/// `ready` and then a signal within seconds, more than once.
fn ended_when_ready(context: Context<'_>, unit: &Unit, out: &mut Vec<Draft>) {
    let Some(gateway) = gateway_of(context, unit) else { return };
    if super::super::life::log_is_shared(context, gateway) {
        return;
    }
    let ready: Vec<_> = recent(context, gateway, event::READY, WINDOW_S).filter_map(|event| event.at).collect();
    let signals: Vec<_> = recent(context, gateway, event::STOPPED_BY_SIGNAL, WINDOW_S)
        .filter(|event| !event.text.contains("restarting"))
        .filter_map(|event| event.at)
        .collect();
    let short: Vec<_> = ready
        .iter()
        .filter_map(|up| {
            let lived = signals.iter().filter(|down| *down >= up).min()?.duration_since(*up).as_secs();
            (lived < READY_S).then_some(lived)
        })
        .collect();
    let Some(longest) = short.iter().max().filter(|_| short.len() > 1) else { return };
    out.push(
        about(
            context,
            Code::UnitRelaunchLoop,
            unit,
            format!(
                "`{}` was ended by a signal {} times within {} of being ready",
                unit.id,
                short.len(),
                span((*longest).max(1))
            ),
        )
        .seen(format!("{} runs ended right after `ready`", short.len()), &gateway.log)
        .remedy("find who sends the signal: a second unit, an updater job, a watchdog")
        .command("list every job of OpenClaw", list_jobs(unit)),
    );
}

fn list_jobs(unit: &Unit) -> &'static str {
    match unit.manager {
        Manager::Launchd => "launchctl list | grep -i -e openclaw -e clawdbot",
        Manager::Systemd => "systemctl list-units --all '*openclaw*' '*clawdbot*'",
    }
}

fn exit(runtime: &UnitRuntime) -> String {
    match (runtime.last_exit_code, runtime.last_signal) {
        (_, Some(signal)) => format!("by signal {signal}"),
        (Some(code), None) => format!("code {code}"),
        (None, None) => "unknown".to_owned(),
    }
}

/// `unit.success-elsewhere`: the job ended with success because another gateway was healthy on its port.
pub(super) fn success_elsewhere(context: Context<'_>, out: &mut Vec<Draft>) {
    for Contest { unit, runtime, gateway, winner } in contests(context) {
        let said = recent(context, gateway, event::INCUMBENT_HEALTHY_LEAVING, WINDOW_S).last();
        // Under systemd a gateway that leaves to a healthy one ends with 78; 0 is a stop that somebody asked for.
        let left = runtime.last_exit_code == Some(0) && unit.manager == Manager::Launchd || said.is_some();
        if runtime.pid.is_some() || !left || comes_back_on_success(unit) {
            continue;
        }
        let mut draft = about(
            context,
            Code::UnitSuccessElsewhere,
            unit,
            format!(
                "`{}` ended with success and runs nothing: pid {} has its port {}",
                unit.id, winner.pid, gateway.port
            ),
        )
        .seen(format!("`{}`: last exit {}", unit.id, exit(runtime)), &unit.runtime)
        .seen(format!("port {} belongs to pid {}", gateway.port, winner.pid), &context.snapshot.listeners);
        if let Some(event) = said {
            draft = draft.seen(event.text.clone(), &gateway.log);
        }
        out.push(
            draft
                .command(format!("to let `{}` own the port, stop the other", unit.id), format!("kill {}", winner.pid))
                .command("and start the unit", super::super::command::start(unit))
                .command(format!("or keep pid {} and retire the unit", winner.pid), retire(unit)),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::fixture::*;
    use crate::snapshot::Snapshot;

    /// The unit runs nothing, its last run ended with 0, and a gateway of somebody else has the port.
    fn contested(keep_alive: KeepAlive, state: UnitState, runs: u64) -> Snapshot {
        node(|node| {
            first_unit(node).keep_alive = keep_alive;
            let runtime = runtime(node);
            (runtime.pid, runtime.state, runtime.runs, runtime.last_exit_code) = (None, state, Some(runs), Some(0));
        })
    }

    const ON_FAILURE: KeepAlive = KeepAlive::When { successful_exit: Some(false), others: Vec::new() };

    #[test]
    fn keepalive_against_a_healthy_gateway_is_a_loop() {
        let node = contested(KeepAlive::Always, UnitState::SpawnScheduled, 40);
        assert_eq!(
            draft(relaunch_loop, &node).summary,
            "`gui/501/ai.openclaw.gateway` is started over and over (40 runs so far) while pid 4242 has port 18789"
        );
        assert!(silent(success_elsewhere, &node));
    }

    /// The same with what a look 15 min ago saw.
    fn after(before: u64, node: Snapshot) -> Snapshot {
        let earlier = Snapshot { taken_at: ago(900), ..node.clone() };
        let mut earlier = crate::snapshot::Earlier::of(&earlier);
        earlier.booted_at = earlier.booted_at.map(|booted| booted + jiff::SignedDuration::from_secs(900));
        earlier.runs.insert(UNIT.to_owned(), before);
        Snapshot { before: Some(earlier), ..node }
    }

    #[test]
    fn two_looks_tell_a_count_that_rises_from_one_of_days_past() {
        let node = |runs| contested(KeepAlive::Always, UnitState::NotRunning, runs);
        assert!(silent(relaunch_loop, &after(40, node(40))));
        let said = draft(relaunch_loop, &after(37, node(40)));
        assert!(said.evidence.iter().any(|piece| piece.fact == "3 starts within 900 s, since the look before"));
        assert!(!silent(relaunch_loop, &after(1, node(2))), "one start more is enough");
        let mut booted = after(1, node(2));
        booted.before.as_mut().unwrap().booted_at = Some(ago(9_000_000));
        assert!(silent(relaunch_loop, &booted), "counts of another boot");
    }

    #[test]
    fn success_that_stays_down_is_success_elsewhere() {
        let node = contested(ON_FAILURE, UnitState::NotRunning, 1);
        assert_eq!(
            draft(success_elsewhere, &node).summary,
            "`gui/501/ai.openclaw.gateway` ended with success and runs nothing: pid 4242 has its port 18789"
        );
        assert!(silent(relaunch_loop, &node));
    }

    #[test]
    fn under_systemd_an_exit_of_0_was_asked_for() {
        let mut node = contested(ON_FAILURE, UnitState::NotRunning, 1);
        first_unit(&mut node).manager = Manager::Systemd;
        assert!(silent(success_elsewhere, &node));
        log_event(&mut node, 30, event::INCUMBENT_HEALTHY_LEAVING, "existing gateway is healthy", &[]);
        assert_eq!(drafts(success_elsewhere, &node).len(), 1);
    }

    #[test]
    fn ready_and_ended_at_once_more_than_once_is_a_loop() {
        let node = node(|node| {
            for start in [400, 300] {
                log_event(node, start, event::READY, "ready", &[]);
                log_event(node, start - 1, event::STOPPED_BY_SIGNAL, "received SIGTERM; shutting down", &[]);
            }
        });
        assert_eq!(
            draft(relaunch_loop, &node).summary,
            "`gui/501/ai.openclaw.gateway` was ended by a signal 2 times within 1 s of being ready"
        );
    }

    #[test]
    fn healthy_or_hidden_they_say_nothing() {
        for rule in [relaunch_loop, success_elsewhere] {
            assert!(silent(rule, &healthy()));
            assert!(silent(rule, &node(|node| first_unit(node).runtime = denied())));
        }
    }
}
