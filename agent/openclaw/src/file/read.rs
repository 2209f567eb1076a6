//! Opening and reading, for this process and for a user with less rights.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Component, Path, PathBuf};

use nix::fcntl::{OFlag, openat};
use nix::sys::stat::Mode;

use super::{FileContent, FileKind, FileMeta, ReadError};

const OPEN_FLAGS: OFlag =
    OFlag::O_RDONLY.union(OFlag::O_NOFOLLOW).union(OFlag::O_NONBLOCK).union(OFlag::O_NOCTTY).union(OFlag::O_CLOEXEC);

/// Reads a regular file of at most `max_bytes` bytes, without following a symbolic link at the last component.
pub fn read_regular(path: &Path, max_bytes: u64) -> Result<FileContent, ReadError> {
    // Opening a device can already have an effect, hence the look before.
    let before = fs::symlink_metadata(path).map_err(|source| ReadError::from_io(path, source))?;
    refuse_special(path, &before)?;
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(OPEN_FLAGS.bits())
        .open(path)
        .map_err(|source| ReadError::from_io(path, source))?;
    read_open(path, file, max_bytes, |_| Ok(()))
}

/// Reads a regular file for user `uid`, who may have less rights than this process.
///
/// On top of [`read_regular`], a file that another user owns is refused, unless it really lies below `home` and has
/// a single link, or everybody may read it where it really lies: neither a symbolic link in place of a directory nor
/// a hard link makes this process read for `uid` what `uid` cannot read. In both cases the real path's components are
/// opened one by one without following links, so that exchanging a directory meanwhile changes nothing.
pub fn read_owned(path: &Path, max_bytes: u64, home: Option<&Path>, uid: u32) -> Result<FileContent, ReadError> {
    let before = fs::symlink_metadata(path).map_err(|source| ReadError::from_io(path, source))?;
    refuse_special(path, &before)?;
    if before.uid() != uid {
        if let Some((real_home, relative)) = beneath(path, home)? {
            let accept = |meta: &FileMeta| {
                if meta.uid == uid || meta.nlink == 1 { Ok(()) } else { Err(foreign(path, meta.uid)) }
            };
            match read_beneath(path, &real_home, &relative, max_bytes, accept) {
                Err(ReadError::ForeignOwner { .. }) => {}
                other => return other,
            }
        }
        return read_public(path, max_bytes);
    }
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(OPEN_FLAGS.bits())
        .open(path)
        .map_err(|source| ReadError::from_io(path, source))?;
    read_open(path, file, max_bytes, |meta| if meta.uid == uid { Ok(()) } else { Err(foreign(path, meta.uid)) })
}

/// On whose behalf files are read.
///
/// A process with root's rights that looks after another user's files goes through [`read_owned`]; everybody else
/// has only rights of their own to lose and goes through [`read_regular`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reader {
    home: Option<PathBuf>,
    uid: u32,
    guarded: bool,
    sealed: bool,
}

impl Reader {
    /// Reads for user `uid` with the given home directory.
    pub fn for_user(uid: u32, home: Option<PathBuf>) -> Self {
        let guarded = nix::unistd::geteuid().is_root() && uid != 0;
        Self { home, uid, guarded, sealed: false }
    }

    /// Reads for the user of this process.
    pub fn for_self(home: Option<PathBuf>) -> Self {
        Self { home, uid: nix::unistd::geteuid().as_raw(), guarded: false, sealed: false }
    }

    /// Reads nothing and says that it was refused: for paths of another mount namespace, where a file of this name is another file.
    pub fn sealed() -> Self {
        Self { home: None, uid: nix::unistd::geteuid().as_raw(), guarded: false, sealed: true }
    }

    /// The user for whom files are read.
    pub fn uid(&self) -> u32 {
        self.uid
    }

    /// That user's home directory, if one is known.
    pub fn home(&self) -> Option<&Path> {
        self.home.as_deref()
    }

    /// Reads a regular file that is not a symbolic link.
    pub fn read(&self, path: &Path, max_bytes: u64) -> Result<FileContent, ReadError> {
        if self.sealed {
            let source = io::Error::from_raw_os_error(nix::errno::Errno::EACCES as i32);
            return Err(ReadError::from_io(path, source));
        }
        if self.guarded {
            read_owned(path, max_bytes, self.home.as_deref(), self.uid)
        } else {
            read_regular(path, max_bytes)
        }
    }

    /// Reads a regular file; a symbolic link is followed if it leads to a file of the same user below the same
    /// home, as dotfile managers make them, or to one that everybody may read. Any other link is refused.
    pub fn read_linked(&self, path: &Path, max_bytes: u64) -> Result<FileContent, ReadError> {
        match self.read(path, max_bytes) {
            Err(ReadError::Symlink { .. }) => self.read_link_target(path, max_bytes),
            other => other,
        }
    }

    fn read_link_target(&self, path: &Path, max_bytes: u64) -> Result<FileContent, ReadError> {
        let target = fs::canonicalize(path).map_err(|source| ReadError::from_io(path, source))?;
        let metadata = fs::symlink_metadata(&target).map_err(|source| ReadError::from_io(path, source))?;
        refuse_special(path, &metadata)?;
        let refused = |_| ReadError::Symlink { path: path.to_path_buf() };
        if let Some((real_home, relative)) = beneath(&target, self.home.as_deref())? {
            let own = |meta: &FileMeta| {
                if meta.uid == self.uid && meta.nlink == 1 { Ok(()) } else { Err(foreign(path, meta.uid)) }
            };
            match read_beneath(path, &real_home, &relative, max_bytes, own) {
                Err(ReadError::ForeignOwner { .. }) => {}
                other => return other,
            }
        }
        read_public(&target, max_bytes).map_err(|error| match error {
            ReadError::ForeignOwner { uid, .. } => refused(uid),
            other => other,
        })
    }
}

fn foreign(path: &Path, uid: u32) -> ReadError {
    ReadError::ForeignOwner { path: path.to_path_buf(), uid }
}

fn refuse_special(path: &Path, metadata: &Metadata) -> Result<(), ReadError> {
    let kind = metadata.file_type();
    if kind.is_symlink() {
        return Err(ReadError::Symlink { path: path.to_path_buf() });
    }
    if !kind.is_file() {
        return Err(ReadError::NotRegular { path: path.to_path_buf(), kind: FileKind::of(metadata) });
    }
    Ok(())
}

/// Reads a file that everybody may read, through directories that everybody may pass.
fn read_public(path: &Path, max_bytes: u64) -> Result<FileContent, ReadError> {
    let real = match (path.parent(), path.file_name()) {
        (Some(parent), Some(name)) => {
            fs::canonicalize(parent).map_err(|source| ReadError::from_io(path, source))?.join(name)
        }
        _ => path.to_path_buf(),
    };
    let root = Path::new("/");
    let relative = real.strip_prefix(root).unwrap_or(&real).to_path_buf();
    let (file, passable) = open_beneath(path, root, &relative)?;
    read_open(path, file, max_bytes, |meta| {
        if passable && meta.mode & 0o004 != 0 { Ok(()) } else { Err(foreign(path, meta.uid)) }
    })
}

/// The canonical home and the file's place in it, if the file's directory really lies below that home.
fn beneath(path: &Path, home: Option<&Path>) -> Result<Option<(PathBuf, PathBuf)>, ReadError> {
    let (Some(home), Some(parent), Some(name)) = (home, path.parent(), path.file_name()) else {
        return Ok(None);
    };
    let parent = fs::canonicalize(parent).map_err(|source| ReadError::from_io(path, source))?;
    let Ok(home) = fs::canonicalize(home) else {
        return Ok(None);
    };
    let relative = parent.strip_prefix(&home).ok().map(|inner| inner.join(name));
    Ok(relative.map(|relative| (home, relative)))
}

fn read_beneath(
    path: &Path,
    home: &Path,
    relative: &Path,
    max_bytes: u64,
    accept: impl FnOnce(&FileMeta) -> Result<(), ReadError>,
) -> Result<FileContent, ReadError> {
    let (file, _) = open_beneath(path, home, relative)?;
    read_open(path, file, max_bytes, accept)
}

/// Opens `relative` below `base` component by component without following a link, and says whether everybody may
/// pass the directories on the way.
fn open_beneath(path: &Path, base: &Path, relative: &Path) -> Result<(File, bool), ReadError> {
    let as_io = |source| ReadError::from_io(path, source);
    let mut current = File::open(base).map_err(as_io)?;
    let mut passable = true;
    let mut components = relative.components().peekable();
    while let Some(component) = components.next() {
        let Component::Normal(name) = component else {
            return Err(ReadError::Symlink { path: path.to_path_buf() });
        };
        passable &= current.metadata().map_err(as_io)?.mode() & 0o001 != 0;
        let flags = if components.peek().is_some() { OPEN_FLAGS | OFlag::O_DIRECTORY } else { OPEN_FLAGS };
        let opened = openat(&current, name, flags, Mode::empty());
        current = File::from(opened.map_err(|errno| as_io(io::Error::from(errno)))?);
    }
    Ok((current, passable))
}

fn read_open(
    path: &Path,
    file: File,
    max_bytes: u64,
    accept: impl FnOnce(&FileMeta) -> Result<(), ReadError>,
) -> Result<FileContent, ReadError> {
    let as_io = |source| ReadError::from_io(path, source);
    let metadata = file.metadata().map_err(as_io)?;
    refuse_special(path, &metadata)?;
    let meta = FileMeta::of(&metadata);
    accept(&meta)?;
    let too_large = || ReadError::TooLarge { path: path.to_path_buf(), limit: max_bytes };
    if meta.size > max_bytes {
        return Err(too_large());
    }
    let mut bytes = Vec::with_capacity(usize::try_from(meta.size).unwrap_or(0));
    file.take(max_bytes.saturating_add(1)).read_to_end(&mut bytes).map_err(as_io)?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > max_bytes {
        return Err(too_large());
    }
    Ok(FileContent { bytes, meta })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn own_uid() -> u32 {
        nix::unistd::geteuid().as_raw()
    }

    fn home() -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = fs::canonicalize(dir.path()).unwrap();
        (dir, path)
    }

    #[test]
    fn reads_content_and_metadata() {
        let (_dir, home) = home();
        let path = home.join("a");
        fs::write(&path, b"hello").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let content = read_regular(&path, 5).unwrap();
        assert_eq!(content.bytes, b"hello");
        assert_eq!((content.meta.mode, content.meta.nlink, content.meta.size), (0o640, 1, 5));
        assert!(content.meta.is_readable_by_others());
        assert!(!format!("{content:?}").contains("104"));
    }

    #[test]
    fn refuses_what_is_not_a_small_regular_file() {
        let (_dir, home) = home();
        let path = home.join("big");
        fs::write(&path, vec![b'x'; 11]).unwrap();
        assert!(matches!(read_regular(&path, 10), Err(ReadError::TooLarge { limit: 10, .. })));

        let fifo = home.join("fifo");
        nix::unistd::mkfifo(&fifo, Mode::S_IRWXU).unwrap();
        assert!(matches!(read_regular(&fifo, 10), Err(ReadError::NotRegular { kind: FileKind::Fifo, .. })));
        assert!(matches!(read_regular(&home, 10), Err(ReadError::NotRegular { kind: FileKind::Directory, .. })));

        let link = home.join("link");
        symlink("/etc/shadow", &link).unwrap();
        assert!(matches!(read_regular(&link, 10), Err(ReadError::Symlink { .. })));
        assert!(matches!(read_regular(Path::new("/dev/zero"), 10), Err(ReadError::NotRegular { .. })));
        assert!(matches!(read_regular(&home.join("none"), 10), Err(ReadError::NotFound { .. })));
        assert!(matches!(read_regular(&path.join("under-a-file"), 10), Err(ReadError::NotFound { .. })));
    }

    #[test]
    fn a_file_without_end_is_cut_off() {
        let path = Path::new("/proc/kallsyms");
        if path.exists() {
            assert!(matches!(read_regular(path, 4096), Err(ReadError::TooLarge { .. } | ReadError::Denied { .. })));
        }
    }

    #[test]
    fn owned_reads_stay_with_the_user() {
        let (_dir, home) = home();
        let path = home.join("mine");
        fs::write(&path, b"x").unwrap();
        let other = own_uid() + 4321;
        assert!(read_owned(&path, 10, None, own_uid()).is_ok());
        assert!(read_owned(&path, 10, Some(&home), other).is_ok(), "single link inside the home");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        assert!(matches!(read_owned(&path, 10, None, other), Err(ReadError::ForeignOwner { .. })));

        fs::hard_link(&path, home.join("second")).unwrap();
        assert!(matches!(read_owned(&path, 10, Some(&home), other), Err(ReadError::ForeignOwner { .. })));
    }

    #[test]
    fn what_everybody_may_read_is_read_for_everybody() {
        let path = Path::new("/etc/passwd");
        assert!(read_owned(path, 1 << 20, None, own_uid() + 4321).is_ok());
        let (_dir, home) = home();
        let path = home.join("open");
        fs::write(&path, b"x").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        fs::set_permissions(&home, fs::Permissions::from_mode(0o700)).unwrap();
        let other = own_uid() + 4321;
        assert!(matches!(read_owned(&path, 10, None, other), Err(ReadError::ForeignOwner { .. })));
    }

    #[test]
    fn a_linked_directory_leads_nowhere() {
        let (_dir, home) = home();
        let (_outside_dir, outside) = self::home();
        fs::write(outside.join("secret"), b"x").unwrap();
        fs::set_permissions(outside.join("secret"), fs::Permissions::from_mode(0o600)).unwrap();
        symlink(&outside, home.join("state")).unwrap();
        let path = home.join("state/secret");
        let other = own_uid() + 4321;
        assert!(matches!(read_owned(&path, 10, Some(&home), other), Err(ReadError::ForeignOwner { .. })));
        assert!(read_owned(&path, 10, Some(&home), own_uid()).is_ok());
    }

    #[test]
    fn follows_a_link_only_to_the_same_users_file_in_the_same_home() {
        let (_dir, home) = home();
        let reader = Reader { home: Some(home.clone()), uid: own_uid(), guarded: true, sealed: false };
        fs::create_dir(home.join("dotfiles")).unwrap();
        fs::write(home.join("dotfiles/openclaw.json"), b"{}").unwrap();
        symlink("dotfiles/openclaw.json", home.join("good")).unwrap();
        symlink("/etc/shadow", home.join("bad")).unwrap();
        symlink("nowhere", home.join("dangling")).unwrap();
        assert_eq!(reader.read_linked(&home.join("good"), 10).unwrap().bytes, b"{}");
        assert!(matches!(reader.read(&home.join("good"), 10), Err(ReadError::Symlink { .. })));
        assert!(matches!(reader.read_linked(&home.join("bad"), 10), Err(ReadError::Symlink { .. })));
        assert!(matches!(reader.read_linked(&home.join("dangling"), 10), Err(ReadError::NotFound { .. })));
    }
}
