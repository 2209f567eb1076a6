//! A first look at a JSON5 text: how deep it nests, where each key stands, which keys occur twice.
//!
//! The JSON5 parser recurses without limit and lets the last of two equal keys win in silence. This scanner is a loop
//! with a stack of its own, accepts any text, and is consulted before the parser sees it. What it says of keys is
//! meaningful only for a text that the parser accepts.

use std::collections::BTreeMap;

/// Keys deeper than this, beyond this many, or whose paths come to more bytes, keep no position: positions serve messages, not
/// resolution.
const MAX_RECORDED_DEPTH: usize = 8;
pub(super) const MAX_RECORDED_KEYS: usize = 20_000;
const MAX_RECORDED_BYTES: usize = 1 << 20;
const MAX_DUPLICATES: usize = 64;
/// A duplicate whose path is longer is not told.
const MAX_DUPLICATE_BYTES: usize = MAX_RECORDED_BYTES / MAX_DUPLICATES;

/// A place in a text, both numbers from 1, the column in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Position {
    /// Line.
    pub line: usize,
    /// Column.
    pub column: usize,
}

/// A key that an object has twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Duplicate {
    pub(super) path: Vec<String>,
    pub(super) first: Position,
    pub(super) again: Position,
}

/// What the scanner found.
#[derive(Debug, Default)]
pub(super) struct Scan {
    pub(super) keys: BTreeMap<Vec<String>, Position>,
    pub(super) duplicates: Vec<Duplicate>,
    /// Bytes of the paths in `keys`.
    recorded: usize,
}

/// Nesting deeper than the limit begins here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooDeep(pub(super) Position);

struct Frame {
    is_object: bool,
    expects_key: bool,
    key: String,
    index: usize,
    seen: BTreeMap<String, Position>,
}

impl Frame {
    fn new(is_object: bool) -> Self {
        Self { is_object, expects_key: is_object, key: String::new(), index: 0, seen: BTreeMap::new() }
    }

    fn step(&self) -> String {
        if self.is_object { self.key.clone() } else { self.index.to_string() }
    }
}

/// Scans a text, giving up where it nests deeper than `max_depth` objects and arrays.
pub(super) fn scan(text: &str, max_depth: usize) -> Result<Scan, TooDeep> {
    let mut scan = Scan::default();
    let mut stack: Vec<Frame> = Vec::new();
    let mut lexer = Lexer::new(text);
    while let Some((token, position)) = lexer.next_token() {
        match token {
            Token::Open { is_object } => {
                if stack.len() >= max_depth {
                    return Err(TooDeep(position));
                }
                stack.push(Frame::new(is_object));
            }
            Token::Close => {
                stack.pop();
            }
            Token::Comma => {
                if let Some(frame) = stack.last_mut() {
                    frame.expects_key = frame.is_object;
                    frame.index += 1;
                }
            }
            Token::Colon => {}
            Token::Word(raw) => {
                if stack.last().is_some_and(|frame| frame.expects_key) {
                    scan.record(&mut stack, decode_key(raw), position);
                }
            }
        }
    }
    Ok(scan)
}

impl Scan {
    fn record(&mut self, stack: &mut [Frame], key: String, position: Position) {
        let depth = stack.len();
        let Some((frame, parents)) = stack.split_last_mut() else { return };
        frame.expects_key = false;
        let first = frame.seen.get(&key).copied();
        let bytes = parents.iter().map(|parent| parent.key.len()).sum::<usize>() + key.len();
        let wants_position = depth <= MAX_RECORDED_DEPTH
            && self.keys.len() < MAX_RECORDED_KEYS
            && self.recorded + bytes <= MAX_RECORDED_BYTES;
        let wants_duplicate = first.is_some() && self.duplicates.len() < MAX_DUPLICATES && bytes <= MAX_DUPLICATE_BYTES;
        if wants_position || wants_duplicate {
            let mut path: Vec<String> = parents.iter().map(Frame::step).collect();
            path.push(key.clone());
            if let (true, Some(first)) = (wants_duplicate, first) {
                self.duplicates.push(Duplicate { path: path.clone(), first, again: position });
            }
            if wants_position {
                self.recorded += bytes;
                self.keys.insert(path, position);
            }
        }
        frame.seen.insert(key.clone(), position);
        frame.key = key;
    }
}

fn decode_key(raw: &str) -> String {
    let quoted = raw.starts_with(['"', '\'']);
    if !raw.contains('\\') {
        let inner = if quoted { raw.get(1..raw.len().saturating_sub(1)).unwrap_or_default() } else { raw };
        return inner.to_owned();
    }
    let literal = if quoted { raw.to_owned() } else { format!("\"{raw}\"") };
    json5::from_str(&literal).unwrap_or_else(|_| raw.to_owned())
}

enum Token<'a> {
    Open {
        is_object: bool,
    },
    Close,
    Comma,
    Colon,
    /// A string with its quotes, or a run of characters without meaning of their own.
    Word(&'a str),
}

struct Lexer<'a> {
    text: &'a str,
    characters: std::iter::Peekable<std::str::CharIndices<'a>>,
    position: Position,
}

impl<'a> Lexer<'a> {
    fn new(text: &'a str) -> Self {
        Self { text, characters: text.char_indices().peekable(), position: Position { line: 1, column: 1 } }
    }

    fn advance(&mut self) -> Option<(usize, char)> {
        let (offset, character) = self.characters.next()?;
        let joins_line_feed = character == '\r' && self.characters.peek().is_some_and(|(_, next)| *next == '\n');
        if matches!(character, '\n' | '\r' | '\u{2028}' | '\u{2029}') && !joins_line_feed {
            self.position = Position { line: self.position.line + 1, column: 1 };
        } else {
            self.position.column += 1;
        }
        Some((offset, character))
    }

    fn peek(&mut self) -> Option<char> {
        self.characters.peek().map(|(_, character)| *character)
    }

    fn offset(&mut self) -> usize {
        self.characters.peek().map_or(self.text.len(), |(offset, _)| *offset)
    }

    fn next_token(&mut self) -> Option<(Token<'a>, Position)> {
        loop {
            let position = self.position;
            let (start, character) = self.advance()?;
            let token = match character {
                '{' | '[' => Token::Open { is_object: character == '{' },
                '}' | ']' => Token::Close,
                ',' => Token::Comma,
                ':' => Token::Colon,
                '"' | '\'' => self.string(start, character),
                '/' if self.peek() == Some('/') => {
                    self.line_comment();
                    continue;
                }
                '/' if self.peek() == Some('*') => {
                    self.block_comment();
                    continue;
                }
                blank if is_blank(blank) => continue,
                _ => self.word(start),
            };
            return Some((token, position));
        }
    }

    fn string(&mut self, start: usize, quote: char) -> Token<'a> {
        while let Some((_, character)) = self.advance() {
            if character == '\\' {
                self.advance();
            } else if character == quote {
                break;
            }
        }
        let end = self.offset();
        Token::Word(self.text.get(start..end).unwrap_or_default())
    }

    fn word(&mut self, start: usize) -> Token<'a> {
        while let Some(next) = self.peek() {
            if matches!(next, '{' | '}' | '[' | ']' | ',' | ':' | '"' | '\'' | '/') || is_blank(next) {
                break;
            }
            self.advance();
        }
        let end = self.offset();
        Token::Word(self.text.get(start..end).unwrap_or_default())
    }

    fn line_comment(&mut self) {
        while let Some(next) = self.peek() {
            if matches!(next, '\n' | '\r' | '\u{2028}' | '\u{2029}') {
                break;
            }
            self.advance();
        }
    }

    fn block_comment(&mut self) {
        self.advance();
        let mut star = false;
        while let Some((_, character)) = self.advance() {
            if star && character == '/' {
                break;
            }
            star = character == '*';
        }
    }
}

fn is_blank(character: char) -> bool {
    character.is_whitespace() || character == '\u{feff}'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> Vec<String> {
        text.split('.').map(str::to_owned).collect()
    }

    #[test]
    fn finds_keys_and_duplicates() {
        let text = "{\n  // gateway: 1\n  gateway: { auth: {token: 'a}\\'{'}, port: 1 },\n  'list': [{x: 1}, {x: 2}],\n  \"gateway\": {}\n}";
        let scan = scan(text, 64).unwrap();
        assert_eq!(scan.keys.get(&path("gateway.auth.token")), Some(&Position { line: 3, column: 21 }));
        assert_eq!(scan.keys.get(&path("list.1.x")), Some(&Position { line: 4, column: 21 }));
        assert_eq!(
            scan.duplicates,
            [Duplicate {
                path: path("gateway"),
                first: Position { line: 3, column: 3 },
                again: Position { line: 5, column: 3 }
            }]
        );
    }

    #[test]
    fn escaped_spellings_of_a_key_are_the_same_key() {
        let scan = scan(r#"{"to\u006ben": 1, t\u006fken: 2, token: 3}"#, 64).unwrap();
        assert_eq!(scan.duplicates.len(), 2);
    }

    #[test]
    fn depth_is_counted_outside_of_strings_and_comments() {
        assert!(scan("{a: '[[[[[[', /* {{{{{{ */ b: [[]]}", 3).is_ok());
        assert_eq!(scan("[[[\n[", 3).unwrap_err(), TooDeep(Position { line: 2, column: 1 }));
        let bomb = "[".repeat(10_000);
        assert!(scan(&bomb, 64).is_err());
    }

    #[test]
    fn a_huge_key_is_not_copied_for_each_key_below_it() {
        let below: Vec<String> = (0..1000).map(|number| format!("k{number}: 1, k{number}: 2")).collect();
        let text = format!("{{{}: {{{}}}, z: 1, z: 2}}", "a".repeat(1 << 16), below.join(","));
        let scan = scan(&text, 64).unwrap();
        assert!(scan.keys.keys().flatten().map(String::len).sum::<usize>() <= MAX_RECORDED_BYTES);
        assert!(scan.keys.contains_key(&path("z")));
        assert_eq!(scan.duplicates.iter().map(|duplicate| &duplicate.path).collect::<Vec<_>>(), [&path("z")]);
    }

    #[test]
    fn line_ends_of_every_kind() {
        let scan = scan("{\r\na: 1,\rb: 2,\u{2028}c: 3}", 64).unwrap();
        let lines: Vec<usize> = scan.keys.values().map(|position| position.line).collect();
        assert_eq!(lines, [2, 3, 4]);
    }

    proptest::proptest! {
        #[test]
        fn never_panics(text in "[\\[\\]{}:,'\"/*\\\\a \n\u{2028}é]{0,80}") {
            let _ = scan(&text, 16);
        }
    }
}
