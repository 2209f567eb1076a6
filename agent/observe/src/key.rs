//! The key of this node's fingerprints: made once, kept where only its owner can read it.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use portreeve_core::FingerprintKey;
use portreeve_core::secret::KeyTooShort;
use portreeve_openclaw::file::{self, ReadError};
use portreeve_store::{Audience, Folder, StoreError};

/// Name of the key's file in the agent's own folder.
pub const KEY_FILE: &str = "fingerprint.key";

/// Bytes of a key that we make.
const KEY_BYTES: usize = 32;

/// No key is longer than this.
const MAX_KEY_BYTES: u64 = 4096;

/// The key cannot be read or made.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The shared key that the configuration names, or the node's own.
    #[error("cannot read the fingerprint key `{path}`", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: ReadError,
    },
    /// The node's own key could not be kept.
    #[error("cannot keep the fingerprint key")]
    Own(#[source] StoreError),
    /// The system gives no randomness.
    #[error("no randomness from `/dev/urandom`")]
    Random(#[source] io::Error),
    /// Others can read or change it, so that fingerprints could be guessed from outside.
    #[error("fingerprint key `{path}` must belong to this user and be closed to others (mode 0600)", path = path.display())]
    Open {
        /// The file.
        path: PathBuf,
    },
    /// It has too few bytes.
    #[error("fingerprint key `{path}` cannot be used", path = path.display())]
    Short {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: KeyTooShort,
    },
}

/// The shared key where one is configured, else this node's own from `data_dir`, made on first use.
pub fn fingerprint_key(data_dir: &Path, shared: Option<&Path>) -> Result<FingerprintKey, KeyError> {
    if let Some(path) = shared {
        return read(path);
    }
    let folder = Folder::create(data_dir).map_err(KeyError::Own)?;
    let path = folder.path().join(KEY_FILE);
    match read(&path) {
        Err(KeyError::Read { source: ReadError::NotFound { .. }, .. }) => {}
        other => return other,
    }
    // Where another run adds one first, that one counts.
    folder.add(KEY_FILE, &random().map_err(KeyError::Random)?, Audience::Owner).map_err(KeyError::Own)?;
    read(&path)
}

fn read(path: &Path) -> Result<FingerprintKey, KeyError> {
    let content =
        file::read_regular(path, MAX_KEY_BYTES).map_err(|source| KeyError::Read { path: path.to_owned(), source })?;
    let ours = content.meta.uid == nix::unistd::geteuid().as_raw() || content.meta.uid == 0;
    if !ours || content.meta.mode & 0o077 != 0 {
        return Err(KeyError::Open { path: path.to_owned() });
    }
    FingerprintKey::new(&content.bytes).map_err(|source| KeyError::Short { path: path.to_owned(), source })
}

fn random() -> io::Result<[u8; KEY_BYTES]> {
    let mut bytes = [0_u8; KEY_BYTES];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// A key that nobody keeps, for fingerprints that are compared with each other and never shown.
pub fn passing() -> Result<FingerprintKey, PassingKeyError> {
    let bytes = random().map_err(PassingKeyError::Random)?;
    FingerprintKey::new(&bytes).map_err(PassingKeyError::Short)
}

/// Why no key could be made.
#[derive(Debug, thiserror::Error)]
pub enum PassingKeyError {
    /// The system gives no randomness.
    #[error("no randomness from `/dev/urandom`")]
    Random(#[source] io::Error),
    /// It is too short.
    #[error("the key is too short")]
    Short(#[source] portreeve_core::secret::KeyTooShort),
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use portreeve_core::Secret;

    use super::*;

    #[test]
    fn a_key_is_made_once_and_kept_closed() {
        let dir = tempfile::tempdir().expect("a folder");
        let data = dir.path().join("a/b");
        let token = Secret::from("0123456789");
        let first = fingerprint_key(&data, None).expect("made").fingerprint(&token);
        assert_eq!(fingerprint_key(&data, None).expect("read").fingerprint(&token), first);
        let mode = fs::metadata(data.join(KEY_FILE)).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(fs::read_dir(&data).expect("a folder").count(), 1, "nothing else is left behind");
    }

    #[test]
    fn two_nodes_differ_unless_they_share_a_key() {
        let dir = tempfile::tempdir().expect("a folder");
        let token = Secret::from("0123456789");
        let print = |node: &str, shared: Option<&Path>| {
            fingerprint_key(&dir.path().join(node), shared).expect("a key").fingerprint(&token)
        };
        assert_ne!(print("one", None), print("two", None));
        let shared = dir.path().join("shared");
        fs::write(&shared, [7_u8; 32]).expect("written");
        fs::set_permissions(&shared, fs::Permissions::from_mode(0o600)).expect("closed");
        assert_eq!(print("one", Some(&shared)), print("two", Some(&shared)));
    }

    #[test]
    fn a_key_that_others_can_read_or_a_link_is_refused() {
        let dir = tempfile::tempdir().expect("a folder");
        let shared = dir.path().join("shared");
        fs::write(&shared, [7_u8; 32]).expect("written");
        fs::set_permissions(&shared, fs::Permissions::from_mode(0o644)).expect("opened");
        assert!(matches!(fingerprint_key(dir.path(), Some(&shared)), Err(KeyError::Open { .. })));
        let link = dir.path().join("link");
        std::os::unix::fs::symlink(&shared, &link).expect("linked");
        assert!(matches!(fingerprint_key(dir.path(), Some(&link)), Err(KeyError::Read { .. })));
    }
}
