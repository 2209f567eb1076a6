//! Images: what runs, what should, what the registry has.

use std::collections::BTreeMap;

use portreeve_core::images::{Asked, ImageLine, ImagesReport};
use portreeve_core::measure::ImageState;
use portreeve_core::report::Agent;
use portreeve_core::{Policy, Snapshot};

use super::{Readings, word};
use crate::metric;

/// Digits of a digest that are told.
const DIGITS: usize = 12;

pub(super) fn states(snapshot: &Snapshot, policy: &Policy, readings: &mut Readings) -> BTreeMap<String, ImageState> {
    let agent = Agent { version: snapshot.agent_version.clone() };
    let report = ImagesReport::of(snapshot, &policy.pinned_images, &Asked::default(), agent, snapshot.taken_at);
    let oldest = report.images.iter().filter_map(|line| line.checked_at).min();
    if let Some(oldest) = oldest {
        let age = snapshot.taken_at.duration_since(oldest).as_secs_f64().max(0.0);
        readings.now(&metric::IMAGE_CHECK_AGE, &[], age);
    }
    let mut states = BTreeMap::new();
    for line in report.images {
        let state = if line.drift { "drift".to_owned() } else { word(&line.standing) };
        let digest = running(&line);
        let version = version(snapshot, &line);
        for role in &line.roles {
            let attributes = [
                ("image", line.image.as_str()),
                ("role", &word(role)),
                ("digest", &digest.as_deref().map(short).unwrap_or_default()),
                ("version", version.as_deref().unwrap_or_default()),
                ("state", &state),
            ];
            readings.now(&metric::IMAGE_INFO, &attributes, 1.0);
        }
        // One image may run with several contents.
        let mut key = line.image.clone();
        if states.contains_key(&key) {
            key = format!("{key} {}", digest.as_deref().map(short).unwrap_or_default());
        }
        let state = ImageState {
            running: digest,
            version,
            pinned: line
                .pinned
                .first()
                .map(|pin| pin.digests.iter().map(|digest| digest.digest.clone()).collect())
                .unwrap_or_default(),
            drift: line.drift,
            registry: line.registry.map(|registry| registry.digest),
            standing: line.standing,
            used_by: line.used_by,
            roles: line.roles,
        };
        states.insert(key, state);
    }
    states
}

/// The digest by which others know what runs, or else the image's own id.
fn running(line: &ImageLine) -> Option<String> {
    use portreeve_core::snapshot::DigestKind;
    let known = line.running.iter().find(|digest| digest.kind != DigestKind::Config);
    known.or(line.running.first()).map(|digest| digest.digest.clone())
}

fn version(snapshot: &Snapshot, line: &ImageLine) -> Option<String> {
    let mut workloads = line.used_by.iter().filter_map(|id| snapshot.workload(id));
    workloads.find_map(|workload| workload.image.version.clone())
}

/// `sha256:` and the first digits.
fn short(digest: &str) -> String {
    match digest.split_once(':') {
        Some((kind, digits)) => format!("{kind}:{}", digits.chars().take(DIGITS).collect::<String>()),
        None => digest.chars().take(DIGITS).collect(),
    }
}
