//! From the bytes of one line to its parts: form, time, level, subsystem, message, fields.

use std::borrow::Cow;
use std::str;

use jiff::Timestamp;
use memchr::memchr_iter;
use serde_json::{Map, Value};

use super::fields::Fields;
use super::json::Record;
use super::needle::{self, Needle};
use super::subsystem::{console_subsystem, strip_subsystem};
use super::time::timestamp;
use super::{Form, Level, MAX_LINE_BYTES};

/// What classification looks at: subsystem and message in the console's form, borrowed from the line.
///
/// The message of a JSON line is still escaped and may be followed by the rest of the line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head<'a> {
    pub(super) subsystem: &'a str,
    pub(super) message: &'a str,
    /// The whole line.
    pub(super) line: &'a str,
    /// The record of a JSON line.
    pub(super) record: Option<Record<'a>>,
}

impl<'a> Head<'a> {
    /// The value of a field, wherever it stands in the line.
    pub(super) fn field(&self, json: &Needle, key: &str) -> Option<&'a str> {
        let value = match json.split(self.line) {
            Some((_, value)) => value,
            None => pair(self.line, key)?,
        };
        value.split('"').next()
    }

    /// Given for JSON lines only: the console's colour needs a full parse.
    pub(super) fn level(&self) -> Option<Level> {
        self.record.as_ref().and_then(Record::level)
    }

    /// When the line was written.
    pub(super) fn time(&self) -> Option<Timestamp> {
        match &self.record {
            Some(record) => record.time(),
            None => console_time(self.line).1,
        }
    }

    /// The line taken apart, of a JSON line without its time, or `None` when that needs a full parse.
    pub(super) fn parts(&self) -> Option<Parts<'a>> {
        let Some(record) = &self.record else {
            return Some(console_parts(self.line, None));
        };
        let message = record.message()?;
        let subsystem = self.subsystem;
        Some(Parts {
            form: Form::Json,
            time: None,
            level: Some(self.level()?),
            subsystem: Cow::Borrowed(subsystem),
            message: match message {
                Cow::Borrowed(message) => Cow::Borrowed(strip_subsystem(message, subsystem)),
                Cow::Owned(message) => Cow::Owned(strip_subsystem(&message, subsystem).to_owned()),
            },
            fields: record.fields().map_or(Fields::None, Fields::Raw),
        })
    }
}

/// A line taken apart.
#[derive(Debug)]
pub(super) struct Parts<'a> {
    pub(super) form: Form,
    pub(super) time: Option<Timestamp>,
    pub(super) level: Option<Level>,
    pub(super) subsystem: Cow<'a, str>,
    pub(super) message: Cow<'a, str>,
    pub(super) fields: Fields<'a>,
}

/// Cuts a line to what is looked at and drops its end of line.
pub(super) fn bounded(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    &line[..line.len().min(MAX_LINE_BYTES)]
}

/// The head of a line without allocation, or `None` when the line needs a full parse to be understood.
pub(super) fn head(line: &[u8]) -> Option<Head<'_>> {
    let text = str::from_utf8(line).ok()?;
    if text.starts_with('{') {
        let record = Record::of(text)?;
        let subsystem = console_subsystem(record.subsystem());
        return Some(Head {
            subsystem,
            message: strip_subsystem(record.raw_message(), subsystem),
            line: text,
            record: Some(record),
        });
    }
    // Lines with colours are rare outside terminals and are worth an allocation.
    if memchr::memchr(0x1b, line).is_some() {
        return None;
    }
    let (_, _, rest) = console_time(text);
    let (subsystem, message) = console_tag(rest);
    Some(Head { subsystem, message: strip_subsystem(message, subsystem), line: text, record: None })
}

/// Splits a leading time off a console line: with date and offset, or the time of day alone (which gives no instant).
fn console_time(text: &str) -> (Form, Option<Timestamp>, &str) {
    let word = text.split(' ').next().unwrap_or(text);
    let rest = text.get(word.len()..).unwrap_or_default().trim_start_matches(' ');
    let bytes = word.as_bytes();
    let has_date = bytes.len() >= 19 && bytes.get(4) == Some(&b'-') && bytes.get(10) == Some(&b'T');
    if has_date && bytes.first().is_some_and(u8::is_ascii_digit) {
        return (Form::Console, timestamp(word), rest);
    }
    let is_time_of_day = bytes.len() == 8
        && bytes.iter().enumerate().all(|(at, b)| if matches!(at, 2 | 5) { *b == b':' } else { b.is_ascii_digit() });
    if is_time_of_day {
        return (Form::Console, None, rest);
    }
    (Form::Bare, None, text)
}

/// A message without the parameters of a tool, which are what people told the agent.
pub(super) fn without_parameters(message: &str) -> &str {
    needle::PARAMETERS.split(message).map_or(message, |(before, _)| before)
}

/// Splits a leading `[subsystem]` off.
fn console_tag(text: &str) -> (&str, &str) {
    let Some((tag, rest)) = text.strip_prefix('[').and_then(|inner| inner.split_once(']')) else {
        return ("", text);
    };
    let is_name = !tag.is_empty()
        && tag.len() <= 64
        && tag.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'/' | b'.' | b':'));
    if is_name && (rest.is_empty() || rest.starts_with(' ')) { (tag, rest.trim_start_matches(' ')) } else { ("", text) }
}

/// Takes a line apart. Never fails: what is not understood comes back as a bare message.
pub(super) fn parts(line: &[u8]) -> Parts<'_> {
    if line.first() == Some(&b'{')
        && let Some(parts) = json_parts(line)
    {
        return parts;
    }
    let text = String::from_utf8_lossy(line);
    let (text, level) = strip_ansi(text);
    match text {
        Cow::Borrowed(text) => console_parts(text, level),
        Cow::Owned(text) => {
            let parts = console_parts(&text, level);
            Parts {
                form: parts.form,
                time: parts.time,
                level: parts.level,
                subsystem: Cow::Owned(parts.subsystem.into_owned()),
                message: Cow::Owned(parts.message.into_owned()),
                fields: Fields::None,
            }
        }
    }
}

fn console_parts(text: &str, level: Option<Level>) -> Parts<'_> {
    let (form, time, rest) = console_time(text);
    let (subsystem, message) = console_tag(rest);
    let form = match text.as_bytes().first() {
        Some(b'{') => Form::BrokenJson,
        _ if !subsystem.is_empty() => Form::Console,
        _ => form,
    };
    Parts {
        form,
        time,
        level,
        subsystem: Cow::Borrowed(subsystem),
        message: Cow::Borrowed(strip_subsystem(message, subsystem)),
        fields: Fields::None,
    }
}

/// A record of the log file, or of the console in its JSON style (`{…fields, time, level, subsystem, message}`).
fn json_parts(line: &[u8]) -> Option<Parts<'static>> {
    let Ok(Value::Object(mut record)) = serde_json::from_slice(line) else {
        return None;
    };
    let time = record
        .get("time")
        .and_then(Value::as_str)
        .or_else(|| record.get("_meta")?.get("date")?.as_str())
        .and_then(|time| time.parse().ok());
    let level = match record.get("_meta").and_then(|meta| meta.get("logLevelId")).and_then(Value::as_u64) {
        Some(id) => Level::from_id(id),
        None => record.get("level").and_then(Value::as_str).and_then(Level::from_name),
    };
    let message = match record.remove("message") {
        Some(Value::String(message)) => message,
        _ => ["2", "1", "0"]
            .iter()
            .find_map(|key| record.get(*key).and_then(Value::as_str))
            .unwrap_or_default()
            .to_owned(),
    };
    let bindings = record.get("0").and_then(Value::as_str).unwrap_or_default();
    let subsystem = match serde_json::from_str(bindings) {
        Ok(Value::Object(bindings)) => {
            ["subsystem", "module"].iter().find_map(|key| bindings.get(*key).and_then(Value::as_str)).map(str::to_owned)
        }
        _ => record.get("subsystem").and_then(Value::as_str).map(str::to_owned),
    };
    let subsystem = subsystem.unwrap_or_default();
    let subsystem = console_subsystem(&subsystem).to_owned();
    let message = strip_subsystem(&message, &subsystem).to_owned();
    let fields = match record.remove("1") {
        Some(Value::Object(fields)) => fields,
        _ if record.contains_key("_meta") => Map::new(),
        _ => record,
    };
    Some(Parts {
        form: Form::Json,
        time,
        level,
        subsystem: Cow::Owned(subsystem),
        message: Cow::Owned(message),
        fields: Fields::Parsed(fields),
    })
}

/// Removes ANSI escape sequences; the colour of the message, the last one that is set, tells the level.
fn strip_ansi(text: Cow<'_, str>) -> (Cow<'_, str>, Option<Level>) {
    if !text.contains('\u{1b}') {
        return (text, None);
    }
    let mut out = String::with_capacity(text.len());
    let mut level = None;
    let mut rest = &*text;
    while let Some((before, escape)) = rest.split_once('\u{1b}') {
        out.push_str(before);
        let Some(sequence) = escape.strip_prefix('[') else {
            rest = escape;
            continue;
        };
        let Some(end) = sequence.find(|c: char| ('@'..='~').contains(&c)) else {
            rest = "";
            break;
        };
        let (code, tail) = sequence.split_at(end);
        rest = tail.get(1..).unwrap_or_default();
        level = match code {
            "31" => Some(Level::Error),
            "33" => Some(Level::Warn),
            "36" => Some(Level::Info),
            "90" => Some(Level::Debug),
            _ => level,
        };
    }
    out.push_str(rest);
    (Cow::Owned(out), level)
}

/// The value after `key=` in a text of `key=value` pairs whose values may hold spaces: it ends where the next ` word=`
/// begins. Quoted values are taken without their quotes; `n/a` counts as absent.
pub(super) fn pair<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    let bytes = text.as_bytes();
    let is_key = |name: &[u8]| {
        name.strip_suffix(key.as_bytes()).is_some_and(|before| before.last().is_none_or(|byte| *byte == b' '))
    };
    let end = memchr_iter(b'=', bytes).find(|&at| bytes.get(..at).is_some_and(is_key))?;
    let value = text.get(end + 1..)?;
    let value = match value.strip_prefix('"') {
        Some(quoted) => quoted.split('"').next().unwrap_or(quoted),
        None => value.get(..value_end(value)).unwrap_or(value).trim_end(),
    };
    (!value.is_empty() && value != "n/a").then_some(value)
}

/// Where the blank stands before the next `word=`.
fn value_end(value: &str) -> usize {
    let bytes = value.as_bytes();
    memchr_iter(b'=', bytes)
        .find_map(|at| {
            let before = bytes.get(..at)?;
            let word = before.iter().rev().take_while(|byte| byte.is_ascii_alphanumeric()).count();
            let blank = at.checked_sub(word + 1)?;
            (word > 0 && bytes.get(blank) == Some(&b' ')).then_some(blank)
        })
        .unwrap_or(value.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_pairs_with_spaces_in_values() {
        let text = "closed conn=a1 ua=n/a code=1008 reason=pairing required: no (requestId: 7) phase=auth_validated error=\"a b\"";
        assert_eq!(pair(text, "conn"), Some("a1"));
        assert_eq!(pair(text, "ua"), None);
        assert_eq!(pair(text, "reason"), Some("pairing required: no (requestId: 7)"));
        assert_eq!(pair(text, "phase"), Some("auth_validated"));
        assert_eq!(pair(text, "error"), Some("a b"));
        assert_eq!(pair(text, "son"), None);
    }

    #[test]
    fn takes_the_level_from_the_colour() {
        let line = "\u{1b}[90m2026-11-21T07:54:33.322+00:00\u{1b}[39m \u{1b}[36m[gateway]\u{1b}[39m \u{1b}[33mgateway: x\u{1b}[39m";
        let parts = parts(line.as_bytes());
        assert_eq!(parts.level, Some(Level::Warn));
        assert_eq!(parts.subsystem, "gateway");
        assert_eq!(parts.message, "x");
        assert!(parts.time.is_some());
    }

    #[test]
    fn takes_the_console_in_json_style() {
        let line = br#"{"cause":"unauthorized","time":"2026-11-21T03:43:40.549+00:00","level":"warn","subsystem":"gateway/ws","message":"closed"}"#;
        let parts = parts(line);
        assert_eq!((parts.level, &*parts.subsystem, &*parts.message), (Some(Level::Warn), "ws", "closed"));
        assert_eq!(parts.fields.string("cause").as_deref(), Some("unauthorized"));
    }
}
