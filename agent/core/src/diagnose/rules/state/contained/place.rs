//! Where the state of a workload really lies.

use std::collections::BTreeMap;

use crate::order::Order as _;
use crate::snapshot::{Gateway, MountKind, Process, Snapshot, Workload, WorkloadRole};

/// Where the state of a workload lies.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Source {
    /// A volume: engine (none where it is only written down), project that an engineless name belongs to, name, path below it.
    Volume { engine: Option<String>, project: Option<String>, name: String, below: String },
    /// A path of the host.
    Path(String),
    /// Memory: gone with the container.
    Memory,
    /// The container's own layer: gone with the container.
    Layer,
}

/// Where the state of a workload lies. None where its state directory is not known, or where an anonymous volume holds it.
pub(super) fn source(snapshot: &Snapshot, workload: &Workload) -> Option<Source> {
    let state = workload.state_dir.as_deref()?;
    // The databases have a folder of their own, which may be all that is mounted.
    let database = format!("{state}/state");
    let Some((path, mount)) =
        [state, database.as_str()].into_iter().find_map(|path| workload.mount_of(path).map(|mount| (path, mount)))
    else {
        return Some(Source::Layer);
    };
    let below = path.strip_prefix(mount.target.trim_end_matches('/')).unwrap_or_default().to_owned();
    match (mount.kind, &mount.source) {
        (MountKind::Tmpfs, _) => Some(Source::Memory),
        (MountKind::Bind, Some(from)) => Some(Source::Path(format!("{}{below}", from.trim_end_matches('/')))),
        (MountKind::Volume, Some(name)) => {
            let written = workload.engine.is_none();
            let external = snapshot
                .volumes
                .iter()
                .any(|volume| volume.name == *name && volume.engine == workload.engine && volume.project.is_none());
            let project = workload.project.clone().filter(|_| written && !external);
            Some(Source::Volume { engine: workload.engine.clone(), project, name: name.clone(), below })
        }
        _ => None,
    }
}

impl Source {
    /// In words: `volume claw_state`, `/srv/claw/state`.
    pub(super) fn words(&self) -> String {
        match self {
            Self::Volume { name, below, .. } => format!("volume `{name}{below}`"),
            Self::Path(path) => format!("`{path}`"),
            Self::Memory => "memory".to_owned(),
            Self::Layer => "the container's own layer".to_owned(),
        }
    }
}

/// One who uses a state directory as its gateway.
#[derive(Debug, Clone, Copy)]
pub(super) enum Holder<'a> {
    /// A gateway in a container or service.
    Contained(&'a Workload),
    /// A gateway of the host.
    Host(&'a Gateway),
}

/// By what two holders are known to use one directory.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Source(Source),
    /// Device and inode, of one kernel.
    Inode(u64, u64),
}

/// Groups of two and more that use one directory, each with its name.
pub(super) fn groups<'a>(
    snapshot: &'a Snapshot,
    wants_to_run: impl Fn(&Workload) -> bool,
    is_active: impl Fn(&Gateway) -> bool,
) -> Vec<(String, Vec<Holder<'a>>)> {
    let mut by_key: BTreeMap<Key, Vec<usize>> = BTreeMap::new();
    let mut holders: Vec<Holder<'a>> = Vec::new();
    let mut names: Vec<String> = Vec::new();
    let workloads = snapshot.workloads.iter().filter(|workload| workload.role == WorkloadRole::Gateway);
    for workload in workloads.filter(|workload| wants_to_run(workload)) {
        let index = holders.len();
        let source = source(snapshot, workload).filter(|source| !matches!(source, Source::Layer | Source::Memory));
        let Some(source) = source else { continue };
        holders.push(Holder::Contained(workload));
        names.push(source.words());
        by_key.entry(Key::Source(source)).or_default().push(index);
        if let Some((dev, ino)) = inode(snapshot, workload) {
            by_key.entry(Key::Inode(dev, ino)).or_default().push(index);
        }
    }
    for gateway in snapshot.host_gateways().filter(|gateway| is_active(gateway)) {
        let Some(path) = &gateway.state_dir else { continue };
        let index = holders.len();
        holders.push(Holder::Host(gateway));
        names.push(format!("`{path}`"));
        let dir = snapshot.state_dir(path);
        let aliases = dir.map(|dir| dir.aliases.as_slice()).unwrap_or_default();
        for path in aliases.iter().chain([path]) {
            by_key.entry(Key::Source(Source::Path(path.clone()))).or_default().push(index);
        }
        if let Some(stat) = dir.and_then(|dir| dir.stat.get()) {
            by_key.entry(Key::Inode(stat.dev, stat.ino)).or_default().push(index);
        }
    }
    let mut found: Vec<Vec<usize>> = by_key.into_values().filter(|group| group.len() > 1).collect();
    for group in &mut found {
        group.order();
    }
    found.order();
    found.dedup();
    found
        .into_iter()
        .filter_map(|group| {
            let name = names.get(*group.first()?)?.clone();
            let holders: Vec<Holder<'a>> = group.iter().filter_map(|&index| holders.get(index).copied()).collect();
            // Two gateways of the host are the business of the rule on processes.
            holders.iter().any(|holder| matches!(holder, Holder::Contained(_))).then_some((name, holders))
        })
        .collect()
}

/// Device and inode of a workload's state, where they mean the same as on the host.
fn inode(snapshot: &Snapshot, workload: &Workload) -> Option<(u64, u64)> {
    if is_in_vm(snapshot, workload) != Some(false) {
        return None;
    }
    let seen = workload.view.get()?.state.get()?;
    seen.made_in.is_none().then_some((seen.stat.dev, seen.stat.ino))
}

/// Whether a workload's engine has a kernel of its own. None where that is not known.
pub(super) fn is_in_vm(snapshot: &Snapshot, workload: &Workload) -> Option<bool> {
    let engine = snapshot.engines.iter().find(|engine| workload.engine.as_ref() == Some(&engine.id))?;
    engine.answer.get().map(|answer| answer.in_vm)
}

/// Whether a process belongs to the host itself.
pub(super) fn is_own(process: &Process) -> bool {
    process.workload.is_none() && !process.foreign_pidns
}

/// Whether a workload's state survives its container.
pub(crate) fn keeps_state(snapshot: &Snapshot, workload: &Workload) -> bool {
    !matches!(source(snapshot, workload), Some(Source::Layer | Source::Memory))
}
