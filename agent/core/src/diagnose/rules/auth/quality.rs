//! What a secret is worth, and who can read it.

use std::collections::BTreeSet;

use super::super::command::quote;
use super::super::contained::judged;
use super::{Reader, winning};
use crate::catalogue::{Code, Severity};
use crate::diagnose::{Context, Draft};
use crate::snapshot::SourceOutcome;

/// `token.placeholder`: a value that stands for a secret and is none.
pub(super) fn placeholder(context: Context<'_>, out: &mut Vec<Draft>) {
    for reader in Reader::all(context.snapshot) {
        for source in &reader.credentials().sources {
            let Some(what) = source.quality.as_ref().and_then(|quality| quality.placeholder.as_ref()) else { continue };
            let wins = matches!(source.outcome, SourceOutcome::Wins { .. } | SourceOutcome::Unresolved { .. });
            if matches!(source.outcome, SourceOutcome::NotRead { .. }) {
                continue;
            }
            let summary = format!("the {} of {} is a placeholder ({what})", source.kind, source.location);
            let draft = reader
                .draft(Code::TokenPlaceholder, summary)
                .severity(if wins { Severity::Error } else { Severity::Warning })
                .evidence(what.clone(), source.location.clone(), context.snapshot.taken_at);
            out.push(draft);
        }
    }
}

/// `token.secretref`: a reference that does not resolve where it is needed.
pub(super) fn secret_ref(context: Context<'_>, out: &mut Vec<Draft>) {
    for reader in Reader::all(context.snapshot) {
        let credentials = reader.credentials();
        let Some(refusal) = credentials.refusal.as_ref() else { continue };
        for source in &credentials.sources {
            let SourceOutcome::Unresolved { why } = &source.outcome else { continue };
            // A text that nothing expands is a placeholder, not a reference.
            if source.quality.as_ref().is_some_and(|quality| quality.placeholder.is_some()) {
                continue;
            }
            let summary = format!("the reference at {} does not resolve: {why}", source.location);
            out.push(reader.draft(Code::TokenSecretref, summary).evidence(
                refusal.clone(),
                source.location.clone(),
                context.snapshot.taken_at,
            ));
        }
    }
}

/// `token.exposed`: a secret that others can read.
pub(super) fn exposed(context: Context<'_>, out: &mut Vec<Draft>) {
    let snapshot = context.snapshot;
    let mut seen: Vec<&str> = Vec::new();
    for reader in Reader::every(snapshot) {
        for source in &reader.credentials().sources {
            if source.readable_by_others != Some(true)
                || source.fingerprint.is_none()
                || seen.contains(&source.location.as_str())
            {
                continue;
            }
            seen.push(&source.location);
            let summary = format!("others can read the {} of {}", source.kind, source.location);
            let mut draft = reader.draft(Code::TokenExposed, summary);
            draft = draft.evidence(
                "readable by others, as are the folders above it",
                source.location.clone(),
                snapshot.taken_at,
            );
            if let Some(path) = &source.path {
                draft = draft.command("close the file", format!("chmod 600 {}", quote(path)));
            }
            out.push(draft.remedy("then make a new secret: whoever could read it may have"));
        }
    }
    in_definitions(context, out);
    for process in snapshot.processes.get().into_iter().flatten().filter(|process| process.shows_secret) {
        let summary = format!("pid {} shows a secret in its arguments to everybody on this node", process.pid);
        out.push(
            Draft::new(Code::TokenExposed, "process", process.pid.to_string(), summary)
                .seen("`--token` or `--password` with a value", &snapshot.processes),
        );
    }
    for unit in &snapshot.units.units {
        for secret in &unit.exposed {
            let summary = format!("{} holds a secret in the open: {}", unit.id, secret.how);
            let draft = Draft::new(Code::TokenExposed, "unit", unit.id.clone(), summary).evidence(
                secret.how.clone(),
                secret.location.clone(),
                snapshot.taken_at,
            );
            out.push(draft);
        }
    }
}

/// Secrets in Compose files: whoever has the repository has them.
fn in_definitions(context: Context<'_>, out: &mut Vec<Draft>) {
    let snapshot = context.snapshot;
    let mut seen: BTreeSet<(&str, u32, u32)> = BTreeSet::new();
    for reader in Reader::all(snapshot) {
        for source in reader.credentials().sources.iter().filter(|source| source.fingerprint.is_some()) {
            let Some(place) = source.place.as_ref().filter(|place| is_yaml(&place.file)) else { continue };
            // A value that the definition takes from elsewhere is not in it.
            if source.path.as_ref() != Some(&place.file)
                || source.quality.as_ref().is_some_and(|quality| quality.placeholder.is_some())
                || !seen.insert((place.file.as_str(), place.line, place.column))
            {
                continue;
            }
            let summary = format!("the {} of {} is written out in a Compose file", source.kind, source.location);
            let variable =
                if source.kind == "password" { "OPENCLAW_GATEWAY_PASSWORD" } else { "OPENCLAW_GATEWAY_TOKEN" };
            out.push(
                reader
                    .draft(Code::TokenExposed, summary)
                    .written("a value, not a variable", Some(place), snapshot.taken_at)
                    .remedy(format!(
                        "write `${{{variable}:?}}` there, and the value in `.env` with mode 600, outside the repository"
                    ))
                    .remedy("then make a new secret: whoever could read the file may have it"),
            );
        }
    }
}

/// Whether a file is one that Compose reads; configurations of `OpenClaw` and dotenv files are not.
fn is_yaml(file: &str) -> bool {
    let extension = std::path::Path::new(file).extension();
    extension.is_some_and(|extension| extension.eq_ignore_ascii_case("yaml") || extension.eq_ignore_ascii_case("yml"))
}

/// `token.weak`: a secret in force that can be guessed.
pub(super) fn weak(context: Context<'_>, out: &mut Vec<Draft>) {
    let policy = context.policy;
    for gateway in judged(context.snapshot) {
        let Some(source) = winning(&gateway.credentials) else { continue };
        let Some(quality) = source.quality.as_ref().filter(|quality| quality.placeholder.is_none()) else { continue };
        let short = quality.length < policy.token_min_length;
        if !short && quality.entropy_bits >= policy.token_min_entropy_bits {
            continue;
        }
        let summary = if short {
            format!("the {} of {} has {} characters", source.kind, source.location, quality.length)
        } else {
            format!("the {} of {} has about {:.0} bits of entropy", source.kind, source.location, quality.entropy_bits)
        };
        let wanted =
            format!("wanted: {} characters and {:.0} bits", policy.token_min_length, policy.token_min_entropy_bits);
        let draft = Draft::new(Code::TokenWeak, "gateway", gateway.id.clone(), summary).gateway(gateway).evidence(
            wanted,
            source.location.clone(),
            context.snapshot.taken_at,
        );
        out.push(draft.command("make a new one and give it to both sides", "openssl rand -hex 24"));
    }
}
