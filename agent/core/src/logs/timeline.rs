//! Logs of several writers as one list in the order of time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{LogLayer, LogLevel, Origin};

/// One line of the timeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// When, by this node's clock.
    pub at: Timestamp,
    /// Who wrote it.
    pub origin: Origin,
    /// The log: a path, a container, an engine.
    pub source: String,
    /// Where it belongs.
    pub layer: LogLayer,
    /// Its severity; none where its writer gives none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<LogLevel>,
    /// Name of its event; none where nothing is known of it.
    pub kind: Option<String>,
    /// Its text, with anything secret masked.
    pub text: String,
    /// Connection that it names.
    pub conn: Option<String>,
    /// Port of the gateway that it names.
    pub port: Option<u16>,
    /// What was taken off its own time, in milliseconds.
    #[serde(default)]
    pub offset_ms: i64,
}

/// Merges lists that are each in the order of time, and holds one entry of each.
///
/// An entry that is older than the one before it in its own list stays behind that one: what a writer wrote in one order stays in it.
#[derive(Debug)]
pub struct Merge<I: Iterator<Item = Entry>> {
    lists: Vec<I>,
    heads: BinaryHeap<Reverse<Head>>,
}

#[derive(Debug)]
struct Head {
    key: Timestamp,
    list: usize,
    entry: Entry,
}

impl Head {
    fn rank(&self) -> (Timestamp, usize) {
        (self.key, self.list)
    }
}

impl PartialEq for Head {
    fn eq(&self, other: &Self) -> bool {
        self.rank() == other.rank()
    }
}

impl Eq for Head {}

impl PartialOrd for Head {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Head {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.rank().cmp(&other.rank())
    }
}

impl<I: Iterator<Item = Entry>> Merge<I> {
    /// Merges these lists.
    pub fn new(lists: impl IntoIterator<Item = I>) -> Self {
        let mut merge = Self { lists: lists.into_iter().collect(), heads: BinaryHeap::new() };
        for list in 0..merge.lists.len() {
            merge.advance(list, Timestamp::MIN);
        }
        merge
    }

    fn advance(&mut self, list: usize, after: Timestamp) {
        if let Some(entry) = self.lists.get_mut(list).and_then(Iterator::next) {
            self.heads.push(Reverse(Head { key: entry.at.max(after), list, entry }));
        }
    }
}

impl<I: Iterator<Item = Entry>> Iterator for Merge<I> {
    type Item = Entry;

    fn next(&mut self) -> Option<Entry> {
        let Reverse(Head { key, list, entry }) = self.heads.pop()?;
        self.advance(list, key);
        Some(entry)
    }
}

/// Most entries of one instant that are remembered.
const MAX_INSTANT: usize = 64;

/// Leaves out what a gateway printed and wrote to its own log as well.
#[derive(Debug)]
pub struct Unrepeated<I> {
    entries: I,
    /// What gateways wrote at the instant of the last entry.
    written: Vec<(Option<String>, String)>,
    instant: Timestamp,
}

impl<I: Iterator<Item = Entry>> Unrepeated<I> {
    /// Leaves out repetitions in entries in the order of time, in which a gateway's own come first.
    pub fn new(entries: I) -> Self {
        Self { entries, written: Vec::new(), instant: Timestamp::MIN }
    }

    fn is_repeated(&mut self, entry: &Entry) -> bool {
        if entry.at != self.instant {
            self.instant = entry.at;
            self.written.clear();
        }
        if entry.origin == Origin::ServiceManager {
            // The console adds the fields to the text.
            return self
                .written
                .iter()
                .any(|(kind, text)| *kind == entry.kind && entry.text.starts_with(text.as_str()));
        }
        if self.written.len() < MAX_INSTANT {
            self.written.push((entry.kind.clone(), entry.text.clone()));
        }
        false
    }
}

impl<I: Iterator<Item = Entry>> Iterator for Unrepeated<I> {
    type Item = Entry;

    fn next(&mut self) -> Option<Entry> {
        loop {
            let entry = self.entries.next()?;
            if !self.is_repeated(&entry) {
                return Some(entry);
            }
        }
    }
}
