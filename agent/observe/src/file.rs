//! What the system says of a path.

use std::fs;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use portreeve_core::Fact;
pub use portreeve_facts::file::stat;
pub(crate) use portreeve_facts::file::{chain, error_fact, file_stat, from_io};

/// The path with every symbolic link resolved. Hangs like [`stat`].
pub fn real_path(path: &Path, at: Timestamp) -> Fact<PathBuf> {
    from_io(fs::canonicalize(path), "realpath", at)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn links_are_resolved() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        fs::write(&file, b"12345").unwrap();
        let link = dir.path().join("link");
        symlink(&file, &link).unwrap();
        let at = Timestamp::UNIX_EPOCH;
        assert_eq!(real_path(&link, at).get().unwrap(), &fs::canonicalize(&file).unwrap());
        assert!(real_path(&dir.path().join("none"), at).is_absent());
    }
}
