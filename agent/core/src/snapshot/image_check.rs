//! What registries said of images, the last time they were asked, and what the operator accepted.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is known of one image from its registry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ImageCheck {
    /// The image in its normal form: `docker.io/library/nginx:latest`.
    pub image: String,
    /// When it was first asked for.
    pub first_tried_at: Option<Timestamp>,
    /// When it was last asked for.
    pub tried_at: Option<Timestamp>,
    /// When the registry last gave an answer that decides: a digest, or that there is none.
    pub checked_at: Option<Timestamp>,
    /// What came of the last time.
    pub answer: RegistryAnswer,
    /// The digest that the registry last gave.
    pub digest: Option<RegistryDigest>,
    /// Digests seen, at the registry and running, in the order of their first sight.
    #[serde(default)]
    pub history: Vec<DigestSeen>,
    /// What digests stand for on one platform. It holds for ever: a digest names a content.
    #[serde(default)]
    pub resolved: Vec<ResolvedManifest>,
    /// What the operator said is right.
    #[serde(default)]
    pub accepted: Option<AcceptedImage>,
}

impl ImageCheck {
    /// Nothing is known yet of this image.
    pub fn new(image: impl Into<String>) -> Self {
        Self {
            image: image.into(),
            first_tried_at: None,
            tried_at: None,
            checked_at: None,
            answer: RegistryAnswer::NotAsked { why: "it was never asked for".to_owned() },
            digest: None,
            history: Vec::new(),
            resolved: Vec::new(),
            accepted: None,
        }
    }
}

/// What came of asking a registry for an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "answer", rename_all = "kebab-case")]
pub enum RegistryAnswer {
    /// It was not asked.
    NotAsked {
        /// Why.
        why: String,
    },
    /// It gave a digest.
    Digest {
        /// Whose stored login it refuses, though it gives the image to anybody.
        refused_login: Option<String>,
    },
    /// It has no such tag or digest.
    Gone {
        /// Its words.
        why: String,
    },
    /// It refuses.
    Denied {
        /// Its words, and whose login was sent.
        why: String,
    },
    /// It wants to be left alone.
    RateLimited {
        /// Its words.
        why: String,
        /// Until when.
        #[schemars(with = "String")]
        until: Timestamp,
    },
    /// It gave no usable answer.
    Unreachable {
        /// What went wrong.
        why: String,
    },
    /// What it has there is no image of a form that is known.
    WrongType {
        /// The media type that it names.
        media_type: String,
    },
}

impl RegistryAnswer {
    /// Whether it decides: a digest, or that there is none.
    pub fn decides(&self) -> bool {
        matches!(self, Self::Digest { .. } | Self::Gone { .. } | Self::WrongType { .. })
    }
}

/// A digest that a registry gave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RegistryDigest {
    /// `sha256:…`.
    pub digest: String,
    /// What it is the digest of.
    pub kind: DigestKind,
    /// Its media type.
    pub media_type: String,
}

/// What a digest is the digest of. Digests of one image but of different kinds are never equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DigestKind {
    /// The image's configuration, by which most engines name what runs.
    Config,
    /// The manifest of one platform.
    Manifest,
    /// The list of the manifests of all platforms.
    List,
    /// What was pulled: a list or a manifest, which an engine does not tell.
    Pulled,
}

impl DigestKind {
    /// In a word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Config => "config",
            Self::Manifest => "manifest",
            Self::List => "list",
            Self::Pulled => "pulled",
        }
    }
}

/// A digest and what it is the digest of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct ImageDigest {
    /// `sha256:…`.
    pub digest: String,
    /// What it is the digest of.
    pub kind: DigestKind,
}

/// A digest and when it was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DigestSeen {
    /// `sha256:…`.
    pub digest: String,
    /// First sight.
    #[schemars(with = "String")]
    pub first: Timestamp,
    /// Last sight.
    #[schemars(with = "String")]
    pub last: Timestamp,
}

/// What a digest stands for on one platform.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ResolvedManifest {
    /// The list or manifest.
    pub digest: String,
    /// The platform: `linux/arm64`.
    pub platform: String,
    /// The platform's manifest.
    pub manifest: Option<String>,
    /// The configuration that it names.
    pub config: Option<String>,
}

/// What the operator said is right.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AcceptedImage {
    /// Digests of what ran then.
    pub digests: Vec<ImageDigest>,
    /// When.
    #[schemars(with = "String")]
    pub at: Timestamp,
    /// Who: the login name.
    pub by: String,
    /// Why, in the operator's words.
    pub reason: Option<String>,
}
