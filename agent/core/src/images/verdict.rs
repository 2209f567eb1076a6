//! How what runs stands to what the registry has.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::usage::is_running;
use crate::snapshot::{ImageCheck, ImageDigest, RegistryAnswer};

/// How an image stands to its registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// The registry has what runs.
    Same,
    /// The tag stands for another image now.
    MovedForward,
    /// The tag stands for an image again that it stood for before this one.
    MovedBack,
    /// The registry has no such tag or digest.
    Gone,
    /// The registry refuses.
    Denied,
    /// The registry wants to be left alone.
    RateLimited,
    /// The registry gave no usable answer.
    Unreachable,
    /// What the registry has there is no image of a known form.
    WrongType,
    /// The registry has it; nothing runs that it could be compared with.
    Available,
    /// No registry is asked for it: it was made here.
    Local,
    /// It was not asked for yet.
    Unchecked,
}

impl Standing {
    /// In words.
    pub fn name(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::MovedForward => "moved forward",
            Self::MovedBack => "moved back",
            Self::Gone => "gone",
            Self::Denied => "denied",
            Self::RateLimited => "rate limited",
            Self::Unreachable => "unreachable",
            Self::WrongType => "wrong type",
            Self::Available => "available",
            Self::Local => "local",
            Self::Unchecked => "unchecked",
        }
    }

    /// Whether the registry's side is not known, so that nothing can be said.
    pub fn is_unknown(self) -> bool {
        matches!(self, Self::Denied | Self::RateLimited | Self::Unreachable | Self::Unchecked)
    }
}

/// How an image stands by what came of asking last.
pub fn standing(running: &[ImageDigest], check: Option<&ImageCheck>) -> Standing {
    let Some(check) = check else { return Standing::Unchecked };
    match &check.answer {
        RegistryAnswer::NotAsked { .. } => Standing::Unchecked,
        RegistryAnswer::Gone { .. } => Standing::Gone,
        RegistryAnswer::Denied { .. } => Standing::Denied,
        RegistryAnswer::RateLimited { .. } => Standing::RateLimited,
        RegistryAnswer::Unreachable { .. } => Standing::Unreachable,
        RegistryAnswer::WrongType { .. } => Standing::WrongType,
        RegistryAnswer::Digest { .. } => moved(running, check),
    }
}

/// How what runs stands to the last digest that the registry gave, whatever came of asking since.
pub(crate) fn moved(running: &[ImageDigest], check: &ImageCheck) -> Standing {
    let Some(registry) = &check.digest else { return Standing::Unchecked };
    match is_running(running, &registry.digest, registry.kind, Some(check)) {
        None => Standing::Available,
        Some(true) => Standing::Same,
        Some(false) if is_earlier(running, check, &registry.digest) => Standing::MovedBack,
        Some(false) => Standing::MovedForward,
    }
}

/// Whether a digest was seen before what runs now.
fn is_earlier(running: &[ImageDigest], check: &ImageCheck, digest: &str) -> bool {
    let at = |digest: &str| check.history.iter().position(|seen| seen.digest == digest);
    let now = running.iter().filter_map(|running| at(&running.digest)).min();
    at(digest).zip(now).is_some_and(|(registry, now)| registry < now)
}
