//! What is kept between runs: `images.json` in the agent's own folder.

use std::path::Path;
use std::time::Duration;

use portreeve_core::images::schedule::Runs;
use portreeve_core::order::Order as _;
use portreeve_core::snapshot::ImageCheck;
use portreeve_store::{Audience, Folder, StoreError};
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

/// Reads what is kept; nothing where there is none.
pub fn load(folder: &Path) -> Result<Kept, StoreError> {
    match Folder::open(folder)? {
        Some(folder) => load_from(&folder),
        None => Ok(Kept::default()),
    }
}

fn load_from(folder: &Folder) -> Result<Kept, StoreError> {
    let Some(bytes) = folder.read(FILE, MAX_BYTES)? else { return Ok(Kept::default()) };
    parse(&bytes).map_err(|source| StoreError::Form { path: folder.path().join(FILE), source })
}

/// What is kept, from the file's bytes.
pub fn parse(bytes: &[u8]) -> Result<Kept, serde_json::Error> {
    let mut kept: Kept = portreeve_core::json::parse(bytes)?;
    if kept.version != VERSION {
        return Err(serde::de::Error::custom(format!("version {}", kept.version)));
    }
    kept.images.truncate(MAX_IMAGES);
    Ok(kept)
}

/// Changes what is kept, with nobody else changing it meanwhile. Gives what came of it, and a word where a damaged file was set aside.
pub fn update(folder: &Path, change: impl FnOnce(&mut Kept)) -> Result<(Kept, Option<String>), StoreError> {
    let folder = Folder::create(folder)?;
    let _lock = folder.lock("images.lock", PATIENCE)?;
    let (mut kept, note) = match load_from(&folder) {
        Ok(kept) => (kept, None),
        Err(error @ StoreError::Form { .. }) => {
            let aside = folder.set_aside(FILE)?;
            (Kept::default(), Some(format!("{error}: set aside as `{aside}`")))
        }
        Err(error) => return Err(error),
    };
    change(&mut kept);
    kept.trim();
    folder.write_json(FILE, &kept, Audience::Owner)?;
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
            self.images.order_by_key(|check| std::cmp::Reverse(check.tried_at));
            self.images.truncate(MAX_IMAGES);
        }
        self.images.order_by(|one, other| one.image.cmp(&other.image));
    }
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
        assert!(matches!(update(&open, |_| ()), Err(StoreError::Untrusted { .. })));
        let data = folder.path().join("data");
        update(&data, |_| ()).unwrap();
        fs::rename(data.join(FILE), folder.path().join("elsewhere")).unwrap();
        std::os::unix::fs::symlink(folder.path().join("elsewhere"), data.join(FILE)).unwrap();
        assert!(matches!(load(&data), Err(StoreError::Io { .. })));
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
