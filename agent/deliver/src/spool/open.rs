//! Opening a spool, and healing it.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use jiff::Timestamp;
use portreeve_core::order::Order as _;
use portreeve_store::{Folder, Lock};

use super::disk::Disk;
use super::lane::{Entry, Kind, Lane, Named, Segment, named};
use super::ledger::{LANES, LEDGER, Ledger, Position, SIZE};
use super::record::{HEADER, MAX_RECORD, scan};
use super::{Chore, Limits, Spool, SpoolError};

/// Name of the lock.
const LOCK: &str = "spool.lock";
/// How long another process may take to end.
const PATIENCE: Duration = Duration::from_secs(2);
/// Most bytes of a segment that are read: its largest size, and the largest record.
pub(super) const MAX_SEGMENT: u64 = (MAX_RECORD + HEADER + 2 * 1024 * 1024) as u64;

impl Spool {
    /// Opens the spool in a folder of its own, heals what a crash left there and drops what is over the limits.
    pub fn open(folder: Folder, limits: Limits, now: Timestamp) -> Result<Self, SpoolError> {
        let lock = folder.lock(LOCK, PATIENCE)?;
        Self::on(Box::new(folder), Some(lock), limits, now)
    }

    /// Fails with [`SpoolError::InUse`] while another process has the spool of a folder open.
    pub fn check_free(folder: &Folder) -> Result<(), SpoolError> {
        folder.lock(LOCK, Duration::ZERO)?;
        Ok(())
    }

    pub(super) fn on(
        disk: Box<dyn Disk>,
        lock: Option<Lock>,
        limits: Limits,
        now: Timestamp,
    ) -> Result<Self, SpoolError> {
        let segments = segments(&disk.names()?)?;
        let kept = disk.read_at(LEDGER, 0, SIZE as u64)?;
        let is_allocated = kept.as_ref().is_some_and(|bytes| bytes.len() == SIZE);
        let read = kept.as_deref().and_then(Ledger::read);
        let mut ledger = read.unwrap_or_else(|| {
            let mut ledger = Ledger { since: now.as_microsecond(), ..Ledger::default() };
            for (kind, bases) in &segments {
                if let (Some(base), Some(position)) = (bases.first(), ledger.lanes.get_mut(kind.index())) {
                    position.head = *base;
                }
            }
            ledger.torn = u64::from(kept.is_some() || !segments.is_empty());
            ledger
        });
        let mut chores = Vec::new();
        let mut is_stale = read.is_none();
        let mut heal = |kind: Kind| -> Result<Lane, SpoolError> {
            let mut position = Position::default();
            if let Some(kept) = ledger.lanes.get(kind.index()) {
                position = *kept;
            }
            let bases = segments.get(&kind).map(Vec::as_slice).unwrap_or_default();
            let (mut lane, cut) = lane(&*disk, kind, bases, &position, &mut chores)?;
            ledger.torn += u64::from(cut);
            is_stale |= cut;
            let before = position;
            chores.extend(lane.advance(&mut position).into_iter().map(Chore::Remove));
            is_stale |= before != position;
            if let Some(kept) = ledger.lanes.get_mut(kind.index()) {
                *kept = position;
            }
            Ok(lane)
        };
        let [metrics, logs, refused] = Kind::ALL;
        let lanes: [Lane; LANES] = [heal(metrics)?, heal(logs)?, heal(refused)?];
        let taken = ledger.told;
        let mut spool = Self {
            disk,
            _lock: lock,
            limits,
            lanes,
            ledger,
            is_stale,
            is_allocated,
            chores,
            taken,
            dropped_at: None,
            dropped_bytes: 0,
        };
        spool.bound(now);
        match spool.settle() {
            // What waits can still be delivered, and what had to be written is written with the next change.
            Ok(()) | Err(SpoolError::Full { .. }) => Ok(spool),
            Err(error) => Err(error),
        }
    }
}

/// The first numbers of each lane's segments, sorted.
pub(super) fn segments(names: &[String]) -> Result<BTreeMap<Kind, Vec<u64>>, SpoolError> {
    let mut segments: BTreeMap<Kind, Vec<u64>> = BTreeMap::new();
    for name in names {
        match named(name) {
            Named::Segment(kind, base) => segments.entry(kind).or_default().push(base),
            Named::Newer => return Err(SpoolError::Newer { name: name.clone() }),
            Named::Other => {}
        }
    }
    for bases in segments.values_mut() {
        bases.order();
    }
    Ok(segments)
}

/// What a lane holds from its head on, and whether the end of its last segment was torn. Adds what is to be removed or cut.
fn lane(
    disk: &dyn Disk,
    kind: Kind,
    bases: &[u64],
    position: &Position,
    chores: &mut Vec<Chore>,
) -> Result<(Lane, bool), SpoolError> {
    let mut lane = Lane::new(position.head);
    let mut is_cut = false;
    let mut seen = 0;
    for (index, base) in bases.iter().enumerate() {
        let name = kind.segment(*base);
        let is_last = index + 1 == bases.len();
        let bytes = disk.read_at(&name, 0, MAX_SEGMENT)?.unwrap_or_default();
        let scan = scan(&bytes, (*base).max(seen));
        let length = bytes.len() as u64;
        let entries: VecDeque<Entry> = scan
            .found
            .iter()
            .filter(|(_, header)| header.seq >= position.head)
            .map(|(offset, header)| Entry::of(*offset, header))
            .collect();
        let is_torn = is_last && scan.end < length;
        is_cut |= is_torn;
        seen = scan.found.last().map_or(seen, |(_, header)| header.seq.saturating_add(1));
        lane.next = lane.next.max(seen);
        if entries.is_empty() {
            chores.push(Chore::Remove(name));
            continue;
        }
        if is_torn {
            chores.push(Chore::Cut(name.clone(), scan.end));
        }
        lane.push_segment(Segment { name, length: if is_last { scan.end } else { length }, entries });
    }
    Ok((lane, is_cut))
}
