//! A record of the log file in the gateway's own order of keys, read where it stands:
//! `{"0":"{\"subsystem\":\"x\"}","1":{fields},"2":"message","_meta":{…},"time":"…","hostname":"…","message":"message"}`.
//!
//! What is not in this order is not read here and takes a full parse.

use std::borrow::Cow;

use jiff::Timestamp;
use memchr::{memchr_iter, memchr2, memchr3};

use super::Level;
use super::needle;
use super::time::timestamp;

/// A record, borrowed from its line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Record<'a> {
    /// As in the file, `gateway/ws`.
    subsystem: &'a str,
    /// Members of the object of fields, without its braces.
    fields: Option<&'a str>,
    /// The message, still escaped, without its quotes.
    message: &'a str,
    /// What follows the message's closing quote.
    after: &'a str,
}

impl<'a> Record<'a> {
    /// The record in a line that begins with `{`, as far as its message.
    pub(super) fn of(line: &'a str) -> Option<Self> {
        let rest = line.strip_prefix("{\"0\":\"")?;
        let Some(bindings) = rest.strip_prefix("{\\\"") else {
            // A process-level line: the message itself is argument 0.
            let (message, after) = split_string(rest)?;
            return Some(Self { subsystem: "", fields: None, message, after });
        };
        let (bindings, rest) = split_string(bindings)?;
        let subsystem =
            bindings.strip_prefix("subsystem\\\":\\\"").or_else(|| bindings.strip_prefix("module\\\":\\\""))?;
        let end =
            memchr_iter(b'\\', subsystem.as_bytes()).find(|at| subsystem.as_bytes().get(at + 1) == Some(&b'"'))?;
        let subsystem = subsystem.get(..end)?;
        let rest = rest.strip_prefix(",\"1\":")?;
        let (fields, rest) = match rest.strip_prefix('{') {
            Some(inner) => {
                let (fields, rest) = split_object(inner)?;
                (Some(fields), rest.strip_prefix(",\"2\":")?)
            }
            None => (None, rest),
        };
        let (message, after) = split_string(rest.strip_prefix('"')?)?;
        Some(Self { subsystem, fields, message, after })
    }

    pub(super) fn subsystem(&self) -> &'a str {
        self.subsystem
    }

    pub(super) fn fields(&self) -> Option<&'a str> {
        self.fields
    }

    /// The message as it stands in the line, with what follows it: starts are compared, and none of them holds an escape.
    pub(super) fn raw_message(&self) -> &'a str {
        self.message
    }

    /// The level in the `_meta` object that follows the arguments.
    pub(super) fn level(&self) -> Option<Level> {
        let (_, value) = needle::LEVEL.split(self.after)?;
        let digit = value.as_bytes().first()?;
        let is_alone = value.as_bytes().get(1).is_none_or(|next| !next.is_ascii_digit());
        Level::from_id(u64::from((digit.is_ascii_digit() && is_alone).then(|| digit - b'0')?))
    }

    /// When it was written.
    pub(super) fn time(&self) -> Option<Timestamp> {
        self.timed().and_then(|(time, _)| timestamp(time))
    }

    /// The time as written, and what follows its closing quote.
    fn timed(&self) -> Option<(&'a str, &'a str)> {
        split_string(needle::TIME.split(self.after)?.1)
    }

    /// The message, where all of the record is as expected: no other argument follows, and it repeats the message at its end.
    pub(super) fn message(&self) -> Option<Cow<'a, str>> {
        let is_plain = self.after.starts_with(",\"_meta\":{")
            && !self.subsystem.contains('\\')
            && (!self.subsystem.is_empty() || !self.message.trim_start().starts_with(['{', '\\']));
        let (_, rest) = self.timed()?;
        let (_, rest) = split_string(rest.strip_prefix(",\"hostname\":\"")?)?;
        let rest = rest.strip_prefix(",\"message\":\"")?.strip_prefix(self.message)?.strip_prefix('"')?;
        (is_plain && ends_record(rest)).then(|| unescaped(self.message)).flatten()
    }
}

/// Whether this is the rest of a record: simple members and the closing brace.
fn ends_record(mut rest: &str) -> bool {
    while let Some(member) = rest.strip_prefix(",\"") {
        let Some(after) = split_string(member).and_then(|(_, tail)| value(tail.strip_prefix(':')?)) else {
            return false;
        };
        rest = after.1;
    }
    rest == "}"
}

/// The raw value of a member of an object whose members these are.
pub(super) fn member<'a>(members: &'a str, key: &str) -> Option<&'a str> {
    let mut rest = members;
    loop {
        let (name, tail) = split_string(rest.strip_prefix('"')?)?;
        let (found, tail) = value(tail.strip_prefix(':')?)?;
        if name == key {
            return Some(found);
        }
        rest = tail.strip_prefix(',')?;
    }
}

/// Splits the value off at the front, of an object or array with its brackets.
fn value(text: &str) -> Option<(&str, &str)> {
    let inner = text.get(1..)?;
    let end = match text.as_bytes().first()? {
        b'"' => text.len() - split_string(inner)?.1.len(),
        b'{' => text.len() - split_object(inner)?.1.len(),
        b'[' => text.len() - split_array(inner)?.1.len(),
        _ => text.find([',', '}', ']']).unwrap_or(text.len()),
    };
    text.split_at_checked(end)
}

/// Splits at the closing quote of a string, given the text after its opening quote.
fn split_string(text: &str) -> Option<(&str, &str)> {
    let bytes = text.as_bytes();
    let mut at = 0;
    loop {
        at += memchr2(b'"', b'\\', bytes.get(at..)?)?;
        if bytes.get(at) == Some(&b'"') {
            return Some((text.get(..at)?, text.get(at + 1..)?));
        }
        at += 2;
    }
}

/// Splits at the closing brace of an object, given the text after its opening brace.
fn split_object(text: &str) -> Option<(&str, &str)> {
    split_nested(text, b'{', b'}')
}

fn split_array(text: &str) -> Option<(&str, &str)> {
    split_nested(text, b'[', b']')
}

fn split_nested(text: &str, open: u8, close: u8) -> Option<(&str, &str)> {
    let mut rest = text;
    let mut depth = 1_usize;
    loop {
        let at = memchr3(b'"', open, close, rest.as_bytes())?;
        let found = *rest.as_bytes().get(at)?;
        rest = rest.get(at + 1..)?;
        if found == b'"' {
            rest = split_string(rest)?.1;
        } else if found == open {
            depth += 1;
        } else {
            depth -= 1;
            if depth == 0 {
                return Some((text.get(..text.len() - rest.len() - 1)?, rest));
            }
        }
    }
}

/// The text that a JSON string without its quotes stands for.
pub(super) fn unescaped(raw: &str) -> Option<Cow<'_, str>> {
    if memchr::memchr(b'\\', raw.as_bytes()).is_none() {
        return Some(Cow::Borrowed(raw));
    }
    let mut quoted = String::with_capacity(raw.len() + 2);
    quoted.push('"');
    quoted.push_str(raw);
    quoted.push('"');
    serde_json::from_str(&quoted).ok().map(Cow::Owned)
}
