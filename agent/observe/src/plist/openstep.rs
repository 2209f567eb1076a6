//! The old ASCII form, which macOS still reads and some tools still print: `{ key = value; list = (a, b); data = <0fbd77>; }`.

use super::build::{Builder, Misplaced, Open};
use super::{ParseError, Value};

pub(super) fn parse(text: &str) -> Result<Value, ParseError> {
    let mut scanner = Scanner { text, at: 0 };
    match scanner.document() {
        Ok(value) => Ok(value),
        Err(Misplaced::Limit(error)) => Err(error),
        Err(Misplaced::Wrong(what)) => {
            let line = text.get(..scanner.at).unwrap_or_default().matches('\n').count() + 1;
            Err(ParseError::OpenStep { line, what })
        }
    }
}

fn wrong<T>(what: &'static str) -> Result<T, Misplaced> {
    Err(Misplaced::Wrong(what))
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scanner<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn document(&mut self) -> Result<Value, Misplaced> {
        let mut builder = Builder::default();
        loop {
            self.skip_blank()?;
            let Some(next) = self.rest().chars().next() else {
                break;
            };
            match (next, builder.innermost()) {
                ('}', Some(Open::Dictionary { .. })) | (')', Some(Open::Array(_))) => {
                    self.at += 1;
                    builder.end()?;
                    self.after_value(&builder)?;
                }
                (_, Some(Open::Dictionary { key: None, .. })) => {
                    let key = self.string()?;
                    builder.key(key)?;
                    self.skip_blank()?;
                    self.expect('=', "`=` is missing after a key")?;
                }
                _ => {
                    self.value(next, &mut builder)?;
                }
            }
        }
        match builder.finish() {
            Some(value) => Ok(value),
            None => wrong("the file ends too early"),
        }
    }

    fn value(&mut self, first: char, builder: &mut Builder) -> Result<(), Misplaced> {
        match first {
            '{' => {
                self.at += 1;
                builder.begin_dictionary()
            }
            '(' => {
                self.at += 1;
                builder.begin_array()
            }
            '<' => {
                let data = self.data()?;
                builder.value(Value::Data(data))?;
                self.after_value(builder)
            }
            _ => {
                let text = self.string()?;
                builder.value(Value::String(text))?;
                self.after_value(builder)
            }
        }
    }

    /// What must stand between a value and what follows it.
    fn after_value(&mut self, builder: &Builder) -> Result<(), Misplaced> {
        self.skip_blank()?;
        match builder.innermost() {
            Some(Open::Dictionary { .. }) => self.expect(';', "`;` is missing after a value"),
            Some(Open::Array(_)) if self.rest().starts_with(')') => Ok(()),
            Some(Open::Array(_)) => self.expect(',', "`,` is missing in a list"),
            None => Ok(()),
        }
    }

    fn expect(&mut self, character: char, missing: &'static str) -> Result<(), Misplaced> {
        if !self.rest().starts_with(character) {
            return wrong(missing);
        }
        self.at += character.len_utf8();
        Ok(())
    }

    fn skip_blank(&mut self) -> Result<(), Misplaced> {
        loop {
            let rest = self.rest();
            let blank = rest.len() - rest.trim_start().len();
            if blank > 0 {
                self.at += blank;
            } else if rest.starts_with("//") {
                self.at += rest.find('\n').unwrap_or(rest.len());
            } else if rest.starts_with("/*") {
                match rest.find("*/") {
                    Some(end) => self.at += end + 2,
                    None => return wrong("a comment does not end"),
                }
            } else {
                return Ok(());
            }
        }
    }

    fn string(&mut self) -> Result<String, Misplaced> {
        let rest = self.rest();
        if let Some(quote @ ('"' | '\'')) = rest.chars().next() {
            return self.quoted(quote);
        }
        let length = rest.find(|c: char| !is_plain(c)).unwrap_or(rest.len());
        let text = rest.get(..length).unwrap_or_default().to_owned();
        if text.is_empty() {
            return wrong("neither a string nor a list nor a dictionary");
        }
        self.at += length;
        Ok(text)
    }

    fn quoted(&mut self, quote: char) -> Result<String, Misplaced> {
        let mut text = String::new();
        let rest = self.rest();
        let mut characters = rest.char_indices().skip(1).peekable();
        while let Some((offset, character)) = characters.next() {
            if character == quote {
                self.at += offset + 1;
                return Ok(text);
            }
            if character != '\\' {
                text.push(character);
                continue;
            }
            let Some((_, escaped)) = characters.next() else {
                break;
            };
            let (radix, digits, first) = match escaped {
                '0'..='7' => (8, 2, escaped.to_digit(8).unwrap_or_default()),
                'U' => (16, 4, 0),
                _ => {
                    text.push(match escaped {
                        'a' => '\u{7}',
                        'b' => '\u{8}',
                        'f' => '\u{c}',
                        'n' => '\n',
                        'r' => '\r',
                        't' => '\t',
                        'v' => '\u{b}',
                        other => other,
                    });
                    continue;
                }
            };
            let mut code = first;
            for _ in 0..digits {
                let Some(digit) = characters.peek().and_then(|(_, c)| c.to_digit(radix)) else {
                    break;
                };
                code = code * radix + digit;
                characters.next();
            }
            text.push(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
        }
        wrong("a string does not end")
    }

    fn data(&mut self) -> Result<Vec<u8>, Misplaced> {
        let rest = self.rest();
        let Some(end) = rest.find('>') else {
            return wrong("data does not end");
        };
        let digits: Option<Vec<u32>> = rest
            .get(1..end)
            .unwrap_or_default()
            .chars()
            .filter(|c| !c.is_whitespace())
            .map(|c| c.to_digit(16))
            .collect();
        let Some(digits) = digits.filter(|digits| digits.len() % 2 == 0) else {
            return wrong("data that is not hexadecimal");
        };
        let (pairs, _) = digits.as_chunks::<2>();
        let data = pairs.iter().filter_map(|[high, low]| u8::try_from(high * 16 + low).ok()).collect();
        self.at += end + 1;
        Ok(data)
    }
}

fn is_plain(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '_' | '$' | '/' | ':' | '.' | '-' | '+' | '@' | '*' | '%')
}
