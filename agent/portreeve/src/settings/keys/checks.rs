//! Fingerprints, deep checks and images.

use toml::Value;

use super::value::{images, integer, path, text, whole};
use super::{Key, Kind};

pub(super) const KEYS: &[Key] = &[
    Key {
        name: "fingerprint.shared_key_file",
        doc: "A file of at least 16 random bytes that several nodes share, so that their fingerprints can be compared. Empty: a key of this node's own.",
        kind: Kind::Text,
        apply: |settings, value| {
            let text = text(value)?;
            settings.shared_key_file = if text.is_empty() { None } else { Some(path(value)?) };
            Ok(())
        },
        show: |settings| {
            Value::String(settings.shared_key_file.as_ref().map(|path| path.display().to_string()).unwrap_or_default())
        },
    },
    Key {
        name: "deep.connects",
        doc: "Connects that `check --deep` makes to each gateway of this node and from the namespace of each client in a container, ten a second. Fewer than 100 prove no success; 0: none.",
        kind: Kind::Integer,
        apply: |settings, value| {
            settings.deep_connects = u32::try_from(whole(value, 0, 300)?).map_err(|error| error.to_string())?;
            Ok(())
        },
        show: |settings| integer(settings.deep_connects.into()),
    },
    Key {
        name: "images.period_s",
        doc: "Seconds between two checks of images with `portreeve images --if-due`. Each node adds up to a fourteenth of its own.",
        kind: Kind::Integer,
        apply: |settings, value| {
            settings.images_period_s = whole(value, 3_600, 31_536_000)?;
            Ok(())
        },
        show: |settings| integer(settings.images_period_s),
    },
    Key {
        name: "images.pinned",
        doc: "Images that must run, with digests: `ghcr.io/openclaw/openclaw@sha256:…`. It comes before what Compose files and `portreeve images accept` say.",
        kind: Kind::Words,
        apply: |settings, value| {
            settings.policy.pinned_images = images(value)?;
            Ok(())
        },
        show: |settings| {
            Value::Array(settings.policy.pinned_images.iter().map(|image| Value::String(image.clone())).collect())
        },
    },
];
