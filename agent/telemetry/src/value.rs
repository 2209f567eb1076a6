//! JSON as the protocol's structured values, and back.
//!
//! What is written here is read here as it was: null is a value that is not set, a number with a fraction a double. A whole number above
//! 2⁶³−1 becomes a double.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use crate::otlp::{AnyValue, ArrayValue, KeyValue, KeyValueList, any_value};

/// Deepest nesting of a value. Messages nest three times as deep, and decoders take a hundred.
pub const MAX_DEPTH: usize = 24;

/// Why a value cannot be turned.
#[derive(Debug, thiserror::Error)]
pub enum ValueError {
    /// It is no JSON.
    #[error("the value is not JSON")]
    Json(#[from] serde_json::Error),
    /// It nests too deep.
    #[error("the value is nested deeper than {MAX_DEPTH}")]
    Deep,
    /// It has too many parts.
    #[error("the value has more than {0} parts")]
    Large(usize),
    /// It is of a kind that JSON has none for.
    #[error("the value has bytes or a reference in it")]
    Kind,
}

/// Reads JSON without a tree of its own in between.
pub fn from_json(bytes: &[u8]) -> Result<AnyValue, ValueError> {
    let value = serde_json::from_slice::<Wrapped>(bytes)?.0;
    if is_deeper(&value, MAX_DEPTH) { Err(ValueError::Deep) } else { Ok(value) }
}

/// A text.
pub fn text(text: impl Into<String>) -> AnyValue {
    of(any_value::Value::StringValue(text.into()))
}

/// A pair of key and value.
pub fn pair(key: &str, value: AnyValue) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(value), ..KeyValue::default() }
}

/// Turns a value that came from anywhere into JSON, of at most so many parts.
pub fn to_json(value: &AnyValue, max_parts: usize) -> Result<Value, ValueError> {
    let mut left = max_parts;
    turn(value, MAX_DEPTH, &mut left).map_err(|error| match error {
        ValueError::Large(_) => ValueError::Large(max_parts),
        other => other,
    })
}

fn turn(value: &AnyValue, depth: usize, left: &mut usize) -> Result<Value, ValueError> {
    *left = left.checked_sub(1).ok_or(ValueError::Large(0))?;
    let below = || depth.checked_sub(1).ok_or(ValueError::Deep);
    Ok(match &value.value {
        None => Value::Null,
        Some(any_value::Value::BoolValue(value)) => Value::Bool(*value),
        Some(any_value::Value::IntValue(value)) => Value::from(*value),
        Some(any_value::Value::DoubleValue(value)) => Number::from_f64(*value).map_or(Value::Null, Value::Number),
        Some(any_value::Value::StringValue(text)) => Value::String(text.clone()),
        Some(any_value::Value::ArrayValue(array)) => {
            let depth = below()?;
            let values: Result<_, _> = array.values.iter().map(|value| turn(value, depth, left)).collect();
            Value::Array(values?)
        }
        Some(any_value::Value::KvlistValue(list)) => {
            let depth = below()?;
            let mut map = Map::new();
            for KeyValue { key, value, .. } in &list.values {
                let value = value.as_ref().map_or(Ok(Value::Null), |value| turn(value, depth, left))?;
                map.insert(key.clone(), value);
            }
            Value::Object(map)
        }
        Some(any_value::Value::BytesValue(_) | any_value::Value::StringValueStrindex(_)) => {
            return Err(ValueError::Kind);
        }
    })
}

fn is_deeper(value: &AnyValue, depth: usize) -> bool {
    match &value.value {
        Some(any_value::Value::ArrayValue(array)) => {
            depth == 0 || array.values.iter().any(|value| is_deeper(value, depth - 1))
        }
        Some(any_value::Value::KvlistValue(list)) => {
            depth == 0
                || list.values.iter().filter_map(|pair| pair.value.as_ref()).any(|value| is_deeper(value, depth - 1))
        }
        _ => false,
    }
}

fn of(value: any_value::Value) -> AnyValue {
    AnyValue { value: Some(value) }
}

struct Wrapped(AnyValue);

impl<'de> Deserialize<'de> for Wrapped {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader).map(Self)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = AnyValue;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: de::Error>(self) -> Result<AnyValue, E> {
        Ok(AnyValue { value: None })
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<AnyValue, E> {
        Ok(of(any_value::Value::BoolValue(value)))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<AnyValue, E> {
        Ok(of(any_value::Value::IntValue(value)))
    }

    #[expect(clippy::cast_precision_loss, reason = "there is no integer that large in the protocol")]
    fn visit_u64<E: de::Error>(self, value: u64) -> Result<AnyValue, E> {
        let whole = i64::try_from(value).map(any_value::Value::IntValue);
        Ok(of(whole.unwrap_or(any_value::Value::DoubleValue(value as f64))))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<AnyValue, E> {
        Ok(of(any_value::Value::DoubleValue(value)))
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<AnyValue, E> {
        Ok(text(value))
    }

    fn visit_string<E: de::Error>(self, value: String) -> Result<AnyValue, E> {
        Ok(text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<AnyValue, A::Error> {
        let mut values = Vec::new();
        while let Some(Wrapped(value)) = seq.next_element()? {
            values.push(value);
        }
        Ok(of(any_value::Value::ArrayValue(ArrayValue { values })))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<AnyValue, A::Error> {
        let mut values = Vec::new();
        while let Some((key, Wrapped(value))) = map.next_entry::<String, Wrapped>()? {
            values.push(KeyValue { key, value: Some(value), ..KeyValue::default() });
        }
        Ok(of(any_value::Value::KvlistValue(KeyValueList { values })))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::otlp::Message;

    fn json_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_filter("finite", |value| value.is_finite()).prop_map(Value::from),
            ".{0,12}".prop_map(Value::from),
        ];
        leaf.prop_recursive(6, 64, 8, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
                proptest::collection::btree_map(".{0,6}", inner, 0..8)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_goes_out_comes_back(value in json_value()) {
            let bytes = serde_json::to_vec(&value).unwrap();
            // JSON itself may lose the last digit of a double.
            let value: Value = serde_json::from_slice(&bytes).unwrap();
            let wire = from_json(&bytes).unwrap().encode_to_vec();
            let read = AnyValue::decode(wire.as_slice()).unwrap();
            prop_assert_eq!(to_json(&read, 100_000).unwrap(), value);
        }

        #[test]
        fn what_is_no_value_is_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(value) = AnyValue::decode(bytes.as_slice()) {
                let _ = to_json(&value, 50);
            }
            let _ = from_json(&bytes);
        }
    }

    #[test]
    fn depth_and_size_are_bounded_on_both_ways() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        let deepest = from_json(nested(MAX_DEPTH).as_bytes()).unwrap();
        assert!(matches!(from_json(nested(MAX_DEPTH + 1).as_bytes()), Err(ValueError::Deep)));
        let read = AnyValue::decode(deepest.encode_to_vec().as_slice()).unwrap();
        assert!(to_json(&read, 100).is_ok());
        let mut deeper = deepest;
        deeper = of(any_value::Value::ArrayValue(ArrayValue { values: vec![deeper] }));
        assert!(matches!(to_json(&deeper, 100), Err(ValueError::Deep)));
        let wide = from_json(json!([1, 2, 3]).to_string().as_bytes()).unwrap();
        assert!(to_json(&wide, 4).is_ok());
        assert!(matches!(to_json(&wide, 3), Err(ValueError::Large(3))));
    }

    #[test]
    fn what_json_has_no_word_for_is_refused_or_null() {
        assert!(matches!(to_json(&of(any_value::Value::BytesValue(vec![1])), 9), Err(ValueError::Kind)));
        assert_eq!(to_json(&of(any_value::Value::DoubleValue(f64::NAN)), 9).unwrap(), Value::Null);
        let large = from_json(u64::MAX.to_string().as_bytes()).unwrap();
        assert_eq!(to_json(&large, 9).unwrap(), json!(18_446_744_073_709_551_615.0));
    }
}
