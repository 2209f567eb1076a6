//! `host.clock`

use super::super::{Context, Draft, Rule};
use super::auth::client_name;
use crate::catalogue::{Code, Severity};
use crate::snapshot::{Challenge, NodeClock, Probe};

pub(super) const RULES: &[Rule] = &[server, engines, gateways, clients];

/// What they may raise.
pub(super) const RAISES: &[Code] = &[Code::HostClock];

/// Milliseconds from which a clock is off.
const OFF_MS: u64 = 1_000;
/// Milliseconds from which it is an error: device signatures live for two minutes.
const FAR_MS: u64 = 60_000;
/// How wrong a skew may be of which nobody said it, in milliseconds.
const UNKNOWN_MS: u64 = 1_000;

/// How bad a skew is at least. What may as well be the way there and back is no skew.
fn judge(skew_ms: i64, uncertainty_ms: Option<u64>) -> Option<Severity> {
    let certain = skew_ms.unsigned_abs().saturating_sub(uncertainty_ms.unwrap_or(UNKNOWN_MS));
    match certain {
        certain if certain > FAR_MS => Some(Severity::Error),
        certain if certain > OFF_MS => Some(Severity::Warning),
        _ => None,
    }
}

/// `5.2 s behind, give or take 12 ms`
fn words(skew_ms: i64, uncertainty_ms: Option<u64>) -> String {
    let size = skew_ms.unsigned_abs();
    let size = if size < 120_000 {
        format!("{}.{} s", size / 1_000, size % 1_000 / 100)
    } else {
        format!("{} min", size / 60_000)
    };
    let direction = if skew_ms < 0 { "behind" } else { "ahead" };
    let give = uncertainty_ms.map(|ms| format!(", give or take {ms} ms")).unwrap_or_default();
    format!("{size} {direction}{give}")
}

/// The node's clock against a time server.
fn server(context: Context<'_>, out: &mut Vec<Draft>) {
    let node = &context.snapshot.node;
    let NodeClock { kept, server: Some(asked) } = &node.clock else { return };
    let Some(time) = asked.get() else { return };
    let Some(severity) = judge(time.offset_ms, Some(time.uncertainty_ms)) else { return };
    // The server ahead of us is our own clock behind.
    let skew = words(time.offset_ms.saturating_neg(), Some(time.uncertainty_ms));
    let subject = node.hostname.get().cloned().unwrap_or_else(|| "this node".to_owned());
    let summary = format!("this node's clock is {skew}, by {}", time.server);
    let mut draft = Draft::new(Code::HostClock, "node", subject, summary)
        .severity(severity)
        .seen(format!("{} says so, at stratum {}", time.server, time.stratum), asked);
    if let Some(kept) = kept
        && let Some(keeping) = kept.get()
    {
        let how = if keeping.synchronised { "is kept" } else { "is kept by nothing" };
        draft = draft.seen(format!("the system says that its clock {how}"), kept);
    }
    let is_mac = node.system.get().is_some_and(|system| system.name == "macOS");
    out.push(if is_mac {
        draft
            .command("set it now", "sudo sntp -sS time.apple.com")
            .command("and keep it", "sudo systemsetup -setusingnetworktime on")
    } else {
        draft.command("keep it", "sudo timedatectl set-ntp true")
    });
}

/// The clock of an engine's virtual machine.
fn engines(context: Context<'_>, out: &mut Vec<Draft>) {
    for engine in &context.snapshot.engines {
        let Some(answer) = engine.answer.get() else { continue };
        let Some(skew) = answer.skew_ms else { continue };
        let Some(severity) = judge(skew, answer.skew_uncertainty_ms) else { continue };
        let said = words(skew, answer.skew_uncertainty_ms);
        let summary = format!("the clock of {} is {said}", engine.kind.name());
        let mut draft = Draft::new(Code::HostClock, "engine", engine.id.clone(), summary)
            .severity(severity)
            .seen(format!("its `SystemTime` is {said}"), &engine.answer);
        for workload in
            context.snapshot.workloads.iter().filter(|workload| workload.engine.as_ref() == Some(&engine.id))
        {
            draft = draft.workload(workload);
        }
        out.push(draft.remedy("restart the engine: its virtual machine's clock stands still while the node sleeps"));
    }
}

/// A gateway's clock, by the time in its challenge.
fn gateways(context: Context<'_>, out: &mut Vec<Draft>) {
    for gateway in &context.snapshot.gateways {
        let ladder = &gateway.ladder;
        if let Some((severity, said)) = challenge(&ladder.handshake) {
            let summary = format!("the clock of the gateway on port {} is {said}", gateway.port);
            let words = format!("its challenge is {said}");
            out.push(
                Draft::new(Code::HostClock, "gateway", gateway.id.clone(), summary)
                    .severity(severity)
                    .gateway(gateway)
                    .answered(words, ladder.target.clone(), &ladder.handshake),
            );
        }
    }
}

/// The clock of a gateway elsewhere, by the time in its challenge to a client.
fn clients(context: Context<'_>, out: &mut Vec<Draft>) {
    for client in context.snapshot.clients.iter().filter(|client| client.gateway.is_none()) {
        if let Some((severity, said)) = challenge(&client.handshake) {
            let summary = format!("the clock of the gateway that {} connects to is {said}", client_name(client));
            let words = format!("its challenge is {said}");
            out.push(
                Draft::new(Code::HostClock, "client", client.id.clone(), summary)
                    .severity(severity)
                    .client(client)
                    .answered(words, "handshake of the client", &client.handshake),
            );
        }
    }
}

fn challenge(handshake: &Probe<Challenge>) -> Option<(Severity, String)> {
    let challenge = handshake.answer()?;
    let (skew, uncertainty) = (challenge.skew_ms?, challenge.skew_uncertainty_ms);
    Some((judge(skew, uncertainty)?, words(skew, uncertainty)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Snapshot;
    use crate::diagnose::fixture::project;
    use crate::diagnose::fixture::*;
    use crate::snapshot::{Keeping, ServerTime};

    fn off_by(offset_ms: i64, uncertainty_ms: u64) -> Snapshot {
        node(|node| {
            node.node.clock.kept = Some(known(Keeping { synchronised: false, max_error_ms: 16_000 }));
            node.node.clock.server =
                Some(known(ServerTime { server: "time.example".to_owned(), offset_ms, uncertainty_ms, stratum: 2 }));
        })
    }

    #[test]
    fn seconds_warn_and_minutes_are_an_error() {
        let late = draft(server, &off_by(5_200, 12));
        assert_eq!(late.severity, Severity::Warning);
        assert_eq!(late.summary, "this node's clock is 5.2 s behind, give or take 12 ms, by time.example");
        assert_eq!(draft(server, &off_by(-61_000, 12)).severity, Severity::Error);
        assert!(silent(server, &off_by(900, 0)));
    }

    #[test]
    fn what_may_as_well_be_the_way_is_no_skew() {
        assert!(silent(server, &off_by(1_900, 950)));
        assert_eq!(draft(server, &off_by(60_500, 800)).severity, Severity::Warning);
        assert_eq!(judge(1_500, None), None);
        assert_eq!(judge(i64::MIN, Some(0)), Some(Severity::Error));
    }

    #[test]
    fn what_was_not_asked_or_did_not_answer_says_nothing() {
        assert!([server, engines, gateways, clients].into_iter().all(|rule| silent(rule, &healthy())));
        let hidden = node(|node| {
            node.node.clock.server = Some(denied());
            gateway(node).ladder.handshake = untried();
        });
        assert!([server, engines, gateways, clients].into_iter().all(|rule| silent(rule, &hidden)));
    }

    #[test]
    fn an_engines_machine_and_a_gateway_tell_their_time() {
        let mut sick = project::bridged();
        value(&mut sick.engines[0].answer).skew_ms = Some(-90_000);
        assert_eq!(draft(engines, &sick).severity, Severity::Error);
        let sick = node(|node| {
            let challenge = answer(&mut gateway(node).ladder.handshake);
            (challenge.skew_ms, challenge.skew_uncertainty_ms) = (Some(3_000), Some(40));
        });
        assert_eq!(
            draft(gateways, &sick).summary,
            "the clock of the gateway on port 18789 is 3.0 s ahead, give or take 40 ms"
        );
    }

    #[test]
    fn a_clock_that_is_far_off_explains_why_signatures_are_refused() {
        let sick = node(|node| answer(&mut gateway(node).ladder.handshake).skew_ms = Some(-130_000));
        assert_eq!(root_causes(&sick), [Code::HostClock]);
    }
}
