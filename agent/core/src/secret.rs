//! Secrets, and the only form in which they leave memory.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use schemars::JsonSchema;
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use sha2::Sha256;

/// A token, password or key. Prints as `[REDACTED]`, is wiped when dropped and cannot be serialised.
pub type Secret = secrecy::SecretString;

/// The key of this node's fingerprints.
///
/// Each node has its own, so that fingerprints of one secret differ between nodes and a collected report cannot be searched for reused
/// tokens. A team that wants to compare across nodes configures one shared key.
#[derive(Clone)]
pub struct FingerprintKey(secrecy::SecretSlice<u8>);

impl FingerprintKey {
    /// A key from at least 16 bytes of randomness.
    pub fn new(bytes: &[u8]) -> Result<Self, KeyTooShort> {
        if bytes.len() < Self::MIN_BYTES {
            return Err(KeyTooShort { bytes: bytes.len() });
        }
        Ok(Self(bytes.to_vec().into()))
    }

    /// The least number of bytes a key may have.
    pub const MIN_BYTES: usize = 16;

    /// The fingerprint of a secret under this key.
    pub fn fingerprint(&self, secret: &Secret) -> Fingerprint {
        self.fingerprint_bytes(secret.expose_secret().as_bytes())
    }

    /// The key itself, for a probe that makes fingerprints on this node's behalf. It goes nowhere else.
    pub fn expose(&self) -> &[u8] {
        self.0.expose_secret()
    }

    fn fingerprint_bytes(&self, secret: &[u8]) -> Fingerprint {
        // HMAC takes keys of any length (RFC 2104), so the error arm cannot be reached; it yields a fingerprint that equals nothing real.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(self.0.expose_secret()) else {
            return Fingerprint(String::new());
        };
        mac.update(secret);
        let digest = mac.finalize().into_bytes();
        let head: [u8; 8] = std::array::from_fn(|index| digest.get(index).copied().unwrap_or_default());
        Fingerprint(format!("{:012x}", u64::from_be_bytes(head) >> 16))
    }
}

impl fmt::Debug for FingerprintKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FingerprintKey([REDACTED])")
    }
}

/// A key that is too short to keep fingerprints from being guessed.
#[derive(Debug, thiserror::Error)]
#[error("fingerprint key has {bytes} bytes, at least {min} are needed", min = FingerprintKey::MIN_BYTES)]
pub struct KeyTooShort {
    bytes: usize,
}

/// HMAC-SHA-256 of a secret under the node's key, the first 12 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Fingerprint(String);

impl Fingerprint {
    /// A name for the secret that was met as the `number`th, where only equality counts and no key is kept.
    pub fn numbered(number: usize) -> Self {
        Self(format!("{number:012x}"))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> FingerprintKey {
        FingerprintKey::new(&[byte; 32]).expect("32 bytes are enough")
    }

    #[test]
    fn one_secret_differs_between_nodes_and_agrees_under_a_shared_key() {
        let secret = Secret::from("0123456789abcdef");
        assert_ne!(key(1).fingerprint(&secret), key(2).fingerprint(&secret));
        assert_eq!(key(3).fingerprint(&secret), key(3).fingerprint(&secret));
        assert_eq!(key(1).fingerprint(&secret).to_string().len(), 12);
    }

    #[test]
    fn debug_shows_neither_key_nor_secret() {
        let text = format!("{:?} {:?}", key(0x41), Secret::from("AAAA-canary"));
        assert!(!text.contains("AAAA") && !text.contains("65"), "{text}");
    }

    #[test]
    fn a_short_key_is_refused() {
        assert!(FingerprintKey::new(b"short").is_err());
    }
}
