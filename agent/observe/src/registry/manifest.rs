//! Manifests: what a list holds for one platform, and what a manifest's configuration is.

use portreeve_core::snapshot::DigestKind;
use serde::Deserialize;

/// Longest manifest that is read, in bytes; the specification wants registries to take 4 MiB.
pub(super) const MAX_MANIFEST: usize = 4 << 20;

/// Media types of lists and manifests that are asked for: with any one missing a registry may give another digest.
pub(super) const ACCEPT: &str = "application/vnd.oci.image.index.v1+json, application/vnd.docker.distribution.manifest.list.v2+json, \
     application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json";

/// What a media type is; none for one that is no image of today.
pub fn kind(media_type: &str) -> Option<DigestKind> {
    let essence = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match essence.as_str() {
        "application/vnd.oci.image.index.v1+json" | "application/vnd.docker.distribution.manifest.list.v2+json" => {
            Some(DigestKind::List)
        }
        "application/vnd.oci.image.manifest.v1+json" | "application/vnd.docker.distribution.manifest.v2+json" => {
            Some(DigestKind::Manifest)
        }
        _ => None,
    }
}

/// Whether it is the form that engines of today refuse.
pub(super) fn is_schema1(media_type: &str) -> bool {
    media_type.starts_with("application/vnd.docker.distribution.manifest.v1+")
}

/// Whether a text is a digest of a known algorithm.
pub fn is_digest(text: &str) -> bool {
    let hex = |hex: &str, length: usize| {
        hex.len() == length && hex.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    };
    match text.split_once(':') {
        Some(("sha256", digits)) => hex(digits, 64),
        Some(("sha512", digits)) => hex(digits, 128),
        _ => false,
    }
}

/// A list or a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Manifest {
    /// A list, with the manifest of the platform asked for where it has one.
    List {
        /// Digest of the platform's manifest.
        manifest: Option<String>,
    },
    /// A manifest.
    Image {
        /// Digest of its configuration.
        config: Option<String>,
    },
}

#[derive(Deserialize)]
struct Wire {
    #[serde(default)]
    manifests: Option<Vec<Entry>>,
    #[serde(default)]
    config: Option<Descriptor>,
}

#[derive(Deserialize)]
struct Descriptor {
    digest: String,
}

#[derive(Deserialize)]
struct Entry {
    digest: String,
    #[serde(default)]
    platform: Option<Platform>,
}

#[derive(Deserialize)]
struct Platform {
    #[serde(default)]
    os: String,
    #[serde(default)]
    architecture: String,
    #[serde(default)]
    variant: String,
}

/// Reads a list or a manifest; `platform` is `linux/arm64` or `linux/arm/v7`. None for what is neither.
pub fn manifest(bytes: &[u8], platform: &str) -> Option<Manifest> {
    let wire: Wire = serde_json::from_slice(bytes.get(..bytes.len().min(MAX_MANIFEST))?).ok()?;
    let Some(entries) = wire.manifests else {
        let config = wire.config?.digest;
        return Some(Manifest::Image { config: Some(config).filter(|digest| is_digest(digest)) });
    };
    let mut parts = platform.split('/');
    let (os, architecture, variant) = (parts.next()?, parts.next().unwrap_or_default(), parts.next());
    let fits = |entry: &&Entry| {
        entry.platform.as_ref().is_some_and(|known| known.os == os && known.architecture == architecture)
    };
    let same = |entry: &&Entry| {
        let known = entry.platform.as_ref().map_or("", |known| known.variant.as_str());
        known == variant.unwrap_or_default()
    };
    let found = entries.iter().filter(fits).find(same).or_else(|| entries.iter().find(fits));
    Some(Manifest::List { manifest: found.map(|entry| entry.digest.clone()).filter(|digest| is_digest(digest)) })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_list_gives_the_platforms_own_manifest() {
        let digest = |c: char| format!("sha256:{}", c.to_string().repeat(64));
        let entry = |c: char, platform: &str| format!(r#"{{"digest":"{}","platform":{platform}}}"#, digest(c));
        let text = format!(
            r#"{{"schemaVersion":2,"manifests":[{},{},{},{}]}}"#,
            entry('a', r#"{"os":"linux","architecture":"amd64"}"#),
            entry('b', r#"{"os":"linux","architecture":"arm","variant":"v6"}"#),
            entry('c', r#"{"os":"linux","architecture":"arm","variant":"v7"}"#),
            entry('d', r#"{"os":"unknown","architecture":"unknown"}"#),
        );
        let of = |platform: &str| match manifest(text.as_bytes(), platform) {
            Some(Manifest::List { manifest }) => manifest,
            other => panic!("{other:?}"),
        };
        assert_eq!(of("linux/amd64"), Some(digest('a')));
        assert_eq!(of("linux/arm/v7"), Some(digest('c')));
        assert_eq!(of("linux/s390x"), None);
        let image = format!(r#"{{"config":{{"digest":"{}"}},"layers":[]}}"#, digest('e'));
        assert_eq!(manifest(image.as_bytes(), "x"), Some(Manifest::Image { config: Some(digest('e')) }));
        assert_eq!(manifest(br#"{"schemaVersion":1,"fsLayers":[]}"#, "linux/amd64"), None);
    }

    #[test]
    fn media_types_have_kinds() {
        assert_eq!(kind("application/vnd.oci.image.index.v1+json; charset=utf-8"), Some(DigestKind::List));
        assert_eq!(kind("application/vnd.docker.distribution.manifest.v2+json"), Some(DigestKind::Manifest));
        assert_eq!(kind("text/html"), None);
        assert!(is_schema1("application/vnd.docker.distribution.manifest.v1+prettyjws"));
        assert!(ACCEPT.split(", ").all(|one| kind(one).is_some()) && !ACCEPT.contains("  "), "{ACCEPT}");
    }

    proptest! {
        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200), platform in "\\PC{0,12}") {
            let _ = manifest(&bytes, &platform);
            let _ = is_digest(&platform);
        }
    }
}
