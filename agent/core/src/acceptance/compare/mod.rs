//! What differs between two baselines, each difference by name.

mod containers;
mod host;
mod state;

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::containers::{container, engine, is_silent};
use self::host::{client, gateway, machine, ports, unit};
use self::state::{exclusion, mirror, state_dir};
use super::baseline::Baseline;
use crate::order::{Gather as _, Order as _};
use crate::report::Subject;

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
    let silent: BTreeSet<&str> = before.engines.keys().map(String::as_str).filter(|id| is_silent(id, after)).gather();
    each(&before.containers, &after.containers, "container", &mut out, |was, is, about| {
        container(was, is, &silent, about);
    });
    each(&before.state_dirs, &after.state_dirs, "state", &mut out, state_dir);
    let gone: BTreeSet<&String> =
        before.state_dirs.keys().filter(|path| !after.state_dirs.contains_key(*path)).gather();
    each(&before.exclusions, &after.exclusions, "state", &mut out, |was, is, about| {
        if !gone.contains(&about.id.to_owned()) {
            exclusion(was, is, about);
        }
    });
    each(&before.mirrors, &after.mirrors, "mirror", &mut out, mirror);
    each(&before.clients, &after.clients, "client", &mut out, client);
    out.order_by(|a, b| (a.weight, &a.subject, &a.summary).cmp(&(b.weight, &b.subject, &b.summary)));
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
    let ids: BTreeSet<&String> = before.keys().chain(after.keys()).gather();
    for id in ids {
        judge(before.get(id), after.get(id), About { kind, id, out });
    }
}

fn list(set: &BTreeSet<String>) -> String {
    set.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
}
