//! Files of variables as Compose reads them: `.env`, `--env-file` and `env_file` of a service.

use std::collections::BTreeMap;

use crate::node::weight;
use crate::template::{self, Expanded, Lookup};
use crate::{MAX_NODES, NODE_BYTES};

/// One assignment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    /// Name.
    pub name: String,
    /// Value; none for a name alone, which takes the value of the surroundings.
    pub value: Option<Expanded>,
    /// Line, counted from 1.
    pub line: u32,
}

/// A text that Compose refuses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct DotenvError {
    /// Line, counted from 1.
    pub line: u32,
    /// What is wrong.
    pub message: String,
}

/// Reads a file of variables. References in unquoted and double-quoted values take `lookup` first and the file's own names then. The last of
/// equal names wins; the order is that of the file. Each assignment is taken off the budget as a node.
pub fn parse(text: &str, lookup: &Lookup<'_>, budget: &mut usize) -> Result<Vec<Assignment>, DotenvError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text).replace("\r\n", "\n");
    let mut known: BTreeMap<String, String> = BTreeMap::new();
    let mut found = Vec::new();
    let mut rest = text.as_str();
    let mut line = 1_u32;
    loop {
        let trimmed = rest.trim_start();
        line += newlines(rest, rest.len() - trimmed.len());
        rest = trimmed;
        if rest.is_empty() {
            return Ok(found);
        }
        if rest.starts_with('#') {
            rest = rest.find('\n').and_then(|end| rest.get(end..)).unwrap_or_default();
            continue;
        }
        let at = line;
        let error = |message: String| DotenvError { line: at, message };
        let mut spend = |nodes: usize| -> Result<(), DotenvError> {
            let too_many = || error(format!("more than {MAX_NODES} values, with long texts counted in full"));
            *budget = budget.checked_sub(nodes).ok_or_else(too_many)?;
            Ok(())
        };
        let (name, after) = name(rest).map_err(error)?;
        let Some(after) = after else {
            spend(weight(&name))?;
            let end = rest.find('\n').unwrap_or(rest.len());
            rest = rest.get(end..).unwrap_or_default();
            found.push(Assignment { name, value: None, line: at });
            continue;
        };
        let error = |message: String| DotenvError { line: at, message };
        let (raw, expands, after) = value(after).map_err(error)?;
        line += newlines(rest, rest.len() - after.len());
        rest = after;
        let expanded = if expands {
            let find = |name: &str| lookup(name).or_else(|| known.get(name).cloned());
            template::expand(&raw, &find).map_err(|error| DotenvError { line: at, message: error.to_string() })?
        } else {
            Expanded { text: raw.clone(), expression: raw, ..Expanded::default() }
        };
        spend(weight(&name) + expanded.text.len() / NODE_BYTES + expanded.unset.len())?;
        known.insert(name.clone(), expanded.text.clone());
        found.push(Assignment { name, value: Some(expanded), line: at });
    }
}

fn newlines(text: &str, length: usize) -> u32 {
    let count = text.get(..length).map_or(0, |text| text.bytes().filter(|byte| *byte == b'\n').count());
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// A name, and what follows its `=` or `:`; none where the line ends before either.
fn name(text: &str) -> Result<(String, Option<&str>), String> {
    let text = match text.strip_prefix("export") {
        Some(after) if after.starts_with([' ', '\t']) => after.trim_start_matches([' ', '\t']),
        _ => text,
    };
    for (index, c) in text.char_indices() {
        match c {
            '=' | ':' => {
                let name = text.get(..index).unwrap_or_default().trim_end();
                return Ok((name.to_owned(), text.get(index + 1..)));
            }
            '\n' => return bare(text.get(..index).unwrap_or_default()),
            ' ' | '\t' | '_' | '.' | '-' | '[' | ']' => {}
            c if c.is_alphanumeric() => {}
            '#' if text.get(..index).is_some_and(|name| name.ends_with([' ', '\t'])) => {
                return bare(text.get(..index).unwrap_or_default());
            }
            c => return Err(format!("unexpected character `{}` in the name of a variable", c.escape_default())),
        }
    }
    bare(text)
}

fn bare(text: &str) -> Result<(String, Option<&str>), String> {
    let name = text.trim();
    if name.contains([' ', '\t']) {
        return Err("a name of a variable with a space in it".to_owned());
    }
    Ok((name.to_owned(), None))
}

/// A value, whether references in it count, and what follows.
fn value(text: &str) -> Result<(String, bool, &str), String> {
    let text = text.trim_start_matches([' ', '\t']);
    match text.chars().next() {
        Some(quote @ ('"' | '\'')) => quoted(text.get(1..).unwrap_or_default(), quote),
        _ => {
            let (line, rest) = text.find('\n').map_or((text, ""), |end| text.split_at(end));
            let value = if line.starts_with('#') { "" } else { line.split(" #").next().unwrap_or_default() };
            Ok((value.trim_end().to_owned(), true, rest))
        }
    }
}

fn quoted(text: &str, quote: char) -> Result<(String, bool, &str), String> {
    let double = quote == '"';
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((index, c)) = chars.next() {
        if c == quote {
            let rest = text.get(index + 1..).unwrap_or_default();
            return Ok((value, double, rest.find('\n').and_then(|end| rest.get(end..)).unwrap_or_default()));
        }
        if c != '\\' {
            value.push(c);
            continue;
        }
        match chars.next() {
            Some((_, next)) if next == quote => value.push(next),
            Some((_, next)) if double => match next {
                'n' => value.push('\n'),
                'r' => value.push('\r'),
                't' => value.push('\t'),
                '\\' => value.push('\\'),
                '$' => value.push_str("$$"),
                other => value.extend(['\\', other]),
            },
            Some((_, next)) => value.extend(['\\', next]),
            None => break,
        }
    }
    Err("a quoted value that does not end".to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pairs(text: &str) -> Vec<(String, Option<String>, u32)> {
        let lookup = |name: &str| (name == "OUT").then(|| "outer".to_owned());
        parse(text, &lookup, &mut MAX_NODES.clone())
            .unwrap()
            .into_iter()
            .map(|one| (one.name, one.value.map(|value| value.text), one.line))
            .collect()
    }

    #[test]
    fn the_forms_that_people_write() {
        let text = "# comment\nA=1\nexport B = two words # why\nC='$A \\n'\nD=\"x\\n${A}\" # tail\nE=\"two\nlines\"\nF: y\nG=$OUT-${NO:-d}\nH\nI=\n\nJ=a#b\n";
        let some = |text: &str| Some(text.to_owned());
        let expected = [
            ("A", some("1"), 2),
            ("B", some("two words"), 3),
            ("C", some("$A \\n"), 4),
            ("D", some("x\n1"), 5),
            ("E", some("two\nlines"), 6),
            ("F", some("y"), 8),
            ("G", some("outer-d"), 9),
            ("H", None, 10),
            ("I", some(""), 11),
            ("J", some("a#b"), 13),
        ];
        assert_eq!(pairs(text), expected.map(|(name, value, line)| (name.to_owned(), value, line)));
    }

    #[test]
    fn what_compose_refuses_is_refused_with_its_line() {
        let refused = |text: &str| parse(text, &|_| None, &mut MAX_NODES.clone()).unwrap_err().line;
        assert_eq!(refused("A=1\nB!=2\n"), 2);
        assert_eq!(refused("A=1\n\nB=\"open\n"), 3);
        assert_eq!(refused("A=${\n"), 1);
    }

    proptest! {
        #[test]
        fn nothing_panics(text in any::<String>()) {
            drop(parse(&text, &|_| None, &mut MAX_NODES.clone()));
        }

        #[test]
        fn lines_are_counted(before in 0_u32..20, text in "[A-Z]{1,8}") {
            let file = format!("{}{text}=1", "#x\n".repeat(before as usize));
            prop_assert_eq!(pairs(&file), vec![(text, Some("1".to_owned()), before + 1)]);
        }
    }
}
