//! What a folder is labelled with.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;

/// Codes that are to be found, and those that are not.
#[derive(Debug, Default)]
pub(crate) struct Label {
    /// None where errors are not labelled.
    pub(crate) errors: Option<BTreeSet<String>>,
    /// None where warnings are not labelled.
    pub(crate) warnings: Option<BTreeSet<String>>,
    pub(crate) must_not: BTreeSet<String>,
}

/// The label of a folder.
pub(crate) fn read(folder: &Path) -> Result<Label, String> {
    let text = fs::read_to_string(folder.join("expected.json")).map_err(|error| error.to_string())?;
    let value: Value = serde_json::from_str(text.trim_start_matches('\u{feff}')).map_err(|error| error.to_string())?;
    // Some write the lists below one more key.
    let value = ["expected", "lint", "findings"]
        .iter()
        .find_map(|key| value.get(key))
        .filter(|inner| inner.is_object())
        .unwrap_or(&value);
    let list = |key: &str| value.get(key).map(codes);
    Ok(Label {
        errors: list("errors"),
        warnings: list("warnings"),
        must_not: ["must_not", "must-not", "mustNot"].iter().find_map(|key| list(key)).unwrap_or_default(),
    })
}

/// A code, a list of codes or of objects with one, or an object whose keys are codes.
fn codes(value: &Value) -> BTreeSet<String> {
    match value {
        Value::String(code) => BTreeSet::from([code.trim().to_owned()]),
        Value::Array(entries) => entries.iter().flat_map(codes).collect(),
        Value::Object(fields) => match ["code", "id", "rule"].iter().find_map(|key| fields.get(*key)) {
            Some(code) => codes(code),
            None => fields.keys().cloned().collect(),
        },
        _ => BTreeSet::new(),
    }
}
