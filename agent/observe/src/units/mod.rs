//! Services: definitions joined with what the service manager says of them.

mod argv;
mod blueprint;
mod claim;
mod launchd;
mod program;
mod systemd;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use portreeve_core::Fact;
use portreeve_core::order::Order as _;
use portreeve_core::snapshot::{Domain, Manager, UnitInventory, UnitProblem};
use portreeve_openclaw::environment::Environment;
use portreeve_openclaw::file::Reader;
use portreeve_openclaw::service::Service;

pub use argv::Argv;
use blueprint::{Known, Scope};

use crate::command::{Runner, System};
use crate::file;
use crate::launchd::folder::{self, Definition};
use crate::launchd::{Disabled, Job};
use crate::users::{self, Account};
use crate::{os, plist};

/// What an inventory is taken of.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// Which service manager: [`native_manager`] but in tests.
    pub manager: Manager,
    /// The folder below which the system's folders lie: `/` but in tests.
    pub root: &'a Path,
    /// Accounts whose services are looked at.
    pub accounts: &'a [Account],
    /// Ports of interest.
    pub ports: &'a BTreeSet<u16>,
    /// The user at the screen.
    pub console_uid: Option<u32>,
    /// User id of the agent.
    pub agent_uid: u32,
    /// The time of all facts.
    pub at: Timestamp,
}

impl<'a> Question<'a> {
    fn account(&self, uid: u32) -> Option<&'a Account> {
        self.accounts.iter().find(|account| account.uid == uid)
    }
}

/// An inventory, and what of it never becomes a fact.
#[derive(Debug)]
pub struct Inventory {
    /// The facts.
    pub units: UnitInventory,
    /// More of each unit, in the same order.
    pub details: Vec<Detail>,
    /// What the services of other people start, for whoever looks for a program among it.
    pub started: Vec<Started>,
}

/// What one service starts.
#[derive(Debug, Clone)]
pub struct Started {
    /// Label or unit name.
    pub label: String,
    /// Its definition.
    pub path: PathBuf,
    /// The account that it runs for, where known.
    pub account: Option<Account>,
    /// Its commands, each with its arguments.
    pub commands: Vec<Argv>,
    /// Where it starts them.
    pub working_directory: Option<PathBuf>,
}

/// What else is known of a unit: for whoever resolves credentials and paths. Values of variables stay out of `Debug`.
#[derive(Debug, Clone)]
pub struct Detail {
    /// [`portreeve_core::snapshot::Unit::id`].
    pub id: String,
    /// Its environment: the definition's, with that of its environment files laid over it.
    pub environment: Environment,
    /// What it is and claims.
    pub service: Service,
    /// The user that it runs for.
    pub uid: Option<u32>,
}

impl Detail {
    fn of(known: &Known) -> Self {
        Self {
            id: known.unit.id.clone(),
            environment: known.environment.clone(),
            service: known.service.clone(),
            uid: known.uid,
        }
    }
}

/// The service manager of this system.
pub fn native_manager() -> Manager {
    os::MANAGER
}

/// Takes the inventory of this machine: services that concern `OpenClaw` or a port of interest. Blocks, for some seconds at most.
pub fn inventory(question: &Question<'_>, runner: &dyn Runner) -> Inventory {
    let mut inventory = match question.manager {
        Manager::Launchd => launchd::inventory(question, runner),
        Manager::Systemd => systemd::inventory(question, runner),
    };
    for account in question.accounts {
        if let Some(why) = &account.unreachable {
            let place = account.home.to_string_lossy().into_owned();
            inventory.units.places.entry(place).or_insert_with(|| Fact::unreadable(why.clone(), "stat", question.at));
        }
    }
    inventory
}

/// Lists every property list in the given folders and the folders in them, which may come from another machine. Everything is listed,
/// not only what concerns `OpenClaw`; nothing is asked of the service manager.
pub fn inventory_of_dirs(dirs: &[PathBuf], at: Timestamp) -> UnitInventory {
    let mut inventory = UnitInventory {
        places: BTreeMap::new(),
        domains: BTreeMap::new(),
        units: Vec::new(),
        problems: Vec::new(),
        unparsed_lines: 0,
        passed_over: 0,
    };
    let (mut files, mut passed_over) = (Vec::new(), BTreeSet::new());
    for dir in dirs {
        let (found, failed) = folder::files_below(dir);
        let (found, others): (Vec<_>, Vec<_>) = found.into_iter().partition(|path| folder::is_property_list(path));
        let count = u64::try_from(found.len()).unwrap_or(u64::MAX);
        passed_over.extend(others);
        let name = |path: &Path| path.to_string_lossy().into_owned();
        inventory.places.insert(name(dir), Fact::known(count, "readdir", at));
        for (path, error) in failed {
            inventory.places.insert(name(&path), file::error_fact(&error, "readdir", at));
        }
        files.extend(found);
    }
    inventory.passed_over = u64::try_from(passed_over.len()).unwrap_or(u64::MAX);
    files.order_by(|left: &PathBuf, right| left.as_os_str().cmp(right.as_os_str()));
    files.dedup();
    let ports = BTreeSet::new();
    let question = Question {
        manager: Manager::Launchd,
        root: Path::new("/"),
        accounts: &[],
        ports: &ports,
        console_uid: None,
        agent_uid: 0,
        at,
    };
    let reader = Reader::for_self(None);
    let read = folder::each(&files, |path| listed(path, &reader, &question));
    for (path, answer) in files.iter().zip(read) {
        match answer {
            Ok(known) => inventory.units.push(known.unit),
            Err(why) => inventory.problems.push(UnitProblem { path: path.to_string_lossy().into_owned(), why }),
        }
    }
    inventory
}

fn listed(path: &Path, reader: &Reader, question: &Question<'_>) -> Result<Known, String> {
    let file = plist::read(path, reader).map_err(|error| error.why())?;
    let job = Job::from_plist(&file.value).map_err(|error| error.to_string())?;
    let is_agent = path.components().any(|part| part.as_os_str() == "LaunchAgents");
    let domain = if is_agent { Domain::EachUser } else { Domain::System };
    let disabled = job.disabled;
    let definition = Definition { path: path.to_path_buf(), domain, meta: file.meta, job };
    let blueprint = launchd::blueprint(&definition, question);
    let Some(mut known) = blueprint.understand(Scope::Everything, question.at) else {
        return Err("is out of scope".to_owned());
    };
    let source = path.to_string_lossy();
    let unasked = "only the file was read";
    known.unit.runtime = Fact::unreadable(unasked, source.clone(), question.at);
    known.unit.background_allowed = Fact::unreadable(unasked, source.clone(), question.at);
    known.unit.disabled = match disabled {
        Disabled::Plain(value) => Fact::known(value, source, question.at),
        Disabled::NotGiven | Disabled::Conditional => Fact::unreadable(unasked, source, question.at),
    };
    Ok(known)
}

/// The services of this machine that concern `OpenClaw` or one of these ports.
pub fn unit_inventory(ports: &[u16]) -> UnitInventory {
    let at = Timestamp::now();
    let accounts = users::observe(at);
    let accounts = accounts.get().map_or(&[][..], Vec::as_slice);
    let mut known = BTreeSet::from([portreeve_openclaw::port::DEFAULT_PORT]);
    known.extend(ports);
    let question = Question {
        manager: native_manager(),
        root: Path::new("/"),
        accounts,
        ports: &known,
        console_uid: None,
        agent_uid: nix::unistd::geteuid().as_raw(),
        at,
    };
    inventory(&question, &System).units
}

/// Every property list in these folders, which may come from another machine.
pub fn unit_inventory_of(dirs: &[PathBuf]) -> UnitInventory {
    inventory_of_dirs(dirs, Timestamp::now())
}
