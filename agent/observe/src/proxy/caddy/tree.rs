//! The grammar of the Caddyfile: words, lines, blocks; with the place of each.

use portreeve_core::snapshot::Place;

use super::super::Problem;
use super::super::files::Loader;

/// Deepest nesting of blocks.
const MAX_DEPTH: usize = 32;
/// Most lines of one configuration before imports.
const MAX_LINES: usize = 50_000;
/// Bytes that weigh as much as a word.
pub(super) const WORD_BYTES: usize = 64;

/// A word with quotes resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) text: String,
    pub(super) place: Place,
    quoted: bool,
}

/// A line with what stands in its braces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    /// Never empty but for the block of global options.
    pub(super) words: Vec<Word>,
    pub(super) block: Option<Vec<Line>>,
    pub(super) place: Place,
}

impl Line {
    /// Its first word.
    pub(super) fn name(&self) -> &str {
        self.word(0).unwrap_or_default()
    }

    /// Its n-th word, the first being 0.
    pub(super) fn word(&self, n: usize) -> Option<&str> {
        self.words.get(n).map(|word| word.text.as_str())
    }

    /// What it takes of the imports, with all below it.
    pub(super) fn weight(&self) -> usize {
        let words = self.words.iter().map(|word| 1 + word.text.len() / WORD_BYTES);
        words.chain(self.inner().iter().map(Self::weight)).sum::<usize>().max(1)
    }

    /// Its words after the first.
    pub(super) fn arguments(&self) -> &[Word] {
        self.words.get(1..).unwrap_or_default()
    }

    /// The lines of its block.
    pub(super) fn inner(&self) -> &[Line] {
        self.block.as_deref().unwrap_or_default()
    }
}

/// Reads a text; imports are still to be followed.
pub(super) fn parse(name: &str, text: &str, loader: &Loader<'_>) -> Vec<Line> {
    let mut levels: Vec<(Option<Line>, Vec<Line>)> = vec![(None, Vec::new())];
    let mut count = 0_usize;
    let problem = |place: Place, message: &str| {
        loader.problem(Problem { place: Some(place), message: message.to_owned() });
    };
    for mut words in lines(name, text, loader) {
        count += 1;
        let Some(first) = words.first().cloned() else { continue };
        if count > MAX_LINES {
            loader.cut_off(Some(first.place), "too many lines");
            break;
        }
        if first.text == "}" && !first.quoted {
            if levels.len() < 2 {
                problem(first.place.clone(), "unexpected `}`");
            } else {
                close(&mut levels);
            }
            words.remove(0);
            if words.is_empty() {
                continue;
            }
        }
        // `header { X-A b }` on one line is not valid in Caddy, but `a {}` is.
        if words.last().is_some_and(|word| word.text == "{}" && !word.quoted) {
            words.pop();
        }
        let opens = words.last().is_some_and(|word| word.text == "{" && !word.quoted);
        if opens {
            words.pop();
        }
        let line = Line { words, block: None, place: first.place };
        if opens {
            if levels.len() > MAX_DEPTH {
                loader.cut_off(Some(line.place), "nested too deep");
                break;
            }
            levels.push((Some(line), Vec::new()));
        } else if !line.words.is_empty()
            && let Some((_, level)) = levels.last_mut()
        {
            level.push(line);
        }
    }
    while levels.len() > 1 {
        if let Some((Some(open), _)) = levels.last() {
            problem(open.place.clone(), "the block is not closed");
        }
        close(&mut levels);
    }
    levels.pop().map(|(_, lines)| lines).unwrap_or_default()
}

fn close(levels: &mut Vec<(Option<Line>, Vec<Line>)>) {
    if let Some((Some(mut line), inner)) = levels.pop()
        && let Some((_, around)) = levels.last_mut()
    {
        line.block = Some(inner);
        around.push(line);
    }
}

/// The words of each line that has any.
fn lines(name: &str, text: &str, loader: &Loader<'_>) -> Vec<Vec<Word>> {
    let mut lexer = Lexer { name, chars: text.chars().collect(), at: 0, line: 1, column: 1 };
    let mut lines = Vec::new();
    let mut words: Vec<Word> = Vec::new();
    loop {
        match lexer.peek() {
            None => break,
            Some('\n') => {
                lexer.next();
                // A list of addresses goes on after a comma.
                if !words.last().is_some_and(|word| word.text.ends_with(',')) && !words.is_empty() {
                    lines.push(std::mem::take(&mut words));
                }
            }
            Some('\\') if matches!(lexer.ahead(1), Some('\n')) => {
                lexer.next();
                lexer.next();
            }
            Some(c) if c.is_whitespace() || c == '\u{feff}' => {
                lexer.next();
            }
            Some('#') => {
                while lexer.peek().is_some_and(|c| c != '\n') {
                    lexer.next();
                }
            }
            Some(_) => {
                let word = lexer.word();
                if !loader.may_take(&word.place) {
                    break;
                }
                words.push(word);
            }
        }
    }
    if !words.is_empty() {
        lines.push(words);
    }
    lines
}

struct Lexer<'a> {
    name: &'a str,
    chars: Vec<char>,
    at: usize,
    line: u32,
    column: u32,
}

impl Lexer<'_> {
    fn peek(&self) -> Option<char> {
        self.ahead(0)
    }

    fn ahead(&self, by: usize) -> Option<char> {
        self.chars.get(self.at.saturating_add(by)).copied()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += 1;
        if c == '\n' {
            self.line = self.line.saturating_add(1);
            self.column = 1;
        } else {
            self.column = self.column.saturating_add(1);
        }
        Some(c)
    }

    fn word(&mut self) -> Word {
        let place = Place { file: self.name.to_owned(), line: self.line, column: self.column };
        let mut text = String::new();
        let quote = self.peek().filter(|c| matches!(c, '"' | '`'));
        if let Some(quote) = quote {
            self.next();
            while let Some(c) = self.next() {
                match c {
                    '\\' if quote == '"' && self.peek() == Some('"') => text.extend(self.next()),
                    c if c == quote => break,
                    c => text.push(c),
                }
            }
            return Word { text: defaults(&text), place, quoted: true };
        }
        while let Some(c) = self.peek().filter(|c| !c.is_whitespace()) {
            self.next();
            text.push(c);
        }
        if let Some(marker) = text.strip_prefix("<<").filter(|marker| !marker.is_empty()) {
            let marker = marker.to_owned();
            return Word { text: self.heredoc(&marker), place, quoted: true };
        }
        Word { text: defaults(&text), place, quoted: false }
    }

    /// The lines up to one that has the marker alone.
    fn heredoc(&mut self, marker: &str) -> String {
        let mut text = String::new();
        self.next();
        loop {
            let mut line = String::new();
            while let Some(c) = self.peek().filter(|c| *c != '\n') {
                self.next();
                line.push(c);
                if line.trim_start() == marker {
                    return text;
                }
            }
            if self.next().is_none() {
                return text;
            }
            text.push_str(&line);
            text.push('\n');
        }
    }
}

/// `{$NAME:default}` as the default; what only the environment of the proxy knows stays.
fn defaults(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(start) = rest.find("{$") {
        let (before, from) = rest.split_at(start);
        out.push_str(before);
        let Some(end) = from.find('}') else {
            rest = from;
            break;
        };
        let (variable, after) = from.split_at(end + 1);
        let default = variable.trim_matches(['{', '}', '$']).split_once(':').map(|(_, default)| default);
        out.push_str(default.unwrap_or(variable));
        rest = after;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::super::import::expand;
    use super::*;

    fn read(text: &str) -> (Vec<Line>, Vec<Problem>) {
        let files: BTreeMap<String, String> = BTreeMap::new();
        let loader = Loader::new(&files);
        let lines = expand(parse("Caddyfile", text, &loader), "/etc/caddy/Caddyfile", &loader);
        (lines, loader.problems.into_inner())
    }

    #[test]
    fn words_lines_and_blocks() {
        let (lines, problems) =
            read("# c\na.example,\nb.example {\n  respond \"x { y\" 200 # no\n  root `a b` {$D:/srv}\n  e \\\n f\n}\n");
        assert!(problems.is_empty());
        assert_eq!(lines.len(), 1);
        assert_eq!((lines[0].word(0), lines[0].word(1)), (Some("a.example,"), Some("b.example")));
        let inner = lines[0].inner();
        assert_eq!(inner[0].word(1), Some("x { y"));
        assert_eq!((inner[1].word(1), inner[1].word(2)), (Some("a b"), Some("/srv")));
        assert_eq!(inner[1].place.to_string(), "Caddyfile:5:3");
        assert_eq!(inner[2].word(1), Some("f"));
    }

    #[test]
    fn snippets_take_arguments_and_files_are_imported() {
        let files = BTreeMap::from([("/etc/caddy/sites/a".to_owned(), "a.example {\n import p gw:1\n}\n".to_owned())]);
        let loader = Loader::new(&files);
        let text = "(p) {\n reverse_proxy {args[0]} {\n  header_up X {args.0}\n }\n}\nimport sites/*\n";
        let lines = expand(parse("Caddyfile", text, &loader), "/etc/caddy/Caddyfile", &loader);
        assert_eq!(lines.len(), 1);
        let proxy = &lines[0].inner()[0];
        assert_eq!(proxy.word(1), Some("gw:1"));
        assert_eq!(proxy.inner()[0].word(2), Some("gw:1"));
        assert_eq!(proxy.place.to_string(), "Caddyfile:2:2");
    }

    #[test]
    fn what_is_broken_or_endless_ends_with_a_problem() {
        assert_eq!(read("a {\n b\n").1[0].message, "the block is not closed");
        assert_eq!(read("}\n").1[0].message, "unexpected `}`");
        assert_eq!(read("(s) {\n import s\n import s\n}\nimport s\n").1[0].message, "imports are nested too deep");
        assert_eq!(read(&"a {\n".repeat(10_000)).1[0].message, "nested too deep");
    }

    proptest! {
        #[test]
        fn nothing_panics(text in "[a-z {}\"`#$\\\\<\n():,]{0,200}") {
            read(&text);
        }

        #[test]
        fn no_line_is_lost(names in proptest::collection::vec("[a-h]{1,8}", 0..40)) {
            let text: Vec<String> = names.iter().map(|name| format!("{name} x \"y z\"\n")).collect();
            let text = text.concat();
            let (lines, _) = read(&text);
            prop_assert_eq!(lines.iter().map(Line::name).collect::<Vec<_>>(), names);
        }
    }
}
