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
    let mut depth = 0;
    let break_line = |text: &mut String, depth: usize| {
        text.push('\n');
        (0..depth).for_each(|_| text.push_str("  "));
    };
    let is_mark = |byte: u8| matches!(byte, b'{' | b'[' | b'}' | b']' | b',' | b':' | b'"');
    let mut rest = compact;
    while let Some(at) = rest.bytes().position(is_mark) {
        let (before, from) = rest.split_at(at);
        let (mark, after) = from.split_at(1);
        text.push_str(before);
        rest = after;
        match mark {
            "{" | "[" => {
                text.push_str(mark);
                if let Some(end) = after.get(..1).filter(|next| matches!(*next, "}" | "]")) {
                    text.push_str(end);
                    rest = after.split_at(1).1;
                } else {
                    depth += 1;
                    break_line(&mut text, depth);
                }
            }
            "}" | "]" => {
                depth = depth.saturating_sub(1);
                break_line(&mut text, depth);
                text.push_str(mark);
            }
            "," => {
                text.push_str(mark);
                break_line(&mut text, depth);
            }
            ":" => text.push_str(": "),
            _ => {
                let (string, after) = after.split_at(quoted_length(after));
                text.push_str(mark);
                text.push_str(string);
                rest = after;
            }
        }
    }
    text.push_str(rest);
    text
}

/// The length of a string whose quote is open, with the quote that closes it.
fn quoted_length(text: &str) -> usize {
    let mut is_escaped = false;
    let end = text.bytes().position(|byte| {
        let is_end = byte == b'"' && !is_escaped;
        is_escaped = byte == b'\\' && !is_escaped;
        is_end
    });
    end.map_or(text.len(), |end| end + 1)
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
