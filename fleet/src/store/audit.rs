//! Who did what.

use jiff::Timestamp;
use rusqlite::{Connection, params};

use super::{StoreError, millis, timestamp};
use crate::index::clipped;

/// Longest text of each column, in bytes.
const MAX_TEXT: usize = 1_000;

/// One entry of the audit.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize)]
pub struct Entry {
    /// Who: `viewer alice`, `node 3f2c…`, `root on the server`.
    pub actor: String,
    /// What: `node.revoke`.
    pub action: String,
    /// To what.
    pub subject: String,
    /// More of it, for a person. Never a secret.
    pub detail: String,
    /// From where.
    pub address: String,
}

/// An entry with its time.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Recorded {
    /// When.
    pub at: Timestamp,
    /// What.
    #[serde(flatten)]
    pub entry: Entry,
}

/// Writes an entry.
pub fn record(connection: &Connection, now: Timestamp, entry: &Entry) -> Result<(), StoreError> {
    let text = |text: &str| -> String { clipped(text, MAX_TEXT).chars().filter(|one| !one.is_control()).collect() };
    connection
        .prepare_cached("INSERT INTO audit (at, actor, action, subject, detail, address) VALUES (?, ?, ?, ?, ?, ?)")?
        .execute(params![
            millis(now),
            text(&entry.actor),
            text(&entry.action),
            text(&entry.subject),
            text(&entry.detail),
            text(&entry.address)
        ])?;
    Ok(())
}

/// The latest entries, newest first.
pub fn latest(connection: &Connection, count: u32) -> Result<Vec<Recorded>, StoreError> {
    let mut statement = connection
        .prepare_cached("SELECT at, actor, action, subject, detail, address FROM audit ORDER BY seq DESC LIMIT ?")?;
    let rows = statement.query_map([count], |row| {
        Ok(Recorded {
            at: timestamp(row.get(0)?),
            entry: Entry {
                actor: row.get(1)?,
                action: row.get(2)?,
                subject: row.get(3)?,
                detail: row.get(4)?,
                address: row.get(5)?,
            },
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
