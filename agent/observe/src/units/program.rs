//! Whether what a service would run can be run, and on which volume it lies.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use portreeve_core::Fact;
use portreeve_core::order::Gather as _;

use crate::deadline::within;

/// How long a file system has to answer.
const DEADLINE: Duration = Duration::from_millis(500);

/// A file that a job needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) path: PathBuf,
    /// Whether it is executed itself.
    pub(super) is_run: bool,
}

/// The program, and what is wrong with it.
#[derive(Debug)]
pub(super) struct Checked {
    pub(super) program: Fact<String>,
    pub(super) problem: Option<String>,
}

/// The program as it is named, not looked for.
pub(super) fn unchecked(program: Option<&str>, origin: String, at: Timestamp) -> Checked {
    let program = match program {
        Some(program) => Fact::known(program.to_owned(), origin, at),
        None => Fact::absent(origin, at),
    };
    Checked { program, problem: None }
}

/// Looks for each file in turn; the first that stands in the way is the one that is named. A name without a folder is left to the
/// service manager, which searches for it.
pub(super) fn check(places: Vec<Place>, origin: String, at: Timestamp) -> Checked {
    let Some(first) = places.first().cloned() else {
        return unchecked(None, origin, at);
    };
    let name = |path: &Path| path.to_string_lossy().into_owned();
    for place in places.into_iter().filter(|place| place.path.is_absolute()) {
        let path = place.path.clone();
        let problem = match within(DEADLINE, move || fs::metadata(path)) {
            Ok(Ok(metadata)) if metadata.is_dir() => Some("is a directory"),
            Ok(Ok(metadata)) if place.is_run && metadata.permissions().mode() & 0o111 == 0 => Some("is not executable"),
            Ok(Ok(_)) => None,
            Ok(Err(error)) => match error.kind() {
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Some("does not exist"),
                io::ErrorKind::PermissionDenied => {
                    let why = format!("`{}` may not be looked at: run as root", place.path.display());
                    return Checked { program: Fact::denied(why, "stat", at), problem: None };
                }
                _ => return Checked { program: Fact::unreadable(error.to_string(), "stat", at), problem: None },
            },
            Err(overdue) => {
                let why = format!("`{}`: {overdue}", place.path.display());
                return Checked { program: Fact::unreadable(why, "stat", at), problem: None };
            }
        };
        if let Some(problem) = problem {
            return Checked { program: Fact::known(name(&place.path), "stat", at), problem: Some(problem.to_owned()) };
        }
    }
    Checked { program: Fact::known(name(&first.path), "stat", at), problem: None }
}

/// Paths that lead off the boot volume, each in words. A path that does not exist is judged by the folders above it that do.
pub(super) fn off_boot_volume(paths: &[PathBuf]) -> Vec<String> {
    let boot: BTreeSet<u64> =
        ["/", "/System/Volumes/Data"].iter().filter_map(|path| fs::metadata(path).ok()).map(|it| it.dev()).gather();
    let mut said = BTreeSet::new();
    for path in paths.iter().filter(|path| path.is_absolute() && !path.starts_with("/dev")) {
        let asked = path.clone();
        let Ok(Some((real, dev))) = within(DEADLINE, move || real_place(&asked)) else {
            // A volume that is not mounted or does not answer is none that launchd can rely on at boot.
            if let Some(volume) = volume_of(path) {
                said.insert(format!("`{}` on volume `{volume}`", path.display()));
            }
            continue;
        };
        let Some(volume) = volume_of(&real).filter(|_| !boot.contains(&dev)) else { continue };
        said.insert(if volume_of(path).is_some() {
            format!("`{}` on volume `{volume}`", path.display())
        } else {
            format!("`{}`, which a symbolic link leads to volume `{volume}`", path.display())
        });
    }
    said.into_iter().collect()
}

/// `/Volumes/Name` of a path below it.
fn volume_of(path: &Path) -> Option<String> {
    let name = path.strip_prefix("/Volumes").ok()?.components().next()?;
    Some(format!("/Volumes/{}", name.as_os_str().to_string_lossy()))
}

/// The path with links resolved, and its device; of the nearest folder above it that exists.
fn real_place(path: &Path) -> Option<(PathBuf, u64)> {
    path.ancestors().find_map(|ancestor| {
        let real = fs::canonicalize(ancestor).ok()?;
        let dev = fs::metadata(&real).ok()?.dev();
        // An unmounted volume's files must not be judged by `/Volumes` itself.
        (real != Path::new("/Volumes")).then_some((real, dev))
    })
}

/// Whether others may pass through every folder above a file.
pub(super) fn others_can_reach(path: &Path) -> bool {
    let folders = path.ancestors().skip(1).filter(|folder| !folder.as_os_str().is_empty());
    folders.into_iter().all(|folder| fs::metadata(folder).is_ok_and(|it| it.permissions().mode() & 0o011 != 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: Timestamp = Timestamp::UNIX_EPOCH;

    #[test]
    fn the_first_that_stands_in_the_way_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let script = dir.path().join("script.js");
        fs::write(&script, "x").unwrap();
        let place = |path: &Path, is_run| Place { path: path.to_path_buf(), is_run };
        let sh = place(Path::new("/bin/sh"), true);
        let good = check(vec![sh.clone(), place(&script, false)], String::new(), AT);
        assert_eq!((good.program.get().map(String::as_str), good.problem), (Some("/bin/sh"), None));
        let not_run = check(vec![sh.clone(), place(&script, true)], String::new(), AT);
        assert_eq!(not_run.problem.as_deref(), Some("is not executable"));
        assert_eq!(not_run.program.get().map(String::as_str), script.to_str());
        let gone = check(vec![sh.clone(), place(&script.join("x"), false)], String::new(), AT);
        assert_eq!(gone.problem.as_deref(), Some("does not exist"));
        assert_eq!(check(vec![place(dir.path(), true)], String::new(), AT).problem.as_deref(), Some("is a directory"));
        assert_eq!(check(vec![place(Path::new("node"), true)], String::new(), AT).problem, None);
        assert!(check(vec![], "x".to_owned(), AT).program.is_absent());
    }

    #[test]
    fn only_other_volumes_count() {
        assert_eq!(off_boot_volume(&[PathBuf::from("/bin/sh"), PathBuf::from("/tmp/x/y")]), [] as [&str; 0]);
        let lost = off_boot_volume(&[PathBuf::from("/Volumes/Data/openclaw.sh")]);
        assert!(lost.is_empty() || lost == ["`/Volumes/Data/openclaw.sh` on volume `/Volumes/Data`"]);
    }
}
