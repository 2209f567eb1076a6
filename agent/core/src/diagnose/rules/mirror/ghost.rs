//! `mirror.ghost`

use std::collections::BTreeMap;

use super::copy::{is_alive, is_same};
use crate::catalogue::{Code, Severity};
use crate::diagnose::{Context, Draft};
use crate::snapshot::StateDir;

/// `mirror.ghost`: two state directories of this node hold one device identity.
pub(super) fn ghost(context: Context<'_>, out: &mut Vec<Draft>) {
    for (device, dirs) in doubles(context) {
        let Some((first, others)) = dirs.split_first() else { continue };
        for other in others {
            // Two that are used clash now; a copy that nobody uses does so on the day that it is started.
            let severity =
                if is_alive(context, first) && is_alive(context, other) { Severity::Error } else { Severity::Warning };
            let (live, spare) =
                if is_alive(context, other) && !is_alive(context, first) { (*other, *first) } else { (*first, *other) };
            let summary = format!("`{}` and `{}` hold one device identity, `{device}`", live.path, spare.path);
            let mut draft = super::super::state::about(context, Code::MirrorGhost, spare, summary)
                .severity(severity)
                .state_dir(&live.path);
            for dir in [live, spare] {
                draft = draft.seen(format!("`{}` has device {device}", dir.path), &dir.records);
            }
            out.push(draft
                .remedy(format!("decide which one stays; `{}` was written last", latest(live, spare).path))
                .remedy("move the other one, with its gateway stopped, to where no gateway finds it, such as an archive")
                .remedy("or give the copy an identity of its own: with its gateway stopped, `openclaw doctor --fix` on it, then pair its clients anew"));
        }
    }
}

/// Whether another directory holds an identity of this one.
pub(super) fn is_doubled(context: Context<'_>, dir: &StateDir) -> bool {
    doubles(context).values().any(|dirs| dirs.iter().any(|one| one.path == dir.path))
}

/// Devices that more than one directory holds, with those directories, in use first. One directory under two paths is one.
fn doubles(context: Context<'_>) -> BTreeMap<&str, Vec<&StateDir>> {
    let mut holders: BTreeMap<&str, Vec<&StateDir>> = BTreeMap::new();
    for dir in &context.snapshot.state_dirs {
        let devices = dir.records.get().into_iter().flat_map(|records| &records.devices);
        for device in devices {
            let known = holders.entry(device.as_str()).or_default();
            if !known.iter().any(|other| is_same(other, dir)) {
                known.push(dir);
            }
        }
    }
    holders.retain(|_, dirs| dirs.len() > 1);
    holders
}

fn latest<'a>(one: &'a StateDir, other: &'a StateDir) -> &'a StateDir {
    if other.last_write > one.last_write { other } else { one }
}
