//! `unit.unloaded`, `unit.self-disabled`, `unit.background-off`, `unit.parked`

use super::super::command::{enable, load, start};
use super::super::life::{Life, events, life, seconds, state_of};
use super::super::ownership::is_active;
use super::{about, gateway_of, gateway_units, origin, runs};
use crate::catalogue::{Code, Severity};
use crate::diagnose::{Context, Draft};
use crate::snapshot::{Domain, KeepAlive, LogEvent, Manager, Unit, UnitState, event};

/// Seconds without a start after which launchd has given a job up. Its longest wait between two starts is the throttle, 10 by default.
const GIVEN_UP_S: i64 = 120;

/// Whether the gateway of a unit runs, or is covered by another unit, so that this one is not missed now.
pub(super) fn is_missed(context: Context<'_>, unit: &Unit) -> bool {
    !gateway_of(context, unit).is_some_and(|gateway| !matches!(life(context, gateway), Life::Gone))
}

/// Whether another unit starts the same gateway, so that this one is a leftover.
fn is_leftover(context: Context<'_>, unit: &Unit) -> bool {
    gateway_units(context).any(|other| {
        (other.id != unit.id || other.path != unit.path)
            && is_active(other)
            && other.runtime.get().is_some()
            && (other.label == unit.label || other.state_dir.is_some() && other.state_dir == unit.state_dir)
    })
}

/// `unit.unloaded`: the definition is there, and the service manager does not have it, or has it switched off.
pub(super) fn unloaded(context: Context<'_>, out: &mut Vec<Draft>) {
    for unit in gateway_units(context) {
        let disabled = unit.disabled.get() == Some(&true);
        let absent = unit.runtime.is_absent() && unit.path.is_some();
        if runs(unit) || !(disabled || absent) || is_leftover(context, unit) {
            continue;
        }
        let what = match (disabled, absent) {
            (true, true) => "is switched off and not loaded",
            (true, false) => "is switched off",
            (false, _) => "is installed and not loaded",
        };
        let mut draft = about(context, Code::UnitUnloaded, unit, format!("`{}` {what}", unit.id))
            .evidence("the definition", origin(unit), context.snapshot.taken_at)
            .seen(if absent { "not loaded" } else { "loaded" }, &unit.runtime)
            .seen(if disabled { "switched off" } else { "not switched off" }, &unit.disabled);
        if disabled {
            draft = draft.command("switch it on", enable(unit));
        }
        if absent && unit.manager == Manager::Systemd && matches!(unit.domain, Domain::User { .. }) {
            draft = draft.command(
                "let its user's units run without a login",
                format!("sudo loginctl enable-linger {}", user(context, unit)),
            );
        }
        draft = draft.command("load it", load(unit));
        out.push(if is_missed(context, unit) { draft } else { draft.severity(Severity::Warning) });
    }
}

/// The user of a unit, as a command takes it.
fn user(context: Context<'_>, unit: &Unit) -> String {
    let named = gateway_of(context, unit).and_then(|gateway| gateway.user.clone());
    match (named, &unit.domain) {
        (Some(name), _) => name,
        (None, Domain::User { uid }) => format!("\"$(id -nu {uid})\""),
        (None, Domain::System | Domain::EachUser) => "\"$USER\"".to_owned(),
    }
}

/// The line by which a gateway says that it switched its own job off.
fn parking(context: Context<'_>, unit: &Unit) -> Option<(&'static str, LogEvent)> {
    let gateway = gateway_of(context, unit)?;
    let event = events(gateway, event::REQUIRES_STATE_MIGRATION)
        .filter(|event| {
            event.detail.as_deref() == Some("parked") || event.text.contains("parked the managed LaunchAgent")
        })
        .last()?;
    Some(("gateway log", event.clone()))
}

/// `unit.self-disabled`: a gateway that found its state directory taken has switched its own job off.
pub(super) fn self_disabled(context: Context<'_>, out: &mut Vec<Draft>) {
    for unit in gateway_units(context).filter(|unit| unit.disabled.get() == Some(&true) && !runs(unit)) {
        if is_leftover(context, unit) {
            continue;
        }
        let Some((source, event)) = parking(context, unit) else { continue };
        out.push(
            about(
                context,
                Code::UnitSelfDisabled,
                unit,
                format!("the gateway of `{}` switched its own job off after a clash over its state directory", unit.id),
            )
            .evidence(event.text, source, event.at.unwrap_or(context.snapshot.taken_at))
            .seen("switched off", &unit.disabled)
            .remedy("find and stop the other owner of the state directory first, or it happens again")
            .command("then switch it on", enable(unit))
            .command("and load it", load(unit)),
        );
    }
}

/// `unit.background-off`: the system does not let it run in the background.
pub(super) fn background_off(context: Context<'_>, out: &mut Vec<Draft>) {
    for unit in gateway_units(context).filter(|unit| unit.background_allowed.get() == Some(&false) && !runs(unit)) {
        out.push(
            about(
                context,
                Code::UnitBackgroundOff,
                unit,
                format!("`{}` is not allowed to run in the background", unit.id),
            )
            .seen("not allowed", &unit.background_allowed)
            .remedy("allow it under System Settings, General, Login Items & Extensions; on a managed node by a profile")
            .command("then load it", load(unit)),
        );
    }
}

/// `unit.parked`: launchd has ceased to start a job that it should keep alive.
pub(super) fn parked(context: Context<'_>, out: &mut Vec<Draft>) {
    for unit in gateway_units(context).filter(|unit| unit.manager == Manager::Launchd && is_active(unit)) {
        let Some(runtime) = unit.runtime.get().filter(|runtime| runtime.pid.is_none()) else { continue };
        let comes_back = match &unit.keep_alive {
            KeepAlive::Always | KeepAlive::When { successful_exit: Some(true), .. } => true,
            KeepAlive::When { successful_exit: Some(false), .. } => {
                runtime.last_signal.is_some() || runtime.last_exit_code.is_some_and(|code| code != 0)
            }
            KeepAlive::Never | KeepAlive::When { successful_exit: None, .. } => false,
        };
        let gave_up = match runtime.state {
            UnitState::NotRunning | UnitState::Exited => runtime.runs.is_some_and(|runs| runs > 0),
            UnitState::SpawnScheduled => last_start(context, unit).is_some_and(|age| age > GIVEN_UP_S),
            UnitState::Running | UnitState::Waiting | UnitState::Unknown => false,
        };
        let taken = unit.port.is_none_or(|port| context.snapshot.listeners_on(port).next().is_some());
        if !comes_back
            || !gave_up
            || taken
            || context.snapshot.listeners.get().is_none()
            || unit.program_problem.is_some()
        {
            continue;
        }
        let runs = runtime.runs.map_or_else(String::new, |runs| format!(" after {runs} runs"));
        out.push(
            about(
                context,
                Code::UnitParked,
                unit,
                format!("launchd no longer starts `{}`{runs}, although it should keep it alive", unit.id),
            )
            .seen(format!("{:?}, no process", runtime.state).to_lowercase(), &unit.runtime)
            .command("start it by hand", start(unit)),
        );
    }
}

/// Seconds since the last start that left a trace.
fn last_start(context: Context<'_>, unit: &Unit) -> Option<i64> {
    let gateway = gateway_of(context, unit)?;
    let boots = state_of(context, gateway)
        .and_then(|dir| dir.records.get())
        .and_then(|records| records.boots.first())
        .map(|boot| boot.started_at);
    let lines = gateway.log.get().and_then(|log| log.events.iter().filter_map(|event| event.at).max());
    let last = boots.max(lines)?;
    Some(seconds(last, context.snapshot.taken_at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::fixture::*;
    use crate::snapshot::Snapshot;

    fn dead(change: impl FnOnce(&mut Snapshot)) -> Snapshot {
        node(|node| {
            kill_gateway(node);
            change(node);
        })
    }

    #[test]
    fn a_definition_that_is_not_loaded_explains_the_silence() {
        let node = dead(|node| first_unit(node).runtime = absent());
        let draft = draft(unloaded, &node);
        assert_eq!(draft.summary, "`gui/501/ai.openclaw.gateway` is installed and not loaded");
        assert_eq!(
            draft.remedy[0].command.as_deref(),
            Some("launchctl bootstrap gui/501 /Users/op/Library/LaunchAgents/ai.openclaw.gateway.plist")
        );
        assert_eq!(root_causes(&node), [Code::UnitUnloaded]);
        assert_eq!(report(&node).exit_status(false), 69);
    }

    #[test]
    fn what_is_switched_off_is_switched_on_first() {
        let node = dead(|node| {
            first_unit(node).runtime = absent();
            first_unit(node).disabled = known(true);
        });
        assert_eq!(
            draft(unloaded, &node).remedy[0].command.as_deref(),
            Some("launchctl enable gui/501/ai.openclaw.gateway")
        );
    }

    #[test]
    fn a_systemd_user_without_a_manager_is_let_linger() {
        let node = dead(|node| {
            let unit = first_unit(node);
            (unit.manager, unit.runtime) = (Manager::Systemd, absent());
        });
        assert_eq!(draft(unloaded, &node).remedy[0].command.as_deref(), Some("sudo loginctl enable-linger op"));
    }

    #[test]
    fn beside_a_gateway_that_runs_it_warns() {
        let node = node(|node| {
            first_unit(node).runtime = absent();
            value(&mut node.processes)[0].supervisor = None;
        });
        assert_eq!(draft(unloaded, &node).severity, Severity::Warning);
    }

    #[test]
    fn a_leftover_beside_the_unit_in_charge_is_not_missed() {
        let node = node(|node| {
            let mut agent = unit("ai.openclaw.gateway", None);
            (agent.runtime, agent.disabled) = (absent(), known(true));
            first_unit(node).domain = Domain::System;
            first_unit(node).id = "system/ai.openclaw.gateway".to_owned();
            node.units.units.push(agent);
        });
        assert!(silent(unloaded, &node));
    }

    #[test]
    fn a_gateway_that_parked_itself_is_told_from_one_that_was_switched_off() {
        let mut node = dead(|node| {
            first_unit(node).runtime = absent();
            first_unit(node).disabled = known(true);
        });
        assert!(silent(self_disabled, &node));
        let text = "requires state migration; parked the managed LaunchAgent";
        log_event(&mut node, 3_000, event::REQUIRES_STATE_MIGRATION, text, &[]);
        assert_eq!(draft(self_disabled, &node).remedy.len(), 3);
        assert_eq!(root_causes(&node), [Code::UnitSelfDisabled]);
    }

    #[test]
    fn a_background_item_that_is_off_explains_the_silence() {
        let node = dead(|node| {
            first_unit(node).runtime = absent();
            first_unit(node).background_allowed = known(false);
        });
        assert_eq!(drafts(background_off, &node).len(), 1);
        assert_eq!(root_causes(&node), [Code::UnitBackgroundOff]);
    }

    #[test]
    fn a_job_that_launchd_gave_up_is_kicked() {
        let node = dead(|node| {
            first_unit(node).keep_alive = KeepAlive::Always;
            runtime(node).runs = Some(61);
        });
        assert_eq!(
            draft(parked, &node).summary,
            "launchd no longer starts `gui/501/ai.openclaw.gateway` after 61 runs, although it should keep it alive"
        );
        assert!(root_causes(&node).contains(&Code::UnitParked));
    }

    #[test]
    fn a_start_that_is_due_is_given_its_time() {
        let due = |age| {
            dead(|node| {
                first_unit(node).keep_alive = KeepAlive::Always;
                runtime(node).state = UnitState::SpawnScheduled;
                value(&mut first_state(node).records).boots[0].started_at = ago(age);
            })
        };
        assert!(silent(parked, &due(12)));
        assert_eq!(drafts(parked, &due(500)).len(), 1);
    }

    #[test]
    fn success_is_left_alone_where_only_failure_restarts() {
        assert!(silent(parked, &dead(|node| runtime(node).last_exit_code = Some(0))));
    }

    #[test]
    fn healthy_or_hidden_they_say_nothing() {
        let hidden = dead(|node| {
            let unit = first_unit(node);
            (unit.runtime, unit.disabled, unit.background_allowed) = (denied(), denied(), denied());
        });
        for rule in [unloaded, self_disabled, background_off, parked] {
            assert!(silent(rule, &healthy()));
            assert!(silent(rule, &hidden));
        }
    }
}
