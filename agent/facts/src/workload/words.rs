//! From a command line to the simple commands that it comes down to.

/// Most words of a command line that are looked at.
const MAX_WORDS: usize = 512;

/// Longest script that is looked at, in bytes.
const MAX_SCRIPT: usize = 16 * 1024;

/// Commands within commands that are followed.
const MAX_DEPTH: u8 = 5;

/// Programs that run the rest of their arguments and are nothing by themselves.
const WRAPPERS: [&str; 17] = [
    "tini",
    "tini-static",
    "dumb-init",
    "docker-init",
    "catatonit",
    "docker-entrypoint.sh",
    "entrypoint.sh",
    "entrypoint",
    "exec",
    "env",
    "nice",
    "ionice",
    "setsid",
    "stdbuf",
    "su-exec",
    "gosu",
    "timeout",
];

/// Wrappers whose first word without a dash is theirs: a user, a duration.
const WRAPPERS_WITH_WORD: [&str; 3] = ["su-exec", "gosu", "timeout"];

const SHELLS: [&str; 6] = ["sh", "bash", "ash", "dash", "zsh", "busybox"];

/// The last part of a path.
pub(super) fn base_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The words of a command line as a shell splits them. Expansions stay as they are written; a quote that is not closed ends with the text.
pub fn split_words(text: &str) -> Vec<String> {
    commands_of(text).into_iter().flatten().collect()
}

/// The simple commands that words come down to, in order: wrappers are taken off and the scripts of shells taken apart.
pub(super) fn simple_commands(words: &[String]) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    unwrap_into(words, 0, &mut found);
    found
}

fn unwrap_into(words: &[String], depth: u8, found: &mut Vec<Vec<String>>) {
    let mut rest = words.get(..MAX_WORDS).unwrap_or(words);
    loop {
        let Some((program, arguments)) = rest.split_first() else { return };
        let name = base_name(program);
        if is_assignment(program)
            || name == "busybox" && arguments.first().is_some_and(|next| SHELLS.contains(&next.as_str()))
        {
            rest = arguments;
        } else if WRAPPERS.contains(&name) {
            let mut after = skip_options(name, arguments);
            if WRAPPERS_WITH_WORD.contains(&name) {
                after = after.get(1..).unwrap_or_default();
            }
            if after.is_empty() {
                found.push(rest.to_vec());
                return;
            }
            rest = after;
        } else if SHELLS.contains(&name)
            && let Some(script) = script_of(arguments)
            && depth < MAX_DEPTH
        {
            for command in commands_of(script) {
                unwrap_into(&command, depth + 1, found);
            }
            return;
        } else {
            found.push(rest.to_vec());
            return;
        }
    }
}

fn is_assignment(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| {
        !name.is_empty()
            && !name.starts_with(|c: char| c.is_ascii_digit())
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    })
}

/// What follows a wrapper's own options. Only those that wrappers in containers carry with a value are known.
fn skip_options<'a>(wrapper: &str, arguments: &'a [String]) -> &'a [String] {
    let with_value: &[&str] = match wrapper {
        "tini" | "tini-static" => &["-p", "-e"],
        "env" => &["-u", "-C"],
        "nice" => &["-n"],
        "ionice" => &["-c", "-n"],
        "timeout" => &["-k", "-s"],
        _ => &[],
    };
    let mut rest = arguments;
    while let Some((word, after)) = rest.split_first() {
        if word == "--" {
            return after;
        }
        if !word.starts_with('-') {
            break;
        }
        rest = if with_value.contains(&word.as_str()) { after.get(1..).unwrap_or_default() } else { after };
    }
    rest
}

/// The script of `sh -c script`, `bash -lc script`, `sh -e -c script`.
fn script_of(arguments: &[String]) -> Option<&str> {
    let at =
        arguments.iter().position(|word| word.starts_with('-') && !word.starts_with("--") && word.ends_with('c'))?;
    arguments.get(at + 1).map(String::as_str)
}

/// The commands of a script, each in words: parted at line ends, `;`, `&`, `|`, `(` and `)` outside of quotes.
fn commands_of(text: &str) -> Vec<Vec<String>> {
    let end = (0..=text.len().min(MAX_SCRIPT)).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    let mut commands = Vec::new();
    let mut words: Vec<String> = Vec::new();
    let mut word: Option<String> = None;
    let mut quote: Option<char> = None;
    let mut chars = text.get(..end).unwrap_or_default().chars();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (Some('"') | None, '\\') => match chars.next() {
                Some('\n') | None => {}
                Some(escaped) => word.get_or_insert_default().push(escaped),
            },
            (None, '#') if word.is_none() => {
                if chars.by_ref().find(|c| *c == '\n').is_some() {
                    end_command(&mut words, &mut commands);
                }
            }
            (None, ';' | '&' | '|' | '\n' | '(' | ')') => {
                words.extend(word.take());
                end_command(&mut words, &mut commands);
            }
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    end_command(&mut words, &mut commands);
    commands
}

fn end_command(words: &mut Vec<String>, commands: &mut Vec<Vec<String>>) {
    if !words.is_empty() {
        commands.push(std::mem::take(words));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn simple(words: &[&str]) -> Vec<String> {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        simple_commands(&words).into_iter().map(|command| command.join(" ")).collect()
    }

    #[test]
    fn wrappers_and_shells_are_taken_off() {
        for (words, expected) in [
            (&["tini", "-s", "--", "node", "dist/index.js", "gateway"][..], &["node dist/index.js gateway"][..]),
            (&["/sbin/tini", "--", "docker-entrypoint.sh", "node", "x.js"], &["node x.js"]),
            (&["env", "A=b", "openclaw", "gateway"], &["openclaw gateway"]),
            (&["gosu", "node", "openclaw", "gateway", "run"], &["openclaw gateway run"]),
            (&["timeout", "-k", "5", "60", "openclaw", "health"], &["openclaw health"]),
            (
                &["sh", "-c", "mkdir -p /x && exec openclaw gateway --port 1 # done\nsleep 1"],
                &["mkdir -p /x", "openclaw gateway --port 1", "sleep 1"],
            ),
            (&["/bin/bash", "-lc", "nginx -g 'daemon off;'"], &["nginx -g daemon off;"]),
            (&["sh", "-c", "sh -c 'exec node a.js'"], &["node a.js"]),
            (&["busybox", "sh", "-c", "sleep 5"], &["sleep 5"]),
            (&["/start.sh"], &["/start.sh"]),
            (&["docker-entrypoint.sh"], &["docker-entrypoint.sh"]),
            (&["tini"], &["tini"]),
            (&[], &[]),
        ] {
            assert_eq!(simple(words), expected, "{words:?}");
        }
    }

    #[test]
    fn words_are_split_as_a_shell_splits_them() {
        assert_eq!(split_words(r#"node "a b" 'c d'e f\ g """#), ["node", "a b", "c de", "f g", ""]);
    }

    proptest! {
        #[test]
        fn never_panics(words in proptest::collection::vec("(sh|-c|tini|env|'|\"|\\\\|é|;| |#|\n|=|--){0,12}", 0..6)) {
            simple_commands(&words);
        }
    }
}
