//! The grammar of nginx: words, directives, blocks; with the place of each.

use portreeve_core::snapshot::Place;

use super::super::Problem;
use super::super::files::{Loader, folder, from_folder};

/// Deepest nesting of blocks.
const MAX_DEPTH: usize = 32;
/// Deepest nesting of includes.
const MAX_INCLUDES: usize = 16;
/// Most directives of one configuration.
const MAX_DIRECTIVES: usize = 50_000;

/// A word with quotes and escapes resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) text: String,
    pub(super) place: Place,
}

/// A directive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Directive {
    pub(super) name: String,
    pub(super) arguments: Vec<Word>,
    /// What stands in its braces, where it has any.
    pub(super) block: Option<Vec<Directive>>,
    pub(super) place: Place,
}

impl Directive {
    /// Text of its n-th argument.
    pub(super) fn argument(&self, n: usize) -> Option<&str> {
        self.arguments.get(n).map(|word| word.text.as_str())
    }

    /// The directives of its block.
    pub(super) fn inner(&self) -> &[Directive] {
        self.block.as_deref().unwrap_or_default()
    }
}

enum Token {
    Word(Word),
    Semicolon,
    Open,
    Close(Place),
}

/// Reads a file and all that it includes.
pub(super) fn load(path: &str, loader: &Loader<'_>) -> Vec<Directive> {
    let mut budget = MAX_DIRECTIVES;
    match loader.read(path) {
        Ok(file) => {
            let root = folder(path).to_owned();
            parse(&file.name, &file.text, &root, loader, &mut budget, 0)
        }
        Err(why) => {
            loader.problem(Problem { place: None, message: format!("`{path}` cannot be read: {why}") });
            Vec::new()
        }
    }
}

/// Reads text in place of a file; paths in it start in `root`.
pub(super) fn parse_text(name: &str, text: &str, root: &str, loader: &Loader<'_>) -> Vec<Directive> {
    let mut budget = MAX_DIRECTIVES;
    parse(name, text, root, loader, &mut budget, 0)
}

fn parse(
    name: &str,
    text: &str,
    root: &str,
    loader: &Loader<'_>,
    budget: &mut usize,
    includes: usize,
) -> Vec<Directive> {
    let mut reader = Reader { name, chars: text.chars().collect(), at: 0, line: 1, column: 1 };
    let mut levels: Vec<(Option<Directive>, Vec<Directive>)> = vec![(None, Vec::new())];
    let mut words: Vec<Word> = Vec::new();
    while let Some(token) = reader.token() {
        match token {
            Token::Word(word) if loader.may_take(&word.place) => words.push(word),
            Token::Word(_) => break,
            Token::Semicolon => {
                let Some(directive) = directive(&mut words) else { continue };
                if *budget == 0 {
                    loader.cut_off(Some(directive.place), "too many directives");
                    break;
                }
                *budget -= 1;
                let Some((_, level)) = levels.last_mut() else { break };
                if directive.name == "include" {
                    level.extend(include(&directive, root, loader, budget, includes));
                } else {
                    level.push(directive);
                }
            }
            Token::Open => {
                let Some(directive) = directive(&mut words) else {
                    loader
                        .problem(Problem { place: Some(reader.place()), message: "a block without a name".to_owned() });
                    break;
                };
                if directive.name.ends_with("_by_lua_block") {
                    reader.skip_braces();
                    continue;
                }
                if levels.len() > MAX_DEPTH || *budget == 0 {
                    loader.cut_off(Some(directive.place), "nested too deep");
                    break;
                }
                *budget -= 1;
                levels.push((Some(directive), Vec::new()));
            }
            Token::Close(place) => {
                words.clear();
                if levels.len() < 2 {
                    loader.problem(Problem { place: Some(place), message: "unexpected `}`".to_owned() });
                    continue;
                }
                close(&mut levels);
            }
        }
    }
    while levels.len() > 1 {
        if let Some((Some(open), _)) = levels.last() {
            let message = format!("the block of `{}` is not closed", open.name);
            loader.problem(Problem { place: Some(open.place.clone()), message });
        }
        close(&mut levels);
    }
    levels.pop().map(|(_, directives)| directives).unwrap_or_default()
}

/// Ends the innermost block.
fn close(levels: &mut Vec<(Option<Directive>, Vec<Directive>)>) {
    if let Some((Some(mut directive), inner)) = levels.pop()
        && let Some((_, around)) = levels.last_mut()
    {
        directive.block = Some(inner);
        around.push(directive);
    }
}

fn directive(words: &mut Vec<Word>) -> Option<Directive> {
    if words.is_empty() {
        return None;
    }
    let name = words.remove(0);
    Some(Directive { name: name.text, place: name.place, arguments: std::mem::take(words), block: None })
}

fn include(
    directive: &Directive,
    root: &str,
    loader: &Loader<'_>,
    budget: &mut usize,
    includes: usize,
) -> Vec<Directive> {
    let problem = |message: String| loader.problem(Problem { place: Some(directive.place.clone()), message });
    let Some(pattern) = directive.argument(0) else {
        problem("`include` without a file".to_owned());
        return Vec::new();
    };
    if includes >= MAX_INCLUDES {
        problem("files include each other too deep".to_owned());
        return Vec::new();
    }
    let mut all = Vec::new();
    for path in loader.expand(&from_folder(root, pattern)) {
        match loader.read(&path) {
            Ok(file) => all.extend(parse(&file.name, &file.text, root, loader, budget, includes + 1)),
            // What a distribution ships and no container mounts says nothing of proxying.
            Err(_) if path.ends_with("/mime.types") => {}
            Err(why) => problem(format!("`{path}` cannot be read: {why}")),
        }
    }
    all
}

struct Reader<'a> {
    name: &'a str,
    chars: Vec<char>,
    at: usize,
    line: u32,
    column: u32,
}

impl Reader<'_> {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
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

    fn place(&self) -> Place {
        Place { file: self.name.to_owned(), line: self.line, column: self.column }
    }

    fn token(&mut self) -> Option<Token> {
        loop {
            match self.peek()? {
                c if c.is_whitespace() || c == '\u{feff}' => {
                    self.next();
                }
                '#' => while self.next().is_some_and(|c| c != '\n') {},
                _ => break,
            }
        }
        let place = self.place();
        match self.peek()? {
            ';' => {
                self.next();
                Some(Token::Semicolon)
            }
            '{' => {
                self.next();
                Some(Token::Open)
            }
            '}' => {
                self.next();
                Some(Token::Close(place))
            }
            quote @ ('"' | '\'') => {
                self.next();
                Some(Token::Word(Word { text: self.quoted(quote), place }))
            }
            _ => Some(Token::Word(Word { text: self.bare(), place })),
        }
    }

    fn quoted(&mut self, quote: char) -> String {
        let mut text = String::new();
        while let Some(c) = self.next() {
            match c {
                '\\' => text.extend(self.escape()),
                c if c == quote => break,
                c => text.push(c),
            }
        }
        text
    }

    fn bare(&mut self) -> String {
        let mut text = String::new();
        while let Some(c) = self.peek() {
            match c {
                '\\' => {
                    self.next();
                    text.extend(self.escape());
                }
                // `${name}` is part of the word.
                '{' if text.ends_with('$') => {
                    while let Some(c) = self.peek().filter(|c| !c.is_whitespace() && *c != ';') {
                        self.next();
                        text.push(c);
                        if c == '}' {
                            break;
                        }
                    }
                }
                ';' | '{' => break,
                c if c.is_whitespace() => break,
                c => {
                    self.next();
                    text.push(c);
                }
            }
        }
        text
    }

    /// What follows a backslash: quotes and white space lose it, anything else keeps it, since regular expressions need it.
    fn escape(&mut self) -> Vec<char> {
        match self.next() {
            Some('n') => vec!['\n'],
            Some('t') => vec!['\t'],
            Some('r') => vec!['\r'],
            Some(c @ ('"' | '\'' | '\\' | ' ' | ';')) => vec![c],
            Some(c) => vec!['\\', c],
            None => Vec::new(),
        }
    }

    /// Lua between braces follows no grammar of ours.
    fn skip_braces(&mut self) {
        let mut depth = 1_usize;
        while let Some(c) = self.next() {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                break;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> (Vec<Directive>, Vec<Problem>) {
        let files: BTreeMap<String, String> = BTreeMap::new();
        let loader = Loader::new(&files);
        let directives = parse_text("n.conf", text, "/etc/nginx", &loader);
        (directives, loader.problems.into_inner())
    }

    #[test]
    fn words_keep_their_places_and_lose_their_quotes() {
        let (directives, problems) =
            read("http {\n  # a { comment }\n  log_format x '\"$a\" \\'b';\n  set $u ${host}x;}\n");
        assert!(problems.is_empty());
        let inner = directives[0].inner();
        assert_eq!(inner[0].argument(1), Some("\"$a\" 'b"));
        assert_eq!(inner[1].argument(1), Some("${host}x"));
        assert_eq!(inner[1].place.to_string(), "n.conf:4:3");
        assert_eq!(inner[1].arguments[1].place.column, 10);
    }

    #[test]
    fn lua_is_passed_over() {
        let (directives, problems) = read("server { content_by_lua_block { if a then b = {1} end } listen 80; }");
        assert!(problems.is_empty());
        assert_eq!(directives[0].inner().len(), 1);
    }

    #[test]
    fn what_is_broken_is_told_with_its_place() {
        for (text, message, place) in [
            ("a {\n b;", "the block of `a` is not closed", "n.conf:1:1"),
            ("a;\n}", "unexpected `}`", "n.conf:2:1"),
            ("{", "a block without a name", "n.conf:1:2"),
            ("include x.conf;", "`/etc/nginx/x.conf` cannot be read: no such file", "n.conf:1:1"),
        ] {
            let (_, problems) = read(text);
            assert_eq!(problems[0].message, message);
            assert_eq!(problems[0].place.as_ref().unwrap().to_string(), place);
        }
    }

    #[test]
    fn a_file_that_includes_itself_and_a_deep_one_end() {
        let files = BTreeMap::from([("/e/a.conf".to_owned(), "x; include /e/a.conf;".to_owned())]);
        let loader = Loader::new(&files);
        assert_eq!(load("/e/a.conf", &loader).len(), MAX_INCLUDES + 1);
        assert!(!loader.problems.borrow().is_empty());
        let (_, problems) = read(&"a {".repeat(100_000));
        assert_eq!(problems[0].message, "nested too deep");
        let (directives, problems) = read(&format!("a {};", "b ".repeat(300_000)));
        assert!(directives.is_empty() && problems[0].message == "too many words");
    }

    proptest! {
        #[test]
        fn nothing_panics(text in "[a-z {};\"'\\\\#$\n*}é]{0,200}") {
            read(&text);
        }

        #[test]
        fn no_simple_directive_is_lost(names in proptest::collection::vec("[a-z]{1,8}", 0..40)) {
            let text: Vec<String> = names.iter().map(|name| format!("{name} 'x y' $z;\n")).collect();
            let text = text.concat();
            let (directives, problems) = read(&text);
            prop_assert!(names.contains(&"include".to_owned()) || problems.is_empty());
            let found: Vec<&String> = directives.iter().map(|directive| &directive.name).collect();
            prop_assert_eq!(found, names.iter().filter(|name| *name != "include").collect::<Vec<_>>());
        }
    }
}
