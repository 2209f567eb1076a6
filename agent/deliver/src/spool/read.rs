//! Taking records out.

use super::lane::{Entry, Fate, Kind};
use super::record::{Record, Signal, decode};
use super::{Spool, SpoolError};

/// Records of one signal, to be delivered as one message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    signal: Signal,
    records: Vec<Record>,
    /// Their numbers.
    seqs: Vec<u64>,
}

impl Batch {
    /// What they are for.
    pub fn signal(&self) -> Signal {
        self.signal
    }

    /// The records, oldest first; never none.
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// One message that holds them all.
    pub fn body(&self) -> Vec<u8> {
        self.records.iter().flat_map(|record| record.bytes.iter().copied()).collect()
    }

    /// The older and the newer half; the whole, if it is one record.
    pub fn halves(self) -> (Self, Option<Self>) {
        let Self { signal, mut records, mut seqs } = self;
        let middle = records.len().div_ceil(2);
        let newer = Self { signal, records: records.split_off(middle), seqs: seqs.split_off(middle.min(seqs.len())) };
        (Self { signal, records, seqs }, (!newer.records.is_empty()).then_some(newer))
    }
}

impl Spool {
    /// The oldest records, all of one signal, and not removed: at most so many records and bytes, but at least one; none where nothing
    /// waits.
    pub fn batch(&mut self, max_records: usize, max_bytes: usize) -> Result<Option<Batch>, SpoolError> {
        while let Some((signal, _)) = self.oldest() {
            let batch = self.batch_of(signal, max_records, max_bytes)?;
            if batch.is_some() {
                return Ok(batch);
            }
        }
        Ok(None)
    }

    /// The same, of one signal.
    pub fn batch_of(
        &mut self,
        signal: Signal,
        max_records: usize,
        max_bytes: usize,
    ) -> Result<Option<Batch>, SpoolError> {
        let kind = Kind::Waits(signal);
        loop {
            let mut batch = Batch { signal, records: Vec::new(), seqs: Vec::new() };
            let mut bytes = 0_usize;
            let mut unreadable = Vec::new();
            for (name, entry) in self.lane(kind).waiting().take(max_records.max(1)) {
                bytes = bytes.saturating_add(usize::try_from(entry.size).unwrap_or(usize::MAX));
                if bytes > max_bytes && !batch.seqs.is_empty() {
                    break;
                }
                match self.read(name, entry)? {
                    Some(record) => {
                        batch.records.push(record);
                        batch.seqs.push(entry.seq);
                    }
                    None => unreadable.push(entry.seq),
                }
            }
            let lane = self.lane_mut(kind).0;
            for seq in &unreadable {
                lane.forget(*seq);
            }
            if !unreadable.is_empty() {
                self.advance(kind);
            }
            if !batch.records.is_empty() {
                return Ok(Some(batch));
            }
            if unreadable.is_empty() {
                return Ok(None);
            }
        }
    }

    /// The record of an entry; none if it cannot be read any more.
    fn read(&self, name: &str, entry: &Entry) -> Result<Option<Record>, SpoolError> {
        let bytes = self.disk.read_at(name, entry.offset, entry.size)?.unwrap_or_default();
        let record = decode(&bytes).filter(|(header, ..)| header.seq == entry.seq && header.id == entry.id);
        Ok(record.map(|(_, record, _)| record))
    }

    /// Removes what the endpoint took. Where this fails the records are done with all the same, until the process ends.
    pub fn acknowledge(&mut self, batch: &Batch) -> Result<(), SpoolError> {
        let kind = Kind::Waits(batch.signal);
        let lane = self.lane_mut(kind).0;
        for seq in &batch.seqs {
            lane.settle(*seq, Fate::Delivered);
        }
        self.advance(kind);
        self.settle()
    }
}
