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

/// The folder that holds `path`, without links, and the last part of its name. Every folder on the way, and every link, belongs to the
/// superuser or to this user, and nobody else can write there; where everybody can write but only to what is their own (`/tmp`), what
/// comes next must be ours.
pub(crate) fn resolve(path: &Path) -> Result<(PathBuf, Vec<OsString>), StoreError> {
    let untrusted = |path: &Path, why: &str| StoreError::Untrusted { path: path.to_owned(), why: why.to_owned() };
    let path =
        std::path::absolute(path).map_err(|source| StoreError::Io { doing: "find", path: path.to_owned(), source })?;
    let mut left = parts(&path);
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
        if !is_ours(&metadata) {
            return Err(untrusted(&next, &format!("it belongs to user {}", metadata.uid())));
        }
        left.pop_front();
        if metadata.is_symlink() {
            links += 1;
            if links > MAX_LINKS {
                return Err(untrusted(&next, "too many links"));
            }
            if left.is_empty() {
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
        if !metadata.is_dir() {
            return Err(untrusted(&next, "it is no folder"));
        }
        if let Some(why) = written_by_others(&metadata)
            && (left.is_empty() || metadata.mode() & STICKY == 0)
        {
            return Err(untrusted(&next, why));
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

pub(crate) fn is_ours(metadata: &Metadata) -> bool {
    metadata.uid() == 0 || metadata.uid() == geteuid().as_raw()
}

/// What lets others write, if anything does. A user's own group is the user.
pub(crate) fn written_by_others(metadata: &Metadata) -> Option<&'static str> {
    if metadata.mode() & 0o002 != 0 {
        return Some("everybody can write it");
    }
    let group_is_ours = metadata.gid() == 0 || (!geteuid().is_root() && metadata.gid() == getegid().as_raw());
    (metadata.mode() & 0o020 != 0 && !group_is_ours).then_some("its group can write it")
}
