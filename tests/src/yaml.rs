//! YAML as people write it: one key a line.

use serde_json::Value;

/// The value in block style. Strings are in double quotes, whose escapes are those of JSON.
pub(crate) fn block(value: &Value) -> String {
    let mut text = String::new();
    write(value, 0, &mut text);
    text
}

fn write(value: &Value, depth: usize, text: &mut String) {
    let indent = "  ".repeat(depth);
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                let key =
                    if key.chars().any(char::is_control) { Value::from(key.as_str()).to_string() } else { key.clone() };
                text.push_str(&format!("{indent}{key}:"));
                entry(value, depth, text);
            }
        }
        Value::Array(list) => {
            for value in list {
                text.push_str(&format!("{indent}-"));
                entry(value, depth, text);
            }
        }
        scalar => text.push_str(&format!("{indent}{scalar}\n")),
    }
}

fn entry(value: &Value, depth: usize, text: &mut String) {
    let nested =
        value.as_object().is_some_and(|map| !map.is_empty()) || value.as_array().is_some_and(|list| !list.is_empty());
    if nested {
        text.push('\n');
        write(value, depth + 1, text);
    } else {
        text.push_str(&format!(" {value}\n"));
    }
}
