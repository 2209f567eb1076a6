//! The structured fields of a line.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::json::{self, unescaped};

/// The structured fields of a line.
#[derive(Debug)]
pub(super) enum Fields<'a> {
    /// It has none.
    None,
    /// Parsed.
    Parsed(Map<String, Value>),
    /// The members of a JSON object without its braces, looked up where they stand.
    Raw(&'a str),
}

impl Fields<'_> {
    /// The text of a string or a number.
    pub(super) fn text(&self, key: &str) -> Option<Cow<'_, str>> {
        match self {
            Self::None => None,
            Self::Parsed(fields) => match fields.get(key)? {
                Value::String(text) => Some(Cow::Borrowed(text)),
                Value::Number(number) => Some(Cow::Owned(number.to_string())),
                _ => None,
            },
            Self::Raw(members) => {
                let value = json::member(members, key)?;
                match value.as_bytes().first()? {
                    b'"' => unescaped(value.get(1..value.len() - 1)?),
                    b'-' | b'0'..=b'9' => Some(Cow::Borrowed(value)),
                    _ => None,
                }
            }
        }
    }

    /// The text of a string.
    pub(super) fn string(&self, key: &str) -> Option<Cow<'_, str>> {
        match self {
            Self::None => None,
            Self::Parsed(fields) => fields.get(key)?.as_str().map(Cow::Borrowed),
            Self::Raw(members) => {
                let value = json::member(members, key)?;
                unescaped(value.strip_prefix('"')?.strip_suffix('"')?)
            }
        }
    }
}
