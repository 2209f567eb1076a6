//! Fields that may change their type between releases: a value of another type reads as absent rather than failing the whole answer.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::text;

/// Most names kept of one list; the methods of the gateway of today are 466.
const MAX_NAMES: usize = 4096;

/// A value of the expected shape, or of another.
pub(super) enum Maybe<T> {
    Known(T),
    Other,
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Maybe<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;

        Ok(T::deserialize(value).map_or(Self::Other, Self::Known))
    }
}

/// The entries of the expected shape, and how many have another: what cannot be read is counted, not passed over.
pub(super) fn sort<T>(entries: Vec<Maybe<T>>) -> (Vec<T>, usize) {
    let all = entries.len();
    let known: Vec<T> = entries.into_iter().filter_map(Maybe::known).collect();
    let unreadable = all - known.len();

    (known, unreadable)
}

impl<T> Maybe<T> {
    fn known(self) -> Option<T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Other => None,
        }
    }
}

/// An optional value; `null` and a value of another type are `None`.
pub(super) fn optional<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned,
{
    let value = Maybe::<T>::deserialize(deserializer)?;

    Ok(value.known())
}

/// A value with a default; `null` and a value of another type give the default.
pub(super) fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned + Default,
{
    let value = Maybe::<T>::deserialize(deserializer)?;

    Ok(value.known().unwrap_or_default())
}

/// An optional [`text::name`].
pub(super) fn optional_name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let raw: Option<String> = optional(deserializer)?;

    Ok(raw.as_deref().map(text::name))
}

/// A [`text::name`], else an empty one.
pub(super) fn name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let name = optional_name(deserializer)?;

    Ok(name.unwrap_or_default())
}

/// A list of [`text::name`]s.
pub(super) fn names<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let raw: Vec<String> = list(deserializer)?;

    Ok(raw.iter().take(MAX_NAMES).map(|name| text::name(name)).collect())
}

/// A list whose entries of another shape are left out.
pub(super) fn list<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned,
{
    let value = Maybe::<Vec<Maybe<T>>>::deserialize(deserializer)?;

    Ok(value.known().unwrap_or_default().into_iter().filter_map(Maybe::known).collect())
}

/// A map by [`text::name`] whose entries of another shape are left out.
pub(super) fn map<'de, D, T>(deserializer: D) -> Result<BTreeMap<String, T>, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned,
{
    let value = Maybe::<BTreeMap<String, Maybe<T>>>::deserialize(deserializer)?;

    Ok(value
        .known()
        .unwrap_or_default()
        .into_iter()
        .filter_map(|(key, entry)| Some((text::name(&key), entry.known()?)))
        .collect())
}
