//! The programs that a line at a prompt starts.

/// The words of each program that a command starts, less what stands before it: variables, `sudo`, `ssh HOST`.
///
/// Only as much of a shell's language is known as the documentation uses. `None` where quotes are not closed.
#[must_use]
pub fn programs(command: &str) -> Option<Vec<Vec<String>>> {
    let words = shlex::split(&without_substitutions(command))?;
    let mut programs = vec![];
    for words in words.split(|word| matches!(word.as_str(), "|" | "||" | "&&" | "&" | ";")) {
        let mut words = words.iter().map(String::as_str).peekable();
        let mut program = vec![];
        while let Some(word) = words.next() {
            if let Some(redirected) = redirection(word) {
                if redirected.is_empty() {
                    words.next();
                }
            } else {
                program.push(word.to_owned());
            }
        }
        let program = without_prefix(&program);
        if !program.is_empty() {
            programs.push(program.to_vec());
        }
    }
    Some(programs)
}

/// Where a redirection leads, if the word is one; empty where the next word says.
fn redirection(word: &str) -> Option<&str> {
    let word = word.trim_start_matches(|c: char| c.is_ascii_digit());
    word.strip_prefix(">>").or_else(|| word.strip_prefix('>')).or_else(|| word.strip_prefix('<'))
}

/// `$(…)` is one word, whatever is in it.
fn without_substitutions(command: &str) -> String {
    let mut text = String::new();
    let mut rest = command;
    while let Some((before, after)) = rest.split_once("$(") {
        text.push_str(before);
        text.push_str("SUBSTITUTED");
        rest = after.split_once(')').map_or("", |(_, after)| after);
    }
    text + rest
}

fn without_prefix(words: &[String]) -> &[String] {
    let Some((first, rest)) = words.split_first() else { return words };
    match first.as_str() {
        "sudo" | "time" | "exec" => without_prefix(after_options(rest, &["-u", "-g"])),
        "ssh" => without_prefix(after_options(rest, &["-p", "-i", "-l"]).get(1..).unwrap_or_default()),
        word if word
            .split_once('=')
            .is_some_and(|(name, _)| name.chars().all(|c| c.is_ascii_uppercase() || c == '_')) =>
        {
            without_prefix(rest)
        }
        _ => words,
    }
}

fn after_options<'a>(mut words: &'a [String], with_value: &[&str]) -> &'a [String] {
    while let Some((option, rest)) = words.split_first().filter(|(word, _)| word.starts_with('-')) {
        words = if with_value.contains(&option.as_str()) { rest.get(1..).unwrap_or_default() } else { rest };
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(command: &str) -> Vec<String> {
        programs(command).unwrap_or_default().iter().map(|words| words.join("·")).collect()
    }

    #[test]
    fn what_stands_before_a_program_is_left_out() {
        assert_eq!(told("sudo -u fleet portreeve-fleet audit  # a word"), ["portreeve-fleet·audit"]);
        assert_eq!(told("ssh -t mac sudo /opt/x --keep"), ["/opt/x·--keep"]);
        assert_eq!(told("NO_COLOR=1 portreeve check"), ["portreeve·check"]);
    }

    #[test]
    fn programs_in_a_line_are_told_apart() {
        assert_eq!(told("a 'b c' | d > file || e 2>/dev/null"), ["a·b c", "d", "e"]);
        assert_eq!(told("backup /b/$(date +%F).db"), ["backup·/b/SUBSTITUTED.db"]);
        assert_eq!(programs("a 'b"), None);
    }
}
