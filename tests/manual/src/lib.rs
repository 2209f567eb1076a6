//! Reads the pages of the documentation: what they tell people to type, what they say comes of it, and where their links lead.
//!
//! The tests of the crates that have the programs hold the pages to it; the links are tested here.

mod calls;
mod page;
mod shell;
mod transcript;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

pub use calls::{Call, calls};
pub use page::{Inline, Link, Page};
pub use shell::programs;
pub use transcript::{Origin, Step, Transcript, agrees};

/// The folder of the checkout.
#[must_use]
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Every page that people read, by its path.
///
/// # Errors
///
/// Where a folder or a page cannot be read.
pub fn pages() -> io::Result<Vec<Page>> {
    let root = root();
    let mut paths: Vec<PathBuf> =
        ["README.md", "CONTRIBUTING.md", "launchd/README.md", "fleet/contrib/README.md"].map(PathBuf::from).into();
    collect(&root, Path::new("docs"), &mut paths)?;
    paths.sort();
    paths.into_iter().map(|path| Ok(Page::read(&fs::read_to_string(root.join(&path))?, path))).collect()
}

fn collect(root: &Path, folder: &Path, paths: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(root.join(folder))? {
        let entry = entry?;
        let path = folder.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            collect(root, &path, paths)?;
        } else if path.extension().is_some_and(|extension| extension == "md") {
            paths.push(path);
        }
    }
    Ok(())
}
