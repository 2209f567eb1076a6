//! OpenClaw's shared state database (`<state>/state/openclaw.sqlite`), read from a copy of its bytes.
//!
//! The live file is never opened as a database: even a read-only connection of SQLite takes locks, writes `-shm`, and may
//! checkpoint when it closes. Whoever reads copies database and log as plain files (see [`WalHeader`] for the order that
//! makes the copy sound) and hands the bytes over; log and database are joined in memory.
//!
//! Tables and columns come and go with the schema's version (18 at the time of writing): what is missing reads as missing and
//! fails nothing. Private keys and tokens are never selected.
//!
//! [`own_devices`] does without SQLite, for a program that must stay small; all else is there with the feature `sqlite`.

mod devices;
mod pages;
#[cfg(feature = "sqlite")]
mod registry;
#[cfg(feature = "sqlite")]
mod rows;
#[cfg(feature = "sqlite")]
mod tables;
mod wal;

#[cfg(feature = "sqlite")]
use rusqlite::limits::Limit;
#[cfg(feature = "sqlite")]
use rusqlite::{Connection, MAIN_DB};
#[cfg(feature = "sqlite")]
use serde::{Deserialize, Serialize};
use thiserror::Error;

pub use devices::{OwnDevices, own_devices};
#[cfg(feature = "sqlite")]
pub use registry::AgentDatabase;
#[cfg(feature = "sqlite")]
pub use rows::{Rows, TableState};
#[cfg(feature = "sqlite")]
pub use tables::{
    AuthToken, Boot, DeviceIdentity, LeaseSupervisor, OwnerLease, PairedDevice, PendingDevice, PortGuardian,
    RestartSentinel,
};
pub use wal::{WAL_HEADER_BYTES, WalHeader, WalUse};

/// Largest database, with its log laid over it, that is read if the caller has no reason for another limit, in bytes.
pub const DEFAULT_MAX_BYTES: u64 = 512 * 1024 * 1024;

#[cfg(feature = "sqlite")]
/// Longest row or schema text that SQLite may build, in bytes.
const MAX_SQLITE_VALUE_BYTES: i32 = 4 * 1024 * 1024;

#[cfg(feature = "sqlite")]
/// What all queries together may cost, in steps of SQLite's virtual machine. An ordinary read takes some ten thousand.
const MAX_STEPS: u32 = 50_000_000;

#[cfg(feature = "sqlite")]
/// How often the cost is looked at, in steps.
const STEPS_PER_CHECK: i32 = 10_000;

const MAGIC: &[u8] = b"SQLite format 3\0";

/// Why a state database could not be read.
#[derive(Debug, Error)]
pub enum StateDbError {
    /// Larger than the limit.
    #[error("state database has {bytes} bytes, more than {limit}")]
    TooLarge {
        /// Size with the log laid over it.
        bytes: u64,
        /// The limit.
        limit: u64,
    },
    /// Empty, and no log fills it.
    #[error("state database is empty")]
    Empty,
    /// Something else than a SQLite database.
    #[error("state database is not a SQLite file")]
    NotADatabase,
    /// Database and log have different page sizes: they do not belong together.
    #[error("state database has pages of {database} bytes and its log of {log}")]
    PageSizes {
        /// Of the database.
        database: u32,
        /// Of the log.
        log: u32,
    },
    /// SQLite refuses it; the cause names no content.
    #[cfg(feature = "sqlite")]
    #[error("failed to open the copy of the state database")]
    Open(#[source] rusqlite::Error),
    /// Its schema cannot be read.
    #[cfg(feature = "sqlite")]
    #[error("state database is damaged")]
    Damaged(#[source] rusqlite::Error),
}

#[cfg(feature = "sqlite")]
/// What the state database says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateDatabase {
    /// Version of the schema (`user_version`).
    pub schema_version: i64,
    /// What the log contributed.
    pub wal: WalUse,
    /// The gateway's lease of the state directory: at most one row, left behind by a gateway that was killed.
    pub owner_leases: Rows<OwnerLease>,
    /// Boots of the gateway, newest first.
    pub boots: Rows<Boot>,
    /// The identities of this state directory's own device.
    pub own_devices: Rows<DeviceIdentity>,
    /// Devices that this gateway has approved.
    pub paired: Rows<PairedDevice>,
    /// Devices that wait for approval.
    pub pending: Rows<PendingDevice>,
    /// Device tokens that this state directory holds as a client.
    pub auth_tokens: Rows<AuthToken>,
    /// The mark of a restart in progress.
    pub restart_sentinels: Rows<RestartSentinel>,
    /// What the Mac app noted of processes on the gateway's port.
    pub port_guardians: Rows<PortGuardian>,
    /// Databases of agents, wherever they lie.
    pub agent_databases: Rows<AgentDatabase>,
}

#[cfg(feature = "sqlite")]
/// Reads a copy of the database and, if there is one, of its `-wal`. `max_bytes` limits the size of both together laid over
/// each other; twice as much memory is used at most.
pub fn read(database: &[u8], log: Option<&[u8]>, max_bytes: u64) -> Result<StateDatabase, StateDbError> {
    let (db, wal) = open(database, log, max_bytes)?;
    let schema_version = db.query_row("PRAGMA main.user_version", [], |row| row.get(0)).map_err(damaged)?;
    // The first look at the schema tells a damaged file from an unknown one.
    db.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(())).map_err(damaged)?;
    Ok(StateDatabase {
        schema_version,
        wal,
        owner_leases: tables::owner_leases(&db),
        boots: tables::boots(&db),
        own_devices: tables::own_devices(&db),
        paired: tables::paired(&db),
        pending: tables::pending(&db),
        auth_tokens: tables::auth_tokens(&db),
        restart_sentinels: tables::restart_sentinels(&db),
        port_guardians: tables::port_guardians(&db),
        agent_databases: registry::agent_databases(&db),
    })
}

#[cfg(feature = "sqlite")]
fn damaged(error: rusqlite::Error) -> StateDbError {
    if rows::is_not_a_database(&error) { StateDbError::NotADatabase } else { StateDbError::Damaged(error) }
}

/// Lays the log over the database.
fn overlay<'a>(
    database: &'a [u8],
    log: Option<&'a [u8]>,
    max_bytes: u64,
) -> Result<(wal::Overlay<'a>, WalUse), StateDbError> {
    let log = log.unwrap_or_default();
    let header = WalHeader::parse(log);
    let committed = header.as_ref().and_then(|header| wal::committed(log, header));
    let wal = match (&header, &committed) {
        _ if log.is_empty() => WalUse::Absent,
        (None, _) => WalUse::Ignored,
        (Some(_), None) => WalUse::Applied {
            frames: 0,
            dropped_bytes: u64::try_from(log.len() - WAL_HEADER_BYTES).unwrap_or(u64::MAX),
        },
        (Some(_), Some(committed)) => {
            WalUse::Applied { frames: committed.frames, dropped_bytes: committed.dropped_bytes }
        }
    };
    if !database.is_empty() && !database.starts_with(MAGIC) {
        return Err(StateDbError::NotADatabase);
    }
    if let (Some(own), Some(committed)) = (page_size(database), &committed)
        && own != committed.page_size
    {
        return Err(StateDbError::PageSizes { database: own, log: committed.page_size });
    }
    let overlay = wal::Overlay::new(database, log, committed);
    let len = overlay.len;
    let bytes = u64::try_from(len).unwrap_or(u64::MAX);
    if bytes > max_bytes {
        return Err(StateDbError::TooLarge { bytes, limit: max_bytes });
    }
    if len == 0 {
        return Err(StateDbError::Empty);
    }
    Ok((overlay, wal))
}

#[cfg(feature = "sqlite")]
fn open(database: &[u8], log: Option<&[u8]>, max_bytes: u64) -> Result<(Connection, WalUse), StateDbError> {
    let (overlay, wal) = overlay(database, log, max_bytes)?;
    let len = overlay.len;
    let db = deserialize(overlay, len).map_err(StateDbError::Open)?;
    Ok((db, wal))
}

fn page_size(database: &[u8]) -> Option<u32> {
    match u16::from_be_bytes(database.get(16..18)?.try_into().ok()?) {
        1 => Some(65536),
        size => Some(u32::from(size)),
    }
}

#[cfg(feature = "sqlite")]
fn deserialize(overlay: wal::Overlay<'_>, len: usize) -> rusqlite::Result<Connection> {
    let mut db = Connection::open_in_memory()?;
    db.set_limit(Limit::SQLITE_LIMIT_LENGTH, MAX_SQLITE_VALUE_BYTES)?;
    db.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0)?;
    db.deserialize_read_exact(MAIN_DB, overlay, len, true)?;
    let mut steps = 0_u32;
    db.progress_handler(
        STEPS_PER_CHECK,
        Some(move || {
            steps = steps.saturating_add(STEPS_PER_CHECK.unsigned_abs());
            steps > MAX_STEPS
        }),
    )?;
    db.execute_batch("PRAGMA query_only = ON; PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;")?;
    Ok(db)
}

#[cfg(test)]
#[cfg(feature = "sqlite")]
mod tests;
