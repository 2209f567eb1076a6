//! Which images are in use, by whom, and what they should be.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ImageReference;
use crate::order::Order as _;
use crate::snapshot::{DigestKind, Image, ImageCheck, ImageDigest, Snapshot, Workload, WorkloadRole};

/// Who says what is right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PinnedBy {
    /// The agent's own configuration.
    Config,
    /// The Compose file, or the reference that the container was made from.
    Definition,
    /// The operator, who accepted what ran.
    Accepted,
}

impl PinnedBy {
    /// In words.
    pub fn name(self) -> &'static str {
        match self {
            Self::Config => "the configuration",
            Self::Definition => "the definition",
            Self::Accepted => "what was last accepted",
        }
    }
}

/// What is right.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Pin {
    /// Digests, any of which is right.
    pub digests: Vec<ImageDigest>,
    /// Who says so.
    pub by: PinnedBy,
}

/// An image in use: one reference, and one content of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageUse {
    /// Its normal form: `docker.io/library/nginx:latest`.
    pub image: String,
    /// Taken apart.
    pub reference: ImageReference,
    /// What uses it.
    pub roles: Vec<WorkloadRole>,
    /// Which workloads.
    pub used_by: Vec<String>,
    /// Its platform, where that is known: `linux/arm64`.
    pub platform: Option<String>,
    /// Digests of what runs; empty where nothing does.
    pub running: Vec<ImageDigest>,
    /// What is right, in the order of precedence.
    pub pins: Vec<Pin>,
    /// Why no registry has it; none where one may.
    pub local: Option<String>,
}

/// What the roles are of which images matter.
pub(crate) fn is_openclaw(workload: &Workload) -> bool {
    matches!(workload.role, WorkloadRole::Gateway | WorkloadRole::Cli | WorkloadRole::NodeHost)
}

/// The images of gateways, command lines, node hosts, proxies and what takes web hooks. `pinned` are references with digests.
pub fn in_use(snapshot: &Snapshot, pinned: &[String]) -> Vec<ImageUse> {
    let mut uses: Vec<ImageUse> = Vec::new();
    for workload in snapshot.workloads.iter().filter(|workload| workload.role != WorkloadRole::Other) {
        let Some(one) = of_workload(workload, pinned, &snapshot.image_checks) else { continue };
        match uses.iter_mut().find(|known| known.image == one.image && known.running == one.running) {
            Some(known) => {
                known
                    .roles
                    .extend(one.roles.iter().filter(|role| !known.roles.contains(role)).copied().collect::<Vec<_>>());
                known.used_by.extend(one.used_by);
                for pin in one.pins {
                    if !known.pins.contains(&pin) {
                        known.pins.push(pin);
                    }
                }
                known.local = known.local.take().and(one.local);
            }
            None => uses.push(one),
        }
    }
    // A service that only waits to be run says nothing beside a container of the same image.
    let running: Vec<String> = uses.iter().filter(|one| !one.running.is_empty()).map(|one| one.image.clone()).collect();
    let mut idle = Vec::new();
    uses.retain(|one| {
        let keep = !one.running.is_empty() || !running.contains(&one.image);
        if !keep {
            idle.push(one.clone());
        }
        keep
    });
    for one in idle {
        if let Some(known) = uses.iter_mut().find(|known| known.image == one.image) {
            known
                .roles
                .extend(one.roles.iter().filter(|role| !known.roles.contains(role)).copied().collect::<Vec<_>>());
            known.used_by.extend(one.used_by);
        }
    }
    uses.order_by(|one, other| (&one.image, &one.running).cmp(&(&other.image, &other.running)));
    uses
}

/// What one workload uses; none where its image has no name that a registry could know.
pub fn of_workload(workload: &Workload, pinned: &[String], checks: &[ImageCheck]) -> Option<ImageUse> {
    let image = &workload.image;
    let reference = ImageReference::parse(&image.reference).ok().filter(|_| !is_id(&image.reference))?;
    let name = reference.normal();
    let check = checks.iter().find(|check| check.image == name);
    Some(ImageUse {
        running: running(image, check),
        pins: pins(image, &reference, pinned, check),
        roles: vec![workload.role],
        used_by: vec![workload.id.clone()],
        platform: image.platform.clone(),
        local: local(image, &reference),
        image: name,
        reference,
    })
}

/// Whether an image is named by its id.
pub(crate) fn is_id(reference: &str) -> bool {
    reference.starts_with("sha256:") || reference.len() >= 12 && reference.bytes().all(|b| b.is_ascii_hexdigit())
}

/// What was made here is in no registry, and its name must not be told to one.
fn local(image: &Image, reference: &ImageReference) -> Option<String> {
    if image.built {
        return Some("it is built here".to_owned());
    }
    if image.id.is_some() && image.digests.is_empty() && reference.registry == "docker.io" {
        return Some("it was made here: no registry gave it".to_owned());
    }
    (reference.registry == "localhost").then(|| "its name says that it is of this machine".to_owned())
}

/// The part of a reference behind `@`.
fn digest_of(reference: &str) -> Option<&str> {
    let (_, digest) = reference.rsplit_once('@')?;
    digest.contains(':').then_some(digest)
}

/// The digests of what runs, with their kinds as far as registry and engine tell them.
pub(crate) fn running(image: &Image, check: Option<&ImageCheck>) -> Vec<ImageDigest> {
    // What is only written down does not run.
    let Some(id) = &image.id else { return Vec::new() };
    let mut pulled: Vec<&str> = image.digests.iter().map(|digest| digest_of(digest).unwrap_or(digest)).collect();
    // What the container was made from is what runs in it.
    pulled.extend(digest_of(&image.reference));
    let kind = |digest: &str| {
        let at_registry = check.and_then(|check| check.digest.as_ref()).filter(|known| known.digest == digest);
        if let Some(known) = at_registry {
            return known.kind;
        }
        let resolved = check.into_iter().flat_map(|check| &check.resolved);
        let mut kinds = resolved.filter_map(|resolved| match () {
            () if resolved.manifest.as_deref() == Some(digest) => Some(DigestKind::Manifest),
            () if resolved.digest == digest => Some(DigestKind::List),
            () => None,
        });
        kinds.next().unwrap_or(DigestKind::Pulled)
    };
    let mut digests: Vec<ImageDigest> =
        pulled.iter().map(|digest| ImageDigest { digest: (*digest).to_owned(), kind: kind(digest) }).collect();
    // Engines that keep images as registries do name them by what was pulled.
    if !pulled.contains(&id.as_str()) && id.contains(':') {
        digests.push(ImageDigest { digest: id.clone(), kind: DigestKind::Config });
    }
    digests.order();
    digests.dedup();
    digests
}

fn pins(image: &Image, reference: &ImageReference, pinned: &[String], check: Option<&ImageCheck>) -> Vec<Pin> {
    let pulled = |digest: String| ImageDigest { digest, kind: DigestKind::Pulled };
    let configured: Vec<ImageDigest> = pinned
        .iter()
        .filter_map(|text| ImageReference::parse(text).ok())
        .filter(|pin| {
            pin.registry == reference.registry
                && pin.repository == reference.repository
                && (pin.tag.is_none() || pin.tag == reference.tag)
        })
        .filter_map(|pin| pin.digest.map(pulled))
        .collect();
    let written = image.written.as_deref().or((!image.reference.is_empty()).then_some(&image.reference));
    let written: Vec<ImageDigest> =
        written.and_then(digest_of).map(|digest| pulled(digest.to_owned())).into_iter().collect();
    let accepted = check.and_then(|check| check.accepted.as_ref()).map(|accepted| accepted.digests.clone());
    [
        (PinnedBy::Config, configured),
        (PinnedBy::Definition, written),
        (PinnedBy::Accepted, accepted.unwrap_or_default()),
    ]
    .into_iter()
    .filter(|(_, digests)| !digests.is_empty())
    .map(|(by, digests)| Pin { digests, by })
    .collect()
}

/// Whether what runs is what a digest stands for. None where the two are of kinds that cannot be compared.
pub(crate) fn is_running(
    running: &[ImageDigest],
    digest: &str,
    kind: DigestKind,
    check: Option<&ImageCheck>,
) -> Option<bool> {
    if running.is_empty() {
        return None;
    }
    let is_config = kind == DigestKind::Config;
    let runs = |digest: &str| running.iter().any(|running| running.digest == digest);
    let related = |resolved: &crate::snapshot::ResolvedManifest| {
        let all = [Some(&resolved.digest), resolved.manifest.as_ref(), resolved.config.as_ref()];
        all.iter().flatten().any(|one| *one == digest) && all.iter().flatten().any(|one| runs(one))
    };
    if runs(digest) || check.is_some_and(|check| check.resolved.iter().any(related)) {
        return Some(true);
    }
    // A configuration's digest says nothing against a list's.
    let resolved = check.is_some_and(|check| {
        check.resolved.iter().any(|resolved| resolved.digest == digest && resolved.config.is_some())
    });
    let comparable = resolved || running.iter().any(|running| (running.kind == DigestKind::Config) == is_config);
    comparable.then_some(false)
}

/// The pin that what runs breaks, if it breaks one. The configuration comes before the definition, and this before what was accepted; what is
/// accepted although the definition names another is right until it changes.
pub(crate) fn broken_pin<'a>(pins: &'a [Pin], running: &[ImageDigest], check: Option<&ImageCheck>) -> Option<&'a Pin> {
    let first = pins.first()?;
    let runs = |pin: &Pin| -> Vec<Option<bool>> {
        pin.digests.iter().map(|right| is_running(running, &right.digest, right.kind, check)).collect()
    };
    let told = runs(first);
    if told.contains(&Some(true)) || !told.contains(&Some(false)) {
        return None;
    }
    let accepted = pins.iter().find(|pin| pin.by == PinnedBy::Accepted);
    let is_accepted = first.by == PinnedBy::Definition && accepted.is_some_and(|pin| runs(pin).contains(&Some(true)));
    (!is_accepted).then_some(first)
}
