//! Who works on the node, and until when.

use portreeve_core::Maintenance;

use crate::output::plain;

/// What is announced, in one line.
pub(crate) fn maintenance(announced: Option<&Maintenance>) -> String {
    match announced {
        Some(announced) => format!("maintenance {}\n", sentence(announced)),
        None => "no maintenance\n".to_owned(),
    }
}

/// `until 2026-11-22 06:00:00Z, announced by op: engine upgrade`.
pub(super) fn sentence(announced: &Maintenance) -> String {
    let until = announced.until.strftime("%Y-%m-%d %H:%M:%SZ");
    let reason = announced.reason.as_ref().map(|reason| format!(": {}", plain(reason))).unwrap_or_default();
    format!("until {until}, announced by {}{reason}", plain(&announced.by))
}
