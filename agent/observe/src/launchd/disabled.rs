//! `launchctl print-disabled <domain>`: the override store.

use std::collections::BTreeMap;

use super::block::{Entry, blocks};
use super::service::PrintError;
use crate::commands::{Parsed, Unparsed};

/// Parses the overrides of a domain: whether a label is switched off. A label that is not listed has no override.
///
/// ```text
///
///     disabled services = {
///         "com.apple.FolderActionsDispatcher" => disabled
///         "homebrew.mxcl.colima" => enabled
///     }
/// ```
///
/// Before macOS 13 the words are `true` and `false`, where `true` means switched off.
pub fn parse(output: &[u8]) -> Result<Parsed<BTreeMap<String, bool>>, PrintError> {
    let text = String::from_utf8_lossy(output);
    let (blocks, stray) = blocks(&text);
    let mut unparsed: Unparsed = stray.into_iter().collect();
    let mut overrides = None;
    for block in blocks {
        if block.title != "disabled services" {
            continue;
        }
        if !block.is_closed {
            return Err(PrintError::CutOff);
        }
        let overrides = overrides.get_or_insert_with(BTreeMap::new);
        for entry in block.entries {
            let line = match entry {
                Entry::Bare(line) => line,
                Entry::Value(name, _) | Entry::Inner(name, _) => {
                    unparsed.push(name);
                    continue;
                }
            };
            match override_line(line) {
                Some((label, disabled)) => {
                    overrides.insert(label.to_owned(), disabled);
                }
                None => unparsed.push(line),
            }
        }
    }
    Ok(Parsed { value: overrides.ok_or(PrintError::NoBlock)?, unparsed })
}

/// One line: the label, and whether it is switched off.
pub(super) fn override_line(line: &str) -> Option<(&str, bool)> {
    let (label, word) = line.trim().rsplit_once(" => ")?;
    let label = label.strip_prefix('"')?.strip_suffix('"')?;
    match word {
        "disabled" | "true" => Some((label, true)),
        "enabled" | "false" => Some((label, false)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_and_what_follows_them() {
        let parsed = parse(
            b"disabled services = {\n\t\"a => b\" => true\n\t\"c\" => false\n\t\"d\" => perhaps\n}\nlogin item associations = {\n}\n",
        )
        .unwrap();
        assert_eq!(parsed.value, BTreeMap::from([("a => b".to_owned(), true), ("c".to_owned(), false)]));
        assert_eq!(parsed.unparsed.lines(), ["\"d\" => perhaps"]);
    }
}
