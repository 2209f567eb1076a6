//! Mirrors of state directories in made-up systems: folders with the marks and settings that clients leave, and no macOS needed.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod icloud;
mod jobs;
mod providers;
mod time_machine;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use portreeve_core::snapshot::{Mirror, MirrorKind};
use portreeve_observe::command::Replay;
use portreeve_observe::mirror::{Marks, Question, Seen, StatePlace, observe};
use portreeve_observe::process::ProcessEntry;
use portreeve_observe::units::Started;
use portreeve_observe::users::Account;
use tempfile::TempDir;

/// A system with one user, and a state directory somewhere in its home.
struct World {
    folder: TempDir,
    marks: Made,
    runner: Replay,
    started: Vec<Started>,
    processes: Vec<ProcessEntry>,
    mount_point: Option<PathBuf>,
    is_share: bool,
}

/// Attributes by path; a path that is refused has none.
#[derive(Default)]
struct Made {
    values: BTreeMap<PathBuf, BTreeMap<String, Vec<u8>>>,
    refused: BTreeMap<PathBuf, i32>,
    dataless: Vec<PathBuf>,
}

/// `EPERM`: the privacy protection of macOS.
const EPERM: i32 = 1;

impl Marks for Made {
    fn names(&self, path: &Path) -> io::Result<Vec<String>> {
        if let Some(errno) = self.refused.get(path) {
            return Err(io::Error::from_raw_os_error(*errno));
        }
        Ok(self.values.get(path).into_iter().flat_map(BTreeMap::keys).cloned().collect())
    }

    fn value(&self, path: &Path, name: &str) -> io::Result<Option<Vec<u8>>> {
        self.names(path)?;
        Ok(self.values.get(path).and_then(|values| values.get(name)).cloned())
    }

    fn is_dataless(&self, path: &Path) -> io::Result<bool> {
        Ok(self.dataless.iter().any(|known| known == path))
    }
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("home/op")).unwrap();
        Self {
            folder,
            marks: Made::default(),
            runner: Replay::default(),
            started: Vec::new(),
            processes: Vec::new(),
            mount_point: None,
            is_share: false,
        }
    }

    fn root(&self) -> PathBuf {
        self.folder.path().canonicalize().unwrap()
    }

    fn home(&self) -> PathBuf {
        self.root().join("home/op")
    }

    fn account(&self) -> Account {
        let uid = nix::unistd::geteuid().as_raw();
        Account { name: "op".to_owned(), uid, gid: 0, home: self.home(), unreachable: None }
    }

    /// A file below the root, with the folders above it.
    fn write(&self, path: impl AsRef<Path>, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.root().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    /// A file in the home.
    fn at_home(&self, path: &str, text: impl AsRef<[u8]>) -> PathBuf {
        self.write(Path::new("home/op").join(path), text)
    }

    /// A folder in the home.
    fn dir(&self, path: &str) -> PathBuf {
        let path = self.home().join(path);
        fs::create_dir_all(&path).unwrap();
        path
    }

    /// A state directory in the home.
    fn state(&self, path: &str) -> PathBuf {
        self.dir(&format!("{path}/state"));
        self.dir(&format!("{path}/workspace"));
        self.home().join(path)
    }

    fn mark(&mut self, path: &Path, name: &str, value: &[u8]) {
        self.marks.values.entry(path.to_path_buf()).or_default().insert(name.to_owned(), value.to_vec());
    }

    fn look(&self, state: &Path) -> Seen {
        let place = StatePlace::of(state, self.mount_point.as_deref(), self.is_share, &self.marks);
        observe(&Question {
            root: &self.root(),
            places: &[place],
            accounts: &[self.account()],
            started: &self.started,
            processes: &self.processes,
            runner: &self.runner,
            marks: &self.marks,
            at: Timestamp::UNIX_EPOCH,
        })
    }

    /// The only mirror of a state directory.
    fn mirror(&self, state: &Path) -> Mirror {
        let seen = self.look(state);
        let [mirror] = seen.mirrors.as_slice() else { panic!("{:#?}", seen.mirrors) };
        mirror.clone()
    }

    /// Nothing copies a state directory, and nothing was hidden.
    fn assert_free(&self, state: &Path) {
        let seen = self.look(state);
        assert!(seen.mirrors.is_empty(), "{:#?}", seen.mirrors);
        assert!(seen.blind.is_empty(), "{:#?}", seen.blind);
    }
}

/// Name of what copies, where it does.
fn in_force(mirror: &Mirror) -> Option<&str> {
    mirror.is_in_force().then(|| match &mirror.kind {
        MirrorKind::Icloud => "icloud",
        MirrorKind::DesktopDocuments => "desktop",
        MirrorKind::Provider { name } => name,
        MirrorKind::Job { tool, .. } => tool,
    })
}
