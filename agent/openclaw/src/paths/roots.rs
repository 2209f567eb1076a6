//! State directories that exist in a home.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{LEGACY_STATE_DIR_NAME, STATE_DIR_NAME, is_profile_name};

/// More entries than a home has; beyond it the listing stops.
const MAX_HOME_ENTRIES: usize = 100_000;

/// What a state directory's name says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RootKind {
    /// `.openclaw`.
    Default,
    /// `.openclaw-<profile>`, `.openclaw-dev` among them.
    Profile(String),
    /// `.clawdbot`, used where `.openclaw` is absent.
    Legacy,
    /// `.moltbot`, which no present version reads.
    Abandoned,
    /// `.openclaw` inside of another root: a state directory that was made the home.
    Doubled,
}

/// How a state directory is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RootLink {
    /// A directory of its own.
    Directory,
    /// A symbolic link to a directory.
    Symlink {
        /// What the link says, as it is written.
        target: PathBuf,
    },
    /// A symbolic link that leads to nothing or to something else than a directory.
    Dangling {
        /// What the link says, as it is written.
        target: PathBuf,
    },
}

/// A state directory found in a home.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateRoot {
    /// Its path, links not resolved.
    pub path: PathBuf,
    /// What its name says.
    pub kind: RootKind,
    /// Whether it is a directory or a link.
    pub link: RootLink,
}

/// A home that could not be listed.
#[derive(Debug, thiserror::Error)]
#[error("home directory `{}` could not be listed", .path.display())]
pub struct RootError {
    /// The home.
    pub path: PathBuf,
    /// The system's answer.
    #[source]
    pub source: io::Error,
}

/// Lists the state directories in a home, in order of their names. Files of such a name are left out.
pub fn discover_roots(home: &Path) -> Result<Vec<StateRoot>, RootError> {
    let failed = |source| RootError { path: home.to_path_buf(), source };
    let mut roots = Vec::new();
    for entry in fs::read_dir(home).map_err(failed)?.take(MAX_HOME_ENTRIES) {
        let Ok(entry) = entry else { continue };
        let Some(kind) = entry.file_name().to_str().and_then(kind_of) else { continue };
        let path = entry.path();
        let Some(link) = link_of(&path) else { continue };
        let doubled = path.join(STATE_DIR_NAME);
        if matches!(link, RootLink::Directory | RootLink::Symlink { .. })
            && let Some(link) = link_of(&doubled)
        {
            roots.push(StateRoot { path: doubled, kind: RootKind::Doubled, link });
        }
        roots.push(StateRoot { path, kind, link });
    }
    roots.sort_by(|left, right| left.path.cmp(&right.path));
    Ok(roots)
}

fn kind_of(name: &str) -> Option<RootKind> {
    match name {
        STATE_DIR_NAME => Some(RootKind::Default),
        LEGACY_STATE_DIR_NAME => Some(RootKind::Legacy),
        ".moltbot" => Some(RootKind::Abandoned),
        _ => {
            let profile = name.strip_prefix(".openclaw-")?;
            is_profile_name(profile).then(|| RootKind::Profile(profile.to_owned()))
        }
    }
}

fn link_of(path: &Path) -> Option<RootLink> {
    let metadata = fs::symlink_metadata(path).ok()?;
    if metadata.is_dir() {
        return Some(RootLink::Directory);
    }
    if !metadata.is_symlink() {
        return None;
    }
    let target = fs::read_link(path).ok()?;
    if fs::metadata(path).is_ok_and(|metadata| metadata.is_dir()) {
        Some(RootLink::Symlink { target })
    } else {
        Some(RootLink::Dangling { target })
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn lists_every_root_and_says_what_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let home = dir.path();
        for name in [".openclaw/.openclaw", ".openclaw-rescue", ".moltbot", ".openclaw-bad name", "Documents"] {
            fs::create_dir_all(home.join(name)).unwrap();
        }
        fs::write(home.join(".openclaw-file"), b"").unwrap();
        symlink("Documents", home.join(".clawdbot")).unwrap();
        symlink("nowhere", home.join(".openclaw-gone")).unwrap();

        let found: Vec<_> = discover_roots(home)
            .unwrap()
            .into_iter()
            .map(|root| (root.path.strip_prefix(home).unwrap().to_str().unwrap().to_owned(), root.kind, root.link))
            .collect();
        let link = |target: &str| RootLink::Symlink { target: target.into() };
        assert_eq!(
            found,
            [
                (".clawdbot".into(), RootKind::Legacy, link("Documents")),
                (".moltbot".into(), RootKind::Abandoned, RootLink::Directory),
                (".openclaw".into(), RootKind::Default, RootLink::Directory),
                (".openclaw/.openclaw".into(), RootKind::Doubled, RootLink::Directory),
                (
                    ".openclaw-gone".into(),
                    RootKind::Profile("gone".into()),
                    RootLink::Dangling { target: "nowhere".into() }
                ),
                (".openclaw-rescue".into(), RootKind::Profile("rescue".into()), RootLink::Directory),
            ]
        );
        assert!(discover_roots(&home.join("none")).is_err());
    }
}
