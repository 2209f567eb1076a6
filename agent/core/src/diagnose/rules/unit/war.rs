//! `unit.port-war`

use std::collections::BTreeSet;

use super::super::command::retire;
use super::super::life::{log_is_shared, recent, seconds, state_of};
use super::super::ownership::{is_active, supervised};
use crate::catalogue::Code;
use crate::diagnose::{Context, Draft};
use crate::order::{Gather as _, Order as _};
use crate::snapshot::{Boot, Gateway, LogEvent, event};

/// How far back the war is looked for, in seconds. One life lasts some 20 s.
const WINDOW_S: i64 = 600;

/// Changes from one gateway to the other and back that make a war without a word in any log.
const CHANGES: usize = 3;

/// `unit.port-war`: two supervised gateways on one port kill each other as stale.
pub(super) fn port_war(context: Context<'_>, out: &mut Vec<Draft>) {
    let gateways = &context.snapshot.gateways;
    for (index, one) in gateways.iter().enumerate() {
        for other in gateways.iter().skip(index + 1).filter(|other| other.port == one.port) {
            out.extend(war(context, one, other));
        }
    }
}

fn war(context: Context<'_>, one: &Gateway, other: &Gateway) -> Option<Draft> {
    let kills = kills(context, one, other);
    let changes = changes(context, one, other);
    // Only a supervised gateway kills: between two lives neither process nor lease is there to say so.
    let mutual = [one, other].iter().all(|gateway| kills.iter().any(|(victim, _)| victim.id == gateway.id));
    let both = supervised(context.snapshot, one) && supervised(context.snapshot, other);
    if !mutual && !(both && (!kills.is_empty() || changes >= CHANGES)) {
        return None;
    }
    let mut draft = Draft::new(
        Code::UnitPortWar,
        "port",
        one.port.to_string(),
        format!("two supervised gateways kill each other over port {}: `{}` and `{}`", one.port, one.id, other.id),
    )
    .gateway(one)
    .gateway(other);
    for (victim, event) in kills.iter().rev().take(4) {
        draft = draft.evidence(
            format!("{}; a pid of `{}`", event.text, victim.id),
            victim.id.clone(),
            event.at.unwrap_or(context.snapshot.taken_at),
        );
    }
    if changes > 0 {
        draft = draft.evidence(
            format!("the two were started by turns, {changes} changes within 10 min"),
            "gateway_boot_lifecycle of both",
            context.snapshot.taken_at,
        );
    }
    draft = draft.remedy("keep one of the two on this port, and retire the other's unit or give it a port of its own");
    let units = [one, other].into_iter().flat_map(|gateway| &gateway.units).filter_map(|id| context.snapshot.unit(id));
    for unit in units.filter(|unit| is_active(unit)) {
        draft = draft.command(format!("to retire `{}`", unit.id), retire(unit));
    }
    Some(draft)
}

/// Kills of one gateway's processes that a log of either of the two tells of.
fn kills<'a>(context: Context<'_>, one: &'a Gateway, other: &'a Gateway) -> Vec<(&'a Gateway, &'a LogEvent)> {
    let mut kills = Vec::new();
    for (killer, victim) in [(one, other), (other, one)] {
        let pids = pids(context, victim);
        let own = self::pids(context, killer);
        // A log that both write to tells of each kill twice; the victim is told by the pid alone. A victim that was killed before it
        // had written down its start is known to nobody: then a log of the killer's own is enough.
        let own_log = !log_is_shared(context, killer);
        for event in recent(context, killer, event::KILLED_STALE, WINDOW_S) {
            if event.pids.iter().any(|pid| !own.contains(pid) && (own_log || pids.contains(pid))) {
                kills.push((victim, event));
            }
        }
    }
    kills.order_by_key(|(_, event)| event.at);
    kills
}

/// All pids that are known to have run a gateway.
fn pids(context: Context<'_>, gateway: &Gateway) -> BTreeSet<u32> {
    let boots = boots(context, gateway);
    boots.iter().filter_map(|boot| boot.pid).chain(gateway.pids.iter().copied()).gather()
}

fn boots<'a>(context: Context<'a>, gateway: &Gateway) -> &'a [Boot] {
    state_of(context, gateway).and_then(|dir| dir.records.get()).map_or(&[], |records| &records.boots)
}

/// How often the starts of the two change from one to the other.
fn changes(context: Context<'_>, one: &Gateway, other: &Gateway) -> usize {
    let mut starts: Vec<(jiff::Timestamp, bool)> = [(one, false), (other, true)]
        .into_iter()
        .flat_map(|(gateway, which)| boots(context, gateway).iter().map(move |boot| (boot.started_at, which)))
        .filter(|(at, _)| seconds(*at, context.snapshot.taken_at) <= WINDOW_S)
        .collect();
    starts.order();
    starts.iter().zip(starts.iter().skip(1)).filter(|((_, first), (_, second))| first != second).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::fixture::*;
    use crate::snapshot::{Snapshot, StateRecords};

    const OTHER: &str = "/Users/op/.openclaw-work";

    fn boot(pid: u32, seconds: i64) -> Boot {
        Boot {
            pid: Some(pid),
            started_at: ago(seconds),
            completed_at: Some(ago(seconds - 15)),
            outcome: Some("clean_stop".to_owned()),
            reason: Some("stop (SIGTERM)".to_owned()),
        }
    }

    /// Two supervised gateways on one port; the second one's last process was 5000.
    fn rivals() -> Snapshot {
        node(|node| {
            let mut unit = unit("ai.openclaw.work", None);
            unit.state_dir = Some(OTHER.to_owned());
            let mut other = silent_gateway(OTHER, PORT);
            other.units = vec![unit.id.clone()];
            node.units.units.push(unit);
            node.gateways.push(other);
            let mut dir = state_dir(OTHER, 300);
            dir.records = known(StateRecords {
                boots: vec![boot(5_000, 30)],
                lease: None,
                devices: Vec::new(),
                ..value(&mut first_state(node).records).clone()
            });
            node.state_dirs.push(dir);
        })
    }

    #[test]
    fn a_kill_of_the_others_process_is_a_war_and_its_root() {
        let mut node = rivals();
        log_event(
            &mut node,
            15,
            event::KILLED_STALE,
            "killing 1 stale gateway process(es) before restart: 5000",
            &[5_000],
        );
        let draft = draft(port_war, &node);
        assert_eq!(
            draft.summary,
            "two supervised gateways kill each other over port 18789: `/Users/op/.openclaw` and `/Users/op/.openclaw-work`"
        );
        assert_eq!(draft.remedy.len(), 3);
        assert_eq!(root_causes(&node), [Code::UnitPortWar]);
    }

    #[test]
    fn starts_by_turns_are_a_war_without_any_log() {
        let mut node = rivals();
        value(&mut first_state(&mut node).records).boots = vec![boot(PID, 15), boot(4_200, 45), boot(4_100, 75)];
        value(&mut node.state_dirs[1].records).boots = vec![boot(5_000, 30), boot(4_900, 60)];
        assert_eq!(drafts(port_war, &node).len(), 1);
    }

    #[test]
    fn a_gateway_that_clears_its_own_remains_makes_no_war() {
        let mut node = rivals();
        log_event(
            &mut node,
            15,
            event::KILLED_STALE,
            "killing 1 stale gateway process(es) before restart: 4242",
            &[PID],
        );
        assert!(silent(port_war, &node));
    }

    #[test]
    fn only_supervised_gateways_make_war() {
        let mut node = rivals();
        log_event(
            &mut node,
            15,
            event::KILLED_STALE,
            "killing 1 stale gateway process(es) before restart: 5000",
            &[5_000],
        );
        node.units.units.truncate(1);
        node.gateways[1].units.clear();
        assert!(silent(port_war, &node));
    }

    #[test]
    fn healthy_or_hidden_it_says_nothing() {
        assert!(silent(port_war, &healthy()));
        let mut node = rivals();
        gateway(&mut node).log = denied();
        assert!(silent(port_war, &node));
    }
}
