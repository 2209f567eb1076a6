//! `unit.off-boot-volume`, `unit.program-missing`, `unit.wrong-port`

use super::{about, gateway_of, gateway_units, install, origin, runs};
use crate::catalogue::{Code, Severity};
use crate::diagnose::{Context, Draft};
use crate::snapshot::{Manager, Unit};

use super::super::command::{bring_up, quote};
use super::super::contained::run_at;
use super::super::ownership::is_active;

/// By which a gateway is told its port where no argument tells it.
const PORT_VARIABLE: &str = "OPENCLAW_GATEWAY_PORT";

/// An error, or a warning while the job runs all the same: then the next start fails.
fn unless_running(unit: &Unit, draft: Draft) -> Draft {
    if runs(unit) { draft.severity(Severity::Warning) } else { draft }
}

/// `unit.off-boot-volume`: launchd cannot rely on where the definition, its program or its log lies.
pub(super) fn off_boot_volume(context: Context<'_>, out: &mut Vec<Draft>) {
    for unit in gateway_units(context).filter(|unit| unit.manager == Manager::Launchd && is_active(unit)) {
        if unit.off_boot_volume.is_empty() {
            continue;
        }
        let draft = about(
            context,
            Code::UnitOffBootVolume,
            unit,
            format!("`{}` depends on {}", unit.id, unit.off_boot_volume.join(", ")),
        )
        .evidence(unit.off_boot_volume.join(", "), origin(unit), context.snapshot.taken_at)
        .remedy("put definition, program and log on the boot volume, at paths without symbolic links")
        .command("then load it again", bring_up(unit));
        out.push(unless_running(unit, draft));
    }
}

/// `unit.program-missing`: the program cannot be started.
pub(super) fn program_missing(context: Context<'_>, out: &mut Vec<Draft>) {
    for unit in gateway_units(context).filter(|unit| is_active(unit)) {
        let Some(problem) = &unit.program_problem else { continue };
        let program = unit.program.get().or_else(|| unit.arguments.first()).cloned().unwrap_or_default();
        let draft = about(
            context,
            Code::UnitProgramMissing,
            unit,
            format!("`{}` cannot start its program `{program}`: {problem}", unit.id),
        )
        .seen(format!("`{program}`: {problem}"), &unit.program)
        .command("see what is there", format!("ls -l {}", quote(&program)))
        .command("write the definition anew, with the paths of today", install(context, unit));
        out.push(unless_running(unit, draft));
    }
}

/// `unit.wrong-port`: the unit passes another port than the configuration that clients read.
pub(super) fn wrong_port(context: Context<'_>, out: &mut Vec<Draft>) {
    for unit in gateway_units(context).filter(|unit| is_active(unit)) {
        let Some(gateway) = gateway_of(context, unit) else { continue };
        let (Some((passed, words)), Some(config)) = (passed(unit), gateway.config.get()) else { continue };
        let Some(configured) = config.port.filter(|port| *port != passed) else { continue };
        out.push(
            about(
                context,
                Code::UnitWrongPort,
                unit,
                format!("`{}` passes `{words}`, and `{}` says {configured}", unit.id, config.path),
            )
            .evidence(format!("`{words}`"), origin(unit), context.snapshot.taken_at)
            .seen(format!("`gateway.port` is {configured}"), &gateway.config)
            .command("write the definition anew from the configuration", install(context, unit))
            .command(
                "or set the configuration back",
                run_at(context.snapshot, gateway, &format!("config set gateway.port {passed}")),
            ),
        );
    }
}

/// The port that a unit passes to its gateway, and in which words: `--port`, else the variable.
fn passed(unit: &Unit) -> Option<(u16, String)> {
    let by_argument = unit.port_argument.map(|port| (port, format!("--port {port}")));
    by_argument.or_else(|| {
        let port = unit.port.filter(|_| unit.environment_names.iter().any(|name| name == PORT_VARIABLE))?;
        Some((port, format!("{PORT_VARIABLE}={port}")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::fixture::*;
    use crate::snapshot::Snapshot;

    fn external(node: &mut Snapshot) {
        first_unit(node).off_boot_volume = vec!["`/Volumes/Data/openclaw.sh` on volume `/Volumes/Data`".to_owned()];
    }

    fn gone(node: &mut Snapshot) {
        first_unit(node).program = absent();
        first_unit(node).program_problem = Some("it does not exist".to_owned());
    }

    #[test]
    fn what_lies_elsewhere_is_an_error_and_a_warning_while_it_runs() {
        assert_eq!(draft(off_boot_volume, &node(external)).severity, Severity::Warning);
        let down = node(|node| {
            kill_gateway(node);
            external(node);
        });
        assert_eq!(draft(off_boot_volume, &down).severity, Severity::Error);
        assert_eq!(root_causes(&down), [Code::UnitOffBootVolume]);
    }

    #[test]
    fn a_program_that_is_gone_explains_a_silent_port() {
        assert_eq!(draft(program_missing, &node(gone)).severity, Severity::Warning);
        let down = node(|node| {
            kill_gateway(node);
            gone(node);
        });
        assert_eq!(
            draft(program_missing, &down).summary,
            "`gui/501/ai.openclaw.gateway` cannot start its program `/usr/local/bin/portreeve`: it does not exist"
        );
        assert_eq!(root_causes(&down), [Code::UnitProgramMissing]);
    }

    #[test]
    fn a_definition_is_written_anew_for_the_units_own_profile() {
        let node = node(|node| {
            gateway(node).profile = Some("work".to_owned());
            gone(node);
        });
        let remedy = draft(program_missing, &node).remedy;
        assert_eq!(remedy[1].command.as_deref(), Some("openclaw --profile work gateway install --force"));
    }

    #[test]
    fn an_old_port_in_the_unit_is_named_beside_the_configured_one() {
        let node = node(|node| value(&mut gateway(node).config).port = Some(19_000));
        assert_eq!(
            draft(wrong_port, &node).summary,
            "`gui/501/ai.openclaw.gateway` passes `--port 18789`, and `/Users/op/.openclaw/openclaw.json` says 19000"
        );
    }

    #[test]
    fn an_old_port_in_the_units_environment_is_named_too() {
        let named = |names: &[&str], port| {
            node(|node| {
                let unit = first_unit(node);
                (unit.port_argument, unit.port) = (None, port);
                unit.environment_names = names.iter().map(|name| (*name).to_owned()).collect();
                value(&mut gateway(node).config).port = Some(19_000);
            })
        };
        let by_variable = named(&["HOME", "OPENCLAW_GATEWAY_PORT"], Some(PORT));
        assert_eq!(
            draft(wrong_port, &by_variable).summary,
            "`gui/501/ai.openclaw.gateway` passes `OPENCLAW_GATEWAY_PORT=18789`, and \
             `/Users/op/.openclaw/openclaw.json` says 19000"
        );
        assert!(silent(wrong_port, &named(&["HOME", "OPENCLAW_GATEWAY_PORT"], Some(19_000))));
        // What else names a port is no setting of the gateway's.
        assert!(silent(wrong_port, &named(&["HOME"], Some(PORT))));
        assert!(silent(wrong_port, &named(&["OPENCLAW_GATEWAY_PORT"], None)));
    }

    #[test]
    fn the_argument_beats_the_variable() {
        let node = node(|node| {
            first_unit(node).port = Some(18_000);
            first_unit(node).environment_names = vec!["OPENCLAW_GATEWAY_PORT".to_owned()];
            value(&mut gateway(node).config).port = Some(19_000);
        });
        assert!(draft(wrong_port, &node).summary.contains("passes `--port 18789`"));
    }

    #[test]
    fn healthy_or_hidden_they_say_nothing() {
        for rule in [off_boot_volume, program_missing, wrong_port] {
            assert!(silent(rule, &healthy()));
            assert!(silent(rule, &node(|node| node.units.units.clear())));
        }
        let no_port = node(|node| value(&mut gateway(node).config).port = None);
        assert!(silent(wrong_port, &no_port));
        assert!(silent(wrong_port, &node(|node| gateway(node).config = denied())));
    }
}
