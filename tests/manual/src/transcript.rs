//! What is typed at a prompt, and what comes of it.

use std::ops::Range;

/// Where the output of a block comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A test runs the commands in a copy of this folder of the checkout, and compares; in an empty folder where it names none.
    Run(String),
    /// Recorded by hand; why no test runs it.
    Recorded(String),
}

impl Origin {
    /// From the comment before the block: `<!-- run: FOLDER -->`, `<!-- run -->` or `<!-- recorded: REASON -->`.
    pub(crate) fn read(comment: &str) -> Option<Self> {
        let inner = comment.trim().strip_prefix("<!--")?.strip_suffix("-->")?.trim();
        let (name, rest) = inner.split_once(':').unwrap_or((inner, ""));
        match name.trim() {
            "run" => Some(Self::Run(rest.trim().to_owned())),
            "recorded" => Some(Self::Recorded(rest.trim().to_owned())),
            _ => None,
        }
    }
}

/// A block of the language `console`.
#[derive(Debug)]
pub struct Transcript {
    /// Where its text lies on the page, in bytes.
    pub range: Range<usize>,
    /// Where its output comes from, if the page says so.
    pub origin: Option<Origin>,
    /// The commands in order.
    pub steps: Vec<Step>,
}

/// One command with its output.
#[derive(Debug)]
pub struct Step {
    /// Line on the page, from 1.
    pub line: usize,
    /// What is typed, with continued lines joined.
    pub command: String,
    /// The same as it is written.
    pub written: String,
    /// What is shown after it.
    pub output: String,
}

impl Transcript {
    pub(crate) fn read(text: &str, first: usize, range: Range<usize>, origin: Option<Origin>) -> Self {
        let mut steps: Vec<Step> = Vec::new();
        let mut open = false;
        for (line, shown) in (first..).zip(text.lines()) {
            if open && let Some(step) = steps.last_mut() {
                let (words, more) = continued(shown.trim_start());
                step.command.push_str(words);
                step.written.push_str(shown);
                step.written.push('\n');
                open = more;
            } else if let Some(typed) = shown.strip_prefix("$ ") {
                let (words, more) = continued(typed);
                let written = format!("{shown}\n");
                steps.push(Step { line, command: words.to_owned(), written, output: String::new() });
                open = more;
            } else if let Some(step) = steps.last_mut() {
                step.output.push_str(shown);
                step.output.push('\n');
            }
        }
        Self { range, origin, steps }
    }
}

/// A line without the backslash that continues it, and whether it had one.
fn continued(line: &str) -> (&str, bool) {
    line.strip_suffix('\\').map_or((line, false), |words| (words, true))
}

/// Whether `found` is what `shown` says: a line of `...` stands for any number of lines, and `…` for any text within a line.
#[must_use]
pub fn agrees(shown: &str, found: &str) -> bool {
    let shown: Vec<&str> = shown.trim_end().lines().collect();
    let found: Vec<&str> = found.trim_end().lines().collect();
    lines_agree(&shown, &found)
}

fn lines_agree(shown: &[&str], found: &[&str]) -> bool {
    match shown.split_first() {
        None => found.is_empty(),
        Some((&"...", rest)) => {
            (0..=found.len()).any(|skipped| lines_agree(rest, found.get(skipped..).unwrap_or_default()))
        }
        Some((line, rest)) => {
            found.split_first().is_some_and(|(other, others)| line_agrees(line, other) && lines_agree(rest, others))
        }
    }
}

fn line_agrees(shown: &str, found: &str) -> bool {
    let Some((start, mut rest)) = shown.split_once('…') else { return shown.trim_end() == found.trim_end() };
    let Some(mut found) = found.strip_prefix(start) else { return false };
    while let Some((piece, more)) = rest.split_once('…') {
        let Some(at) = found.find(piece) else { return false };
        found = found.get(at + piece.len()..).unwrap_or_default();
        rest = more;
    }
    found.ends_with(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_may_be_anything() {
        assert!(agrees("a\n...\nd\n", "a\nb\nc\nd\n"));
        assert!(agrees("a\n...\n", "a\n"));
        assert!(agrees("took … ms, … bytes\n", "took 12 ms, 7 bytes\n"));
        assert!(agrees("…", "x"));
    }

    #[test]
    fn what_is_shown_must_be_there() {
        assert!(!agrees("a\n...\ne\n", "a\nb\nc\nd\n"));
        assert!(!agrees("a\n", "a\nb\n"));
        assert!(!agrees("took … ms\n", "took 12 s\n"));
        assert!(!agrees("ab…b\n", "ab\n"));
    }
}
