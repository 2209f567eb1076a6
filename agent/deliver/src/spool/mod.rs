//! What is to be delivered, on the disk until an endpoint has it.
//!
//! # Contract
//!
//! 1. What [`Spool::append`] took is on the disk when it returns, and stays there until it was acknowledged, set aside or dropped by the
//!    bound. An append that fails, as on a full volume, leaves what was there before as it was.
//! 2. Records of one [`Signal`] leave in the order in which they came. A record can leave twice, when the process ends between the
//!    endpoint's answer and [`Spool::acknowledge`]; its `id` tells.
//! 3. The bound is kept by dropping the oldest. Each dropped record is counted, and [`Spool::take_dropped`] tells of it once. A record that
//!    is dropped while it is on its way is counted though it may arrive.
//! 4. What a record says is what was written: a checksum guards each. What is torn, corrupt or missing is skipped and counted; all
//!    else is read.
//! 5. Totals, and how far each lane has come, survive restarts.
//! 6. One process at a time has a spool open. Reading it as [`Survey`] does takes no lock and changes nothing.
//!
//! # Files
//!
//! Three lanes: `metrics`, `logs`, and `refused` for what was set aside. The records of a lane are numbered from 0. A lane is a row of
//! segments `<lane>-<number of its first record, 20 digits>.v1`; only the last one grows, and each is removed once all its records are
//! done with. A segment is nothing but records; numbers are little-endian:
//!
//! | bytes | content |
//! |--|--|
//! | 4 | `PRr` and the version, 1 |
//! | 4 | length of reason and content |
//! | 8 | number of the record |
//! | 8 | when it came to be, microseconds since 1970 |
//! | 16 | id |
//! | 1 | 1 metrics, 2 logs |
//! | 1 | 0 |
//! | 2 | length of the reason (only where it was set aside) |
//! | 4 | CRC32 of reason and content |
//! | 4 | CRC32 of all before |
//! | | reason, content |
//!
//! Where a header is damaged, the next one is searched for. A number that is missing in a lane is a record that was lost.
//!
//! `ledger.v1` holds the totals and the head of each lane, twice, 4096 bytes apart and each with a checksum; the older one is overwritten in
//! place. If both are damaged the totals begin anew and each lane begins with the oldest segment there is, so that records may leave twice.
//! Files of another version are refused and kept. `spool.lock` holds the id of the process that has it open.
//!
//! # Limits
//!
//! A record has at most 4 MiB. Files take at most [`Limits::max_bytes`], one segment more for each lane, and an eighth more for what was
//! set aside; a segment has a sixteenth of the bound, at most 1 MiB, and at most one record above that.

mod disk;
mod error;
mod lane;
mod ledger;
mod open;
mod read;
mod record;
mod state;
mod survey;
mod write;

#[cfg(test)]
mod tests;

use std::time::Duration;

use jiff::Timestamp;
use portreeve_store::Lock;

use disk::Disk;
pub use error::SpoolError;
use lane::{Kind, Lane};
use ledger::{LANES, Ledger, Position};
pub use read::Batch;
pub use record::{MAX_RECORD, Record, Signal};
pub use state::{Dropped, SpoolState};
pub use survey::{Damage, Kept, Place, Survey};

/// How much is kept, and how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Most bytes that wait. What is over it is dropped, oldest first. Below [`Limits::MIN_BYTES`] large records are refused.
    pub max_bytes: u64,
    /// What is older is dropped.
    pub max_age: Duration,
}

impl Limits {
    /// The least bound that serves: the largest record fits beside others.
    pub const MIN_BYTES: u64 = 2 * MAX_RECORD as u64;
}

impl Default for Limits {
    /// 64 MiB and seven days.
    fn default() -> Self {
        Self { max_bytes: 64 * 1024 * 1024, max_age: Duration::from_hours(7 * 24) }
    }
}

/// Something to do to files once the ledger is on the disk.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Chore {
    Remove(String),
    Cut(String, u64),
}

/// Records on the disk that wait to be delivered.
pub struct Spool {
    disk: Box<dyn Disk>,
    _lock: Option<Lock>,
    limits: Limits,
    /// By [`Kind::index`].
    lanes: [Lane; LANES],
    ledger: Ledger,
    /// The ledger on the disk is another one.
    is_stale: bool,
    /// The ledger's file has its whole size.
    is_allocated: bool,
    chores: Vec<Chore>,
    /// Total of dropped records when it was last asked for.
    taken: u64,
    /// When the oldest and the newest of those that nobody was told of were spooled, as far as this process knows.
    dropped_at: Option<(Timestamp, Timestamp)>,
    dropped_bytes: u64,
}

impl std::fmt::Debug for Spool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Spool").field("limits", &self.limits).field("ledger", &self.ledger).finish_non_exhaustive()
    }
}

impl Spool {
    fn lane(&self, kind: Kind) -> &Lane {
        let [metrics, logs, refused] = &self.lanes;
        match kind {
            Kind::Waits(Signal::Metrics) => metrics,
            Kind::Waits(Signal::Logs) => logs,
            Kind::Refused => refused,
        }
    }

    /// A lane and how far it has come.
    fn lane_mut(&mut self, kind: Kind) -> (&mut Lane, &mut Position) {
        let [metrics, logs, refused] = &mut self.lanes;
        let [of_metrics, of_logs, of_refused] = &mut self.ledger.lanes;
        match kind {
            Kind::Waits(Signal::Metrics) => (metrics, of_metrics),
            Kind::Waits(Signal::Logs) => (logs, of_logs),
            Kind::Refused => (refused, of_refused),
        }
    }

    /// The signal whose oldest record is the oldest of all.
    fn oldest(&self) -> Option<(Signal, lane::Entry)> {
        let heads = Signal::ALL.into_iter().filter_map(|signal| {
            let lane = self.lane(Kind::Waits(signal));
            Some((signal, *lane.oldest()?))
        });
        heads.min_by_key(|(signal, entry)| (entry.at, *signal))
    }
}

/// A time that is in the range of such, which those on the disk are.
fn timestamp(microseconds: i64) -> Timestamp {
    Timestamp::from_microsecond(microseconds).unwrap_or(Timestamp::UNIX_EPOCH)
}
