//! The property lists in `launchd/` that gates are made from.

use plist::{Dictionary, Value};

use crate::InstallError;

/// The gate in the place of a unit. Its `ProgramArguments` end where the words of the unit follow.
pub const UNIT: &str = include_str!("../../../launchd/dev.portreeve.gate.plist");
/// The gate for a Compose project. Its `ProgramArguments` end where the file follows.
pub const COMPOSE: &str = include_str!("../../../launchd/dev.portreeve.gate.compose.plist");

/// A template as a dictionary.
pub(crate) fn parse(text: &str) -> Result<Dictionary, InstallError> {
    let value = portreeve_observe::plist::parse(text.as_bytes()).map_err(InstallError::Template)?;
    value.into_dictionary().ok_or(InstallError::Template(portreeve_observe::plist::ParseError::UnknownForm))
}

/// The words of `ProgramArguments`.
pub(crate) fn words(list: &Dictionary) -> Vec<String> {
    let words = list.get("ProgramArguments").and_then(Value::as_array).into_iter().flatten();
    words.filter_map(Value::as_string).map(str::to_owned).collect()
}

/// Words as a value.
pub(crate) fn array(words: Vec<String>) -> Value {
    Value::Array(words.into_iter().map(Value::String).collect())
}
