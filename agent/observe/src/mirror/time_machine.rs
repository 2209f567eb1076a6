//! Time Machine: its preferences where they may be read, else what `tmutil` says; attributes of folders; a backup that runs.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use portreeve_core::Fact;
use portreeve_core::fact::Outcome;
use portreeve_core::snapshot::{
    Backup, BackupOf, DestinationKind, Exclusion, ExclusionKind, LocalSnapshots, TimeMachine,
};
use portreeve_openclaw::file::Reader;

use super::place::{Link, StatePlace};
use super::{Question, refusal};
use crate::command::{Invocation, Runner};
use crate::commands::tmutil;
use crate::commands::xattr::BACKUP_EXCLUSION;
use crate::plist::{self, Dictionary, Value};
use crate::volume;

const PREFERENCES: &str = "Library/Preferences/com.apple.TimeMachine.plist";
const STANDARD: &str = "System/Library/CoreServices/backupd.bundle/Contents/Resources/StdExclusions.plist";
const TMUTIL: &str = "/usr/bin/tmutil";
const MOUNT: &str = "/sbin/mount";
/// How long a command has: `tmutil` can hang on a disk that sleeps or a share that is gone.
const DEADLINE: Duration = Duration::from_secs(3);
/// Where the volume of homes is mounted. What lies on it is shown below `/`, so that no such path begins with its mount point.
const DATA_VOLUME: &str = "/System/Volumes/Data";
/// Mount points of the volume that the system starts from.
const BOOT_VOLUMES: [&str; 3] = ["/", DATA_VOLUME, "/System/Volumes/Preboot"];

/// Time Machine, and what it does with each state directory. Blocks for as long as the slowest command, 3 s at most, twice that where a
/// directory must be asked for.
pub(super) fn observe(question: &Question<'_>) -> Fact<TimeMachine> {
    let at = question.at;
    let preferences = Preferences::read(&question.root.join(PREFERENCES), at);
    if preferences.is_absent() && !question.root.join(TMUTIL.trim_start_matches('/')).exists() {
        return Fact::absent("tmutil", at);
    }
    let standard = Standard::read(&question.root.join(STANDARD), at);
    let (status, snapshots, destinations) = std::thread::scope(|scope| {
        let status = scope.spawn(|| ask(question.runner, &["status", "-X"], at, |out| tmutil::parse_status(out).ok()));
        let snapshots = scope.spawn(|| local_snapshots(question.runner, at));
        let destinations = destinations(&preferences, question.runner, at);
        (
            join(status.join(), "tmutil status -X", at),
            join(snapshots.join(), "tmutil listlocalsnapshots /", at),
            destinations,
        )
    });
    let running = running(status, &preferences, &destinations);
    let is_running = running.get().is_some();
    let mount_ms = if is_running { mount_ms(question.runner, at) } else { Fact::absent("no backup runs", at) };
    let dirs = question.places.iter().map(|place| BackupOf {
        state_dir: place.name.clone(),
        excluded: excluded(place, &preferences, &standard, question),
        answer_ms: if is_running { answer_ms(place, at) } else { Fact::absent("no backup runs", at) },
    });
    let machine = TimeMachine {
        dirs: dirs.collect(),
        auto_backup: preferences.get().and_then(|preferences| preferences.auto_backup),
        destinations: destinations.map(|list| list.into_iter().map(|(_, kind)| kind).collect()),
        running,
        local_snapshots: snapshots,
        mount_ms,
    };
    Fact::known(machine, "tmutil", at)
}

fn join<T>(answer: std::thread::Result<Fact<T>>, source: &str, at: Timestamp) -> Fact<T> {
    answer.unwrap_or_else(|_| Fact::unreadable("the question failed", source, at))
}

/// What of the preferences matters.
#[derive(Debug, Default)]
struct Preferences {
    auto_backup: Option<bool>,
    destinations: Vec<(Option<String>, DestinationKind)>,
    /// `SkipPaths`, and `ExcludeByPath` of older releases.
    skipped: Vec<PathBuf>,
    /// Whether volumes are left out, which are named by identifiers that only the system relates to volumes.
    leaves_out_volumes: bool,
}

impl Preferences {
    fn read(path: &Path, at: Timestamp) -> Fact<Self> {
        match plist::read(path, &Reader::for_self(None)) {
            Ok(file) => match file.value.as_dictionary() {
                Some(root) => Fact::known(Self::of(root), path.to_string_lossy(), at),
                None => Fact::unreadable("it is no dictionary", path.to_string_lossy(), at),
            },
            Err(error) => refusal::of_plist(&error, at),
        }
    }

    fn of(root: &Dictionary) -> Self {
        let list = |name: &str| root.get(name).and_then(Value::as_array).into_iter().flatten();
        let kind = |members: &Dictionary| {
            if members.contains_key("NetworkURL") { DestinationKind::Network } else { DestinationKind::Local }
        };
        let destinations = list("Destinations")
            .filter_map(Value::as_dictionary)
            .map(|members| (members.get("DestinationID").and_then(Value::as_string).map(str::to_owned), kind(members)));
        let skipped = list("SkipPaths").chain(list("ExcludeByPath")).filter_map(Value::as_string);
        Self {
            auto_backup: root
                .get("AutoBackup")
                .and_then(|value| value.as_boolean().or_else(|| value.as_signed_integer().map(|number| number != 0))),
            destinations: destinations.collect(),
            // A path can begin with `//`.
            skipped: skipped.map(|path| PathBuf::from(format!("/{}", path.trim_start_matches('/')))).collect(),
            leaves_out_volumes: list("ExcludedVolumeUUIDs").next().is_some(),
        }
    }
}

/// Rules of the system that nobody configures.
#[derive(Debug, Default)]
struct Standard {
    /// Paths from the root.
    paths: Vec<PathBuf>,
    /// Paths from a home.
    in_homes: Vec<PathBuf>,
}

impl Standard {
    fn read(path: &Path, at: Timestamp) -> Fact<Self> {
        let file = match plist::read(path, &Reader::for_self(None)) {
            Ok(file) => file,
            Err(error) => return refusal::of_plist(&error, at),
        };
        let Some(root) = file.value.as_dictionary() else {
            return Fact::unreadable("it is no dictionary", path.to_string_lossy(), at);
        };
        let list = |names: &[&str]| -> Vec<PathBuf> {
            let lists = names.iter().filter_map(|name| root.get(name)?.as_array());
            lists.flatten().filter_map(Value::as_string).map(PathBuf::from).collect()
        };
        let standard = Self {
            paths: list(&["PathsExcluded", "ContentsExcluded", "FileContentsExcluded"]),
            in_homes: list(&["UserPathsExcluded"]),
        };
        Fact::known(standard, path.to_string_lossy(), at)
    }
}

fn ask<T>(runner: &dyn Runner, arguments: &[&str], at: Timestamp, parse: impl FnOnce(&[u8]) -> Option<T>) -> Fact<T> {
    let invocation = Invocation::new(TMUTIL, arguments.iter().copied()).deadline(DEADLINE);
    let source = invocation.to_string();
    match runner.run(&invocation) {
        Ok(output) => match parse(&output.stdout) {
            Some(value) => Fact::known(value, source, at),
            None => Fact::unreadable("its answer is not understood", source, at),
        },
        Err(error) => refusal::of_command(&error, &source, at),
    }
}

type Destinations = Vec<(Option<String>, DestinationKind)>;

fn destinations(preferences: &Fact<Preferences>, runner: &dyn Runner, at: Timestamp) -> Fact<Destinations> {
    if let Some(known) = preferences.get() {
        return Fact::known(known.destinations.clone(), preferences.source.clone(), preferences.at);
    }
    let kind = |kind: Option<&str>| match kind {
        Some("Local") => DestinationKind::Local,
        Some("Network") => DestinationKind::Network,
        _ => DestinationKind::Unknown,
    };
    let asked = ask(runner, &["destinationinfo", "-X"], at, |out| {
        let list = tmutil::parse_destinations_xml(out).ok()?;
        Some(list.into_iter().map(|one| (one.id, kind(one.kind.as_deref()))).collect())
    });
    // A machine on which nobody ever set it up has neither preferences nor, on some releases, an answer.
    if preferences.is_absent() && asked.get().is_none() {
        return Fact::known(Vec::new(), preferences.source.clone(), at);
    }
    asked
}

fn local_snapshots(runner: &dyn Runner, at: Timestamp) -> Fact<LocalSnapshots> {
    ask(runner, &["listlocalsnapshots", "/"], at, |out| {
        let names = tmutil::parse_snapshots(out).value;
        let count = u64::try_from(names.len()).unwrap_or(u64::MAX);
        // Their names hold the time.
        Some(LocalSnapshots { count, newest: names.into_iter().max() })
    })
}

fn running(
    status: Fact<tmutil::Status>,
    preferences: &Fact<Preferences>,
    destinations: &Fact<Destinations>,
) -> Fact<Backup> {
    let Fact { outcome, source, at } = status;
    let outcome = match outcome {
        Outcome::Known { value } if value.running => {
            let all = preferences.get().map(|known| &known.destinations).or_else(|| destinations.get());
            let all = all.map_or(&[][..], Vec::as_slice);
            let named = all.iter().find(|(id, _)| id.is_some() && *id == value.destination_id);
            let kind = match (named, all) {
                (Some((_, kind)), _) | (None, [(_, kind)]) => *kind,
                _ => DestinationKind::Unknown,
            };
            let Status { phase, since, fraction } = Status::of(value);
            Outcome::Known { value: Backup { phase, since, destination: kind, fraction } }
        }
        Outcome::Known { .. } | Outcome::Absent => Outcome::Absent,
        Outcome::Denied { why } => Outcome::Denied { why },
        Outcome::Unreadable { why } => Outcome::Unreadable { why },
    };
    Fact { outcome, source, at }
}

struct Status {
    phase: Option<String>,
    since: Option<Timestamp>,
    fraction: Option<f64>,
}

impl Status {
    fn of(status: tmutil::Status) -> Self {
        Self { phase: status.phase, since: status.since, fraction: status.fraction }
    }
}

/// Why a directory is left out. Attributes and preferences first, then the system's own word where they do not decide.
fn excluded(
    place: &StatePlace,
    preferences: &Fact<Preferences>,
    standard: &Fact<Standard>,
    question: &Question<'_>,
) -> Fact<Exclusion> {
    let at = question.at;
    let name = |path: &Path| path.to_string_lossy().into_owned();
    if place.is_share {
        let path = place.mount_point.as_deref().unwrap_or(&place.path);
        return Fact::known(Exclusion { by: ExclusionKind::Volume, path: name(path) }, "statfs", at);
    }
    let mount = place.mount_point.as_deref();
    let within = || on_volume(place);
    if let Some(link) = marked(place) {
        let source = format!("attribute {BACKUP_EXCLUSION}");
        return Fact::known(Exclusion { by: ExclusionKind::Attribute, path: name(&link.path) }, source, at);
    }
    // A rule for a folder in which volumes are mounted says nothing of what is on them.
    let levels = within().count();
    let covers = |path: &Path| place.covered_by(path).is_some_and(|level| level < levels);
    let by_path = |paths: &[PathBuf]| paths.iter().find(|path| covers(&question.below(path))).map(|path| name(path));
    if let Some(path) = preferences.get().and_then(|known| by_path(&known.skipped)) {
        return Fact::known(Exclusion { by: ExclusionKind::Path, path }, preferences.source.clone(), at);
    }
    if let Some(rules) = standard.get() {
        let homes =
            question.accounts.iter().flat_map(|account| rules.in_homes.iter().map(|path| account.home.join(path)));
        let in_homes = || homes.into_iter().find(|path| covers(path)).map(|path| name(&path));
        if let Some(path) = by_path(&rules.paths).or_else(in_homes) {
            return Fact::known(Exclusion { by: ExclusionKind::Standard, path }, standard.source.clone(), at);
        }
    }
    let unread = within().find_map(|link| link.marks.as_ref().err());
    let elsewhere =
        mount.is_some_and(|mount| !BOOT_VOLUMES.iter().any(|boot| mount == question.below(Path::new(boot))));
    let by_volume = preferences.get().is_some_and(|known| known.leaves_out_volumes) && elsewhere;
    // Volumes but the one that the system starts from are left out unless somebody asked for them.
    let decided =
        preferences.blind().is_none() && unread.is_none() && standard.blind().is_none() && !elsewhere && !by_volume;
    if decided {
        return Fact::absent("attributes, preferences and standard rules", at);
    }
    let path = name(&place.path);
    let asked = ask(question.runner, &["isexcluded", "-X", &path], at, |out| {
        tmutil::parse_excluded_xml(out).ok()?.into_iter().next().map(|(_, excluded)| excluded)
    });
    let Fact { outcome, source, at } = asked;
    match outcome {
        Outcome::Known { value: true } => Fact::known(Exclusion { by: ExclusionKind::Unnamed, path }, source, at),
        Outcome::Known { value: false } => Fact::absent(source, at),
        // No `tmutil` to ask: what hid the answer is the reason.
        Outcome::Absent => match unread {
            Some(error) => refusal::of_io(error, "listxattr", at),
            None => Fact::unreadable(
                preferences.blind().or_else(|| standard.blind()).unwrap_or("`tmutil` cannot be asked").to_owned(),
                source,
                at,
            ),
        },
        Outcome::Denied { why } => Fact::denied(why, source, at),
        Outcome::Unreadable { why } => Fact::unreadable(why, source, at),
    }
}

/// A place with the folders above it, up to the root of its volume.
fn on_volume(place: &StatePlace) -> impl Iterator<Item = &Link> {
    let mount = place.mount_point.as_deref().filter(|mount| *mount != Path::new(DATA_VOLUME));
    place.chain.iter().take_while(move |link| mount.is_none_or(|mount| link.path.starts_with(mount)))
}

/// What carries the attribute that leaves a place out of backups: the place itself or a folder above it on its volume.
pub(crate) fn marked(place: &StatePlace) -> Option<&Link> {
    on_volume(place).find(|link| link.has(BACKUP_EXCLUSION))
}

/// How long `mount` takes: releases of `OpenClaw` run it at their start, and take the volume for a share when it is slow.
fn mount_ms(runner: &dyn Runner, at: Timestamp) -> Fact<f64> {
    let begun = Instant::now();
    match runner.run(&Invocation::new(MOUNT, [""; 0]).deadline(DEADLINE)) {
        Ok(_) => Fact::known(begun.elapsed().as_secs_f64() * 1_000.0, "mount", at),
        Err(error) => refusal::of_command(&error, "mount", at),
    }
}

fn answer_ms(place: &StatePlace, at: Timestamp) -> Fact<f64> {
    let begun = Instant::now();
    volume::observe(&place.path, at).map(|_| begun.elapsed().as_secs_f64() * 1_000.0)
}
