//! Files that a command writes.

use std::io::{Error, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::Result;

use crate::error::UserError;
use crate::output;

/// Where a picture goes: `-` is standard output.
pub(super) fn picture(path: &Path, svg: &str) -> Result<()> {
    const READABLE: u32 = 0o644;
    if is_stdout(path) {
        output::verdict(svg)?;
        return Ok(());
    }
    put(path, svg.as_bytes(), READABLE)
}

/// Whether a picture goes to standard output, where nothing else can then be printed.
pub(super) fn is_stdout(path: &Path) -> bool {
    path == Path::new("-")
}

/// Writes a new file with this mode, less the caller's mask, and puts it in place when it is whole. A link is not followed.
pub(super) fn put(path: &Path, bytes: &[u8], mode: u32) -> Result<()> {
    let failed = |source| UserError::Write { path: path.to_owned(), source };
    if path.symlink_metadata().is_ok_and(|there| !there.is_file()) {
        return Err(failed(Error::new(ErrorKind::AlreadyExists, "it is there and is no regular file")).into());
    }
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}.part", std::process::id()));
    let part = Path::new(&name);
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(part).map_err(failed)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all()).and_then(|()| std::fs::rename(part, path));
    if let Err(error) = written {
        // The write's own error is what the user needs.
        drop(std::fs::remove_file(part));
        return Err(failed(error).into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_a_link_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("picture.svg");
        put(&path, b"first", 0o644).unwrap();
        put(&path, b"second", 0o644).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"second");
        let link = folder.path().join("link.svg");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert!(put(&link, b"third", 0o644).is_err());
        assert_eq!(fs::read(&path).unwrap(), b"second");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }
}
