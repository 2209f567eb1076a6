//! What differs between two baselines, each difference by name.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::baseline::{
    Baseline, ClientBaseline, ContainerBaseline, EngineBaseline, ExclusionBaseline, GatewayBaseline, PortBaseline,
    StateDirBaseline, UnitBaseline,
};
use crate::report::{MirrorState, Subject};
use crate::snapshot::{KeepAlive, UnitRole, WorkloadRole};

/// How much a difference weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Weight {
    /// Something that was there is gone. The node is not accepted.
    Lost,
    /// Something that was there cannot be seen now. The node is not accepted, since it may be gone.
    Unseen,
    /// Something is otherwise than before. By itself it refuses nothing: where it does harm a finding says so.
    Changed,
}

impl Weight {
    /// Whether it keeps the node from being accepted.
    pub fn refuses(self) -> bool {
        self != Self::Changed
    }
}

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Difference {
    /// What differs.
    pub subject: Subject,
    /// One sentence.
    pub summary: String,
    /// How much it weighs.
    pub weight: Weight,
    /// What was accepted.
    pub before: Option<String>,
    /// What is there now; none where it is gone or not seen.
    pub after: Option<String>,
}

/// Names every difference, the heaviest first.
///
/// What was not seen when the node was accepted is not compared. What is gone is named once: of a unit that is not loaded any more nobody
/// need be told that it does not run.
pub fn compare(before: &Baseline, after: &Baseline) -> Vec<Difference> {
    let mut out = Vec::new();
    let node = About { kind: "node", id: "this node", out: &mut out };
    machine(before, after, node);
    each(&before.gateways, &after.gateways, "gateway", &mut out, gateway);
    each(&before.units, &after.units, "unit", &mut out, |was, is, about| unit(was, is, &after.unseen_units, about));
    ports(before.ports.as_ref(), after.ports.as_ref(), &mut out);
    each(&before.engines, &after.engines, "engine", &mut out, engine);
    let silent: BTreeSet<&str> = before.engines.keys().map(String::as_str).filter(|id| is_silent(id, after)).collect();
    each(&before.containers, &after.containers, "container", &mut out, |was, is, about| {
        container(was, is, &silent, about);
    });
    each(&before.state_dirs, &after.state_dirs, "state", &mut out, state_dir);
    let gone: BTreeSet<&String> =
        before.state_dirs.keys().filter(|path| !after.state_dirs.contains_key(*path)).collect();
    each(&before.exclusions, &after.exclusions, "state", &mut out, |was, is, about| {
        if !gone.contains(&about.id.to_owned()) {
            exclusion(was, is, about);
        }
    });
    each(&before.mirrors, &after.mirrors, "mirror", &mut out, mirror);
    each(&before.clients, &after.clients, "client", &mut out, client);
    out.sort_by(|a, b| (a.weight, &a.subject, &a.summary).cmp(&(b.weight, &b.subject, &b.summary)));
    out
}

/// Where differences of one subject go.
struct About<'a> {
    kind: &'a str,
    id: &'a str,
    out: &'a mut Vec<Difference>,
}

impl About<'_> {
    fn say(&mut self, weight: Weight, summary: String, before: Option<String>, after: Option<String>) {
        let subject = Subject { kind: self.kind.to_owned(), id: self.id.to_owned() };
        self.out.push(Difference { subject, summary, weight, before, after });
    }

    /// A property that is read in words.
    fn text(&mut self, what: &str, was: Option<&String>, is: Option<&String>) {
        match (was, is) {
            (Some(was), Some(is)) if was != is => {
                self.say(Weight::Changed, format!("{what}: {was} → {is}"), Some(was.clone()), Some(is.clone()));
            }
            (Some(was), None) => {
                self.say(Weight::Unseen, format!("{what} cannot be seen, it was {was}"), Some(was.clone()), None);
            }
            _ => {}
        }
    }

    /// Something that held or did not. `lost` is said where it holds no more, `won` where it holds now.
    fn held(&mut self, was: Option<bool>, is: Option<bool>, lost: (Weight, &str), won: &str, unseen: &str) {
        let word = |holds: bool| Some(if holds { "yes" } else { "no" }.to_owned());
        match (was, is) {
            (Some(true), Some(false)) => self.say(lost.0, lost.1.to_owned(), word(true), word(false)),
            (Some(false), Some(true)) => self.say(Weight::Changed, won.to_owned(), word(false), word(true)),
            (Some(true), None) => self.say(Weight::Unseen, unseen.to_owned(), word(true), None),
            _ => {}
        }
    }
}

/// Compares all entries of two maps, those of either alone too.
fn each<T>(
    before: &BTreeMap<String, T>,
    after: &BTreeMap<String, T>,
    kind: &str,
    out: &mut Vec<Difference>,
    mut judge: impl FnMut(Option<&T>, Option<&T>, About<'_>),
) {
    let ids: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    for id in ids {
        judge(before.get(id), after.get(id), About { kind, id, out });
    }
}

fn machine(before: &Baseline, after: &Baseline, mut about: About<'_>) {
    let words = |system: &crate::snapshot::SystemVersion| {
        [&system.name, &system.version].map(String::as_str).join(" ") + &format!(" ({})", system.build)
    };
    let (was, is) = (before.system.as_ref().map(words), after.system.as_ref().map(words));
    about.text("operating system", was.as_ref(), is.as_ref());
    about.held(
        before.stays_awake,
        after.stays_awake,
        (Weight::Lost, "the machine may sleep, it was kept awake"),
        "the machine is kept awake now",
        "the sleep settings cannot be seen, the machine was kept awake",
    );
    about.held(
        before.restarts_alone,
        after.restarts_alone,
        (Weight::Lost, "the machine stays off after a power failure, it started by itself"),
        "the machine starts by itself after a power failure now",
        "whether the machine starts after a power failure cannot be seen, it did",
    );
    about.held(
        before.automatic_login,
        after.automatic_login,
        (Weight::Lost, "nobody is logged in by itself after boot any more"),
        "somebody is logged in by itself after boot now",
        "automatic login cannot be seen, it was on",
    );
    about.held(
        before.file_vault,
        after.file_vault,
        (Weight::Changed, "FileVault was switched off"),
        "FileVault was switched on: after a boot the disk waits for a password",
        "FileVault cannot be seen, it was on",
    );
    about.held(
        before.automatic_updates,
        after.automatic_updates,
        (Weight::Changed, "updates of the system are not installed by themselves any more"),
        "updates of the system are installed by themselves now",
        "the settings of automatic updates cannot be seen, they were on",
    );
}

fn gateway(was: Option<&GatewayBaseline>, is: Option<&GatewayBaseline>, mut about: About<'_>) {
    let id = about.id.to_owned();
    match (was, is) {
        (Some(was), Some(is)) => {
            let (old, new) = (was.port.to_string(), is.port.to_string());
            about.text(&format!("port of gateway {id}"), Some(&old), Some(&new));
            // A gateway that does not tell its version does not run, and its rungs say so.
            if is.version.is_some() {
                about.text(&format!("OpenClaw of gateway {id}"), was.version.as_ref(), is.version.as_ref());
            }
        }
        (Some(was), None) => {
            let summary = format!("gateway {id} on port {} is gone", was.port);
            about.say(Weight::Lost, summary, Some(was.port.to_string()), None);
        }
        (None, Some(is)) => {
            let summary = format!("gateway {id} on port {} is new", is.port);
            about.say(Weight::Changed, summary, None, Some(is.port.to_string()));
        }
        (None, None) => {}
    }
}

fn unit(was: Option<&UnitBaseline>, is: Option<&UnitBaseline>, unseen: &BTreeSet<String>, mut about: About<'_>) {
    let id = about.id.to_owned();
    match (was, is) {
        (Some(was), Some(is)) => {
            let lost = |text: &str| format!("unit {id} {text}");
            about.held(
                was.loaded,
                is.loaded,
                (Weight::Lost, &lost("is no longer loaded")),
                &lost("is loaded now"),
                &lost("was loaded, and whether it still is cannot be seen"),
            );
            about.held(
                was.enabled,
                is.enabled,
                (Weight::Lost, &lost("was switched off")),
                &lost("was switched on"),
                &lost("was switched on, and whether it still is cannot be seen"),
            );
            about.held(
                was.background,
                is.background,
                (Weight::Lost, &lost("is no longer allowed to run in the background")),
                &lost("is allowed to run in the background now"),
                &lost("was allowed to run in the background, and whether it still is cannot be seen"),
            );
            if is.loaded == Some(true) {
                let serves = matches!(was.role, UnitRole::Gateway | UnitRole::NodeHost);
                let weight = if serves { Weight::Lost } else { Weight::Changed };
                about.held(
                    was.running,
                    is.running,
                    (weight, &lost("no longer runs")),
                    &lost("runs now"),
                    &lost("ran, and whether it still does cannot be seen"),
                );
            }
            let (old, new) = (keep_alive(&was.keep_alive), keep_alive(&is.keep_alive));
            about.text(&format!("restart policy of unit {id}"), Some(&old), Some(&new));
            about.text(&format!("definition of unit {id}"), was.path.as_ref(), is.path.as_ref().or(was.path.as_ref()));
        }
        (Some(was), None) if unseen.is_empty() => {
            let weight = if was.loaded == Some(true) { Weight::Lost } else { Weight::Changed };
            about.say(weight, format!("unit {id} is gone"), was.path.clone(), None);
        }
        (Some(was), None) => {
            let places: Vec<&str> = unseen.iter().map(String::as_str).collect();
            let summary = format!("unit {id} is not seen, and {} cannot be looked at", places.join(", "));
            about.say(Weight::Unseen, summary, was.path.clone(), None);
        }
        (None, Some(is)) => about.say(Weight::Changed, format!("unit {id} is new"), None, is.path.clone()),
        (None, None) => {}
    }
}

fn keep_alive(policy: &KeepAlive) -> String {
    match policy {
        KeepAlive::Never => "never restarted".to_owned(),
        KeepAlive::Always => "restarted on any exit".to_owned(),
        KeepAlive::When { successful_exit, others } => {
            let mut when: Vec<String> =
                successful_exit.map(|successful| format!("SuccessfulExit={successful}")).into_iter().collect();
            when.extend(others.iter().cloned());
            format!("restarted when {}", when.join(", "))
        }
    }
}

fn ports(
    before: Option<&BTreeMap<String, PortBaseline>>,
    after: Option<&BTreeMap<String, PortBaseline>>,
    out: &mut Vec<Difference>,
) {
    let Some(before) = before else { return };
    let nothing = BTreeMap::new();
    each(before, after.unwrap_or(&nothing), "port", out, |was, is, mut about| {
        let id = about.id.to_owned();
        let names = |base: &PortBaseline| (!base.owners.is_empty()).then(|| list(&base.owners));
        match (was, is) {
            (Some(was), Some(is)) => {
                about.text(&format!("owner of port {id}"), names(was).as_ref(), names(is).as_ref());
                let (old, new) = (list(&was.addresses), list(&is.addresses));
                about.text(&format!("addresses of port {id}"), Some(&old), Some(&new));
            }
            (Some(was), None) if after.is_some() => {
                let owner = names(was).map(|owner| format!(", it was {owner}'s")).unwrap_or_default();
                about.say(Weight::Lost, format!("nobody listens on port {id} any more{owner}"), names(was), None);
            }
            (Some(was), None) => {
                about.say(Weight::Unseen, format!("who listens on port {id} cannot be seen"), names(was), None);
            }
            (None, Some(is)) => {
                let owner = names(is).unwrap_or_else(|| "somebody".to_owned());
                about.say(Weight::Changed, format!("{owner} listens on port {id} now"), None, names(is));
            }
            (None, None) => {}
        }
    });
}

fn engine(was: Option<&EngineBaseline>, is: Option<&EngineBaseline>, mut about: About<'_>) {
    let id = about.id.to_owned();
    let name = was.or(is).map_or("engine", |engine| engine.kind.name());
    match (was, is) {
        (Some(was), Some(is)) => {
            let weight = if was.needed { Weight::Lost } else { Weight::Changed };
            about.held(
                was.answers,
                is.answers,
                (weight, &format!("{name} ({id}) no longer answers")),
                &format!("{name} ({id}) answers now"),
                &format!("{name} ({id}) answered, and whether it still does cannot be seen"),
            );
            let (old, new) = (was.kind.name().to_owned(), is.kind.name().to_owned());
            about.text(&format!("product behind {id}"), Some(&old), Some(&new));
            if is.answers == Some(true) {
                about.text(&format!("version of {name} ({id})"), was.version.as_ref(), is.version.as_ref());
            }
        }
        (Some(was), None) => {
            let weight = if was.needed && was.answers == Some(true) { Weight::Lost } else { Weight::Changed };
            about.say(weight, format!("{name} ({id}) is gone"), was.version.clone(), None);
        }
        (None, Some(is)) => about.say(Weight::Changed, format!("{name} ({id}) is new"), None, is.version.clone()),
        (None, None) => {}
    }
}

/// Whether an engine of the accepted node says nothing now, so that its containers are neither there nor gone.
fn is_silent(id: &str, after: &Baseline) -> bool {
    after.engines.get(id).is_none_or(|engine| engine.answers != Some(true))
}

fn container(
    was: Option<&ContainerBaseline>,
    is: Option<&ContainerBaseline>,
    silent: &BTreeSet<&str>,
    mut about: About<'_>,
) {
    let id = about.id.to_owned();
    let serves = |base: &ContainerBaseline| base.running && base.role != WorkloadRole::Cli;
    let hidden = |base: &ContainerBaseline| base.engine.as_deref().is_some_and(|engine| silent.contains(engine));
    match (was, is) {
        // The engine's silence says it all.
        (Some(was), _) if hidden(was) => {}
        (Some(was), Some(is)) => {
            let weight = if serves(was) { Weight::Lost } else { Weight::Changed };
            let (gone, back) = (format!("{id} no longer runs"), format!("{id} runs now"));
            about.held(Some(was.running), Some(is.running), (weight, &gone), &back, "");
            about.text(&format!("image of {id}"), was.digest.as_ref(), is.digest.as_ref());
        }
        (Some(was), None) => {
            let weight = if serves(was) { Weight::Lost } else { Weight::Changed };
            about.say(weight, format!("{id} is gone"), was.digest.clone(), None);
        }
        (None, Some(is)) => about.say(Weight::Changed, format!("{id} is new"), None, is.digest.clone()),
        (None, None) => {}
    }
}

fn state_dir(was: Option<&StateDirBaseline>, is: Option<&StateDirBaseline>, mut about: About<'_>) {
    let id = about.id.to_owned();
    match (was, is) {
        (Some(was), Some(is)) => {
            about.text(&format!("owner of {id}"), was.owner.as_ref(), is.owner.as_ref());
            about.text(&format!("mode of {id}"), was.mode.as_ref(), is.mode.as_ref());
            about.text(&format!("file system of {id}"), was.file_system.as_ref(), is.file_system.as_ref());
        }
        (Some(was), None) => {
            about.say(Weight::Lost, format!("state directory {id} is gone or no longer used"), was.owner.clone(), None);
        }
        (None, Some(is)) => {
            about.say(Weight::Changed, format!("state directory {id} is new"), None, is.owner.clone());
        }
        (None, None) => {}
    }
}

fn exclusion(was: Option<&ExclusionBaseline>, is: Option<&ExclusionBaseline>, mut about: About<'_>) {
    use ExclusionBaseline::{Excluded, Included, Unseen};
    let id = about.id.to_owned();
    match (was, is) {
        (Some(Excluded { path, .. }), Some(Included)) => about.say(
            Weight::Lost,
            format!("{id} is no longer excluded from Time Machine, {path} was"),
            Some(path.clone()),
            None,
        ),
        (Some(Excluded { path, .. }), Some(Unseen) | None) => about.say(
            Weight::Unseen,
            format!("{id} was excluded from Time Machine, and whether it still is cannot be seen"),
            Some(path.clone()),
            None,
        ),
        (Some(Included), Some(Excluded { path, .. })) => about.say(
            Weight::Changed,
            format!("{id} is excluded from Time Machine now, by {path}"),
            None,
            Some(path.clone()),
        ),
        (Some(Excluded { by: old, path: from }), Some(Excluded { by: new, path: to })) if (old, from) != (new, to) => {
            let words = |by: &crate::snapshot::ExclusionKind, path: &str| {
                let by = serde_json::to_value(by).ok();
                format!("{path} by {}", by.as_ref().and_then(serde_json::Value::as_str).unwrap_or("another rule"))
            };
            about.text(
                &format!("what excludes {id} from Time Machine"),
                Some(&words(old, from)),
                Some(&words(new, to)),
            );
        }
        _ => {}
    }
}

fn mirror(was: Option<&MirrorState>, is: Option<&MirrorState>, mut about: About<'_>) {
    use MirrorState::{Copies, Excluded, Unknown};
    let id = about.id.to_owned();
    let (weight, text) = match (was, is) {
        (Some(Excluded), Some(Copies)) => (Weight::Lost, "copies what it left out"),
        (Some(Excluded), Some(Unknown)) => (Weight::Unseen, "left it out, and whether it still does cannot be seen"),
        (Some(Copies | Unknown), Some(Excluded)) => (Weight::Changed, "leaves it out now"),
        (Some(Unknown), Some(Copies)) => (Weight::Changed, "copies it"),
        (Some(Copies), Some(Unknown)) => (Weight::Changed, "can no longer be told to copy it"),
        (None, Some(Copies)) => (Weight::Changed, "copies it, and is new"),
        (None, Some(Excluded)) => (Weight::Changed, "is new, and leaves it out"),
        (None, Some(Unknown)) => (Weight::Changed, "is new, and may copy it"),
        (Some(_), None) => (Weight::Changed, "is gone"),
        _ => return,
    };
    let word = |state: Option<&MirrorState>| {
        state.map(|state| {
            let word = match state {
                Copies => "copies",
                Excluded => "excluded",
                Unknown => "unknown",
            };
            word.to_owned()
        })
    };
    about.say(weight, format!("{id}: {text}"), word(was), word(is));
}

fn client(was: Option<&ClientBaseline>, is: Option<&ClientBaseline>, mut about: About<'_>) {
    let id = about.id.to_owned();
    match (was, is) {
        (Some(was), Some(is)) => {
            match (&was.gateway, &is.gateway) {
                (Some(gateway), None) => about.say(
                    Weight::Lost,
                    format!("client {id} no longer leads to gateway {gateway}"),
                    Some(gateway.clone()),
                    None,
                ),
                (old, new) if old != new => about.say(
                    Weight::Changed,
                    format!("client {id} leads to gateway {}", new.as_deref().unwrap_or("elsewhere")),
                    old.clone(),
                    new.clone(),
                ),
                _ => {}
            }
            about.text(&format!("URL of client {id}"), was.url.as_ref(), is.url.as_ref());
            about.held(
                was.approved,
                is.approved,
                (Weight::Lost, &format!("the device of client {id} is no longer approved")),
                &format!("the device of client {id} is approved now"),
                &format!("the device of client {id} was approved, and whether it still is cannot be seen"),
            );
        }
        (Some(was), None) => about.say(Weight::Lost, format!("client {id} is gone"), was.gateway.clone(), None),
        (None, Some(is)) => about.say(Weight::Changed, format!("client {id} is new"), None, is.gateway.clone()),
        (None, None) => {}
    }
}

fn list(set: &BTreeSet<String>) -> String {
    set.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
}
