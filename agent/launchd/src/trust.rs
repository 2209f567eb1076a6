//! Whether somebody with less rights than root could change a program that root runs.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Component, Path, PathBuf};

use crate::InstallError;

/// As many links in one path as Linux follows (`path_resolution(7)`); macOS follows 32.
const MAX_LINKS: usize = 40;
/// Only the owner of a file may remove or rename it there (`chmod(2)`).
const STICKY: u32 = 0o1000;

/// Refuses a program that, or any folder or link on the way to which, somebody else than `owner` and root can change.
pub(crate) fn check(program: &Path, owner: u32) -> Result<(), InstallError> {
    let refuse = |why: String| Err(InstallError::Exposed { program: program.to_owned(), why });
    if !program.is_absolute() {
        return refuse("its path is not absolute, so that `PATH` decides".to_owned());
    }
    let mut left = parts(program);
    let mut here = PathBuf::from("/");
    let mut links = 0;
    while let Some(part) = left.pop_front() {
        if part == ".." {
            here.pop();
            continue;
        }
        let next = here.join(&part);
        let metadata = fs::symlink_metadata(&next).map_err(|source| InstallError::Io {
            doing: "look at",
            path: next.clone(),
            source,
        })?;
        if let Some(why) = exposure(&metadata, owner) {
            let is_way = metadata.is_dir() && metadata.mode() & STICKY != 0 && !left.is_empty();
            if !(is_way && is_of(&metadata, owner)) {
                return refuse(format!("{why} `{}`", next.display()));
            }
        }
        if metadata.is_symlink() {
            links += 1;
            if links > MAX_LINKS {
                return refuse(format!("too many links at `{}`", next.display()));
            }
            let target = fs::read_link(&next).map_err(|source| InstallError::Io {
                doing: "read",
                path: next.clone(),
                source,
            })?;
            if target.is_absolute() {
                here = PathBuf::from("/");
            }
            for part in parts(&target).into_iter().rev() {
                left.push_front(part);
            }
            continue;
        }
        here = next;
    }
    Ok(())
}

fn is_of(metadata: &Metadata, owner: u32) -> bool {
    metadata.uid() == 0 || metadata.uid() == owner
}

/// Who else can change it, in words before its name.
fn exposure(metadata: &Metadata, owner: u32) -> Option<String> {
    if !is_of(metadata, owner) {
        return Some(format!("user {} owns", metadata.uid()));
    }
    // The mode of a link means nothing.
    if metadata.is_symlink() {
        return None;
    }
    if metadata.mode() & 0o002 != 0 {
        return Some("everybody can change".to_owned());
    }
    (metadata.mode() & 0o020 != 0 && metadata.gid() != 0).then(|| format!("group {} can change", metadata.gid()))
}

fn parts(path: &Path) -> VecDeque<OsString> {
    path.components()
        .filter_map(|part| match part {
            Component::Normal(name) => Some(name.to_owned()),
            Component::ParentDir => Some(OsString::from("..")),
            Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    #[test]
    fn what_others_can_change_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let owner = fs::metadata(dir.path()).unwrap().uid();
        let folder = dir.path().join("bin");
        fs::create_dir(&folder).unwrap();
        let program = folder.join("node");
        fs::write(&program, "").unwrap();
        fs::set_permissions(&program, Permissions::from_mode(0o755)).unwrap();
        check(&program, owner).unwrap();
        let link = dir.path().join("link");
        symlink("bin/../bin/node", &link).unwrap();
        check(&link, owner).unwrap();

        fs::set_permissions(&program, Permissions::from_mode(0o757)).unwrap();
        let error = check(&link, owner).unwrap_err().to_string();
        assert!(error.contains("everybody can change") && error.contains("bin/node"), "{error}");
        fs::set_permissions(&program, Permissions::from_mode(0o755)).unwrap();
        fs::set_permissions(&folder, Permissions::from_mode(0o777)).unwrap();
        let error = check(&program, owner).unwrap_err().to_string();
        assert!(error.contains("everybody can change") && error.ends_with("bin`"), "{error}");
        fs::set_permissions(&folder, Permissions::from_mode(0o755)).unwrap();

        assert!(check(Path::new("node"), owner).is_err());
        assert!(check(&dir.path().join("absent"), owner).is_err());
        symlink("loop", dir.path().join("loop")).unwrap();
        assert!(check(&dir.path().join("loop"), owner).is_err());
        if owner != 0 {
            assert!(check(&program, 0).unwrap_err().to_string().contains("user"));
        }
    }
}
