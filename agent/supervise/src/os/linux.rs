//! Linux: all that descends from this process, which adopts what descendants leave behind.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use nix::sys::signal::Signal;
use nix::unistd::Pid;

pub(crate) fn adopt_orphans() -> io::Result<()> {
    Ok(nix::sys::prctl::set_child_subreaper(true)?)
}

pub(crate) fn members(_leader: Pid) -> io::Result<Vec<Pid>> {
    let own = Pid::this().as_raw();
    let mut children: BTreeMap<i32, Vec<i32>> = BTreeMap::new();
    let mut living = BTreeSet::new();
    for process in procfs::process::all_processes().map_err(io::Error::other)? {
        let Some(stat) = process.ok().and_then(|process| process.stat().ok()) else { continue };
        children.entry(stat.ppid).or_default().push(stat.pid);
        if !matches!(stat.state, 'Z' | 'X') {
            living.insert(stat.pid);
        }
    }
    let mut found = Vec::new();
    let mut next = vec![own];
    while let Some(parent) = next.pop() {
        for child in children.remove(&parent).unwrap_or_default() {
            next.push(child);
            if living.contains(&child) {
                found.push(Pid::from_raw(child));
            }
        }
    }
    Ok(found)
}

pub(crate) fn is_ignored(signal: Signal) -> bool {
    let status = procfs::process::Process::myself().and_then(|process| process.status());
    status.is_ok_and(|status| status.sigign >> (signal as i32 - 1) & 1 == 1)
}
