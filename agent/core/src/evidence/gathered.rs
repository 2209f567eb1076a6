//! What is kept of logs of any length.

use std::collections::{BTreeMap, VecDeque};

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Snapshot;
use crate::logs::{Entry, LogLayer, LogLevel, Origin};
use crate::order::Order as _;

/// Entries of the timeline that are kept, the latest.
pub const MAX_ENTRIES: usize = 4_000;
/// Lines of each severity that are kept, the latest.
pub const MAX_LINES: usize = 20;
/// Kinds of events that are counted.
const MAX_KINDS: usize = 200;
/// What our own connects call themselves: they are no clients.
const OWN: &str = "ua=portreeve/";

/// What is kept of logs.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Gathered {
    /// Events and warnings, oldest first.
    pub entries: VecDeque<Entry>,
    /// Older ones that were left out.
    pub left_out: u64,
    /// Lines read.
    pub lines: u64,
    kinds: BTreeMap<String, KindSeen>,
    levels: BTreeMap<Option<LogLevel>, (u64, VecDeque<Entry>)>,
    /// What could not be read: the log, and why.
    pub problems: Vec<(String, String)>,
    /// Why logs were not read at all; none where they were.
    pub not_read: Option<String>,
}

/// What logs say, in short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Timeline {
    /// Events and warnings in the bundle.
    pub entries: u64,
    /// Older ones that were left out.
    pub left_out: u64,
    /// Lines read.
    pub lines: u64,
    /// Events by kind, in the order of their first.
    pub kinds: Vec<KindSeen>,
    /// What could not be read, and why.
    pub problems: Vec<String>,
}

/// Events of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct KindSeen {
    /// Name of the event.
    pub kind: String,
    /// Where it belongs.
    pub layer: LogLayer,
    /// How many.
    pub count: u64,
    /// When the first came.
    #[schemars(with = "String")]
    pub first: Timestamp,
    /// When the last came.
    #[schemars(with = "String")]
    pub last: Timestamp,
    /// The log that holds the first.
    pub source: String,
}

/// The last lines of one severity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LevelLines {
    /// The severity; none for lines that tell none.
    pub level: Option<LogLevel>,
    /// How many lines have it.
    pub count: u64,
    /// The last of them, oldest first.
    pub lines: Vec<LevelLine>,
}

/// A line of a log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LevelLine {
    /// When, by this node's clock.
    #[schemars(with = "String")]
    pub at: Timestamp,
    /// The log.
    pub source: String,
    /// Its text.
    pub text: String,
}

impl Gathered {
    /// What the saved facts of a node have of its logs, where the logs themselves are not at hand.
    pub fn of_facts(snapshot: &Snapshot, since: Timestamp, why: impl Into<String>) -> Self {
        let mut gathered = Self { not_read: Some(why.into()), ..Self::default() };
        let mut entries: Vec<Entry> = Vec::new();
        for gateway in &snapshot.gateways {
            let Some(log) = gateway.log.get() else { continue };
            let source = log.files.first().cloned().unwrap_or_else(|| gateway.id.clone());
            entries.extend(log.events.iter().filter_map(|event| {
                Some(Entry {
                    at: event.at?,
                    origin: Origin::Gateway,
                    source: source.clone(),
                    layer: LogLayer::Other,
                    level: None,
                    kind: Some(event.kind.clone()),
                    text: event.text.clone(),
                    conn: None,
                    port: Some(gateway.port),
                    offset_ms: 0,
                })
            }));
        }
        entries.order_by_key(|entry| entry.at);
        entries.into_iter().filter(|entry| entry.at >= since).for_each(|entry| gathered.add(entry));
        gathered
    }

    /// Nothing yet, of logs of which some could not be read: the log, and why.
    pub fn with_problems(problems: Vec<(String, String)>) -> Self {
        Self { problems, ..Self::default() }
    }

    /// Takes the next line of the merged logs.
    pub fn add(&mut self, entry: Entry) {
        if entry.text.contains(OWN) {
            return;
        }
        self.lines += 1;
        // What is made of facts is no line of a log.
        if self.not_read.is_none() && entry.origin != Origin::Engine {
            let (count, lines) = self.levels.entry(entry.level).or_default();
            *count += 1;
            if lines.len() >= MAX_LINES {
                lines.pop_front();
            }
            lines.push_back(entry.clone());
        }
        if let Some(kind) = &entry.kind {
            if let Some(seen) = self.kinds.get_mut(kind) {
                seen.count += 1;
                seen.last = entry.at;
            } else if self.kinds.len() < MAX_KINDS {
                let seen = KindSeen {
                    kind: kind.clone(),
                    layer: entry.layer,
                    count: 1,
                    first: entry.at,
                    last: entry.at,
                    source: entry.source.clone(),
                };
                self.kinds.insert(kind.clone(), seen);
            }
        }
        if entry.kind.is_none()
            && entry.level.is_none_or(|level| level < LogLevel::Warn)
            && entry.origin != Origin::System
        {
            return;
        }
        if self.entries.len() >= MAX_ENTRIES {
            self.entries.pop_front();
            self.left_out += 1;
        }
        self.entries.push_back(entry);
    }

    /// The events of one kind.
    pub fn kind(&self, kind: &str) -> Option<&KindSeen> {
        self.kinds.get(kind)
    }

    /// What logs say, in short.
    pub fn timeline(&self) -> Timeline {
        let mut kinds: Vec<KindSeen> = self.kinds.values().cloned().collect();
        kinds.order_by(|one, other| (one.first, &one.kind).cmp(&(other.first, &other.kind)));
        let mut problems: Vec<String> = self.problems.iter().map(|(log, why)| format!("{log}: {why}")).collect();
        problems.extend(self.not_read.clone());
        Timeline {
            entries: u64::try_from(self.entries.len()).unwrap_or(u64::MAX),
            left_out: self.left_out,
            lines: self.lines,
            kinds,
            problems,
        }
    }

    /// The last lines of each severity, the worst first and those that tell none last.
    pub fn levels(&self) -> Vec<LevelLines> {
        self.levels
            .iter()
            .rev()
            .map(|(level, (count, lines))| LevelLines {
                level: *level,
                count: *count,
                lines: lines
                    .iter()
                    .map(|entry| LevelLine { at: entry.at, source: entry.source.clone(), text: entry.text.clone() })
                    .collect(),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::fixture::{ago, healthy, log_event, now};

    fn line(number: i64, level: Option<LogLevel>, kind: Option<&str>) -> Entry {
        Entry {
            at: ago(10_000 - number),
            origin: Origin::Gateway,
            source: "/log".to_owned(),
            layer: LogLayer::Other,
            level,
            kind: kind.map(str::to_owned),
            text: format!("line {number}"),
            conn: None,
            port: None,
            offset_ms: 0,
        }
    }

    #[test]
    fn logs_of_any_length_are_kept_in_short() {
        let mut gathered = Gathered::default();
        let most = i64::try_from(MAX_ENTRIES).unwrap();
        for number in 0..most + 10 {
            gathered.add(line(number, Some(LogLevel::Info), Some("ready")));
            gathered.add(line(number, Some(LogLevel::Debug), None));
        }
        gathered.add(line(most + 10, Some(LogLevel::Error), None));
        gathered.add(Entry { text: "handshake ua=portreeve/1".to_owned(), ..line(0, Some(LogLevel::Error), None) });
        let timeline = gathered.timeline();
        assert_eq!((timeline.entries, timeline.left_out, timeline.lines), (4_000, 11, 8_021));
        assert_eq!((timeline.kinds[0].count, timeline.kinds[0].first), (4_010, ago(10_000)));
        let levels = gathered.levels();
        let counts: Vec<_> = levels.iter().map(|level| (level.level, level.count, level.lines.len())).collect();
        let expected =
            [(Some(LogLevel::Error), 1, 1), (Some(LogLevel::Info), 4_010, 20), (Some(LogLevel::Debug), 4_010, 20)];
        assert_eq!(counts, expected);
        assert_eq!(levels[1].lines[19].text, format!("line {}", most + 9));
    }

    #[test]
    fn saved_facts_have_the_events_that_rules_use() {
        let mut node = healthy();
        log_event(&mut node, 60, "unauthorized", "token mismatch", &[]);
        log_event(&mut node, 90_000, "ready", "long ago", &[]);
        let gathered = Gathered::of_facts(&node, ago(86_400), "they are another node's");
        assert_eq!(gathered.entries.len(), 1);
        assert!(gathered.levels().is_empty() && gathered.timeline().problems == ["they are another node's"]);
        assert!(gathered.kind("unauthorized").is_some_and(|seen| seen.last < now()));
    }
}
