//! References to container images.

use thiserror::Error;

/// Longest reference that is taken apart, in bytes.
const MAX_REFERENCE: usize = 1024;

/// A reference to an image, with what is left out filled in: `nginx` is `docker.io/library/nginx`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageReference {
    /// Registry with its port: `docker.io`, `localhost:5000`.
    pub registry: String,
    /// Path of the repository: `library/nginx`.
    pub repository: String,
    /// Tag, where one is written.
    pub tag: Option<String>,
    /// Digest with its algorithm: `sha256:…`.
    pub digest: Option<String>,
}

/// Why a text is no reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ImageReferenceError {
    /// Nothing there, or more than any reference has.
    #[error("an image reference has 1 to {MAX_REFERENCE} bytes")]
    Length,
    /// A part with characters that references have not, or an empty one.
    #[error("not an image reference: it has an empty part or a character that none may have")]
    Malformed,
}

impl ImageReference {
    /// Takes a reference apart: `[registry[:port]/]path[:tag][@digest]`.
    pub fn parse(text: &str) -> Result<Self, ImageReferenceError> {
        if text.is_empty() || text.len() > MAX_REFERENCE {
            return Err(ImageReferenceError::Length);
        }
        let (name, digest) = match text.split_once('@') {
            Some((name, digest)) => (name, Some(digest)),
            None => (text, None),
        };
        // A colon after the last slash begins a tag; one before it belongs to the registry.
        let (name, tag) = match name.rsplit_once(':') {
            Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
            _ => (name, None),
        };
        let (registry, path) = match name.split_once('/') {
            Some((first, rest)) if first.contains(['.', ':']) || first == "localhost" => (first, rest),
            _ => ("docker.io", name),
        };
        let registry = if registry == "index.docker.io" { "docker.io" } else { registry };
        let is_part = |part: &str| {
            !part.is_empty()
                && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b))
        };
        let is_registry = |b: u8| b.is_ascii_alphanumeric() || b".:-[]_".contains(&b);
        let is_tag = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
        let is_digest = |digest: &str| {
            digest.split_once(':').is_some_and(|(algorithm, hex)| {
                !algorithm.is_empty() && !hex.is_empty() && hex.bytes().all(|b| b.is_ascii_hexdigit())
            })
        };
        let fits = path.split('/').all(is_part)
            && registry.bytes().all(is_registry)
            && tag.is_none_or(|tag| !tag.is_empty() && tag.bytes().all(is_tag))
            && digest.is_none_or(is_digest);
        if !fits {
            return Err(ImageReferenceError::Malformed);
        }
        let repository =
            if registry == "docker.io" && !path.contains('/') { format!("library/{path}") } else { path.to_owned() };
        Ok(Self {
            registry: registry.to_owned(),
            repository,
            tag: tag.map(str::to_owned),
            digest: digest.map(str::to_owned),
        })
    }

    /// One spelling for all that mean the same: `docker.io/library/nginx:latest`. A tag beside a digest is kept.
    pub fn normal(&self) -> String {
        let mut text = format!("{}/{}", self.registry, self.repository);
        if let Some(tag) = self.tag.as_deref().or(self.digest.is_none().then_some("latest")) {
            text.push(':');
            text.push_str(tag);
        }
        if let Some(digest) = &self.digest {
            text.push('@');
            text.push_str(digest);
        }
        text
    }

    /// What a registry is asked for: the digest, beside which a tag says nothing; else the tag, or `latest` where nothing is written.
    pub fn asked(&self) -> &str {
        self.digest.as_deref().or(self.tag.as_deref()).unwrap_or("latest")
    }

    /// The last part of the repository: `nginx`.
    pub fn name(&self) -> &str {
        self.repository.rsplit('/').next().unwrap_or(&self.repository)
    }

    /// Whether its repository is named as those of `OpenClaw` are: `openclaw`, or a former name.
    pub fn is_openclaw(&self) -> bool {
        matches!(self.name(), "openclaw" | "moltbot" | "clawdbot")
    }

    /// The version in its tag, where the tag is one: see [`version`].
    pub fn version(&self) -> Option<&str> {
        version(self.tag.as_deref()?)
    }
}

/// The version that a tag names: `2026.9.6` of `v2026.9.6-slim`. None for `latest`, `24` and `bookworm`.
pub fn version(tag: &str) -> Option<&str> {
    let tag = tag.strip_prefix('v').unwrap_or(tag);
    let core = tag.bytes().take_while(|b| b.is_ascii_digit() || *b == b'.').count();
    let (numbers, rest) = tag.split_at_checked(core)?;
    let parts = numbers.split('.').count();
    if parts < 2 || numbers.split('.').any(str::is_empty) {
        return None;
    }
    match rest.strip_prefix('-') {
        None => rest.is_empty().then_some(numbers),
        // What follows a version is a pre-release or the name of a variant.
        Some(after) => {
            let word = after.split('-').next().unwrap_or_default();
            let is_prerelease = ["alpha", "beta", "rc", "pre", "dev"].iter().any(|name| {
                word.strip_prefix(name).is_some_and(|n| n.bytes().all(|b| b.is_ascii_digit() || b == b'.'))
            });
            if is_prerelease { tag.get(..core + 1 + word.len()) } else { Some(numbers) }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_left_out_is_filled_in() {
        for (text, registry, repository, tag, digest) in [
            ("nginx", "docker.io", "library/nginx", None, None),
            ("openclaw:local", "docker.io", "library/openclaw", Some("local"), None),
            ("openclaw/openclaw:2026.9.6", "docker.io", "openclaw/openclaw", Some("2026.9.6"), None),
            ("index.docker.io/library/caddy:2", "docker.io", "library/caddy", Some("2"), None),
            ("localhost:5000/x", "localhost:5000", "x", None, None),
            ("localhost/x", "localhost", "x", None, None),
            ("x/y", "docker.io", "x/y", None, None),
            ("ghcr.io/a/b/c:1@sha256:00ff", "ghcr.io", "a/b/c", Some("1"), Some("sha256:00ff")),
            ("[::1]:5000/a@sha256:00", "[::1]:5000", "a", None, Some("sha256:00")),
        ] {
            let parsed = ImageReference::parse(text).expect(text);
            assert_eq!(
                (parsed.registry.as_str(), parsed.repository.as_str(), parsed.tag.as_deref(), parsed.digest.as_deref()),
                (registry, repository, tag, digest),
                "{text}"
            );
        }
    }

    #[test]
    fn a_registry_is_asked_for_what_an_engine_would_pull() {
        for (text, asked, normal) in [
            ("nginx", "latest", "docker.io/library/nginx:latest"),
            ("ghcr.io/a/b:1", "1", "ghcr.io/a/b:1"),
            ("ghcr.io/a/b:1@sha256:00", "sha256:00", "ghcr.io/a/b:1@sha256:00"),
            ("ghcr.io/a/b@sha256:00", "sha256:00", "ghcr.io/a/b@sha256:00"),
        ] {
            let parsed = ImageReference::parse(text).expect(text);
            assert_eq!((parsed.asked(), parsed.normal().as_str()), (asked, normal));
        }
    }

    #[test]
    fn what_is_none_is_refused() {
        for text in ["", "A", "a:", "a//b", "a@b", "a@sha256:xyz", "a b", "${IMAGE}", "a:b/c:d e", "\u{1b}[31m"] {
            assert!(ImageReference::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn versions_of_tags() {
        for (tag, expected) in [
            ("2026.9.6", Some("2026.9.6")),
            ("v2026.9.6-slim", Some("2026.9.6")),
            ("2026.9.1-beta.1", Some("2026.9.1-beta.1")),
            ("2026.9.1-beta.1-slim", Some("2026.9.1-beta.1")),
            ("1.27-alpine", Some("1.27")),
            ("latest", None),
            ("24-bookworm", None),
            ("1.", None),
            ("1.2x", None),
            ("", None),
        ] {
            assert_eq!(version(tag), expected, "{tag}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC{0,60}") {
            let _ = (ImageReference::parse(&text), version(&text));
        }

        #[test]
        fn the_normal_form_means_the_same(text in "([a-z0-9.]{1,8}(:[0-9]{1,4})?/)?[a-z0-9]{1,6}(/[a-z]{1,4})?(:[a-z0-9.]{1,6})?(@sha256:[0-9a-f]{4})?") {
            if let Ok(parsed) = ImageReference::parse(&text) {
                let again = ImageReference::parse(&parsed.normal()).expect("it is one");
                prop_assert_eq!(again.normal(), parsed.normal());
                prop_assert_eq!((again.registry, again.repository), (parsed.registry, parsed.repository));
            }
        }
    }
}
