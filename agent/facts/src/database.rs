//! The rows of the shared database, from a copy in memory: the live file is read as bytes and never opened as a database.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use portreeve_core::Fact;
use portreeve_core::fact::Outcome;
use portreeve_openclaw::file::{ReadError, Reader};
#[cfg(feature = "sqlite")]
use portreeve_openclaw::state_db::StateDatabase;
use portreeve_openclaw::state_db::{self, OwnDevices, StateDbError};

use crate::file::{chain, stat};

/// How often a copy is taken anew because the database was written meanwhile.
const COPY_ATTEMPTS: usize = 3;

/// What the shared database at a path says, its log included. Neither of the two may have more than `max_bytes`.
#[cfg(feature = "sqlite")]
pub fn read(database: &Path, reader: &Reader, max_bytes: u64, at: Timestamp) -> Fact<StateDatabase> {
    copy(database, reader, max_bytes, at, state_db::read)
}

/// The devices and device tokens of a client with the shared database at a path; see [`read()`].
pub fn own_devices(database: &Path, reader: &Reader, max_bytes: u64, at: Timestamp) -> Fact<OwnDevices> {
    copy(database, reader, max_bytes, at, state_db::own_devices)
}

/// Paths of the databases of its agents, as the gateway's own system names them, newest first.
#[cfg(feature = "sqlite")]
pub fn agent_databases(read: &StateDatabase) -> Vec<PathBuf> {
    read.agent_databases.rows.iter().filter_map(|database| database.path.as_ref().map(PathBuf::from)).collect()
}

/// Ids of a state directory's own devices.
#[cfg(feature = "sqlite")]
pub fn devices(read: &StateDatabase) -> Vec<String> {
    read.own_devices.rows.iter().filter_map(|device| device.device_id.clone()).collect()
}

/// Ids of the devices for which the state directory, as a client, holds a token, and when each was stored.
#[cfg(feature = "sqlite")]
pub fn device_tokens(read: &StateDatabase) -> Vec<(String, Option<Timestamp>)> {
    let tokens = read.auth_tokens.rows.iter().filter(|token| token.is_present);
    tokens.filter_map(|token| Some((token.device_id.clone()?, token.updated_at))).collect()
}

fn copy<T>(
    database: &Path,
    reader: &Reader,
    max_bytes: u64,
    at: Timestamp,
    parse: impl Fn(&[u8], Option<&[u8]>, u64) -> Result<T, StateDbError>,
) -> Fact<T> {
    let source = database.to_string_lossy().into_owned();
    let mut wal = database.to_path_buf().into_os_string();
    wal.push("-wal");
    let wal = PathBuf::from(wal);
    let mut problem = None;
    for _ in 0..COPY_ATTEMPTS {
        let before = stat(database, at);
        let copy = match reader.read(database, max_bytes) {
            Ok(copy) => copy,
            Err(error) => return refused(&error, source, at),
        };
        let log = match reader.read(&wal, max_bytes) {
            Ok(log) => Some(log.bytes),
            Err(ReadError::NotFound { .. }) => None,
            Err(error) => return refused(&error, source, at),
        };
        let after = stat(database, at);
        // A checkpoint between the two reads would pair an old database with a new log.
        let unchanged =
            before.get().map(|stat| (stat.modified, stat.size)) == after.get().map(|stat| (stat.modified, stat.size));
        match parse(&copy.bytes, log.as_deref(), max_bytes) {
            Ok(read) if unchanged => return Fact::known(read, source, at),
            Ok(_) => problem = Some("it was written while it was copied".to_owned()),
            Err(error) => problem = Some(chain(&error)),
        }
    }
    Fact::unreadable(problem.unwrap_or_default(), source, at)
}

fn refused<T>(error: &ReadError, source: String, at: Timestamp) -> Fact<T> {
    let outcome = match error {
        ReadError::NotFound { .. } => Outcome::Absent,
        ReadError::Denied { .. } => Outcome::Denied { why: error.to_string() },
        _ => Outcome::Unreadable { why: chain(error) },
    };
    Fact { outcome, source, at }
}
