//! Where gateways may be: state directories found in homes, processes, units, and by name.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use portreeve_core::snapshot::{Blind, Domain, Process, ProcessRole, Unit, UnitRole};
use portreeve_openclaw::environment::{Environment, OPENCLAW_HOME};
use portreeve_openclaw::file::Reader;
use portreeve_openclaw::paths::{self, PathInputs, ResolvedPaths, RootKind, RootLink, StateDirSource};

use crate::Options;
use crate::deadline::{Overdue, within};
use crate::users::{self, Account};

/// How long the state directories of one home may take to be listed.
const HOME_DEADLINE: Duration = Duration::from_secs(2);
/// How long a directory has to answer that a process, a unit, a link or the caller names.
const DEADLINE: Duration = Duration::from_millis(500);

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
    /// The configuration that the caller's command line reads, where the caller's is the site; a gateway there may have been started with
    /// another.
    pub(crate) callers_config: Option<PathBuf>,
}

impl Site {
    /// A state directory of this user of which nothing is known.
    #[cfg(test)]
    pub(crate) fn bare(path: PathBuf) -> Self {
        Self {
            config_path: path.join(paths::CONFIG_NAME),
            path,
            aliases: BTreeSet::new(),
            account: None,
            uid: nix::unistd::geteuid().as_raw(),
            profile: None,
            pids: Vec::new(),
            units: Vec::new(),
            asked: false,
            is_callers: false,
            callers_config: None,
        }
    }

    /// Reads its files on behalf of its owner.
    pub(crate) fn reader(&self) -> Reader {
        let home = self
            .account
            .as_ref()
            .map(|account| account.home.clone())
            .or_else(|| self.path.parent().map(Path::to_path_buf));
        Reader::for_user(self.uid, home)
    }

    /// Whether commands made it whose home is a state directory: what they wrote there is for themselves.
    pub(crate) fn is_within_another(&self) -> bool {
        let config = self.named(paths::STATE_DIR_NAME).map(|parent| parent.join(paths::CONFIG_NAME));
        config.is_some_and(|config| is(config, fs::FileType::is_file))
    }

    /// Whether an earlier release left it beside the root of today, so that nobody reads it.
    pub(crate) fn is_former(&self) -> bool {
        let root = self.named(paths::LEGACY_STATE_DIR_NAME).map(|parent| parent.join(paths::STATE_DIR_NAME));
        root.is_some_and(|root| is(root, fs::FileType::is_dir))
    }

    /// Where it lies, if it has this name.
    fn named(&self, name: &str) -> Option<&Path> {
        self.path.parent().filter(|_| self.path.file_name().is_some_and(|own| own == name))
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
    /// Homes of the accounts, links resolved.
    homes: Vec<PathBuf>,
    /// Directories that do not answer.
    silent: BTreeSet<PathBuf>,
}

/// Whether there is something of a kind. It may lie on another volume than the site, which may answer nothing.
fn is(path: PathBuf, kind: fn(&fs::FileType) -> bool) -> bool {
    let looked = within(DEADLINE, move || fs::symlink_metadata(path));
    looked.is_ok_and(|found| found.is_ok_and(|found| kind(&found.file_type())))
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
        let home = |account: &Account| match account.unreachable {
            None => real(&account.home),
            Some(_) => account.home.clone(),
        };
        sites.homes = sites.accounts.iter().map(home).collect();
        for account in sites.accounts.clone() {
            sites.search(&account);
        }
        for dir in &options.state_dirs {
            if !sites.answers(dir) {
                continue;
            }
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

    /// Whether a directory answers at all: nothing may be asked of one that does not. That is noted.
    fn answers(&mut self, dir: &Path) -> bool {
        if self.silent.contains(dir) {
            return false;
        }
        match answer(dir) {
            Ok(()) => true,
            Err(overdue) => {
                let (shown, why) = (dir.to_string_lossy(), overdue.to_string());
                self.miss(&shown, &why, "look at the volume that it lies on", true);
                self.silent.insert(dir.to_owned());
                false
            }
        }
    }

    fn search(&mut self, account: &Account) {
        let shown = account.home.to_string_lossy().into_owned();
        if let Some(why) = &account.unreachable {
            self.miss(&shown, why, "look at the volume that the home folder lies on", false);
            return;
        }
        let home = account.home.clone();
        // A link in it may lead to a volume that is gone.
        let roots = match within(HOME_DEADLINE, move || paths::discover_roots(&home)) {
            Ok(Ok(roots)) => roots,
            Ok(Err(error)) if error.source.kind() == std::io::ErrorKind::PermissionDenied => {
                self.miss(&shown, "permission denied", "run as root", false);
                return;
            }
            Ok(Err(error)) => {
                self.miss(&shown, &error.source.to_string(), "look at the home folder", false);
                return;
            }
            Err(overdue) => {
                let remedy = "look at the volumes that links to state directories in it lead to";
                self.miss(&shown, &overdue.to_string(), remedy, false);
                return;
            }
        };
        let home = real(&account.home);
        for root in roots {
            if matches!(root.link, RootLink::Dangling { .. }) {
                continue;
            }
            let profile = match root.kind {
                RootKind::Profile(profile) => Some(profile),
                RootKind::Default | RootKind::Legacy | RootKind::Abandoned | RootKind::Doubled => None,
            };
            let target = real(&root.path);
            if !target.starts_with(&home) && !may_claim(Some(account.uid), &target) {
                let shown = root.path.to_string_lossy();
                self.miss(&shown, "it leads to a directory of another user", "remove the link", false);
                continue;
            }
            if let Some(site) = self.add(&root.path, profile.clone())
                && site.uid == account.uid
                && !site.config_path.starts_with(&account.home)
            {
                // What somebody else calls it, who may, comes after what its owner does.
                site.profile = profile;
                site.config_path = config_path(&root.path);
            }
        }
    }

    /// The state directory that the caller's command line would use.
    fn callers(&mut self, environment: &Environment) {
        let home = environment.text("HOME").map_or_else(|| PathBuf::from("/"), PathBuf::from);
        let working_directory = std::env::current_dir().unwrap_or_default();
        let Some(resolved) = resolve(environment, home, working_directory, None) else { return };
        let named = resolved.state_dir_source == StateDirSource::Environment;
        // Another home than those to be searched is none of this check's business, unless the caller names it.
        let is_named = named || environment.text(OPENCLAW_HOME).is_some();
        if !self.everywhere && !is_named && !self.is_below_homes(&resolved.state_dir) {
            return;
        }
        if !self.answers(&resolved.state_dir) {
            return;
        }
        if let Some(site) = self.add(&resolved.state_dir, resolved.profile.clone()) {
            site.is_callers = true;
            site.callers_config = Some(resolved.config_path.clone());
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
            callers_config: None,
        });
        if path != resolved {
            site.aliases.insert(path.to_string_lossy().into_owned());
        }
        Some(site)
    }

    /// The account whose home the directory lies in, else the one that owns it.
    fn account(&self, dir: &Path, uid: u32) -> Option<Account> {
        let inside = self.accounts.iter().zip(&self.homes).filter(|(_, home)| dir.starts_with(home));
        let nearest = inside.max_by_key(|(account, _)| account.home.as_os_str().len()).map(|(account, _)| account);
        nearest.or_else(|| self.accounts.iter().find(|account| account.uid == uid)).cloned()
    }

    /// The sites found so far, by path.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Site> {
        self.by_path.values()
    }

    /// A gateway uses its state directory, be it in no home.
    pub(crate) fn claim_gateway(&mut self, process: &Process, config_path: Option<&Path>) {
        let Some(dir) = state_dir(process, ProcessRole::Gateway) else { return };
        if !self.concerns(dir) || !self.answers(dir) || !may_claim(process.uid, dir) {
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
        let Some(dir) = state_dir(process, ProcessRole::Bootstrapping) else { return };
        if answer(dir).is_err() || !may_claim(process.uid, dir) {
            return;
        }
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
        if !self.concerns(dir) || !self.answers(dir) || !may_claim(Some(uid), dir) {
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
    let wanted = real(home);
    let is_it =
        |account: &&Account| account.home == home || account.unreachable.is_none() && real(&account.home) == wanted;
    known.iter().find(is_it).cloned().unwrap_or_else(|| {
        let asked = home.to_owned();
        let (metadata, unreachable) = match within(DEADLINE, move || fs::metadata(asked)) {
            Ok(answer) => (answer.ok(), None),
            Err(overdue) => (None, Some(overdue.to_string())),
        };
        let uid = metadata.as_ref().map_or(u32::MAX, MetadataExt::uid);
        let owner = known.iter().find(|account| account.uid == uid);
        let name = owner.map_or_else(
            || home.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned()),
            |account| account.name.clone(),
        );
        let gid = metadata.as_ref().map_or(u32::MAX, MetadataExt::gid);
        Account { name, uid, gid, home: home.to_owned(), unreachable }
    })
}

/// Whether a directory answers; it may do so by not being there.
fn answer(dir: &Path) -> Result<(), Overdue> {
    let dir = dir.to_owned();
    within(DEADLINE, move || fs::metadata(dir)).map(|_| ())
}

/// A path with its links resolved; as it is where it is not there or does not answer.
pub(crate) fn real(path: &Path) -> PathBuf {
    let asked = path.to_owned();
    let answer = within(DEADLINE, move || fs::canonicalize(asked));
    answer.ok().and_then(Result::ok).unwrap_or_else(|| path.to_owned())
}

/// The paths of a process with this environment. Where a folder that they depend on does not answer, it counts as what is usual there.
pub(crate) fn resolve(
    environment: &Environment,
    home: PathBuf,
    working_directory: PathBuf,
    profile: Option<String>,
) -> Option<ResolvedPaths> {
    let environment = environment.clone();
    let resolved = move |exists: &dyn Fn(&Path) -> bool| {
        let inputs =
            PathInputs { environment: &environment, account_home: &home, working_directory: &working_directory };
        paths::resolve(&inputs, profile.as_deref(), exists).ok()
    };
    let asked = resolved.clone();
    within(DEADLINE, move || asked(&|path: &Path| path.exists())).unwrap_or_else(|_| resolved(&|_: &Path| true))
}

#[cfg(test)]
mod tests;
