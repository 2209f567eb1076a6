//! What changes, for people to read, without secrets.

use plist::{Dictionary, Value};
use portreeve_facts::workload::mask;
use similar::TextDiff;

use crate::InstallError;

/// Variables whose values are shown. Any other may hold a secret.
const SHOWN: [&str; 16] = [
    "HOME",
    "LANG",
    "LC_ALL",
    "LOGNAME",
    "OPENCLAW_CONFIG_PATH",
    "OPENCLAW_GATEWAY_PORT",
    "OPENCLAW_HOME",
    "OPENCLAW_LAUNCHD_LABEL",
    "OPENCLAW_PROFILE",
    "OPENCLAW_SERVICE_KIND",
    "OPENCLAW_SERVICE_MARKER",
    "OPENCLAW_SERVICE_REPAIR_POLICY",
    "OPENCLAW_STATE_DIR",
    "OPENCLAW_SUPERVISOR_MODE",
    "PATH",
    "TMPDIR",
];
const HIDDEN: &str = "(not shown)";

/// A property list as XML.
pub(crate) fn xml(list: &Dictionary) -> Result<Vec<u8>, InstallError> {
    let mut bytes = Vec::new();
    Value::Dictionary(list.clone()).to_writer_xml(&mut bytes).map_err(InstallError::Write)?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// Keys in order, here and one level below, so that only what changes differs.
pub(crate) fn sort(list: &mut Dictionary) {
    list.sort_keys();
    for inner in list.values_mut().filter_map(Value::as_dictionary_mut) {
        inner.sort_keys();
    }
}

/// The unified diff of two property lists, both in the same form and without secrets.
pub(crate) fn unified(old: Option<(&str, &Dictionary)>, new: (&str, &Dictionary)) -> Result<String, InstallError> {
    let text = |list: &Dictionary| Ok::<_, InstallError>(String::from_utf8_lossy(&xml(&shown(list))?).into_owned());
    let (old_name, old_text) = match old {
        Some((name, list)) => (name, text(list)?),
        None => ("/dev/null", String::new()),
    };
    let new_text = text(new.1)?;
    Ok(TextDiff::from_lines(&old_text, &new_text).unified_diff().header(old_name, new.0).to_string())
}

/// The list with its secrets hidden.
fn shown(list: &Dictionary) -> Dictionary {
    let mut list = list.clone();
    sort(&mut list);
    if let Some(Value::Dictionary(variables)) = list.get_mut("EnvironmentVariables") {
        for (name, value) in variables.iter_mut() {
            if SHOWN.binary_search(&name.as_str()).is_err() {
                *value = Value::String(HIDDEN.to_owned());
            }
        }
    }
    if let Some(Value::Array(words)) = list.get_mut("ProgramArguments") {
        let plain: Vec<String> = words.iter().map(|word| word.as_string().unwrap_or_default().to_owned()).collect();
        *words = mask(&plain).into_iter().map(Value::String).collect();
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted() {
        assert!(SHOWN.is_sorted());
    }
}
