//! The client's own device, read without SQLite: what the small program in a container needs, and no more.

use jiff::Timestamp;

use super::pages::Pages;
use super::{StateDbError, overlay};

/// Longest device id kept, in bytes; a real one has 64.
const MAX_ID_BYTES: usize = 128;

/// What a state directory holds as a client.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OwnDevices {
    /// Ids of its own devices, the newest first.
    pub ids: Vec<String>,
    /// Devices for which it holds a token, and when each was written. Never the token.
    pub tokens: Vec<(String, Option<Timestamp>)>,
}

/// Reads a copy of the database and, if there is one, of its `-wal`; `max_bytes` as with a full read. A table that is missing is empty.
pub fn own_devices(database: &[u8], log: Option<&[u8]>, max_bytes: u64) -> Result<OwnDevices, StateDbError> {
    let (overlay, _) = overlay(database, log, max_bytes)?;
    let pages = Pages::new(overlay)?;
    let time = |milliseconds: Option<i64>| Timestamp::from_millisecond(milliseconds?).ok();
    let is_id = |id: &str| !id.is_empty() && id.len() <= MAX_ID_BYTES;

    let mut ids: Vec<(i64, String)> = Vec::new();
    if let Some(table) = pages.table("device_identities")
        && let Some(found) = table.column("device_id")
    {
        let made: Vec<i64> = table
            .column("created_at_ms")
            .map(|times| times.map(|time| time.integer().unwrap_or_default()).collect())
            .unwrap_or_default();
        for (index, id) in found.enumerate() {
            if let Some(id) = id.text().filter(|id| is_id(id)) {
                ids.push((made.get(index).copied().unwrap_or_default(), id.to_owned()));
            }
        }
    }
    ids.sort_by_key(|(made, _)| std::cmp::Reverse(*made));

    let mut tokens = Vec::new();
    if let Some(table) = pages.table("device_auth_tokens")
        && let (Some(found), Some(values)) = (table.column("device_id"), table.column("token"))
    {
        let written: Vec<Option<i64>> = table
            .column("updated_at_ms")
            .map(|times| times.map(super::pages::Cell::integer).collect())
            .unwrap_or_default();
        for (index, (id, value)) in found.zip(values).enumerate() {
            if let Some(id) = id.text().filter(|id| is_id(id))
                && value.text().is_some_and(|text| !text.is_empty())
            {
                tokens.push((id.to_owned(), time(written.get(index).copied().flatten())));
            }
        }
    }
    Ok(OwnDevices { ids: ids.into_iter().map(|(_, id)| id).collect(), tokens })
}
