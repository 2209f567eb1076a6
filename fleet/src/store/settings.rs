//! What the server itself remembers.

use rusqlite::{Connection, OptionalExtension, params};

use super::StoreError;
use crate::auth::random;

/// The key for what is derived and never stored; made at the first start.
pub(super) fn key(connection: &Connection) -> Result<[u8; 32], StoreError> {
    let stored: Option<[u8; 32]> =
        connection.query_row("SELECT value FROM setting WHERE name = 'key'", [], |row| row.get(0)).optional()?;
    if let Some(key) = stored {
        return Ok(key);
    }
    let key = random().map_err(|error| StoreError::Refused(error.to_string()))?;
    connection.execute("INSERT INTO setting (name, value) VALUES ('key', ?)", params![key])?;
    Ok(key)
}
