//! `unit.keepalive-blind`, `unit.throttle-short`

use super::super::ownership::is_active;
use super::{about, gateway_units, install, origin};
use crate::catalogue::Code;
use crate::diagnose::{Context, Draft};
use crate::snapshot::{KeepAlive, Manager};

/// Seconds between two starts below which a dying gateway still holds its port when the next one comes.
const THROTTLE_S: u32 = 10;

/// `unit.keepalive-blind`: any exit is a reason to restart, and success says nothing of readiness.
pub(super) fn keepalive_blind(context: Context<'_>, out: &mut Vec<Draft>) {
    for unit in gateway_units(context).filter(|unit| is_active(unit) && !unit.gated) {
        if unit.keep_alive != KeepAlive::Always {
            continue;
        }
        let (key, wanted) = match unit.manager {
            Manager::Launchd => ("`KeepAlive` is true", "`KeepAlive` to a dictionary with `SuccessfulExit` false"),
            Manager::Systemd => ("`Restart=always`", "`Restart=on-failure`"),
        };
        out.push(
            about(
                context,
                Code::UnitKeepaliveBlind,
                unit,
                format!("`{}` is restarted on any exit, and nothing ties its success to readiness", unit.id),
            )
            .evidence(key, origin(unit), context.snapshot.taken_at)
            .remedy(format!("start the gateway through a supervisor that ends with 0 only if the gateway had been ready, and set {wanted}"))
            .remedy("use a label of your own for it: `openclaw gateway restart` writes its own definition anew"),
        );
    }
}

/// `unit.throttle-short`: launchd starts the next process while the last one still holds the port.
pub(super) fn throttle_short(context: Context<'_>, out: &mut Vec<Draft>) {
    for unit in gateway_units(context).filter(|unit| unit.manager == Manager::Launchd && is_active(unit)) {
        let Some(throttle) = unit.throttle_s.filter(|throttle| *throttle < THROTTLE_S) else { continue };
        out.push(
            about(
                context,
                Code::UnitThrottleShort,
                unit,
                format!(
                    "`{}` may be restarted every {throttle} s, less than the {THROTTLE_S} s a gateway needs to let go",
                    unit.id
                ),
            )
            .evidence(format!("`ThrottleInterval` is {throttle}"), origin(unit), context.snapshot.taken_at)
            .command("write the definition of the present release", install(context, unit))
            .remedy(format!("or set `ThrottleInterval` to {THROTTLE_S} or more and load it again")),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Verdict;
    use crate::diagnose::fixture::*;

    #[test]
    fn a_plain_keepalive_degrades() {
        let mut node = node(|node| {
            first_unit(node).keep_alive = KeepAlive::Always;
            first_unit(node).gated = false;
        });
        assert_eq!(
            draft(keepalive_blind, &node).summary,
            "`gui/501/ai.openclaw.gateway` is restarted on any exit, and nothing ties its success to readiness"
        );
        assert_eq!(report(&node).verdict, Verdict::Degraded);
        first_unit(&mut node).gated = true;
        assert!(silent(keepalive_blind, &node));
    }

    #[test]
    fn a_short_throttle_warns_on_launchd() {
        let mut node = node(|node| first_unit(node).throttle_s = Some(1));
        assert_eq!(drafts(throttle_short, &node).len(), 1);
        first_unit(&mut node).manager = Manager::Systemd;
        assert!(silent(throttle_short, &node));
    }

    #[test]
    fn healthy_or_without_units_they_say_nothing() {
        for rule in [keepalive_blind, throttle_short] {
            assert!(silent(rule, &healthy()));
            assert!(silent(rule, &node(|node| node.units.units.clear())));
        }
        assert!(silent(throttle_short, &node(|node| first_unit(node).throttle_s = None)));
    }
}
