//! What copies state directories: Time Machine, sync clients, jobs, and copies that came to life.

mod copy;
mod ghost;
mod job;
mod sync;
mod time_machine;

pub(in super::super) use copy::is_spare;

use super::super::{Context, Draft, Rule};
use super::command::{quote, stop};
use super::contained::{self, name};
use crate::Fact;
use crate::catalogue::Code;
use crate::snapshot::{Blind, Gateway, Mirror, MirrorKind, Snapshot, StateDir, Workload};

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

/// A state directory in use: of the host, or a folder of the host that a container has as its state.
#[derive(Clone, Copy)]
struct Holder<'a> {
    path: &'a str,
    dir: Option<&'a StateDir>,
    workload: Option<&'a Workload>,
}

/// State directories in use, with those of containers that have a folder of this host as their state.
fn holders(snapshot: &Snapshot) -> Vec<Holder<'_>> {
    let mut holders: Vec<Holder<'_>> = super::state::used(snapshot)
        .map(|dir| Holder { path: dir.path.as_str(), dir: Some(dir), workload: None })
        .collect();
    let told: Vec<&str> = mirrored_paths(snapshot).collect();
    for workload in snapshot.workloads.iter().filter(|workload| workload.runtime.is_some()) {
        let Some(source) = workload.state_on_host() else { continue };
        let Some(path) = told.iter().copied().find(|path| *path == source) else { continue };
        if !holders.iter().any(|known| known.path == path) {
            holders.push(Holder { path, dir: None, workload: Some(workload) });
        }
    }
    holders
}

/// Paths by which facts on mirrors name state directories.
fn mirrored_paths(snapshot: &Snapshot) -> impl Iterator<Item = &str> {
    let backed = snapshot.time_machine.get().into_iter().flat_map(|machine| &machine.dirs);
    snapshot.mirrors.iter().map(|mirror| mirror.state_dir.as_str()).chain(backed.map(|one| one.state_dir.as_str()))
}

/// Mirrors of state directories in use that were seen to copy them.
fn in_force(context: Context<'_>, is_meant: impl Fn(&MirrorKind) -> bool) -> Vec<(Holder<'_>, &Mirror)> {
    let mut found = Vec::new();
    for holder in holders(context.snapshot) {
        let mine = context.snapshot.mirrors.iter().filter(|mirror| mirror.state_dir == holder.path);
        found.extend(
            mine.filter(|mirror| mirror.is_in_force() && is_meant(&mirror.kind)).map(|mirror| (holder, mirror)),
        );
    }
    found
}

impl<'a> Holder<'a> {
    /// A finding about it.
    fn about(&self, context: Context<'_>, code: Code, summary: String) -> Draft {
        match (self.dir, self.workload) {
            (Some(dir), _) => super::state::about(context, code, dir, summary),
            (None, Some(workload)) => {
                let summary = format!("{summary}, the state of {}", name(workload));
                let draft = Draft::new(code, "state", self.path, summary).state_dir(self.path).workload(workload);
                let mine = |gateway: &&Gateway| gateway.workload.as_ref() == Some(&workload.id);
                context.snapshot.gateways.iter().filter(mine).fold(draft, Draft::gateway)
            }
            (None, None) => Draft::new(code, "state", self.path, summary).state_dir(self.path),
        }
    }

    /// A finding about it and a mirror that copies it.
    fn mirrored(&self, context: Context<'_>, code: Code, mirror: &Mirror, summary: String) -> Draft {
        let draft = self.about(context, code, summary);
        draft.seen(mirror.seen.get().cloned().unwrap_or_default(), &mirror.seen)
    }

    /// Stops what uses it, before anything is changed.
    fn stop(&self, context: Context<'_>, mut draft: Draft) -> Draft {
        if let (None, Some(workload)) = (self.dir, self.workload) {
            return draft.command("stop the container first", contained::stop(context.snapshot, workload));
        }
        for gateway in self.dir.into_iter().flat_map(|dir| super::state::gateways_of(context, dir)) {
            for unit in gateway.units.iter().filter_map(|id| context.snapshot.unit(id)) {
                draft = draft.command("stop the gateway first", stop(unit));
            }
        }
        draft
    }

    /// Stops its gateways and moves it away from where it is copied.
    fn move_away(&self, context: Context<'_>, draft: Draft, from: &str) -> Draft {
        let text = format!("move the state directory out of {from}");
        let draft = self.stop(context, draft);
        let Some(dir) = self.dir else {
            return draft.remedy(match self.workload {
                Some(_) => {
                    format!("{text}, to a folder that nothing copies or to a volume of the engine, and mount that")
                }
                None => text,
            });
        };
        let Some(home) = dir.home.as_deref() else { return draft.remedy(text) };
        let name = dir.profile.as_deref().map_or_else(|| ".openclaw".to_owned(), |name| format!(".openclaw-{name}"));
        let target = format!("{}/{name}", home.trim_end_matches('/'));
        if target == dir.path {
            return draft
                .remedy(format!("{text}, to a folder that nothing copies, and set `OPENCLAW_STATE_DIR` to it"));
        }
        let (path, target_word) = (quote(&dir.path), quote(&target));
        if dir.aliases.contains(&target) {
            let command = format!("rm {target_word} && mv {path} {target_word}");
            return draft.command(format!("{text}, in place of the link to it"), command);
        }
        draft.command(text, format!("mv {path} {target_word}")).remedy(format!(
            "set `OPENCLAW_STATE_DIR` to `{target}` wherever the old path is named, then start the gateway"
        ))
    }

    /// As it is called within the folder that is copied; none where it is that folder or holds it.
    fn within(&self, root: &str) -> Option<&'a str> {
        let rest = self.path.strip_prefix(root.trim_end_matches('/'))?.strip_prefix('/')?;
        Some(rest).filter(|rest| !rest.is_empty())
    }

    /// Whether a folder that is copied is a part of it.
    fn part(&self, root: &str) -> bool {
        root.strip_prefix(self.path.trim_end_matches('/')).is_some_and(|rest| rest.len() > 1 && rest.starts_with('/'))
    }

    /// Last part of its path.
    fn base(&self) -> &'a str {
        self.path.rsplit('/').find(|part| !part.is_empty()).unwrap_or(self.path)
    }
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
    let used = holders(snapshot);
    let is_used = |path: &str| used.iter().any(|holder| holder.path == path);
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
