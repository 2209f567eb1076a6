//! Shell scripts, as far as it takes to see which programs they run on which paths.
//!
//! Nothing is run and nothing is looked up. Words in which a value stands that only a run could tell are marked, not guessed.

use std::collections::BTreeMap;

/// The most bytes of a script.
pub const MAX_SCRIPT: u64 = 64 * 1024;
/// Most commands of one script.
const MAX_COMMANDS: usize = 2_000;
/// Most words of one command.
const MAX_WORDS: usize = 512;
/// Most variables that are kept.
const MAX_VARIABLES: usize = 256;
/// The longest word.
const MAX_WORD: usize = 4_096;

/// Stands in a word for a value that only a run tells.
pub const UNTOLD: char = '\u{FFFD}';

/// One command of a script: its words, with variables put in where they are known.
pub type Command = Vec<String>;

/// Variables that are known.
pub type Variables = BTreeMap<String, String>;

/// The simple commands of a script, in order. `variables` are known at its start; assignments are followed.
pub fn commands(script: &str, variables: &Variables) -> Vec<Command> {
    let mut reader = Reader { variables: variables.clone(), ..Reader::default() };
    let mut rest = script.chars().peekable();
    while let Some(c) = rest.next() {
        if reader.commands.len() >= MAX_COMMANDS {
            break;
        }
        match c {
            '\\' => match rest.next() {
                Some('\n') | None => {}
                Some(escaped) => reader.push(escaped),
            },
            '\'' => {
                reader.open();
                for inner in rest.by_ref().take_while(|inner| *inner != '\'') {
                    reader.push(inner);
                }
            }
            '"' => {
                reader.open();
                quoted(&mut reader, &mut rest);
            }
            '`' => {
                rest.by_ref().find(|inner| *inner == '`');
                reader.push(UNTOLD);
            }
            '$' => dollar(&mut reader, &mut rest),
            '#' if reader.word.is_none() => {
                rest.by_ref().find(|inner| *inner == '\n');
                reader.end_command();
            }
            '&' if reader.redirected && reader.word.is_none() => {}
            '\n' | ';' | '|' | '&' | '(' | ')' => reader.end_command(),
            '>' | '<' => reader.redirect(),
            c if c.is_whitespace() => reader.end_word(),
            c => reader.push(c),
        }
    }
    reader.end_command();
    reader.commands
}

type Chars<'a> = std::iter::Peekable<std::str::Chars<'a>>;

fn quoted(reader: &mut Reader, rest: &mut Chars<'_>) {
    while let Some(c) = rest.next() {
        match c {
            '"' => return,
            '\\' => match rest.next() {
                Some('\n') | None => {}
                Some(escaped @ ('$' | '`' | '"' | '\\')) => reader.push(escaped),
                Some(other) => {
                    reader.push('\\');
                    reader.push(other);
                }
            },
            '`' => {
                rest.by_ref().find(|inner| *inner == '`');
                reader.push(UNTOLD);
            }
            '$' => dollar(reader, rest),
            c => reader.push(c),
        }
    }
}

/// What follows a `$`: a name, a name in braces, or something that only a run tells.
fn dollar(reader: &mut Reader, rest: &mut Chars<'_>) {
    match rest.peek().copied() {
        Some('{') => {
            rest.next();
            let inner: String = rest.by_ref().take_while(|inner| *inner != '}').take(MAX_WORD).collect();
            let (name, default) = match inner.split_once(":-").or_else(|| inner.split_once('-')) {
                Some((name, default)) => (name, Some(default)),
                None => (inner.as_str(), None),
            };
            let value = reader.variables.get(name).cloned().or_else(|| default.map(str::to_owned));
            reader.put(value);
        }
        Some('(') => {
            rest.next();
            let mut depth = 1_u32;
            for inner in rest.by_ref() {
                match inner {
                    '(' => depth += 1,
                    ')' => depth -= 1,
                    _ => {}
                }
                if depth == 0 {
                    break;
                }
            }
            reader.push(UNTOLD);
        }
        Some(c) if c.is_ascii_alphabetic() || c == '_' => {
            let mut name = String::new();
            while let Some(c) = rest.next_if(|c| c.is_ascii_alphanumeric() || *c == '_') {
                name.push(c);
            }
            let value = reader.variables.get(&name).cloned();
            reader.put(value);
        }
        Some(c) if c.is_ascii_digit() || "@*?#$!-".contains(c) => {
            rest.next();
            reader.push(UNTOLD);
        }
        _ => reader.push('$'),
    }
}

#[derive(Default)]
struct Reader {
    variables: Variables,
    commands: Vec<Command>,
    words: Command,
    /// The word that is being read; an empty one where quotes have opened it.
    word: Option<String>,
    /// The next word is where output goes to or input comes from.
    redirected: bool,
}

impl Reader {
    fn open(&mut self) {
        self.word.get_or_insert_with(String::new);
    }

    fn push(&mut self, c: char) {
        let word = self.word.get_or_insert_with(String::new);
        if word.len() < MAX_WORD {
            word.push(c);
        }
    }

    fn put(&mut self, value: Option<String>) {
        self.open();
        match value {
            Some(value) => value.chars().for_each(|c| self.push(c)),
            None => self.push(UNTOLD),
        }
    }

    fn redirect(&mut self) {
        // The number of a descriptor belongs to the redirection.
        if self.word.as_ref().is_some_and(|word| word.bytes().all(|byte| byte.is_ascii_digit())) {
            self.word = None;
        }
        self.end_word();
        self.redirected = true;
    }

    fn end_word(&mut self) {
        let Some(word) = self.word.take() else { return };
        if std::mem::take(&mut self.redirected) || self.words.len() >= MAX_WORDS {
            return;
        }
        self.words.push(word);
    }

    fn end_command(&mut self) {
        self.end_word();
        self.redirected = false;
        let words = std::mem::take(&mut self.words);
        let assigns = words.iter().take_while(|word| assignment(word).is_some()).count();
        if assigns == words.len()
            || words.first().is_some_and(|word| matches!(word.as_str(), "export" | "local" | "readonly"))
        {
            for (name, value) in words.iter().filter_map(|word| assignment(word)) {
                if self.variables.len() < MAX_VARIABLES {
                    self.variables.insert(name.to_owned(), value.to_owned());
                }
            }
        } else {
            self.commands.push(words);
        }
    }
}

/// `NAME=value`.
pub fn assignment(word: &str) -> Option<(&str, &str)> {
    let (name, value) = word.split_once('=')?;
    let first = name.chars().next()?;
    let good =
        (first.is_ascii_alphabetic() || first == '_') && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    good.then_some((name, value))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(script: &str) -> Vec<Command> {
        commands(script, &Variables::from([("HOME".to_owned(), "/home/op".to_owned())]))
    }

    #[test]
    fn words_quotes_and_variables() {
        let script = "#!/bin/sh\nset -e # comment\nSRC=\"$HOME/.openclaw\"; export DST='/mnt/b u'\n\
                      rsync -a \\\n  --exclude '*.tmp' \"${SRC}/\" $DST/ > /dev/null 2>&1 && echo done\n";
        assert_eq!(
            of(script),
            [
                vec!["set", "-e"],
                vec!["rsync", "-a", "--exclude", "*.tmp", "/home/op/.openclaw/", "/mnt/b u/"],
                vec!["echo", "done"],
            ]
            .map(|words| words.into_iter().map(str::to_owned).collect::<Vec<_>>())
        );
    }

    #[test]
    fn what_only_a_run_tells_is_marked() {
        let words = of("rsync $UNKNOWN/ $(date +%F) `id` ${DIR:-/srv} $1\n").remove(0);
        let untold = UNTOLD.to_string();
        assert_eq!(words, ["rsync", &format!("{untold}/"), &untold, &untold, "/srv", &untold]);
    }

    proptest! {
        #[test]
        fn no_script_panics(script in "\\PC{0,200}") {
            let _ = of(&script);
        }

        #[test]
        fn plain_words_come_back(words in proptest::collection::vec("[a-z/.][a-z/._-]{0,8}", 1..8)) {
            prop_assert_eq!(of(&words.join("  ")), vec![words]);
        }
    }
}
