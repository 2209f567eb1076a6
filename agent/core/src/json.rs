//! Reading and writing what is kept or handed on as JSON.
//!
//! Each way to read or write a type is code of its own for it and for all that it is made of, and a snapshot is made of hundreds of types.
//! So there is one way to write, [`serde_json::to_vec`], and what is needed in another form is made from its bytes.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Reads a document.
///
/// It becomes a [`Value`] first, whose parts then become a `T`: a snapshot's hundreds of types are read out of values anyway, where
/// facts hold them, and code that reads them out of bytes as well would double what they take in the program.
pub fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, serde_json::Error> {
    let value: Value = serde_json::from_slice(bytes)?;
    T::deserialize(value)
}

/// What a value is as a JSON value.
pub fn value<T: Serialize>(value: &T) -> Result<Value, serde_json::Error> {
    serde_json::from_slice(&serde_json::to_vec(value)?)
}

/// A value as JSON for people: two spaces for each level, without a line end.
pub fn pretty<T: Serialize>(value: &T) -> Result<String, serde_json::Error> {
    Ok(indented(&serde_json::to_string(value)?))
}

/// The same JSON with line breaks, from JSON without any space between its parts.
fn indented(compact: &str) -> String {
    let mut text = String::with_capacity(compact.len() * 2);
    let (mut depth, mut is_quoted, mut is_escaped) = (0, false, false);
    let break_line = |text: &mut String, depth: usize| {
        text.push('\n');
        text.extend(std::iter::repeat_n("  ", depth));
    };
    let mut rest = compact.chars().peekable();
    while let Some(character) = rest.next() {
        if is_quoted {
            text.push(character);
            is_quoted = is_escaped || character != '"';
            is_escaped = !is_escaped && character == '\\';
            continue;
        }
        match character {
            '{' | '[' => {
                text.push(character);
                if let Some(end) = rest.next_if(|next| matches!(next, '}' | ']')) {
                    text.push(end);
                } else {
                    depth += 1;
                    break_line(&mut text, depth);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                break_line(&mut text, depth);
                text.push(character);
            }
            ',' => {
                text.push(character);
                break_line(&mut text, depth);
            }
            ':' => text.push_str(": "),
            '"' => {
                text.push(character);
                is_quoted = true;
            }
            _ => text.push(character),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Map, json};

    use super::*;

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            (-1e6..1e6).prop_map(Value::from),
            ".*".prop_map(Value::from),
            r#"[\\"\[\]{}:,\n é]*"#.prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 64, 6, |inner| {
            let key = prop_oneof![".*", r#"[\\"{}:,]*"#];
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::vec((key, inner), 0..6)
                    .prop_map(|entries| Value::Object(entries.into_iter().collect::<Map<_, _>>())),
            ]
        })
    }

    proptest! {
        #[test]
        fn it_is_indented_as_serde_json_does(value in values()) {
            prop_assert_eq!(pretty(&value).unwrap(), serde_json::to_string_pretty(&value).unwrap());
        }
    }

    #[test]
    fn the_order_of_fields_stays() {
        #[derive(Serialize)]
        struct Two {
            b: [u8; 0],
            a: &'static str,
        }
        let two = Two { b: [], a: "\\\"{" };
        assert_eq!(pretty(&two).unwrap(), "{\n  \"b\": [],\n  \"a\": \"\\\\\\\"{\"\n}");
        assert_eq!(value(&two).unwrap(), json!({ "a": "\\\"{", "b": [] }));
    }
}
