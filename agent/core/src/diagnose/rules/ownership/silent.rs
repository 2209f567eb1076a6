//! `port.silent`

use super::super::command::{bring_up, show};
use super::super::life::{Life, life, state_of};
use super::claim::is_active;
use super::facing::facing;
use crate::catalogue::Code;
use crate::diagnose::rules::contained::{judged_on_host, place_named, run_at};
use crate::diagnose::{Context, Draft};
use crate::snapshot::{Gateway, Unit, UnitRole};

/// `port.silent`: nothing listens on the configured port, and no process is there that may still come to, or has ceased to.
pub(super) fn silent(context: Context<'_>, out: &mut Vec<Draft>) {
    let snapshot = context.snapshot;
    if snapshot.listeners.get().is_none() {
        return;
    }
    for gateway in judged_on_host(snapshot) {
        if facing(snapshot, gateway).next().is_some() {
            continue;
        }
        let life = life(context, gateway);
        // These have findings of their own.
        if matches!(life, Life::Starting(..) | Life::Ending(_) | Life::Stopped(_) | Life::Mute(..)) {
            continue;
        }
        let unit = responsible(context, gateway);
        let mut summary =
            format!("nothing listens on port {} of the gateway in {}", gateway.port, place_named(&gateway.id));
        if let Life::Elsewhere(process, port) = life {
            summary = format!("{summary}; its process {} listens on port {port} instead", process.pid);
        } else if let Some(unit) = unit {
            summary = format!("{summary}; unit `{}` should run it", unit.id);
        }
        let mut draft = Draft::new(Code::PortSilent, "port", gateway.port.to_string(), summary)
            .gateway(gateway)
            .seen(format!("no listener on port {} ({})", gateway.port, gateway.port_source), &snapshot.listeners);
        if life == Life::Gone {
            draft = draft.seen("no process runs this gateway", &snapshot.processes);
        }
        if let Some(records) = state_of(context, gateway).map(|dir| &dir.records)
            && let Some(boot) = records.get().and_then(|records| records.boots.first())
            && let Some(outcome) = &boot.outcome
        {
            let why = boot.reason.as_ref().map_or_else(String::new, |reason| format!(": {reason}"));
            draft =
                draft.seen(format!("its last run began {} and ended with `{outcome}`{why}", boot.started_at), records);
        }
        draft = match unit {
            Some(unit) => draft
                .command(format!("bring up `{}`", unit.id), bring_up(unit))
                .command("if it does not stay up, look at its last exit", show(unit)),
            None if matches!(life, Life::Elsewhere(..)) => {
                draft.remedy("restart the gateway so that it takes the configured port, or set the port back")
            }
            None => draft
                .remedy("no unit runs this gateway: start it, or install its service")
                .command("install and start its service", run_at(snapshot, gateway, "gateway install")),
        };
        out.push(draft);
    }
}

/// The unit that should run a gateway.
fn responsible<'a>(context: Context<'a>, gateway: &Gateway) -> Option<&'a Unit> {
    let units = || {
        gateway.units.iter().filter_map(|id| context.snapshot.unit(id)).filter(|unit| unit.role == UnitRole::Gateway)
    };
    units().find(|unit| is_active(unit)).or_else(|| units().next())
}

#[cfg(test)]
mod tests {
    use super::silent;
    use crate::diagnose::fixture::{
        ago, denied, draft, first_state, gateway, healthy, kill_gateway, node, silent as says_nothing, value,
    };

    #[test]
    fn a_dead_gateway_names_the_unit_that_should_run_it() {
        let draft = draft(silent, &node(kill_gateway));
        assert_eq!(
            draft.summary,
            "nothing listens on port 18789 of the gateway in `/Users/op/.openclaw`; \
             unit `gui/501/ai.openclaw.gateway` should run it"
        );
        assert_eq!(draft.remedy[0].command.as_deref(), Some("launchctl kickstart -k gui/501/ai.openclaw.gateway"));
    }

    #[test]
    fn without_a_unit_the_service_is_to_be_installed() {
        let draft = draft(
            silent,
            &node(|node| {
                kill_gateway(node);
                node.units.units.clear();
            }),
        );
        assert_eq!(draft.remedy[1].command.as_deref(), Some("openclaw gateway install"));
    }

    #[test]
    fn a_gateway_that_starts_is_not_silent() {
        let node = node(|node| {
            value(&mut node.listeners).clear();
            value(&mut node.processes)[0].started_at = Some(ago(4));
            first_state(node).locks.clear();
        });
        assert!(says_nothing(silent, &node));
    }

    #[test]
    fn a_gateway_on_its_old_port_is_named() {
        let draft = draft(silent, &node(|node| gateway(node).port = 18_999));
        assert!(draft.summary.ends_with("its process 4242 listens on port 18789 instead"), "{}", draft.summary);
    }

    #[test]
    fn healthy_or_hidden_it_says_nothing() {
        assert!(says_nothing(silent, &healthy()));
        assert!(says_nothing(silent, &node(|node| node.listeners = denied())));
    }
}
