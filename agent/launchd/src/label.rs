//! Labels that are fit to be names of files.

use crate::InstallError;

/// Longest label of a unit that is taken over, so that the gate's fits into the name of a file.
const MAX_LABEL: usize = 128;

/// The beginning of the labels of gates.
const GATE: &str = "dev.portreeve.gate.";

/// The label, if it is fit to be the name of a file.
pub(crate) fn check(label: &str) -> Result<&str, InstallError> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    let is_fit =
        !label.is_empty() && label.len() <= MAX_LABEL && !label.starts_with(['.', '-']) && label.bytes().all(is_plain);
    if is_fit { Ok(label) } else { Err(InstallError::Label { label: label.chars().take(MAX_LABEL).collect() }) }
}

/// The label of the gate in the place of a unit.
pub(crate) fn gate_of(label: &str) -> String {
    format!("{GATE}{label}")
}

/// The label of the gate for a Compose project.
pub(crate) fn gate_of_project(project: &str) -> String {
    format!("{GATE}compose.{project}")
}

/// What stands for a gate in the folder of records.
pub(crate) fn record_of(label: &str) -> &str {
    label.strip_prefix(GATE).unwrap_or(label)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn labels_become_names_of_files_and_nothing_else() {
        for label in ["ai.openclaw.gateway", "a", "A_b-1.2"] {
            assert!(check(label).is_ok(), "{label}");
        }
        for label in ["", ".hidden", "-x", "a/b", "..", "a b", "a\n", "é", &"x".repeat(129)] {
            assert!(check(label).is_err(), "{label:?}");
        }
        assert_eq!(record_of(&gate_of("ai.openclaw.gateway")), "ai.openclaw.gateway");
        assert_eq!(record_of("ai.openclaw.gateway"), "ai.openclaw.gateway");
    }

    proptest! {
        #[test]
        fn no_label_leads_out_of_its_folder(label in "\\PC{0,140}") {
            if check(&label).is_ok() {
                let path = std::path::Path::new("/folder").join(format!("{label}.plist"));
                prop_assert_eq!(path.components().count(), 3);
            }
        }
    }
}
