//! A glance: whether anything on the node is not as it was, for as little as possible. It judges nothing and opens no file of others.
//!
//! Paths are asked for their stamps and not followed; entries of a folder that has not changed itself only now and then. A few hundred
//! of them cost less than a millisecond, far less than what a notification of each write to a busy folder would; and a stamp that is
//! compared cannot be lost, as an event can.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;

use portreeve_core::order::{Gather as _, Order as _};
use portreeve_core::schedule::{Subjects, Urgency};

use crate::os::{self, Endpoint};

/// Most entries that are looked at in all folders together.
const MAX_ENTRIES: usize = 4_000;
/// A process replaces its program or its title soon after its start, if it does.
const LOOKS: u8 = 3;
/// Each so many glances the entries of folders are looked at that have not changed themselves: a file that is written in place does
/// not change its folder.
const ENTRIES_EVERY: u32 = 6;

/// What was seen the last time.
#[derive(Debug, Default)]
pub struct Glance {
    processes: BTreeMap<u32, Known>,
    folders: BTreeMap<String, Entries>,
    glances: u32,
    seen: Option<(Subjects, Sight)>,
}

#[derive(Debug, Default)]
struct Known {
    looks: u8,
    is_openclaw: bool,
}

/// A folder's entries, as they were when it was like this.
#[derive(Debug)]
struct Entries {
    folder: Option<Stamp>,
    entries: Vec<(String, Option<Stamp>)>,
}

#[derive(Debug, PartialEq, Eq)]
struct Sight {
    listeners: BTreeSet<Endpoint>,
    processes: BTreeSet<u32>,
    locks: Vec<Option<(u64, u64)>>,
    files: Vec<(String, Option<Stamp>)>,
}

/// What tells one state of a file from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    changed: (i64, i64),
}

impl Stamp {
    fn of(path: &str) -> Option<Self> {
        let metadata = fs::symlink_metadata(path).ok()?;
        Some(Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            // Set by the system alone, also where owner or mode change.
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        })
    }
}

/// What is not as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// How close it is to who owns what.
    pub urgency: Urgency,
    /// What, in words.
    pub what: String,
}

impl Glance {
    /// What has changed since the last glance at the same subjects; nothing at the first.
    pub fn look(&mut self, subjects: &Subjects) -> io::Result<Option<Difference>> {
        let sight = self.sight(subjects)?;
        Ok(self.compare(subjects, sight))
    }

    fn sight(&mut self, subjects: &Subjects) -> io::Result<Sight> {
        let ports: Vec<u16> = subjects.ports.iter().copied().collect();
        let stamp = |path: &String| Stamp::of(path);
        Ok(Sight {
            listeners: os::endpoints(&ports)?.into_iter().collect(),
            processes: self.processes()?,
            locks: subjects
                .locks
                .iter()
                .map(stamp)
                .map(|stamp| stamp.map(|stamp| (stamp.device, stamp.inode)))
                .collect(),
            files: self.files(subjects),
        })
    }

    fn compare(&mut self, subjects: &Subjects, sight: Sight) -> Option<Difference> {
        let before = self.seen.replace((subjects.clone(), sight));
        let (Some((before_subjects, before)), Some((_, now))) = (&before, &self.seen) else { return None };
        difference(before_subjects, before, subjects, now)
    }

    /// `OpenClaw`'s processes. Each one is looked at when it is new and in its first moments only.
    fn processes(&mut self) -> io::Result<BTreeSet<u32>> {
        let pids: BTreeSet<u32> = os::pids()?.into_iter().gather();
        self.processes.retain(|pid, _| pids.contains(pid));
        for pid in pids {
            let known = self.processes.entry(pid).or_default();
            if known.looks < LOOKS && !known.is_openclaw {
                known.looks += 1;
                known.is_openclaw = os::process(pid).is_some_and(|entry| entry.may_be_openclaw());
            }
        }
        Ok(self.processes.iter().filter(|(_, known)| known.is_openclaw).map(|(pid, _)| *pid).collect())
    }

    fn files(&mut self, subjects: &Subjects) -> Vec<(String, Option<Stamp>)> {
        let looks_at_all = self.glances.is_multiple_of(ENTRIES_EVERY);
        self.glances = self.glances.wrapping_add(1);
        let mut files: Vec<(String, Option<Stamp>)> =
            subjects.files.iter().map(|path| (path.clone(), Stamp::of(path))).collect();
        self.folders.retain(|path, _| subjects.folders.contains(path));
        let mut left = MAX_ENTRIES;
        for path in &subjects.folders {
            let folder = Stamp::of(path);
            files.push((path.clone(), folder));
            let known = self.folders.get(path).filter(|known| !looks_at_all && known.folder == folder);
            let entries = match known {
                Some(known) => known.entries.clone(),
                None => entries(path, left),
            };
            left = left.saturating_sub(entries.len());
            files.extend(entries.iter().cloned());
            if known.is_none() {
                self.folders.insert(path.clone(), Entries { folder, entries });
            }
        }
        files
    }
}

fn entries(folder: &str, most: usize) -> Vec<(String, Option<Stamp>)> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<String> =
        entries.take(most).flatten().map(|entry| entry.path().to_string_lossy().into_owned()).collect();
    names.order();
    let stamped = |path: String| {
        let stamp = Stamp::of(&path);
        (path, stamp)
    };
    names.into_iter().map(stamped).collect()
}

fn difference(before_subjects: &Subjects, before: &Sight, subjects: &Subjects, now: &Sight) -> Option<Difference> {
    let owner = |what: String| Some(Difference { urgency: Urgency::Owner, what });
    // What is looked at for the first time is no change.
    if before_subjects.ports == subjects.ports {
        if let Some(new) = now.listeners.difference(&before.listeners).next() {
            return owner(format!("{}:{} is listened on anew", new.address, new.port));
        }
        if let Some(gone) = before.listeners.difference(&now.listeners).next() {
            return owner(format!("{}:{} is not listened on any more", gone.address, gone.port));
        }
    }
    if let Some(new) = now.processes.difference(&before.processes).next() {
        return owner(format!("process {new} of OpenClaw is new"));
    }
    if let Some(gone) = before.processes.difference(&now.processes).next() {
        return owner(format!("process {gone} of OpenClaw has ended"));
    }
    if before_subjects.locks == subjects.locks
        && let Some(path) = subjects.locks.iter().zip(before.locks.iter().zip(&now.locks)).find(|(_, (a, b))| a != b)
    {
        return owner(format!("`{}` was made anew or removed", path.0));
    }
    if (&before_subjects.files, &before_subjects.folders) != (&subjects.files, &subjects.folders) {
        return None;
    }
    let known: BTreeMap<&str, &Option<Stamp>> =
        before.files.iter().map(|(path, stamp)| (path.as_str(), stamp)).gather();
    let changed = now.files.iter().find(|(path, stamp)| known.get(path.as_str()) != Some(&stamp)).map(|(path, _)| path);
    let gone =
        || before.files.iter().find(|(path, _)| !now.files.iter().any(|(now, _)| now == path)).map(|(path, _)| path);
    let path = changed.or_else(|| if now.files.len() == before.files.len() { None } else { gone() })?;
    Some(Difference { urgency: Urgency::Calm, what: format!("`{path}` has changed") })
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::os::unix::process::CommandExt as _;
    use std::path::Path;

    use super::*;

    fn subjects(dir: &Path, port: u16) -> Subjects {
        let name = |path: &Path| path.to_string_lossy().into_owned();
        Subjects {
            ports: BTreeSet::from([port]),
            files: BTreeSet::from([name(&dir.join("openclaw.json"))]),
            folders: BTreeSet::from([name(&dir.join("agents"))]),
            locks: BTreeSet::from([name(&dir.join("gateway.lock"))]),
            engines: BTreeSet::new(),
        }
    }

    #[test]
    fn what_changes_is_named_once() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("agents")).unwrap();
        let first = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = first.local_addr().unwrap().port();
        let subjects = subjects(dir.path(), port);
        let mut glance = Glance::default();
        let look = |glance: &mut Glance| {
            let mut sight = glance.sight(&subjects).unwrap();
            // This machine may start and end gateways of others.
            sight.processes.clear();
            glance.compare(&subjects, sight)
        };
        assert_eq!(look(&mut glance), None);
        assert_eq!(look(&mut glance), None);
        let second = TcpListener::bind(("127.0.0.2", port)).unwrap();
        assert_eq!(look(&mut glance).unwrap().what, format!("127.0.0.2:{port} is listened on anew"));
        assert_eq!(look(&mut glance), None);
        drop(second);
        assert_eq!(look(&mut glance).unwrap().urgency, Urgency::Owner);
        for path in ["openclaw.json", "agents/ai.openclaw.gateway.plist"] {
            fs::write(dir.path().join(path), b"{}").unwrap();
            let seen = look(&mut glance).unwrap();
            assert_eq!(seen.urgency, Urgency::Calm, "{seen:?}");
            assert_eq!(look(&mut glance), None);
        }
        fs::write(dir.path().join("agents/ai.openclaw.gateway.plist"), b"{ }").unwrap();
        let seen = (0..ENTRIES_EVERY).find_map(|_| look(&mut glance));
        assert!(seen.unwrap().what.ends_with("gateway.plist` has changed"));
        fs::remove_file(dir.path().join("agents/ai.openclaw.gateway.plist")).unwrap();
        assert!(look(&mut glance).is_some());
        fs::write(dir.path().join("gateway.lock"), b"{}").unwrap();
        assert_eq!(look(&mut glance).unwrap().urgency, Urgency::Owner);
        fs::write(dir.path().join("gateway.lock"), b"{ }").unwrap();
        assert_eq!(look(&mut glance), None, "its owner writes what it likes into it");
    }

    #[test]
    fn new_subjects_are_no_change() {
        let dir = tempfile::tempdir().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut glance = Glance::default();
        glance.look(&Subjects::default()).unwrap();
        let subjects = subjects(dir.path(), listener.local_addr().unwrap().port());
        let seen = glance.look(&subjects).unwrap();
        assert!(seen.is_none_or(|seen| seen.what.contains("process")));
    }

    #[test]
    fn a_new_process_of_openclaw_is_seen_without_looking_at_all() {
        let mut glance = Glance::default();
        let subjects = Subjects::default();
        glance.look(&subjects).unwrap();
        let mut child = std::process::Command::new("sleep").arg0("openclaw-gateway").arg("60").spawn().unwrap();
        let is_seen = (0..200).any(|_| {
            let seen = glance.look(&subjects).unwrap();
            let is_in = glance.seen.as_ref().is_some_and(|(_, sight)| sight.processes.contains(&child.id()));
            std::thread::sleep(std::time::Duration::from_millis(10));
            seen.is_some_and(|difference| difference.urgency == Urgency::Owner) && is_in
        });
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(is_seen);
    }
}
