//! Where truth is made: a folder that nobody else may enter, and helpers.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use nix::fcntl::OFlag;
use portreeve_store::{Folder, StoreError};

use super::guardian::{PREFIX, Undo};
use super::helper::Held;
use super::trial::Objection;
use super::{Helper, Options};
use crate::file::chain;

/// A folder of a test that was killed together with its guardian is removed when it is older.
const ABANDONED: Duration = Duration::from_hours(1);

/// What truth is made with.
pub(super) struct Ground {
    pub(super) helper: Helper,
    scratch: Result<Scratch, String>,
}

impl Ground {
    pub(super) fn make(options: &Options) -> Self {
        let scratch = Scratch::make(&options.data_dir, &options.helper).map_err(|error| chain(&error));
        Self { helper: options.helper.clone(), scratch }
    }

    /// The folder of the test.
    pub(super) fn scratch(&self) -> Result<&Scratch, Objection> {
        self.scratch.as_ref().map_err(|why| Objection::Untried(format!("no folder could be made: {why}")))
    }

    /// A helper that works in the folder of the test.
    pub(super) fn helper(&self, words: &[&str], patience: Duration) -> Result<Held, Objection> {
        Held::start(&self.helper, &self.scratch()?.path, words, patience)
    }
}

/// A folder of its own, removed with all that is in it.
pub(super) struct Scratch {
    pub(super) path: PathBuf,
    /// Removes it where this process cannot.
    guardian: Held,
}

/// Why there is none.
#[derive(Debug, thiserror::Error)]
pub(super) enum ScratchError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{0}")]
    Guardian(String),
}

impl ScratchError {
    fn guardian(objection: Objection) -> Self {
        match objection {
            Objection::Untried(why) => Self::Guardian(why),
            Objection::Wrong { seen, .. } | Objection::Late { seen, .. } => Self::Guardian(seen),
        }
    }
}

impl Scratch {
    fn make(data_dir: &Path, helper: &Helper) -> Result<Self, ScratchError> {
        let folder = Folder::create(data_dir)?;
        sweep(&folder);
        let name = format!("{PREFIX}{:016x}", fastrand::u64(..));
        let guardian = Held::start(helper, folder.path(), &[], super::SEAM).map_err(ScratchError::guardian)?;
        guardian.tell(&format!("guard {name}"), super::SEAM).map_err(ScratchError::guardian)?;
        let path = folder.folder(&name)?.path().to_owned();
        Ok(Self { path, guardian })
    }

    /// A new file in it, open for reading and writing.
    pub(super) fn file(&self, name: &str, mode: u32) -> io::Result<(PathBuf, File)> {
        let path = self.path.join(name);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true).mode(mode).custom_flags(OFlag::O_NOFOLLOW.bits());
        // What an earlier try left.
        let _ = fs::remove_file(&path);
        let file = options.open(&path)?;
        Ok((path, file))
    }

    /// A new folder in it.
    pub(super) fn folder(&self, name: &str) -> io::Result<PathBuf> {
        let path = self.path.join(name);
        let _ = fs::remove_dir_all(&path);
        fs::create_dir(&path)?;
        Ok(path)
    }

    /// What is to be undone if this process ends now; nothing where there is none.
    pub(super) fn undo_at_end(&self, undo: Option<&Undo>) -> Result<(), Objection> {
        let words = undo.map_or_else(|| "undone".to_owned(), Undo::words);
        self.guardian.tell(&words, super::SEAM)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        remove(&self.path);
    }
}

fn remove(path: &Path) {
    // The guardian tries again; what stays even so is swept by a later run.
    let _ = fs::remove_dir_all(path);
}

/// Removes what was left where not even the guardian lived on.
fn sweep(folder: &Folder) {
    for name in folder.names().unwrap_or_default().iter().filter(|name| name.starts_with(PREFIX)) {
        let path = folder.path().join(name);
        let modified = fs::symlink_metadata(&path).and_then(|metadata| metadata.modified());
        let age = modified.ok().and_then(|modified| SystemTime::now().duration_since(modified).ok());
        if age.is_some_and(|age| age > ABANDONED) {
            remove(&path);
        }
    }
}
