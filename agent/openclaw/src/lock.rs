//! What lock files say: the owner that a JSON lock names, and the meaning of byte ranges that processes hold locked in
//! OpenClaw's SQLite lock files and databases.
//!
//! These are facts only. Whether a lock is stale is for the reader to find out: OpenClaw itself takes a lock for stale when
//! its pid is dead or was started at another time than the lock says, and an unreadable lock when it is older than 30 s.
//!
//! Locks are asked for (`F_GETLK`, `/proc/locks`), never taken: a lock held for an instant can make a gateway that starts
//! right then give up and disable its own job.

use std::path::PathBuf;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::paths::{LockPrimitive, LockPurpose};

/// Longest JSON lock that is read, in bytes. The gateway's own are below 1 KiB.
pub const MAX_LOCK_BYTES: usize = 64 * 1024;

/// SQLite's pending byte: the first of the bytes that a database is locked by. The range lies beyond all content, which is
/// why an empty file serves as a lock. See <https://sqlite.org/fileformat2.html#the_lock_byte_page>.
pub const PENDING_BYTE: u64 = 0x4000_0000;

/// Locked for writing by a connection that prepares a change.
pub const RESERVED_BYTE: u64 = PENDING_BYTE + 1;

/// First of the bytes that readers lock for reading, and an exclusive owner for writing.
pub const SHARED_FIRST: u64 = PENDING_BYTE + 2;

/// Number of the shared bytes.
pub const SHARED_SIZE: u64 = 510;

/// Number of all lock bytes from [`PENDING_BYTE`] on: the range to ask about.
pub const LOCK_RANGE: u64 = 2 + SHARED_SIZE;

/// First lock byte in a WAL index (`-shm`). See <https://sqlite.org/walformat.html#wal_locks>.
pub const SHM_LOCK_FIRST: u64 = 120;

/// Number of the lock bytes in a WAL index from [`SHM_LOCK_FIRST`] on.
pub const SHM_LOCK_COUNT: u64 = 8;

/// Byte of a WAL index that every open connection locks for reading: who holds it has the database open.
pub const SHM_OPEN_BYTE: u64 = 128;

/// What a process may do with a rollback database (OpenClaw's lock files are such), read off its locked bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SqliteHold {
    /// Reads.
    Shared,
    /// Prepares a change while others read.
    Reserved,
    /// Waits for readers to end, new ones are kept out.
    Pending,
    /// Alone: the state of a held lock file.
    Exclusive,
}

impl SqliteHold {
    /// The meaning of a POSIX record lock: `write` for `F_WRLCK`, `len` 0 for "to the end of the file", as in `struct flock`.
    /// `None` if the range does not touch the lock bytes.
    pub fn from_range(write: bool, start: u64, len: u64) -> Option<Self> {
        let end = if len == 0 { u64::MAX } else { start.saturating_add(len) };
        let touches = |first: u64, size: u64| start < first + size && end > first;
        if !touches(PENDING_BYTE, LOCK_RANGE) {
            return None;
        }
        Some(match (write, touches(SHARED_FIRST, SHARED_SIZE), touches(RESERVED_BYTE, 1)) {
            (true, true, _) => Self::Exclusive,
            (true, false, true) => Self::Reserved,
            (true, false, false) => Self::Pending,
            (false, _, _) => Self::Shared,
        })
    }
}

/// What a locked byte of a WAL index means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ShmLock {
    /// Byte 120: the one writer.
    Write,
    /// Byte 121: a checkpoint runs.
    Checkpoint,
    /// Byte 122: the index is being rebuilt from the log.
    Recover,
    /// Bytes 123 to 127: a reader at one of five marks. Mark 0 reads the database file alone and keeps a checkpoint from
    /// ending.
    Read(u8),
    /// Byte 128: a connection is open.
    Open,
}

impl ShmLock {
    /// The meaning of a byte of the `-shm` file.
    pub fn from_byte(byte: u64) -> Option<Self> {
        Some(match byte {
            120 => Self::Write,
            121 => Self::Checkpoint,
            122 => Self::Recover,
            123..=127 => Self::Read(u8::try_from(byte - 123).ok()?),
            SHM_OPEN_BYTE => Self::Open,
            _ => return None,
        })
    }
}

/// What a lock file is for, from its name alone (as found among a process's open files); `None` for other files.
pub fn purpose_of_name(name: &str) -> Option<(LockPurpose, LockPrimitive)> {
    let (stem, primitive) = match name.strip_suffix(".lock.sqlite") {
        Some(stem) => (stem, LockPrimitive::Sqlite),
        None => (name.strip_suffix(".lock")?, LockPrimitive::ExclusiveFile),
    };
    let (subject, key) = stem.rsplit_once('.')?;
    let is_hash = key.len() == 8 && key.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'a'..=b'f'));
    let purpose = match (subject, key, primitive) {
        ("gateway", "state", LockPrimitive::ExclusiveFile) => LockPurpose::GatewayState,
        ("gateway", "state", LockPrimitive::Sqlite) => LockPurpose::GatewayStateCoordinator,
        ("gateway", _, LockPrimitive::ExclusiveFile) if is_hash => LockPurpose::GatewayConfig,
        ("gateway", _, LockPrimitive::Sqlite) if is_hash => LockPurpose::GatewayConfigCoordinator,
        ("gateway-lifecycle", _, LockPrimitive::Sqlite) if is_hash => LockPurpose::GatewayLifecycle,
        ("state-lifecycle", _, LockPrimitive::Sqlite) if is_hash => LockPurpose::StateLifecycle,
        ("state-handles", _, LockPrimitive::Sqlite) if is_hash => LockPurpose::StateHandles,
        ("device-identity", _, LockPrimitive::Sqlite) if is_hash => LockPurpose::DeviceIdentity,
        _ => return None,
    };
    Some((purpose, primitive))
}

/// What a lock's owner is, from the lock's `role`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OwnerRole {
    /// A gateway; it leaves `role` out.
    Gateway,
    /// A CLI that runs an agent without a gateway.
    AgentEmbedded,
    /// `doctor --fix` and other maintenance.
    SqliteMaintenance,
    /// A CLI that changes skills.
    SkillWorkshopApply,
    /// A role that is not known here.
    #[serde(untagged)]
    Unknown(String),
}

impl OwnerRole {
    fn from_name(name: Option<&str>) -> Self {
        match name {
            None | Some("gateway") => Self::Gateway,
            Some("agent-embedded") => Self::AgentEmbedded,
            Some("sqlite-maintenance") => Self::SqliteMaintenance,
            Some("skill-workshop-apply") => Self::SkillWorkshopApply,
            Some(other) => Self::Unknown(crate::log::redact(other, 64)),
        }
    }
}

/// The owner that a JSON lock names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockOwner {
    /// Process id, in the owner's pid namespace.
    pub pid: u32,
    /// Start time of the process in the platform's own unit (Linux: clock ticks since boot): with the pid it names one
    /// process.
    pub start_time: Option<u64>,
    /// The owner's id of this run; the `owner` of its lease in the state database is the same.
    pub owner_id: Option<String>,
    /// When the lock was made.
    pub created_at: Option<Timestamp>,
    /// The owner's configuration file.
    pub config_path: Option<PathBuf>,
    /// The owner's state directory.
    pub state_dir: Option<PathBuf>,
    /// The port that the owner wants or has.
    pub port: Option<u16>,
    /// What the owner is.
    pub role: OwnerRole,
}

/// Why a lock could not be understood.
#[derive(Debug, Error)]
pub enum LockError {
    /// Made and not yet written, or torn.
    #[error("lock is empty")]
    Empty,
    /// Over [`MAX_LOCK_BYTES`].
    #[error("lock has {bytes} bytes, more than {MAX_LOCK_BYTES}")]
    TooLong {
        /// Its size.
        bytes: usize,
    },
    /// Not JSON, or without what a lock must have. The cause is not kept: its text could quote the content.
    #[error("lock is not understood (line {line}, column {column})")]
    Malformed {
        /// Counted from 1.
        line: usize,
        /// Counted from 1.
        column: usize,
    },
}

/// The fields as they are written; `starttime` is the spelling of session locks.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    pid: u32,
    #[serde(alias = "starttime")]
    start_time: Option<serde_json::Number>,
    owner_id: Option<String>,
    created_at: Option<String>,
    config_path: Option<PathBuf>,
    state_dir: Option<PathBuf>,
    port: Option<serde_json::Number>,
    role: Option<String>,
}

/// Reads the content of a `*.lock` JSON file.
///
/// After the JSON follows a line of tabs and spaces that encodes a 128-bit ownership token. It is never kept: who has it can
/// pass for the owner. The same reader serves the `*.jsonl.lock` files of sessions (`pid`, `createdAt`, `starttime`), which
/// gateways before the move to SQLite left beside transcripts.
pub fn parse_owner(content: &[u8]) -> Result<LockOwner, LockError> {
    if content.len() > MAX_LOCK_BYTES {
        return Err(LockError::TooLong { bytes: content.len() });
    }
    if content.trim_ascii().is_empty() {
        return Err(LockError::Empty);
    }
    let record: Record = serde_json::from_slice(content)
        .map_err(|error| LockError::Malformed { line: error.line(), column: error.column() })?;
    Ok(LockOwner {
        pid: record.pid,
        start_time: record.start_time.as_ref().and_then(serde_json::Number::as_u64),
        owner_id: record.owner_id.map(|id| crate::log::redact(&id, 64)),
        created_at: record.created_at.and_then(|time| time.parse().ok()),
        config_path: record.config_path,
        state_dir: record.state_dir,
        port: record.port.as_ref().and_then(serde_json::Number::as_u64).and_then(|port| u16::try_from(port).ok()),
        role: OwnerRole::from_name(record.role.as_deref()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const GATEWAY: &str = "{\n  \"pid\": 10256,\n  \"ownerId\": \"9bbaa2bd-16e1-42af-b15a-edc04571ac80\",\n  \"cronOwnerProjection\": \"dynamic-default-v1\",\n  \"createdAt\": \"2026-11-21T07:54:33.662Z\",\n  \"configPath\": \"/h/.openclaw/openclaw.json\",\n  \"stateDir\": \"/h/.openclaw\",\n  \"port\": 33871,\n  \"startTime\": 80507\n}\n\t\t\t\t\t\t\t\t \t\t\t  \t  \t \t \n";

    #[test]
    fn reads_a_gateways_lock_without_its_token() {
        let owner = parse_owner(GATEWAY.as_bytes()).unwrap();
        insta::assert_json_snapshot!(owner, @r#"
        {
          "pid": 10256,
          "start_time": 80507,
          "owner_id": "9bbaa2bd-16e1-42af-b15a-edc04571ac80",
          "created_at": "2026-11-21T07:54:33.662Z",
          "config_path": "/h/.openclaw/openclaw.json",
          "state_dir": "/h/.openclaw",
          "port": 33871,
          "role": "gateway"
        }
        "#);
    }

    #[test]
    fn reads_other_owners() {
        let role = |json: &str| parse_owner(json.as_bytes()).unwrap().role;
        assert_eq!(role(r#"{"pid":1,"role":"sqlite-maintenance"}"#), OwnerRole::SqliteMaintenance);
        assert_eq!(role(r#"{"pid":1,"role":"agent-embedded"}"#), OwnerRole::AgentEmbedded);
        assert_eq!(role(r#"{"pid":1,"role":"new"}"#), OwnerRole::Unknown("new".into()));
        let session = parse_owner(br#"{"pid":7,"createdAt":"2026-02-01T00:00:00.000Z","starttime":12}"#).unwrap();
        assert_eq!((session.pid, session.start_time), (7, Some(12)));
    }

    #[test]
    fn refuses_what_is_no_lock() {
        for (content, expected) in [
            ("", "lock is empty"),
            (" \t\n", "lock is empty"),
            ("{\"pid\":1,", "lock is not understood (line 1, column 9)"),
            ("{}", "lock is not understood (line 1, column 2)"),
            ("{\"pid\":-1}", "lock is not understood (line 1, column 9)"),
        ] {
            assert_eq!(parse_owner(content.as_bytes()).unwrap_err().to_string(), expected);
        }
        let long = vec![b' '; MAX_LOCK_BYTES + 1];
        assert!(matches!(parse_owner(&long), Err(LockError::TooLong { .. })));
    }

    #[test]
    fn byte_ranges_have_a_meaning() {
        assert_eq!(SqliteHold::from_range(true, 0x4000_0000, 512), Some(SqliteHold::Exclusive));
        assert_eq!(SqliteHold::from_range(false, 1_073_741_826, 510), Some(SqliteHold::Shared));
        assert_eq!(SqliteHold::from_range(true, RESERVED_BYTE, 1), Some(SqliteHold::Reserved));
        assert_eq!(SqliteHold::from_range(true, PENDING_BYTE, 1), Some(SqliteHold::Pending));
        assert_eq!(SqliteHold::from_range(true, 0, 0), Some(SqliteHold::Exclusive));
        assert_eq!(SqliteHold::from_range(true, 120, 1), None);
        assert_eq!(ShmLock::from_byte(120), Some(ShmLock::Write));
        assert_eq!(ShmLock::from_byte(127), Some(ShmLock::Read(4)));
        assert_eq!(ShmLock::from_byte(128), Some(ShmLock::Open));
        assert_eq!(ShmLock::from_byte(119), None);
    }

    #[test]
    fn every_lock_is_known_by_its_name() {
        let locks = crate::paths::LockPaths::of(std::path::Path::new("/s"), std::path::Path::new("/c"), 501);
        for lock in &locks.locks {
            let name = lock.path.file_name().unwrap().to_str().unwrap();
            assert_eq!(purpose_of_name(name), Some((lock.purpose, lock.primitive)), "{name}");
        }
        for name in ["openclaw.json.clobber.lock", "gateway.lock", "a.jsonl.lock", "gateway.0123456.lock", ".lock", ""]
        {
            assert_eq!(purpose_of_name(name), None, "{name}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(content in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse_owner(&content);
        }

        #[test]
        fn any_cut_of_a_lock_is_an_error_or_the_same_owner(cut in 0..GATEWAY.len()) {
            if let Ok(owner) = parse_owner(&GATEWAY.as_bytes()[..cut]) {
                prop_assert_eq!(owner, parse_owner(GATEWAY.as_bytes()).unwrap());
            }
        }

        #[test]
        fn any_range_is_judged(write: bool, start: u64, len: u64) {
            let _ = SqliteHold::from_range(write, start, len);
        }
    }
}
