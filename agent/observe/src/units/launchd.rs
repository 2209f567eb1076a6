//! The join on macOS: property lists, `launchctl`, overrides and background records.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use portreeve_core::Fact;
use portreeve_core::order::Gather as _;
use portreeve_core::snapshot::{Domain, KeepAlive, Manager, UnitInventory};
use portreeve_openclaw::environment::Environment;
use portreeve_openclaw::file::Reader;

use super::blueprint::{Blueprint, Known, Scope};
use super::{Detail, Inventory, Question};
use crate::command::{Invocation, Runner};
use crate::commands::sfltool::{self, BackgroundItem};
use crate::launchd::folder::{self, Definition, Definitions};
use crate::launchd::runtime::{self, Domains, user_domains};
use crate::launchd::{Disabled, Job, ServicePrint};
use crate::plist;
use crate::users::Account;

/// User ids of people begin here.
const FIRST_PERSON: u32 = 500;
/// Users whose domains are asked, at most.
const MAX_USERS: usize = 32;
/// How long background task management has to answer.
const DUMP_DEADLINE: Duration = Duration::from_secs(5);

pub(super) fn inventory(question: &Question<'_>, runner: &dyn Runner) -> Inventory {
    let at = question.at;
    let Definitions { places, found, problems } =
        folder::read(&folder::folders(question.root, question.accounts, &[]), at);
    let mut known: Vec<(Known, Disabled)> = Vec::new();
    let mut started = Vec::new();
    for definition in &found {
        let mut blueprint = blueprint(definition, question);
        if !matches!(definition.job.disabled, Disabled::Plain(true)) {
            started.push(blueprint.started(vec![blueprint.arguments.clone()]));
        }
        blueprint.oddities.extend(bad_ownership(definition));
        if let Some(unit) = blueprint.understand(Scope::Concerned(question.ports), at) {
            known.push((unit, definition.job.disabled));
        }
    }
    let mut uids: BTreeSet<u32> = question.console_uid.into_iter().gather();
    uids.extend(known.iter().filter_map(|(known, _)| match known.unit.domain {
        Domain::User { uid } => Some(uid),
        Domain::System | Domain::EachUser => None,
    }));
    uids.extend(question.accounts.iter().map(|account| account.uid).filter(|uid| *uid >= FIRST_PERSON));
    let uids: BTreeSet<u32> = uids.into_iter().take(MAX_USERS).gather();
    let mut domains = runtime::ask(runner, &uids, at);
    let background = background(question, runner, !known.is_empty());

    let mut joined = Vec::new();
    for (unit, disabled) in known {
        join(unit, disabled, &uids, &mut domains, runner, &background, at, &mut joined);
    }
    undefined(question, &mut domains, runner, &background, &mut joined);
    let mut inventory = UnitInventory {
        places,
        domains: domains.counts(),
        units: Vec::new(),
        problems,
        unparsed_lines: domains.unparsed_lines,
        passed_over: 0,
    };
    let mut details = Vec::new();
    for known in joined {
        details.push(Detail::of(&known));
        inventory.units.push(known.unit);
    }
    Inventory { units: inventory, details, started: started.into_iter().flatten().collect() }
}

/// A definition in the terms of both service managers.
pub(super) fn blueprint<'a>(definition: &Definition, question: &Question<'a>) -> Blueprint<'a> {
    let job = &definition.job;
    let account = match &definition.domain {
        Domain::User { uid } => question.account(*uid),
        Domain::System => match &job.user {
            Some(name) => question.accounts.iter().find(|account| account.name == *name),
            None => question.account(0),
        },
        Domain::EachUser => question.console_uid.and_then(|uid| question.account(uid)),
    };
    let stem = definition.path.file_stem().unwrap_or_default().to_string_lossy();
    let mut blueprint = of_job(job, account, definition.domain.clone());
    blueprint.label = job.label.clone().unwrap_or_else(|| stem.into_owned());
    blueprint.path = Some(definition.path.clone());
    blueprint.meta = Some(definition.meta.clone());
    blueprint
}

fn of_job<'a>(job: &Job, account: Option<&'a Account>, domain: Domain) -> Blueprint<'a> {
    Blueprint {
        manager: Manager::Launchd,
        label: job.label.clone().unwrap_or_default(),
        domain,
        path: None,
        meta: None,
        account,
        program: job.program.clone(),
        arguments: job.command_line().into_iter().collect(),
        environment: job.environment.clone(),
        environment_files: Vec::new(),
        working_directory: job.working_directory.clone().map(PathBuf::from),
        outputs: job.stdout_path.iter().chain(&job.stderr_path).cloned().collect(),
        keep_alive: job.keep_alive.clone().unwrap_or(KeepAlive::Never),
        starts_at_load: job.starts_at_load(),
        throttle_s: job.throttle_s,
        exit_timeout_s: job.exit_timeout_s,
        socket_ports: job.sockets.iter().filter_map(|socket| socket.port).collect(),
        oddities: job.oddities.clone(),
    }
}

/// launchd refuses a file that others may write, or whose owner is not the one of the domain.
fn bad_ownership(definition: &Definition) -> Option<String> {
    let meta = &definition.meta;
    if meta.mode & 0o022 != 0 {
        return Some(format!("mode {:04o} lets others write the file, so launchd refuses it", meta.mode & 0o7777));
    }
    let owners: &[u32] = match &definition.domain {
        Domain::System | Domain::EachUser => &[0],
        Domain::User { uid } => &[0, *uid],
    };
    (!owners.contains(&meta.uid)).then(|| format!("the file belongs to user {}, so launchd refuses it", meta.uid))
}

/// A definition becomes one unit, and one for each user where it is loaded for several.
#[expect(clippy::too_many_arguments, reason = "the join of five sources")]
fn join(
    known: Known,
    disabled: Disabled,
    uids: &BTreeSet<u32>,
    domains: &mut Domains,
    runner: &dyn Runner,
    background: &Background,
    at: Timestamp,
    into: &mut Vec<Known>,
) {
    let label = known.unit.label.clone();
    let candidates: Vec<Vec<String>> = match known.unit.domain {
        Domain::System => vec![vec!["system".to_owned()]],
        Domain::User { uid } => vec![user_domains(uid).to_vec()],
        Domain::EachUser => uids.iter().map(|uid| user_domains(*uid).to_vec()).collect(),
    };
    let mut unloaded: Option<Known> = None;
    let before = into.len();
    for names in candidates {
        let mut unit = known.clone();
        let (runtime, print) = domains.runtime(runner, &label, &names, at);
        let loaded = runtime.get().map(|runtime| runtime.domain.clone());
        let place = loaded.clone().or_else(|| names.first().cloned());
        let is_each = unit.unit.domain == Domain::EachUser;
        if let Some(domain) = place.filter(|_| !is_each || loaded.is_some()) {
            unit.unit.id = format!("{domain}/{label}");
        }
        unit.unit.runtime = runtime;
        unit.unit.disabled = domains.is_overridden(&label, &names).unwrap_or_else(|| by_definition(disabled, at));
        unit.unit.background_allowed = background.allowed(&unit, at);
        fill(&mut unit, print);
        if is_each && loaded.is_none() {
            unloaded = Some(unit);
        } else {
            into.push(unit);
        }
    }
    if into.len() == before {
        into.push(unloaded.unwrap_or(known));
    }
}

/// What launchd knows better than the file: the file may have changed since it was loaded.
fn fill(known: &mut Known, print: Option<ServicePrint>) {
    let Some(print) = print else { return };
    let unit = &mut known.unit;
    unit.throttle_s = unit.throttle_s.or(print.minimum_runtime_s);
    unit.exit_timeout_s = unit.exit_timeout_s.or(print.exit_timeout_s);
    if let (Some(file), Some(loaded)) = (&unit.path, &print.path)
        && file != loaded
    {
        unit.oddities.push(format!("launchd loaded it from `{loaded}`"));
    }
}

fn by_definition(disabled: Disabled, at: Timestamp) -> Fact<bool> {
    match disabled {
        Disabled::NotGiven => Fact::known(false, "no override, no `Disabled`", at),
        Disabled::Plain(value) => Fact::known(value, "`Disabled` of the definition", at),
        Disabled::Conditional => Fact::unreadable("depends on a feature flag", "`Disabled` of the definition", at),
    }
}

/// Jobs of `OpenClaw` that are loaded and have no file in the folders.
fn undefined(
    question: &Question<'_>,
    domains: &mut Domains,
    runner: &dyn Runner,
    background: &Background,
    into: &mut Vec<Known>,
) {
    let ids: BTreeSet<String> = into.iter().map(|known| known.unit.id.clone()).gather();
    let names = ["openclaw", "clawdbot", "moltbot", "bot.molt."];
    let loose: Vec<(String, String)> = domains
        .labels()
        .filter(|(domain, label)| {
            // Apps that were opened by hand are listed as `application.<bundle id>.<numbers>`.
            !label.starts_with("application.")
                && names.iter().any(|name| label.contains(name))
                && !ids.contains(&format!("{domain}/{label}"))
        })
        .map(|(domain, label)| (domain.to_owned(), label.to_owned()))
        .collect();
    for (domain, label) in loose {
        let uid = domain.rsplit_once('/').and_then(|(_, uid)| uid.parse().ok());
        let account = uid.and_then(|uid| question.account(uid));
        let (runtime, print) = domains.runtime(runner, &label, std::slice::from_ref(&domain), question.at);
        let mut blueprint = loaded_job(print.as_ref(), account, uid.map_or(Domain::System, |uid| Domain::User { uid }));
        blueprint.label = label;
        let Some(mut known) = blueprint.understand(Scope::Concerned(question.ports), question.at) else { continue };
        known.unit.id = format!("{domain}/{}", known.unit.label);
        known.unit.runtime = runtime;
        let names = [domain];
        known.unit.disabled = domains
            .is_overridden(&known.unit.label, &names)
            .unwrap_or_else(|| Fact::known(false, "no override", question.at));
        known.unit.background_allowed = background.allowed(&known, question.at);
        into.push(known);
    }
}

/// A loaded job from the file that launchd names, else from what launchd says of it.
fn loaded_job<'a>(print: Option<&ServicePrint>, account: Option<&'a Account>, domain: Domain) -> Blueprint<'a> {
    let reader = match account {
        Some(account) => Reader::for_user(account.uid, Some(account.home.clone())),
        None => Reader::for_self(None),
    };
    if let Some(path) = print.and_then(|print| print.path.as_deref()).map(PathBuf::from)
        && let Ok(file) = plist::read(&path, &reader)
        && let Ok(job) = Job::from_plist(&file.value)
    {
        let mut blueprint = of_job(&job, account, domain);
        (blueprint.path, blueprint.meta) = (Some(path), Some(file.meta));
        return blueprint;
    }
    let mut blueprint = of_job(&Job::default(), account, domain);
    if let Some(print) = print {
        blueprint.program.clone_from(&print.program);
        blueprint.arguments = print.arguments.clone();
        blueprint.throttle_s = print.minimum_runtime_s;
        blueprint.exit_timeout_s = print.exit_timeout_s;
        blueprint.starts_at_load = print.properties.iter().any(|name| name == "runatload" || name == "keepalive");
        blueprint.environment = Environment::default();
        if print.properties.iter().any(|name| name == "keepalive") {
            blueprint.keep_alive = KeepAlive::Always;
        }
    }
    blueprint
}

/// Records of background task management, or why there are none.
enum Background {
    Items(Vec<BackgroundItem>),
    Blind(String),
}

fn background(question: &Question<'_>, runner: &dyn Runner, is_wanted: bool) -> Background {
    if !is_wanted {
        return Background::Items(Vec::new());
    }
    if question.agent_uid != 0 {
        return Background::Blind("`sfltool dumpbtm` asks for an administrator: run as root".to_owned());
    }
    let invocation = Invocation::new("/usr/bin/sfltool", ["dumpbtm"]).deadline(DUMP_DEADLINE);
    match runner.run(&invocation) {
        Ok(output) => Background::Items(sfltool::parse(&output.stdout).value),
        Err(error) => Background::Blind(error.to_string()),
    }
}

impl Background {
    /// Whether a job may run. The record of its own user or of the system counts; one that is gone counts for nothing.
    fn allowed(&self, known: &Known, at: Timestamp) -> Fact<bool> {
        const SOURCE: &str = "sfltool dumpbtm";
        let items = match self {
            Self::Items(items) => items,
            Self::Blind(why) => return Fact::unreadable(why.clone(), SOURCE, at),
        };
        let unit = &known.unit;
        let section = match unit.domain {
            Domain::User { uid } => Some(i64::from(uid)),
            Domain::System | Domain::EachUser => None,
        };
        let url = unit.path.as_ref().map(|path| format!("file://{path}"));
        let record = items.iter().find(|item| {
            let is_same = item.label() == Some(&unit.label) || (item.url.is_some() && item.url == url);
            let is_section = section.is_none() || item.section_uid == section || item.section_uid == Some(-2);
            is_same && is_section && item.disposition.is_some_and(|disposition| disposition.enabled)
        });
        match record.and_then(|item| item.disposition) {
            Some(disposition) => Fact::known(disposition.allowed, SOURCE, at),
            None => Fact::absent(SOURCE, at),
        }
    }
}
