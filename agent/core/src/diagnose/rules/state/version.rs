//! `state.version-boundary`

use std::collections::BTreeMap;

use super::{about, gateways_of, in_use};
use crate::catalogue::Code;
use crate::diagnose::{Context, Draft};
use crate::snapshot::StateDir;

/// The last release that kept its locks in the temporary folder.
const LAST_OLD: (u32, u32, u32) = (2026, 6, 33);

/// `state.version-boundary`: releases whose lock trees differ use one state directory, so that neither sees the other.
pub(super) fn version_boundary(context: Context<'_>, out: &mut Vec<Draft>) {
    for dir in in_use(context) {
        let users = users(context, dir);
        let old = users.iter().find(|(_, version)| release(version).is_some_and(|version| version <= LAST_OLD));
        let new = users.iter().find(|(_, version)| release(version).is_some_and(|version| version > LAST_OLD));
        let (Some((older, old)), Some((newer, new))) = (old, new) else { continue };
        out.push(
            about(
                context,
                Code::StateVersionBoundary,
                dir,
                format!(
                    "`{}` is used by {older} with {old} and by {newer} with {new}: their locks do not see each other",
                    dir.path
                ),
            )
            .evidence(format!("{older} is {old}"), older.clone(), context.snapshot.taken_at)
            .evidence(format!("{newer} is {new}"), newer.clone(), context.snapshot.taken_at),
        );
    }
}

/// Who uses a state directory, with the version.
fn users(context: Context<'_>, dir: &StateDir) -> BTreeMap<String, String> {
    let snapshot = context.snapshot;
    let mut users = BTreeMap::new();
    for gateway in gateways_of(context, dir) {
        let ladder = &gateway.ladder;
        let hello = ladder.connect.answer().and_then(|hello| hello.server_version.clone());
        let version = hello.or_else(|| ladder.startupz.answer().and_then(|startup| startup.version.clone()));
        if let Some(version) = version {
            users.insert(format!("the running gateway on port {}", gateway.port), version);
        }
    }
    let units = snapshot.units.units.iter().filter(|unit| unit.state_dir.as_deref() == Some(dir.path.as_str()));
    for unit in units.filter(|unit| super::super::ownership::is_active(unit)) {
        let install = snapshot.installs.iter().find(|install| install.used_by.contains(&unit.id));
        if let Some(version) = install.and_then(|install| install.version.clone()).or_else(|| unit.version.clone()) {
            users.insert(format!("`{}`", unit.id), version);
        }
    }
    users
}

/// Year, month and number of a release; none for what is not written that way.
pub(in super::super) fn release(version: &str) -> Option<(u32, u32, u32)> {
    let mut parts = version.split(['.', '-', '+']).map(str::parse);
    match (parts.next()?, parts.next()?, parts.next()?) {
        (Ok(year), Ok(month), Ok(number)) => Some((year, month, number)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::fixture::*;

    #[test]
    fn an_old_and_a_new_release_in_one_directory_are_named() {
        let node = node(|node| node.installs[0].version = Some("2026.6.33".to_owned()));
        let draft = draft(version_boundary, &node);
        assert!(draft.summary.contains("`gui/501/ai.openclaw.gateway` with 2026.6.33"), "{}", draft.summary);
        assert!(draft.summary.contains("the running gateway on port 18789 with 2026.9.6"));
    }

    #[test]
    fn two_new_releases_see_each_other() {
        assert!(silent(version_boundary, &node(|node| node.installs[0].version = Some("2026.7.0".to_owned()))));
    }

    #[test]
    fn healthy_or_unknown_it_says_nothing() {
        assert!(silent(version_boundary, &healthy()));
        assert!(silent(version_boundary, &node(|node| node.installs[0].version = Some("main".to_owned()))));
    }
}
