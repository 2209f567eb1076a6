//! A disk in memory that crashes, tears and fills up when it is told to.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};

use portreeve_store::StoreError;

use crate::spool::disk::Disk;

/// What of a write is on the disk when it was cut short.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tear {
    /// The first bytes, in 256th of all.
    Prefix(u8),
    /// The first bytes, and garbage in the place of the others.
    Garbage(u8),
}

impl Tear {
    fn apply(self, bytes: &[u8]) -> Vec<u8> {
        let kept = |share: u8| bytes.len() * usize::from(share) / 255;
        match self {
            Self::Prefix(share) => bytes[..kept(share)].to_vec(),
            Self::Garbage(share) => {
                let mut torn = bytes[..kept(share)].to_vec();
                torn.extend(bytes[torn.len()..].iter().map(|byte| byte ^ 0x5a));
                torn
            }
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) files: BTreeMap<String, Vec<u8>>,
    /// Changes so far.
    pub(super) changes: usize,
    /// Crashes at this change.
    pub(super) crash_at: Option<(usize, Tear)>,
    pub(super) is_crashed: bool,
    /// No file can grow.
    pub(super) is_full: bool,
    /// No change succeeds.
    pub(super) is_broken: bool,
}

/// The disk; clones are the same one.
#[derive(Debug, Clone, Default)]
pub(super) struct Sim(Arc<Mutex<State>>);

impl Sim {
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// A disk with the same files that does as it should.
    pub(super) fn copy(&self) -> Self {
        let files = self.state().files.clone();
        Self(Arc::new(Mutex::new(State { files, ..State::default() })))
    }

    /// Starts the machine again after a crash.
    pub(super) fn restart(&self) {
        let mut state = self.state();
        state.is_crashed = false;
        state.crash_at = None;
    }

    fn change(&self, name: &str, change: impl FnOnce(&mut State, Option<Tear>)) -> Result<(), StoreError> {
        let mut state = self.state();
        if state.is_crashed {
            return Err(error(name, io::ErrorKind::Other));
        }
        state.changes += 1;
        match state.crash_at {
            Some((number, tear)) if number == state.changes => {
                change(&mut state, Some(tear));
                state.is_crashed = true;
                Err(error(name, io::ErrorKind::Other))
            }
            _ if state.is_broken => {
                change(&mut state, Some(Tear::Prefix(150)));
                Err(error(name, io::ErrorKind::Other))
            }
            _ => {
                change(&mut state, None);
                Ok(())
            }
        }
    }
}

fn error(name: &str, kind: io::ErrorKind) -> StoreError {
    StoreError::Io { doing: "change", path: PathBuf::from(name), source: kind.into() }
}

impl Disk for Sim {
    fn names(&self) -> Result<Vec<String>, StoreError> {
        Ok(self.state().files.keys().cloned().collect())
    }

    fn read_at(&self, name: &str, offset: u64, max_bytes: u64) -> Result<Option<Vec<u8>>, StoreError> {
        let state = self.state();
        let Some(file) = state.files.get(name) else { return Ok(None) };
        let begin = file.len().min(usize::try_from(offset).unwrap());
        let end = file.len().min(begin.saturating_add(usize::try_from(max_bytes).unwrap_or(usize::MAX)));
        Ok(Some(file[begin..end].to_vec()))
    }

    fn write_at(&self, name: &str, offset: u64, bytes: &[u8]) -> Result<(), StoreError> {
        let offset = usize::try_from(offset).unwrap();
        let put = |state: &mut State, bytes: &[u8]| {
            let file = state.files.entry(name.to_owned()).or_default();
            file.resize(file.len().max(offset + bytes.len()), 0);
            file[offset..offset + bytes.len()].copy_from_slice(bytes);
        };
        let has_room = |state: &State| state.files.get(name).is_some_and(|file| file.len() >= offset + bytes.len());
        let is_full = self.state().is_full && !has_room(&self.state());
        if is_full {
            self.change(name, |state, _| put(state, &bytes[..bytes.len() / 3]))?;
            return Err(error(name, io::ErrorKind::StorageFull));
        }
        self.change(name, |state, tear| match tear {
            // The file was not even made.
            Some(Tear::Prefix(0)) => {}
            Some(tear) => put(state, &tear.apply(bytes)),
            None => put(state, bytes),
        })
    }

    fn truncate(&self, name: &str, length: u64) -> Result<(), StoreError> {
        self.change(name, |state, tear| {
            if let Some(file) = state.files.get_mut(name).filter(|_| tear.is_none_or(happened)) {
                file.truncate(usize::try_from(length).unwrap());
            }
        })
    }

    fn remove(&self, name: &str) -> Result<(), StoreError> {
        self.change(name, |state, tear| {
            if tear.is_none_or(happened) {
                state.files.remove(name);
            }
        })
    }
}

/// Whether what is done wholly or not at all was done before the crash.
fn happened(tear: Tear) -> bool {
    matches!(tear, Tear::Garbage(_))
}
