//! Secrets: which one each side uses, and whether the two sides agree.

mod agreement;
#[cfg(test)]
mod containers;
mod mode;
mod quality;
#[cfg(test)]
mod tests;

use super::super::{Context, Draft, Rule};
use super::contained::{judged, meant, place_named};
use crate::Fingerprint;
use crate::catalogue::Code;
use crate::snapshot::{Client, ClientKind, Credentials, Gateway, Snapshot, SourceOutcome, TokenSource};
use agreement::{duplicated, outdated, shadowed, split, stale_process};
use mode::{missing, mode_flipped, remote_only, runtime_only};
use quality::{exposed, placeholder, secret_ref, weak};

pub(super) const RULES: &[Rule] = &[
    shadowed,
    duplicated,
    split,
    stale_process,
    outdated,
    missing,
    runtime_only,
    mode_flipped,
    remote_only,
    placeholder,
    secret_ref,
    exposed,
    weak,
];

/// What they may raise.
pub(super) const RAISES: &[Code] = &[
    Code::TokenShadowed,
    Code::TokenDuplicated,
    Code::TokenSplit,
    Code::TokenStaleProcess,
    Code::TokenMissing,
    Code::TokenRuntimeOnly,
    Code::AuthModeFlipped,
    Code::AuthRemoteOnly,
    Code::TokenPlaceholder,
    Code::TokenSecretref,
    Code::TokenExposed,
    Code::TokenWeak,
];

/// One side that resolves a secret.
#[derive(Clone, Copy)]
pub(super) enum Reader<'a> {
    Gateway(&'a Gateway),
    Client(&'a Client),
}

impl<'a> Reader<'a> {
    fn all(snapshot: &'a Snapshot) -> impl Iterator<Item = Self> {
        judged(snapshot).map(Self::Gateway).chain(snapshot.clients.iter().map(Self::Client))
    }

    /// With the gateways that are not judged: a file is open to others whoever reads it.
    fn every(snapshot: &'a Snapshot) -> impl Iterator<Item = Self> {
        snapshot.gateways.iter().map(Self::Gateway).chain(snapshot.clients.iter().map(Self::Client))
    }

    fn credentials(self) -> &'a Credentials {
        match self {
            Self::Gateway(gateway) => &gateway.credentials,
            Self::Client(client) => &client.credentials,
        }
    }

    fn kind(self) -> &'static str {
        match self {
            Self::Gateway(_) => "gateway",
            Self::Client(_) => "client",
        }
    }

    fn id(self) -> &'a str {
        match self {
            Self::Gateway(gateway) => &gateway.id,
            Self::Client(client) => &client.id,
        }
    }

    fn name(self) -> String {
        match self {
            Self::Gateway(gateway) => match &gateway.workload {
                Some(workload) => format!("the gateway in {}", place_named(workload)),
                None => format!("gateway {}", gateway.id),
            },
            Self::Client(client) => client_name(client),
        }
    }

    fn draft(self, code: Code, summary: impl Into<String>) -> Draft {
        let draft = Draft::new(code, self.kind(), self.id(), summary);
        match self {
            Self::Gateway(gateway) => draft.gateway(gateway),
            Self::Client(client) => draft.client(client),
        }
    }
}

/// `the command line of op`.
pub(super) fn client_name(client: &Client) -> String {
    let kind = match client.kind {
        ClientKind::Cli => "the command line",
        ClientKind::NodeHost => "the node host",
    };
    match (&client.workload, &client.user) {
        (Some(workload), _) => format!("{kind} in {}", place_named(workload)),
        (None, Some(user)) => format!("{kind} of {user}"),
        (None, None) => kind.to_owned(),
    }
}

/// The gateway of this node that a client leads to.
pub(super) fn gateway_of<'a>(snapshot: &'a Snapshot, client: &Client) -> Option<&'a Gateway> {
    match &client.gateway {
        Some(id) => snapshot.gateways.iter().find(|gateway| gateway.id == *id),
        None => meant(snapshot, client),
    }
}

/// Sources that this reader looks at and that hold a value. For a gateway and the command line beside it `gateway.remote.*` is about a
/// gateway elsewhere and no rival; for a node host it is one, and for a command line that goes to `gateway.remote.url`.
fn competing(reader: Reader<'_>) -> impl Iterator<Item = (&TokenSource, &Fingerprint)> {
    let remote_counts = matches!(reader, Reader::Client(client) if client.kind == ClientKind::NodeHost || client.url.get().is_some_and(|url| url.is_remote));
    reader
        .credentials()
        .sources
        .iter()
        .filter(move |source| match source.outcome {
            SourceOutcome::Wins { .. } => true,
            SourceOutcome::Loses { .. } => remote_counts || !source.location.contains("gateway.remote."),
            SourceOutcome::NotRead { .. } | SourceOutcome::Unresolved { .. } | SourceOutcome::Empty => false,
        })
        .filter_map(|source| source.fingerprint.as_ref().map(|print| (source, print)))
}

fn winning(credentials: &Credentials) -> Option<&TokenSource> {
    credentials.sources.iter().find(|source| matches!(source.outcome, SourceOutcome::Wins { .. }))
}

fn with_sources(mut draft: Draft, reader: Reader<'_>, context: Context<'_>) -> Draft {
    for (source, print) in competing(reader) {
        let (word, why) = match &source.outcome {
            SourceOutcome::Wins { why } => ("wins", why.as_str()),
            SourceOutcome::Loses { why } => ("loses", why.as_str()),
            _ => ("", ""),
        };
        let text = format!("{} {print} {word}: {why}", source.kind);
        draft = located(draft, source, text, context.snapshot.taken_at);
    }
    draft
}

/// Evidence about a source: with its place in a file where that is known, else with its location.
fn located(draft: Draft, source: &TokenSource, words: String, at: jiff::Timestamp) -> Draft {
    match &source.place {
        Some(place) => draft.written(format!("{words} ({})", source.location), Some(place), at),
        None => draft.evidence(words, source.location.clone(), at),
    }
}
