//! Images in use: what runs, what should, and what the registry has.

mod record;
pub mod schedule;
mod usage;
mod verdict;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Snapshot;
use crate::report::Agent;
use crate::snapshot::{Blind, ImageCheck, ImageDigest, RegistryAnswer, RegistryDigest, WorkloadRole};

pub use usage::{ImageUse, Pin, PinnedBy, in_use, of_workload};
pub(crate) use usage::{broken_pin, is_id, is_openclaw};
pub(crate) use verdict::moved;
pub use verdict::{Standing, standing};

/// The name and version of the report's form. Changes are additive only.
pub const SCHEMA: &str = "portreeve.images/1";

/// Digests of images: running, pinned and at the registry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ImagesReport {
    /// [`SCHEMA`].
    pub schema: String,
    /// The agent that asked.
    pub agent: Agent,
    /// When.
    #[schemars(with = "String")]
    pub at: Timestamp,
    /// Whether registries were asked now; else everything is from the last time.
    pub asked: bool,
    /// When they are due to be asked again.
    #[schemars(with = "Option<String>")]
    pub next: Option<Timestamp>,
    /// What was asked of registries.
    pub requests: Requests,
    /// The images.
    pub images: Vec<ImageLine>,
    /// Where gateway and command line run different images, in words.
    pub skew: Vec<String>,
    /// What could not be done, and what to know of it.
    pub notes: Vec<String>,
}

/// Requests made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Requests {
    /// For a digest.
    pub head: u32,
    /// For a manifest, where a digest alone could not be compared.
    pub get: u32,
    /// For a token.
    pub token: u32,
    /// Milliseconds that all of them took together.
    pub elapsed_ms: f64,
}

/// One image.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ImageLine {
    /// Its normal form: `docker.io/library/nginx:latest`.
    pub image: String,
    /// What uses it.
    pub roles: Vec<WorkloadRole>,
    /// Which workloads.
    pub used_by: Vec<String>,
    /// Its platform.
    pub platform: Option<String>,
    /// Digests of what runs, each with its kind; empty where nothing does.
    pub running: Vec<ImageDigest>,
    /// What is right, in the order of precedence.
    pub pinned: Vec<Pin>,
    /// Whether what runs is not what is right.
    pub drift: bool,
    /// The digest that the registry last gave.
    pub registry: Option<RegistryDigest>,
    /// How it stands to its registry.
    pub standing: Standing,
    /// What is to be known of that.
    pub detail: Option<String>,
    /// When the registry last gave an answer that decides.
    #[schemars(with = "Option<String>")]
    pub checked_at: Option<Timestamp>,
    /// When it was last asked.
    #[schemars(with = "Option<String>")]
    pub tried_at: Option<Timestamp>,
}

/// What was done to make a report.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// Whether registries were asked.
    pub asked: bool,
    /// When they are due again.
    pub next: Option<Timestamp>,
    /// How often.
    pub requests: Requests,
    /// Images besides those in use, in their normal form.
    pub named: Vec<String>,
    /// What could not be done.
    pub notes: Vec<String>,
}

impl ImagesReport {
    /// Judges the images of a snapshot, whose checks are the newest. `pinned` are references with digests.
    pub fn of(snapshot: &Snapshot, pinned: &[String], asked: &Asked, agent: Agent, at: Timestamp) -> Self {
        let check = |image: &str| snapshot.image_checks.iter().find(|check| check.image == image);
        let mut images: Vec<ImageLine> = in_use(snapshot, pinned).into_iter().map(|one| line(one, &check)).collect();
        for name in
            asked.named.iter().filter(|name| !images.iter().any(|line| line.image == **name)).collect::<Vec<_>>()
        {
            images.push(named(name, check(name)));
        }
        let mut notes = asked.notes.clone();
        notes.extend(
            snapshot
                .blind
                .iter()
                .filter(|blind| is_of_engines(blind))
                .map(|blind| format!("{}: {}", blind.what, blind.why)),
        );
        Self {
            schema: SCHEMA.to_owned(),
            agent,
            at,
            asked: asked.asked,
            next: asked.next,
            requests: asked.requests,
            images,
            skew: crate::diagnose::image_skew(snapshot),
            notes,
        }
    }

    /// The exit status: 78 (`EX_CONFIG`) where something else runs than should, 75 (`EX_TEMPFAIL`) where the registry's side of an image is
    /// not known, else 0.
    pub fn exit_status(&self) -> u8 {
        if !self.skew.is_empty() || self.images.iter().any(|line| line.drift) {
            78
        } else if self.images.iter().any(|line| line.standing.is_unknown()) {
            75
        } else {
            0
        }
    }
}

/// The JSON Schema of [`ImagesReport`].
pub fn json_schema() -> schemars::Schema {
    schemars::schema_for!(ImagesReport)
}

fn is_of_engines(blind: &Blind) -> bool {
    blind.what.contains("container") || blind.what.contains("engine")
}

fn line<'a>(one: ImageUse, check: &impl Fn(&str) -> Option<&'a ImageCheck>) -> ImageLine {
    let check = check(&one.image);
    let standing = match &one.local {
        Some(_) => Standing::Local,
        None => standing(&one.running, check),
    };
    ImageLine {
        drift: broken_pin(&one.pins, &one.running, check).is_some(),
        registry: check.and_then(|check| check.digest.clone()).filter(|_| one.local.is_none()),
        detail: one.local.clone().or_else(|| detail(check)),
        checked_at: check.and_then(|check| check.checked_at),
        tried_at: check.and_then(|check| check.tried_at),
        image: one.image,
        roles: one.roles,
        used_by: one.used_by,
        platform: one.platform,
        running: one.running,
        pinned: one.pins,
        standing,
    }
}

fn named(image: &str, check: Option<&ImageCheck>) -> ImageLine {
    ImageLine {
        image: image.to_owned(),
        roles: Vec::new(),
        used_by: Vec::new(),
        platform: None,
        running: Vec::new(),
        pinned: Vec::new(),
        drift: false,
        registry: check.and_then(|check| check.digest.clone()),
        standing: standing(&[], check),
        detail: detail(check),
        checked_at: check.and_then(|check| check.checked_at),
        tried_at: check.and_then(|check| check.tried_at),
    }
}

/// What is to be known of an answer.
fn detail(check: Option<&ImageCheck>) -> Option<String> {
    match &check?.answer {
        RegistryAnswer::Digest { refused_login } => {
            refused_login.as_ref().map(|whose| format!("the registry refuses {whose}, and gives it to anybody"))
        }
        RegistryAnswer::NotAsked { why }
        | RegistryAnswer::Gone { why }
        | RegistryAnswer::Denied { why }
        | RegistryAnswer::Unreachable { why } => Some(why.clone()),
        RegistryAnswer::RateLimited { why, until } => Some(format!("{why}; it is asked again after {until}")),
        RegistryAnswer::WrongType { media_type } => Some(format!("its media type is `{media_type}`")),
    }
}
