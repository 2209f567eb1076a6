//! The indented blocks that `launchctl print` and its kin write.
//!
//! ```text
//! gui/501/ai.openclaw.gateway = {
//!     state = running
//!     arguments = {
//!         /bin/sh
//!     }
//!     cs blob
//! }
//! ```
//!
//! The indentation is of tabs. Only the first level is taken apart. Inner blocks repeat names of the first (`state = active` of a coalition), values hold braces,
//! ` = ` and `=>`, and environments hold secrets, so an inner block is a list of lines that only who knows it looks into. Its end is a
//! brace at the indentation of its beginning.

/// A block at the top of the output.
#[derive(Debug)]
pub(super) struct Block<'a> {
    /// What stands before ` = {`.
    pub(super) title: &'a str,
    /// Its first level, in order.
    pub(super) entries: Vec<Entry<'a>>,
    /// Whether its closing brace was found.
    pub(super) is_closed: bool,
}

pub(super) enum Entry<'a> {
    /// `name = value`.
    Value(&'a str, &'a str),
    /// `name = {` with the lines up to its end.
    Inner(&'a str, Vec<&'a str>),
    /// A line without `=`.
    Bare(&'a str),
}

impl std::fmt::Debug for Entry<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Value(name, _) | Self::Inner(name, _) | Self::Bare(name) => f.write_str(name),
        }
    }
}

/// The blocks of an output, and the lines that belong to none.
pub(super) fn blocks(text: &str) -> (Vec<Block<'_>>, Vec<&str>) {
    let (mut blocks, mut stray) = (Vec::new(), Vec::new());
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let line_text = line.trim();
        if line_text.is_empty() {
            continue;
        }
        match opening(line_text) {
            Some(title) => {
                let indent = indentation(line);
                let (entries, is_closed) = entries(&mut lines, indent);
                blocks.push(Block { title, entries, is_closed });
            }
            None => stray.push(line),
        }
    }
    (blocks, stray)
}

fn entries<'a>(lines: &mut std::str::Lines<'a>, outer: &str) -> (Vec<Entry<'a>>, bool) {
    let mut entries = Vec::new();
    while let Some(line) = lines.next() {
        let text = line.trim();
        if text.is_empty() {
            continue;
        }
        if text == "}" && indentation(line) == outer {
            return (entries, true);
        }
        if let Some(name) = opening(text) {
            let indent = indentation(line);
            let mut inner = Vec::new();
            for line in lines.by_ref() {
                if line.trim_end() == format!("{indent}}}") {
                    break;
                }
                if !line.trim().is_empty() {
                    inner.push(line);
                }
            }
            entries.push(Entry::Inner(name, inner));
        } else if let Some((name, value)) = assignment(text) {
            entries.push(Entry::Value(name, value));
        } else {
            entries.push(Entry::Bare(text));
        }
    }
    (entries, false)
}

fn opening(text: &str) -> Option<&str> {
    text.strip_suffix("= {").or_else(|| text.strip_suffix("=> {")).map(str::trim_end)
}

fn assignment(text: &str) -> Option<(&str, &str)> {
    text.split_once(" = ").or_else(|| text.strip_suffix(" =").map(|name| (name, "")))
}

fn indentation(line: &str) -> &str {
    line.get(..line.len() - line.trim_start().len()).unwrap_or_default()
}
