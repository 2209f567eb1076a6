//! State directories, their files and their locks.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::records::StateRecords;
use crate::Fact;

/// A directory in which `OpenClaw` keeps its state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StateDir {
    /// Resolved path: the key by which everything else names it.
    pub path: String,
    /// The paths under which it was found, where they differ from the resolved one.
    pub aliases: Vec<String>,
    /// Home directory it belongs to.
    pub home: Option<String>,
    /// User id of the account to whom that home belongs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub home_uid: Option<u32>,
    /// Profile by its name.
    pub profile: Option<String>,
    /// Owner, mode, device and inode.
    pub stat: Fact<FileStat>,
    /// Files and folders whose mode or owner matters: config, databases, identity, dotenv, and folders above them.
    pub files: Vec<(String, Fact<FileStat>)>,
    /// Where it lies.
    pub volume: Fact<Volume>,
    /// The `SQLite` databases below it.
    pub databases: Vec<DatabaseFile>,
    /// Lock files, found and expected.
    pub locks: Vec<LockFile>,
    /// Processes that hold files below it open, where visible.
    pub open: Fact<Vec<OpenPath>>,
    /// Rows of its shared database, read from a copy in memory.
    pub records: Fact<StateRecords>,
    /// `openclaw.json.clobbered.*` files, newest first, with their times.
    pub clobbered: Vec<(String, Timestamp)>,
    /// Registry paths in its database that point outside of it.
    pub outside_paths: Vec<String>,
    /// Files with more than one hard link.
    pub hard_linked: Vec<String>,
    /// Newest modification below it, at the first two levels.
    pub last_write: Option<Timestamp>,
    /// Bytes of the files at the first levels, up to the scan's limit.
    pub size_bytes: Option<u64>,
}

/// What `stat` says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FileStat {
    /// Device.
    pub dev: u64,
    /// Inode.
    pub ino: u64,
    /// Permission bits.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Hard links.
    pub nlink: u64,
    /// Bytes.
    pub size: u64,
    /// Last modification.
    #[schemars(with = "String")]
    pub modified: Timestamp,
}

/// A mounted file system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Volume {
    /// Where it is mounted.
    pub mount_point: String,
    /// `apfs`, `ext4`, `smbfs`, …
    pub file_system: String,
    /// Bytes.
    pub total_bytes: u64,
    /// Bytes that an ordinary user can still write.
    pub free_bytes: u64,
    /// Mounted read-only.
    pub read_only: bool,
    /// Neither network, nor removable, nor shared with a virtual machine.
    pub local: bool,
}

/// One `SQLite` database.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DatabaseFile {
    /// Path of the database.
    pub path: String,
    /// Bytes of the database.
    pub bytes: u64,
    /// Bytes of its write-ahead log; absent where there is none.
    pub wal_bytes: Fact<u64>,
}

/// One lock file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LockFile {
    /// Path.
    pub path: String,
    /// What it protects: `gateway-lifecycle`, `gateway-state`, …
    pub purpose: String,
    /// Held for the owner's whole life, so that holding it is no fault.
    pub held_for_life: bool,
    /// Whether the file is there.
    pub exists: Fact<FileStat>,
    /// Owner that the file's content names.
    pub owner: Fact<LockHolder>,
    /// Process that the kernel says holds it (`F_GETLK`); absent when nobody does.
    pub holder_pid: Fact<u32>,
}

/// The owner a lock file names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockHolder {
    /// Process id.
    pub pid: u32,
    /// When the lock was made.
    pub created_at: Option<Timestamp>,
    /// Start time of the owner in the platform's units.
    pub start_time: Option<u64>,
    /// Start time of the process that has this pid now, in the same units; none when there is no such process.
    pub live_start_time: Option<u64>,
    /// Whether a process with this pid lives.
    pub alive: bool,
    /// Port.
    pub port: Option<u16>,
    /// Config file.
    pub config_path: Option<String>,
    /// State directory as the owner named it.
    pub state_dir: Option<String>,
    /// `agent-embedded`, `sqlite-maintenance`, …; none for a gateway.
    pub role: Option<String>,
}

/// A file below a state directory that a process holds open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenPath {
    /// The process.
    pub pid: u32,
    /// Path, as the process sees it.
    pub path: String,
    /// Opened for writing.
    pub writable: bool,
}
