//! `${NAME}` in configuration strings.
//!
//! OpenClaw replaces `${UPPER_NAME}` anywhere in a string value; `$${X}` stands for a literal `${X}`; an empty or
//! missing variable leaves the place as it is and makes the value unavailable.

use secrecy::{ExposeSecret, SecretString};

use crate::environment::Environment;

/// Where the values of `${NAME}` come from.
pub trait Lookup {
    /// The value of a variable.
    fn lookup(&self, name: &str) -> Option<&SecretString>;
}

impl Lookup for Environment {
    fn lookup(&self, name: &str) -> Option<&SecretString> {
        self.get(name)
    }
}

/// A string whose variables could not all be replaced.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("environment variable `{}` is not set", .names.join("`, `"))]
pub struct MissingVariables {
    /// The names without a value, in order of appearance.
    pub names: Vec<String>,
}

enum Piece<'a> {
    Literal(&'a str),
    Escaped(&'a str),
    Variable(&'a str),
}

/// The names that a string refers to.
pub fn references(raw: &str) -> Vec<&str> {
    let mut names = Vec::new();
    for_each_piece(raw, |piece| {
        if let Piece::Variable(name) = piece {
            names.push(name);
        }
    });
    names
}

/// Replaces every `${NAME}` of a string.
pub fn expand(raw: &str, lookup: &dyn Lookup) -> Result<SecretString, MissingVariables> {
    let mut value = String::with_capacity(raw.len());
    let mut missing = Vec::new();
    for_each_piece(raw, |piece| match piece {
        Piece::Literal(text) => value.push_str(text),
        Piece::Escaped(name) => {
            value.push_str("${");
            value.push_str(name);
            value.push('}');
        }
        Piece::Variable(name) => match lookup.lookup(name).map(ExposeSecret::expose_secret) {
            Some(found) if !found.is_empty() => value.push_str(found),
            _ => missing.push(name.to_owned()),
        },
    });
    let value = SecretString::from(value);
    if missing.is_empty() { Ok(value) } else { Err(MissingVariables { names: missing }) }
}

fn for_each_piece<'a>(raw: &'a str, mut visit: impl FnMut(Piece<'a>)) {
    let mut rest = raw;
    while let Some(at) = rest.find('$') {
        let (before, from_dollar) = rest.split_at(at);
        visit(Piece::Literal(before));
        let (marker, escaped) = if from_dollar.starts_with("$${") { ("$${", true) } else { ("${", false) };
        let name = from_dollar
            .strip_prefix(marker)
            // Looking for the brace alone would read a text of `${` without one to its end again and again.
            .and_then(|inner| inner.split_at_checked(inner.find(|c| !is_name_char(c))?))
            .filter(|(name, after)| after.starts_with('}') && !name.is_empty() && !name.starts_with(is_digit))
            .map(|(name, _)| name);
        let length = if let Some(name) = name {
            visit(if escaped { Piece::Escaped(name) } else { Piece::Variable(name) });
            marker.len() + name.len() + 1
        } else {
            visit(Piece::Literal("$"));
            1
        };
        rest = from_dollar.get(length..).unwrap_or_default();
    }
    visit(Piece::Literal(rest));
}

/// Names are `[A-Z_][A-Z0-9_]*`.
fn is_name_char(c: char) -> bool {
    c.is_ascii_uppercase() || is_digit(c) || c == '_'
}

fn is_digit(c: char) -> bool {
    c.is_ascii_digit()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(raw: &str) -> Result<String, Vec<String>> {
        let pairs = [("NAME", "value"), ("EMPTY", "")].map(|(name, value)| (name.to_owned(), value.to_owned()));
        expand(raw, &Environment::all(pairs))
            .map(|value| value.expose_secret().to_owned())
            .map_err(|missing| missing.names)
    }

    #[test]
    fn replaces_escapes_and_reports() {
        assert_eq!(expanded("a-${NAME}-b${NAME}"), Ok("a-value-bvalue".into()));
        assert_eq!(expanded("$${NAME} $NAME ${lower} ${} $"), Ok("${NAME} $NAME ${lower} ${} $".into()));
        assert_eq!(expanded("${EMPTY}${NONE}"), Err(vec!["EMPTY".into(), "NONE".into()]));
        assert_eq!(expanded("$$${NAME}"), Ok("$${NAME}".into()));
        assert_eq!(expanded("${NAME"), Ok("${NAME".into()));
        assert_eq!(expanded("${1A}${A${NAME}"), Ok("${1A}${Avalue".into()));
        assert_eq!(references("$${A} ${B} x ${C}"), ["B", "C"]);
    }

    #[test]
    fn a_text_without_a_closing_brace_is_read_once() {
        let raw = "${A".repeat(300_000);
        assert!(references(&raw).is_empty());
    }

    proptest::proptest! {
        #[test]
        fn text_without_a_dollar_stays(raw in "[^$]{0,60}") {
            proptest::prop_assert_eq!(expanded(&raw), Ok(raw));
        }

        #[test]
        fn never_panics(raw in "[${}A-Zaé]{0,40}") {
            let _ = expanded(&raw);
        }
    }
}
