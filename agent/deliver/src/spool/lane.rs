//! Records of one kind in their order, and where they lie.

use std::collections::VecDeque;

use uuid::Uuid;

use super::ledger::{LANES, Position};
use super::record::{Header, MAX_SEQ, Signal};

/// Ends the name of a segment of this form.
const VERSION: &str = ".v1";

/// What a lane holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// What waits to be delivered.
    Waits(Signal),
    /// What the endpoint refused.
    Refused,
}

impl Kind {
    pub(super) const ALL: [Self; LANES] = [Self::Waits(Signal::Metrics), Self::Waits(Signal::Logs), Self::Refused];

    pub(super) fn index(self) -> usize {
        match self {
            Self::Waits(Signal::Metrics) => 0,
            Self::Waits(Signal::Logs) => 1,
            Self::Refused => 2,
        }
    }

    fn prefix(self) -> &'static str {
        match self {
            Self::Waits(signal) => signal.as_str(),
            Self::Refused => "refused",
        }
    }

    /// The name of the segment that begins with a record.
    pub(super) fn segment(self, base: u64) -> String {
        format!("{}-{base:020}{VERSION}", self.prefix())
    }
}

/// What the name of a file says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Named {
    /// A segment, and the number of its first record.
    Segment(Kind, u64),
    /// A segment of another form.
    Newer,
    /// Something else.
    Other,
}

/// Reads the name of a file.
pub(super) fn named(name: &str) -> Named {
    for kind in Kind::ALL {
        let Some(rest) = name.strip_prefix(kind.prefix()).and_then(|rest| rest.strip_prefix('-')) else { continue };
        let Some((number, version)) = rest.split_once(".v") else { return Named::Other };
        let Ok(base) = number.parse() else { return Named::Other };
        return match version {
            "1" if base < MAX_SEQ && kind.segment(base) == name => Named::Segment(kind, base),
            "1" => Named::Other,
            other if other.parse::<u32>().is_ok() => Named::Newer,
            _ => Named::Other,
        };
    }
    Named::Other
}

/// What became of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Waiting,
    Delivered,
    Refused,
    Dropped,
}

/// Where a record lies.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    pub(super) seq: u64,
    /// Microseconds since 1970.
    pub(super) at: i64,
    pub(super) id: Uuid,
    pub(super) offset: u64,
    pub(super) size: u64,
    pub(super) fate: Fate,
}

impl Entry {
    pub(super) fn of(offset: u64, header: &Header) -> Self {
        let (seq, at, id) = (header.seq, header.at, header.id);
        Self { seq, at, id, offset, size: header.size(), fate: Fate::Waiting }
    }
}

/// A file of records.
#[derive(Debug)]
pub(super) struct Segment {
    pub(super) name: String,
    /// Bytes of the file.
    pub(super) length: u64,
    /// Those that are not done with.
    pub(super) entries: VecDeque<Entry>,
}

/// Records of one kind.
#[derive(Debug)]
pub(super) struct Lane {
    pub(super) segments: VecDeque<Segment>,
    /// Number of the next record.
    pub(super) next: u64,
    /// Entries of all segments.
    entries: u64,
    /// Records that wait.
    pub(super) records: u64,
    /// Their bytes.
    pub(super) bytes: u64,
}

impl Lane {
    pub(super) fn new(next: u64) -> Self {
        Self { segments: VecDeque::new(), next, entries: 0, records: 0, bytes: 0 }
    }

    /// Adds a segment with what it holds, all of which waits.
    pub(super) fn push_segment(&mut self, segment: Segment) {
        for entry in &segment.entries {
            self.count(entry);
        }
        self.segments.push_back(segment);
    }

    /// Adds a record to the last segment.
    pub(super) fn push(&mut self, entry: Entry) {
        self.count(&entry);
        if let Some(segment) = self.segments.back_mut() {
            segment.length = entry.offset + entry.size;
            segment.entries.push_back(entry);
        }
    }

    fn count(&mut self, entry: &Entry) {
        self.entries += 1;
        self.records += 1;
        self.bytes += entry.size;
        self.next = self.next.max(entry.seq.saturating_add(1));
    }

    /// Those that wait, oldest first, with the name of their file.
    pub(super) fn waiting(&self) -> impl Iterator<Item = (&str, &Entry)> {
        let all = self.segments.iter();
        all.flat_map(|segment| segment.entries.iter().map(|entry| (segment.name.as_str(), entry)))
            .filter(|(_, entry)| entry.fate == Fate::Waiting)
    }

    /// The first that waits.
    pub(super) fn oldest(&self) -> Option<&Entry> {
        self.waiting().next().map(|(_, entry)| entry)
    }

    /// Bytes of all files.
    pub(super) fn file_bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.length).sum()
    }

    /// Numbers behind the head that no record has: they could not be read.
    pub(super) fn gaps(&self, position: &Position) -> u64 {
        self.next.saturating_sub(position.head).saturating_sub(self.entries)
    }

    /// Records of this fate that one before them keeps behind the head.
    pub(super) fn with_fate(&self, fate: Fate) -> u64 {
        if self.entries == self.records {
            return 0;
        }
        let entries = self.segments.iter().flat_map(|segment| &segment.entries);
        entries.filter(|entry| entry.fate == fate).count() as u64
    }

    /// Settles the fate of a record that waits; false if none of this number does.
    pub(super) fn settle(&mut self, seq: u64, fate: Fate) -> bool {
        let entry = self.find(seq).filter(|entry| entry.fate == Fate::Waiting);
        let Some(entry) = entry else { return false };
        entry.fate = fate;
        let size = entry.size;
        self.records -= 1;
        self.bytes -= size;
        true
    }

    fn find(&mut self, seq: u64) -> Option<&mut Entry> {
        for segment in &mut self.segments {
            if segment.entries.back().is_some_and(|last| last.seq >= seq) {
                let index = segment.entries.binary_search_by_key(&seq, |entry| entry.seq).ok()?;
                return segment.entries.get_mut(index);
            }
        }
        None
    }

    /// Forgets a record that cannot be read any more.
    pub(super) fn forget(&mut self, seq: u64) {
        if !self.settle(seq, Fate::Dropped) {
            return;
        }
        for segment in &mut self.segments {
            let before = segment.entries.len();
            segment.entries.retain(|entry| entry.seq != seq);
            self.entries -= (before - segment.entries.len()) as u64;
        }
    }

    /// Moves the head over all that is done with; gives the names of the files that hold nothing else.
    pub(super) fn advance(&mut self, position: &mut Position) -> Vec<String> {
        let mut done = Vec::new();
        while let Some(segment) = self.segments.front_mut() {
            while let Some(entry) = segment.entries.pop_front_if(|entry| entry.fate != Fate::Waiting) {
                self.entries -= 1;
                position.pass(&entry);
            }
            if !segment.entries.is_empty() {
                return done;
            }
            done.extend(self.segments.pop_front().map(|segment| segment.name));
        }
        position.skip_to(self.next);
        done
    }
}

impl Position {
    fn skip_to(&mut self, seq: u64) {
        if seq > self.head {
            self.lost = self.lost.saturating_add(seq - self.head);
            self.head = seq;
        }
    }

    fn pass(&mut self, entry: &Entry) {
        self.skip_to(entry.seq);
        self.head = self.head.saturating_add(1);
        match entry.fate {
            Fate::Waiting => {}
            Fate::Delivered => self.delivered = self.delivered.saturating_add(1),
            Fate::Refused => self.refused = self.refused.saturating_add(1),
            Fate::Dropped => {
                self.dropped = self.dropped.saturating_add(1);
                self.dropped_bytes = self.dropped_bytes.saturating_add(entry.size);
            }
        }
    }
}
