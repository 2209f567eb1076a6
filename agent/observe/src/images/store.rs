//! What is kept between runs: `images.json` in the agent's own folder.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::fcntl::{Flock, FlockArg, OFlag};
use portreeve_core::images::schedule::Runs;
use portreeve_core::snapshot::ImageCheck;
use portreeve_openclaw::file::{ReadError, read_regular};
use serde::{Deserialize, Serialize};

/// Version of the file's form.
const VERSION: u32 = 1;
/// Name of the file.
const FILE: &str = "images.json";
/// Longest file that is read, in bytes.
const MAX_BYTES: u64 = 8 << 20;
/// Most images that are kept.
const MAX_IMAGES: usize = 512;
/// How long another run may hold the file.
const PATIENCE: Duration = Duration::from_secs(5);

/// What is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Kept {
    version: u32,
    /// The runs so far.
    pub runs: Runs,
    /// What is known of each image.
    pub images: Vec<ImageCheck>,
}

impl Default for Kept {
    fn default() -> Self {
        Self { version: VERSION, runs: Runs::default(), images: Vec::new() }
    }
}

/// Why nothing could be kept or read.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It cannot be read.
    #[error("the last results in `{}` cannot be read", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: ReadError,
    },
    /// It is damaged, or of a newer agent.
    #[error("the last results in `{}` are of no known form", .path.display())]
    Form {
        /// The file.
        path: PathBuf,
    },
    /// It cannot be written.
    #[error("results cannot be kept in `{}`", .folder.display())]
    Write {
        /// The folder.
        folder: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl StoreError {
    /// The error with what it comes from, in one line.
    pub fn sentence(&self) -> String {
        match std::error::Error::source(self) {
            Some(source) => format!("{self}: {source}"),
            None => self.to_string(),
        }
    }
}

/// Reads what is kept; nothing where there is none.
pub fn load(folder: &Path) -> Result<Kept, StoreError> {
    let path = folder.join(FILE);
    match read_regular(&path, MAX_BYTES) {
        Ok(content) => parse(&content.bytes).ok_or(StoreError::Form { path }),
        Err(error) if error.is_not_found() => Ok(Kept::default()),
        Err(source) => Err(StoreError::Read { path, source }),
    }
}

/// What is kept, from the file's bytes. None where they are damaged or of another version.
pub fn parse(bytes: &[u8]) -> Option<Kept> {
    let mut kept: Kept = serde_json::from_slice(bytes).ok()?;
    kept.images.truncate(MAX_IMAGES);
    (kept.version == VERSION).then_some(kept)
}

/// Changes what is kept, with nobody else changing it meanwhile. Gives what came of it, and a word where a damaged file was set aside.
pub fn update(folder: &Path, change: impl FnOnce(&mut Kept)) -> Result<(Kept, Option<String>), StoreError> {
    let failed = |source| StoreError::Write { folder: folder.to_owned(), source };
    own(folder).map_err(failed)?;
    let _lock = lock(&folder.join("images.lock")).map_err(failed)?;
    let path = folder.join(FILE);
    let (mut kept, note) = match load(folder) {
        Ok(kept) => (kept, None),
        Err(error @ StoreError::Form { .. }) => {
            let aside = folder.join(format!("{FILE}.damaged"));
            std::fs::rename(&path, &aside).map_err(failed)?;
            (Kept::default(), Some(format!("{error}: set aside as `{}`", aside.display())))
        }
        Err(error) => return Err(error),
    };
    change(&mut kept);
    kept.trim();
    write(folder, &path, &kept).map_err(failed)?;
    Ok((kept, note))
}

impl Kept {
    /// What is known of an image, which begins as nothing.
    pub fn check(&mut self, image: &str) -> &mut ImageCheck {
        let index = match self.images.iter().position(|check| check.image == image) {
            Some(index) => index,
            None => {
                self.images.push(ImageCheck::new(image));
                self.images.len() - 1
            }
        };
        &mut self.images[index]
    }

    /// Forgets the images that were asked for longest ago.
    fn trim(&mut self) {
        if self.images.len() > MAX_IMAGES {
            self.images.sort_by_key(|check| std::cmp::Reverse(check.tried_at));
            self.images.truncate(MAX_IMAGES);
        }
        self.images.sort_by(|one, other| one.image.cmp(&other.image));
    }
}

/// Makes the folder, and refuses one that others may write.
fn own(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let metadata = std::fs::symlink_metadata(folder)?;
    if !metadata.is_dir() || metadata.uid() != nix::unistd::geteuid().as_raw() || metadata.mode() & 0o022 != 0 {
        let why = "it must be a directory that only this user can write";
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, why));
    }
    Ok(())
}

fn lock(path: &Path) -> io::Result<Flock<File>> {
    let open = || {
        let flags = (OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK).bits();
        OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).custom_flags(flags).open(path)
    };
    let mut file = open()?;
    let begun = Instant::now();
    loop {
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(lock) => return Ok(lock),
            Err((back, errno)) if errno == nix::errno::Errno::EWOULDBLOCK && begun.elapsed() < PATIENCE => file = back,
            Err((_, errno)) => return Err(errno.into()),
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Writes beside the file's place and puts it there when it is whole and on the disk.
fn write(folder: &Path, path: &Path, kept: &Kept) -> io::Result<()> {
    let part = folder.join(format!("{FILE}.part"));
    let text = serde_json::to_vec_pretty(kept)?;
    match std::fs::remove_file(&part) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .custom_flags(OFlag::O_NOFOLLOW.bits())
        .open(&part)?;
    file.write_all(&text)?;
    file.sync_all()?;
    std::fs::rename(&part, path)?;
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn what_is_kept_comes_back_and_nobody_else_reads_it() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("a/b");
        assert_eq!(load(&data).unwrap(), Kept::default());
        let (kept, note) = update(&data, |kept| kept.check("x").history.clear()).unwrap();
        assert_eq!((kept.images.len(), note), (1, None));
        assert_eq!(load(&data).unwrap(), kept);
        let mode = fs::metadata(data.join(FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let mut names: Vec<_> = fs::read_dir(&data).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, ["images.json", "images.lock"]);
    }

    #[test]
    fn a_damaged_file_is_set_aside_with_a_word_and_only_read_it_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        for damaged in [&b"{\"version\": 1, \"runs\""[..], br#"{"version":99,"runs":{},"images":[]}"#, b""] {
            update(&data, |_| ()).unwrap();
            fs::write(data.join(FILE), damaged).unwrap();
            assert!(matches!(load(&data), Err(StoreError::Form { .. })));
            let (kept, note) = update(&data, |kept| kept.check("x").history.clear()).unwrap();
            assert!(note.is_some_and(|note| note.contains("images.json.damaged")));
            assert_eq!(kept.images.len(), 1);
            assert_eq!(fs::read(data.join("images.json.damaged")).unwrap(), damaged);
        }
    }

    #[test]
    fn a_folder_that_others_may_write_is_refused_and_so_is_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let open = folder.path().join("open");
        fs::create_dir(&open).unwrap();
        fs::set_permissions(&open, fs::Permissions::from_mode(0o777)).unwrap();
        assert!(matches!(update(&open, |_| ()), Err(StoreError::Write { .. })));
        let data = folder.path().join("data");
        update(&data, |_| ()).unwrap();
        fs::rename(data.join(FILE), folder.path().join("elsewhere")).unwrap();
        std::os::unix::fs::symlink(folder.path().join("elsewhere"), data.join(FILE)).unwrap();
        assert!(matches!(load(&data), Err(StoreError::Read { .. })));
    }

    #[test]
    fn two_changes_at_a_time_are_both_kept() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        update(&data, |_| ()).unwrap();
        std::thread::scope(|scope| {
            for number in 0..8 {
                let data = &data;
                scope.spawn(move || {
                    update(data, |kept| kept.check(&format!("image {number}")).history.clear()).unwrap()
                });
            }
        });
        assert_eq!(load(&data).unwrap().images.len(), 8);
    }

    #[test]
    fn the_number_of_images_is_bounded() {
        let folder = tempfile::tempdir().unwrap();
        let (kept, _) = update(folder.path(), |kept| {
            for number in 0..MAX_IMAGES + 5 {
                kept.check(&number.to_string());
            }
        })
        .unwrap();
        assert_eq!(kept.images.len(), MAX_IMAGES);
    }
}
