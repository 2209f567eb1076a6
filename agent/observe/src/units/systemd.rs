//! The join on Linux: unit files and `systemctl`.

use std::collections::BTreeMap;

use jiff::Timestamp;
use portreeve_core::Fact;
use portreeve_core::fact::Outcome;
use portreeve_core::snapshot::{Domain, Manager, UnitInventory, UnitRuntime};

use super::blueprint::{Blueprint, Known, Scope};
use super::{Detail, Inventory, Question};
use crate::command::Runner;
use crate::systemd::folder::{self, Definition};
use crate::systemd::show::{self, Shown};

pub(super) fn inventory(question: &Question<'_>, runner: &dyn Runner) -> Inventory {
    let at = question.at;
    let found = folder::read(&folder::searches(question.root, question.accounts), at);
    let mut inventory = UnitInventory {
        places: found.places,
        domains: BTreeMap::new(),
        units: Vec::new(),
        problems: found.problems,
        unparsed_lines: found.unparsed_lines,
        passed_over: 0,
    };
    let mut known: Vec<(Known, &Definition)> = Vec::new();
    let mut started = Vec::new();
    for definition in &found.found {
        for blueprint in blueprints(definition, question) {
            if (definition.is_enabled || definition.is_timed) && !definition.is_masked {
                started.extend(blueprint.started(definition.service.executed.clone()));
            }
            if let Some(unit) = blueprint.understand(Scope::Concerned(question.ports), at) {
                known.push((unit, definition));
            }
        }
    }
    let mut wanted: BTreeMap<Domain, Vec<String>> = BTreeMap::from([(Domain::System, Vec::new())]);
    for (unit, _) in &known {
        wanted.entry(unit.unit.domain.clone()).or_default().push(unit.unit.label.clone());
    }
    let mut answers: BTreeMap<Domain, Fact<Vec<Shown>>> = BTreeMap::new();
    for (domain, names) in wanted {
        let answer = ask(question, runner, &domain, &names, &mut inventory.unparsed_lines);
        let count = answer.clone().map(|shown| u64::try_from(shown.len()).unwrap_or(u64::MAX));
        inventory.domains.insert(show::domain_name(&domain), count);
        answers.insert(domain, answer);
    }
    let mut details = Vec::new();
    for (mut unit, definition) in known {
        let domain = unit.unit.domain.clone();
        unit.unit.id = format!("{}/{}", show::domain_name(&domain), unit.unit.label);
        let shown = answers.get(&domain);
        unit.unit.runtime = runtime(shown, &unit.unit.label, &show::domain_name(&domain), at);
        unit.unit.disabled = disabled(definition, shown, at);
        details.push(Detail::of(&unit));
        inventory.units.push(unit.unit);
    }
    Inventory { units: inventory, details, started }
}

fn ask(
    question: &Question<'_>,
    runner: &dyn Runner,
    domain: &Domain,
    names: &[String],
    unparsed_lines: &mut u64,
) -> Fact<Vec<Shown>> {
    let at = question.at;
    if !show::is_running(question.root) {
        return Fact::unreadable("systemd is not running", "run/systemd/system", at);
    }
    if let Domain::User { uid } = domain {
        let place = question.root.join(format!("run/user/{uid}/systemd"));
        if !place.exists() {
            return Fact::absent(place.to_string_lossy(), at);
        }
    }
    if names.is_empty() {
        return Fact::known(Vec::new(), "systemctl show", at);
    }
    show::ask(runner, domain, names, question.agent_uid, at).map(|parsed| {
        *unparsed_lines += parsed.unparsed.count();
        parsed.value
    })
}

/// A service in the terms of both service managers: one for each user that has a manager, where it is every user's.
fn blueprints<'a>(definition: &Definition, question: &Question<'a>) -> Vec<Blueprint<'a>> {
    let service = &definition.service;
    let accounts = match &definition.domain {
        Domain::User { uid } => vec![(question.account(*uid), definition.domain.clone())],
        Domain::System => {
            let account = match &service.user {
                Some(name) => question.accounts.iter().find(|account| account.name == *name),
                None => question.account(0),
            };
            vec![(account, Domain::System)]
        }
        Domain::EachUser => {
            let has_manager = |uid: u32| question.root.join(format!("run/user/{uid}/systemd")).exists();
            let managed = question.accounts.iter().filter(|account| has_manager(account.uid));
            let each: Vec<_> = managed.map(|account| (Some(account), Domain::User { uid: account.uid })).collect();
            if each.is_empty() { vec![(None, Domain::EachUser)] } else { each }
        }
    };
    let blueprint = |(account, domain)| Blueprint {
        manager: Manager::Systemd,
        label: definition.name.clone(),
        domain,
        path: Some(definition.path.clone()),
        meta: definition.meta.clone(),
        account,
        program: None,
        arguments: service.arguments.clone(),
        environment: service.environment.clone(),
        environment_files: service.environment_files.iter().map(|(path, _)| path.clone()).collect(),
        working_directory: service.working_directory.clone(),
        outputs: Vec::new(),
        keep_alive: service.keep_alive(),
        starts_at_load: definition.is_enabled && !definition.is_masked,
        throttle_s: service.restart_s,
        exit_timeout_s: service.stop_timeout_s,
        socket_ports: Vec::new(),
        oddities: service.oddities.clone(),
    };
    accounts.into_iter().map(blueprint).collect()
}

fn runtime(shown: Option<&Fact<Vec<Shown>>>, label: &str, domain: &str, at: Timestamp) -> Fact<UnitRuntime> {
    let Some(shown) = shown else {
        return Fact::absent("systemctl show", at);
    };
    let outcome = match &shown.outcome {
        Outcome::Known { value } => {
            let found = value.iter().find(|shown| shown.id == label).and_then(|shown| shown.runtime(domain));
            found.map_or(Outcome::Absent, |value| Outcome::Known { value })
        }
        Outcome::Absent => Outcome::Absent,
        Outcome::Denied { why } => Outcome::Denied { why: why.clone() },
        Outcome::Unreadable { why } => Outcome::Unreadable { why: why.clone() },
    };
    Fact { outcome, source: shown.source.clone(), at }
}

/// Masked, or made to be enabled and not enabled. systemd's own word goes before the links in its folders.
fn disabled(definition: &Definition, shown: Option<&Fact<Vec<Shown>>>, at: Timestamp) -> Fact<bool> {
    let state = shown
        .and_then(Fact::get)
        .and_then(|shown| shown.iter().find(|shown| shown.id == definition.name))
        .and_then(|shown| shown.unit_file_state.as_deref());
    let by_links = definition.is_masked || (!definition.is_enabled && !definition.service.wanted_by.is_empty());
    match state {
        Some("masked" | "masked-runtime" | "disabled") => Fact::known(true, "UnitFileState", at),
        Some(
            "enabled" | "enabled-runtime" | "static" | "linked" | "linked-runtime" | "alias" | "indirect" | "generated"
            | "transient",
        ) => Fact::known(false, "UnitFileState", at),
        _ => Fact::known(by_links, "links in the folders of targets", at),
    }
}
