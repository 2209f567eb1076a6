//! Reading what was kept or handed on as JSON.

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
