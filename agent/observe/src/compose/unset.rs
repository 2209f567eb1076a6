//! Stand-ins for values that nobody gives.
//!
//! A secret of unknown value still takes its place among the sources of a side. It goes through the resolution as a value of its own, equal
//! for equal expressions, and is taken out of the result again: what remains is where it would come from, and that it is not known.

use std::collections::BTreeMap;

use portreeve_core::snapshot::{Credentials, SourceOutcome};
use portreeve_core::{Fingerprint, FingerprintKey, Secret};

/// The stand-ins of one project.
#[derive(Debug, Clone, Default)]
pub(super) struct Unset {
    /// Expression by the fingerprint of its stand-in.
    known: BTreeMap<Fingerprint, String>,
}

impl Unset {
    /// The stand-in for an expression. It is neither weak nor a placeholder, and no real secret equals it.
    pub(super) fn stand_in(&mut self, expression: &str, key: &FingerprintKey) -> String {
        let print = |salt: &str| key.fingerprint(&Secret::from(format!("{salt} {expression}")));
        let text = format!("{}{}{}{}", print("unset-1"), print("unset-2"), print("unset-3"), print("unset-4"));
        self.known.insert(key.fingerprint(&Secret::from(text.as_str())), expression.to_owned());
        text
    }

    /// The expression that a fingerprint stands for.
    pub(super) fn expression(&self, print: &Fingerprint) -> Option<&str> {
        self.known.get(print).map(String::as_str)
    }

    /// Takes the stand-ins out of resolved credentials.
    pub(super) fn take_out(&self, credentials: &mut Credentials) {
        for source in &mut credentials.sources {
            let Some(expression) = source.fingerprint.as_ref().and_then(|print| self.expression(print)) else {
                continue;
            };
            let why = format!("`{expression}` is given at deployment");
            source.fingerprint = None;
            source.quality = None;
            source.outcome = SourceOutcome::Unresolved { why: why.clone() };
            credentials.blind.push(format!("{}: {why}", source.location));
        }
        if credentials.winner.as_ref().is_some_and(|winner| self.known.contains_key(winner)) {
            credentials.winner = None;
            // The secret is given at deployment; what else speaks against the connection, the URL's own facts say.
            credentials.refusal = None;
        }
    }
}
