//! Records, and their form on the disk.

use jiff::Timestamp;
use uuid::Uuid;

/// Begins each record; the last byte is the version of the form.
pub(super) const MARKER: [u8; 4] = *b"PRr\x01";
/// Bytes of a record before its reason and content.
pub(super) const HEADER: usize = 52;
/// Largest content of a record, in bytes.
pub const MAX_RECORD: usize = 4 * 1024 * 1024;
/// What no record's number reaches, so that sums of them are numbers too.
pub(super) const MAX_SEQ: u64 = 1 << 62;
/// Longest reason, in bytes.
const MAX_WHY: usize = 1024;

/// What a record is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Signal {
    /// An encoded `ExportMetricsServiceRequest`.
    Metrics,
    /// An encoded `ExportLogsServiceRequest`.
    Logs,
}

impl Signal {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Metrics, Self::Logs];

    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Metrics => "metrics",
            Self::Logs => "logs",
        }
    }

    fn byte(self) -> u8 {
        match self {
            Self::Metrics => 1,
            Self::Logs => 2,
        }
    }

    fn of(byte: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|signal| signal.byte() == byte)
    }
}

/// What is spooled and delivered as one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its identity: the `log.record.uid` of an event.
    pub id: Uuid,
    /// What it is for.
    pub signal: Signal,
    /// When it came to be; kept to the microsecond.
    pub at: Timestamp,
    /// An encoded request with one resource. Such messages merge when they are put one after the other.
    pub bytes: Vec<u8>,
}

/// What stands before the content of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) seq: u64,
    /// Microseconds since 1970.
    pub(super) at: i64,
    pub(super) id: Uuid,
    pub(super) signal: Signal,
    why: u16,
    /// Bytes of the reason and the content.
    payload: u32,
    checksum: u32,
}

impl Header {
    /// Bytes of the record on the disk.
    pub(super) fn size(&self) -> u64 {
        HEADER as u64 + u64::from(self.payload)
    }
}

/// Size of a record on the disk.
pub(super) fn size(record: &Record, why: &str) -> u64 {
    (HEADER + shortened(why).len() + record.bytes.len()) as u64
}

/// Puts a record behind others.
pub(super) fn encode(record: &Record, seq: u64, why: &str, out: &mut Vec<u8>) {
    let why = shortened(why);
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(why.as_bytes());
    hasher.update(&record.bytes);
    let begin = out.len();
    let payload = u32::try_from(why.len() + record.bytes.len()).unwrap_or(u32::MAX);
    out.extend_from_slice(&MARKER);
    out.extend_from_slice(&payload.to_le_bytes());
    out.extend_from_slice(&seq.to_le_bytes());
    out.extend_from_slice(&record.at.as_microsecond().to_le_bytes());
    out.extend_from_slice(record.id.as_bytes());
    out.extend_from_slice(&[record.signal.byte(), 0]);
    out.extend_from_slice(&u16::try_from(why.len()).unwrap_or(0).to_le_bytes());
    out.extend_from_slice(&hasher.finalize().to_le_bytes());
    let checksum = crc32fast::hash(out.get(begin..).unwrap_or_default());
    out.extend_from_slice(&checksum.to_le_bytes());
    out.extend_from_slice(why.as_bytes());
    out.extend_from_slice(&record.bytes);
}

fn shortened(why: &str) -> &str {
    let end = (0..=MAX_WHY.min(why.len())).rev().find(|&end| why.is_char_boundary(end)).unwrap_or(0);
    why.get(..end).unwrap_or_default()
}

/// A number that stands at a place of some bytes.
pub(super) fn number<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at.checked_add(N)?)?.try_into().ok()
}

/// What stands before a record's content, if it is whole and its checksum holds.
fn header(bytes: &[u8]) -> Option<Header> {
    let own = bytes.get(..HEADER - 4)?;
    if !own.starts_with(&MARKER) || u32::from_le_bytes(number(bytes, HEADER - 4)?) != crc32fast::hash(own) {
        return None;
    }
    let header = Header {
        payload: u32::from_le_bytes(number(bytes, 4)?),
        seq: u64::from_le_bytes(number(bytes, 8)?),
        at: i64::from_le_bytes(number(bytes, 16)?),
        id: Uuid::from_bytes(number(bytes, 24)?),
        signal: Signal::of(*bytes.get(40)?)?,
        why: u16::from_le_bytes(number(bytes, 42)?),
        checksum: u32::from_le_bytes(number(bytes, 44)?),
    };
    let is_possible = usize::try_from(header.payload).is_ok_and(|payload| payload <= MAX_RECORD + MAX_WHY)
        && u32::from(header.why) <= header.payload
        && header.seq < MAX_SEQ
        && Timestamp::from_microsecond(header.at).is_ok();
    is_possible.then_some(header)
}

fn payload<'a>(header: &Header, bytes: &'a [u8]) -> Option<&'a [u8]> {
    bytes.get(HEADER..HEADER.checked_add(usize::try_from(header.payload).ok()?)?)
}

/// The record that some bytes begin with, why it was set aside, and its number; none where one of its checksums does not hold.
pub(super) fn decode(bytes: &[u8]) -> Option<(Header, Record, String)> {
    let header = header(bytes)?;
    let payload = payload(&header, bytes).filter(|payload| crc32fast::hash(payload) == header.checksum)?;
    let (why, content) = payload.split_at_checked(usize::from(header.why))?;
    let record = Record {
        id: header.id,
        signal: header.signal,
        at: Timestamp::from_microsecond(header.at).ok()?,
        bytes: content.to_vec(),
    };
    Some((header, record, String::from_utf8_lossy(why).into_owned()))
}

/// What a segment holds.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Scan {
    /// Each record that is whole and where it begins, in the order of their numbers.
    pub(super) found: Vec<(u64, Header)>,
    /// What is no record: where it begins, and how many bytes.
    pub(super) unreadable: Vec<(u64, u64)>,
    /// End of the last record.
    pub(super) end: u64,
}

/// Reads what can be read of a segment whose records are numbered from `base`.
pub(super) fn scan(bytes: &[u8], base: u64) -> Scan {
    let mut scan = Scan::default();
    let mut next = base;
    let mut here = 0;
    while let Some(rest) = bytes.get(here..).filter(|rest| !rest.is_empty()) {
        let Some(header) = header(rest) else {
            // The length cannot be trusted: the next record is where the next marker is.
            let skipped = 1 + find(rest.get(1..).unwrap_or_default());
            scan.skip(here, skipped);
            here += skipped;
            continue;
        };
        let Some(payload) = payload(&header, rest) else {
            scan.skip(here, rest.len());
            break;
        };
        let size = HEADER + payload.len();
        if crc32fast::hash(payload) == header.checksum && header.seq >= next {
            next = header.seq + 1;
            scan.found.push((here as u64, header));
            scan.end = (here + size) as u64;
        } else {
            scan.skip(here, size);
        }
        here += size;
    }
    scan
}

impl Scan {
    fn skip(&mut self, from: usize, bytes: usize) {
        match self.unreadable.last_mut() {
            Some((begin, length)) if *begin + *length == from as u64 => *length += bytes as u64,
            _ => self.unreadable.push((from as u64, bytes as u64)),
        }
    }
}

/// Where the next marker is, or the end.
fn find(bytes: &[u8]) -> usize {
    bytes.windows(MARKER.len()).position(|window| window == MARKER).unwrap_or(bytes.len())
}
