//! The name by which a central endpoint knows this node.

use std::path::Path;

use jiff::Timestamp;
use portreeve_core::FingerprintKey;
use portreeve_store::{Audience, Folder, StoreError};
use uuid::Uuid;

use crate::host;

/// File of the data folder that holds the name of a machine without one of its own.
const FILE: &str = "node.id";
/// Most bytes of it.
const MAX_BYTES: u64 = 64;

/// The keyed fingerprint of the machine's own identity, as in reports; on a machine that has none, a random one that is kept in the data
/// folder.
pub fn node_identity(data_dir: &Path, key: &FingerprintKey) -> Result<String, StoreError> {
    if let Some(id) = host::identity(Timestamp::now()).get() {
        return Ok(key.fingerprint(id).to_string());
    }
    kept(&Folder::create(data_dir)?)
}

fn kept(folder: &Folder) -> Result<String, StoreError> {
    // Where another run adds one first, that one counts.
    folder.add(FILE, format!("{}\n", Uuid::new_v4()).as_bytes(), Audience::Owner)?;
    let bytes = folder.read(FILE, MAX_BYTES)?.unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes).trim().to_owned();
    if Uuid::try_parse(&text).is_ok() {
        return Ok(text);
    }
    folder.set_aside(FILE)?;
    let id = Uuid::new_v4().to_string();
    folder.write(FILE, format!("{id}\n").as_bytes(), Audience::Owner)?;
    Ok(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_without_an_identity_keeps_one() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::create(dir.path()).unwrap();
        let id = kept(&folder).unwrap();
        assert_eq!(kept(&folder).unwrap(), id);
        folder.write(FILE, b"torn", Audience::Owner).unwrap();
        let other = kept(&folder).unwrap();
        assert!(other != id && Uuid::try_parse(&other).is_ok());
        assert_eq!(kept(&folder).unwrap(), other);
    }

    #[test]
    fn the_name_is_that_of_reports() {
        let dir = tempfile::tempdir().unwrap();
        let key = FingerprintKey::new(&[7; 32]).unwrap();
        let name = node_identity(dir.path(), &key).unwrap();
        assert_eq!(node_identity(dir.path(), &key).unwrap(), name);
        if let Some(id) = host::identity(Timestamp::now()).get() {
            assert_eq!(name, key.fingerprint(id).to_string());
        }
    }
}
