//! Where logs are.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use jiff::SignedDuration;
use portreeve_core::Snapshot;
use portreeve_core::logs::{Entry, LogLayer, Origin};
use portreeve_core::order::{Gather as _, Order as _};
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
    /// Ids of the gateways that write it, where they are known.
    pub writers: Vec<String>,
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
    /// So many more that are not read.
    LeftOut(usize),
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
        writers: Vec::new(),
    }
}

/// The logs of a node's gateways, clients and jobs; the newest of them, where they are too many.
pub fn places(snapshot: &Snapshot) -> Vec<Place> {
    let mut places: Vec<Place> = Vec::new();
    let mut known: BTreeMap<PathBuf, usize> = BTreeMap::new();
    for gateway in &snapshot.gateways {
        for source in gateway.log.get().into_iter().flat_map(|log| &log.sources) {
            let path = Path::new(&source.path);
            let access = Access::Of(source.uid);
            for path in with_older(path) {
                if let Some(place) = known.get(&path).and_then(|at| places.get_mut(*at)) {
                    place.writers.push(gateway.id.clone());
                    continue;
                }
                let mut place = file(&path, Origin::Gateway, access);
                if source.printed {
                    (place.origin, place.repeats) = (Origin::ServiceManager, true);
                }
                place.writers.push(gateway.id.clone());
                known.insert(path, places.len());
                places.push(place);
            }
        }
    }
    for unit in &snapshot.units.units {
        for output in &unit.outputs {
            let path = PathBuf::from(output);
            let uid = if let Domain::User { uid } = unit.domain { uid } else { 0 };
            if path.is_absolute() && !known.contains_key(&path) {
                let place = file(&path, Origin::ServiceManager, Access::Of(uid));
                let runs = snapshot.gateways.iter().filter(|gateway| gateway.units.contains(&unit.id));
                let writers = runs.map(|gateway| gateway.id.clone()).collect();
                known.insert(path, places.len());
                places.push(Place { repeats: unit.role == UnitRole::Gateway, writers, ..place });
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
            writers: Vec::new(),
        });
    }
    newest(places)
}

/// As many as are read together, in their order; the others count as one, which tells how many they are.
fn newest(places: Vec<Place>) -> Vec<Place> {
    let surplus = places.len().saturating_sub(MAX_PLACES);
    if surplus == 0 {
        return places;
    }
    // A container and the system have one log each, which stays.
    let age = |place: &Place| match &place.from {
        From::File { path, .. } => (0, fs::symlink_metadata(path).and_then(|metadata| metadata.modified()).ok()),
        From::Container { .. } | From::Unified | From::LeftOut(_) => (1, None),
    };
    let mut by_age: Vec<_> = places.iter().map(age).zip(0..).collect();
    by_age.order();
    let old: BTreeSet<usize> = by_age.into_iter().take(surplus).map(|(_, index)| index).gather();
    let kept = places.into_iter().zip(0..).filter(|(_, index)| !old.contains(index)).map(|(place, _)| place);
    let left_out = Place {
        id: "older logs".to_owned(),
        origin: Origin::Gateway,
        from: From::LeftOut(surplus),
        offset_ms: None,
        repeats: false,
        writers: Vec::new(),
    };
    kept.chain([left_out]).collect()
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
        writers: Vec::new(),
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

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;

    #[test]
    fn of_too_many_logs_the_newest_are_read_and_the_others_are_told() {
        let dir = tempfile::tempdir().unwrap();
        let places: Vec<Place> = (0..70)
            .map(|age| {
                let path = dir.path().join(format!("{age}.log"));
                let modified = SystemTime::now() - Duration::from_secs(60 * age);
                fs::File::create(&path).unwrap().set_modified(modified).unwrap();
                file(&path, Origin::Gateway, Access::Named)
            })
            .collect();
        let kept = newest(places.clone());
        assert_eq!(kept[..64], places[..64]);
        assert!(matches!(&kept[64..], [Place { from: From::LeftOut(6), .. }]), "{:?}", &kept[64..]);
        assert_eq!(newest(kept[..64].to_vec()), kept[..64]);
    }
}
