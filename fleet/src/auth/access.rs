//! Who may do what, in memory.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::secret::Hash;
use crate::index::NodeKey;

/// What a viewer may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Look.
    #[default]
    Viewer,
    /// Look, waive, acknowledge and announce maintenance.
    Operator,
}

/// A node's credential.
#[derive(Debug, Clone)]
pub struct Credential {
    /// The node that it is of.
    pub node: NodeKey,
    /// That node's identity.
    pub id: Arc<str>,
    /// When it was given.
    pub created_at: Timestamp,
    /// Whether it was used.
    pub used: bool,
}

/// A viewer's token.
#[derive(Debug, Clone)]
pub struct ViewerToken {
    /// The viewer's name.
    pub name: String,
    /// What the viewer may do.
    pub role: Role,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
}

/// A login.
#[derive(Debug, Clone)]
pub struct Session {
    /// The viewer's name.
    pub viewer: String,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// Everybody who may do something.
#[derive(Default)]
pub struct Grants {
    /// Nodes.
    pub credentials: HashMap<Hash, Credential>,
    /// Viewers.
    pub viewers: HashMap<Hash, ViewerToken>,
    /// Logins.
    pub sessions: HashMap<Hash, Session>,
}

/// A change of who may do what.
pub enum AccessChange {
    /// A node has a credential more.
    Credential(Hash, Credential),
    /// A credential counts no longer.
    CredentialEnded(Hash),
    /// A login.
    Session(Hash, Session),
    /// A login ended.
    SessionEnded(Hash),
}

/// Who may do what.
pub struct Access {
    grants: RwLock<Grants>,
    key: ring::hmac::Key,
}

impl Access {
    /// Nobody may do anything. `key` is for what is derived and never stored.
    pub fn new(key: [u8; 32]) -> Self {
        Self { grants: RwLock::default(), key: ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &key) }
    }

    /// Puts these in place of all.
    pub fn replace(&self, grants: Grants) {
        *self.grants.write().unwrap_or_else(PoisonError::into_inner) = grants;
    }

    /// Takes changes over.
    pub fn apply(&self, changes: Vec<AccessChange>) {
        if changes.is_empty() {
            return;
        }
        let mut grants = self.grants.write().unwrap_or_else(PoisonError::into_inner);
        for change in changes {
            match change {
                AccessChange::Credential(hash, credential) => drop(grants.credentials.insert(hash, credential)),
                AccessChange::CredentialEnded(hash) => drop(grants.credentials.remove(&hash)),
                AccessChange::Session(hash, session) => drop(grants.sessions.insert(hash, session)),
                AccessChange::SessionEnded(hash) => drop(grants.sessions.remove(&hash)),
            }
        }
    }

    /// The credential that a node's token stands for.
    pub fn credential(&self, hash: &Hash) -> Option<Credential> {
        self.grants.read().unwrap_or_else(PoisonError::into_inner).credentials.get(hash).cloned()
    }

    /// The viewer of a token, if it counts still.
    pub fn viewer(&self, hash: &Hash, now: Timestamp) -> Option<ViewerToken> {
        let grants = self.grants.read().unwrap_or_else(PoisonError::into_inner);
        grants.viewers.get(hash).filter(|viewer| viewer.expires_at.is_none_or(|end| now < end)).cloned()
    }

    /// The viewer of a login, if it and the viewer count still.
    pub fn session(&self, hash: &Hash, now: Timestamp) -> Option<ViewerToken> {
        let grants = self.grants.read().unwrap_or_else(PoisonError::into_inner);
        let session = grants.sessions.get(hash).filter(|session| now < session.expires_at)?;
        let viewer = grants.viewers.values().find(|viewer| viewer.name == session.viewer)?;
        Some(viewer.clone()).filter(|viewer| viewer.expires_at.is_none_or(|end| now < end))
    }

    /// What is derived from `text` by this server's key: nobody else can make it.
    pub fn derived(&self, text: &str) -> String {
        use base64::Engine;
        let tag = ring::hmac::sign(&self.key, text.as_bytes());
        base64::prelude::BASE64_URL_SAFE_NO_PAD.encode(tag.as_ref())
    }
}

impl Role {
    /// As it is written: `viewer`, `operator`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
        }
    }

    /// From what [`Role::name`] writes; what is not known may only look.
    pub fn from_name(name: &str) -> Self {
        if name == "operator" { Self::Operator } else { Self::Viewer }
    }
}
