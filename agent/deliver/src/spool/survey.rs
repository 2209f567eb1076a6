//! Reading a spool without opening it, while another process may use it.

use std::time::Duration;

use jiff::Timestamp;
use portreeve_core::order::Order as _;
use portreeve_store::{Folder, StoreError};
use portreeve_telemetry::otlp::{ExportLogsServiceRequest, Message as _};
use uuid::Uuid;

use super::disk::Disk;
use super::lane::Kind;
use super::open::{MAX_SEGMENT, segments};
use super::record::{Record, Signal, decode, scan};
use super::{Limits, Spool, SpoolError, SpoolState};

/// How often what looks damaged is read again: its writer may be in the middle of it.
const TRIES: u32 = 3;
/// Time between two readings.
const PAUSE: Duration = Duration::from_millis(50);

/// What a record lies there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// To be delivered.
    Waiting,
    /// Refused by the endpoint, and kept to be looked at.
    SetAside,
}

/// A record that lies there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// What for.
    pub place: Place,
    /// The segment.
    pub file: String,
    /// Its identity.
    pub id: Uuid,
    /// What it is for.
    pub signal: Signal,
    /// When it came to be.
    pub at: Timestamp,
    /// Its bytes on the disk.
    pub bytes: u64,
    /// Names of its events; none for metrics.
    pub events: Vec<String>,
    /// Why it was set aside.
    pub why: Option<String>,
}

/// A part of a segment that is no record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// The segment.
    pub file: String,
    /// Where it begins, in bytes.
    pub offset: u64,
    /// How many bytes.
    pub bytes: u64,
}

/// What lies in a spool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Survey {
    /// Its totals.
    pub state: SpoolState,
    /// Segments that were read.
    pub files: usize,
    /// Records whose checksums hold: those that wait, then those that were set aside, each in the order in which they came.
    pub records: Vec<Kept>,
    /// What is damaged.
    pub damages: Vec<Damage>,
}

impl Survey {
    /// Reads all that lies in a spool. Its checksums are verified, nothing is changed, and no lock is taken.
    pub fn read(folder: &Folder, now: Timestamp) -> Result<Self, SpoolError> {
        let mut survey = read(folder, now)?;
        for _ in 1..TRIES {
            if survey.damages.is_empty() {
                break;
            }
            std::thread::sleep(PAUSE);
            survey = read(folder, now)?;
        }
        Ok(survey)
    }

    /// The same at one look: what a writer is in the middle of looks damaged.
    pub fn once(folder: &Folder, now: Timestamp) -> Result<Self, SpoolError> {
        read(folder, now)
    }
}

fn read(folder: &Folder, now: Timestamp) -> Result<Survey, SpoolError> {
    let again = Folder::open(folder.path())?.ok_or_else(|| StoreError::Io {
        doing: "open",
        path: folder.path().to_owned(),
        source: std::io::ErrorKind::NotFound.into(),
    })?;
    let unlimited = Limits { max_bytes: u64::MAX, max_age: Duration::MAX };
    let spool = Spool::on(Box::new(ReadOnly(again)), None, unlimited, now)?;
    let mut survey = Survey { state: spool.state(), files: 0, records: Vec::new(), damages: Vec::new() };
    for (kind, bases) in segments(&folder.names()?)? {
        let head = spool.ledger.lanes.get(kind.index()).map_or(0, |position| position.head);
        for base in bases {
            let name = kind.segment(base);
            // Delivered and removed meanwhile.
            let Some(bytes) = folder.read_at(&name, 0, MAX_SEGMENT)? else { continue };
            survey.files += 1;
            let scan = scan(&bytes, base);
            for (offset, bytes) in scan.unreadable {
                survey.damages.push(Damage { file: name.clone(), offset, bytes });
            }
            for (offset, header) in scan.found {
                let rest = usize::try_from(offset).ok().and_then(|offset| bytes.get(offset..));
                if let Some((_, record, why)) = rest.and_then(decode).filter(|_| header.seq >= head) {
                    survey.records.push(kept(kind, &name, &record, why, header.size()));
                }
            }
        }
    }
    survey.records.order_by_key(|record| (record.place, record.at));
    Ok(survey)
}

fn kept(kind: Kind, file: &str, record: &Record, why: String, bytes: u64) -> Kept {
    let events = match record.signal {
        Signal::Metrics => Vec::new(),
        Signal::Logs => events(&record.bytes),
    };
    let place = if kind == Kind::Refused { Place::SetAside } else { Place::Waiting };
    let why = (place == Place::SetAside).then_some(why);
    Kept { place, file: file.to_owned(), id: record.id, signal: record.signal, at: record.at, bytes, events, why }
}

/// The names of a message's events.
fn events(bytes: &[u8]) -> Vec<String> {
    let Ok(request) = ExportLogsServiceRequest::decode(bytes) else { return Vec::new() };
    let scopes = request.resource_logs.into_iter().flat_map(|resource| resource.scope_logs);
    scopes.flat_map(|scope| scope.log_records).map(|record| record.event_name).collect()
}

/// A folder in which nothing is changed.
struct ReadOnly(Folder);

impl Disk for ReadOnly {
    fn names(&self) -> Result<Vec<String>, StoreError> {
        self.0.names()
    }

    fn read_at(&self, name: &str, offset: u64, max_bytes: u64) -> Result<Option<Vec<u8>>, StoreError> {
        self.0.read_at(name, offset, max_bytes)
    }

    fn write_at(&self, _: &str, _: u64, _: &[u8]) -> Result<(), StoreError> {
        Ok(())
    }

    fn truncate(&self, _: &str, _: u64) -> Result<(), StoreError> {
        Ok(())
    }

    fn remove(&self, _: &str) -> Result<(), StoreError> {
        Ok(())
    }
}
