//! Facts from a node that means harm to the terminal of the reader.

use serde_json::{Value, json};

use crate::bench::{Bench, Run, facts_value};

/// Clears the screen, sets the title, rings, goes back to the line's start, reorders the rest and begins a line of its own.
const DRIVER: &str = "a\u{1b}[2J\u{1b}]0;owned\u{7}\rb\u{202e}c\u{2066}d\u{200b}\nREADY  every rung is proven\u{9b}31m";

/// Puts a text into every place that takes any text.
pub(crate) fn poison(value: &mut Value, text: &str) {
    match value {
        Value::String(old) if replaceable(old) => text.clone_into(old),
        Value::Array(items) => items.iter_mut().for_each(|item| poison(item, text)),
        Value::Object(fields) => {
            for (name, field) in fields {
                // What links one thing to another must still do so; the rest of the words are ours.
                if !matches!(
                    name.as_str(),
                    "schema" | "status" | "id" | "gateway" | "state_dir" | "outcome" | "fingerprint" | "winner"
                ) || field.is_object()
                {
                    poison(field, text);
                }
            }
        }
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Whether a text may be any text: no time, address or word of a list.
fn replaceable(text: &str) -> bool {
    text.contains(['/', ' ', '`']) || matches!(text, "mini-7" | "op" | "macOS" | "26.1" | "2026.9.6")
}

fn check(text: &str, name: &str, arguments: &[&str]) -> Run {
    let bench = Bench::new();
    let mut node = facts_value(name);
    poison(&mut node, text);
    node["blind"] = json!([{ "what": text, "why": text, "remedy": text, "readiness": true }]);
    let file = bench.file("facts.json", &node.to_string());
    let run = bench.run(&[arguments, &["--from", file.to_str().unwrap()]].concat());
    assert!(run.stderr.is_empty(), "{run}");
    run
}

#[test]
fn no_name_drives_the_terminal_or_writes_a_line() {
    for name in ["split", "silent", "degraded"] {
        for arguments in [&["check", "-v"][..], &["tokens"], &["map"], &["map", "--format", "mermaid"]] {
            let run = check(DRIVER, name, arguments);
            let harmful = |c: &char| {
                c.is_control() && *c != '\n'
                    || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200b}')
            };
            assert_eq!(run.stdout.chars().find(harmful), None, "{arguments:?} {name}\n{run}");
            assert!(!run.stdout.lines().any(|line| line.trim_start().starts_with("READY")), "{run}");
            assert!(run.stdout.contains("\\u{1b}[2J"), "{run}");
        }
    }
}

#[test]
fn no_name_swamps_the_reader() {
    let long = "x/".repeat(1 << 19);
    for name in ["split", "silent", "degraded"] {
        for arguments in [&["check", "-v"][..], &["tokens"], &["map"], &["map", "--format", "mermaid"]] {
            let run = check(&long, name, arguments);
            assert!(run.stdout.len() < 64 << 10, "{arguments:?} {name}: {} bytes", run.stdout.len());
        }
    }
}

#[test]
fn much_evidence_is_counted() {
    let bench = Bench::new();
    let mut node = facts_value("degraded");
    let sources = node["gateways"][0]["credentials"]["sources"].as_array_mut().unwrap();
    let loser = sources[1].clone();
    sources.extend(std::iter::repeat_n(loser, 40));
    let file = bench.file("facts.json", &node.to_string());
    let run = bench.run(&["check", "-v", "--from", file.to_str().unwrap()]);
    assert!(run.stdout.contains("more, which `--json` shows"), "{run}");
}
