//! A device identity of our own, for gateways that are not on this host's loopback.
//!
//! Ed25519. The id is the lower-case hex SHA-256 of the raw public key. The proof is a signature over the fields of the `connect`
//! request, version 3 of OpenClaw's text form. The key lives in one file of mode 0600 in a directory of ours; it is never put into a state
//! directory of OpenClaw, and no key of OpenClaw is ever read here.
//!
//! File, version 1: JSON `{"version":1,"id":…,"pkcs8":…}` with the PKCS #8 key in base64.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use nix::fcntl::OFlag;
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use zeroize::{Zeroize, Zeroizing};

use crate::file::{ReadError, read_regular};
use crate::protocol::DeviceProof;

/// Name of the file that holds the key.
pub const FILE_NAME: &str = "openclaw-device.json";

/// Largest key file read, in bytes.
const MAX_FILE_BYTES: u64 = 4096;

const VERSION: u32 = 1;

/// Why a device identity could not be made, loaded or stored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeviceError {
    /// The system gave no randomness, or the key is not one.
    #[error("no Ed25519 key could be made")]
    Key,
    /// The directory belongs to OpenClaw.
    #[error("`{path}` is a state directory of OpenClaw")]
    NotOurs {
        /// The directory.
        path: PathBuf,
    },
    /// A file operation failed.
    #[error("failed to {action} `{path}`")]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// The file could not be read.
    #[error("failed to load the device identity")]
    Read(#[source] ReadError),
    /// Others can read or write the file.
    #[error("`{path}` is open to other users")]
    Exposed {
        /// The file.
        path: PathBuf,
    },
    /// The file does not hold a device identity of a known version.
    #[error("`{path}` is not a device identity: {what}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: &'static str,
    },
}

/// A device identity. Its `Debug` shows the id only.
#[derive(Clone)]
pub struct Device {
    id: String,
    public_key: String,
    key: Arc<Ed25519KeyPair>,
}

impl std::fmt::Debug for Device {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Device").field("id", &self.id).finish_non_exhaustive()
    }
}

/// A device's proof for one `connect` request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// The device id.
    pub id: String,
    /// The public key in base64url without padding.
    pub public_key: String,
    /// The signature in base64url without padding.
    pub signature: String,
}

impl Device {
    /// Loads the identity stored in `dir`, or makes one and stores it there.
    pub fn load_or_create(dir: &Path) -> Result<Self, DeviceError> {
        if let Some(device) = Self::load(dir)? {
            return Ok(device);
        }
        let pkcs8 = generate()?;
        let device = Self::from_pkcs8(&pkcs8)?;
        if store(dir, &device.id, &pkcs8)? {
            return Ok(device);
        }
        let path = dir.join(FILE_NAME);

        Self::load(dir)?.ok_or(DeviceError::Malformed { path, what: "it vanished while it was being made" })
    }

    /// Loads the identity stored in `dir`; `None` when there is none.
    pub fn load(dir: &Path) -> Result<Option<Self>, DeviceError> {
        let path = dir.join(FILE_NAME);
        let Some(bytes) = read(&path)? else {
            return Ok(None);
        };
        let mut stored: Stored = serde_json::from_slice(&bytes)
            .map_err(|_| DeviceError::Malformed { path: path.clone(), what: "not JSON of the known shape" })?;
        let pkcs8 = STANDARD.decode(&stored.pkcs8).map(Zeroizing::new);
        stored.pkcs8.zeroize();
        if stored.version != VERSION {
            return Err(DeviceError::Malformed { path, what: "of another version" });
        }
        let pkcs8 = pkcs8.map_err(|_| DeviceError::Malformed { path: path.clone(), what: "the key is not base64" })?;
        let device = Self::from_pkcs8(&pkcs8)
            .map_err(|_| DeviceError::Malformed { path: path.clone(), what: "the key is not an Ed25519 key" })?;
        if device.id != stored.id {
            return Err(DeviceError::Malformed { path, what: "the id is not that of the key" });
        }

        Ok(Some(device))
    }

    /// Makes an identity that lives as long as the process.
    pub fn ephemeral() -> Result<Self, DeviceError> {
        let pkcs8 = generate()?;

        Self::from_pkcs8(&pkcs8)
    }

    /// The device id: 64 lower-case hex digits.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The public key in base64url without padding.
    pub fn public_key(&self) -> &str {
        &self.public_key
    }

    /// Signs a `connect` request.
    pub fn prove(&self, proof: &DeviceProof<'_>) -> Proof {
        let text = Zeroizing::new(signed_text(&self.id, proof));
        let signature = self.key.sign(text.as_bytes());

        Proof {
            id: self.id.clone(),
            public_key: self.public_key.clone(),
            signature: URL_SAFE_NO_PAD.encode(signature.as_ref()),
        }
    }

    fn from_pkcs8(pkcs8: &[u8]) -> Result<Self, DeviceError> {
        let key = Ed25519KeyPair::from_pkcs8_maybe_unchecked(pkcs8).map_err(|_| DeviceError::Key)?;
        let public = key.public_key().as_ref();

        Ok(Self { id: device_id(public), public_key: URL_SAFE_NO_PAD.encode(public), key: Arc::new(key) })
    }
}

/// The id of the device that has this raw public key.
pub fn device_id(public_key: &[u8]) -> String {
    Sha256::digest(public_key).iter().fold(String::with_capacity(64), |mut id, byte| {
        for nibble in [byte >> 4, byte & 0xf] {
            id.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0'));
        }
        id
    })
}

/// The text that is signed, version 3.
fn signed_text(id: &str, proof: &DeviceProof<'_>) -> String {
    [
        "v3",
        id,
        proof.client_id,
        proof.client_mode,
        proof.role,
        &proof.scopes.join(","),
        &proof.signed_at_ms.to_string(),
        proof.token,
        proof.nonce,
        &proof.platform.trim().to_ascii_lowercase(),
        &proof.device_family.trim().to_ascii_lowercase(),
    ]
    .join("|")
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    version: u32,
    id: String,
    pkcs8: String,
}

fn generate() -> Result<Zeroizing<Vec<u8>>, DeviceError> {
    let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).map_err(|_| DeviceError::Key)?;

    Ok(Zeroizing::new(document.as_ref().to_vec()))
}

/// Reads the key file, if there is one that only its owner can read.
fn read(path: &Path) -> Result<Option<Zeroizing<Vec<u8>>>, DeviceError> {
    let content = match read_regular(path, MAX_FILE_BYTES) {
        Ok(content) => content,
        Err(error) if error.is_not_found() => return Ok(None),
        Err(error) => return Err(DeviceError::Read(error)),
    };
    let bytes = Zeroizing::new(content.bytes);
    if content.meta.mode & 0o077 != 0 {
        return Err(DeviceError::Exposed { path: path.to_owned() });
    }

    Ok(Some(bytes))
}

/// Stores the key. `false` when another process was faster; its key counts then.
fn store(dir: &Path, id: &str, pkcs8: &[u8]) -> Result<bool, DeviceError> {
    refuse_foreign(dir)?;
    let io_error = |action, path: &Path| {
        let path = path.to_owned();
        move |source| DeviceError::Io { action, path, source }
    };
    DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(io_error("create", dir))?;

    let path = dir.join(FILE_NAME);
    let unfinished = dir.join(format!(".{FILE_NAME}.{}", uuid::Uuid::new_v4()));
    let mut stored = Stored { version: VERSION, id: id.to_owned(), pkcs8: STANDARD.encode(pkcs8) };
    let text = serde_json::to_string(&stored).map(Zeroizing::new);
    stored.pkcs8.zeroize();
    let text = text.map_err(|_| DeviceError::Key)?;

    let written = write(&unfinished, text.as_bytes()).map_err(io_error("write", &unfinished));
    // A hard link fails where a rename would replace: of two processes that make a key at once, one wins and both use its key.
    let linked = written.and_then(|()| match fs::hard_link(&unfinished, &path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(io_error("create", &path)(error)),
    });
    let _ = fs::remove_file(&unfinished);

    linked
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file: File = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .custom_flags((OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC).bits())
        .open(path)?;
    file.write_all(bytes)?;

    file.sync_all()
}

/// Refuses a directory that is, or lies in, a state directory of OpenClaw.
fn refuse_foreign(dir: &Path) -> Result<(), DeviceError> {
    let named = dir.components().any(|part| {
        let part = part.as_os_str().to_string_lossy();
        part == ".clawdbot" || part == ".openclaw" || part.starts_with(".openclaw-")
    });
    let used = dir.ancestors().any(|dir| {
        dir.join("openclaw.json").symlink_metadata().is_ok()
            || dir.join("state/openclaw.sqlite").symlink_metadata().is_ok()
    });
    if named || used {
        return Err(DeviceError::NotOurs { path: dir.to_owned() });
    }

    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

    use super::*;

    /// Key, id and signature made with Node's `crypto` module from the seed 1, 2, … 32.
    const PKCS8: &str = "MC4CAQAwBQYDK2VwBCIEIAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8g";
    const PUBLIC_KEY: &str = "ebVWLo_mVPlAeLES6KmLp5AfhTrmlb7X4OORC60ElmQ";
    const ID: &str = "65b60673d6ed884bf01c2c222d82ada0740f29ac3355d6a925c81f17f47a27b8";
    const SIGNATURE: &str = "DHZANffTOnmWwf5OlcH60__Ufs1lsYG6ZtCtxy7NjuBYOdKfLUPYsRYy_ERbzYLm5YcPZYG_oSfQ5a1tualCCQ";

    fn known() -> Device {
        Device::from_pkcs8(&STANDARD.decode(PKCS8).unwrap()).unwrap()
    }

    fn write_private(path: &Path, text: &str) {
        fs::write(path, text).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    }

    #[test]
    fn agrees_with_an_independent_implementation() {
        let proof = known().prove(&DeviceProof {
            client_id: "cli",
            client_mode: "cli",
            role: "operator",
            scopes: &["operator.read", "operator.pairing"],
            signed_at_ms: 1_700_000_000_000,
            token: "lab-token",
            nonce: "8fa9e9b6-affe-4c49-b46b-de1865142d36",
            platform: " MacOS ",
            device_family: "Mac mini",
        });

        assert_eq!(
            proof,
            Proof { id: ID.to_owned(), public_key: PUBLIC_KEY.to_owned(), signature: SIGNATURE.to_owned() }
        );
    }

    #[test]
    fn is_made_once_and_then_loaded() {
        let dir = tempfile::tempdir().unwrap();
        let ours = dir.path().join("a/b");

        assert!(Device::load(&ours).unwrap().is_none());
        let made = Device::load_or_create(&ours).unwrap();
        let loaded = Device::load_or_create(&ours).unwrap();

        assert_eq!(made.id(), loaded.id());
        assert_eq!(made.id(), device_id(&URL_SAFE_NO_PAD.decode(made.public_key()).unwrap()));
        let meta = fs::metadata(ours.join(FILE_NAME)).unwrap();
        assert_eq!((meta.mode() & 0o777, meta.nlink()), (0o600, 1));
        assert_eq!(fs::read_dir(&ours).unwrap().count(), 1);
    }

    #[test]
    fn of_two_that_make_it_at_once_one_wins() {
        let dir = tempfile::tempdir().unwrap();
        let ids: Vec<String> = std::thread::scope(|scope| {
            let threads: Vec<_> =
                (0..8).map(|_| scope.spawn(|| Device::load_or_create(dir.path()).unwrap().id().to_owned())).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });

        assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    }

    #[test]
    fn never_goes_into_a_state_directory_of_openclaw() {
        let dir = tempfile::tempdir().unwrap();
        let named = dir.path().join(".openclaw-rescue/x");
        let used = dir.path().join("state-dir");
        fs::create_dir_all(&used).unwrap();
        fs::write(used.join("openclaw.json"), "{}").unwrap();

        for foreign in [named.clone(), used.clone(), used.join("ours")] {
            assert!(matches!(Device::load_or_create(&foreign), Err(DeviceError::NotOurs { .. })), "{foreign:?}");
        }
        assert!(!named.exists());
    }

    #[test]
    fn hostile_files_are_errors() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(FILE_NAME);
        let good = format!(r#"{{"version":1,"id":"{ID}","pkcs8":"{PKCS8}"}}"#);
        let load = || Device::load(dir.path());

        write_private(&path, &good);
        assert_eq!(load().unwrap().unwrap().id(), ID);

        for text in [
            String::new(),
            "[".repeat(4000),
            good.replace("\"version\":1", "\"version\":2"),
            good.replace(ID, &"0".repeat(64)),
            good.replace(PKCS8, "AAAA"),
            good.replace(PKCS8, "*"),
        ] {
            write_private(&path, &text);
            assert!(matches!(load(), Err(DeviceError::Malformed { .. })), "{text}");
        }

        write_private(&path, &" ".repeat(10_000));
        assert!(matches!(load(), Err(DeviceError::Read(ReadError::TooLarge { .. }))));

        write_private(&path, &good);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(load(), Err(DeviceError::Exposed { .. })));

        fs::remove_file(&path).unwrap();
        symlink("/etc/passwd", &path).unwrap();
        assert!(matches!(load(), Err(DeviceError::Read(ReadError::Symlink { .. }))));

        fs::remove_file(&path).unwrap();
        nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRUSR).unwrap();
        assert!(matches!(load(), Err(DeviceError::Read(ReadError::NotRegular { .. }))));
    }

    #[test]
    fn debug_shows_no_key() {
        assert_eq!(format!("{:?}", known()), format!("Device {{ id: {ID:?}, .. }}"));
    }
}
