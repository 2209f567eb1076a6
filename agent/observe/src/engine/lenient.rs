//! Fields that one engine leaves out, another sets to null and a third writes in another form.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};

/// The field, or its default where it is null or of another form.
pub(super) fn or_default<'de, D: Deserializer<'de>, T: DeserializeOwned + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    let value = serde_json::Value::deserialize(deserializer)?;
    Ok(serde_json::from_value(value).unwrap_or_default())
}
