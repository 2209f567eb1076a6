//! Where the documentation calls a program.

use std::path::Path;

use crate::page::Page;
use crate::shell::programs;

/// One call of a program.
#[derive(Debug)]
pub struct Call {
    /// Page and line.
    pub place: String,
    /// The program's name and its arguments.
    pub words: Vec<String>,
    /// Whether it is called by the folder `scripts`.
    pub script: bool,
    /// Whether it can be typed as it stands. Code within a sentence may be a part of a call, or have names in place of values.
    pub whole: bool,
}

/// Every call of `program`, by its name without a folder.
#[must_use]
pub fn calls(pages: &[Page], program: &str) -> Vec<Call> {
    let mut found = vec![];
    for page in pages {
        let steps = page.transcripts.iter().flat_map(|transcript| &transcript.steps);
        let typed = steps.map(|step| (step.line, step.command.as_str(), true));
        let scripts = page.lines.iter().map(|line| (line.line, line.text.as_str(), true));
        let inline = page.inline.iter().filter(|code| !code.text.contains(['[', '|', '…', '\\']));
        let inline = inline.map(|code| (code.line, code.text.as_str(), false));
        for (line, command, whole) in typed.chain(scripts).chain(inline) {
            for mut words in programs(command).unwrap_or_default() {
                // A program that is only named is not called.
                let called = words.len() > 1;
                let first = words
                    .first_mut()
                    .filter(|word| Path::new(word.as_str()).file_name().is_some_and(|name| name == program));
                if let Some(first) = first.filter(|_| called) {
                    let script = first.starts_with("scripts/");
                    program.clone_into(first);
                    found.push(Call { place: format!("{}:{line}", page.path.display()), words, script, whole });
                }
            }
        }
    }
    found
}
