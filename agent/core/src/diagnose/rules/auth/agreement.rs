//! Whether the sources of one side agree, and whether the two sides do.

use super::super::contained::{self, judged, of};
use super::mode::NO_SECRET;
use super::{Reader, client_name, competing, gateway_of, located, winning, with_sources};
use crate::catalogue::{Code, Severity};
use crate::diagnose::{Context, Draft};
use crate::snapshot::{AuthMode, Client, Gateway, Snapshot, TokenSource};

/// `token.shadowed`: two sources of different value on one side.
pub(super) fn shadowed(context: Context<'_>, out: &mut Vec<Draft>) {
    for reader in Reader::all(context.snapshot) {
        let credentials = reader.credentials();
        let Some(winner) = winning(credentials) else { continue };
        let others: Vec<&TokenSource> = competing(reader)
            .filter(|(source, print)| source.kind == winner.kind && Some(*print) != winner.fingerprint.as_ref())
            .map(|(source, _)| source)
            .collect();
        if others.is_empty() {
            continue;
        }
        let refused = match reader {
            Reader::Gateway(gateway) => others.iter().any(|source| is_sent(context.snapshot, gateway, source)),
            Reader::Client(client) => refused(context.snapshot, client),
        };
        let losers: Vec<&str> = others.iter().map(|source| source.location.as_str()).collect();
        let summary = format!(
            "{} finds different {}s: {} wins over {}",
            reader.name(),
            winner.kind,
            winner.location,
            losers.join(" and ")
        );
        let mut draft = reader.draft(Code::TokenShadowed, summary);
        draft = draft.severity(if refused { Severity::Error } else { Severity::Warning });
        draft = with_sources(draft, reader, context);
        let sends_loser = matches!(reader, Reader::Gateway(_));
        draft = if refused && sends_loser {
            draft.remedy(format!(
                "let {} have the value of {}, or remove the latter: a client sends what the gateway overrules",
                losers.join(" and "),
                winner.location
            ))
        } else if refused {
            draft.remedy(format!(
                "remove or correct {}: its value is not the one that the gateway accepts",
                winner.location
            ))
        } else {
            draft.remedy(format!(
                "remove {}: it counts for nothing until another reader or release prefers it",
                losers.join(" and ")
            ))
        };
        out.push(draft.command("see every source and who reads it", "portreeve tokens"));
    }
}

/// Whether a client of this gateway sends what the gateway overrules, and is refused for it.
fn is_sent(snapshot: &Snapshot, gateway: &Gateway, loser: &TokenSource) -> bool {
    // On a host each side has an environment of its own; one `.env` of a project is meant for both.
    gateway.workload.is_some()
        && loser.fingerprint.is_some()
        && snapshot.clients.iter().any(|client| {
            client.credentials.winner == loser.fingerprint
                && gateway_of(snapshot, client).is_some_and(|of_client| of_client.id == gateway.id)
                && refused(snapshot, client)
        })
}

/// Whether the gateway of this node accepts another secret than this client sends.
pub(super) fn refused(snapshot: &Snapshot, client: &Client) -> bool {
    let Some(gateway) = gateway_of(snapshot, client) else { return false };
    if gateway.credentials.runtime_only || gateway.credentials.mode.get() == Some(&AuthMode::None) {
        return false;
    }
    matches!((&client.credentials.winner, &gateway.credentials.winner), (Some(ours), Some(theirs)) if ours != theirs)
}

/// `token.duplicated`: two sources of one value on one side.
pub(super) fn duplicated(context: Context<'_>, out: &mut Vec<Draft>) {
    for reader in Reader::all(context.snapshot) {
        let credentials = reader.credentials();
        let Some(winner) = winning(credentials) else { continue };
        let copies: Vec<&str> = competing(reader)
            .filter(|(source, print)| Some(*print) == winner.fingerprint.as_ref() && source.location != winner.location)
            .map(|(source, _)| source.location.as_str())
            .collect();
        if copies.is_empty() {
            continue;
        }
        let summary = format!(
            "{} finds the same {} in {} and {}",
            reader.name(),
            winner.kind,
            winner.location,
            copies.join(" and ")
        );
        let draft = with_sources(reader.draft(Code::TokenDuplicated, summary), reader, context);
        out.push(draft.remedy(format!(
            "keep {} and remove {}: a rotation will forget one of them",
            winner.location,
            copies.join(" and ")
        )));
    }
}

/// `token.split`: the client's secret is not the gateway's.
pub(super) fn split(context: Context<'_>, out: &mut Vec<Draft>) {
    let snapshot = context.snapshot;
    for client in snapshot.clients.iter().filter(|client| refused(snapshot, client)) {
        let Some(gateway) = gateway_of(snapshot, client) else { continue };
        let (Some(ours), Some(theirs)) = (winning(&client.credentials), winning(&gateway.credentials)) else {
            continue;
        };
        let summary = format!(
            "{} sends the {} of {}, the gateway on port {} accepts that of {}",
            client_name(client),
            ours.kind,
            ours.location,
            gateway.port,
            theirs.location
        );
        let mut draft =
            Draft::new(Code::TokenSplit, "client", client.id.clone(), summary).client(client).gateway(gateway);
        for (who, source) in [("client", ours), ("gateway", theirs)] {
            if let Some(print) = &source.fingerprint {
                draft = located(draft, source, format!("{who}: {} {print}", source.kind), snapshot.taken_at);
            }
        }
        if let Some(url) = client.url.get().filter(|url| url.is_override) {
            let text = format!("the URL comes from {}, so that configured secrets count for nothing", url.source);
            draft = draft.seen(text, &client.url);
        }
        let same = format!("put the value of {} into {}, or remove the latter", theirs.location, ours.location);
        out.push(draft.remedy(same).command("see every source and who reads it", "portreeve tokens"));
    }
}

/// `token.stale-process`: a container was made before the files of its project gave its gateway another secret.
pub(super) fn outdated(context: Context<'_>, out: &mut Vec<Draft>) {
    let snapshot = context.snapshot;
    for gateway in &snapshot.gateways {
        let Some(workload) = of(snapshot, gateway).filter(|workload| workload.engine.is_some()) else { continue };
        let Some(held) = winning(&gateway.credentials).filter(|held| held.path.is_none()) else { continue };
        let given = workload.written.iter().find(|written| written.is_same_variable(held));
        let placeholder = |one: &TokenSource| one.quality.as_ref().is_some_and(|quality| quality.placeholder.is_some());
        let Some(given) = given.filter(|given| given.fingerprint != held.fingerprint && !placeholder(given)) else {
            continue;
        };
        // What it refuses is told by the answer.
        if gateway.ladder.connect.failure().is_some() {
            continue;
        }
        let summary = format!(
            "{} was made before {} was changed: its gateway holds the former {}, and each container that is made now gets the new one",
            contained::name(workload),
            given.location,
            held.kind
        );
        let mut draft = Draft::new(Code::TokenStaleProcess, "gateway", gateway.id.clone(), summary).gateway(gateway);
        for (who, source) in [("held", held), ("given now", given)] {
            if let Some(print) = &source.fingerprint {
                draft = located(draft, source, format!("{who}: {} {print}", source.kind), snapshot.taken_at);
            }
        }
        out.push(
            draft.command("make the container anew, which `restart` does not", contained::bring_up(snapshot, workload)),
        );
    }
}

/// `token.stale-process`: the gateway refuses the secret that its sources now give.
pub(super) fn stale_process(context: Context<'_>, out: &mut Vec<Draft>) {
    for gateway in judged(context.snapshot) {
        let credentials = &gateway.credentials;
        let probe = &gateway.ladder.connect;
        let Some(failure) = probe.failure() else { continue };
        let Some(code) = failure.detail_code.as_deref() else { continue };
        let has_none = NO_SECRET.contains(&code);
        let refused = has_none || matches!(code, "AUTH_TOKEN_MISMATCH" | "AUTH_PASSWORD_MISMATCH");
        let Some(winner) = winning(credentials).filter(|_| refused && !credentials.mode_flipped) else { continue };
        if credentials.remote_only || credentials.runtime_only {
            continue;
        }
        let summary =
            format!("the gateway on port {} refuses the {} of {}", gateway.port, winner.kind, winner.location);
        let draft = Draft::new(Code::TokenStaleProcess, "gateway", gateway.id.clone(), summary)
            .gateway(gateway)
            .answered(failure.message.clone(), gateway.ladder.target.clone(), probe);
        let draft = with_sources(draft, Reader::Gateway(gateway), context);
        out.push(draft.remedy(if has_none {
            "restart the gateway: it began before it had a secret"
        } else {
            "restart the gateway: it holds a secret of an earlier time, or one given by `--token`"
        }));
    }
}
