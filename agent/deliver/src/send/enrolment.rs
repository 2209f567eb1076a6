//! What a node knows of its enrolment: kept in its data folder, for the agent's user alone.

use std::path::Path;

use jiff::Timestamp;
use portreeve_core::Secret;
use portreeve_store::{Audience, Folder, StoreError};
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// Name of its file in the data folder.
pub const FILE: &str = "enrolment.json";
/// The name and version of its form.
const SCHEMA: &str = "portreeve.enrolment/1";
/// Most bytes of it.
const MAX_BYTES: u64 = 64 << 10;

/// An enrolment.
#[derive(Debug, Clone)]
pub struct Enrolment {
    /// Where to send.
    pub endpoint: String,
    /// The node's identity there.
    pub node: String,
    /// The name that it is known by.
    pub name: String,
    /// The node's own credential.
    pub token: Secret,
    /// When it was granted.
    pub at: Timestamp,
}

#[derive(Serialize, Deserialize)]
struct Kept {
    schema: String,
    endpoint: String,
    node: String,
    name: String,
    at: Timestamp,
    token: Zeroizing<String>,
}

/// The enrolment in a data folder; none where there is none.
pub fn read(data_dir: &Path) -> Result<Option<Enrolment>, StoreError> {
    let Some(folder) = Folder::open(data_dir)? else { return Ok(None) };
    let Some(bytes) = folder.read(FILE, MAX_BYTES)?.map(Zeroizing::new) else { return Ok(None) };
    let path = folder.path().join(FILE);
    let kept: Kept =
        serde_json::from_slice(&bytes).map_err(|source| StoreError::Form { path: path.clone(), source })?;
    if kept.schema != SCHEMA {
        return Err(StoreError::Untrusted { path, why: "it is of another version of Portreeve".to_owned() });
    }
    let Kept { endpoint, node, name, at, token, .. } = kept;
    Ok(Some(Enrolment { endpoint, node, name, token: Secret::from(token.as_str()), at }))
}

/// Keeps an enrolment in the place of the one before.
pub fn write(data_dir: &Path, enrolment: &Enrolment) -> Result<(), StoreError> {
    let folder = Folder::create(data_dir)?;
    let kept = Kept {
        schema: SCHEMA.to_owned(),
        endpoint: enrolment.endpoint.clone(),
        node: enrolment.node.clone(),
        name: enrolment.name.clone(),
        at: enrolment.at,
        token: Zeroizing::new(enrolment.token.expose_secret().to_owned()),
    };
    folder.write_json(FILE, &kept, Audience::Owner)
}

/// Forgets the enrolment. Gives whether there was one, however damaged.
pub fn remove(data_dir: &Path) -> Result<bool, StoreError> {
    let Some(folder) = Folder::open(data_dir)? else { return Ok(false) };
    let was = folder.names()?.iter().any(|name| name == FILE);
    folder.remove(FILE)?;
    Ok(was)
}
