//! `close.1006`, `transport.slow-challenge`

use super::super::container::stage::{Stage, stage};
use super::super::life::{Life, life, log_is_shared, recent};
use crate::catalogue::{Code, Severity};
use crate::connects::Series;
use crate::diagnose::{Context, Draft};
use crate::snapshot::{FailureKind, Gateway, LogEvent, Phase, event};

/// How long a closure counts, in seconds.
const WINDOW_S: i64 = 3_600;

/// Events in which a closure stands.
const CLOSURES: [&str; 4] =
    [event::CLOSED_BEFORE_CONNECT, event::DISCONNECTED, event::CLIENT_UNREACHABLE, event::NODE_HOST_REFUSED];

/// `close.1006`: connections ended without a close frame. That alone says nothing of why.
pub(super) fn abnormal(context: Context<'_>, out: &mut Vec<Draft>) {
    for gateway in &context.snapshot.gateways {
        let shared = log_is_shared(context, gateway);
        let endpoint = format!(":{}", gateway.port);
        let closures: Vec<&LogEvent> = CLOSURES
            .iter()
            .flat_map(|kind| recent(context, gateway, kind, WINDOW_S))
            .filter(|event| says_1006(event) && (!shared || event.text.contains(&endpoint)))
            .collect();
        let ladder = &gateway.ladder;
        let own = [ladder.handshake.failure(), ladder.connect.failure(), ladder.channels.failure()]
            .into_iter()
            .flatten()
            .find(|failure| failure.kind == FailureKind::Reset && failure.phase > Phase::Tcp);
        if closures.is_empty() && own.is_none() {
            continue;
        }
        let count = closures.len() + usize::from(own.is_some());
        let mut draft = Draft::new(
            Code::Close1006,
            "gateway",
            gateway.id.clone(),
            format!(
                "{} to the gateway on port {} ended without a close frame (1006) within an hour",
                if count == 1 { "one connection".to_owned() } else { format!("{count} connections") },
                gateway.port
            ),
        )
        .gateway(gateway);
        for event in closures.iter().rev().take(4) {
            draft = draft.seen(event.text.clone(), &gateway.log);
        }
        if let Some(failure) = own {
            draft = draft.answered(failure.message.clone(), ladder.target.clone(), &ladder.connect);
        }
        out.push(draft);
    }
}

fn says_1006(event: &LogEvent) -> bool {
    event.detail.as_deref() == Some("1006") || ["code=1006", "(1006"].iter().any(|mark| event.text.contains(mark))
}

/// `transport.slow-challenge`: the upgrade is answered, and the challenge comes late or never.
pub(super) fn slow_challenge(context: Context<'_>, out: &mut Vec<Draft>) {
    for gateway in &context.snapshot.gateways {
        // What starts, hangs or is somebody else's has findings of its own.
        let up =
            matches!(life(context, gateway), Life::Listening(_)) || matches!(stage(context, gateway), Stage::Up(_));
        if !up {
            continue;
        }
        let ladder = &gateway.ladder;
        let bar = context.policy.slow_challenge_ms;
        if let Some(challenge) = ladder.handshake.answer().filter(|challenge| challenge.challenge_ms > bar) {
            let what = format!(
                "the challenge came {:.0} ms after the upgrade, the bar is {bar:.0} ms",
                challenge.challenge_ms
            );
            out.push(about(gateway, &what).answered(what, ladder.target.clone(), &ladder.handshake));
        } else if let Some((series, late)) = late(gateway.connects.as_ref(), bar) {
            let what = format!(
                "{late} of {} challenges came later than {bar:.0} ms after the upgrade",
                series.answered().count()
            );
            let at = series.began().unwrap_or(context.snapshot.taken_at);
            out.push(about(gateway, &what).evidence(what, format!("connects to {}", series.target), at));
        } else if let Some(failure) = ladder
            .handshake
            .failure()
            .filter(|failure| failure.kind == FailureKind::Timeout && failure.phase == Phase::Challenge)
        {
            let what = "the upgrade was answered, and no challenge came in time";
            out.push(about(gateway, what).severity(Severity::Error).answered(
                failure.message.clone(),
                ladder.target.clone(),
                &ladder.handshake,
            ));
        } else if let Some(event) = recent(context, gateway, event::HANDSHAKE_TIMEOUT, WINDOW_S)
            .filter(|event| !log_is_shared(context, gateway) || event.text.contains(&format!(":{}", gateway.port)))
            .last()
        {
            out.push(about(gateway, "handshakes timed out within an hour").seen(event.text.clone(), &gateway.log));
        }
    }
}

/// How many challenges of a series were late, where that is more than one in twenty.
fn late(series: Option<&Series>, bar: f64) -> Option<(&Series, usize)> {
    let series = series?;
    let challenges = || series.answered().filter_map(|probe| probe.answer());
    let late = challenges().filter(|challenge| challenge.challenge_ms > bar).count();
    (late * 20 > challenges().count()).then_some((series, late))
}

fn about(gateway: &Gateway, what: &str) -> Draft {
    Draft::new(
        Code::TransportSlowChallenge,
        "gateway",
        gateway.id.clone(),
        format!("the gateway on port {} is slow to shake hands: {what}", gateway.port),
    )
    .gateway(gateway)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Verdict;
    use crate::diagnose::fixture::*;
    use crate::snapshot::Challenge;

    const CLOSED: &str = "closed before connect conn=1 peer=127.0.0.1:5->127.0.0.1:18789 code=1006 reason=n/a";

    #[test]
    fn closures_are_told_and_change_no_verdict() {
        let node = node(|node| {
            log_event(node, 60, event::CLOSED_BEFORE_CONNECT, CLOSED, &[]);
            log_event(node, 50, event::CLOSED_BEFORE_CONNECT, "closed before connect conn=2 code=1008", &[]);
        });
        assert_eq!(
            draft(abnormal, &node).summary,
            "one connection to the gateway on port 18789 ended without a close frame (1006) within an hour"
        );
        assert_eq!(report(&node).verdict, Verdict::Ready);
    }

    #[test]
    fn our_own_connection_that_was_cut_counts() {
        let node = node(|node| gateway(node).ladder.connect = failed(Phase::Connect, FailureKind::Reset));
        assert_eq!(drafts(abnormal, &node).len(), 1);
        assert_eq!(report(&node).verdict, Verdict::Unknown);
    }

    #[test]
    fn in_a_log_that_several_write_the_port_must_be_named() {
        let mut node = node(|node| log_event(node, 60, event::DISCONNECTED, "close code=1006", &[]));
        let mut other = node.gateways[0].clone();
        (other.id, other.port) = ("/other".to_owned(), 19_999);
        node.gateways.push(other);
        assert!(silent(abnormal, &node));
    }

    #[test]
    fn a_late_challenge_warns_and_none_at_all_is_an_error() {
        let late = node(|node| answer(&mut gateway(node).ladder.handshake).challenge_ms = 3_500.0);
        assert_eq!(draft(slow_challenge, &late).severity, Severity::Warning);
        let none = node(|node| gateway(node).ladder.handshake = failed(Phase::Challenge, FailureKind::Timeout));
        assert_eq!(draft(slow_challenge, &none).severity, Severity::Error);
    }

    #[test]
    fn one_late_challenge_in_a_hundred_is_chance_and_ten_are_not() {
        let with = |late: usize| {
            node(|node| {
                let connects = (0..100).map(|n| {
                    let challenge_ms = if n < late { 2_500.0 } else { 1.0 };
                    answered(Challenge { tcp_ms: 0.1, challenge_ms, skew_ms: None, skew_uncertainty_ms: None })
                });
                let connects = connects.collect();
                let (target, from) = ("ws://127.0.0.1:18789".to_owned(), "this node".to_owned());
                gateway(node).connects = Some(Series { target, from, asked: 100, cut_short: None, connects });
            })
        };
        assert!(silent(slow_challenge, &with(1)));
        let late = draft(slow_challenge, &with(10));
        assert_eq!(late.severity, Severity::Warning);
        assert!(late.summary.ends_with("10 of 100 challenges came later than 2000 ms after the upgrade"), "{late:?}");
    }

    #[test]
    fn timeouts_in_the_log_warn() {
        let node = node(|node| log_event(node, 60, event::HANDSHAKE_TIMEOUT, "handshake timeout conn=1", &[]));
        assert_eq!(draft(slow_challenge, &node).severity, Severity::Warning);
    }

    #[test]
    fn healthy_or_hidden_they_say_nothing() {
        let hidden = node(|node| {
            gateway(node).log = denied();
            gateway(node).ladder.handshake = untried();
        });
        for rule in [abnormal, slow_challenge] {
            assert!(silent(rule, &healthy()));
            assert!(silent(rule, &hidden));
        }
    }
}
