//! The write-ahead log, laid over the database in memory.
//!
//! Format: <https://sqlite.org/fileformat2.html#the_write_ahead_log>. As in SQLite itself, a log with a bad header counts as
//! empty, frames count up to the last commit whose checksums hold, and what follows (a torn or older tail) is dropped.

use std::collections::BTreeMap;
#[cfg(feature = "sqlite")]
use std::io::{self, Read};

use serde::{Deserialize, Serialize};

/// Length of the log's header, in bytes.
pub const WAL_HEADER_BYTES: usize = 32;

/// Length of a frame's header, in bytes.
const FRAME_HEADER_BYTES: usize = 24;

/// The log's magic number; its lowest bit tells the byte order of the checksums.
const MAGIC: u32 = 0x377f_0682;

/// The one format version there is.
const FORMAT: u32 = 3_007_000;

/// What the log contributed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WalUse {
    /// No log was given, or it is empty.
    Absent,
    /// Its header is not valid: SQLite would ignore it as well.
    Ignored,
    /// It was laid over the database.
    Applied {
        /// Frames up to the last commit.
        frames: u32,
        /// Bytes behind it that were dropped.
        dropped_bytes: u64,
    },
}

/// Which generation of the log this is. It changes when the log is begun anew after a checkpoint.
///
/// Database and log cannot be copied at one instant. The copy is sound if the log's header is read first, then the database,
/// then the whole log, and both headers are equal: whatever a checkpoint moved into the database meanwhile is in the log too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WalHeader {
    page_size: u32,
    big_endian_sums: bool,
    sequence: u32,
    salts: [u32; 2],
    sums: [u32; 2],
}

fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

impl WalHeader {
    /// Reads the first [`WAL_HEADER_BYTES`] of a log; `None` if they are no valid header.
    pub fn parse(log: &[u8]) -> Option<Self> {
        let magic = be32(log, 0)?;
        let big_endian_sums = magic & 1 == 1;
        let page_size = be32(log, 8)?;
        let is_valid = magic & !1 == MAGIC
            && be32(log, 4)? == FORMAT
            && page_size.is_power_of_two()
            && (512..=65536).contains(&page_size);
        let sums = checksum(log.get(..24)?, [0, 0], big_endian_sums);
        let stored = [be32(log, 24)?, be32(log, 28)?];
        (is_valid && sums == stored).then_some(Self {
            page_size,
            big_endian_sums,
            sequence: be32(log, 12)?,
            salts: [be32(log, 16)?, be32(log, 20)?],
            sums,
        })
    }
}

/// SQLite's checksum over whole pairs of 32-bit words.
fn checksum(bytes: &[u8], [mut s0, mut s1]: [u32; 2], big_endian: bool) -> [u32; 2] {
    let (pairs, _) = bytes.as_chunks::<8>();
    for pair in pairs {
        let word = |bytes: [u8; 4]| if big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) };
        let [first, second] = [word([pair[0], pair[1], pair[2], pair[3]]), word([pair[4], pair[5], pair[6], pair[7]])];
        s0 = s0.wrapping_add(first).wrapping_add(s1);
        s1 = s1.wrapping_add(second).wrapping_add(s0);
    }
    [s0, s1]
}

/// The committed pages of a log.
pub(super) struct Committed {
    pub(super) page_size: u32,
    /// Size of the database after the last commit, in pages.
    pub(super) pages: u32,
    /// Page number, from 1, to the place of its content in the log.
    pub(super) content: BTreeMap<u32, usize>,
    pub(super) frames: u32,
    pub(super) dropped_bytes: u64,
}

/// Reads the frames of a log up to its last good commit. `None` if there is no valid header or no commit.
pub(super) fn committed(log: &[u8], header: &WalHeader) -> Option<Committed> {
    let page_size = usize::try_from(header.page_size).ok()?;
    let frame_bytes = FRAME_HEADER_BYTES + page_size;
    let mut sums = header.sums;
    let mut content = BTreeMap::new();
    let mut uncommitted = Vec::new();
    let mut last = None;
    let frames = log.get(WAL_HEADER_BYTES..)?.chunks_exact(frame_bytes);
    for (index, frame) in frames.enumerate() {
        let (head, page) = frame.split_at(FRAME_HEADER_BYTES);
        let number = be32(head, 0)?;
        let size_after_commit = be32(head, 4)?;
        if number == 0 || [be32(head, 8)?, be32(head, 12)?] != header.salts {
            break;
        }
        sums = checksum(head.get(..8)?, sums, header.big_endian_sums);
        sums = checksum(page, sums, header.big_endian_sums);
        if sums != [be32(head, 16)?, be32(head, 20)?] {
            break;
        }
        uncommitted.push((number, WAL_HEADER_BYTES + index * frame_bytes + FRAME_HEADER_BYTES));
        if size_after_commit > 0 {
            content.extend(uncommitted.drain(..));
            last = Some((size_after_commit, index + 1));
        }
    }
    let (pages, frames) = last?;
    content.retain(|number, _| *number <= pages);
    let used = WAL_HEADER_BYTES + frames * frame_bytes;
    Some(Committed {
        page_size: header.page_size,
        pages,
        content,
        frames: u32::try_from(frames).unwrap_or(u32::MAX),
        dropped_bytes: u64::try_from(log.len() - used).unwrap_or(u64::MAX),
    })
}

/// Reads a database with the committed pages of its log laid over it, and with its header saying "rollback journal", so that
/// SQLite does not look for a log beside a database in memory.
pub(super) struct Overlay<'a> {
    pub(super) database: &'a [u8],
    pub(super) log: &'a [u8],
    pub(super) committed: Option<Committed>,
    /// Length of the result, in bytes.
    pub(super) len: usize,
    #[cfg(feature = "sqlite")]
    at: usize,
}

#[cfg(feature = "sqlite")]
/// Place of the header's write and read version, which are 2 for WAL and 1 for a rollback journal.
const VERSIONS_AT: std::ops::Range<usize> = 18..20;

impl<'a> Overlay<'a> {
    pub(super) fn new(database: &'a [u8], log: &'a [u8], committed: Option<Committed>) -> Self {
        let len = committed.as_ref().map_or(database.len(), |committed| {
            usize::try_from(u64::from(committed.pages) * u64::from(committed.page_size)).unwrap_or(usize::MAX)
        });
        Self {
            database,
            log,
            committed,
            len,
            #[cfg(feature = "sqlite")]
            at: 0,
        }
    }

    /// Bytes that lie on one page, as they are where they come from; none where they are not there in full.
    pub(super) fn bytes(&self, at: usize, length: usize) -> Option<&'a [u8]> {
        let end = at.checked_add(length).filter(|end| *end <= self.len)?;
        let Some(committed) = &self.committed else { return self.database.get(at..end) };
        let page_size = usize::try_from(committed.page_size).ok()?;
        let (index, offset) = (at / page_size, at % page_size);
        match u32::try_from(index + 1).ok().and_then(|number| committed.content.get(&number)) {
            Some(place) => self.log.get(place + offset..place + offset + length),
            None => self.database.get(at..end),
        }
    }

    #[cfg(feature = "sqlite")]
    /// The longest run of source bytes from the present position on; `None` means zeros, of the given length.
    fn source(&self) -> (Option<&'a [u8]>, usize) {
        let remaining = self.len - self.at;
        let Some(committed) = &self.committed else {
            return (self.database.get(self.at..), remaining);
        };
        let page_size = usize::try_from(committed.page_size).unwrap_or(usize::MAX);
        let (index, offset) = (self.at / page_size, self.at % page_size);
        let run = remaining.min(page_size - offset);
        let in_log = u32::try_from(index + 1).ok().and_then(|number| committed.content.get(&number));
        let bytes = match in_log {
            Some(place) => self.log.get(place + offset..),
            None => self.database.get(self.at..),
        };
        (bytes.filter(|bytes| !bytes.is_empty()), run)
    }
}

#[cfg(feature = "sqlite")]
impl Read for Overlay<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at >= self.len || buffer.is_empty() {
            return Ok(0);
        }
        let (bytes, run) = self.source();
        let run = run.min(buffer.len());
        let run = bytes.map_or(run, |bytes| run.min(bytes.len()));
        let Some(target) = buffer.get_mut(..run) else { return Ok(0) };
        match bytes.and_then(|bytes| bytes.get(..run)) {
            Some(bytes) => target.copy_from_slice(bytes),
            None => target.fill(0),
        }
        for at in VERSIONS_AT {
            if let Some(byte) = at.checked_sub(self.at).and_then(|at| target.get_mut(at)) {
                *byte = 1;
            }
        }
        self.at += run;
        Ok(run)
    }
}
