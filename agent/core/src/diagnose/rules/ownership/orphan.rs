//! `port.orphan`

use super::super::command::bring_up;
use super::super::life::descends;
use super::claim::is_active;
use super::foreign::{Listening, listening};
use crate::catalogue::Code;
use crate::diagnose::{Context, Draft};
use crate::snapshot::{Gateway, Process, Unit, UnitRole};

/// `port.orphan`: the gateway on the port belongs to no unit, while a unit should own it.
pub(super) fn orphan(context: Context<'_>, out: &mut Vec<Draft>) {
    let snapshot = context.snapshot;
    for gateway in snapshot.host_gateways() {
        let Listening::Gateway(process) = listening(context, gateway) else { continue };
        if process.foreign_pidns || !gateway.pids.contains(&process.pid) {
            continue;
        }
        let Some(unit) = should_own(context, gateway, process) else { continue };
        let (pid, port) = (process.pid, gateway.port);
        let how = if process.ppid == 1 { "left behind with parent pid 1" } else { "started by hand" };
        out.push(
            Draft::new(
                Code::PortOrphan,
                "process",
                pid.to_string(),
                format!(
                    "the gateway on port {port} is pid {pid}, {how}: it belongs to no unit, while `{}` should own the port",
                    unit.id
                ),
            )
            .gateway(gateway)
            .seen(format!("pid {pid} listens on port {port}"), &snapshot.listeners)
            .seen(format!("its parent is pid {}", process.ppid), &snapshot.processes)
            .seen(format!("`{}` does not run pid {pid}", unit.id), &unit.runtime)
            .command("stop the gateway that no unit owns", format!("kill {pid}"))
            .command(format!("then bring up `{}`", unit.id), bring_up(unit)),
        );
    }
}

/// The unit that should own the port and runs none of the process's ancestors. None where a unit's state is hidden.
fn should_own<'a>(context: Context<'a>, gateway: &Gateway, process: &Process) -> Option<&'a Unit> {
    let all = &context.snapshot.units.units;
    let owned = all.iter().filter_map(|unit| unit.runtime.get()?.pid).any(|pid| descends(context, process.pid, pid));
    let mine: Vec<&Unit> =
        all.iter().filter(|unit| unit.role == UnitRole::Gateway && gateway.units.contains(&unit.id)).collect();
    if owned || mine.iter().any(|unit| unit.runtime.blind().is_some()) {
        return None;
    }
    // Where the unit is not loaded, only the mark of a supervisor tells a job that outlived its registration from one started by hand.
    mine.into_iter().find(|unit| is_active(unit) && (unit.runtime.get().is_some() || process.supervisor.is_some()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::fixture::*;
    use crate::snapshot::{Snapshot, UnitState};

    fn unit_without_process(node: &mut Snapshot) {
        runtime(node).pid = None;
        runtime(node).state = UnitState::SpawnScheduled;
    }

    #[test]
    fn a_gateway_left_behind_is_named_with_the_unit_it_keeps_out() {
        let draft = draft(orphan, &node(unit_without_process));
        assert_eq!(
            draft.summary,
            "the gateway on port 18789 is pid 4242, left behind with parent pid 1: it belongs to no unit, \
             while `gui/501/ai.openclaw.gateway` should own the port"
        );
        assert_eq!(draft.remedy[0].command.as_deref(), Some("kill 4242"));
    }

    #[test]
    fn a_process_that_outlived_its_registration_is_an_orphan() {
        let outlived = node(|node| first_unit(node).runtime = absent());
        assert_eq!(drafts(orphan, &outlived).len(), 1);
        let by_hand = node(|node| {
            first_unit(node).runtime = absent();
            value(&mut node.processes)[0].supervisor = None;
        });
        assert!(silent(orphan, &by_hand));
    }

    #[test]
    fn a_gateway_in_a_container_is_none_of_a_units_business() {
        let node = node(|node| {
            unit_without_process(node);
            value(&mut node.processes)[0].foreign_pidns = true;
        });
        assert!(silent(orphan, &node));
    }

    #[test]
    fn healthy_or_hidden_it_says_nothing() {
        assert!(silent(orphan, &healthy()));
        assert!(silent(orphan, &node(|node| first_unit(node).runtime = denied())));
        assert!(silent(orphan, &node(|node| node.processes = denied())));
    }
}
