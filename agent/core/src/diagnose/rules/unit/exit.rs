//! `unit.exit-config`

use super::super::command::{show, start};
use super::super::life::{log_is_shared, recent};
use super::super::ownership::is_active;
use super::{about, gateway_of, gateway_units, runs};
use crate::catalogue::Code;
use crate::diagnose::{Context, Draft};
use crate::snapshot::event;

/// The status by which a gateway says that restarting it is of no use (`EX_CONFIG`).
const EX_CONFIG: i32 = 78;

/// How old a line of the log may be that tells why, in seconds.
const WINDOW_S: i64 = 86_400;

/// Events that give the reason of such an exit, the most telling first.
const REASONS: [&str; 7] = [
    event::MAINTENANCE_CONTENTION,
    event::OWNER_LEASE_ACTIVE,
    event::REQUIRES_STATE_MIGRATION,
    event::START_REFUSED,
    event::INCUMBENT_HEALTHY_LEAVING,
    event::START_FAILED,
    event::ALREADY_LISTENING,
];

/// `unit.exit-config`: the gateway refused to start and will refuse again.
pub(super) fn exit_config(context: Context<'_>, out: &mut Vec<Draft>) {
    for unit in gateway_units(context).filter(|unit| is_active(unit) && !runs(unit)) {
        let Some(runtime) = unit.runtime.get() else { continue };
        if runtime.last_exit_code != Some(EX_CONFIG) {
            continue;
        }
        let gateway = gateway_of(context, unit).filter(|gateway| !log_is_shared(context, gateway));
        let said = gateway.and_then(|gateway| {
            REASONS
                .iter()
                .find_map(|kind| recent(context, gateway, kind, WINDOW_S).last().map(|event| (gateway, event)))
        });
        let why = said.map_or_else(String::new, |(_, event)| format!(": {}", event.text.trim_end_matches('.')));
        let mut draft = about(
            context,
            Code::UnitExitConfig,
            unit,
            format!("`{}` ended with status 78, its gateway refuses to start{why}", unit.id),
        )
        .seen("last exit code 78 (EX_CONFIG)", &unit.runtime);
        if let Some((gateway, event)) = said {
            draft = draft.seen(event.text.clone(), &gateway.log);
        } else {
            draft = draft.command("see the reason that it gave", show(unit));
        }
        out.push(draft.remedy("mend what the reason names").command("then start it", start(unit)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::fixture::*;

    #[test]
    fn the_reason_of_the_log_is_quoted() {
        let node = node(|node| {
            kill_gateway(node);
            runtime(node).last_exit_code = Some(78);
            log_event(
                node,
                60,
                event::START_REFUSED,
                "Gateway start blocked: existing config is missing gateway.mode.",
                &[],
            );
        });
        assert_eq!(
            draft(exit_config, &node).summary,
            "`gui/501/ai.openclaw.gateway` ended with status 78, its gateway refuses to start: \
             Gateway start blocked: existing config is missing gateway.mode"
        );
        assert_eq!(root_causes(&node), [Code::UnitExitConfig]);
    }

    #[test]
    fn without_a_log_the_service_manager_is_asked() {
        let node = node(|node| {
            kill_gateway(node);
            runtime(node).last_exit_code = Some(78);
            gateway(node).log = denied();
        });
        assert_eq!(
            draft(exit_config, &node).remedy[0].command.as_deref(),
            Some("launchctl print gui/501/ai.openclaw.gateway")
        );
    }

    #[test]
    fn the_exit_before_a_run_that_lives_is_past() {
        assert!(silent(exit_config, &node(|node| runtime(node).last_exit_code = Some(78))));
    }

    #[test]
    fn healthy_or_hidden_it_says_nothing() {
        assert!(silent(exit_config, &healthy()));
        assert!(silent(exit_config, &node(|node| first_unit(node).runtime = denied())));
    }
}
