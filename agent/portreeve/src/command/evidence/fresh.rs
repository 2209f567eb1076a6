//! New files in folders of others' choosing: whole or not at all, for their owner alone, and never through a link.

use std::ffi::OsString;
use std::fs::File;
use std::io::Write;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, open, openat, renameat};
use nix::sys::stat::{Mode, fstat};
use nix::unistd::{UnlinkatFlags, linkat, mkdir, unlinkat};

use crate::error::UserError;

/// Names that are tried for a file that is not whole yet.
const TRIES: u32 = 16;

/// A folder that files are written into.
#[derive(Debug)]
pub(super) struct Target {
    folder: OwnedFd,
    path: PathBuf,
    force: bool,
}

impl Target {
    /// Opens a folder, and makes it for its owner alone where it is not there.
    pub(super) fn made(path: &Path, force: bool) -> Result<Self, UserError> {
        if !path.is_dir() {
            match mkdir(path, Mode::S_IRWXU) {
                Ok(()) | Err(Errno::EEXIST) => {}
                Err(errno) => return Err(write_error(path, errno)),
            }
        }
        Self::open(path, force)
    }

    /// Opens a folder. One that others can write is refused, unless only the owner of a file can replace it there, as in `/tmp`.
    pub(super) fn open(path: &Path, force: bool) -> Result<Self, UserError> {
        let path = if path.as_os_str().is_empty() { PathBuf::from(".") } else { path.to_owned() };
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let folder = open(&path, flags, Mode::empty()).map_err(|errno| write_error(&path, errno))?;
        let stat = fstat(&folder).map_err(|errno| write_error(&path, errno))?;
        let mode = Mode::from_bits_truncate(stat.st_mode);
        if mode.intersects(Mode::S_IWGRP | Mode::S_IWOTH) && !mode.contains(Mode::S_ISVTX) {
            return Err(UserError::Unfit {
                path,
                problem: "others can write this folder, and could put a file of theirs in place".to_owned(),
                hint: "choose a folder that only you can write, with `--output`",
            });
        }
        Ok(Self { folder, path, force })
    }

    /// Where a file would be.
    pub(super) fn path_of(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Says beforehand that a file is in the way, so that nobody waits in vain.
    pub(super) fn is_free(&self, name: &str) -> Result<(), UserError> {
        let path = self.path_of(name);
        match path.symlink_metadata() {
            Ok(there) if !self.force || !there.is_file() => Err(in_the_way(path, self.force)),
            _ => Ok(()),
        }
    }

    /// Writes a file that only its owner can read. It is there when it is whole; what has its name already is replaced only by force, and
    /// never followed.
    pub(super) fn write(&self, name: &str, bytes: &[u8]) -> Result<(), UserError> {
        let path = self.path_of(name);
        let failed = |errno| write_error(&path, errno);
        let (part, file) = self.create(name).map_err(failed)?;
        let mut file = File::from(file);
        let done = file
            .write_all(bytes)
            .and_then(|()| file.sync_all())
            .map_err(|source| UserError::Write { path: path.clone(), source })
            .and_then(|()| self.place(&part, name, &path));
        if done.is_err() || !self.force {
            // What matters is told already; a part that cannot be removed is no worse than that.
            let _ = unlinkat(&self.folder, part.as_os_str(), UnlinkatFlags::NoRemoveDir);
        }
        done
    }

    fn create(&self, name: &str) -> Result<(OsString, OwnedFd), Errno> {
        let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let mut last = Errno::EEXIST;
        for number in 0..TRIES {
            let part = OsString::from(format!(".{name}.{}-{number}.part", std::process::id()));
            match openat(&self.folder, part.as_os_str(), flags, Mode::S_IRUSR | Mode::S_IWUSR) {
                Ok(file) => return Ok((part, file)),
                Err(Errno::EEXIST) => {}
                Err(errno) => {
                    last = errno;
                    break;
                }
            }
        }
        Err(last)
    }

    fn place(&self, part: &OsString, name: &str, path: &Path) -> Result<(), UserError> {
        let folder = self.folder.as_fd();
        if self.force {
            self.is_free(name)?;
            return renameat(folder, part.as_os_str(), folder, name).map_err(|errno| write_error(path, errno));
        }
        // A link is made only where nothing is.
        match linkat(folder, part.as_os_str(), folder, name, AtFlags::empty()) {
            Ok(()) => Ok(()),
            Err(Errno::EEXIST) => Err(in_the_way(path.to_owned(), false)),
            Err(errno) => Err(write_error(path, errno)),
        }
    }
}

fn in_the_way(path: PathBuf, force: bool) -> UserError {
    if force {
        let hint = "remove it, or choose another name with `--output`";
        return UserError::Unfit { path, problem: "it is there and is no regular file".to_owned(), hint };
    }
    UserError::Unfit {
        path,
        problem: "it is there already".to_owned(),
        hint: "choose another name with `--output`, or add `--force`",
    }
}

fn write_error(path: &Path, errno: Errno) -> UserError {
    UserError::Write { path: path.to_owned(), source: errno.into() }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_is_its_owners_and_never_replaced_but_by_force() {
        let folder = tempfile::tempdir().unwrap();
        let target = Target::open(folder.path(), false).unwrap();
        target.write("page.html", b"first").unwrap();
        let path = folder.path().join("page.html");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(target.is_free("page.html").is_err());
        assert!(target.write("page.html", b"second").is_err());
        assert_eq!(fs::read(&path).unwrap(), b"first");
        Target::open(folder.path(), true).unwrap().write("page.html", b"third").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"third");
        assert_eq!(names(folder.path()), ["page.html"]);
    }

    #[test]
    fn neither_a_link_nor_a_folder_is_written_through() {
        let folder = tempfile::tempdir().unwrap();
        let victim = folder.path().join("victim");
        fs::write(&victim, "mine").unwrap();
        symlink(&victim, folder.path().join("page.html")).unwrap();
        fs::create_dir(folder.path().join("a.html")).unwrap();
        for force in [false, true] {
            let target = Target::open(folder.path(), force).unwrap();
            assert!(target.write("page.html", b"theirs").is_err());
            assert!(target.write("a.html", b"theirs").is_err());
        }
        assert_eq!(fs::read(&victim).unwrap(), b"mine");
        assert_eq!(names(folder.path()), ["a.html", "page.html", "victim"]);
    }

    #[test]
    fn a_folder_that_others_can_write_is_refused_unless_it_is_sticky() {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), Permissions::from_mode(0o777)).unwrap();
        assert!(Target::open(folder.path(), false).is_err());
        fs::set_permissions(folder.path(), Permissions::from_mode(0o1777)).unwrap();
        Target::open(folder.path(), false).unwrap().write("page.html", b"x").unwrap();
        assert!(Target::open(&folder.path().join("page.html"), false).is_err());
    }
}
