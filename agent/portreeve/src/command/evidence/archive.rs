//! The archive: the same parts give the same bytes.

use std::io::{self, Write as _};

use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::Timestamp;
use tar::{Builder, EntryType, Header};

/// A file of the archive.
#[derive(Debug, Clone)]
pub(super) struct File {
    /// Its name, without a folder.
    pub(super) name: &'static str,
    /// What it is.
    pub(super) about: &'static str,
    /// Its content.
    pub(super) content: Vec<u8>,
    /// Why some of it was left out.
    pub(super) left_out: Option<String>,
}

/// All files in one folder, packed and compressed. Every file is its owner's alone and as old as the facts.
pub(super) fn packed<'a>(
    folder: &str,
    files: impl Iterator<Item = (&'a str, &'a [u8])>,
    at: Timestamp,
) -> io::Result<Vec<u8>> {
    let mut builder = Builder::new(GzEncoder::new(Vec::new(), Compression::default()));
    let time = u64::try_from(at.as_second()).unwrap_or_default();
    for (name, content) in files {
        let mut header = Header::new_ustar();
        header.set_entry_type(EntryType::Regular);
        header.set_mode(0o600);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(time);
        header.set_size(u64::try_from(content.len()).unwrap_or(u64::MAX));
        builder.append_data(&mut header, format!("{folder}/{name}"), content)?;
    }
    let mut encoder = builder.into_inner()?;
    encoder.flush()?;
    encoder.finish()
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn the_systems_tar_unpacks_it_and_the_same_parts_give_the_same_bytes() {
        let dir = tempfile::tempdir().unwrap();
        let long = vec![b'x'; 100_000];
        let files: [(&str, &[u8]); 3] = [("a", b"one"), ("b", b""), ("c", &long)];
        let pack = || packed("bundle", files.into_iter(), Timestamp::UNIX_EPOCH).unwrap();
        let archive = pack();
        assert_eq!(archive, pack());
        let mut tar =
            Command::new("tar").args(["-xzf", "-", "-C"]).arg(dir.path()).stdin(Stdio::piped()).spawn().unwrap();
        tar.stdin.take().unwrap().write_all(&archive).unwrap();
        assert!(tar.wait().unwrap().success());
        for (name, content) in files {
            assert_eq!(std::fs::read(dir.path().join("bundle").join(name)).unwrap(), content);
        }
    }
}
