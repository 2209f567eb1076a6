//! `transport.flaky`

use std::collections::BTreeMap;

use super::super::auth::{client_name, gateway_of};
use super::super::contained::judged_as;
use crate::catalogue::Code;
use crate::connects::{ENOUGH, FailureCount, Reliability, Series, THRESHOLD, Tally};
use crate::diagnose::{Context, Draft};
use crate::report::{RungState, RungSummary};
use crate::snapshot::Snapshot;

/// Kinds of failures that a summary names; the evidence has them all.
const NAMED: usize = 3;

/// `transport.flaky`: too few connects come through.
pub(super) fn flaky(context: Context<'_>, out: &mut Vec<Draft>) {
    let snapshot = context.snapshot;
    for gateway in &snapshot.gateways {
        if let Some((series, tally)) =
            unreliable(gateway.connects.as_ref(), gateway.ladder.handshake.answer().is_some())
        {
            let whom = format!("the gateway on port {}", gateway.port);
            let draft = Draft::new(Code::TransportFlaky, "gateway", gateway.id.clone(), told(&whom, series, &tally));
            out.push(proven(draft.gateway(gateway), context, series, &tally));
        }
    }
    for client in &snapshot.clients {
        let Some((series, tally)) = unreliable(client.connects.as_ref(), client.handshake.answer().is_some()) else {
            continue;
        };
        let whom = format!("{} of {}", series.target, client_name(client));
        let mut draft = Draft::new(Code::TransportFlaky, "client", client.id.clone(), told(&whom, series, &tally));
        if let Some(gateway) = gateway_of(snapshot, client) {
            draft = draft.gateway(gateway);
        }
        out.push(proven(draft.client(client), context, series, &tally));
    }
}

/// A series of which too few came through. Where none did and our one handshake failed as well, other rules say why.
fn unreliable(series: Option<&Series>, shakes_hands: bool) -> Option<(&Series, Tally)> {
    let series = series?;
    let tally = series.tally();
    let is_down = tally.connected == 0 && !shakes_hands;
    (tally.verdict == Reliability::Unreliable && !is_down).then_some((series, tally))
}

fn told(whom: &str, series: &Series, tally: &Tally) -> String {
    let named: Vec<String> = tally.failures.iter().take(NAMED).map(counted).collect();
    let more = if tally.failures.len() > NAMED { ", …" } else { "" };
    format!(
        "only {} of {} connects to {whom} from {} came through: {}{more}",
        tally.connected,
        tally.made,
        series.from,
        named.join(", ")
    )
}

/// `20 × TCP: the connection was refused (ECONNREFUSED)`
fn counted(failure: &FailureCount) -> String {
    let errno = failure.errno.as_ref().map(|errno| format!(" ({errno})")).unwrap_or_default();
    format!("{} × {}: {}{errno}", failure.count, failure.phase.name(), failure.message)
}

fn proven(mut draft: Draft, context: Context<'_>, series: &Series, tally: &Tally) -> Draft {
    let at = series.began().unwrap_or(context.snapshot.taken_at);
    let source = format!("{} connects to {} from {}", tally.made, series.target, series.from);
    if let Some([low, high]) = tally.interval {
        let words = format!(
            "{} of {} came through; the true share is between {:.1} and {:.1} % (95 % confidence), {:.0} % are wanted",
            tally.connected,
            tally.made,
            low * 100.0,
            high * 100.0,
            THRESHOLD * 100.0
        );
        draft = draft.evidence(words, source.clone(), at);
    }
    for failure in &tally.failures {
        draft = draft.evidence(counted(failure), source.clone(), at);
    }
    draft
}

/// Whether connects come through, from this node and from the clients, by the id of the gateway: that of the worst. None for a gateway of
/// which nothing was asked that could tell.
pub(crate) fn steady(snapshot: &Snapshot) -> BTreeMap<&str, RungSummary> {
    let from_node = snapshot.gateways.iter().filter_map(|gateway| Some((gateway, gateway.connects.as_ref()?)));
    let from_clients =
        snapshot.clients.iter().filter_map(|client| Some((gateway_of(snapshot, client)?, client.connects.as_ref()?)));
    let all = from_node.chain(from_clients);
    let mut rungs: BTreeMap<&str, RungSummary> = BTreeMap::new();
    for (gateway, series) in all {
        let gateway = judged_as(snapshot, gateway);
        let Some(rung) = rung(series) else { continue };
        match rungs.get(gateway.id.as_str()) {
            Some(known) if rank(known.state) >= rank(rung.state) => {}
            _ => drop(rungs.insert(&gateway.id, rung)),
        }
    }
    rungs
}

fn rank(state: RungState) -> u8 {
    match state {
        RungState::Pass => 0,
        RungState::Unknown => 1,
        RungState::Fail => 2,
    }
}

/// The rung of one series. None for one that was made as asked and that was asked for with too few to tell.
fn rung(series: &Series) -> Option<RungSummary> {
    let tally = series.tally();
    let few = usize::try_from(series.asked).is_ok_and(|asked| asked < ENOUGH) && series.cut_short.is_none();
    let counted = format!("{} of {} from {}", tally.connected, tally.made, series.from);
    let (state, detail) = match tally.verdict {
        Reliability::Reliable => (RungState::Pass, counted),
        Reliability::Unreliable => (RungState::Fail, counted),
        Reliability::Unknown if few => return None,
        Reliability::Unknown => {
            let why = tally.why.map(|why| format!(": {why}")).unwrap_or_default();
            (RungState::Unknown, format!("{counted}{why}"))
        }
    };
    Some(RungSummary { rung: "steady".to_owned(), state, elapsed_ms: tally.latency.map(|latency| latency.p95), detail })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Verdict;
    use crate::diagnose::fixture::project;
    use crate::diagnose::fixture::*;
    use crate::snapshot::{Challenge, Failure, FailureKind, Phase, Probe};

    fn series(asked: u32, failed: u32) -> Series {
        let challenge = Challenge { tcp_ms: 0.2, challenge_ms: 1.0, skew_ms: None, skew_uncertainty_ms: None };
        let refused = Failure {
            errno: Some("ECONNREFUSED".to_owned()),
            ..Failure::new(Phase::Tcp, FailureKind::Refused, "the connection was refused")
        };
        let connects = (0..asked).map(|n| {
            if n < failed {
                Probe::failed(refused.clone(), 1.0, now())
            } else {
                Probe::answered(challenge.clone(), 2.0, now())
            }
        });
        Series {
            target: "ws://127.0.0.1:18789".to_owned(),
            from: "this node".to_owned(),
            asked,
            cut_short: None,
            connects: connects.collect(),
        }
    }

    fn with(series: Series) -> Snapshot {
        node(|node| gateway(node).connects = Some(series))
    }

    fn steady_of(node: &Snapshot) -> Option<RungState> {
        report(node).gateways[0].rungs.iter().find(|rung| rung.rung == "steady").map(|rung| rung.state)
    }

    #[test]
    fn ninety_six_of_a_hundred_block_and_ninety_seven_do_not() {
        let sick = with(series(100, 4));
        let found = draft(flaky, &sick);
        assert_eq!(
            found.summary,
            "only 96 of 100 connects to the gateway on port 18789 from this node came through: 4 × TCP: the connection \
             was refused (ECONNREFUSED)"
        );
        assert_eq!((root_causes(&sick), report(&sick).verdict), (vec![Code::TransportFlaky], Verdict::Blocked));
        assert_eq!(steady_of(&sick), Some(RungState::Fail));
        let well = with(series(100, 3));
        assert!(silent(flaky, &well));
        assert_eq!((report(&well).verdict, steady_of(&well)), (Verdict::Ready, Some(RungState::Pass)));
    }

    #[test]
    fn a_series_that_was_cut_short_proves_nothing_and_the_verdict_waits() {
        let mut cut = series(40, 0);
        (cut.asked, cut.cut_short) = (100, Some("it asked to be left alone for longer".to_owned()));
        let cut = with(cut);
        assert!(silent(flaky, &cut));
        assert_eq!((report(&cut).verdict, steady_of(&cut)), (Verdict::Unknown, Some(RungState::Unknown)));
    }

    #[test]
    fn fewer_that_were_asked_for_leave_the_verdict_alone_unless_they_fail() {
        let few = with(series(10, 0));
        assert_eq!((report(&few).verdict, steady_of(&few)), (Verdict::Ready, None));
        assert_eq!(root_causes(&with(series(10, 3))), [Code::TransportFlaky]);
    }

    #[test]
    fn where_nothing_listens_another_finding_says_so() {
        let mut down = node(kill_gateway);
        gateway(&mut down).connects = Some(series(100, 100));
        assert!(silent(flaky, &down));
        assert!(silent(flaky, &healthy()) && steady_of(&healthy()).is_none());
    }

    #[test]
    fn a_clients_own_way_is_told_apart_from_the_gateways() {
        let mut sick = project::bridged();
        let client = sick.clients.iter_mut().find(|client| client.workload.is_some()).unwrap();
        client.connects = Some(Series { from: client.id.clone(), ..series(100, 20) });
        let id = client.id.clone();
        let found = draft(flaky, &sick);
        assert_eq!((found.subject.kind.as_str(), found.subject.id), ("client", id));
        assert!(root_causes(&sick).contains(&Code::TransportFlaky));
    }

    #[test]
    fn a_way_to_the_directory_that_a_container_uses_is_one_to_the_containers_gateway() {
        let mut node = project::state_on_host();
        node.clients.extend(healthy().clients);
        node.clients.last_mut().unwrap().connects = Some(series(100, 20));
        let ids: Vec<&str> = steady(&node).into_keys().collect();
        assert_eq!(ids, [node.gateways[0].id.as_str()]);
    }
}
