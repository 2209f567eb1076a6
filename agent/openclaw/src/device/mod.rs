//! A device identity of our own, for gateways that are not on this host's loopback.
//!
//! Ed25519. The id is the lower-case hex SHA-256 of the raw public key. The proof is a signature over the fields of the `connect`
//! request, version 3 of OpenClaw's text form. The key lives in one file of mode 0600 in a directory of ours; it is never put into a state
//! directory of OpenClaw, and no key of OpenClaw is ever read here.
//!
//! File, version 1: JSON `{"version":1,"id":…,"pkcs8":…}` with the PKCS #8 key in base64.

mod store;
#[cfg(test)]
mod tests;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair};
use sha2::{Digest, Sha256};
use zeroize::{Zeroize, Zeroizing};

use self::store::{Stored, VERSION, read, store};
use crate::file::ReadError;
use crate::protocol::DeviceProof;

/// Name of the file that holds the key.
pub const FILE_NAME: &str = "openclaw-device.json";

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

fn generate() -> Result<Zeroizing<Vec<u8>>, DeviceError> {
    let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).map_err(|_| DeviceError::Key)?;

    Ok(Zeroizing::new(document.as_ref().to_vec()))
}
