//! Where logs are.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use jiff::SignedDuration;
use portreeve_core::Snapshot;
use portreeve_core::logs::{Entry, LogLayer, Origin};
use portreeve_core::order::Order as _;
use portreeve_core::snapshot::{Domain, Engine, UnitRole, Workload, WorkloadRole};

use super::follow::rotated;
use super::open::Access;

/// Most names of a folder that are looked at.
const MAX_NAMES: usize = 10_000;
/// Most logs that are read together.
const MAX_PLACES: usize = 64;

/// A log.
#[derive(Debug, Clone, PartialEq)]
pub struct Place {
    /// Its path, or the container it is of.
    pub id: String,
    /// Who writes it.
    pub origin: Origin,
    /// Where it is.
    pub from: From,
    /// Its writer's clock less this node's, in milliseconds; none where it is the same clock.
    pub offset_ms: Option<i64>,
    /// What a gateway prints: the same as in its own log, which counts where it is there.
    pub repeats: bool,
}

/// Where a log is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum From {
    /// A file.
    File {
        /// Its path.
        path: PathBuf,
        /// Whose it must be.
        access: Access,
    },
    /// What a container printed, kept by its engine.
    Container {
        /// The engine's socket.
        socket: PathBuf,
        /// The engine's id of the container.
        container: String,
    },
    /// The unified log of macOS.
    Unified,
}

/// Files named on the command line.
pub fn named(files: &[PathBuf]) -> Vec<Place> {
    files.iter().map(|path| file(path, Origin::Gateway, Access::Named)).collect()
}

fn file(path: &Path, origin: Origin, access: Access) -> Place {
    Place {
        id: path.to_string_lossy().into_owned(),
        origin,
        from: From::File { path: path.to_owned(), access },
        offset_ms: None,
        repeats: false,
    }
}

/// The logs of a node's gateways, clients and jobs.
pub fn places(snapshot: &Snapshot) -> Vec<Place> {
    let mut places = Vec::new();
    let mut known: BTreeSet<PathBuf> = BTreeSet::new();
    for gateway in &snapshot.gateways {
        for source in gateway.log.get().into_iter().flat_map(|log| &log.sources) {
            let path = Path::new(&source.path);
            let access = Access::Of(source.uid);
            for path in with_older(path).into_iter().filter(|path| known.insert(path.clone())) {
                let mut place = file(&path, Origin::Gateway, access);
                if source.printed {
                    (place.origin, place.repeats) = (Origin::ServiceManager, true);
                }
                places.push(place);
            }
        }
    }
    for unit in &snapshot.units.units {
        for output in &unit.outputs {
            let path = PathBuf::from(output);
            let uid = if let Domain::User { uid } = unit.domain { uid } else { 0 };
            if path.is_absolute() && known.insert(path.clone()) {
                let place = file(&path, Origin::ServiceManager, Access::Of(uid));
                places.push(Place { repeats: unit.role == UnitRole::Gateway, ..place });
            }
        }
    }
    places.extend(snapshot.workloads.iter().filter_map(|workload| container(snapshot, workload)));
    if snapshot.node.system.get().is_some_and(|system| system.name == "macOS") {
        places.push(Place {
            id: "log show".to_owned(),
            origin: Origin::System,
            from: From::Unified,
            offset_ms: None,
            repeats: false,
        });
    }
    places.truncate(MAX_PLACES);
    places
}

fn container(snapshot: &Snapshot, workload: &Workload) -> Option<Place> {
    let origin = match workload.role {
        WorkloadRole::Gateway => Origin::Gateway,
        WorkloadRole::Cli | WorkloadRole::NodeHost => Origin::Client,
        _ => return None,
    };
    let engine = snapshot.engines.iter().find(|engine| Some(&engine.id) == workload.engine.as_ref())?;
    let socket = engine.endpoint.strip_prefix("unix://")?;
    Some(Place {
        id: workload.id.clone(),
        origin,
        from: From::Container { socket: PathBuf::from(socket), container: workload.container_id.clone()? },
        offset_ms: offset(engine),
        repeats: false,
    })
}

/// The clock of an engine in a machine of its own. Under this kernel the clock is the same, and a difference is an error of measurement.
fn offset(engine: &Engine) -> Option<i64> {
    engine.answer.get().filter(|answer| answer.in_vm)?.skew_ms
}

/// What engines say of containers.
pub fn engine_entries(snapshot: &Snapshot) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    for engine in &snapshot.engines {
        let offset_ms = offset(engine).unwrap_or_default();
        for event in engine.events.get().into_iter().flatten() {
            let exit = event.exit_code.map_or_else(String::new, |code| format!(" with exit status {code}"));
            let Ok(at) = event.at.checked_sub(SignedDuration::from_millis(offset_ms)) else { continue };
            entries.push(Entry {
                at,
                origin: Origin::Engine,
                source: engine.id.clone(),
                layer: LogLayer::Transport,
                level: None,
                kind: Some(format!("container-{}", event.action.split(':').next().unwrap_or_default())),
                text: format!("{} of {}{exit}", event.action, event.workload),
                conn: None,
                port: None,
                offset_ms,
            });
        }
    }
    entries.order_by_key(|entry| entry.at);
    entries
}

/// A log, those of earlier days beside it, and what they were rotated to; the oldest first.
fn with_older(path: &Path) -> Vec<PathBuf> {
    let mut files = days(path);
    if files.is_empty() {
        files.push(path.to_owned());
    }
    files
        .iter()
        .flat_map(|file| rotated(file).into_iter().rev().chain([file.clone()]))
        .filter(|file| fs::symlink_metadata(file).is_ok_and(|metadata| metadata.is_file()))
        .collect()
}

/// The logs of each day, where the name has the day in it: `openclaw-2026-11-21.log`.
fn days(path: &Path) -> Vec<PathBuf> {
    let day = |name: &str| -> Option<(String, String)> {
        let stem = name.strip_suffix(".log")?;
        let (start, day) = stem.split_at_checked(stem.len().checked_sub(10)?)?;
        day.parse::<jiff::civil::Date>().ok()?;
        Some((start.to_owned(), day.to_owned()))
    };
    let name = |path: &Path| path.file_name().and_then(|name| name.to_str()).map(str::to_owned);
    let (Some((start, _)), Some(folder)) = (name(path).as_deref().and_then(day), path.parent()) else {
        return Vec::new();
    };
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut files: Vec<PathBuf> = entries
        .take(MAX_NAMES)
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| name(path).as_deref().and_then(day).is_some_and(|(other, _)| other == start))
        .collect();
    files.order();
    files
}
