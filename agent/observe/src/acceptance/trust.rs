//! Whether a program may be run for a user: nobody with fewer rights than that user may have had a hand in it.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::os;

/// Most files of a package that are looked at.
const MAX_FILES: usize = 200_000;
/// Deepest folder of a package that is looked at.
const MAX_DEPTH: usize = 24;

/// Checks a file or folder, links resolved, and every folder above it. It gives the path without links: what was checked is that one, and the
/// links may lead elsewhere by now.
pub(crate) fn check(path: &Path, uid: u32) -> Result<PathBuf, String> {
    let real =
        std::fs::canonicalize(path).map_err(|error| format!("`{}` cannot be looked at: {error}", path.display()))?;
    for part in real.ancestors() {
        let metadata = std::fs::symlink_metadata(part)
            .map_err(|error| format!("`{}` cannot be looked at: {error}", part.display()))?;
        judge(part, &metadata, uid)?;
    }
    Ok(real)
}

/// Checks a folder with all that is below it, and gives its path without links. Links below it are not followed: what they lead to is the
/// owner's choice.
pub(super) fn check_tree(folder: &Path, uid: u32) -> Result<PathBuf, String> {
    let real = check(folder, uid)?;
    let mut left = vec![(real.clone(), 0)];
    let mut seen = 0;
    while let Some((folder, depth)) = left.pop() {
        let failed = |error| format!("`{}` cannot be looked at: {error}", folder.display());
        for entry in std::fs::read_dir(&folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let metadata = entry.metadata().map_err(failed)?;
            seen += 1;
            if seen > MAX_FILES || depth > MAX_DEPTH {
                return Err(format!("`{}` has more files than are looked at", folder.display()));
            }
            if metadata.is_symlink() {
                continue;
            }
            judge(&entry.path(), &metadata, uid)?;
            if metadata.is_dir() {
                left.push((entry.path(), depth + 1));
            }
        }
    }
    Ok(real)
}

fn judge(path: &Path, metadata: &Metadata, uid: u32) -> Result<(), String> {
    let owner = metadata.uid();
    if owner != 0 && owner != uid {
        return Err(format!("`{}` belongs to user {owner}", path.display()));
    }
    // In a folder with the sticky bit nobody replaces what belongs to others.
    let is_sticky = metadata.is_dir() && metadata.mode() & 0o1000 != 0;
    let group_writes = metadata.mode() & 0o020 != 0 && !is_own_group(metadata.gid(), uid);
    if (group_writes || metadata.mode() & 0o002 != 0) && !is_sticky {
        return Err(format!("others than its owner may write `{}`", path.display()));
    }
    Ok(())
}

/// Groups in which there is nobody with fewer rights: root's, the user's private one, and that of administrators for a user of theirs.
fn is_own_group(gid: u32, uid: u32) -> bool {
    gid == 0 || (uid != 0 && (gid == uid || Some(gid) == os::ADMINISTRATORS))
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn what_others_may_write_is_not_trusted() {
        let dir = tempfile::tempdir().unwrap();
        let uid = nix::unistd::geteuid().as_raw();
        let folder = dir.path().join("package/dist");
        fs::create_dir_all(&folder).unwrap();
        let file = folder.join("index.js");
        fs::write(&file, "").unwrap();
        let mode = |path: &Path, mode| fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
        mode(&file, 0o644);
        let package = dir.path().join("package");
        symlink("/etc/passwd", package.join("link")).unwrap();
        assert!(check_tree(&package, uid).is_ok());
        mode(&file, 0o666);
        assert!(check(&file, uid).is_err() && check_tree(&package, uid).is_err());
        mode(&file, 0o644);
        mode(&folder, 0o777);
        assert!(check(&file, uid).is_err() && check_tree(&package, uid).is_err());
        mode(&folder, 0o1777);
        assert!(check(&file, uid).is_ok());
        assert!(check(&dir.path().join("nothing"), uid).is_err());
    }

    #[test]
    fn what_was_checked_is_what_is_given() {
        let dir = tempfile::tempdir().unwrap();
        let uid = nix::unistd::geteuid().as_raw();
        let real = fs::canonicalize(dir.path()).unwrap();
        let (folder, link) = (real.join("folder"), real.join("link"));
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("node"), "").unwrap();
        symlink(&folder, &link).unwrap();
        assert_eq!(check(&link.join("node"), uid), Ok(folder.join("node")));
        assert_eq!(check_tree(&link, uid), Ok(folder));
    }

    #[test]
    fn what_belongs_to_another_user_is_not_trusted() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        fs::write(&file, "").unwrap();
        let own = nix::unistd::geteuid().as_raw();
        assert!(check(&file, own).is_ok());
        assert_eq!(check(&file, own + 1).is_err(), own != 0);
        if own == 0 {
            std::os::unix::fs::chown(&file, Some(1234), None).unwrap();
            assert!(check(&file, 0).is_err() && check(&file, 1234).is_ok());
        }
    }
}
