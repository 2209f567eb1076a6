//! The locks of one state directory, by what lies in it now.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use portreeve_openclaw::paths::{DatabasePaths, LockFile, LockPaths, LockPrimitive};

use super::target::Target;
use crate::lock::Wanted;

/// Most members of one folder that are looked at.
const MAX_ENTRIES: usize = 2_000;
/// Most locks that are watched in one state directory.
const MAX_TARGETS: usize = 256;

/// A state directory and what names its locks.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// Resolved path.
    pub(super) path: PathBuf,
    /// Config file, links not resolved: lock names depend on that text.
    pub(super) config_path: PathBuf,
    locks: Vec<LockFile>,
}

impl Place {
    /// Names the locks of these users, so that no hash is made while watching.
    pub(super) fn new(path: PathBuf, config_path: PathBuf, uids: impl IntoIterator<Item = u32>) -> Self {
        let locks = uids.into_iter().flat_map(|uid| LockPaths::of(&path, &config_path, uid).locks).collect();
        Self { path, config_path, locks }
    }

    /// Adds a target for each lock that has none yet. What cannot be opened is named with the reason.
    pub(super) fn find(&self, targets: &mut Vec<Target>, refused: &mut Vec<(PathBuf, io::Error)>) {
        let mut add = |path: &Path, make: &dyn Fn() -> io::Result<Target>| {
            if targets.len() >= MAX_TARGETS || targets.iter().any(|target| target.path == path) {
                return;
            }
            match make() {
                Ok(target) => targets.push(target),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => refused.push((path.to_owned(), error)),
            }
        };
        for lock in &self.locks {
            let (purpose, life) = (lock.purpose.name(), lock.purpose.is_held_for_life());
            let wanted = if lock.purpose.is_shared() { Wanted::Shared } else { Wanted::Exclusive };
            add(&lock.path, &|| {
                Ok(match lock.primitive {
                    LockPrimitive::Sqlite => Target::sqlite_file(lock.path.clone(), purpose, life, wanted),
                    LockPrimitive::ExclusiveFile => Target::existence(lock.path.clone(), purpose, life),
                })
            });
        }
        let databases = DatabasePaths::of(&self.path);
        let agents = names(&databases.agents_dir);
        for path in [databases.state.clone()].into_iter().chain(agents.iter().map(|id| databases.agent(id))) {
            add(&path, &|| Target::database(path.clone()));
        }
        for suffix in [".lock", ".clobber.lock"] {
            let mut path = self.config_path.clone().into_os_string();
            path.push(suffix);
            let path = PathBuf::from(path);
            add(&path, &|| Ok(Target::existence(path.clone(), "config", false)));
        }
        // Releases before the move to SQLite lock each transcript by a file beside it.
        for id in &agents {
            let folder = databases.agents_dir.join(id).join("sessions");
            for name in names(&folder).iter().filter(|name| name.ends_with(".jsonl.lock")) {
                let path = folder.join(name);
                add(&path, &|| Ok(Target::existence(path.clone(), "session", false)));
            }
        }
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flat_map(|entries| entries.take(MAX_ENTRIES).flatten());
    entries.filter_map(|entry| entry.file_name().into_string().ok()).collect()
}
