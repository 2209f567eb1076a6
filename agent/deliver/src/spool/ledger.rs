//! How far each lane has come, and what became of its records.

use super::record::{MAX_SEQ, number};

/// Name of its file.
pub(super) const LEDGER: &str = "ledger.v1";
/// The two places in the file that are written by turns lie in different blocks, so that no torn write spoils both.
pub(super) const SLOT: usize = 4096;
/// Size of the file. It never changes, so that a full volume still takes it.
pub(super) const SIZE: usize = 2 * SLOT;
const MARKER: &[u8; 8] = b"PRledg\0\x01";
/// Lanes: metrics, logs, refused.
pub(super) const LANES: usize = 3;
const NUMBERS: usize = 4 + LANES * 6;
const LENGTH: usize = MARKER.len() + 8 * NUMBERS;

/// How far a lane has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Position {
    /// Number of the first record that is not done with.
    pub(super) head: u64,
    /// Records that the endpoint took.
    pub(super) delivered: u64,
    /// Records that were set aside.
    pub(super) refused: u64,
    /// Records that were dropped by the bound.
    pub(super) dropped: u64,
    /// Their bytes.
    pub(super) dropped_bytes: u64,
    /// Records that could not be read.
    pub(super) lost: u64,
}

/// What is known of the whole spool beside its records.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Ledger {
    /// Counts how often it was written.
    pub(super) generation: u64,
    /// When the totals began, in microseconds since 1970.
    pub(super) since: i64,
    /// Dropped records that were told of.
    pub(super) told: u64,
    /// Ends of segments, and ledgers, that were not whole.
    pub(super) torn: u64,
    pub(super) lanes: [Position; LANES],
}

impl Ledger {
    /// Where the next one is written.
    pub(super) fn slot(generation: u64) -> usize {
        if generation.is_multiple_of(2) { 0 } else { SLOT }
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = MARKER.to_vec();
        out.extend_from_slice(&self.generation.to_le_bytes());
        out.extend_from_slice(&self.since.to_le_bytes());
        for number in [self.told, self.torn] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        for lane in &self.lanes {
            for number in [lane.head, lane.delivered, lane.refused, lane.dropped, lane.dropped_bytes, lane.lost] {
                out.extend_from_slice(&number.to_le_bytes());
            }
        }
        let checksum = crc32fast::hash(&out);
        out.extend_from_slice(&checksum.to_le_bytes());
        out
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let own = bytes.get(..LENGTH)?;
        if !own.starts_with(MARKER) || u32::from_le_bytes(number(bytes, LENGTH)?) != crc32fast::hash(own) {
            return None;
        }
        let at = |index: usize| Some(u64::from_le_bytes(number(own, MARKER.len() + 8 * index)?));
        let mut ledger = Self {
            generation: at(0)?,
            since: at(1)?.cast_signed(),
            told: at(2)?,
            torn: at(3)?,
            lanes: [Position::default(); LANES],
        };
        for (index, lane) in ledger.lanes.iter_mut().enumerate() {
            let first = 4 + index * 6;
            *lane = Position {
                head: at(first)?,
                delivered: at(first + 1)?,
                refused: at(first + 2)?,
                dropped: at(first + 3)?,
                dropped_bytes: at(first + 4)?,
                lost: at(first + 5)?,
            };
        }
        ledger.lanes.iter().all(|lane| lane.head <= MAX_SEQ).then_some(ledger)
    }

    /// The newest that is whole in the bytes of the file.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let slots = [Some(bytes), bytes.get(SLOT..)];
        slots.into_iter().flatten().filter_map(Self::decode).max_by_key(|ledger| ledger.generation)
    }
}
