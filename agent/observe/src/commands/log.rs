//! `log show --style ndjson` and `log stream --style ndjson`: the unified log.

use jiff::Timestamp;
use serde::Deserialize;

use super::{Parsed, Unparsed};

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// When; none where the form of the time is not known.
    pub at: Option<Timestamp>,
    /// `Default`, `Info`, `Debug`, `Error`, `Fault`.
    pub level: Option<String>,
    /// `logEvent`, `activityCreateEvent`, …
    pub kind: Option<String>,
    /// Subsystem.
    pub subsystem: Option<String>,
    /// Category.
    pub category: Option<String>,
    /// Process id.
    pub pid: Option<u32>,
    /// User id; absent in macOS 11.
    pub uid: Option<u32>,
    /// Program.
    pub program: Option<String>,
    /// Text. What is private is `<private>`.
    pub message: Option<String>,
}

/// What was printed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Events {
    /// The entries, in the order of the output.
    pub entries: Vec<Entry>,
    /// Entries by the closing line; none when the output was cut before it.
    pub count: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Raw {
    timestamp: Option<String>,
    message_type: Option<String>,
    event_type: Option<String>,
    subsystem: Option<String>,
    category: Option<String>,
    #[serde(rename = "processID")]
    process_id: Option<u32>,
    #[serde(rename = "userID")]
    user_id: Option<u32>,
    process_image_path: Option<String>,
    event_message: Option<String>,
    count: Option<u64>,
    finished: Option<u64>,
}

/// Parses the lines. The first may be plain text that repeats the predicate, the last counts the entries.
///
/// ```text
/// Filtering the log data using "subsystem == "ai.openclaw""
/// {"timestamp":"2026-07-26 18:11:22.348728+1200","messageType":"Error","processID":401,"eventMessage":"…", …}
/// {"count":1,"finished":1}
/// ```
pub fn parse(output: &[u8]) -> Parsed<Events> {
    let text = String::from_utf8_lossy(output);
    let (mut events, mut unparsed) = (Events::default(), Unparsed::default());
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        match serde_json::from_str::<Raw>(line) {
            Ok(Raw { finished: Some(_), count, .. }) => events.count = count,
            Ok(raw) if raw.timestamp.is_some() || raw.event_message.is_some() => events.entries.push(entry(raw)),
            _ if line.starts_with("Filtering the log data using ") => {}
            _ => unparsed.push(line),
        }
    }
    Parsed { value: events, unparsed }
}

fn entry(raw: Raw) -> Entry {
    let some = |text: Option<String>| text.filter(|text| !text.is_empty());
    Entry {
        at: raw.timestamp.as_deref().and_then(timestamp),
        level: some(raw.message_type),
        kind: some(raw.event_type),
        subsystem: some(raw.subsystem),
        category: some(raw.category),
        pid: raw.process_id,
        uid: raw.user_id,
        program: some(raw.process_image_path),
        message: raw.event_message,
    }
}

/// `2026-07-26 18:11:22.348728+1200`
fn timestamp(text: &str) -> Option<Timestamp> {
    jiff::fmt::strtime::parse("%Y-%m-%d %H:%M:%S%.f%z", text).ok()?.to_timestamp().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_with_a_blank_and_a_zone_without_colon() {
        assert_eq!(timestamp("2026-07-26 18:11:22.348728+1200").unwrap().to_string(), "2026-07-26T06:11:22.348728Z");
        assert_eq!(timestamp("2026-07-26T18:11:22Z"), None);
    }

    #[test]
    fn what_is_neither_entry_nor_frame_is_counted() {
        let parsed =
            parse(b"log: warning\n{\"eventMessage\":\"a\\/b\",\"bootUUID\":\"\"}\n{}\n{\"count\":7,\"finished\":1}\n");
        assert_eq!(parsed.value.count, Some(7));
        assert_eq!(parsed.value.entries[0].message.as_deref(), Some("a/b"));
        assert_eq!(parsed.unparsed.lines(), ["log: warning", "{}"]);
    }
}
