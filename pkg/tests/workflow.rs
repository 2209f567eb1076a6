//! The release workflow is YAML, uses actions by version, and calls scripts that are there.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;

use saphyr_parser::{Event, Parser};

const WORKFLOW: &str = include_str!("../../.github/workflows/release.yml");

fn scalars() -> Vec<String> {
    Parser::new_from_str(WORKFLOW)
        .filter_map(|event| match event.unwrap().0 {
            Event::Scalar(text, ..) => Some(text.into_owned()),
            _ => None,
        })
        .collect()
}

#[test]
fn it_uses_actions_by_version() {
    let scalars = scalars();
    let used: Vec<&String> =
        scalars.iter().zip(scalars.iter().skip(1)).filter(|(key, _)| *key == "uses").map(|(_, value)| value).collect();
    assert!(used.len() > 3, "{used:?}");
    for action in used {
        let version = action.rsplit_once("@v").unwrap().1;
        assert!(version.split('.').all(|part| part.parse::<u32>().is_ok()), "{action}");
    }
}

#[test]
fn it_calls_scripts_that_are_there_with_options_that_they_have() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let commands = scalars().join("\n").replace("\\\n", " ");
    let mut called = 0;
    for line in commands.lines() {
        let mut words = line.split_whitespace();
        let Some(script) = words.next().filter(|word| word.starts_with("scripts/")) else { continue };
        let text = std::fs::read_to_string(root.join(script)).unwrap();
        for option in words.filter(|word| word.starts_with("--")) {
            assert!(text.contains(option), "{script} {option}");
        }
        called += 1;
    }
    assert!(called >= 4, "{called}");
}
