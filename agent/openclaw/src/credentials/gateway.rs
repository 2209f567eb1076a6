//! Which secret a gateway accepts.
//!
//! `gateway.remote` is meant for clients, but OpenClaw 2026.9 looks at it in two places. When the gateway starts, a
//! secret there keeps it from making a token of its own. When a client connects, it counts only where the
//! configuration has no `gateway.auth` block at all. With such a block, be it an empty one, a gateway whose only
//! secret is in `gateway.remote` starts, looks healthy, and refuses every client.

use std::fmt;

use secrecy::SecretString;

use super::ladder::{Candidate, climb, unresolved, winner};
use super::{
    EnvironmentLayers, LossReason, NotReadReason, Outcome, Refusal, SecretResolver, Slot, Source, SourceKind,
    UnresolvedReason, assess,
};
use crate::config::{AuthMode, Config};

/// All that decides about a gateway's authentication.
#[derive(Debug, Clone, Copy)]
pub struct GatewayInputs<'a> {
    /// Its configuration, if there is one.
    pub config: Option<&'a Config>,
    /// Its environment.
    pub layers: &'a EnvironmentLayers,
    /// Follows references.
    pub resolver: SecretResolver<'a>,
    /// `--token`.
    pub token_flag: Option<&'a SecretString>,
    /// `--password`.
    pub password_flag: Option<&'a SecretString>,
    /// `--auth`.
    pub mode_flag: Option<AuthMode>,
}

/// Why the mode is what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ModeReason {
    /// `--auth`.
    Flag,
    /// `gateway.auth.mode`.
    Config,
    /// A password is there and nothing chooses a mode.
    PasswordPresent(SourceKind),
    /// A token is there and nothing chooses a mode.
    TokenPresent(SourceKind),
    /// Nothing is there.
    Default,
}

impl fmt::Display for ModeReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag => f.write_str("`--auth` says so"),
            Self::Config => f.write_str("`gateway.auth.mode` says so"),
            Self::PasswordPresent(kind) => write!(f, "no mode is set and there is a password in {kind}"),
            Self::TokenPresent(kind) => write!(f, "no mode is set and there is a token in {kind}"),
            Self::Default => f.write_str("nothing is set"),
        }
    }
}

/// A gateway's authentication.
#[derive(Debug, Clone)]
pub struct GatewayAuth {
    /// Every source, in the order in which it is looked at, tokens first.
    pub sources: Vec<Source>,
    /// The mode in force.
    pub mode: AuthMode,
    /// Why.
    pub mode_reason: ModeReason,
    /// A password in the environment, or in a `gateway.remote` that counts, turned the mode to `password`, so that the
    /// token which is there too is refused.
    pub is_mode_flipped: bool,
    /// Why the gateway would not start.
    pub refusals: Vec<Refusal>,
    /// No token is configured: the gateway makes one for this run only, and clients live on stored device tokens.
    pub is_runtime_only: bool,
    /// Only `gateway.remote` has a secret and it does not count: the gateway starts and refuses every client, reason
    /// `token_missing_config`.
    pub is_remote_only: bool,
    /// The mode's secret is configured where an observer does not look (a program, the secret store, a file that
    /// only the user may read): nothing can be said of its value.
    pub is_opaque: bool,
}

impl GatewayAuth {
    /// The source of the secret that the gateway accepts. Clients may send the value in either field.
    pub fn winner(&self) -> Option<&Source> {
        winner(&self.sources)
    }

    /// The secret that the gateway accepts.
    pub fn accepted(&self) -> Option<&SecretString> {
        self.winner()?.value.as_ref()
    }
}

/// Resolves a gateway's authentication.
pub fn resolve_gateway(inputs: &GatewayInputs<'_>) -> GatewayAuth {
    let mut tokens = climb_slot(inputs, Slot::Token, inputs.token_flag);
    let mut passwords = climb_slot(inputs, Slot::Password, inputs.password_flag);
    let configured_mode = configured_mode(inputs);
    let (mode, mode_reason) = mode_in_force(inputs, configured_mode, &tokens, &passwords);

    let is_mode_flipped = match mode_reason {
        ModeReason::PasswordPresent(kind) => {
            (kind.is_environment() || kind == SourceKind::RemoteConfig) && present(&tokens).is_some()
        }
        ModeReason::Flag | ModeReason::Config | ModeReason::TokenPresent(_) | ModeReason::Default => false,
    };

    let mut refusals = refusals(inputs, mode, mode_reason, &tokens, &passwords);
    if configured_mode == Some(AuthMode::Other) && inputs.mode_flag.is_none() {
        refusals.push(Refusal::UnknownMode);
    }
    if mode != AuthMode::Token {
        demote(&mut tokens, mode);
    }
    if !matches!(mode, AuthMode::Password | AuthMode::TrustedProxy) {
        demote(&mut passwords, mode);
    }
    let is_opaque = match mode {
        AuthMode::Token => opaque(&tokens),
        AuthMode::Password => opaque(&passwords),
        AuthMode::None | AuthMode::TrustedProxy | AuthMode::Other => false,
    };
    let no_token = mode == AuthMode::Token && winner(&tokens).is_none() && refusals.is_empty() && !is_opaque;
    let has_remote = |sources: &[Source]| sources.iter().any(|source| source.kind == SourceKind::RemoteConfig);
    let starts_with_remote = has_remote(&tokens) || (mode_reason == ModeReason::Default && has_remote(&passwords));
    let sources = tokens.into_iter().chain(passwords).collect();
    GatewayAuth {
        sources,
        mode,
        mode_reason,
        is_mode_flipped,
        refusals,
        is_runtime_only: no_token && !starts_with_remote,
        is_remote_only: no_token && starts_with_remote,
        is_opaque,
    }
}

fn climb_slot(inputs: &GatewayInputs<'_>, slot: Slot, flag: Option<&SecretString>) -> Vec<Source> {
    let environment = inputs.layers.effective(inputs.config);
    let config = |kind| Candidate::config(slot, kind, inputs.config, &inputs.resolver, &environment);
    let mut candidates: Vec<Candidate> = Vec::new();
    candidates.extend(Candidate::flag(slot, flag));
    candidates.extend(config(SourceKind::AuthConfig));
    candidates.extend(inputs.layers.candidates(slot, inputs.config));
    let has_auth_block = inputs.config.is_some_and(|config| config.value_at(&["gateway", "auth"]).is_some());
    candidates.extend(
        config(SourceKind::RemoteConfig)
            .map(|source| if has_auth_block { source.not_read(NotReadReason::ClientsOnly) } else { source }),
    );
    climb(slot, candidates, Some(SourceKind::AuthConfig))
}

fn configured_mode(inputs: &GatewayInputs<'_>) -> Option<AuthMode> {
    let config = inputs.config?;
    config.gateway(&inputs.layers.effective(Some(config))).auth_mode
}

fn mode_in_force(
    inputs: &GatewayInputs<'_>,
    configured: Option<AuthMode>,
    tokens: &[Source],
    passwords: &[Source],
) -> (AuthMode, ModeReason) {
    if let Some(mode) = inputs.mode_flag {
        return (mode, ModeReason::Flag);
    }
    if let Some(mode) = configured {
        return (mode, ModeReason::Config);
    }
    if let Some(kind) = present(passwords) {
        return (AuthMode::Password, ModeReason::PasswordPresent(kind));
    }
    match present(tokens) {
        Some(kind) => (AuthMode::Token, ModeReason::TokenPresent(kind)),
        None => (AuthMode::Token, ModeReason::Default),
    }
}

/// The source that has, or should have, the value.
fn present(sources: &[Source]) -> Option<SourceKind> {
    sources
        .iter()
        .find(|source| {
            source.outcome.wins()
                || (source.kind == SourceKind::AuthConfig && matches!(source.outcome, Outcome::Unresolved(_)))
        })
        .map(|source| source.kind)
}

fn refusals(
    inputs: &GatewayInputs<'_>,
    mode: AuthMode,
    reason: ModeReason,
    tokens: &[Source],
    passwords: &[Source],
) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    let is_configured = |sources: &[Source]| sources.iter().any(|source| source.kind == SourceKind::AuthConfig);
    if configured_mode(inputs).is_none() && is_configured(tokens) && is_configured(passwords) {
        refusals.push(Refusal::AmbiguousMode);
    }
    let active: &[(Slot, &[Source])] = match mode {
        AuthMode::Token => &[(Slot::Token, tokens)],
        AuthMode::Password => &[(Slot::Password, passwords)],
        AuthMode::TrustedProxy | AuthMode::None | AuthMode::Other => &[],
    };
    for (slot, sources) in active {
        let flag_given = sources.iter().any(|source| source.kind == SourceKind::Flag);
        let unresolved = unresolved(sources, SourceKind::AuthConfig)
            .filter(|reason| !reason.is_opaque())
            .filter(|reason| !is_passed_over(reason, sources));
        if let Some(unresolved) = unresolved.filter(|_| !flag_given) {
            let key = format!("gateway.auth.{slot}");
            refusals.push(Refusal::Unresolved { key, reason: unresolved.clone() });
        }
        let placeholder = winner(sources).and_then(|source| assess(source.value.as_ref()?).placeholder);
        if let Some(placeholder) = placeholder.filter(|placeholder| placeholder.is_refused()) {
            refusals.push(Refusal::Placeholder { slot: *slot, placeholder });
        }
    }
    if mode == AuthMode::Password && refusals.is_empty() && winner(passwords).is_none() && !opaque(passwords) {
        refusals.push(Refusal::NoPassword);
    }
    if mode == AuthMode::TrustedProxy && reason != ModeReason::Default {
        refusals.extend(trusted_proxy_refusals(inputs, tokens));
    }
    refusals
}

/// A `${…}` that nothing replaces stops the gateway only where another source has a value; alone it counts as no secret.
fn is_passed_over(reason: &UnresolvedReason, sources: &[Source]) -> bool {
    let alone = !sources.iter().any(|source| source.kind.is_environment() && source.value.is_some());
    alone && matches!(reason, UnresolvedReason::Unexpanded(_))
}

/// Whether the secret is configured where an observer does not look.
fn opaque(sources: &[Source]) -> bool {
    winner(sources).is_none() && unresolved(sources, SourceKind::AuthConfig).is_some_and(UnresolvedReason::is_opaque)
}

fn trusted_proxy_refusals(inputs: &GatewayInputs<'_>, tokens: &[Source]) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    let environment = inputs.layers.effective(inputs.config);
    let header = inputs.config.and_then(|config| config.gateway(&environment).trusted_proxy_user_header);
    if header.is_none() {
        refusals.push(Refusal::NoTrustedProxy);
    }
    if winner(tokens).is_some() {
        refusals.push(Refusal::TrustedProxyWithToken);
    }
    refusals
}

/// The mode does not use these sources.
fn demote(sources: &mut [Source], mode: AuthMode) {
    for source in sources {
        if source.outcome.wins() {
            source.outcome = Outcome::Loses(LossReason::OtherMode(mode));
        }
    }
}
