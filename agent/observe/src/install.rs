//! Installations of `OpenClaw`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use portreeve_core::snapshot::{Install, ProcessRole, Unit};
use portreeve_openclaw::environment::Environment;

use crate::deadline::within;
use crate::log;
use crate::process::ProcessTable;
use crate::running::Running;

/// How long a path has to resolve.
const DEADLINE: Duration = Duration::from_millis(500);

/// Installations that units, processes and the search path refer to.
pub(crate) fn installs(
    units: &[Unit],
    entries: &ProcessTable,
    running: &BTreeMap<u32, Running>,
    environment: &Environment,
) -> Vec<Install> {
    let mut named: BTreeMap<PathBuf, BTreeSet<String>> = BTreeMap::new();
    let mut add = |path: &Path, user: String| {
        named.entry(path.to_owned()).or_default().insert(user);
    };
    for unit in units {
        for argument in &unit.arguments {
            add(Path::new(argument), unit.id.clone());
        }
    }
    for running in running.values().filter(|running| running.process.role == ProcessRole::Gateway) {
        let pid = running.process.pid;
        // Its own arguments are overwritten; those of its workers still name the package.
        let workers = entries.entries().iter().filter(|entry| entry.ppid == pid || entry.pid == pid);
        for argument in workers.flat_map(|entry| &entry.argv) {
            add(Path::new(argument), format!("pid {pid}"));
        }
    }
    for dir in environment.text("PATH").into_iter().flat_map(|path| path.split(':')) {
        add(&Path::new(dir).join("openclaw"), "the search path".to_owned());
    }
    let mut found: BTreeMap<PathBuf, BTreeSet<String>> = BTreeMap::new();
    for (path, users) in named {
        if let Some(package) = package_of(&path) {
            found.entry(package).or_default().extend(users);
        }
    }
    found
        .into_iter()
        .map(|(path, users)| Install {
            version: version_of(&path),
            path: path.to_string_lossy().into_owned(),
            used_by: users.into_iter().collect(),
        })
        .collect()
}

/// The package folder that a path inside of it, or a link to it, leads to; none where it does not answer in time.
pub(crate) fn package_of(path: &Path) -> Option<PathBuf> {
    let name = path.to_string_lossy();
    if !path.is_absolute() || !name.contains("openclaw") {
        return None;
    }
    let path = path.to_owned();
    within(DEADLINE, move || holder(&path)).ok().flatten()
}

fn holder(path: &Path) -> Option<PathBuf> {
    let real = fs::canonicalize(path).ok()?;
    real.ancestors()
        // A folder into which npm put the package may have that name, too.
        .find(|dir| {
            dir.file_name().is_some_and(|name| name == "openclaw")
                && dir.join("package.json").is_file()
                && !dir.join("node_modules/openclaw").is_dir()
        })
        .map(Path::to_path_buf)
}

pub(crate) fn version_of(package: &Path) -> Option<String> {
    const MAX_PACKAGE_BYTES: u64 = 4 << 20;
    #[derive(serde::Deserialize)]
    struct Package {
        version: String,
    }
    let content = portreeve_openclaw::file::read_regular(&package.join("package.json"), MAX_PACKAGE_BYTES).ok()?;
    let package: Package = serde_json::from_slice(&content.bytes).ok()?;
    Some(log::masked(&package.version))
}
