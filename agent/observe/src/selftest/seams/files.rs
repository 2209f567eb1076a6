//! Files and volumes.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use nix::unistd::geteuid;

use super::super::trial::{Objection, Trial, same, untried};
use crate::commands::xattr::BACKUP_EXCLUSION;
use crate::os;

/// The attribute's value as `tmutil addexclusion` writes it: a binary property list with the text `com.apple.backupd`.
const EXCLUDED: &[u8] = b"bplist00\x5f\x10\x11com.apple.backupd\x08\
    \0\0\0\0\0\0\x01\x01\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x1c";

pub(super) fn status(trial: &Trial<'_>) -> Result<(), Objection> {
    let (at, scratch) = (trial.at, trial.ground.scratch()?);
    let make = || {
        let (path, mut file) = scratch.file("status", 0o600)?;
        file.write_all(b"12345")?;
        // What the umask takes away is given back.
        file.set_permissions(fs::Permissions::from_mode(0o640))?;
        let link = scratch.path.join("status-link");
        let _ = fs::remove_file(&link);
        symlink(&path, &link)?;
        std::io::Result::Ok((path, link))
    };
    let (path, link) = make().map_err(untried("no file could be made"))?;
    let none = scratch.path.join("none");
    let seen = trial.known("a file", move |eyes| eyes.stat(&path, at))?;
    let truth = (geteuid().as_raw(), 0o640, 5, 1);
    same("owner, mode, size and links", &(seen.uid, seen.mode, seen.size, seen.nlink), &truth)?;
    let linked = trial.known("a link", move |eyes| eyes.stat(&link, at))?;
    if linked.ino == seen.ino {
        return Err(Objection::wrong("a link as itself", "its target"));
    }
    match trial.fact(move |eyes| eyes.stat(&none, at))? {
        None => Ok(()),
        Some(_) => Err(Objection::wrong("nothing where there is no file", "a file")),
    }
}

pub(super) fn volume(trial: &Trial<'_>) -> Result<(), Objection> {
    let (at, scratch) = (trial.at, trial.ground.scratch()?);
    // That this can be written is what is known of it.
    scratch.file("volume", 0o600).map_err(untried("no file could be made"))?;
    let path = scratch.path.clone();
    let seen = trial.known("a volume", move |eyes| eyes.volume(&path, at))?;
    if !holds(&seen.mount_point, &scratch.path) {
        return Err(Objection::wrong(
            format!("the volume that holds `{}`", scratch.path.display()),
            format!("the one at `{}`", seen.mount_point),
        ));
    }
    if seen.read_only {
        return Err(Objection::wrong("a volume that can be written", "one that is read-only"));
    }
    if seen.file_system.is_empty() || seen.total_bytes == 0 || seen.free_bytes > seen.total_bytes {
        let seen = format!("`{}`, {} of {} bytes free", seen.file_system, seen.free_bytes, seen.total_bytes);
        return Err(Objection::wrong("a file system with its size", seen));
    }
    let none = scratch.path.join("none");
    match trial.fact(move |eyes| eyes.volume(&none, at))? {
        None => Ok(()),
        Some(_) => Err(Objection::wrong("nothing where there is no folder", "a volume")),
    }
}

/// Whether a path lies below a mount point. What macOS shows at the root lies on the volume mounted at `/System/Volumes/Data`.
fn holds(mount_point: &str, path: &Path) -> bool {
    path.starts_with(mount_point) || mount_point == "/System/Volumes/Data"
}

pub(super) fn exclusion(trial: &Trial<'_>) -> Result<(), Objection> {
    let scratch = trial.ground.scratch()?;
    let make = || {
        let parent = scratch.folder("excluded")?;
        let file = parent.join("file");
        let opened = File::create_new(&file)?;
        std::io::Result::Ok((parent, file, opened))
    };
    let (parent, file, opened) = make().map_err(untried("no file could be made"))?;
    // The agent's own folder may be left out of backups as a whole.
    let within = |found: Option<PathBuf>| found.filter(|path| path.starts_with(&parent));
    same("marked by", &within(marked(trial, &file)?), &None)?;
    let mark = |file: &File| match os::set_attribute(file, BACKUP_EXCLUSION, EXCLUDED) {
        Ok(true) => Ok(()),
        Ok(false) => Err(Objection::Untried("the volume keeps no such attributes".to_owned())),
        Err(error) => Err(untried("the attribute could not be set")(error)),
    };
    mark(&opened)?;
    same("marked by", &within(marked(trial, &file)?), &Some(file.clone()))?;
    same("marked by", &within(marked(trial, &parent)?), &None)?;
    // The file goes, so that only what is above its successor is marked.
    fs::remove_file(&file).map_err(untried("the file could not be removed"))?;
    File::create_new(&file).map_err(untried("no file could be made"))?;
    mark(&File::open(&parent).map_err(untried("the folder could not be opened"))?)?;
    same("marked by", &within(marked(trial, &file)?), &Some(parent.clone()))
}

fn marked(trial: &Trial<'_>, path: &Path) -> Result<Option<PathBuf>, Objection> {
    let (at, path) = (trial.at, path.to_path_buf());
    trial.fact(move |eyes| eyes.marked(&path, at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_value_is_what_macos_writes() {
        let value: plist::Value = plist::from_bytes(EXCLUDED).unwrap();
        assert_eq!(value.as_string(), Some("com.apple.backupd"));
    }

    #[test]
    fn the_data_volume_holds_what_the_root_shows() {
        assert!(holds("/", Path::new("/var/db")) && holds("/System/Volumes/Data", Path::new("/private/var/db")));
        assert!(!holds("/Volumes/T7", Path::new("/var/db")));
    }
}
