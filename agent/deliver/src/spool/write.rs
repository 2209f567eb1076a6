//! Putting records in, and keeping the bound.

use std::collections::VecDeque;

use jiff::Timestamp;
use portreeve_store::StoreError;

use super::lane::{Entry, Fate, Kind, Segment};
use super::ledger::{LEDGER, Ledger, SIZE};
use super::record::{HEADER, MAX_RECORD, MAX_SEQ, Record, Signal, encode, size};
use super::{Chore, Spool, SpoolError, timestamp};

/// Sizes between which a segment is full, in bytes.
const SEGMENT: (u64, u64) = (4 * 1024, 1024 * 1024);
/// Share of the bound that one segment may have.
const SEGMENTS: u64 = 16;
/// Share of the bound for what was set aside, and the least of it in bytes.
const REFUSED: (u64, u64) = (8, 64 * 1024);

/// Records that are written to one segment at once.
struct Chunk {
    name: String,
    offset: u64,
    bytes: Vec<u8>,
    entries: Vec<Entry>,
}

impl Chunk {
    fn undo(&self) -> Chore {
        match self.offset {
            0 => Chore::Remove(self.name.clone()),
            offset => Chore::Cut(self.name.clone(), offset),
        }
    }
}

impl Spool {
    /// Puts records behind all others; they are on the disk when it returns. Then drops what is over the bound, the oldest first.
    pub fn append(&mut self, records: &[Record], now: Timestamp) -> Result<(), SpoolError> {
        let limit = (MAX_RECORD as u64).min(self.limits.max_bytes.saturating_sub(HEADER as u64));
        if let Some(record) = records.iter().find(|record| record.bytes.len() as u64 > limit) {
            return Err(SpoolError::TooLarge { bytes: record.bytes.len(), limit });
        }
        self.settle()?;
        self.check_numbers(records.len())?;
        let of = |signal| records.iter().filter(move |record| record.signal == signal).map(|record| (record, ""));
        let chunks = Signal::ALL.map(|signal| (Kind::Waits(signal), self.plan(Kind::Waits(signal), of(signal))));
        self.write(chunks.into())?;
        if self.ledger.told != self.taken {
            self.ledger.told = self.taken;
            self.is_stale = true;
        }
        self.bound(now);
        // The records are there. What could not be counted or removed yet is tried again before anything else is appended.
        drop(self.settle());
        Ok(())
    }

    /// Puts a record out of the way that the endpoint refuses for good, with the reason. It is kept with others of its kind, of which the
    /// oldest go first. Nothing happens if it does not wait.
    pub fn set_aside(&mut self, record: &Record, why: &str) -> Result<(), SpoolError> {
        let kind = Kind::Waits(record.signal);
        let seq = self.lane(kind).waiting().find(|(_, entry)| entry.id == record.id).map(|(_, entry)| entry.seq);
        let Some(seq) = seq else { return Ok(()) };
        self.settle()?;
        self.check_numbers(1)?;
        // A crash after this and before the head moved on tells the same record once more.
        let is_there = self.lane(Kind::Refused).waiting().any(|(_, entry)| entry.id == record.id);
        if !is_there {
            let chunks = self.plan(Kind::Refused, [(record, why)].into_iter());
            self.write(vec![(Kind::Refused, chunks)])?;
        }
        self.lane_mut(kind).0.settle(seq, Fate::Refused);
        self.advance(kind);
        let most = (self.limits.max_bytes / REFUSED.0).max(REFUSED.1);
        while self.lane(Kind::Refused).bytes > most {
            let Some(oldest) = self.lane(Kind::Refused).oldest().map(|entry| entry.seq) else { break };
            self.lane_mut(Kind::Refused).0.settle(oldest, Fate::Dropped);
        }
        self.advance(Kind::Refused);
        self.settle()
    }

    /// Drops what is too old.
    pub fn expire(&mut self, now: Timestamp) -> Result<(), SpoolError> {
        self.bound(now);
        self.settle()
    }

    fn check_numbers(&self, records: usize) -> Result<(), SpoolError> {
        let highest = self.lanes.iter().map(|lane| lane.next).max().unwrap_or_default();
        if highest.saturating_add(records as u64) > MAX_SEQ { Err(SpoolError::UsedUp) } else { Ok(()) }
    }

    /// Where records go, and what is written there.
    fn plan<'a>(&self, kind: Kind, records: impl Iterator<Item = (&'a Record, &'a str)>) -> Vec<Chunk> {
        let full = (self.limits.max_bytes / SEGMENTS).clamp(SEGMENT.0, SEGMENT.1);
        let lane = self.lane(kind);
        let mut seq = lane.next;
        let mut end = lane.segments.back().map(|segment| (segment.name.clone(), segment.length));
        let mut chunks: Vec<Chunk> = Vec::new();
        for (record, why) in records {
            let fits = end.as_ref().is_some_and(|(_, length)| *length < full);
            let (name, offset) = match end.take() {
                Some(end) if fits => end,
                _ => (kind.segment(seq), 0),
            };
            if chunks.last().is_none_or(|chunk| chunk.name != name) {
                chunks.push(Chunk { name: name.clone(), offset, bytes: Vec::new(), entries: Vec::new() });
            }
            let size = size(record, why);
            if let Some(chunk) = chunks.last_mut() {
                encode(record, seq, why, &mut chunk.bytes);
                let (at, id) = (record.at.as_microsecond(), record.id);
                chunk.entries.push(Entry { seq, at, id, offset, size, fate: Fate::Waiting });
            }
            end = Some((name, offset + size));
            seq = seq.saturating_add(1);
        }
        chunks
    }

    /// Writes all chunks or none.
    fn write(&mut self, lanes: Vec<(Kind, Vec<Chunk>)>) -> Result<(), SpoolError> {
        let mut undo = Vec::new();
        for chunk in lanes.iter().flat_map(|(_, chunks)| chunks) {
            undo.push(chunk.undo());
            if let Err(error) = self.disk.write_at(&chunk.name, chunk.offset, &chunk.bytes) {
                // What cannot be undone now is undone before anything else is appended.
                undo.retain(|chore| self.do_chore(chore).is_err());
                self.chores.append(&mut undo);
                return Err(error.into());
            }
        }
        for (kind, chunks) in lanes {
            let lane = self.lane_mut(kind).0;
            for chunk in chunks {
                if chunk.offset == 0 {
                    lane.push_segment(Segment { name: chunk.name, length: 0, entries: VecDeque::new() });
                }
                for entry in chunk.entries {
                    lane.push(entry);
                }
            }
        }
        Ok(())
    }

    /// Drops what is over the limits.
    pub(super) fn bound(&mut self, now: Timestamp) {
        let age = i64::try_from(self.limits.max_age.as_micros()).unwrap_or(i64::MAX);
        let too_old = now.as_microsecond().saturating_sub(age);
        while let Some((signal, oldest)) = self.oldest() {
            let bytes: u64 = Signal::ALL.iter().map(|signal| self.lane(Kind::Waits(*signal)).bytes).sum();
            if oldest.at >= too_old && bytes <= self.limits.max_bytes {
                break;
            }
            let kind = Kind::Waits(signal);
            self.lane_mut(kind).0.settle(oldest.seq, Fate::Dropped);
            self.advance(kind);
            self.dropped_bytes = self.dropped_bytes.saturating_add(oldest.size);
            let at = timestamp(oldest.at);
            self.dropped_at = Some(self.dropped_at.map_or((at, at), |(first, last)| (first.min(at), last.max(at))));
        }
    }

    /// Moves the head of a lane over all that is done with.
    pub(super) fn advance(&mut self, kind: Kind) {
        let (lane, position) = self.lane_mut(kind);
        let before = *position;
        let done = lane.advance(position);
        self.is_stale |= before != *self.lane_mut(kind).1;
        self.chores.extend(done.into_iter().map(Chore::Remove));
    }

    /// Writes the ledger if it changed, then does what was to be done to files.
    pub(super) fn settle(&mut self) -> Result<(), SpoolError> {
        if self.is_stale {
            self.write_ledger()?;
        }
        while let Some(chore) = self.chores.last() {
            self.do_chore(chore)?;
            self.chores.pop();
        }
        Ok(())
    }

    fn do_chore(&self, chore: &Chore) -> Result<(), StoreError> {
        match chore {
            Chore::Remove(name) => self.disk.remove(name),
            Chore::Cut(name, length) => self.disk.truncate(name, *length),
        }
    }

    fn write_ledger(&mut self) -> Result<(), SpoolError> {
        let ledger = Ledger { generation: self.ledger.generation.saturating_add(1), ..self.ledger };
        let slot = Ledger::slot(ledger.generation);
        if self.is_allocated {
            self.disk.write_at(LEDGER, slot as u64, &ledger.encode())?;
        } else {
            let mut bytes = vec![0; SIZE];
            if let Some(place) = bytes.get_mut(slot..) {
                for (to, from) in place.iter_mut().zip(ledger.encode()) {
                    *to = from;
                }
            }
            self.disk.write_at(LEDGER, 0, &bytes)?;
            self.is_allocated = true;
        }
        self.ledger = ledger;
        self.is_stale = false;
        Ok(())
    }
}
