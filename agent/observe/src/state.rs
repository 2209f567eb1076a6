//! State directories: what lies in them, on what volume, who holds it, and what their database says.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use portreeve_core::Fact;
use portreeve_core::order::Order as _;
use portreeve_core::snapshot::{
    Boot, DatabaseFile, FileStat, Lease, LockFile, PairedDevice, PendingPairing, StateDir, StateRecords,
};
use portreeve_facts::database;
use portreeve_openclaw::file::Reader;
use portreeve_openclaw::paths::{DatabasePaths, LockPaths};
use portreeve_openclaw::state_db::{self, StateDatabase};

use crate::deadline::within;
use crate::process::{ProcessTable, open_paths};
use crate::running::Running;
use crate::site::Site;
use crate::{file, lock, volume};

/// A shared database is some megabytes; one of this size would make a check noticeable on the node.
const MAX_DATABASE_BYTES: u64 = 256 << 20;
/// Most entries looked at below one folder.
const MAX_ENTRIES: usize = 2_000;
/// Most starts kept.
const MAX_BOOTS: usize = 50;
/// Most names of files kept in one list.
const MAX_NAMES: usize = 100;
/// How long it may take to find out where registered paths lead.
const DEADLINE: Duration = Duration::from_secs(2);

/// A state directory to look at.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// Resolved path.
    pub(crate) path: PathBuf,
    /// Other paths that lead to it.
    pub(crate) aliases: Vec<String>,
    /// Home directory it belongs to.
    pub(crate) home: Option<PathBuf>,
    /// User id of the account to whom that home belongs.
    pub(crate) home_uid: Option<u32>,
    /// Profile by its name.
    pub(crate) profile: Option<String>,
    /// Config file, links not resolved: lock names depend on that text.
    pub(crate) config_path: PathBuf,
    /// User ids whose lock files may lie here: the owner's and those of its gateways.
    pub(crate) uids: BTreeSet<u32>,
    /// Gateways and others that are known to use it.
    pub(crate) pids: Vec<u32>,
}

impl Place {
    /// The place of a site, with those that use it.
    pub(crate) fn of(site: &Site, running: &BTreeMap<u32, Running>, processes: &ProcessTable) -> Self {
        let path = site.path.to_string_lossy();
        let users = running.values().filter(|running| running.process.state_dir.as_deref() == Some(path.as_ref()));
        let pids: Vec<u32> = users.map(|running| running.process.pid).collect();
        let mut uids = BTreeSet::from([site.uid]);
        uids.extend(site.account.as_ref().map(|account| account.uid));
        uids.extend(pids.iter().filter_map(|pid| processes.get(*pid)?.uid));
        Self {
            path: site.path.clone(),
            aliases: site.aliases.iter().cloned().collect(),
            home: site.home().map(Path::to_path_buf),
            home_uid: site.account.as_ref().map(|account| account.uid).filter(|uid| *uid != u32::MAX),
            profile: site.profile.clone(),
            config_path: site.config_path.clone(),
            uids,
            pids,
        }
    }
}

/// Who owns a state directory, by its lock files, and nothing else of it.
pub(crate) fn ownership(place: &Place, processes: &ProcessTable, at: Timestamp) -> StateDir {
    // A dead network mount answers nothing; asking anything else below it would hang.
    let volume = volume::observe(&place.path, at);
    let blind = volume.blind().map(ToOwned::to_owned);
    let locks = if blind.is_none() { locks(place, processes, at) } else { Vec::new() };
    let why = blind.unwrap_or_else(|| "not looked at".to_owned());
    StateDir {
        path: text(&place.path),
        aliases: place.aliases.clone(),
        home: place.home.as_deref().map(text),
        home_uid: place.home_uid,
        profile: place.profile.clone(),
        stat: Fact::unreadable(why.clone(), "lstat", at),
        files: Vec::new(),
        volume,
        databases: Vec::new(),
        locks,
        open: Fact::unreadable(why.clone(), "open files", at),
        records: Fact::unreadable(why, "state database", at),
        clobbered: Vec::new(),
        outside_paths: Vec::new(),
        hard_linked: Vec::new(),
        last_write: None,
        size_bytes: None,
    }
}

/// Looks at the rest of a state directory of which the [`ownership`] is known, on behalf of its owner.
pub(crate) fn complete(
    owned: StateDir,
    place: &Place,
    reader: &Reader,
    processes: &ProcessTable,
    at: Timestamp,
) -> StateDir {
    if owned.volume.blind().is_some() {
        return owned;
    }
    let listing = Listing::of(&place.path);
    let paths = DatabasePaths::of(&place.path);
    let database = database::read(&paths.state, reader, MAX_DATABASE_BYTES, at);
    let registered = database.get().map(database::agent_databases).unwrap_or_default();
    StateDir {
        stat: file::stat(&place.path, at),
        files: sensitive(place, at),
        databases: databases(&paths, &place.path, at),
        open: open_paths(place.pids.iter().filter_map(|&pid| processes.alive(pid)), &place.path, at),
        records: database.map(|read| rows(&read, processes)),
        clobbered: clobbered(&place.config_path),
        outside_paths: outside(registered, place),
        hard_linked: listing.hard_linked,
        last_write: listing.last_write,
        size_bytes: Some(listing.bytes),
        ..owned
    }
}

fn text(path: impl AsRef<Path>) -> String {
    path.as_ref().to_string_lossy().into_owned()
}

/// Files and folders that hold secrets, conversations or identities: theirs are the modes that matter. Lock files and `tmp` are made
/// readable by the gateway itself and hold nothing.
fn sensitive(place: &Place, at: Timestamp) -> Vec<(String, Fact<FileStat>)> {
    let below = [
        ".env",
        "state",
        "state/openclaw.sqlite",
        "state/openclaw.sqlite-wal",
        "agents",
        "credentials",
        "identity",
        "devices",
        "service-env",
        "gateway.systemd.env",
    ];
    let mut paths = vec![place.config_path.clone()];
    paths.extend(below.map(|name| place.path.join(name)));
    paths.into_iter().map(|path| (text(&path), file::stat(&path, at))).filter(|(_, fact)| !fact.is_absent()).collect()
}

fn databases(paths: &DatabasePaths, state_dir: &Path, at: Timestamp) -> Vec<DatabaseFile> {
    let mut found = vec![paths.state.clone()];
    if let Ok(agents) = fs::read_dir(state_dir.join("agents")) {
        let ids = agents.take(MAX_NAMES).flatten().filter_map(|entry| entry.file_name().into_string().ok());
        found.extend(ids.map(|id| paths.agent(&id)));
    }
    found
        .into_iter()
        .filter_map(|path| {
            let stat = file::stat(&path, at);
            let bytes = stat.get()?.size;
            let mut wal = path.clone().into_os_string();
            wal.push("-wal");
            let wal_bytes = file::stat(Path::new(&wal), at).map(|stat| stat.size);
            Some(DatabaseFile { path: text(&path), bytes, wal_bytes })
        })
        .collect()
}

fn locks(place: &Place, processes: &ProcessTable, at: Timestamp) -> Vec<LockFile> {
    let mut seen = Vec::new();
    for &uid in &place.uids {
        for lock in &LockPaths::of(&place.path, &place.config_path, uid).locks {
            let observed = lock::observe(lock, processes, at);
            if !observed.exists.is_absent() {
                seen.push(observed);
            }
        }
    }
    seen
}

/// `openclaw.json.clobbered.<time>` beside the configuration, newest first.
fn clobbered(config_path: &Path) -> Vec<(String, Timestamp)> {
    let (Some(dir), Some(name)) = (config_path.parent(), config_path.file_name().and_then(|name| name.to_str())) else {
        return Vec::new();
    };
    let prefix = format!("{name}.clobbered.");
    let mut found: Vec<(String, Timestamp)> = fs::read_dir(dir)
        .into_iter()
        .flat_map(|entries| entries.take(MAX_ENTRIES).flatten())
        .filter(|entry| entry.file_name().to_str().is_some_and(|name| name.starts_with(&prefix)))
        .filter_map(|entry| {
            let modified = file::file_stat(&fs::symlink_metadata(entry.path()).ok()?).modified;
            Some((text(entry.path()), modified))
        })
        .collect();
    found.order_by_key(|(_, modified)| std::cmp::Reverse(*modified));
    found.truncate(MAX_NAMES);
    found
}

/// What a bounded walk over the first levels shows.
#[derive(Debug, Default)]
struct Listing {
    bytes: u64,
    last_write: Option<Timestamp>,
    hard_linked: Vec<String>,
}

impl Listing {
    fn of(dir: &Path) -> Self {
        let mut listing = Self::default();
        let mut left = MAX_ENTRIES;
        listing.walk(dir, 3, &mut left);
        listing
    }

    fn walk(&mut self, dir: &Path, levels: u32, left: &mut usize) {
        let Ok(entries) = fs::read_dir(dir) else { return };
        for entry in entries.flatten() {
            if *left == 0 {
                return;
            }
            *left -= 1;
            let path = entry.path();
            let Ok(metadata) = fs::symlink_metadata(&path) else { continue };
            let stat = file::file_stat(&metadata);
            if metadata.is_dir() {
                if levels > 1 {
                    self.walk(&path, levels - 1, left);
                }
                continue;
            }
            self.bytes = self.bytes.saturating_add(stat.size);
            self.last_write = self.last_write.max(Some(stat.modified));
            if metadata.is_file() && metadata.nlink() > 1 && self.hard_linked.len() < MAX_NAMES {
                self.hard_linked.push(text(&path));
            }
        }
    }
}

/// Those of the paths that lie on this system and not below the state directory. A gateway in a container registers paths of its own
/// file system, which mean nothing here.
fn outside(registered: Vec<PathBuf>, place: &Place) -> Vec<String> {
    let roots: Vec<PathBuf> = place.aliases.iter().map(PathBuf::from).chain([place.path.clone()]).collect();
    let strangers: Vec<PathBuf> = registered
        .into_iter()
        .filter(|path| path.is_absolute() && !roots.iter().any(|root| path.starts_with(root)))
        .take(MAX_NAMES)
        .collect();
    if strangers.is_empty() {
        return Vec::new();
    }
    // Nobody knows on what volume they lie.
    let resolved = within(DEADLINE, move || strangers.iter().filter_map(|path| path.canonicalize().ok()).collect());
    let resolved: Vec<PathBuf> = resolved.unwrap_or_default();
    resolved.into_iter().filter(|path| !path.starts_with(&place.path)).map(text).collect()
}

/// The rows of the shared database.
fn rows(read: &StateDatabase, processes: &ProcessTable) -> StateRecords {
    let lease = read.owner_leases.rows.iter().find_map(|lease| {
        let pid = lease.pid?;
        let process = processes.alive(pid).filter(|entry| {
            // A pid that was given out again is not the owner.
            lease.start_time.is_none_or(|start| entry.start_raw.is_none_or(|raw| raw == start))
        });
        Some(Lease {
            pid,
            host: lease.host.clone(),
            port: lease.port,
            mode: lease.mode.clone(),
            supervisor: lease.supervisor.as_ref().map(|supervisor| {
                let name = supervisor.name.as_deref().unwrap_or("");
                format!("{}:{name}", supervisor.kind)
            }),
            heartbeat_at: lease.heartbeat_at,
            expires_at: lease.expires_at,
            alive: process.is_some(),
            uid: process.and_then(|entry| entry.uid),
        })
    });
    let boots = read.boots.rows.iter().take(MAX_BOOTS).filter_map(|boot| {
        Some(Boot {
            pid: boot.pid,
            started_at: boot.started_at?,
            completed_at: boot.completed_at,
            outcome: boot.outcome.clone(),
            reason: boot.reason.clone(),
        })
    });
    StateRecords {
        schema_version: read.schema_version,
        lease,
        boots: boots.collect(),
        devices: database::devices(read),
        paired: read.paired.rows.iter().filter_map(paired).collect(),
        pending: read.pending.rows.iter().filter_map(pending).collect(),
        device_tokens: database::device_tokens(read),
    }
}

fn paired(device: &state_db::PairedDevice) -> Option<PairedDevice> {
    let scopes = if device.approved_scopes.is_empty() { &device.scopes } else { &device.approved_scopes };
    Some(PairedDevice {
        device_id: device.device_id.clone()?,
        roles: if device.roles.is_empty() { device.role.clone().into_iter().collect() } else { device.roles.clone() },
        scopes: scopes.clone(),
        client_id: device.client_id.clone(),
        platform: device.platform.clone(),
        display_name: device.display_name.clone(),
        remote_ip: None,
        approved_at: device.approved_at,
        last_seen_at: device.last_seen_at,
    })
}

fn pending(request: &state_db::PendingDevice) -> Option<PendingPairing> {
    Some(PendingPairing {
        request_id: request.request_id.clone()?,
        device_id: request.device_id.clone()?,
        role: request.role.clone(),
        scopes: request.scopes.clone(),
        client_id: request.client_id.clone(),
        platform: request.platform.clone(),
        remote_ip: request.remote_ip.clone(),
        requested_at: request.refreshed_at.or(request.requested_at),
        repair: request.is_repair.unwrap_or(false),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_registered_paths_that_exist_and_lead_out_are_outside() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        let (state, old) = (root.join("state"), root.join("old"));
        for folder in [&state, &old] {
            fs::create_dir(folder).unwrap();
            fs::write(folder.join("agent.sqlite"), "").unwrap();
        }
        let alias = root.join("alias");
        std::os::unix::fs::symlink(&state, &alias).unwrap();
        let place = Place {
            path: state.clone(),
            aliases: vec![text(root.join("other-name"))],
            home: None,
            home_uid: None,
            profile: None,
            config_path: state.join("openclaw.json"),
            uids: BTreeSet::new(),
            pids: Vec::new(),
        };
        let registered = [
            state.join("agent.sqlite"),
            root.join("other-name/agent.sqlite"),
            alias.join("agent.sqlite"),
            PathBuf::from("/home/node/.openclaw/agents/main/agent/nowhere.sqlite"),
            PathBuf::from("relative.sqlite"),
            old.join("agent.sqlite"),
        ];
        assert_eq!(outside(registered.to_vec(), &place), [text(old.join("agent.sqlite"))]);
        assert!(outside(Vec::new(), &place).is_empty());
    }
}
