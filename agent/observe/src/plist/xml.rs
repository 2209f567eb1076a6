//! XML property lists.
//!
//! The grammar is the small one that macOS itself reads: no namespaces, no entities but the five of XML and character references,
//! document type and processing instructions passed over. It is laxer than XML where real files are: comments may hold `--`, and
//! comments or blanks may precede the XML declaration.

use ::plist::{Date, Integer};

use super::build::{Builder, Misplaced, Open};
use super::{ParseError, Value};

pub(super) fn parse(text: &str) -> Result<Value, ParseError> {
    let mut scanner = Scanner { text, at: 0 };
    match scanner.document() {
        Ok(value) => Ok(value),
        Err(Fault::Limit(error)) => Err(error),
        Err(Fault::Syntax(what)) => {
            let line = text.get(..scanner.at).unwrap_or_default().matches('\n').count() + 1;
            Err(ParseError::Xml { line, what })
        }
    }
}

enum Fault {
    Limit(ParseError),
    Syntax(String),
}

impl From<Misplaced> for Fault {
    fn from(misplaced: Misplaced) -> Self {
        match misplaced {
            Misplaced::Limit(error) => Self::Limit(error),
            Misplaced::Wrong(what) => Self::Syntax(what.to_owned()),
        }
    }
}

fn syntax<T>(what: impl Into<String>) -> Result<T, Fault> {
    Err(Fault::Syntax(what.into()))
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

/// A tag: `<name …>`, `<name …/>` or `</name>`.
struct Tag<'a> {
    name: &'a str,
    closing: bool,
    empty: bool,
}

impl<'a> Scanner<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn document(&mut self) -> Result<Value, Fault> {
        let mut builder = Builder::default();
        let mut wrapped = false;
        loop {
            let Some(tag) = self.next_tag()? else {
                return syntax(if builder.is_complete() { "`</plist>` is missing" } else { "the file ends too early" });
            };
            match (tag.name, tag.closing) {
                ("plist", false) if wrapped || builder.is_complete() || tag.empty => {
                    return syntax("`<plist>` in a wrong place");
                }
                ("plist", false) if builder.innermost().is_none() => wrapped = true,
                ("plist", true) if wrapped && builder.innermost().is_none() => break,
                ("dict", true) if matches!(builder.innermost(), Some(Open::Dictionary { .. })) => builder.end()?,
                ("array", true) if matches!(builder.innermost(), Some(Open::Array(_))) => builder.end()?,
                (name, true) => return syntax(format!("`</{}>` in a wrong place", shorten(name))),
                (_, false) => self.element(&tag, &mut builder)?,
            }
            if !wrapped && builder.is_complete() {
                break;
            }
        }
        match self.next_tag()? {
            None => builder.finish().map_or_else(|| syntax("the property list holds no value"), Ok),
            Some(_) => syntax("content after the end"),
        }
    }

    fn element(&mut self, tag: &Tag<'a>, builder: &mut Builder) -> Result<(), Fault> {
        match tag.name {
            "dict" => {
                builder.begin_dictionary()?;
                if tag.empty {
                    builder.end()?;
                }
            }
            "array" => {
                builder.begin_array()?;
                if tag.empty {
                    builder.end()?;
                }
            }
            "key" => builder.key(self.content(tag)?)?,
            "string" => builder.value(Value::String(self.content(tag)?))?,
            "integer" => builder.value(Value::Integer(integer(&self.content(tag)?)?))?,
            "real" => builder.value(Value::Real(real(&self.content(tag)?)?))?,
            "date" => builder.value(Value::Date(date(&self.content(tag)?)?))?,
            "data" => builder.value(Value::Data(base64(&self.content(tag)?)))?,
            "true" | "false" => {
                if !self.content(tag)?.trim().is_empty() {
                    return syntax(format!("text in `<{}>`", tag.name));
                }
                builder.value(Value::Boolean(tag.name == "true"))?;
            }
            other => return syntax(format!("unknown element `{}`", shorten(other))),
        }
        Ok(())
    }

    /// The next tag between values; none at the end of the file. Comments, instructions and the document type are passed over.
    fn next_tag(&mut self) -> Result<Option<Tag<'a>>, Fault> {
        loop {
            let rest = self.rest();
            let blank = rest.len() - rest.trim_start().len();
            self.at += blank;
            let rest = self.rest();
            if rest.is_empty() {
                return Ok(None);
            }
            if !rest.starts_with('<') {
                return syntax("text between elements");
            }
            if rest.starts_with("<!--") {
                self.skip_past(4, "-->", "a comment does not end")?;
            } else if rest.starts_with("<?") {
                self.skip_past(2, "?>", "an instruction does not end")?;
            } else if rest.starts_with("<!DOCTYPE") {
                self.document_type()?;
            } else {
                return self.tag().map(Some);
            }
        }
    }

    fn skip_past(&mut self, from: usize, end: &str, missing: &'static str) -> Result<(), Fault> {
        match self.rest().get(from..).and_then(|rest| rest.find(end)) {
            Some(found) => {
                self.at += from + found + end.len();
                Ok(())
            }
            None => syntax(missing),
        }
    }

    /// Passes over `<!DOCTYPE …>` with its quoted names and its internal subset, whose declarations have no effect.
    fn document_type(&mut self) -> Result<(), Fault> {
        let (mut quote, mut brackets) = (None, 0_u32);
        for (offset, byte) in self.rest().bytes().enumerate().skip("<!DOCTYPE".len()) {
            match (quote, byte) {
                (Some(open), _) if byte == open => quote = None,
                (None, b'"' | b'\'') => quote = Some(byte),
                (None, b'[') => brackets += 1,
                (None, b']') => brackets = brackets.saturating_sub(1),
                (None, b'>') if brackets == 0 => {
                    self.at += offset + 1;
                    return Ok(());
                }
                _ => {}
            }
        }
        syntax("the document type does not end")
    }

    fn tag(&mut self) -> Result<Tag<'a>, Fault> {
        let rest = self.rest();
        let Some(end) = tag_end(rest) else {
            return syntax("a tag does not end");
        };
        let inner = rest.get(1..end).unwrap_or_default();
        let (inner, closing) = inner.strip_prefix('/').map_or((inner, false), |inner| (inner, true));
        let (inner, empty) = inner.strip_suffix('/').map_or((inner, false), |inner| (inner, true));
        let name_end = inner.find(|c: char| c.is_ascii_whitespace()).unwrap_or(inner.len());
        let (name, attributes) = inner.split_at(name_end);
        if name.is_empty() || (closing && (empty || !attributes.trim().is_empty())) || attributes.contains('<') {
            return syntax("a malformed tag");
        }
        self.at += end + 1;
        Ok(Tag { name, closing, empty })
    }

    /// The text up to the closing tag of a leaf element.
    fn content(&mut self, tag: &Tag<'a>) -> Result<String, Fault> {
        let mut content = String::new();
        if tag.empty {
            return Ok(content);
        }
        loop {
            let rest = self.rest();
            let Some(length) = rest.find('<') else {
                return syntax(format!("`<{}>` is not closed", tag.name));
            };
            let (text, markup) = rest.split_at(length);
            unescape(text, &mut content)?;
            self.at += length;
            if let Some(data) = markup.strip_prefix("<![CDATA[") {
                let Some(end) = data.find("]]>") else {
                    return syntax("`<![CDATA[` does not end");
                };
                content.push_str(data.get(..end).unwrap_or_default());
                self.at += "<![CDATA[".len() + end + "]]>".len();
            } else if markup.starts_with("<!--") {
                self.skip_past(4, "-->", "a comment does not end")?;
            } else {
                let end = self.tag()?;
                if end.closing && end.name == tag.name {
                    return Ok(content);
                }
                return syntax(format!("`<{}>` inside of `<{}>`", shorten(end.name), tag.name));
            }
        }
    }
}

/// Offset of the `>` that ends a tag; one in a quoted attribute does not count.
fn tag_end(rest: &str) -> Option<usize> {
    let mut quote = None;
    for (offset, byte) in rest.bytes().enumerate() {
        match (quote, byte) {
            (Some(open), _) if byte == open => quote = None,
            (None, b'"' | b'\'') => quote = Some(byte),
            (None, b'>') => return Some(offset),
            _ => {}
        }
    }
    None
}

fn unescape(text: &str, into: &mut String) -> Result<(), Fault> {
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        into.push_str(before);
        let Some((name, after)) = after.split_once(';') else {
            return syntax("`&` without `;`");
        };
        let character = match name {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "apos" => '\'',
            _ => match character_reference(name) {
                Some(character) => character,
                None => return syntax(format!("unknown entity `&{};`", shorten(name))),
            },
        };
        into.push(character);
        rest = after;
    }
    into.push_str(rest);
    Ok(())
}

fn character_reference(name: &str) -> Option<char> {
    let number = name.strip_prefix('#')?;
    let code = match number.strip_prefix(['x', 'X']) {
        Some(digits) => u32::from_str_radix(digits, 16),
        None => number.parse(),
    };
    code.ok().and_then(char::from_u32)
}

fn integer(text: &str) -> Result<Integer, Fault> {
    let text = text.trim();
    let (digits, negative) = text.strip_prefix('-').map_or((text, false), |digits| (digits, true));
    let digits = digits.strip_prefix('+').unwrap_or(digits);
    let magnitude = match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        Some(hexadecimal) => u64::from_str_radix(hexadecimal, 16),
        None => digits.parse::<u64>(),
    };
    let value = magnitude.ok().and_then(|magnitude| {
        if negative { 0_i64.checked_sub_unsigned(magnitude).map(Integer::from) } else { Some(Integer::from(magnitude)) }
    });
    value.map_or_else(|| syntax(format!("`{}` is no integer", shorten(text))), Ok)
}

fn real(text: &str) -> Result<f64, Fault> {
    let text = text.trim();
    text.parse().or_else(|_| syntax(format!("`{}` is no number", shorten(text))))
}

fn date(text: &str) -> Result<Date, Fault> {
    let text = text.trim();
    Date::from_xml_format(text).or_else(|_| syntax(format!("`{}` is no date", shorten(text))))
}

/// Base 64 as the system reads it: whatever is not of its alphabet is passed over.
fn base64(text: &str) -> Vec<u8> {
    let mut data = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut count) = (0_u32, 0_u32);
    for byte in text.bytes() {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => continue,
        };
        bits = (bits << 6 | u32::from(value)) & 0x00ff_ffff;
        count += 6;
        if count >= 8 {
            count -= 8;
            data.push(u8::try_from(bits >> count & 0xff).unwrap_or_default());
        }
    }
    data
}

/// A name for a message: foreign text is cut.
fn shorten(name: &str) -> String {
    name.chars().take(40).map(|c| if c.is_control() { ' ' } else { c }).collect()
}
