//! `gateway.restart-storm`

use crate::diagnose::rules::contained::place_named;
use crate::order::Gather as _;
use std::collections::BTreeSet;

use super::super::life::{log_is_shared, recent, seconds, state_of};
use crate::catalogue::Code;
use crate::diagnose::{Context, Draft};
use crate::snapshot::{Gateway, Risen, event};

/// The window, in seconds.
const WINDOW_S: i64 = 600;

/// Starts within the window that make a storm.
const STARTS: usize = 3;

/// `gateway.restart-storm`: three or more starts in ten minutes, none of which somebody stopped cleanly.
pub(super) fn storm(context: Context<'_>, out: &mut Vec<Draft>) {
    let now = context.snapshot.taken_at;
    for gateway in context.snapshot.host_gateways() {
        let records = state_of(context, gateway).map(|dir| &dir.records);
        let boots: Vec<_> = records
            .and_then(|records| records.get())
            .into_iter()
            .flat_map(|records| &records.boots)
            // A run that somebody stopped cleanly ends what came before it.
            .take_while(|boot| {
                seconds(boot.started_at, now) <= WINDOW_S && boot.outcome.as_deref() != Some("clean_stop")
            })
            .collect();
        let pids: BTreeSet<u32> = boots.iter().filter_map(|boot| boot.pid).gather();
        let starts = recent(context, gateway, event::LOADING_CONFIGURATION, WINDOW_S).count();
        let told_by_log = records.is_none_or(|records| records.get().is_none()) && !log_is_shared(context, gateway);
        let count = if told_by_log { starts } else { pids.len() };
        if count < STARTS {
            out.extend(counted(context, gateway));
            continue;
        }
        let mut draft = Draft::new(
            Code::GatewayRestartStorm,
            "gateway",
            gateway.id.clone(),
            format!("the gateway in {} was started {count} times within 10 min", place_named(&gateway.id)),
        )
        .gateway(gateway);
        if let Some(records) = records {
            for boot in boots {
                let pid = boot.pid.map_or_else(String::new, |pid| format!(" as pid {pid}"));
                let end = boot.outcome.as_ref().map_or_else(String::new, |outcome| format!(", ended with `{outcome}`"));
                let why = boot.reason.as_ref().map_or_else(String::new, |reason| format!(": {reason}"));
                draft = draft.seen(format!("started {}{pid}{end}{why}", boot.started_at), records);
            }
        }
        if told_by_log {
            let files = gateway.log.get().map(|log| log.files.join(", ")).unwrap_or_default();
            draft = draft.seen(format!("{starts} starts in {files}"), &gateway.log);
        }
        for kind in [event::START_FAILED, event::START_REFUSED, event::ALREADY_LISTENING, event::STOPPED_BY_SIGNAL] {
            if let Some(event) = recent(context, gateway, kind, WINDOW_S).last() {
                draft = draft.seen(event.text.clone(), &gateway.log);
            }
        }
        out.push(draft);
    }
}

/// A gateway that dies before it writes anything: its service manager counts the starts, and two looks tell how fast.
fn counted(context: Context<'_>, gateway: &Gateway) -> Option<Draft> {
    let (unit, Risen { by, within_s }) = gateway.units.iter().find_map(|id| {
        let risen = context.snapshot.risen(id)?;
        let starts = i64::try_from(risen.by).ok()?;
        let least = i64::try_from(STARTS).ok()?;
        let storm = starts >= least && starts.saturating_mul(WINDOW_S) >= least.saturating_mul(risen.within_s);
        Some((context.snapshot.unit(id)?, risen)).filter(|_| storm)
    })?;
    let place = place_named(&gateway.id);
    let summary = format!("the gateway in {place} was started {by} times within {} min", (within_s + 59) / 60);
    Some(
        Draft::new(Code::GatewayRestartStorm, "gateway", gateway.id.clone(), summary)
            .gateway(gateway)
            .seen(format!("`{}`: {by} starts within {within_s} s, since the look before", unit.id), &unit.runtime),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::fixture::*;
    use crate::snapshot::{Boot, Snapshot};

    #[test]
    fn starts_that_only_the_service_manager_counts_are_a_storm() {
        let risen = |from: u64, to: u64, seconds: i64| {
            node(|node| {
                runtime(node).runs = Some(to);
                let mut earlier = crate::snapshot::Earlier::of(node);
                earlier.at = ago(seconds);
                earlier.runs.insert(UNIT.to_owned(), from);
                node.before = Some(earlier);
            })
        };
        assert_eq!(
            draft(storm, &risen(2, 47, 900)).summary,
            "the gateway in `/Users/op/.openclaw` was started 45 times within 15 min"
        );
        assert!(silent(storm, &risen(2, 4, 300)), "two are none");
        assert!(silent(storm, &risen(2, 6, 3_600)), "four in an hour are none");
        assert!(silent(storm, &risen(47, 2, 900)), "counted anew");
        assert!(silent(storm, &node(|node| runtime(node).runs = Some(47))), "nobody looked before");
    }

    fn boots(node: &mut Snapshot, pids: &[u32], outcome: Option<&str>) {
        let records = value(&mut first_state(node).records);
        records.boots = pids
            .iter()
            .zip(1..)
            .map(|(&pid, minutes)| Boot {
                pid: Some(pid),
                started_at: ago(minutes * 60),
                completed_at: None,
                outcome: outcome.map(str::to_owned),
                reason: None,
            })
            .collect();
    }

    #[test]
    fn three_processes_in_ten_minutes_are_a_storm() {
        let node = node(|node| boots(node, &[PID, 4_100, 4_000], None));
        assert_eq!(
            draft(storm, &node).summary,
            "the gateway in `/Users/op/.openclaw` was started 3 times within 10 min"
        );
    }

    #[test]
    fn clean_stops_and_restarts_within_one_process_are_none() {
        assert!(silent(storm, &node(|node| boots(node, &[PID, 4_100, 4_000], Some("clean_stop")))));
        assert!(silent(storm, &node(|node| boots(node, &[PID, PID, PID], None))));
        assert!(silent(storm, &node(|node| boots(node, &[PID, 4_100], None))));
    }

    #[test]
    fn a_clean_stop_ends_the_storm() {
        let node = node(|node| {
            boots(node, &[PID, 4_300, 4_200, 4_100, 4_000], None);
            value(&mut first_state(node).records).boots[1].outcome = Some("clean_stop".to_owned());
        });
        assert!(silent(storm, &node));
    }

    #[test]
    fn without_records_its_own_log_tells() {
        let mut node = node(|node| first_state(node).records = denied());
        assert!(silent(storm, &node));
        for minute in 1..=3 {
            log_event(&mut node, minute * 60, event::LOADING_CONFIGURATION, "loading configuration…", &[]);
        }
        assert_eq!(drafts(storm, &node).len(), 1);
        let mut other = node.gateways[0].clone();
        other.id = "/other".to_owned();
        node.gateways.push(other);
        assert!(silent(storm, &node));
    }

    #[test]
    fn the_healthy_node_says_nothing() {
        assert!(silent(storm, &healthy()));
    }
}
