//! Which secret one side uses, and from where.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::place::Place;
use crate::{Fact, Fingerprint};

/// How a gateway authenticates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AuthMode {
    /// No secret.
    None,
    /// Shared token.
    Token,
    /// Shared password.
    Password,
    /// A proxy in front vouches.
    TrustedProxy,
}

/// Which secret one side uses, and from where.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Credentials {
    /// Mode in force.
    pub mode: Fact<AuthMode>,
    /// Why that mode: `gateway.auth.mode`, or what flips it.
    pub mode_reason: String,
    /// A password in the environment turned an unset mode to `password` while a token is configured.
    pub mode_flipped: bool,
    /// Every place looked at, in the order of precedence of this reader.
    pub sources: Vec<TokenSource>,
    /// Fingerprint of the secret in force; none when no source gives one.
    pub winner: Option<Fingerprint>,
    /// Why this side would refuse to start or connect with what it has.
    pub refusal: Option<String>,
    /// Only `gateway.remote.token` is set, so that a gateway generates none and refuses everyone.
    pub remote_only: bool,
    /// Nothing is configured and the gateway makes a token for each run.
    pub runtime_only: bool,
    /// Sources that could not be looked at, so that another value may win.
    pub blind: Vec<String>,
}

impl TokenSource {
    /// The variable that it is, where it is one: `OPENCLAW_GATEWAY_TOKEN`.
    pub fn variable(&self) -> Option<&str> {
        self.location.split('`').nth(1).filter(|name| name.starts_with("OPENCLAW_"))
    }

    /// Whether two are one variable of an environment.
    pub fn is_same_variable(&self, other: &Self) -> bool {
        self.variable().is_some() && self.variable() == other.variable()
    }
}

/// One place a secret may come from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TokenSource {
    /// `token` or `password`.
    pub kind: String,
    /// Place and key, never the value.
    pub location: String,
    /// The file that holds it, where it is one.
    #[serde(default)]
    pub path: Option<String>,
    /// Where in a file it is written, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// Fingerprint; none when the source holds nothing or could not be resolved.
    pub fingerprint: Option<Fingerprint>,
    /// How good the value is.
    pub quality: Option<SecretQuality>,
    /// Whether its file can be read by others than its owner, the folders above included; none where it is no file.
    #[serde(default)]
    pub readable_by_others: Option<bool>,
    /// Whether it wins, and why or why not.
    pub outcome: SourceOutcome,
}

/// Whether a source wins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum SourceOutcome {
    /// Its value is used.
    Wins {
        /// Why.
        why: String,
    },
    /// It holds a value that another source overrules.
    Loses {
        /// Why.
        why: String,
    },
    /// It holds a value that this reader never looks at.
    NotRead {
        /// Why.
        why: String,
    },
    /// It points to a value that could not be resolved.
    Unresolved {
        /// Why.
        why: String,
    },
    /// It holds nothing.
    Empty,
}

/// Properties of a secret that tell nothing of its value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SecretQuality {
    /// Characters.
    pub length: u32,
    /// Estimated bits of entropy.
    pub entropy_bits: f32,
    /// The placeholder that it is: `redaction mark`, `unexpanded variable`, `example value`.
    pub placeholder: Option<String>,
}

/// A secret that others can read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ExposedSecret {
    /// Place and key.
    pub location: String,
    /// How it is exposed: `mode 0644`, `process arguments`.
    pub how: String,
}
