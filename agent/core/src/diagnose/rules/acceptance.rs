//! What the real command line says beside what our own connections say.

use std::collections::BTreeMap;

use super::super::{Context, Draft, Rule, account_fails};
use super::auth::{client_name, gateway_of};
use super::contained::{judged_as, run_as};
use crate::catalogue::Code;
use crate::order::Gather as _;
use crate::report::{RungState, RungSummary};
use crate::snapshot::{
    Acceptance, AcceptanceOutcome, Blind, ChannelsAnswer, Client, Gateway, ProbeOutcome, Refusal, Snapshot,
};

/// Their codes are those of the families that judge the same without a real command line.
pub(super) const RULES: &[Rule] = &[refused, failing];

/// Every run with its client.
fn runs(snapshot: &Snapshot) -> impl Iterator<Item = (&Client, &Acceptance)> {
    snapshot.clients.iter().filter_map(|client| Some((client, client.acceptance.as_ref()?)))
}

/// Whether our own connection fails on the same way. Other rules then say why, and better.
fn fails_for_us(client: &Client, gateway: &Gateway) -> bool {
    let own = client.handshake.failure().is_some() || client.connect.failure().is_some();
    let ladder = &gateway.ladder;
    let of_gateway = ladder.handshake.answer().is_none() || ladder.connect.failure().is_some();
    own || (client.handshake.answer().is_none() && of_gateway)
}

/// A gateway refuses the real command line while it answers us.
fn refused(context: Context<'_>, out: &mut Vec<Draft>) {
    let snapshot = context.snapshot;
    for (client, acceptance) in runs(snapshot) {
        let AcceptanceOutcome::Refused { refusal, message, close_code } = &acceptance.outcome else { continue };
        let Some(gateway) = gateway_of(snapshot, client).filter(|gateway| !fails_for_us(client, gateway)) else {
            continue;
        };
        let (code, kind, id) = judge(*refusal, client, gateway);
        let what = match refusal {
            Refusal::Unreachable => "does not reach",
            Refusal::NoSecret | Refusal::Plaintext => "does not connect to",
            _ => "is refused by",
        };
        let summary = format!("{} {what} the gateway on port {}: {message}", client_name(client), gateway.port);
        let close = close_code.map(|code| format!(", closed with {code}")).unwrap_or_default();
        let exit = acceptance.exit.map(|exit| format!(", exit status {exit}")).unwrap_or_default();
        let mut draft = Draft::new(code, kind, id, summary).client(client).gateway(gateway).evidence(
            format!("says `{message}`{close}{exit}"),
            acceptance.command.clone(),
            acceptance.at,
        );
        let (probe, source) = match client.connect.answer() {
            Some(_) => (&client.connect, client.id.clone()),
            None => (&gateway.ladder.connect, gateway.ladder.target.clone()),
        };
        if let ProbeOutcome::Answered { answer } = &probe.outcome {
            let words = format!("our own connect is answered: hello-ok, protocol {}", answer.protocol);
            draft = draft.answered(words, source, probe);
        }
        let again = run_as(snapshot, client, "channels status --probe");
        out.push(draft.command("see what the command line says", again));
    }
}

/// The finding that a refusal is, and what it is about: the same as that of the rules which judge without a real command line.
fn judge(refusal: Refusal, client: &Client, gateway: &Gateway) -> (Code, &'static str, String) {
    let of_client = |code| (code, "client", client.id.clone());
    let of_gateway = |code| (code, "gateway", gateway.id.clone());
    match refusal {
        Refusal::Secret => of_client(Code::TokenSplit),
        Refusal::NoSecret => of_client(Code::TokenMissing),
        Refusal::Pairing => match client.device.get() {
            Some(device) if device.pending.is_some() => (Code::PairingPending, "device", device.device_id.clone()),
            Some(device) if device.approved.is_some() => {
                (Code::PairingScopeUpgrade, "device", device.device_id.clone())
            }
            Some(device) => (Code::PairingUnapproved, "device", device.device_id.clone()),
            None => of_client(Code::PairingUnapproved),
        },
        Refusal::Plaintext => of_client(Code::UrlPlaintextRefused),
        Refusal::Protocol => of_gateway(Code::ProtocolMismatch),
        Refusal::RateLimited => of_gateway(Code::RateLimited),
        Refusal::Unreachable | Refusal::Other => of_gateway(Code::GatewayNotReady),
    }
}

/// Channels that fail by what the gateway tells the real command line, where it did not tell us.
fn failing(context: Context<'_>, out: &mut Vec<Draft>) {
    let snapshot = context.snapshot;
    for (client, acceptance) in runs(snapshot) {
        let AcceptanceOutcome::Accepted { channels } = &acceptance.outcome else { continue };
        let Some(gateway) = gateway_of(snapshot, client) else { continue };
        if gateway.ladder.channels.answer().is_some() {
            continue;
        }
        for (channel, account) in failures(channels) {
            let why = account.probe_error.as_deref().or(account.last_error.as_deref()).unwrap_or("no reason given");
            let summary = format!("{} account {} fails: {why}", channel.id, account.id);
            let subject = format!("{}:{} of {}", channel.id, account.id, gateway.id);
            out.push(
                Draft::new(Code::ChannelFailing, "channel", subject, summary).gateway(gateway).client(client).evidence(
                    why,
                    acceptance.command.clone(),
                    acceptance.at,
                ),
            );
        }
    }
}

fn failures(
    answer: &ChannelsAnswer,
) -> impl Iterator<Item = (&crate::snapshot::ChannelStatus, &crate::snapshot::AccountStatus)> {
    let accounts =
        answer.channels.iter().flat_map(|channel| channel.accounts.iter().map(move |account| (channel, account)));
    accounts.filter(|(_, account)| account_fails(account))
}

/// The rung of the real command lines of each gateway, by its id: that of the worst. None for a gateway of which none was to be run.
pub(crate) fn accepted(snapshot: &Snapshot) -> BTreeMap<&str, RungSummary> {
    let mut by_gateway: BTreeMap<&str, Vec<(&Client, &Acceptance)>> = BTreeMap::new();
    for (client, acceptance) in runs(snapshot) {
        if let Some(gateway) = gateway_of(snapshot, client) {
            by_gateway.entry(&judged_as(snapshot, gateway).id).or_default().push((client, acceptance));
        }
    }
    by_gateway.into_iter().filter_map(|(gateway, runs)| Some((gateway, rung(&runs)?))).gather()
}

fn rung(runs: &[(&Client, &Acceptance)]) -> Option<RungSummary> {
    let standings: Vec<(RungState, String)> = runs.iter().map(|(client, run)| standing(client, run)).collect();
    let worst = [RungState::Fail, RungState::Unknown, RungState::Pass]
        .into_iter()
        .find_map(|state| standings.iter().find(|(other, _)| *other == state))?;
    let detail = match (worst.0, runs.len()) {
        (RungState::Pass, count) if count > 1 => format!("{count} command lines"),
        _ => worst.1.clone(),
    };
    let was_run = runs.iter().any(|(_, run)| !matches!(run.outcome, AcceptanceOutcome::Skipped { .. }));
    let elapsed_ms = was_run.then(|| runs.iter().map(|(_, run)| run.elapsed_ms).fold(0.0, f64::max));
    Some(RungSummary { rung: "accepted".to_owned(), state: worst.0, elapsed_ms, detail })
}

fn standing(client: &Client, acceptance: &Acceptance) -> (RungState, String) {
    let name = client_name(client);
    let release = acceptance.version.as_deref().map(|version| format!(", OpenClaw {version}")).unwrap_or_default();
    match &acceptance.outcome {
        AcceptanceOutcome::Accepted { channels } => match failures(channels).next() {
            Some((channel, account)) => {
                (RungState::Fail, format!("{name}{release}: {} account {} fails", channel.id, account.id))
            }
            None => (RungState::Pass, format!("{name}{release}")),
        },
        AcceptanceOutcome::Refused { message, .. } => (RungState::Fail, format!("{name}: {message}")),
        AcceptanceOutcome::Failed { why } | AcceptanceOutcome::Skipped { why, .. } => {
            (RungState::Unknown, format!("{name}: {why}"))
        }
    }
}

/// Runs that were asked for and prove nothing.
pub(crate) fn unaccepted(snapshot: &Snapshot) -> Vec<Blind> {
    let blind = runs(snapshot).filter_map(|(client, acceptance)| {
        let (why, remedy) = match &acceptance.outcome {
            AcceptanceOutcome::Failed { why } => (why, "run it by hand and read what it says"),
            AcceptanceOutcome::Skipped { why, remedy: Some(remedy) } => (why, remedy.as_str()),
            _ => return None,
        };
        Some(Blind {
            what: format!("acceptance by {}", client_name(client)),
            why: why.clone(),
            remedy: remedy.to_owned(),
            readiness: true,
        })
    });
    blind.collect()
}

#[cfg(test)]
mod tests {
    use super::super::super::fixture::*;
    use super::*;
    use crate::Verdict;
    use crate::snapshot::{AccountStatus, ChannelStatus, FailureKind, Phase};

    fn run(outcome: AcceptanceOutcome) -> Acceptance {
        Acceptance {
            command: "`openclaw channels status --probe` as op".to_owned(),
            version: Some(VERSION.to_owned()),
            outcome,
            exit: Some(0),
            elapsed_ms: 2_300.0,
            at: now(),
        }
    }

    fn with(outcome: AcceptanceOutcome) -> Snapshot {
        node(|node| first_client(node).acceptance = Some(run(outcome)))
    }

    fn refusal(refusal: Refusal, message: &str) -> AcceptanceOutcome {
        AcceptanceOutcome::Refused { refusal, message: message.to_owned(), close_code: Some(1008) }
    }

    fn accepting(accounts: Vec<AccountStatus>) -> AcceptanceOutcome {
        let channel = ChannelStatus { id: "telegram".to_owned(), configured: true, accounts };
        AcceptanceOutcome::Accepted { channels: ChannelsAnswer { channels: vec![channel] } }
    }

    fn rung_of(node: &Snapshot) -> RungSummary {
        accepted(node).remove(STATE).unwrap()
    }

    #[test]
    fn an_accepted_command_line_is_a_rung_that_holds() {
        let node = with(accepting(Vec::new()));
        assert_eq!(report(&node).verdict, Verdict::Ready);
        let rung = rung_of(&node);
        assert_eq!((rung.state, rung.detail.as_str()), (RungState::Pass, "the command line of op, OpenClaw 2026.9.6"));
        assert_eq!(report(&node).gateways[0].rungs.last(), Some(&rung));
        assert!(RULES.iter().all(|rule| silent(*rule, &node)));
    }

    #[test]
    fn without_being_asked_there_is_neither_rung_nor_finding() {
        assert!(accepted(&healthy()).is_empty() && unaccepted(&healthy()).is_empty());
        assert!(RULES.iter().all(|rule| silent(*rule, &healthy())));
    }

    #[test]
    fn each_refusal_is_the_finding_that_is_known_by_it() {
        for (how, code) in [
            (Refusal::Secret, Code::TokenSplit),
            (Refusal::NoSecret, Code::TokenMissing),
            (Refusal::Pairing, Code::PairingScopeUpgrade),
            (Refusal::Plaintext, Code::UrlPlaintextRefused),
            (Refusal::Protocol, Code::ProtocolMismatch),
            (Refusal::Unreachable, Code::GatewayNotReady),
            (Refusal::Other, Code::GatewayNotReady),
        ] {
            let node = with(refusal(how, "it says no"));
            assert_eq!(root_causes(&node), [code]);
            assert_eq!(rung_of(&node).state, RungState::Fail);
        }
        assert_eq!(codes(&with(refusal(Refusal::RateLimited, "wait"))).first(), Some(&Code::RateLimited));
    }

    #[test]
    fn the_refusal_says_what_it_rests_on() {
        let node = with(refusal(Refusal::Secret, "unauthorized: gateway token mismatch"));
        let draft = draft(refused, &node);
        let said: Vec<&str> = draft.evidence.iter().map(|piece| piece.fact.as_str()).collect();
        assert_eq!(
            said,
            [
                "says `unauthorized: gateway token mismatch`, closed with 1008, exit status 0",
                "our own connect is answered: hello-ok, protocol 4",
            ]
        );
        assert_eq!(
            draft.summary,
            "the command line of op is refused by the gateway on port 18789: unauthorized: gateway token mismatch"
        );
    }

    #[test]
    fn what_fails_for_us_too_is_left_to_the_other_rules() {
        let mut node = with(refusal(Refusal::Unreachable, "ECONNREFUSED"));
        first_client(&mut node).handshake = failed(Phase::Tcp, FailureKind::Refused);
        assert!(silent(refused, &node));
        let mut node = with(refusal(Refusal::Secret, "mismatch"));
        gateway(&mut node).ladder.connect = rejected("AUTH_TOKEN_MISMATCH");
        assert!(silent(refused, &node));
        let mut node = with(refusal(Refusal::Secret, "mismatch"));
        first_client(&mut node).gateway = None;
        assert!(silent(refused, &node));
    }

    #[test]
    fn a_run_that_was_not_made_leaves_the_verdict_open() {
        let skipped = |remedy: Option<&str>| AcceptanceOutcome::Skipped {
            why: "OpenClaw 2026.8.2 is not known to be safe".to_owned(),
            remedy: remedy.map(str::to_owned),
        };
        for outcome in
            [skipped(Some("upgrade it")), AcceptanceOutcome::Failed { why: "it gave no answer within 20 s".to_owned() }]
        {
            let node = with(outcome);
            assert_eq!(rung_of(&node).state, RungState::Unknown);
            assert_eq!(report(&node).verdict, Verdict::Unknown);
            let blind = finding(&node, Code::AgentBlind);
            assert!(blind.summary.starts_with("acceptance by the command line of op could not be seen"));
            assert_eq!(report(&node).blind.len(), 1);
        }
        assert!(unaccepted(&with(skipped(None))).is_empty());
    }

    #[test]
    fn a_run_by_the_directory_that_a_container_uses_counts_for_the_containers_gateway() {
        let mut node = project::state_on_host();
        node.clients.push(with(accepting(Vec::new())).clients.remove(0));
        let ids: Vec<&str> = accepted(&node).into_keys().collect();
        assert_eq!(ids, [node.gateways[0].id.as_str()]);
    }

    #[test]
    fn a_channel_that_fails_is_told_once() {
        let broken = AccountStatus {
            id: "default".to_owned(),
            enabled: true,
            configured: true,
            running: false,
            connected: None,
            lifecycle: None,
            health_state: None,
            last_error: Some("401: Unauthorized".to_owned()),
            probe_ok: None,
            probe_error: None,
            ingress_ok: None,
        };
        let mut node = with(accepting(vec![broken]));
        assert!(silent(failing, &node), "the gateway's own answer counts");
        assert_eq!(rung_of(&node).state, RungState::Fail);
        gateway(&mut node).ladder.channels = untried();
        assert_eq!(root_causes(&node), [Code::ChannelFailing]);
    }
}
