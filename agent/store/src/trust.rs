//! Whether a path leads where nobody else can bend it.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Component, Path, PathBuf};

use nix::unistd::{getegid, geteuid};

use crate::StoreError;

/// As many links in one path as Linux follows (`path_resolution(7)`); macOS follows 32.
const MAX_LINKS: usize = 40;

/// Only the owner of a file may remove or rename it there (`chmod(2)`).
pub(crate) const STICKY: u32 = 0o1000;

/// Who besides the superuser may write.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Owner {
    uid: u32,
    /// The group that is this user.
    gid: Option<u32>,
}

impl Owner {
    /// The user that runs this program. A user's own group is the user.
    pub(crate) fn this() -> Self {
        let user = geteuid();
        Self { uid: user.as_raw(), gid: (!user.is_root()).then(|| getegid().as_raw()) }
    }

    /// Whether a file or folder belongs to the superuser or to this owner.
    pub(crate) fn owns(self, metadata: &Metadata) -> bool {
        metadata.uid() == 0 || metadata.uid() == self.uid
    }

    /// Why a file or folder is not only this owner's, if it is not.
    pub(crate) fn refuse(self, metadata: &Metadata) -> Option<String> {
        if !self.owns(metadata) {
            return Some(format!("it belongs to user {}", metadata.uid()));
        }
        // The mode of a link means nothing.
        if metadata.is_symlink() {
            return None;
        }
        if metadata.mode() & 0o002 != 0 {
            return Some("everybody can write it".to_owned());
        }
        let is_own_group = metadata.gid() == 0 || self.gid == Some(metadata.gid());
        (metadata.mode() & 0o020 != 0 && !is_own_group).then(|| format!("group {} can write it", metadata.gid()))
    }
}

/// What a path ends at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// A folder, and no link to one.
    Folder,
    /// A file, or a link to one.
    File,
}

/// The part of a path to a folder that is there, without links, and the rest of it. Every folder on the way, and every link, belongs to
/// the superuser or to this user, and nobody else can write there; where everybody can write but only to what is their own (`/tmp`),
/// what comes next must be ours.
pub(crate) fn resolve(path: &Path) -> Result<(PathBuf, Vec<OsString>), StoreError> {
    let path =
        std::path::absolute(path).map_err(|source| StoreError::Io { doing: "find", path: path.to_owned(), source })?;
    walk(&path, Owner::this(), End::Folder)
}

/// Refuses a program that somebody else than the superuser and `uid` can change or put another in the place of: itself, or a folder or
/// link on the way to it.
pub fn check_program(path: &Path, uid: u32) -> Result<(), StoreError> {
    if !path.is_absolute() {
        let why = "its path is not absolute, so that `PATH` decides".to_owned();
        return Err(StoreError::Untrusted { path: path.to_owned(), why });
    }
    let (here, missing) = walk(path, Owner { uid, gid: None }, End::File)?;
    if missing.is_empty() {
        return Ok(());
    }
    let path = here.join(missing.iter().collect::<PathBuf>());
    Err(StoreError::Io { doing: "look at", path, source: io::ErrorKind::NotFound.into() })
}

fn walk(path: &Path, owner: Owner, end: End) -> Result<(PathBuf, Vec<OsString>), StoreError> {
    let untrusted = |path: &Path, why: &str| StoreError::Untrusted { path: path.to_owned(), why: why.to_owned() };
    let mut left = parts(path);
    let mut here = PathBuf::from("/");
    let mut links = 0;
    while let Some(part) = left.front() {
        if part == ".." {
            here.pop();
            left.pop_front();
            continue;
        }
        let next = here.join(part);
        let metadata = match fs::symlink_metadata(&next) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == io::ErrorKind::NotFound => break,
            Err(source) => return Err(StoreError::Io { doing: "look at", path: next, source }),
        };
        left.pop_front();
        if let Some(why) = owner.refuse(&metadata) {
            let leads_on = metadata.is_dir() && !left.is_empty() && metadata.mode() & STICKY != 0;
            if !(owner.owns(&metadata) && leads_on) {
                return Err(untrusted(&next, &why));
            }
        }
        if metadata.is_symlink() {
            links += 1;
            if links > MAX_LINKS {
                return Err(untrusted(&next, "too many links"));
            }
            if left.is_empty() && end == End::Folder {
                return Err(untrusted(&next, "it is a link"));
            }
            let target =
                fs::read_link(&next).map_err(|source| StoreError::Io { doing: "read", path: next.clone(), source })?;
            if target.is_absolute() {
                here = PathBuf::from("/");
            }
            for part in parts(&target).into_iter().rev() {
                left.push_front(part);
            }
            continue;
        }
        if left.is_empty() && end == End::File {
            if !metadata.is_file() {
                return Err(untrusted(&next, "it is no file"));
            }
        } else if !metadata.is_dir() {
            return Err(untrusted(&next, "it is no folder"));
        }
        here = next;
    }
    Ok((here, left.into()))
}

/// The parts of a path below the root.
fn parts(path: &Path) -> VecDeque<OsString> {
    path.components()
        .filter_map(|part| match part {
            Component::Normal(name) => Some(name.to_owned()),
            Component::ParentDir => Some(OsString::from("..")),
            Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
        })
        .collect()
}
