//! One lock that is watched: what to ask about it, and of which open file.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use portreeve_core::locks::Look;
use portreeve_core::snapshot::LockKind;
use portreeve_openclaw::file::read_regular;
use portreeve_openclaw::lock::{MAX_LOCK_BYTES, parse_owner};

use crate::file::file_stat;
use crate::lock::{ByteRange, Conflict, Wanted, ask, open};
use crate::os;

/// Where the header of an `SQLite` database says how it is written: 2 for a write-ahead log.
const WRITE_VERSION: u64 = 18;

/// One lock.
#[derive(Debug)]
pub(super) struct Target {
    /// What is shown as its path.
    pub(super) path: PathBuf,
    pub(super) kind: LockKind,
    pub(super) purpose: &'static str,
    pub(super) held_for_life: bool,
    probes: Vec<Probe>,
    /// Whether any of its files has been there.
    pub(super) seen: bool,
    /// Why it cannot be asked about.
    pub(super) refused: Option<io::Error>,
}

/// One question.
#[derive(Debug)]
enum Probe {
    /// Whether bytes of a file are locked.
    Record { path: PathBuf, range: ByteRange, wanted: Wanted, file: Option<Opened> },
    /// Whether a file is there.
    Existence { path: PathBuf, owner: Option<Owned> },
}

#[derive(Debug)]
struct Opened {
    file: File,
    dev: u64,
    ino: u64,
}

/// A lock by existence and whom it names.
#[derive(Debug, Clone, Copy)]
struct Owned {
    ino: u64,
    modified: Timestamp,
    pid: Option<u32>,
    /// Its owner is gone: whoever comes takes it over.
    stale: bool,
}

impl Target {
    /// A lock of record locks on one file.
    pub(super) fn sqlite_file(path: PathBuf, purpose: &'static str, held_for_life: bool, wanted: Wanted) -> Self {
        // Whoever wants to share is kept away by an exclusive owner alone.
        let range = if wanted == Wanted::Shared { ByteRange::SQLITE_SHARED } else { ByteRange::SQLITE };
        let probe = Probe::Record { path: path.clone(), range, wanted, file: None };
        Self::new(path, LockKind::SqliteLockFile, purpose, held_for_life, vec![probe])
    }

    /// The writer of an `SQLite` database.
    pub(super) fn database(path: PathBuf) -> io::Result<Self> {
        let record = |path: PathBuf, range, wanted| Probe::Record { path, range, wanted, file: None };
        if is_wal(&path)? {
            let mut index = path.clone().into_os_string();
            index.push("-shm");
            let probes = vec![
                record(PathBuf::from(index), ByteRange::WAL_WRITER, Wanted::Exclusive),
                record(path.clone(), ByteRange::SQLITE_SHARED, Wanted::Shared),
            ];
            return Ok(Self::new(path, LockKind::WalWriter, "database", false, probes));
        }
        let probes = vec![record(path.clone(), ByteRange::SQLITE, Wanted::Exclusive)];
        Ok(Self::new(path, LockKind::RollbackDatabase, "database", false, probes))
    }

    /// A lock that is held while its file is there.
    pub(super) fn existence(path: PathBuf, purpose: &'static str, held_for_life: bool) -> Self {
        let probe = Probe::Existence { path: path.clone(), owner: None };
        Self::new(path, LockKind::ExclusiveFile, purpose, held_for_life, vec![probe])
    }

    fn new(path: PathBuf, kind: LockKind, purpose: &'static str, held_for_life: bool, probes: Vec<Probe>) -> Self {
        let mut target = Self { path, kind, purpose, held_for_life, probes, seen: false, refused: None };
        target.refresh();
        target
    }

    /// Opens what is there by now, and lets go of what is not there any more.
    pub(super) fn refresh(&mut self) {
        self.refused = None;
        for probe in &mut self.probes {
            match probe.refresh() {
                Ok(there) => self.seen |= there,
                Err(error) => self.refused = Some(error),
            }
        }
    }

    /// The same lock as it is asked about now, where its database has come to be written in another way.
    pub(super) fn remade(&self) -> Option<Self> {
        let was_wal = match self.kind {
            LockKind::WalWriter => true,
            LockKind::RollbackDatabase => false,
            LockKind::SqliteLockFile | LockKind::ExclusiveFile => return None,
        };
        let is_wal = is_wal(&self.path).ok()?;
        if is_wal == was_wal { None } else { Self::database(self.path.clone()).ok() }
    }

    /// Whether a newcomer would get the lock now.
    pub(super) fn look(&mut self) -> Look {
        for probe in &mut self.probes {
            match probe.look() {
                Ok(Look::Free) => {}
                Ok(held) => {
                    self.seen = true;
                    return held;
                }
                Err(error) => self.refused = Some(error),
            }
        }
        Look::Free
    }

    /// Since when a lock by existence has been there.
    pub(super) fn made_at(&self) -> Option<Timestamp> {
        self.probes.iter().find_map(|probe| match probe {
            Probe::Existence { owner, .. } => owner.map(|owner| owner.modified),
            Probe::Record { .. } => None,
        })
    }
}

impl Probe {
    fn refresh(&mut self) -> io::Result<bool> {
        match self {
            Self::Record { path, file, .. } => {
                let metadata = match fs::symlink_metadata(&*path) {
                    Ok(metadata) => metadata,
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {
                        *file = None;
                        return Ok(false);
                    }
                    Err(error) => return Err(error),
                };
                let same = |opened: &Opened| (opened.dev, opened.ino) == (metadata.dev(), metadata.ino());
                if !file.as_ref().is_some_and(same) {
                    *file = None;
                    let opened = open(path)?;
                    let metadata = opened.metadata()?;
                    *file = Some(Opened { file: opened, dev: metadata.dev(), ino: metadata.ino() });
                }
                Ok(true)
            }
            Self::Existence { path, owner } => {
                // The owner may have died since.
                *owner = None;
                Ok(matches!(exists(path, owner)?, Look::Held(_)))
            }
        }
    }

    fn look(&mut self) -> io::Result<Look> {
        match self {
            Self::Record { file: None, .. } => Ok(Look::Free),
            Self::Record { range, wanted, file: Some(opened), .. } => Ok(match ask(&opened.file, *range, *wanted)? {
                Conflict::Nobody => Look::Free,
                Conflict::Process(pid) => Look::Held(Some(pid)),
                Conflict::Unnamed | Conflict::OpenFile => Look::Held(None),
            }),
            Self::Existence { path, owner } => exists(path, owner),
        }
    }
}

fn exists(path: &Path, owner: &mut Option<Owned>) -> io::Result<Look> {
    let metadata = match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_file() => metadata,
        Ok(_) => return Ok(Look::Free),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            *owner = None;
            return Ok(Look::Free);
        }
        Err(error) => return Err(error),
    };
    let named = match *owner {
        // It is written after it is made.
        Some(known) if known.ino == metadata.ino() && known.pid.is_some() => known,
        _ => {
            let limit = u64::try_from(MAX_LOCK_BYTES).unwrap_or(u64::MAX);
            let content = read_regular(path, limit).ok();
            let pid = content.and_then(|content| Some(parse_owner(&content.bytes).ok()?.pid));
            let stale = pid.is_some_and(|pid| os::program(pid).is_none());
            Owned { ino: metadata.ino(), modified: file_stat(&metadata).modified, pid, stale }
        }
    };
    *owner = Some(named);
    Ok(if named.stale { Look::Free } else { Look::Held(named.pid) })
}

/// Whether a database has a write-ahead log. One that is empty has not been written yet, and may come to be either.
fn is_wal(path: &Path) -> io::Result<bool> {
    let mut version = [0];
    match open(path)?.read_at(&mut version, WRITE_VERSION)? {
        0 => Err(io::ErrorKind::NotFound.into()),
        _ => Ok(version == [2]),
    }
}
