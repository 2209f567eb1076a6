//! Recorded facts, and what is changed in them.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::ask::{Said, ask};
use super::book::folder;
use super::fault::Fault;
use super::play::arguments;
use super::stage::ASKING;
use super::step::Step;
use super::words::Words;
use crate::Portreeve;
use crate::home::{set, unset};

/// Asks `portreeve` of the facts that a fault starts from, with its steps done to them.
pub(super) fn ask_of(fault: &Fault) -> Said {
    let name = fault.snapshot.as_deref().unwrap_or_default();
    // A folder of others' faults may start from the facts of this book.
    let beside = fault.path.parent().unwrap_or(Path::new(".")).join(name);
    let file = if beside.exists() { beside } else { folder().join(name) };
    let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let mut facts: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let words = Words::new();
    for step in fault.before.iter().chain(&fault.step) {
        match step {
            Step::SetFact(change) => set(&mut facts, &change.key, words.value(&change.value)),
            Step::MergeFact(change) => {
                let at = facts.pointer_mut(&change.key).unwrap_or_else(|| panic!("`{}` is not there", change.key));
                merge(at, &words.value(&change.value));
            }
            Step::UnsetFact(key) => unset(&mut facts, &key.key),
            other => panic!("this step goes with another base: {other:?}"),
        }
    }
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("facts.json");
    fs::write(&file, facts.to_string()).unwrap();
    let mut command = Portreeve::new(home.path()).command();
    command.args(arguments(&fault.command)).arg("--from").arg(&file);
    ask(command, ASKING)
}

fn merge(at: &mut Value, other: &Value) {
    match (at, other) {
        (Value::Object(map), Value::Object(more)) => {
            for (key, value) in more {
                merge(map.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (at, other) => *at = other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn keys_are_merged_and_lists_replaced() {
        let mut facts = json!({ "a": { "b": 1, "c": [1, 2] }, "d": null });
        merge(&mut facts, &json!({ "a": { "c": [3], "e": true }, "d": { "f": 1 } }));
        assert_eq!(facts, json!({ "a": { "b": 1, "c": [3], "e": true }, "d": { "f": 1 } }));
    }
}
