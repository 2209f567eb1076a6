//! What a container or a Compose service is, by what it runs.
//!
//! An engine and a Compose file say the same things in different words. Both fill a [`Definition`], and everything here is a pure
//! function of it, so that a project is judged alike before and after it is deployed.

mod arguments;
mod flags;
mod health;
mod listens;
mod role;
mod state;
mod words;

use std::collections::BTreeMap;

use portreeve_openclaw::environment::Environment;

pub use arguments::mask;
pub use flags::{Flags, flags};
pub use health::health_question;
pub use listens::{BindKey, listens, listens_as_gateway};
pub use portreeve_core::image_reference::{ImageReference, ImageReferenceError, version};
pub use role::{Role, role};
pub use state::state_dir;
pub use words::split_words;

/// What decides about a workload, in the words that engines and Compose files share.
///
/// Entry point and command are those in force. None stands for those of an image that is not at hand, as in a Compose file.
#[derive(Debug, Clone, Default)]
pub struct Definition {
    /// Reference of the image; empty where it is built and not named.
    pub image: String,
    /// Entry point in words.
    pub entrypoint: Option<Vec<String>>,
    /// Command in words.
    pub command: Option<Vec<String>>,
    /// All of its environment.
    pub environment: Environment,
    /// Working directory.
    pub working_dir: Option<String>,
    /// User: `node`, `1000:1000`; none for the image's own where that is not known, empty for root.
    pub user: Option<String>,
    /// Ports within it that are exposed or published.
    pub ports: Vec<u16>,
    /// Labels of it and of its image.
    pub labels: BTreeMap<String, String>,
    /// Where something is mounted.
    pub mount_targets: Vec<String>,
}

impl Definition {
    /// Whether its image is one of `OpenClaw`, by its name or its labels.
    pub fn is_openclaw_image(&self) -> bool {
        let source = ["org.opencontainers.image.source", "org.opencontainers.image.url"]
            .iter()
            .filter_map(|name| self.labels.get(*name))
            .any(|url| url.trim_end_matches('/').trim_end_matches(".git").ends_with("/openclaw/openclaw"));
        source || ImageReference::parse(&self.image).is_ok_and(|image| image.is_openclaw())
    }
}
