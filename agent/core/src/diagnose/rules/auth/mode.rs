//! The mode in force, and secrets that are not there.

use super::super::contained::{judged, of, of_client, run_at};
use super::{Reader, client_name, gateway_of, winning};
use crate::catalogue::{Code, Severity};
use crate::diagnose::{Context, Draft};
use crate::snapshot::{AuthMode, Client, ConfigFacts, Snapshot, SourceOutcome, TokenSource};

/// What a gateway answers that has no secret of its own.
pub(super) const NO_SECRET: [&str; 2] = ["AUTH_TOKEN_NOT_CONFIGURED", "AUTH_PASSWORD_NOT_CONFIGURED"];

/// `token.missing`: a secret is needed and none resolves.
pub(super) fn missing(context: Context<'_>, out: &mut Vec<Draft>) {
    let snapshot = context.snapshot;
    for reader in Reader::all(snapshot) {
        let credentials = reader.credentials();
        let written = is_written(snapshot, reader);
        if credentials.winner.is_some()
            || credentials.remote_only
            || credentials.runtime_only && !is_refused_bind(snapshot, reader)
            || !credentials.blind.is_empty() && !written
        {
            continue;
        }
        let unresolved = |source: &TokenSource| matches!(source.outcome, SourceOutcome::Unresolved { .. });
        if credentials.sources.iter().any(unresolved) || is_unsettled(snapshot, reader) {
            continue;
        }
        let needed = match reader {
            Reader::Gateway(_) => {
                (credentials.refusal.is_some() || credentials.runtime_only)
                    && matches!(credentials.mode.get(), Some(AuthMode::Token | AuthMode::Password))
            }
            Reader::Client(client) => client_needs_secret(snapshot, client, written),
        };
        if !needed {
            continue;
        }
        let summary = match reader {
            Reader::Gateway(gateway) => format!("the gateway on port {} needs a secret and finds none", gateway.port),
            Reader::Client(client) => {
                format!("{} has neither a secret nor an approved device for its gateway", client_name(client))
            }
        };
        let mut draft = reader.draft(Code::TokenMissing, summary).seen("no source holds a secret", &credentials.mode);
        // What is only written down may find its secret in a state directory that nobody has looked into.
        if written && !credentials.blind.is_empty() && !overridden(reader) {
            draft = draft.severity(Severity::Warning);
            for blind in &credentials.blind {
                draft = draft.evidence("could not be looked at", blind.clone(), snapshot.taken_at);
            }
        }
        if let Reader::Client(client) = reader {
            draft = containers(context, draft, client);
        }
        if let Some(refusal) = &credentials.refusal {
            draft = draft.seen(refusal.clone(), &credentials.mode);
        }
        if overridden(reader) {
            draft = draft.remedy("with a URL override only the environment or a flag counts: set `OPENCLAW_GATEWAY_TOKEN`, or remove the override");
        }
        out.push(draft);
    }
}

/// Whether a gateway is to listen beyond the loopback, for which it makes no secret of its own: it does not start.
fn is_refused_bind(snapshot: &Snapshot, reader: Reader<'_>) -> bool {
    let Reader::Gateway(gateway) = reader else { return false };
    // One that answers was given a secret, or another address, that no file shows.
    if gateway.ladder.healthz.answer().is_some() {
        return false;
    }
    match of(snapshot, gateway).and_then(|workload| workload.listens.as_ref()) {
        Some(listens) => matches!(listens.bind.as_str(), "lan" | "auto"),
        None => gateway.config.get().is_some_and(|config| config.bind.as_deref() == Some("lan")),
    }
}

/// Whether a secret may well be configured, in a configuration that no gateway takes.
fn is_unsettled(snapshot: &Snapshot, reader: Reader<'_>) -> bool {
    let gateway = match reader {
        Reader::Gateway(gateway) => Some(gateway),
        Reader::Client(client) => gateway_of(snapshot, client),
    };
    let is_refused = gateway.and_then(|gateway| gateway.config.get()).is_some_and(ConfigFacts::is_refused);
    is_refused && !overridden(reader) && reader.credentials().sources.iter().any(|source| source.fingerprint.is_some())
}

/// Whether a reader is a gateway or client that is only written down.
fn is_written(snapshot: &Snapshot, reader: Reader<'_>) -> bool {
    let workload = match reader {
        Reader::Gateway(gateway) => of(snapshot, gateway),
        Reader::Client(client) => of_client(snapshot, client),
    };
    workload.is_some_and(|workload| workload.engine.is_none())
}

/// Whether a URL override makes configured secrets count for nothing.
fn overridden(reader: Reader<'_>) -> bool {
    matches!(reader, Reader::Client(client) if client.url.get().is_some_and(|url| url.is_override))
}

/// Where a client in a container gets a secret from.
fn containers(context: Context<'_>, draft: Draft, client: &Client) -> Draft {
    let snapshot = context.snapshot;
    let Some(workload) = of_client(snapshot, client) else { return draft };
    let theirs = gateway_of(snapshot, client).and_then(|gateway| winning(&gateway.credentials));
    let draft = match workload.place("environment") {
        Some(place) => draft.written("its environment names no token", Some(place), snapshot.taken_at),
        None => draft,
    };
    match theirs {
        Some(source) => draft.remedy(format!(
            "give it the gateway's: `OPENCLAW_GATEWAY_TOKEN` in the `environment` of both services, from one `.env` ({})",
            source.location
        )),
        None => draft,
    }
}

/// Whether a client leads to a gateway of this node that asks for a secret, and has no approved device to do without.
fn client_needs_secret(snapshot: &Snapshot, client: &Client, written: bool) -> bool {
    let Some(gateway) = gateway_of(snapshot, client) else { return false };
    let asked = matches!(gateway.credentials.mode.get(), Some(AuthMode::Token | AuthMode::Password));
    let has_device = match client.device.get() {
        Some(device) => device.approved.is_some() || device.pending.is_some(),
        // Nothing is said of a device that could not be looked at.
        None => !client.device.is_absent() && !written,
    };
    asked && !gateway.credentials.runtime_only && !gateway.credentials.remote_only && !has_device
}

/// `token.runtime-only`: the gateway made a token for this run.
pub(super) fn runtime_only(context: Context<'_>, out: &mut Vec<Draft>) {
    for gateway in judged(context.snapshot).filter(|gateway| gateway.credentials.runtime_only) {
        if gateway.config.get().is_some_and(ConfigFacts::is_refused)
            || is_refused_bind(context.snapshot, Reader::Gateway(gateway))
        {
            continue;
        }
        let summary =
            format!("no secret is configured for the gateway on port {}: it makes one for each run", gateway.port);
        out.push(
            Draft::new(Code::TokenRuntimeOnly, "gateway", gateway.id.clone(), summary)
                .gateway(gateway)
                .seen("no source holds a secret", &gateway.credentials.mode),
        );
    }
}

/// `auth.mode-flipped`: a password in the environment turned the mode.
pub(super) fn mode_flipped(context: Context<'_>, out: &mut Vec<Draft>) {
    for gateway in judged(context.snapshot).filter(|gateway| gateway.credentials.mode_flipped) {
        let credentials = &gateway.credentials;
        let summary =
            format!("the gateway on port {} is in password mode although a token is configured", gateway.port);
        let mut draft = Draft::new(Code::AuthModeFlipped, "gateway", gateway.id.clone(), summary)
            .gateway(gateway)
            .seen(credentials.mode_reason.clone(), &credentials.mode);
        if let Some(failure) = gateway.ladder.connect.failure() {
            draft = draft.answered(failure.message.clone(), gateway.ladder.target.clone(), &gateway.ladder.connect);
        }
        let set = run_at(context.snapshot, gateway, "config set gateway.auth.mode token");
        draft = draft.command("say which mode is meant", set);
        out.push(draft.remedy("remove `OPENCLAW_GATEWAY_PASSWORD` from the gateway's environment, then restart it"));
    }
}

/// `auth.remote-only`: only the secret for a gateway elsewhere is set.
pub(super) fn remote_only(context: Context<'_>, out: &mut Vec<Draft>) {
    for gateway in judged(context.snapshot) {
        let credentials = &gateway.credentials;
        let probe = &gateway.ladder.connect;
        let refused = probe
            .failure()
            .filter(|failure| failure.detail_code.as_deref().is_some_and(|code| NO_SECRET.contains(&code)));
        // Where a source gives a secret by now, `token.stale-process` says that the process has none.
        if !credentials.remote_only && (refused.is_none() || winning(credentials).is_some()) {
            continue;
        }
        let summary = format!(
            "the gateway on port {} has no secret of its own, only `gateway.remote.token`: it refuses every connect",
            gateway.port
        );
        let mut draft = Draft::new(Code::AuthRemoteOnly, "gateway", gateway.id.clone(), summary)
            .gateway(gateway)
            .seen(credentials.mode_reason.clone(), &credentials.mode);
        if let Some(failure) = refused {
            draft = draft.answered(failure.message.clone(), gateway.ladder.target.clone(), probe);
        }
        out.push(draft);
    }
}
