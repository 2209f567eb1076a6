//! Values out of the text and the fields of a line.

use std::borrow::Cow;

use super::MAX_VALUE_BYTES;
use super::line::{Parts, pair};
use super::redact::redact;

pub(super) fn said(text: &str) -> String {
    redact(text, MAX_VALUE_BYTES)
}

/// A value from the structured fields, or from the message.
pub(super) fn value<'a>(parts: &'a Parts<'_>, key: &str) -> Option<Cow<'a, str>> {
    parts.fields.text(key).or_else(|| pair(&parts.message, key).map(Cow::Borrowed))
}

pub(super) fn text(parts: &Parts<'_>, key: &str) -> Option<String> {
    value(parts, key).map(|value| said(&value))
}

pub(super) fn after<'a>(text: &'a str, marker: &str) -> Option<&'a str> {
    text.split_once(marker).map(|(_, rest)| rest)
}

pub(super) fn word_after<'a>(text: &'a str, marker: &str) -> Option<&'a str> {
    after(text, marker)?.split_whitespace().next()
}

pub(super) fn leading_number<N: std::str::FromStr>(text: &str) -> Option<N> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    text.get(..end)?.trim_end_matches('.').parse().ok()
}

pub(super) fn number_after<N: std::str::FromStr>(text: &str, marker: &str) -> Option<N> {
    leading_number(after(text, marker)?)
}

pub(super) fn parenthesised(text: &str) -> Option<String> {
    let inner = text.split_once('(')?.1;
    Some(said(inner.split(')').next().unwrap_or(inner)))
}

pub(super) fn bracketed(text: &str) -> Option<&str> {
    text.strip_prefix('[')?.split_once(']').map(|(inner, _)| inner)
}

/// The port at the end of `ws://host:port …`.
pub(super) fn url_port(text: &str) -> Option<u16> {
    let authority = after(text, "ws://").or_else(|| after(text, "wss://"))?;
    let end = authority
        .find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '.' | ':' | '[' | ']' | '-'))
        .unwrap_or(authority.len());
    authority.get(..end)?.trim_end_matches('.').rsplit_once(':')?.1.parse().ok()
}
