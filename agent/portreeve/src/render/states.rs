//! The state directories of a report, with what copies them.

use portreeve_core::report::{BackupSummary, MirrorState, MirrorSummary, Report, StateDirSummary};
use portreeve_core::snapshot::{ExclusionKind, MirrorWay};

use super::text::{columns, paragraph};
use crate::output::{BAD, BOLD, GOOD, WARN, plain, styled};

/// Each state directory: where it lies, and what Time Machine, sync clients and jobs do with it.
pub(super) fn states(report: &Report, width: usize) -> String {
    report.state_dirs.iter().map(|dir| state(dir, width)).collect()
}

fn state(dir: &StateDirSummary, width: usize) -> String {
    let mut out = format!("\n{} {}\n", styled(BOLD, "State directory"), plain(&dir.path));
    let mut facts: Vec<String> = dir.file_system.iter().cloned().collect();
    facts.extend(dir.free_bytes.map(|bytes| format!("{} GiB free", bytes >> 30)));
    facts.extend(dir.mode.as_ref().map(|mode| format!("mode {mode}")));
    if !facts.is_empty() {
        out.push_str(&paragraph(&facts.join(" · "), 2, width));
    }
    let mut rows: Vec<Vec<String>> = dir.time_machine.iter().map(backup).collect();
    rows.extend(dir.mirrors.iter().map(mirror));
    out.push_str(&columns(&rows, 2, width));
    out
}

fn word(state: MirrorState) -> String {
    match state {
        MirrorState::Copies => styled(BAD, "COPIED"),
        MirrorState::Excluded => styled(GOOD, "left out"),
        MirrorState::Unknown => styled(WARN, "?"),
    }
}

fn backup(backup: &BackupSummary) -> Vec<String> {
    let nowhere = backup.destinations.as_ref().is_some_and(Vec::is_empty);
    let path = backup.path.as_deref().unwrap_or_default();
    let mut detail = match (backup.state, backup.by) {
        (MirrorState::Unknown, _) => backup.why.clone().unwrap_or_default(),
        (MirrorState::Copies, _) => "neither it nor a folder above it is excluded".to_owned(),
        (_, Some(ExclusionKind::Path)) => format!("the path `{path}` is excluded"),
        (_, Some(ExclusionKind::Attribute)) => format!("an attribute of `{path}`"),
        (_, Some(ExclusionKind::Standard)) => format!("the system leaves `{path}` out"),
        (_, Some(ExclusionKind::Volume)) => format!("the volume `{path}` is left out"),
        (_, Some(ExclusionKind::Unnamed)) => "`tmutil isexcluded` says so".to_owned(),
        (_, None) if nowhere => "no destination is configured".to_owned(),
        (_, None) => String::new(),
    };
    if backup.running == Some(true) {
        detail.push_str("; a backup runs now");
    }
    vec![word(backup.state), "Time Machine".to_owned(), plain(&detail)]
}

fn mirror(mirror: &MirrorSummary) -> Vec<String> {
    let way = match mirror.way {
        MirrorWay::Out => ", one way",
        MirrorWay::Into => ", written into",
        MirrorWay::Both => "",
    };
    vec![word(mirror.state), plain(&mirror.name), plain(&format!("`{}`{way}: {}", mirror.root, mirror.detail))]
}
