//! Where gateways may be: state directories found in homes, processes, units, and by name.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use portreeve_core::snapshot::{Blind, Domain, Process, ProcessRole, Unit, UnitRole};
use portreeve_openclaw::environment::Environment;
use portreeve_openclaw::file::Reader;
use portreeve_openclaw::paths::{self, PathInputs, RootKind, RootLink, StateDirSource};

use crate::Options;
use crate::users::{self, Account};

/// One state directory and all that is known to belong to it.
#[derive(Debug, Clone)]
pub(crate) struct Site {
    /// Resolved path.
    pub(crate) path: PathBuf,
    /// Paths under which it was found, where they differ.
    pub(crate) aliases: BTreeSet<String>,
    /// The account whose home it lies in, else that of its owner.
    pub(crate) account: Option<Account>,
    /// User id of the directory's owner.
    pub(crate) uid: u32,
    /// Profile by its name.
    pub(crate) profile: Option<String>,
    /// Config file, links not resolved.
    pub(crate) config_path: PathBuf,
    /// Gateways that use it.
    pub(crate) pids: Vec<u32>,
    /// Units that would run a gateway on it.
    pub(crate) units: Vec<String>,
    /// The operator named it.
    pub(crate) asked: bool,
    /// The caller's own environment leads here.
    pub(crate) is_callers: bool,
}

impl Site {
    /// Reads its files on behalf of its owner.
    pub(crate) fn reader(&self) -> Reader {
        let home = self
            .account
            .as_ref()
            .map(|account| account.home.clone())
            .or_else(|| self.path.parent().map(Path::to_path_buf));
        Reader::for_user(self.uid, home)
    }

    /// Id of the gateway on it.
    pub(crate) fn id(&self) -> String {
        self.path.to_string_lossy().into_owned()
    }

    /// Login name.
    pub(crate) fn user(&self) -> Option<String> {
        self.account.as_ref().map(|account| account.name.clone())
    }

    /// Home folder.
    pub(crate) fn home(&self) -> Option<&Path> {
        self.account.as_ref().map(|account| account.home.as_path())
    }
}

/// All sites, and what could not be looked at.
#[derive(Debug, Default)]
pub(crate) struct Sites {
    by_path: BTreeMap<PathBuf, Site>,
    accounts: Vec<Account>,
    pub(crate) blind: Vec<Blind>,
    /// Whether every account's home is searched, so that processes and units anywhere count.
    everywhere: bool,
    homes: Vec<PathBuf>,
}

impl Sites {
    /// Searches homes and what the operator names.
    pub(crate) fn find(options: &Options, environment: &Environment, at: Timestamp) -> Self {
        let mut sites = Self { everywhere: options.homes.is_none(), ..Self::default() };
        let listed = users::observe(at);
        if let Some(why) = listed.blind() {
            sites.miss("accounts of this node", why, "run as root", false);
        }
        let known = listed.get().cloned().unwrap_or_default();
        sites.accounts = match &options.homes {
            None => known,
            Some(homes) => homes.iter().map(|home| account_of(home, &known)).collect(),
        };
        sites.homes = sites.accounts.iter().map(|account| real(&account.home)).collect();
        for account in sites.accounts.clone() {
            sites.search(&account);
        }
        for dir in &options.state_dirs {
            let site = sites.add(dir, None);
            if let Some(site) = site {
                site.asked = true;
            } else {
                sites.miss(
                    &dir.to_string_lossy(),
                    "it is not a directory",
                    "check the path given with `--state-dir`",
                    true,
                );
            }
        }
        sites.callers(environment);
        sites
    }

    fn miss(&mut self, what: &str, why: &str, remedy: &str, readiness: bool) {
        self.blind.push(Blind { what: what.to_owned(), why: why.to_owned(), remedy: remedy.to_owned(), readiness });
    }

    fn search(&mut self, account: &Account) {
        let shown = account.home.to_string_lossy().into_owned();
        if let Some(why) = &account.unreachable {
            self.miss(&shown, why, "look at the volume that the home folder lies on", false);
            return;
        }
        let roots = match paths::discover_roots(&account.home) {
            Ok(roots) => roots,
            Err(error) if error.source.kind() == std::io::ErrorKind::PermissionDenied => {
                self.miss(&shown, "permission denied", "run as root", false);
                return;
            }
            Err(error) => {
                self.miss(&shown, &error.source.to_string(), "look at the home folder", false);
                return;
            }
        };
        for root in roots {
            if matches!(root.link, RootLink::Dangling { .. }) {
                continue;
            }
            let profile = match root.kind {
                RootKind::Profile(profile) => Some(profile),
                RootKind::Default | RootKind::Legacy | RootKind::Abandoned | RootKind::Doubled => None,
            };
            self.add(&root.path, profile);
        }
    }

    /// The state directory that the caller's command line would use.
    fn callers(&mut self, environment: &Environment) {
        let home = environment.text("HOME").map_or_else(|| PathBuf::from("/"), PathBuf::from);
        let inputs = PathInputs {
            environment,
            account_home: &home,
            working_directory: &std::env::current_dir().unwrap_or_default(),
        };
        let Ok(resolved) = paths::resolve(&inputs, None, &|path| path.exists()) else { return };
        let named = resolved.state_dir_source == StateDirSource::Environment;
        // Another home than those to be searched is none of this check's business, unless the caller names the directory.
        if !self.everywhere && !named && !self.is_below_homes(&resolved.state_dir) {
            return;
        }
        if let Some(site) = self.add(&resolved.state_dir, resolved.profile.clone()) {
            site.is_callers = true;
            site.config_path = resolved.config_path;
            site.asked |= named;
        }
    }

    fn is_below_homes(&self, path: &Path) -> bool {
        let real = real(path);
        self.homes.iter().any(|home| real.starts_with(home))
    }

    /// Whether a process or unit that uses this directory is within what is to be looked at.
    pub(crate) fn concerns(&self, state_dir: &Path) -> bool {
        self.everywhere || self.by_path.contains_key(&real(state_dir)) || self.is_below_homes(state_dir)
    }

    fn add(&mut self, path: &Path, profile: Option<String>) -> Option<&mut Site> {
        let resolved = fs::canonicalize(path).ok()?;
        let metadata = fs::metadata(&resolved).ok()?;
        if !metadata.is_dir() {
            return None;
        }
        let account = self.account(&resolved, metadata.uid());
        let site = self.by_path.entry(resolved.clone()).or_insert_with(|| Site {
            config_path: config_path(path),
            path: resolved.clone(),
            aliases: BTreeSet::new(),
            account,
            uid: metadata.uid(),
            profile,
            pids: Vec::new(),
            units: Vec::new(),
            asked: false,
            is_callers: false,
        });
        if path != resolved {
            site.aliases.insert(path.to_string_lossy().into_owned());
        }
        Some(site)
    }

    /// The account whose home the directory lies in, else the one that owns it.
    fn account(&self, dir: &Path, uid: u32) -> Option<Account> {
        let inside = self.accounts.iter().filter(|account| dir.starts_with(real(&account.home)));
        let nearest = inside.max_by_key(|account| account.home.as_os_str().len());
        nearest.or_else(|| self.accounts.iter().find(|account| account.uid == uid)).cloned()
    }

    /// A gateway uses its state directory, be it in no home.
    pub(crate) fn claim_gateway(&mut self, process: &Process, config_path: Option<&Path>) {
        let Some(dir) = state_dir(process, ProcessRole::Gateway) else { return };
        if !self.concerns(dir) || !may_claim(process.uid, dir) {
            return;
        }
        if let Some(site) = self.add(dir, None) {
            site.pids.push(process.pid);
            if let Some(path) = config_path {
                path.clone_into(&mut site.config_path);
            }
        }
    }

    /// A process that is still loading may become the gateway of a state directory that has none. It may as well be another command:
    /// where nothing else speaks of a gateway, it is no reason to expect one.
    pub(crate) fn claim_starting(&mut self, process: &Process) {
        let Some(dir) = state_dir(process, ProcessRole::Bootstrapping).filter(|dir| may_claim(process.uid, dir)) else {
            return;
        };
        if let Some(site) = self.by_path.get_mut(&real(dir))
            && site.pids.is_empty()
        {
            site.pids.push(process.pid);
        }
    }

    /// A unit runs a gateway on a state directory.
    pub(crate) fn claim_unit(&mut self, unit: &Unit) {
        if unit.role != UnitRole::Gateway {
            return;
        }
        let Some(dir) = unit.state_dir.as_deref().map(Path::new) else { return };
        let uid = match unit.domain {
            Domain::System => 0,
            Domain::User { uid } => uid,
            Domain::EachUser => nix::unistd::geteuid().as_raw(),
        };
        if !self.concerns(dir) || !may_claim(Some(uid), dir) {
            return;
        }
        if let Some(site) = self.add(dir, unit.profile.clone()) {
            site.units.push(unit.id.clone());
        }
    }

    /// The sites, by path.
    pub(crate) fn into_sites(self) -> Vec<Site> {
        self.by_path.into_values().collect()
    }

    /// The accounts whose homes are searched.
    pub(crate) fn accounts(&self) -> &[Account] {
        &self.accounts
    }
}

/// Whether somebody's word that a directory is their state is to be taken: root's, and its owner's. Anybody can start a process whose
/// environment names another user's directory.
fn may_claim(uid: Option<u32>, dir: &Path) -> bool {
    uid == Some(0) || fs::metadata(dir).is_ok_and(|metadata| Some(metadata.uid()) == uid)
}

/// The state directory of a process of this role.
fn state_dir(process: &Process, role: ProcessRole) -> Option<&Path> {
    process.state_dir.as_deref().filter(|_| process.role == role).map(Path::new)
}

/// The configuration in a state directory, under its present or its former name.
fn config_path(state_dir: &Path) -> PathBuf {
    let present = state_dir.join("openclaw.json");
    let former = state_dir.join("clawdbot.json");
    if !present.exists() && former.exists() { former } else { present }
}

fn account_of(home: &Path, known: &[Account]) -> Account {
    let listed = known.iter().find(|account| real(&account.home) == real(home));
    listed.cloned().unwrap_or_else(|| {
        let metadata = fs::metadata(home).ok();
        let uid = metadata.as_ref().map_or(u32::MAX, MetadataExt::uid);
        let owner = known.iter().find(|account| account.uid == uid);
        let name = owner.map_or_else(
            || home.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned()),
            |account| account.name.clone(),
        );
        Account {
            name,
            uid,
            gid: metadata.as_ref().map_or(u32::MAX, MetadataExt::gid),
            home: home.to_owned(),
            unreachable: None,
        }
    })
}

fn real(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}
