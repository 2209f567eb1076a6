//! Tokens: 256 random bits, of which the database holds the hash alone.
//!
//! With so many bits a plain hash cannot be guessed at, and a lookup by hash takes no time from which a token could be told.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use ring::rand::{SecureRandom, SystemRandom};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

/// SHA-256 of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Hash([u8; 32]);

/// A token that was made now: it can be shown this once.
pub struct Issued {
    /// The token.
    pub token: SecretString,
    /// What is stored of it.
    pub hash: Hash,
}

/// The system gives no random bytes.
#[derive(Debug, thiserror::Error)]
#[error("the system gives no random bytes")]
pub struct RandomError;

impl Hash {
    /// The hash of a token.
    pub fn of(token: &str) -> Self {
        Self(Sha256::digest(token.as_bytes()).into())
    }

    /// From the database.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// For the database.
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// Makes a token. `prefix` tells people and scanners what it is.
pub fn issue(prefix: &str) -> Result<Issued, RandomError> {
    let token = SecretString::from(format!("{prefix}{}", BASE64_URL_SAFE_NO_PAD.encode(random()?)));
    let hash = Hash::of(token.expose_secret());
    Ok(Issued { token, hash })
}

/// 256 random bits.
pub fn random() -> Result<[u8; 32], RandomError> {
    let mut bytes = [0; 32];
    SystemRandom::new().fill(&mut bytes).map_err(|_| RandomError)?;
    Ok(bytes)
}
