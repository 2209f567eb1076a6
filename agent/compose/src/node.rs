//! A YAML tree with places.

use std::collections::BTreeMap;
use std::fmt;

use crate::NODE_BYTES;
use crate::at::At;
use crate::model::Unknown;

/// One value with its place.
#[derive(Clone)]
pub(crate) struct Node {
    pub(crate) at: At,
    pub(crate) tag: Tag,
    pub(crate) kind: Kind,
}

/// What a tag of Compose asks of the merge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tag {
    None,
    /// `!reset`: the value of the files before is taken away.
    Reset,
    /// `!override`: it takes the place of the values of the files before.
    Override,
}

/// A value.
#[derive(Clone)]
pub(crate) enum Kind {
    Null,
    Scalar(Scalar),
    List(Vec<Node>),
    Map(Map),
}

/// Keys with their places.
pub(crate) type Map = BTreeMap<String, Entry>;

/// The place of a key, and its value.
#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) key: At,
    pub(crate) node: Node,
}

/// A scalar as it is written, or as interpolation made it.
#[derive(Clone)]
pub(crate) struct Scalar {
    pub(crate) text: String,
    /// Neither quoted nor tagged, so that it may be a number or a truth value.
    pub(crate) plain: bool,
    /// What it hangs on that nobody gave.
    pub(crate) unknown: Option<Box<Unknown>>,
    /// No part of it comes from a variable.
    pub(crate) literal: bool,
}

impl fmt::Debug for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Scalar([REDACTED])")
    }
}

/// What a plain scalar stands for.
#[derive(Debug, Clone, PartialEq)]
enum Plain {
    Bool(bool),
    Integer(i128),
    Float(f64),
    Text,
}

impl Scalar {
    pub(crate) fn quoted(text: impl Into<String>) -> Self {
        Self { text: text.into(), plain: false, unknown: None, literal: true }
    }

    /// The text that Compose makes of it where it wants a string: numbers in Go's default format.
    pub(crate) fn string(&self) -> String {
        match if self.plain { resolve(&self.text) } else { Plain::Text } {
            Plain::Bool(value) => value.to_string(),
            Plain::Integer(value) => value.to_string(),
            Plain::Float(value) => float(value),
            Plain::Text => self.text.clone(),
        }
    }

    /// Whether YAML alone makes a string of it.
    pub(crate) fn is_string(&self) -> bool {
        !self.plain || resolve(&self.text) == Plain::Text
    }

    /// As a truth value, where it is one.
    pub(crate) fn boolean(&self) -> Option<bool> {
        match self.text.to_ascii_lowercase().as_str() {
            "true" | "y" | "yes" | "on" | "1" => Some(true),
            "false" | "n" | "no" | "off" | "0" => Some(false),
            _ => None,
        }
    }

    /// As an integer, where it is one.
    pub(crate) fn integer(&self) -> Option<i128> {
        match resolve(self.text.trim()) {
            Plain::Integer(value) => Some(value),
            _ => None,
        }
    }
}

impl Node {
    pub(crate) fn new(at: At, kind: Kind) -> Self {
        Self { at, tag: Tag::None, kind }
    }

    /// A string that is derived from a value written there.
    pub(crate) fn text(at: &At, text: impl Into<String>) -> Self {
        Self::new(at.clone(), Kind::Scalar(Scalar::quoted(text)))
    }

    pub(crate) fn map(&self) -> Option<&Map> {
        match &self.kind {
            Kind::Map(map) => Some(map),
            _ => None,
        }
    }

    pub(crate) fn map_mut(&mut self) -> Option<&mut Map> {
        match &mut self.kind {
            Kind::Map(map) => Some(map),
            _ => None,
        }
    }

    pub(crate) fn list(&self) -> Option<&[Node]> {
        match &self.kind {
            Kind::List(list) => Some(list),
            _ => None,
        }
    }

    pub(crate) fn scalar(&self) -> Option<&Scalar> {
        match &self.kind {
            Kind::Scalar(scalar) => Some(scalar),
            _ => None,
        }
    }

    /// The string that it is or that Compose makes of it.
    pub(crate) fn string(&self) -> Option<String> {
        self.scalar().map(Scalar::string)
    }

    pub(crate) fn get(&self, key: &str) -> Option<&Node> {
        self.map()?.get(key).map(|entry| &entry.node)
    }

    pub(crate) fn is_null(&self) -> bool {
        matches!(self.kind, Kind::Null)
    }

    /// What it takes of the nodes of a project, with all below it.
    pub(crate) fn weight(&self) -> usize {
        match &self.kind {
            Kind::Null => 1,
            Kind::Scalar(scalar) => weight(&scalar.text),
            Kind::List(list) => 1 + list.iter().map(Self::weight).sum::<usize>(),
            Kind::Map(map) => 1 + map.iter().map(|(key, entry)| weight(key) + entry.node.weight()).sum::<usize>(),
        }
    }

    /// Whether two values say the same, wherever they are written.
    pub(crate) fn same(&self, other: &Self) -> bool {
        match (&self.kind, &other.kind) {
            (Kind::Null, Kind::Null) => true,
            (Kind::Scalar(a), Kind::Scalar(b)) => a.string() == b.string(),
            (Kind::List(a), Kind::List(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.same(b)),
            (Kind::Map(a), Kind::Map(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|((k, a), (l, b))| k == l && a.node.same(&b.node))
            }
            _ => false,
        }
    }

    /// What kind of value it is, for messages.
    pub(crate) fn word(&self) -> &'static str {
        match &self.kind {
            Kind::Null => "nothing",
            Kind::Scalar(_) => "a single value",
            Kind::List(_) => "a list",
            Kind::Map(_) => "a mapping",
        }
    }
}

/// What a text takes of the nodes of a project.
pub(crate) fn weight(text: &str) -> usize {
    1 + text.len() / NODE_BYTES
}

/// Resolves a plain scalar as Go's `yaml.v3` does for an untyped target.
fn resolve(text: &str) -> Plain {
    match text {
        "true" | "True" | "TRUE" => return Plain::Bool(true),
        "false" | "False" | "FALSE" => return Plain::Bool(false),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => return Plain::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => return Plain::Float(f64::NEG_INFINITY),
        ".nan" | ".NaN" | ".NAN" => return Plain::Float(f64::NAN),
        _ => {}
    }
    if !text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.')) {
        return Plain::Text;
    }
    let compact = text.replace('_', "");
    let (sign, digits) = match compact.as_bytes().first() {
        Some(b'-') => (-1, compact.get(1..).unwrap_or_default()),
        Some(b'+') => (1, compact.get(1..).unwrap_or_default()),
        _ => (1, compact.as_str()),
    };
    let radix = |prefix: &str, radix| {
        let digits = digits.strip_prefix(prefix)?;
        digits.starts_with(|c: char| c.is_ascii_alphanumeric()).then(|| i128::from_str_radix(digits, radix).ok())?
    };
    let integer = radix("0x", 16)
        .or_else(|| radix("0X", 16))
        .or_else(|| radix("0b", 2))
        .or_else(|| radix("0o", 8))
        .or_else(|| if digits.len() > 1 { radix("0", 8) } else { None })
        .or_else(|| {
            let decimal = digits.len() == 1 || !digits.starts_with('0');
            let all = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
            (decimal && all).then(|| digits.parse().ok())?
        });
    if let Some(value) = integer.filter(|value| *value <= i128::from(u64::MAX)) {
        return Plain::Integer(sign * value);
    }
    let is_float = digits.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && digits.bytes().any(|byte| byte.is_ascii_digit())
        && digits.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'+' | b'-'));
    match compact.parse::<f64>() {
        Ok(value) if is_float => Plain::Float(value),
        _ => Plain::Text,
    }
}

/// The shortest form of a float in Go, with an exponent below 1e-4 and from 1e6 on.
fn float(value: f64) -> String {
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let size = value.abs();
    if size != 0.0 && !(1e-4..1e6).contains(&size) {
        let text = format!("{value:e}");
        let Some((mantissa, exponent)) = text.split_once('e') else { return text };
        let (sign, digits) = exponent.strip_prefix('-').map_or(('+', exponent), |digits| ('-', digits));
        return format!("{mantissa}e{sign}{digits:0>2}");
    }
    value.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> String {
        Scalar { text: text.to_owned(), plain: true, unknown: None, literal: true }.string()
    }

    #[test]
    fn numbers_become_what_go_makes_of_them() {
        for (written, read) in [
            ("022", "18"),
            ("0o22", "18"),
            ("0x1F", "31"),
            ("1_000", "1000"),
            ("1.10", "1.1"),
            ("1e3", "1000"),
            ("089", "89"),
            ("22:22", "22:22"),
            ("yes", "yes"),
            ("True", "true"),
            ("1.2.3", "1.2.3"),
            ("-5", "-5"),
            ("2026-11-20", "2026-11-20"),
            ("12345678901234567890", "12345678901234567890"),
            ("1e30", "1e+30"),
            ("5e", "5e"),
        ] {
            assert_eq!(plain(written), read, "{written}");
        }
        assert_eq!(Scalar::quoted("022").string(), "022");
    }

    #[test]
    fn debug_shows_no_value() {
        assert!(!format!("{:?}", Scalar::quoted("canary")).contains("canary"));
    }
}
