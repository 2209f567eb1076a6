//! `portreeve evidence`.

mod archive;
mod fresh;
mod gather;

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};
use jiff::Timestamp;
use portreeve_core::evidence::{self, Evidence, Part, Redactor, WrittenFile, answers};
use portreeve_core::images::Asked;
use portreeve_core::report::Agent;
use portreeve_core::snapshot::LockWait;
use portreeve_core::topology::Topology;
use portreeve_core::{ImagesReport, LocksReport, Report, Snapshot, diagnose};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use self::archive::{File, packed};
use self::fresh::Target;
use super::observe::Depth;
use super::{json, observe};
use crate::cli::{EvidenceArgs, Global};
use crate::error::UserError;
use crate::output;
use crate::render::{self, Picture, Shown};
use crate::settings::Settings;

/// How long locks are watched: long enough to judge a wait of the threshold.
const LOCK_WINDOW: Duration = Duration::from_secs(6);
/// Longest part, in bytes; a longer one is left out, and said to be.
const MAX_PART: usize = 48 << 20;
/// Longest archive, in bytes: what ticket systems take.
const MAX_ARCHIVE: usize = 10 << 20;
/// The page in the archive.
const PAGE: &str = "index.html";
/// The note in the archive.
const NOTE: &str = "README.txt";

pub(super) fn run(global: &Global, args: &EvidenceArgs) -> Result<u8> {
    let settings = observe::settings(global)?;
    let place = Place::of(args)?;
    output::progress(global, "looking at the node and its locks");
    let lock_window = args.scope.from.is_none().then_some(LOCK_WINDOW);
    let snapshot = observe::snapshot(&settings, &args.scope, &Depth { lock_window, ..Depth::default() })?;
    let mut bundle = bundle(global, args, &settings, &snapshot)?;
    output::progress(global, "");
    let name = bundle.name.clone();
    let page = render::evidence_page(&bundle.shown);
    let archive = bundle.packed(&page)?;
    for (wanted, extension, bytes) in
        [(place.page, "html", page.as_bytes()), (place.archive, "tar.gz", archive.as_slice())]
    {
        if !wanted {
            continue;
        }
        let name = place.name.clone().unwrap_or_else(|| format!("{name}.{extension}"));
        place.target.write(&name, bytes)?;
        bundle.shown.evidence.files.push(WrittenFile {
            path: place.target.path_of(&name).to_string_lossy().into_owned(),
            bytes: u64::try_from(bytes.len()).unwrap_or(u64::MAX),
            sha256: hexadecimal(&Sha256::digest(bytes)),
        });
    }
    let Shown { report, evidence, .. } = &bundle.shown;
    output::print(&if args.json { json(evidence)? } else { render::evidence_said(report, evidence, output::width()) })?;
    Ok(0)
}

/// Where the files go.
struct Place {
    target: Target,
    /// The one file that was asked for by its name.
    name: Option<String>,
    page: bool,
    archive: bool,
}

impl Place {
    fn of(args: &EvidenceArgs) -> Result<Self, UserError> {
        let path = args.output.as_deref().unwrap_or(Path::new("."));
        let name = path.file_name().and_then(|name| name.to_str());
        let extension = path.extension().and_then(|extension| extension.to_str());
        let kind = match (extension, name) {
            (Some("html"), Some(_)) => Some((true, false)),
            (Some("tgz"), Some(_)) => Some((false, true)),
            (Some("gz"), Some(name)) if name.ends_with(".tar.gz") => Some((false, true)),
            _ => None,
        };
        let (Some((page, archive)), Some(name), false) = (kind, name, path.is_dir()) else {
            if !path.is_dir() && (extension.is_some() || path.symlink_metadata().is_ok()) {
                let problem = "it is neither a folder nor a file that ends in .html or .tar.gz".to_owned();
                let hint = "name a folder, `NAME.html` or `NAME.tar.gz`";
                return Err(UserError::Unfit { path: path.to_owned(), problem, hint });
            }
            return Ok(Self { target: Target::made(path, args.force)?, name: None, page: true, archive: true });
        };
        let target = Target::open(path.parent().unwrap_or(Path::new(".")), args.force)?;
        target.is_free(name)?;
        Ok(Self { target, name: Some(name.to_owned()), page, archive })
    }
}

/// What is written.
struct Bundle {
    name: String,
    at: Timestamp,
    shown: Shown,
    parts: Vec<File>,
}

fn bundle(global: &Global, args: &EvidenceArgs, settings: &Settings, snapshot: &Snapshot) -> Result<Bundle> {
    let agent = Agent { version: env!("CARGO_PKG_VERSION").to_owned() };
    let since = args.since.before(snapshot.taken_at);
    let report = diagnose(snapshot, &settings.policy);
    output::progress(global, "reading logs");
    let gathered = gather::logs(args, snapshot, since)?;
    let locks =
        (!snapshot.lock_waits.is_empty()).then(|| LocksReport::of(snapshot, settings.policy.lock_wait, agent.clone()));
    let images =
        ImagesReport::of(snapshot, &settings.policy.pinned_images, &Asked::default(), agent.clone(), snapshot.taken_at);
    let key = portreeve_observe::fingerprint_key(&settings.data_dir, settings.shared_key_file.as_deref())
        .context("cannot make fingerprints")?;
    output::progress(global, "masking");
    let mut masked = Masked(Redactor::new(key, snapshot, &gather::own_addresses(args)));
    let report: Report = masked.of(&report)?;
    let questions = masked.of(&answers(snapshot, &gathered, since))?;
    let topology: Topology = masked.of(&Topology::of(snapshot))?;
    let locks: Option<LocksReport> = locks.as_ref().map(|locks| masked.of(locks)).transpose()?;
    let waits: Vec<LockWait> = masked.of(&snapshot.lock_waits)?;
    let images = masked.of(&images)?;
    let (timeline, levels, entries) =
        (masked.of(&gathered.timeline())?, masked.of(&gathered.levels())?, masked.of(&gathered.entries)?);
    let mut facts = portreeve_core::json::value(snapshot)?;
    masked.0.value(&mut facts);
    let host = snapshot.node.hostname.get().map(|host| masked.0.text(host));
    let history = masked.of(&gather::history(args, settings, since))?;
    let locks = locks.map(|report| {
        let chart = render::LockChart::of(&report, &waits);
        (report, Picture::of(render::locks_svg(&chart)))
    });
    let evidence = Evidence {
        schema: evidence::SCHEMA.to_owned(),
        agent,
        taken_at: snapshot.taken_at,
        since,
        verdict: report.verdict,
        root_causes: report.root_causes.clone(),
        questions,
        timeline,
        levels,
        history,
        redacted: masked.0.redacted(),
        parts: Vec::new(),
        files: Vec::new(),
        host,
    };
    let topology_svg = Picture::of(render::map_svg(&topology));
    let name = name(evidence.host.as_deref(), snapshot.taken_at);
    let shown = Shown { report, evidence, entries, topology: topology_svg, locks, images };
    let mut bundle = Bundle { name, at: snapshot.taken_at, shown, parts: Vec::new() };
    bundle.parts(&facts, &topology)?;
    Ok(bundle)
}

/// A redactor for whatever can be taken apart.
struct Masked(Redactor);

impl Masked {
    fn of<T: Serialize, U: DeserializeOwned>(&mut self, value: &T) -> Result<U> {
        let mut value = portreeve_core::json::value(value)?;
        self.0.value(&mut value);
        serde_json::from_value(value).context("what was masked has lost its form")
    }
}

/// A name that any file system and any ticket system takes.
fn name(host: Option<&str>, at: Timestamp) -> String {
    let host: String = host
        .unwrap_or("node")
        .chars()
        .take(40)
        .map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '-' })
        .collect();
    format!("portreeve-evidence-{}-{}", host.trim_matches('-'), at.strftime("%Y%m%dT%H%M%SZ"))
}

impl Bundle {
    fn parts(&mut self, facts: &serde_json::Value, topology: &Topology) -> Result<()> {
        let Shown { report, evidence, entries, topology: drawn, locks, images } = &self.shown;
        let mut timeline = Vec::new();
        for entry in entries {
            timeline.extend(serde_json::to_vec(entry)?);
            timeline.push(b'\n');
        }
        let older = (evidence.timeline.left_out > 0).then(|| format!("{} older entries", evidence.timeline.left_out));
        let mut parts = vec![
            part("report.json", "the verdict with all findings", json(report)?),
            part("evidence.json", "questions, log lines and counts of this bundle", json(evidence)?),
            File { left_out: older, ..part("timeline.jsonl", "events and warnings of all logs, one a line", timeline) },
            part("images.json", "digests that run, are pinned and were seen at registries", json(images)?),
            part("topology.json", "groups, things and lines of the topology", json(topology)?),
        ];
        if let Picture::Drawn(svg) = drawn {
            parts.push(part("topology.svg", "the topology, drawn", svg.clone()));
        }
        if let Some((report, drawn)) = locks {
            parts.push(part("locks.json", "how long newcomers wait for each lock", json(report)?));
            if let Picture::Drawn(svg) = drawn {
                parts.push(part("locks.svg", "the same, drawn", svg.clone()));
            }
        }
        parts.push(part("snapshot.json", "all facts", serde_json::to_vec(facts)?));
        for part in &mut parts {
            if part.content.len() > MAX_PART {
                part.left_out = Some(format!("it has {} bytes", part.content.len()));
                part.content.clear();
            }
        }
        self.parts = parts;
        self.tell_parts();
        Ok(())
    }

    fn tell_parts(&mut self) {
        let told = |part: &File| Part {
            name: part.name.to_owned(),
            about: part.about.to_owned(),
            bytes: (!part.content.is_empty() || part.left_out.is_none())
                .then(|| u64::try_from(part.content.len()).unwrap_or(u64::MAX)),
            left_out: part.left_out.clone(),
        };
        self.shown.evidence.parts = self.parts.iter().map(told).collect();
    }

    /// The archive. Where it is too long, its longest parts are left out, and the note says so.
    fn packed(&mut self, page: &str) -> Result<Vec<u8>> {
        loop {
            let note = render::evidence_note(&self.shown.report, &self.shown.evidence);
            let own = [(NOTE, note.as_bytes()), (PAGE, page.as_bytes())];
            let parts = self
                .parts
                .iter()
                .filter(|part| !part.content.is_empty())
                .map(|part| (part.name, part.content.as_slice()));
            let archive =
                packed(&self.name, own.into_iter().chain(parts), self.at).context("cannot pack the archive")?;
            let longest =
                self.parts.iter_mut().max_by_key(|part| part.content.len()).filter(|part| !part.content.is_empty());
            let Some(longest) = longest.filter(|_| archive.len() > MAX_ARCHIVE) else { return Ok(archive) };
            longest.left_out = Some(format!("the archive would have {} bytes", archive.len()));
            longest.content.clear();
            self.tell_parts();
        }
    }
}

fn part(name: &'static str, about: &'static str, content: impl Into<Vec<u8>>) -> File {
    File { name, about, content: content.into(), left_out: None }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat()
}
