//! `mirror.ghost`

use std::collections::BTreeMap;

use super::super::ownership::is_active;
use crate::catalogue::{Code, Severity};
use crate::diagnose::{Context, Draft};
use crate::snapshot::{Gateway, StateDir};

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
        let place = |dir: &StateDir| dir.stat.get().map(|stat| (stat.dev, stat.ino));
        for device in devices {
            let known = holders.entry(device.as_str()).or_default();
            let same =
                |other: &&StateDir| other.path == dir.path || (place(dir).is_some() && place(other) == place(dir));
            if !known.iter().any(same) {
                known.push(dir);
            }
        }
    }
    holders.retain(|_, dirs| dirs.len() > 1);
    holders
}

/// Whether a gateway runs or should run in it, or something has its files open. When it was written tells nothing: a copy is as young as
/// the moment at which it was made.
fn is_alive(context: Context<'_>, dir: &StateDir) -> bool {
    let snapshot = context.snapshot;
    // Lease and lock of a copy name the owner of the original.
    let is_its = |pid: &u32| snapshot.process(*pid).and_then(|process| process.state_dir.as_ref()) == Some(&dir.path);
    let works = |gateway: &Gateway| {
        gateway.pids.iter().any(is_its) || gateway.units.iter().filter_map(|id| snapshot.unit(id)).any(is_active)
    };
    super::super::state::gateways_of(context, dir).any(works) || dir.open.get().is_some_and(|open| !open.is_empty())
}

fn latest<'a>(one: &'a StateDir, other: &'a StateDir) -> &'a StateDir {
    if other.last_write > one.last_write { other } else { one }
}
