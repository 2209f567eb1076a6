//! Credentials as the snapshot keeps them: fingerprints and reasons.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use jiff::Timestamp;
use portreeve_core::snapshot::{AuthMode, Credentials, SecretQuality, SourceOutcome, TokenSource};
use portreeve_core::{Fact, FingerprintKey};
use portreeve_openclaw::config;
use portreeve_openclaw::credentials::{
    ClientAuth, GatewayAuth, LossReason, ModeReason, Outcome, Placeholder, Refusal, Source, SourceKind,
    UnresolvedReason, assess,
};

/// What a gateway accepts. `blind` are places that could not be looked at, so that another value may win.
pub fn of_gateway(auth: &GatewayAuth, blind: &[String], key: &FingerprintKey, at: Timestamp) -> Credentials {
    let reason = match auth.mode_reason {
        ModeReason::Flag => "the command line".to_owned(),
        ModeReason::Config => "`gateway.auth.mode`".to_owned(),
        ModeReason::PasswordPresent(kind) => format!("no mode is set and a password is there: {kind}"),
        ModeReason::TokenPresent(kind) => format!("no mode is set and a token is there: {kind}"),
        ModeReason::Default => "the default".to_owned(),
    };
    let mode = mode(auth.mode, at);
    Credentials {
        mode,
        mode_reason: reason,
        mode_flipped: auth.is_mode_flipped,
        winner: auth.accepted().map(|secret| key.fingerprint(secret)),
        refusal: refusal(&auth.refusals),
        remote_only: auth.is_remote_only,
        runtime_only: auth.is_runtime_only,
        blind: unseen(&auth.sources, blind),
        sources: sources(&auth.sources, key),
    }
}

/// What a client sends. `blind` as with [`of_gateway`].
pub fn of_client(auth: &ClientAuth, blind: &[String], key: &FingerprintKey, at: Timestamp) -> Credentials {
    let token = auth.token().and_then(|source| source.value.as_ref());
    let password = auth.password().and_then(|source| source.value.as_ref());
    let (mode, winner) = match (token, password) {
        (Some(token), None) => (AuthMode::Token, Some(token)),
        (None, Some(password)) => (AuthMode::Password, Some(password)),
        // Both go over the wire: which one counts is the gateway's choice, so that neither can be held against it.
        (Some(_), Some(_)) => (AuthMode::Token, None),
        (None, None) => (AuthMode::None, None),
    };
    Credentials {
        mode: Fact::known(mode, "credentials of the client", at),
        mode_reason: String::new(),
        mode_flipped: false,
        winner: winner.map(|secret| key.fingerprint(secret)),
        refusal: refusal(&auth.refusals),
        remote_only: false,
        runtime_only: false,
        blind: unseen(&auth.sources, blind),
        sources: sources(&auth.sources, key),
    }
}

fn mode(mode: config::AuthMode, at: Timestamp) -> Fact<AuthMode> {
    const SOURCE: &str = "configuration and environment of the gateway";
    match mode {
        config::AuthMode::None => Fact::known(AuthMode::None, SOURCE, at),
        config::AuthMode::Token => Fact::known(AuthMode::Token, SOURCE, at),
        config::AuthMode::Password => Fact::known(AuthMode::Password, SOURCE, at),
        config::AuthMode::TrustedProxy => Fact::known(AuthMode::TrustedProxy, SOURCE, at),
        config::AuthMode::Other => Fact::unreadable("`gateway.auth.mode` is not a word that is known", SOURCE, at),
    }
}

fn refusal(refusals: &[Refusal]) -> Option<String> {
    let texts: Vec<String> = refusals.iter().filter(|refusal| !is_ours(refusal)).map(ToString::to_string).collect();
    (!texts.is_empty()).then(|| texts.join("; "))
}

/// Whether the refusal is only that an observer does not follow a reference which the real program would.
fn is_ours(refusal: &Refusal) -> bool {
    matches!(refusal, Refusal::Unresolved { reason, .. } if reason.is_opaque())
}

fn unseen(sources: &[Source], blind: &[String]) -> Vec<String> {
    let opaque = sources.iter().filter_map(|source| match &source.outcome {
        Outcome::Unresolved(reason) if reason.is_opaque() => Some(format!("{}: {reason}", source.location)),
        _ => None,
    });
    blind.iter().cloned().chain(opaque).collect()
}

fn sources(sources: &[Source], key: &FingerprintKey) -> Vec<TokenSource> {
    sources.iter().filter(|source| !is_delivered(source)).map(|source| token_source(source, key)).collect()
}

/// A file whose value the process got at its start is the same source as the process's environment, not a second one.
fn is_delivered(source: &Source) -> bool {
    matches!(source.outcome, Outcome::Loses(LossReason::Delivered))
}

fn token_source(source: &Source, key: &FingerprintKey) -> TokenSource {
    let outcome = match &source.outcome {
        Outcome::Wins => SourceOutcome::Wins { why: "it comes first".to_owned() },
        Outcome::Loses(reason @ (LossReason::OtherMode(_) | LossReason::SharedSecret)) => {
            SourceOutcome::NotRead { why: reason.to_string() }
        }
        Outcome::Loses(reason) => SourceOutcome::Loses { why: reason.to_string() },
        Outcome::NotRead(reason) => SourceOutcome::NotRead { why: reason.to_string() },
        Outcome::Unresolved(reason) => SourceOutcome::Unresolved { why: reason.to_string() },
    };
    #[expect(clippy::cast_possible_truncation, reason = "an estimate of bits needs no more than 24 bits")]
    let assessed = source.value.as_ref().map(assess).map(|quality| SecretQuality {
        length: u32::try_from(quality.length).unwrap_or(u32::MAX),
        entropy_bits: quality.entropy_bits as f32,
        placeholder: quality.placeholder.map(|placeholder| placeholder.to_string()),
    });
    let quality = match &source.outcome {
        Outcome::Unresolved(UnresolvedReason::Unexpanded(_)) => {
            let placeholder = Some(Placeholder::UnexpandedVariable.to_string());
            Some(SecretQuality { length: 0, entropy_bits: 0.0, placeholder })
        }
        _ => assessed,
    };
    TokenSource {
        kind: source.slot.to_string(),
        location: location(source),
        fingerprint: source.value.as_ref().map(|secret| key.fingerprint(secret)),
        quality,
        path: file_of(source).map(ToOwned::to_owned),
        place: None,
        readable_by_others: file_of(source).and_then(readable_by_others),
        outcome,
    }
}

/// `OPENCLAW_GATEWAY_TOKEN` in the environment of pid 42: the key first, as people speak of it.
fn location(source: &Source) -> String {
    match source.location.rsplit_once(" `") {
        Some((place, key)) => format!("`{key} in {}", place.trim_end_matches(" env.vars")),
        None => source.location.clone(),
    }
}

/// The file that a location begins with: `/…/openclaw.json:3:5 …` without the position.
fn file_of(source: &Source) -> Option<&str> {
    if matches!(source.kind, SourceKind::Process | SourceKind::Flag | SourceKind::DeviceToken) {
        return None;
    }
    let path = source.location.split(" `").next().filter(|path| path.starts_with('/'))?;
    let path = path.split(" env.vars").next().unwrap_or(path);
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let mut end = path;
    while let Some((rest, tail)) = end.rsplit_once(':')
        && digits(tail)
    {
        end = rest;
    }
    Some(end)
}

/// Whether a file with a secret can be reached and read by others than its owner.
fn readable_by_others(path: &str) -> Option<bool> {
    let path = Path::new(path);
    let metadata = fs::symlink_metadata(path).ok()?;
    let reachable = path.ancestors().skip(1).all(|dir| fs::metadata(dir).is_ok_and(|dir| dir.mode() & 0o011 != 0));
    Some(metadata.mode() & 0o044 != 0 && reachable)
}
