//! A folder of the agent's own.

use std::fs::{self, File, Permissions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{FileExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use nix::fcntl::{AtFlags, OFlag, openat, renameat};
use nix::sys::stat::{Mode, mkdirat};
use nix::unistd::{UnlinkatFlags, linkat, unlinkat};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::lock::{self, Lock};
use crate::trust::Owner;
use crate::{StoreError, trust};

/// Ends the name of a file that is not whole yet.
const PART: &str = ".part";
/// A part that is older was left behind by a process that was killed.
const MAX_PART_AGE: Duration = Duration::from_hours(1);
/// Most names that a folder of ours can hold: those of a spool at its bound are fewer.
const MAX_NAMES: usize = 100_000;
/// Longest name, in bytes, that leaves room for the end of a part's.
const MAX_NAME: usize = 200;

/// Who may read a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// Its owner.
    Owner,
    /// Everybody on this machine.
    Everybody,
}

impl Audience {
    fn file_mode(self) -> u32 {
        match self {
            Self::Owner => 0o600,
            Self::Everybody => 0o644,
        }
    }

    fn folder_mode(self) -> Mode {
        match self {
            Self::Owner => Mode::S_IRWXU,
            Self::Everybody => Mode::from_bits_truncate(0o755),
        }
    }
}

/// A folder that only its owner writes.
#[derive(Debug)]
pub struct Folder {
    descriptor: OwnedFd,
    path: PathBuf,
}

impl Folder {
    /// The folder at a path, made with mode 0700 where it is missing, as are the folders that lead to it.
    pub fn create(path: &Path) -> Result<Self, StoreError> {
        Self::create_for(path, Audience::Owner)
    }

    /// The same; what is made can be entered and listed by the audience.
    pub fn create_for(path: &Path, audience: Audience) -> Result<Self, StoreError> {
        let (mut here, missing) = trust::resolve(path)?;
        let mut left = missing.len();
        let mut descriptor = open_folder(nix::fcntl::AT_FDCWD, &here, &here, left > 0)?;
        for part in missing {
            left -= 1;
            here.push(&part);
            match mkdirat(&descriptor, part.as_os_str(), audience.folder_mode()) {
                Ok(()) | Err(nix::Error::EEXIST) => {}
                Err(error) => return Err(io_error("make", &here)(error.into())),
            }
            descriptor = open_folder(&descriptor, Path::new(&part), &here, left > 0)?;
            if audience == Audience::Everybody {
                // The umask would have taken the right to enter away.
                let folder = File::from(descriptor);
                folder.set_permissions(Permissions::from_mode(0o755)).map_err(io_error("change", &here))?;
                descriptor = folder.into();
            }
        }
        let folder = Self { descriptor, path: here };
        folder.sweep();
        Ok(folder)
    }

    /// The folder at a path; none where there is none.
    pub fn open(path: &Path) -> Result<Option<Self>, StoreError> {
        let (here, missing) = trust::resolve(path)?;
        if !missing.is_empty() {
            return Ok(None);
        }
        Ok(Some(Self { descriptor: open_folder(nix::fcntl::AT_FDCWD, &here, &here, false)?, path: here }))
    }

    /// Where it is, without links.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A folder in it, made with mode 0700 where it is missing.
    pub fn folder(&self, name: &str) -> Result<Self, StoreError> {
        let path = self.entry(name)?;
        match mkdirat(&self.descriptor, name, Mode::S_IRWXU) {
            Ok(()) | Err(nix::Error::EEXIST) => {}
            Err(error) => return Err(io_error("make", &path)(error.into())),
        }
        let folder = Self { descriptor: open_folder(&self.descriptor, Path::new(name), &path, false)?, path };
        folder.sweep();
        Ok(folder)
    }

    /// A file's bytes; none where there is no such file.
    pub fn read(&self, name: &str, max_bytes: u64) -> Result<Option<Vec<u8>>, StoreError> {
        let path = self.entry(name)?;
        let file = match self.open_file(name, OFlag::O_RDONLY) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(io_error("read", &path)(error)),
        };
        let metadata = file.metadata().map_err(io_error("look at", &path))?;
        check_file(&metadata, &path)?;
        let mut bytes = Vec::new();
        file.take(max_bytes + 1).read_to_end(&mut bytes).map_err(io_error("read", &path))?;
        if bytes.len() as u64 > max_bytes {
            return Err(StoreError::TooLong { path, limit: max_bytes });
        }
        Ok(Some(bytes))
    }

    /// A file's value; none where there is no such file.
    pub fn read_json<T: DeserializeOwned>(&self, name: &str, max_bytes: u64) -> Result<Option<T>, StoreError> {
        let Some(bytes) = self.read(name, max_bytes)? else { return Ok(None) };
        // By way of a value, as all that reads these types does: code that reads them out of bytes would be a second set.
        serde_json::from_slice(&bytes)
            .and_then(serde_json::from_value)
            .map(Some)
            .map_err(|source| StoreError::Form { path: self.path.join(name), source })
    }

    /// Puts a whole new file in the place of the old one, on the disk.
    pub fn write(&self, name: &str, bytes: &[u8], audience: Audience) -> Result<(), StoreError> {
        let path = self.entry(name)?;
        let part = self.new_part(name);
        let written = self.write_part(&part, bytes, audience).and_then(|()| {
            renameat(&self.descriptor, part.as_str(), &self.descriptor, name)?;
            self.sync()
        });
        if written.is_err() {
            drop(self.unlink(&part));
        }
        written.map_err(io_error("write", &path))
    }

    /// Puts a whole file where there is none, on the disk. False where there is one already, which stays as it is.
    pub fn add(&self, name: &str, bytes: &[u8], audience: Audience) -> Result<bool, StoreError> {
        let path = self.entry(name)?;
        let part = self.new_part(name);
        let added = self.write_part(&part, bytes, audience).and_then(|()| {
            match linkat(&self.descriptor, part.as_str(), &self.descriptor, name, AtFlags::empty()) {
                Ok(()) => self.sync().map(|()| true),
                Err(nix::Error::EEXIST) => Ok(false),
                Err(error) => Err(error.into()),
            }
        });
        drop(self.unlink(&part));
        added.map_err(io_error("write", &path))
    }

    /// Puts a damaged file out of the way, in the place of one that was put there before, and gives its new name.
    pub fn set_aside(&self, name: &str) -> Result<String, StoreError> {
        let path = self.entry(name)?;
        let aside = format!("{name}.damaged");
        renameat(&self.descriptor, name, &self.descriptor, aside.as_str())
            .map_err(io::Error::from)
            .and_then(|()| self.sync())
            .map_err(io_error("set aside", &path))?;
        Ok(aside)
    }

    /// Puts a value in the place of the old one, on the disk.
    pub fn write_json<T: Serialize>(&self, name: &str, value: &T, audience: Audience) -> Result<(), StoreError> {
        let mut bytes =
            serde_json::to_vec(value).map_err(|source| StoreError::Form { path: self.path.join(name), source })?;
        bytes.push(b'\n');
        self.write(name, &bytes, audience)
    }

    /// Adds bytes at the end of a file of the owner's, which is made where it is missing, and waits until they are on the disk. A crash
    /// can leave a part of them.
    pub fn append(&self, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        let path = self.entry(name)?;
        let mut file = self
            .open_file(name, OFlag::O_WRONLY | OFlag::O_APPEND | OFlag::O_CREAT)
            .map_err(io_error("write", &path))?;
        let metadata = file.metadata().map_err(io_error("look at", &path))?;
        check_file(&metadata, &path)?;
        file.write_all(bytes).and_then(|()| file.sync_all()).map_err(io_error("write", &path))?;
        if metadata.len() == 0 { self.sync().map_err(io_error("write", &path)) } else { Ok(()) }
    }

    /// Writes bytes at a place of a file of the owner's, which is made where it is missing, and waits until they are on the disk. A crash
    /// can leave a part of them.
    pub fn write_at(&self, name: &str, offset: u64, bytes: &[u8]) -> Result<(), StoreError> {
        let path = self.entry(name)?;
        let file = self.open_file(name, OFlag::O_WRONLY | OFlag::O_CREAT).map_err(io_error("write", &path))?;
        let metadata = file.metadata().map_err(io_error("look at", &path))?;
        check_file(&metadata, &path)?;
        // On macOS this is `F_FULLFSYNC`.
        file.write_all_at(bytes, offset).and_then(|()| file.sync_data()).map_err(io_error("write", &path))?;
        if metadata.len() == 0 { self.sync().map_err(io_error("write", &path)) } else { Ok(()) }
    }

    /// The bytes of a file from `offset` on, at most `max_bytes`; none where there is no such file.
    pub fn read_at(&self, name: &str, offset: u64, max_bytes: u64) -> Result<Option<Vec<u8>>, StoreError> {
        let path = self.entry(name)?;
        let mut file = match self.open_file(name, OFlag::O_RDONLY) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(io_error("read", &path)(error)),
        };
        let metadata = file.metadata().map_err(io_error("look at", &path))?;
        check_file(&metadata, &path)?;
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(offset))
            .and_then(|_| file.take(max_bytes).read_to_end(&mut bytes))
            .map_err(io_error("read", &path))?;
        Ok(Some(bytes))
    }

    /// Cuts a file off after `length` bytes, on the disk; nothing happens where there is none.
    pub fn truncate(&self, name: &str, length: u64) -> Result<(), StoreError> {
        let path = self.entry(name)?;
        let file = match self.open_file(name, OFlag::O_WRONLY) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(io_error("cut", &path)(error)),
        };
        let metadata = file.metadata().map_err(io_error("look at", &path))?;
        check_file(&metadata, &path)?;
        if metadata.len() <= length {
            return Ok(());
        }
        file.set_len(length).and_then(|()| file.sync_all()).map_err(io_error("cut", &path))
    }

    /// Removes a file; nothing happens where there is none.
    pub fn remove(&self, name: &str) -> Result<(), StoreError> {
        let path = self.entry(name)?;
        match self.unlink(name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other.and_then(|()| self.sync()).map_err(io_error("remove", &path)),
        }
    }

    /// The names in it, all of them and sorted, without parts of files. A folder with more than 100 000 is none of ours.
    pub fn names(&self) -> Result<Vec<String>, StoreError> {
        names(&self.path, MAX_NAMES)
    }

    /// Takes the lock of this name, which the process holds until the value is dropped or the process ends. Waits at most `patience`.
    pub fn lock(&self, name: &str, patience: Duration) -> Result<Lock, StoreError> {
        let path = self.entry(name)?;
        let file = self.open_file(name, OFlag::O_RDWR | OFlag::O_CREAT).map_err(io_error("open", &path))?;
        let metadata = file.metadata().map_err(io_error("look at", &path))?;
        check_file(&metadata, &path)?;
        lock::take(file, path, patience)
    }

    /// The name of a part that is not there.
    fn new_part(&self, name: &str) -> String {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let part = format!("{name}.{}-{}{PART}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        // What an earlier process with our number left there.
        drop(self.unlink(&part));
        part
    }

    fn write_part(&self, part: &str, bytes: &[u8], audience: Audience) -> io::Result<()> {
        let mut file = self.open_file(part, OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL)?;
        file.write_all(bytes)?;
        file.set_permissions(Permissions::from_mode(audience.file_mode()))?;
        // On macOS this is `F_FULLFSYNC`.
        file.sync_all()
    }

    fn open_file(&self, name: &str, flags: OFlag) -> io::Result<File> {
        let flags = flags | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
        Ok(File::from(openat(&self.descriptor, name, flags, Mode::S_IRUSR | Mode::S_IWUSR)?))
    }

    fn unlink(&self, name: &str) -> io::Result<()> {
        Ok(unlinkat(&self.descriptor, name, UnlinkatFlags::NoRemoveDir)?)
    }

    fn sync(&self) -> io::Result<()> {
        File::from(self.descriptor.try_clone()?).sync_all()
    }

    /// Removes what processes that were killed left behind.
    fn sweep(&self) {
        let Ok(entries) = fs::read_dir(&self.path) else { return };
        for entry in entries.take(MAX_NAMES).flatten() {
            let name = entry.file_name();
            let Some(name) = name.to_str().filter(|name| name.ends_with(PART)) else { continue };
            let age = entry.metadata().and_then(|metadata| metadata.modified()).map(|modified| modified.elapsed());
            if matches!(age, Ok(Ok(age)) if age > MAX_PART_AGE) {
                drop(self.unlink(name));
            }
        }
    }

    /// Where an entry is.
    fn entry(&self, name: &str) -> Result<PathBuf, StoreError> {
        let path = self.path.join(name);
        if name.is_empty() || name.len() > MAX_NAME || name == "." || name == ".." || name.contains(['/', '\0']) {
            return Err(StoreError::Untrusted { path, why: "it is no name of a file".to_owned() });
        }
        Ok(path)
    }
}

/// The names in a folder. One that went missing would be a file that its owner takes for gone.
fn names(path: &Path, most: usize) -> Result<Vec<String>, StoreError> {
    let mut names = Vec::new();
    for (index, entry) in fs::read_dir(path).map_err(io_error("list", path))?.enumerate() {
        if index == most {
            return Err(StoreError::TooMany { path: path.to_owned(), limit: most });
        }
        let name = entry.map_err(io_error("list", path))?.file_name().into_string();
        names.extend(name.ok().filter(|name| !name.ends_with(PART)));
    }
    names.sort_unstable();
    Ok(names)
}

/// Opens a folder that only its owner writes, or one that merely leads there: everybody may write to that if what is in it stays its
/// owner's.
fn open_folder(at: impl AsFd, name: &Path, path: &Path, leads_on: bool) -> Result<OwnedFd, StoreError> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let descriptor = openat(at, name, flags, Mode::empty()).map_err(|error| io_error("open", path)(error.into()))?;
    let folder = File::from(descriptor);
    let metadata = folder.metadata().map_err(io_error("look at", path))?;
    let untrusted = |why: String| StoreError::Untrusted { path: path.to_owned(), why };
    let owner = Owner::this();
    let stays_its_owners = leads_on && owner.owns(&metadata) && metadata.mode() & trust::STICKY != 0;
    if let Some(why) = owner.refuse(&metadata)
        && !stays_its_owners
    {
        return Err(untrusted(why));
    }
    Ok(folder.into())
}

fn check_file(metadata: &fs::Metadata, path: &Path) -> Result<(), StoreError> {
    let untrusted = |why: String| Err(StoreError::Untrusted { path: path.to_owned(), why });
    if !metadata.is_file() {
        return untrusted("it is no regular file".to_owned());
    }
    Owner::this().refuse(metadata).map_or(Ok(()), untrusted)
}

fn io_error(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StoreError {
    move |source| StoreError::Io { doing, path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_goes_missing() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["c", "a", "b"] {
            fs::write(dir.path().join(name), "").unwrap();
        }
        assert_eq!(names(dir.path(), 3).unwrap(), ["a", "b", "c"]);
        assert!(matches!(names(dir.path(), 2), Err(StoreError::TooMany { limit: 2, .. })));
    }

    #[test]
    #[expect(clippy::print_stderr, reason = "a skipped test says so")]
    fn a_sticky_folder_of_another_user_leads_nowhere() {
        if !nix::unistd::geteuid().is_root() {
            eprintln!("skipped: only the superuser can give a folder away");
            return;
        }
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("theirs");
        fs::create_dir(&path).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o1777)).unwrap();
        let opened = || open_folder(nix::fcntl::AT_FDCWD, &path, &path, true);
        assert!(opened().is_ok());
        nix::unistd::chown(&path, Some(nix::unistd::Uid::from_raw(12_345)), None).unwrap();
        assert!(matches!(opened(), Err(StoreError::Untrusted { .. })));
    }
}
