//! How long locks of a state directory were held while they were watched.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Fact;

/// The locks of one state directory, watched for a while without taking any.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LockWait {
    /// Path of the state directory.
    pub state_dir: String,
    /// When the watch began.
    pub at: Timestamp,
    /// How long it lasted, in seconds.
    pub watched_s: f64,
    /// What the watch cost, in percent of one core.
    pub cpu_percent: Option<f64>,
    /// The locks that were there.
    pub locks: Vec<WatchedLock>,
    /// What locking a file of the agent's own costs on the same volume.
    pub file_system: Fact<LockLatency>,
}

/// One lock that was watched.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WatchedLock {
    /// Path of the file that carries it; of a database, that of the database.
    pub path: String,
    /// How it is taken.
    pub kind: LockKind,
    /// What it protects: `gateway-lifecycle`, `database`, `session`, …
    pub purpose: String,
    /// Held for the owner's whole life, so that holding it is no fault.
    pub held_for_life: bool,
    /// How long a newcomer would have waited for it.
    pub waits: Fact<Waits>,
}

/// How a lock is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LockKind {
    /// Record locks on an empty `SQLite` file that serves as a lock.
    SqliteLockFile,
    /// The one writer of an `SQLite` database with a write-ahead log.
    WalWriter,
    /// An `SQLite` database with a rollback journal.
    RollbackDatabase,
    /// A file that exists while the lock is held.
    ExclusiveFile,
}

/// The wait of newcomers that arrive at random times: how long a lock stays held from each moment on.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Waits {
    /// Wait in microseconds and the time in microseconds over which arrivals had it, ascending. The steps are those of an HDR
    /// histogram with three digits.
    pub buckets: Vec<(u64, u64)>,
    /// Microseconds for which the looks stand.
    pub observed_us: u64,
    /// Microseconds of them in which the lock was held.
    pub held_us: u64,
    /// Looks that were taken at random times.
    pub samples: u64,
    /// Holds that were seen.
    pub holds: u64,
    /// The longest hold.
    pub longest: Option<Hold>,
    /// The hold that went on when the watch ended.
    pub running: Option<Hold>,
}

/// One hold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Hold {
    /// Seconds.
    pub seconds: f64,
    /// Process that held it, where the kernel or the lock's own content names one.
    pub pid: Option<u32>,
    /// Name of its program.
    pub program: Option<String>,
    /// Since when.
    #[schemars(with = "String")]
    pub since: Timestamp,
    /// Whether it went on when the watch ended.
    pub running: bool,
    /// Whether it was held already at the first look, so that it began earlier than [`Hold::since`].
    pub at_least: bool,
}

/// What taking and releasing a record lock costs on a file of the agent's own.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LockLatency {
    /// Half of the locks took at most so many microseconds.
    pub median_us: f64,
    /// 95 of 100 took at most so many microseconds.
    pub p95_us: f64,
    /// How many were taken.
    pub rounds: u32,
}
