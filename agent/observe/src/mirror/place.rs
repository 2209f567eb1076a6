//! A state directory with the folders above it, so that "covers" and "lies in" are asked of devices and inodes and not of text: volumes
//! of a Mac ignore case, and one folder has several paths.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::os;

/// How many folders above a state directory are looked at.
const MAX_LEVELS: usize = 64;
/// Folders of a state directory that hold databases, identities or secrets. What is done to the others, such as a workspace, is its
/// user's own business.
const KEPT: [&str; 5] = ["state", "agents", "identity", "devices", "credentials"];
/// The same of the folder of one agent.
const KEPT_OF_AGENT: [&str; 2] = ["agent", "sessions"];

/// Extended attributes and flags of files. Tests put made-up ones in the place of [`SystemMarks`].
pub trait Marks: Send + Sync {
    /// Names of the extended attributes.
    fn names(&self, path: &Path) -> io::Result<Vec<String>>;
    /// The value of one of them; none where it is not set.
    fn value(&self, path: &Path, name: &str) -> io::Result<Option<Vec<u8>>>;
    /// Whether the item is a placeholder whose content is elsewhere.
    fn is_dataless(&self, path: &Path) -> io::Result<bool>;
}

/// What the system says.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemMarks;

impl Marks for SystemMarks {
    fn names(&self, path: &Path) -> io::Result<Vec<String>> {
        os::attribute_names(path)
    }

    fn value(&self, path: &Path, name: &str) -> io::Result<Option<Vec<u8>>> {
        os::attribute(path, name)
    }

    fn is_dataless(&self, path: &Path) -> io::Result<bool> {
        os::is_dataless(path)
    }
}

/// One folder on the way from a state directory to the root.
#[derive(Debug)]
pub struct Link {
    /// Its path.
    pub path: PathBuf,
    /// Device and inode; none where it cannot be looked at.
    id: Option<(u64, u64)>,
    /// Names of its extended attributes.
    pub marks: io::Result<Vec<String>>,
}

impl Link {
    /// Whether it has the attribute.
    pub fn has(&self, name: &str) -> bool {
        self.marks.as_ref().is_ok_and(|names| names.iter().any(|known| known == name))
    }
}

/// A state directory with the folders above it.
#[derive(Debug)]
pub struct StatePlace {
    /// What facts call it: its resolved path, unless [`StatePlace::named`] gave it another name.
    pub name: String,
    /// Resolved path.
    pub path: PathBuf,
    /// The directory itself, then each folder above it up to the root.
    pub chain: Vec<Link>,
    /// Mount point of its volume, where that is known.
    pub mount_point: Option<PathBuf>,
    /// Whether its volume is a share.
    pub is_share: bool,
}

impl StatePlace {
    /// Looks at a directory, given resolved, and at the folders above it.
    pub fn of(path: &Path, mount_point: Option<&Path>, is_share: bool, marks: &dyn Marks) -> Self {
        let link = |path: &Path| Link { path: path.to_path_buf(), id: id(path), marks: marks.names(path) };
        Self {
            name: path.to_string_lossy().into_owned(),
            path: path.to_path_buf(),
            chain: path.ancestors().take(MAX_LEVELS).map(link).collect(),
            mount_point: mount_point.map(Path::to_path_buf),
            is_share,
        }
    }

    /// The same under the name by which an engine knows it.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        name.clone_into(&mut self.name);
        self
    }

    /// The directory or folder above it that a path leads to, by its place in [`StatePlace::chain`].
    pub fn covered_by(&self, path: &Path) -> Option<usize> {
        let wanted = id(path)?;
        self.chain.iter().position(|link| link.id == Some(wanted))
    }

    /// Where a path leads that is a folder of this directory with databases, identities or secrets, or lies in one: its path within the
    /// directory.
    pub fn kept(&self, path: &Path) -> Option<PathBuf> {
        let real = fs::canonicalize(path).ok()?;
        let own = self.chain.first()?.id?;
        let above = real.ancestors().take(MAX_LEVELS).find(|folder| id(folder) == Some(own))?;
        let inside = real.strip_prefix(above).ok()?;
        let parts: Vec<&str> = inside.iter().filter_map(|part| part.to_str()).collect();
        let is_kept = match parts.as_slice() {
            ["agents", _, of_agent, ..] => KEPT_OF_AGENT.contains(of_agent),
            [first, ..] => KEPT.contains(first),
            [] => false,
        };
        is_kept.then(|| inside.to_path_buf())
    }

    /// Folders of this directory that hold databases, identities or secrets.
    pub fn kept_folders(&self) -> impl Iterator<Item = PathBuf> {
        KEPT.iter()
            .map(|name| self.path.join(name))
            .filter(|path| fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_dir()))
    }

    /// The directory's path relative to a folder above it.
    pub fn relative(&self, above: &Path) -> Option<PathBuf> {
        self.path.strip_prefix(above).ok().map(Path::to_path_buf)
    }

    /// Folders whose contents are databases: where these are left out, the copy does no harm.
    pub fn databases() -> [&'static str; 2] {
        ["state", "agents"]
    }
}

fn id(path: &Path) -> Option<(u64, u64)> {
    fs::metadata(path).ok().map(|metadata| (metadata.dev(), metadata.ino()))
}

/// A path without the names of accounts that it may hold: those after `CloudStorage/<Provider>-`, and mail addresses.
pub(super) fn without_accounts(path: &Path) -> String {
    let mut parts: Vec<String> = Vec::new();
    for part in path.components() {
        let text = part.as_os_str().to_string_lossy().into_owned();
        let in_storage = parts.last().is_some_and(|last| last == "CloudStorage");
        let shown = match text.split_once('-') {
            Some((provider, _)) if in_storage => format!("{provider}-…"),
            _ if text.contains('@') && text.contains('.') => "…".to_owned(),
            _ => text,
        };
        parts.push(shown);
    }
    let joined = parts.join("/");
    joined.strip_prefix("//").map_or(joined.clone(), |rest| format!("/{rest}"))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_folder_covers_by_any_of_its_paths() {
        let dir = tempfile::tempdir().unwrap();
        let base = dir.path().canonicalize().unwrap();
        let state = base.join("home/.openclaw");
        fs::create_dir_all(state.join("state")).unwrap();
        fs::create_dir_all(state.join("workspace")).unwrap();
        symlink(base.join("home"), base.join("other")).unwrap();
        let place = StatePlace::of(&state, None, false, &SystemMarks);
        assert_eq!(place.covered_by(&base.join("other")), Some(1));
        assert_eq!(place.covered_by(&base.join("other/.openclaw/.")), Some(0));
        assert_eq!(place.covered_by(&base.join("none")), None);
        assert_eq!(place.covered_by(&state.join("state")), None);
        assert_eq!(place.kept(&base.join("other/.openclaw/state")), Some(PathBuf::from("state")));
        for other in [state.join("workspace"), state.clone(), base.clone()] {
            assert_eq!(place.kept(&other), None, "{}", other.display());
        }
        assert_eq!(place.kept_folders().collect::<Vec<_>>(), [state.join("state")]);
    }

    #[test]
    fn of_an_agent_its_databases_count_and_its_workspace_does_not() {
        let dir = tempfile::tempdir().unwrap();
        let state = dir.path().canonicalize().unwrap();
        let place = StatePlace::of(&state, None, false, &SystemMarks);
        for (inside, counts) in [
            ("agents/main", true),
            ("agents/main/agent", true),
            ("agents/main/sessions", true),
            ("agents/main/workspace", false),
        ] {
            fs::create_dir_all(state.join(inside)).unwrap();
            assert_eq!(place.kept(&state.join(inside)).is_some(), counts, "{inside}");
        }
    }

    #[test]
    fn accounts_are_not_shown() {
        let shown = |path: &str| without_accounts(Path::new(path));
        assert_eq!(
            shown("/Users/op/Library/CloudStorage/GoogleDrive-op@example.com/My Drive"),
            "/Users/op/Library/CloudStorage/GoogleDrive-…/My Drive"
        );
        assert_eq!(shown("/Users/op/Google Drive (op@example.com)/x"), "/Users/op/…/x");
        assert_eq!(shown("/home/op/.openclaw"), "/home/op/.openclaw");
        assert_eq!(shown("/"), "/");
    }
}
