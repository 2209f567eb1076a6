//! What copies state directories: Time Machine, sync clients, jobs, and copies that came to life.

mod ghost;
mod job;
mod sync;
mod time_machine;

use super::super::{Context, Draft, Rule};
use super::command::{quote, stop};
use crate::Fact;
use crate::catalogue::Code;
use crate::snapshot::{Blind, Mirror, MirrorKind, Snapshot, StateDir};

pub(super) const RULES: &[Rule] =
    &[ghost::ghost, job::job, sync::cloud, sync::icloud, time_machine::backup_slow, time_machine::time_machine];

/// What they may raise.
pub(super) const RAISES: &[Code] = &[
    Code::MirrorTimeMachine,
    Code::MirrorBackupSlow,
    Code::MirrorIcloud,
    Code::MirrorCloud,
    Code::MirrorJob,
    Code::MirrorGhost,
];

/// What grants the agent the right to see what macOS protects.
const FULL_DISK_ACCESS: &str = "run as root, and install a PPPC profile (`com.apple.TCC.configuration-profile-policy`) \
    that grants `SystemPolicyAllFiles`, which is Full Disk Access, to `portreeve`";

/// Mirrors of state directories in use that were seen to copy them.
fn in_force<'a>(
    context: Context<'a>,
    is_meant: impl Fn(&MirrorKind) -> bool + 'a,
) -> impl Iterator<Item = (&'a StateDir, &'a Mirror)> {
    super::state::in_use(context)
        .flat_map(move |dir| {
            let mine = context.snapshot.mirrors.iter().filter(move |mirror| mirror.state_dir == dir.path);
            mine.filter(|mirror| mirror.is_in_force()).map(move |mirror| (dir, mirror)).collect::<Vec<_>>()
        })
        .filter(move |(_, mirror)| is_meant(&mirror.kind))
}

/// A finding about a state directory that a mirror copies.
fn about(context: Context<'_>, code: Code, dir: &StateDir, mirror: &Mirror, summary: String) -> Draft {
    let draft = super::state::about(context, code, dir, summary);
    draft.seen(mirror.seen.get().cloned().unwrap_or_default(), &mirror.seen)
}

/// Stops the gateways of a state directory and moves it away from where it is copied.
fn move_away(context: Context<'_>, mut draft: Draft, dir: &StateDir, from: &str) -> Draft {
    for gateway in super::state::gateways_of(context, dir) {
        for unit in gateway.units.iter().filter_map(|id| context.snapshot.unit(id)) {
            draft = draft.command("stop the gateway first", stop(unit));
        }
    }
    let text = format!("move the state directory out of {from}");
    let Some(home) = dir.home.as_deref() else { return draft.remedy(text) };
    let name = dir.profile.as_deref().map_or_else(|| ".openclaw".to_owned(), |name| format!(".openclaw-{name}"));
    let target = format!("{}/{name}", home.trim_end_matches('/'));
    if target == dir.path {
        return draft.remedy(format!("{text}, to a folder that nothing copies, and set `OPENCLAW_STATE_DIR` to it"));
    }
    let (path, target_word) = (quote(&dir.path), quote(&target));
    if dir.aliases.contains(&target) {
        return draft.command(
            format!("{text}, in place of the link to it"),
            format!("rm {target_word} && mv {path} {target_word}"),
        );
    }
    draft.command(text, format!("mv {path} {target_word}")).remedy(format!(
        "set `OPENCLAW_STATE_DIR` to `{target}` wherever the old path is named, then start the gateway"
    ))
}

/// The state directory as it is called within the folder that is copied; none where it is that folder or holds it.
fn within<'a>(dir: &'a StateDir, root: &str) -> Option<&'a str> {
    let rest = dir.path.strip_prefix(root.trim_end_matches('/'))?.strip_prefix('/')?;
    Some(rest).filter(|rest| !rest.is_empty())
}

/// Last part of the state directory's path.
fn base(dir: &StateDir) -> &str {
    dir.path.rsplit('/').find(|part| !part.is_empty()).unwrap_or(&dir.path)
}

/// What could not be told of mirrors of state directories in use.
pub(in super::super) fn unseen(snapshot: &Snapshot) -> Vec<Blind> {
    let mut blind: Vec<Blind> = Vec::new();
    let mut add = |what: String, why: Option<&str>| {
        let Some(why) = why else { return };
        let remedy = if why.contains("Full Disk Access") { FULL_DISK_ACCESS } else { "run as root" };
        let spot = Blind { what, why: why.to_owned(), remedy: remedy.to_owned(), readiness: true };
        if !blind.contains(&spot) {
            blind.push(spot);
        }
    };
    let used: Vec<&StateDir> = super::state::used(snapshot).collect();
    let is_used = |path: &str| used.iter().any(|dir| dir.path == path);
    if !used.is_empty() {
        add("Time Machine".to_owned(), snapshot.time_machine.blind());
    }
    if let Some(machine) = snapshot.time_machine.get() {
        let left: Vec<_> =
            machine.dirs.iter().filter(|one| is_used(&one.state_dir) && one.excluded.get().is_none()).collect();
        // Where everything is left out, it is all the same where backups would go.
        if !left.is_empty() {
            add("destinations of Time Machine".to_owned(), machine.destinations.blind());
        }
        let nowhere = machine.destinations.get().is_some_and(Vec::is_empty);
        for one in left.iter().filter(|_| !nowhere) {
            add(format!("whether Time Machine backs up {}", one.state_dir), one.excluded.blind());
        }
    }
    for mirror in snapshot.mirrors.iter().filter(|mirror| is_used(&mirror.state_dir)) {
        let name = mirror.kind.name();
        let excluded: Option<&Fact<String>> = mirror.seen.get().map(|_| &mirror.excluded);
        add(format!("whether {name} copies {}", mirror.state_dir), mirror.seen.blind());
        add(format!("what {name} leaves out of {}", mirror.root), excluded.and_then(Fact::blind));
    }
    blind
}

#[cfg(test)]
mod tests;
