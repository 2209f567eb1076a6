//! Interpolation: `$V`, `${V}`, `${V:-default}`, `${V-default}`, `${V:?message}`, `${V?message}`, `${V:+other}`, `${V+other}`, `$$`.

use crate::MAX_VALUE_BYTES;

/// Defaults within defaults that are followed.
const MAX_NESTING: usize = 16;

/// Why a text cannot be interpolated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// A `$` that begins nothing known.
    #[error("invalid interpolation format: a `$` that is meant as such is written `$$`")]
    Invalid,
    /// Too deep.
    #[error("defaults nested deeper than {MAX_NESTING} levels")]
    TooDeep,
    /// Too large.
    #[error("longer than {MAX_VALUE_BYTES} bytes after interpolation")]
    TooLong,
}

/// What becomes of a text.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Expanded {
    /// The text as Compose would make it now: a variable that nobody gives is empty.
    pub text: String,
    /// The same with `${V}` in place of each variable that nobody gives, so that two values of equal expressions are equal.
    pub expression: String,
    /// Variables that nobody gives and that the text hangs on.
    pub unset: Vec<Unset>,
    /// Every variable that was asked for.
    pub used: Vec<String>,
}

/// A variable that nobody gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unset {
    /// Its name.
    pub name: String,
    /// What the reference says for this case.
    pub fallback: Fallback,
}

/// What a reference says of a variable that is not given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fallback {
    /// Nothing: Compose warns and takes the empty text.
    None,
    /// The empty text, or another text if it were given.
    Empty,
    /// Compose refuses with this message.
    Required(String),
}

/// Where values of variables come from.
pub type Lookup<'a> = dyn Fn(&str) -> Option<String> + 'a;

/// Interpolates a text.
pub fn expand(raw: &str, lookup: &Lookup<'_>) -> Result<Expanded, TemplateError> {
    let mut out = Expanded::default();
    expand_into(raw, lookup, &mut out, 0)?;
    Ok(out)
}

fn expand_into(raw: &str, lookup: &Lookup<'_>, out: &mut Expanded, depth: usize) -> Result<(), TemplateError> {
    if depth > MAX_NESTING {
        return Err(TemplateError::TooDeep);
    }
    let mut rest = raw;
    while let Some((before, after)) = rest.split_once('$') {
        push(out, before)?;
        rest = if let Some(after) = after.strip_prefix('$') {
            push(out, "$")?;
            after
        } else if let Some(after) = after.strip_prefix('{') {
            let end = closing(after).ok_or(TemplateError::Invalid)?;
            let (body, tail) = after.split_at_checked(end).ok_or(TemplateError::Invalid)?;
            braced(body, lookup, out, depth)?;
            tail.get(1..).unwrap_or_default()
        } else {
            let length = name_length(after);
            let (name, tail) = after.split_at_checked(length).ok_or(TemplateError::Invalid)?;
            if name.is_empty() {
                return Err(TemplateError::Invalid);
            }
            value_of(name, lookup, out)?;
            tail
        };
    }
    push(out, rest)
}

/// What stands between `${` and its `}`.
fn braced(body: &str, lookup: &Lookup<'_>, out: &mut Expanded, depth: usize) -> Result<(), TemplateError> {
    let (name, operator) = body.split_at_checked(name_length(body)).ok_or(TemplateError::Invalid)?;
    if name.is_empty() {
        return Err(TemplateError::Invalid);
    }
    if operator.is_empty() {
        return value_of(name, lookup, out);
    }
    let (colon, operator) = operator.strip_prefix(':').map_or((false, operator), |operator| (true, operator));
    let mut chars = operator.chars();
    let kind = chars.next().ok_or(TemplateError::Invalid)?;
    let word = chars.as_str();
    let value = lookup(name);
    let given = value.as_ref().is_some_and(|value| !colon || !value.is_empty());
    match kind {
        '-' => {
            if given {
                return value_of(name, lookup, out);
            }
            out.used.push(name.to_owned());
            if word.is_empty() {
                if value.is_none() {
                    miss(out, name, Fallback::Empty);
                }
                return Ok(());
            }
            expand_into(word, lookup, out, depth + 1)
        }
        '?' => {
            if given {
                return value_of(name, lookup, out);
            }
            out.used.push(name.to_owned());
            miss(out, name, Fallback::Required(word.to_owned()));
            Ok(())
        }
        '+' => {
            out.used.push(name.to_owned());
            if given {
                return expand_into(word, lookup, out, depth + 1);
            }
            if value.is_none() {
                out.expression.push_str(&format!("${{{body}}}"));
                out.unset.push(Unset { name: name.to_owned(), fallback: Fallback::Empty });
            }
            Ok(())
        }
        _ => Err(TemplateError::Invalid),
    }
}

fn value_of(name: &str, lookup: &Lookup<'_>, out: &mut Expanded) -> Result<(), TemplateError> {
    out.used.push(name.to_owned());
    match lookup(name) {
        Some(value) => push(out, &value),
        None => {
            miss(out, name, Fallback::None);
            Ok(())
        }
    }
}

fn miss(out: &mut Expanded, name: &str, fallback: Fallback) {
    out.expression.push_str(&format!("${{{name}}}"));
    out.unset.push(Unset { name: name.to_owned(), fallback });
}

fn push(out: &mut Expanded, text: &str) -> Result<(), TemplateError> {
    if out.text.len() + text.len() > MAX_VALUE_BYTES || out.expression.len() + text.len() > MAX_VALUE_BYTES {
        return Err(TemplateError::TooLong);
    }
    out.text.push_str(text);
    out.expression.push_str(text);
    Ok(())
}

fn name_length(text: &str) -> usize {
    let name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if text.starts_with(|c: char| c.is_ascii_digit()) {
        return 0;
    }
    text.find(|c| !name(c)).unwrap_or(text.len())
}

/// Where the `}` lies that closes what a `${` before the text opened.
fn closing(text: &str) -> Option<usize> {
    let mut open = 1_usize;
    let mut bytes = text.bytes().enumerate().peekable();
    while let Some((index, byte)) = bytes.next() {
        match byte {
            b'$' if bytes.peek().is_some_and(|(_, next)| *next == b'{') => {
                bytes.next();
                open += 1;
            }
            b'}' => {
                open -= 1;
                if open == 0 {
                    return Some(index);
                }
            }
            _ => {}
        }
    }
    None
}

impl std::fmt::Debug for Expanded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Expanded").field("text", &"[REDACTED]").field("unset", &self.unset).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lookup(name: &str) -> Option<String> {
        match name {
            "A" => Some("a".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        }
    }

    fn text(raw: &str) -> String {
        expand(raw, &lookup).unwrap().text
    }

    #[test]
    fn every_form() {
        for (raw, expected) in [
            ("$A-${A}", "a-a"),
            ("$$A $${A}", "$A ${A}"),
            ("${A:-d}${U:-d}${EMPTY:-d}", "add"),
            ("${A-d}${U-d}${EMPTY-d}", "ad"),
            ("${A:+x}${U:+x}${EMPTY:+x}", "x"),
            ("${A+x}${U+x}${EMPTY+x}", "xx"),
            ("${U:-${V:-${A}}}", "a"),
            ("${U:-a:b/c?d}", "a:b/c?d"),
            ("${A:?needed}${A?needed}", "aa"),
            ("x${U}y", "xy"),
        ] {
            assert_eq!(text(raw), expected, "{raw}");
        }
    }

    #[test]
    fn what_nobody_gives_is_named() {
        let expanded = expand("ws://${HOST}:${PORT:-18789}/${EMPTY}${T:-}", &lookup).unwrap();
        assert_eq!(expanded.text, "ws://:18789/");
        assert_eq!(expanded.expression, "ws://${HOST}:18789/${T}");
        assert_eq!(expanded.unset.iter().map(|unset| unset.name.as_str()).collect::<Vec<_>>(), ["HOST", "T"]);
        let required = expand("${T:?set it}", &lookup).unwrap();
        assert_eq!(required.unset[0].fallback, Fallback::Required("set it".to_owned()));
        // Given, and empty: Compose refuses all the same.
        assert_eq!(expand("${EMPTY:?x}", &lookup).unwrap().unset.len(), 1);
        assert_eq!(expand("${EMPTY?x}", &lookup).unwrap().unset.len(), 0);
        // One expression for one variable, however it is asked for.
        assert_eq!(expand("$T", &lookup).unwrap().expression, expand("${T:?x}", &lookup).unwrap().expression);
    }

    #[test]
    fn what_is_no_reference_is_refused() {
        for raw in ["${", "${}", "$", "a $ b", "${A", "${A!x}", "$1", "${A:}", "$(x)"] {
            assert_eq!(expand(raw, &lookup), Err(TemplateError::Invalid), "{raw}");
        }
        let deep = format!("{}x{}", "${U:-".repeat(40), "}".repeat(40));
        assert_eq!(expand(&deep, &lookup), Err(TemplateError::TooDeep));
        let long = |name: &str| (name == "L").then(|| "x".repeat(100_000));
        assert_eq!(expand(&"$L".repeat(100), &long), Err(TemplateError::TooLong));
    }

    proptest! {
        #[test]
        fn nothing_panics_and_a_text_without_dollar_stays(raw in any::<String>()) {
            let expanded = expand(&raw, &lookup);
            if !raw.contains('$') {
                prop_assert_eq!(expanded.unwrap().text, raw);
            }
        }

        #[test]
        fn an_escaped_text_comes_back(raw in "[ -~]{0,40}") {
            prop_assert_eq!(expand(&raw.replace('$', "$$"), &lookup).unwrap().text, raw);
        }

        #[test]
        fn references_are_total(raw in "(\\$|\\{|\\}|A|U|:|-|\\?|\\+|x){0,24}") {
            drop(expand(&raw, &lookup));
        }
    }
}
