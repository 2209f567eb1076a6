//! Gateways whose state directory their locks tell.
//!
//! A gateway hides its arguments by a title, and with them a `--profile`: by its environment alone it would seem to use the state directory
//! of another one. The lock file that it keeps for its life lies in the directory that it really uses.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use portreeve_core::snapshot::ProcessRole;
use portreeve_openclaw::file::read_regular;
use portreeve_openclaw::lock::{LockOwner, MAX_LOCK_BYTES, OwnerRole, parse_owner};
use portreeve_openclaw::paths::{LockPaths, LockPurpose};

use crate::deadline::within;
use crate::process::ProcessTable;
use crate::running::Running;
use crate::site::{self, Site};

/// How long the lock files of one directory have to answer.
const DEADLINE: Duration = Duration::from_millis(500);

/// Gives each gateway to the state directory of which a live lock names it.
pub(crate) fn settle<'a>(
    running: &mut BTreeMap<u32, Running>,
    sites: impl Iterator<Item = &'a Site>,
    table: &ProcessTable,
) {
    let is_gateway =
        |running: &&Running| running.process.role == ProcessRole::Gateway && !running.process.foreign_pidns;
    let mut uids: Vec<u32> = running.values().filter(is_gateway).filter_map(|running| running.process.uid).collect();
    uids.sort_unstable();
    uids.dedup();
    let mut held: BTreeMap<u32, Vec<(&Site, LockOwner)>> = BTreeMap::new();
    for site in sites.filter(|_| !uids.is_empty()) {
        for owner in owners(site, &uids) {
            held.entry(owner.pid).or_default().push((site, owner));
        }
    }
    for (pid, places) in held {
        let Some(running) = running.get_mut(&pid).filter(|running| is_gateway(&&**running)) else { continue };
        let start = table.alive(pid).map(|entry| (entry.start_raw, entry.started_at));
        let mut places =
            places.into_iter().filter(|(_, owner)| start.is_some_and(|start| is_of_this_run(owner, start)));
        let (Some((site, owner)), None) = (places.next(), places.next()) else { continue };
        let path = site.path.to_string_lossy().into_owned();
        if running.process.state_dir.as_ref() != Some(&path) {
            running.process.state_dir = Some(path);
            running.config_path = Some(owner.config_path.unwrap_or_else(|| site.config_path.clone()));
            running.profile.clone_from(&site.profile);
            running.process.port = owner.port.or(running.process.port);
        }
    }
}

/// Whether a lock was made by this process and not by an earlier one with its pid.
fn is_of_this_run(owner: &LockOwner, (raw, at): (Option<u64>, Option<jiff::Timestamp>)) -> bool {
    match (owner.start_time, raw) {
        (Some(said), Some(is)) => said == is,
        _ => owner.created_at.zip(at).is_some_and(|(created, started)| created >= started),
    }
}

/// Whom the lock files of a state directory name that gateways of these users made in it. A copy of a directory has the lock of the first
/// one, which names that; and what another user has written there is nobody's word but theirs.
fn owners(site: &Site, uids: &[u32]) -> Vec<LockOwner> {
    let locks: Vec<(u32, PathBuf)> = uids
        .iter()
        .filter_map(|&uid| {
            let paths = LockPaths::of(&site.path, &site.config_path, uid);
            Some((uid, paths.get(LockPurpose::GatewayState)?.path.clone()))
        })
        .collect();
    let read = within(DEADLINE, move || locks.iter().filter_map(|(uid, path)| owner(path, *uid)).collect());
    let mut read: Vec<LockOwner> = read.unwrap_or_default();
    read.retain(|owner| owner.state_dir.as_deref().is_some_and(|dir| site::real(dir) == site.path));
    read
}

/// The gateway that a lock file names, where this user wrote it.
fn owner(path: &Path, uid: u32) -> Option<LockOwner> {
    let metadata = fs::symlink_metadata(path).ok().filter(|metadata| metadata.is_file() && metadata.uid() == uid)?;
    let limit = u64::try_from(MAX_LOCK_BYTES).unwrap_or(u64::MAX);
    let content = read_regular(path, limit).ok().filter(|_| metadata.nlink() == 1)?;
    parse_owner(&content.bytes).ok().filter(|owner| owner.role == OwnerRole::Gateway)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use portreeve_core::Fact;

    use super::*;
    use crate::node::processes::other;
    use crate::process;

    /// A home with a default state directory and that of a profile, and a gateway, this process, that its environment puts in the first.
    struct Home {
        _dir: tempfile::TempDir,
        sites: Vec<Site>,
        running: BTreeMap<u32, Running>,
        table: ProcessTable,
    }

    impl Home {
        fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            let home = dir.path().canonicalize().unwrap();
            let site = |name: &str, profile: Option<&str>| {
                let path = home.join(name);
                fs::create_dir(&path).unwrap();
                Site { profile: profile.map(str::to_owned), ..Site::bare(path) }
            };
            let sites = vec![site(".openclaw", None), site(".openclaw-rescue", Some("rescue"))];
            let table = process::table(Timestamp::now()).get().unwrap().clone();
            let mut process = other(table.get(std::process::id()).unwrap(), Timestamp::now());
            process.role = ProcessRole::Gateway;
            process.state_dir = Some(sites[0].path.to_string_lossy().into_owned());
            let one = Running {
                process,
                environment: Fact::absent("not looked at", Timestamp::UNIX_EPOCH),
                config_path: Some(sites[0].config_path.clone()),
                profile: None,
            };
            Self { _dir: dir, sites, running: BTreeMap::from([(std::process::id(), one)]), table }
        }

        fn lock(&self, site: usize, names: usize, start_time: u64) {
            let uid = nix::unistd::geteuid().as_raw();
            let folder = self.sites[site].path.join(format!("tmp/openclaw-{uid}"));
            fs::create_dir_all(&folder).unwrap();
            let (pid, dir) = (std::process::id(), self.sites[names].path.display());
            let text = format!(r#"{{"pid":{pid},"port":4711,"stateDir":"{dir}","startTime":{start_time}}}"#);
            fs::write(folder.join("gateway.state.lock"), text).unwrap();
        }

        fn start(&self) -> u64 {
            self.table.get(std::process::id()).unwrap().start_raw.unwrap()
        }

        fn settled(mut self) -> (PathBuf, Option<String>, Option<u16>) {
            settle(&mut self.running, self.sites.iter(), &self.table);
            let running = self.running.into_values().next().unwrap();
            let dir = PathBuf::from(running.process.state_dir.unwrap());
            (dir.file_name().unwrap().into(), running.profile, running.process.port)
        }
    }

    #[test]
    fn the_lock_of_a_profile_tells_what_its_gateways_title_hides() {
        let home = Home::new();
        home.lock(1, 1, home.start());
        assert_eq!(home.settled(), (PathBuf::from(".openclaw-rescue"), Some("rescue".to_owned()), Some(4711)));
    }

    #[test]
    fn the_lock_of_a_copy_or_of_an_earlier_process_tells_nothing() {
        let stays = (PathBuf::from(".openclaw"), None, None);
        let copy = Home::new();
        copy.lock(1, 0, copy.start());
        assert_eq!(copy.settled(), stays);
        let earlier = Home::new();
        earlier.lock(1, 1, earlier.start() + 1);
        assert_eq!(earlier.settled(), stays);
    }

    #[test]
    fn without_a_lock_or_with_one_in_each_the_environment_tells() {
        let stays = (PathBuf::from(".openclaw"), None, None);
        assert_eq!(Home::new().settled(), stays);
        let both = Home::new();
        both.lock(0, 0, both.start());
        both.lock(1, 1, both.start());
        assert_eq!(both.settled(), stays);
    }
}
