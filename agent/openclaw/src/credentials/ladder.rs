//! The order in which a reader looks at the sources of one secret.

use secrecy::SecretString;

use super::secret_ref::{Configured, SecretResolver, UnresolvedReason};
use super::{LossReason, NotReadReason, Outcome, Slot, Source, SourceKind};
use crate::config::Config;
use crate::environment::Environment;

/// What is known of a source before the order is applied.
#[derive(Debug, Clone)]
pub(super) enum State {
    /// It has a value that may win.
    Value,
    /// It has a value that loses for a reason of its own.
    Loses(LossReason),
    /// It has a value that is not looked at.
    NotRead(NotReadReason),
    /// It has no value although it should.
    Unresolved(UnresolvedReason),
}

/// A source before the order is applied.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    pub(super) kind: SourceKind,
    pub(super) location: String,
    pub(super) value: Option<SecretString>,
    pub(super) state: State,
}

impl Candidate {
    /// A credential of the command line.
    pub(super) fn flag(slot: Slot, value: Option<&SecretString>) -> Option<Self> {
        let value = value?.clone();
        let location = format!("`--{}`", slot.key());
        Some(Self { kind: SourceKind::Flag, location, value: Some(value), state: State::Value })
    }

    /// A credential of the configuration below `gateway.auth` or `gateway.remote`.
    pub(super) fn config(
        slot: Slot,
        kind: SourceKind,
        config: Option<&Config>,
        resolver: &SecretResolver<'_>,
        environment: &Environment,
    ) -> Option<Self> {
        let config = config?;
        let parent = if kind == SourceKind::RemoteConfig { "remote" } else { "auth" };
        let path = ["gateway", parent, slot.key()];
        let (value, state) = match resolver.configured(config, &path, environment) {
            Configured::Absent => return None,
            Configured::Value(value) => (Some(value), State::Value),
            Configured::Unresolved(reason) => (None, State::Unresolved(reason)),
        };
        let place = config.origin_of(&path).map_or_else(|| config.path().display().to_string(), ToString::to_string);
        Some(Self { kind, location: format!("{place} `{}`", path.join(".")), value, state })
    }

    /// The same source, not looked at.
    pub(super) fn not_read(mut self, reason: NotReadReason) -> Self {
        if matches!(self.state, State::Value) {
            self.state = State::NotRead(reason);
        }
        self
    }

    fn outcome(&self, taken: Option<SourceKind>) -> Outcome {
        match (&self.state, taken) {
            (State::Value, None) => Outcome::Wins,
            (State::Value, Some(first)) => Outcome::Loses(LossReason::After(first)),
            (State::Loses(reason), _) => Outcome::Loses(*reason),
            (State::NotRead(reason), _) => Outcome::NotRead(*reason),
            (State::Unresolved(reason), _) => Outcome::Unresolved(reason.clone()),
        }
    }
}

/// The sources of one secret, in order. The first with a value wins. An unresolved source of `stopper` ends the
/// search without a winner.
pub(super) fn climb(slot: Slot, candidates: Vec<Candidate>, stopper: Option<SourceKind>) -> Vec<Source> {
    let mut taken = None;
    let mut sources = Vec::with_capacity(candidates.len());
    for candidate in candidates {
        let outcome = candidate.outcome(taken);
        let stops = matches!(candidate.state, State::Unresolved(_)) && stopper == Some(candidate.kind);
        if taken.is_none() && (outcome.wins() || stops) {
            taken = Some(candidate.kind);
        }
        let Candidate { kind, location, value, .. } = candidate;
        sources.push(Source { slot, kind, location, value, outcome });
    }
    sources
}

/// The winning source.
pub(super) fn winner(sources: &[Source]) -> Option<&Source> {
    sources.iter().find(|source| source.outcome.wins())
}

/// Why the configured source of a kind does not resolve.
pub(super) fn unresolved(sources: &[Source], kind: SourceKind) -> Option<&UnresolvedReason> {
    sources.iter().filter(|source| source.kind == kind).find_map(|source| match &source.outcome {
        Outcome::Unresolved(reason) => Some(reason),
        Outcome::Wins | Outcome::Loses(_) | Outcome::NotRead(_) => None,
    })
}
