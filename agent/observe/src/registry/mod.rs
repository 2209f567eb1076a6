//! A client of container registries (OCI distribution specification 1.1) that asks for digests.
//!
//! A digest is asked for with HEAD, which registries do not count as a pull. A manifest is only read where a digest alone says nothing. Plain
//! HTTP is spoken with loopback alone, no login follows a redirect, and every answer is bounded in bytes and in time.

mod authorize;
mod challenge;
mod login;
mod manifest;
mod reply;
mod session;

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use portreeve_core::ImageReference;
use portreeve_core::images::Requests;
use portreeve_core::snapshot::{RegistryAnswer, RegistryDigest, ResolvedManifest};

pub use challenge::{Challenge, challenges};
pub use login::{Caller, Login, LoginKind, Logins, Stored, parse as logins};
pub use manifest::{Manifest, is_digest, kind, manifest};
pub use reply::retry_after;
pub use session::Registry;

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(5);
/// How long one request may take, connection and body included.
const REQUEST: Duration = Duration::from_secs(10);
/// Longest body of an answer that is no manifest, in bytes.
const MAX_BODY: usize = 64 * 1024;
/// Longest text of a registry that is kept, in bytes.
const MAX_WORDS: usize = 300;

/// What a registry says of an image.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    /// What came of it.
    pub answer: RegistryAnswer,
    /// The digest.
    pub digest: Option<RegistryDigest>,
}

impl From<RegistryAnswer> for Reply {
    fn from(answer: RegistryAnswer) -> Self {
        Self { answer, digest: None }
    }
}

/// The registries of one run: one connection pool, and one word of each that it wants no more questions.
#[derive(Debug, Default)]
pub struct Registries {
    known: BTreeMap<String, Registry>,
    /// How long it waited for them.
    elapsed: Duration,
}

impl Registries {
    /// Asks for the digest of an image.
    pub async fn digest(&mut self, image: &ImageReference, logins: &Logins, now: Timestamp) -> Reply {
        let begun = std::time::Instant::now();
        let reply = match self.registry(&image.registry) {
            Ok(registry) => registry.digest(image, logins, now).await,
            Err(why) => RegistryAnswer::Unreachable { why }.into(),
        };
        self.elapsed += begun.elapsed();
        reply
    }

    /// What a digest of an image's repository stands for on a platform. None where the registry does not tell.
    pub async fn resolve(
        &mut self,
        image: &ImageReference,
        digest: &str,
        platform: &str,
        logins: &Logins,
    ) -> Option<ResolvedManifest> {
        let begun = std::time::Instant::now();
        let resolved = self.registry(&image.registry).ok()?.resolve(image, digest, platform, logins).await;
        self.elapsed += begun.elapsed();
        resolved
    }

    /// What was asked so far.
    pub fn requests(&self) -> Requests {
        let mut sum = Requests { elapsed_ms: self.elapsed.as_secs_f64() * 1e3, ..Requests::default() };
        for registry in self.known.values() {
            sum.head += registry.requests.head;
            sum.get += registry.requests.get;
            sum.token += registry.requests.token;
        }
        sum
    }

    fn registry(&mut self, name: &str) -> Result<&mut Registry, String> {
        if !self.known.contains_key(name) {
            let registry = Registry::new(name)?;
            self.known.insert(name.to_owned(), registry);
        }
        self.known.get_mut(name).ok_or_else(|| "it is not known".to_owned())
    }
}
