//! What a daemon has written down, against what arrived.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use jiff::Timestamp;
use portreeve_deliver::spool::{Place, Signal, SpoolState, Survey};
use portreeve_store::Folder;
use portreeve_tests::wait_until;
use serde_json::Value;

use super::{Agent, LIMIT};

/// An event that arrived.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Told {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) body: Value,
}

/// What was found in the data folder, look after look.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Events that were spooled, or kept to be spooled.
    durable: BTreeSet<String>,
    /// Reports that were kept to be spooled: a later one may have taken their place.
    reports: BTreeSet<String>,
    /// Verdicts by when they began.
    verdicts: BTreeMap<String, String>,
    /// Events that were ever made.
    made: u64,
    /// Lives in which events were made.
    lives: usize,
    state: Option<SpoolState>,
}

impl Tally {
    /// Looks at what a daemon that was killed has left.
    pub(super) fn look(&mut self, agent: &Agent) {
        if let Some(survey) = survey(&agent.data()) {
            let logs = survey.records.iter().filter(|record| record.signal == Signal::Logs);
            self.durable.extend(logs.map(|record| record.id.to_string()));
            assert_eq!(survey.state.lost_total, 0, "{:?}", survey.state);
            self.state = Some(survey.state);
        }
        if let Some(told) = read(&agent.data().join("told.json")) {
            self.durable.extend(strings(&told["pending"], "id"));
            if told["report"]["pending"] == true {
                self.reports.extend(told["report"]["id"].as_str().map(str::to_owned));
            }
            let made = told["made"].as_u64().unwrap();
            assert!(made >= self.made, "{made} events were made, and {} before", self.made);
            self.lives += usize::from(made > self.made);
            self.made = made;
            assert_eq!(told["given_up"], 0);
        }
        let history = read(&agent.data().join("history.json"));
        for spell in history.iter().flat_map(|history| history["spells"].as_array().unwrap()) {
            let (since, verdict) = (text(&spell["since"]), text(&spell["verdict"]));
            self.verdicts.insert(since, verdict);
        }
    }

    /// The totals of the spool.
    pub(super) fn state(&self) -> SpoolState {
        self.state.unwrap()
    }

    /// Each event that was on the disk arrived, nothing else did, and each occurrence is told once. Events come in the order of their
    /// first arrival.
    pub(super) fn assert_told(&self, told: &[Told], log: &str) {
        let ids: BTreeSet<&String> = told.iter().map(|one| &one.id).collect();
        assert_eq!(ids.len(), told.len());
        let missing: Vec<&String> = self.durable.iter().filter(|id| !ids.contains(id)).collect();
        assert!(missing.is_empty(), "{missing:?} never arrived\n{log}");
        let replaced = self.reports.iter().filter(|id| !ids.contains(id)).count();
        assert_eq!(told.len() + replaced, usize::try_from(self.made).unwrap(), "{told:#?}\n{log}");
        assert_eq!(bodies(told, "portreeve.agent.started").count(), self.lives, "{log}");
        self.assert_verdicts(told, log);
        assert_findings(told);
        for word in ["cannot be told", "cannot spool", "panicked"] {
            assert!(!log.contains(word), "{log}");
        }
    }

    fn assert_verdicts(&self, told: &[Told], log: &str) {
        let mut before = Value::Null;
        let mut verdicts = BTreeMap::new();
        for body in bodies(told, "portreeve.verdict.changed") {
            assert_eq!(body["from"], before, "{body}\n{log}");
            before = body["to"].clone();
            let since = text(&body["since"]);
            assert_eq!(verdicts.insert(since, text(&body["to"])), None, "told twice: {body}");
        }
        assert_eq!(verdicts, self.verdicts, "{log}");
    }
}

/// What is opened was not open, and what is closed was.
fn assert_findings(told: &[Told]) {
    let mut open = BTreeSet::new();
    for Told { name, body, .. } in told {
        let key = body["key"].as_str().unwrap_or_default();
        let is_right = match name.as_str() {
            "portreeve.finding.opened" => open.insert(key) != (body["changed"] == true),
            "portreeve.finding.closed" => open.remove(key),
            _ => true,
        };
        assert!(is_right, "{name} of `{key}` among {told:#?}");
    }
}

fn bodies<'a>(told: &'a [Told], name: &'a str) -> impl Iterator<Item = &'a Value> {
    told.iter().filter(move |one| one.name == name).map(|one| &one.body)
}

/// Waits until a running daemon has told the state of its home, and nothing waits any more.
pub(super) fn wait_until_told(agent: &Agent) {
    let is_told = || {
        let told = read(&agent.data().join("told.json"))?;
        let is_settled = told["pending"].as_array()?.is_empty() && told["report"]["pending"] == false;
        let is_current = told["verdict"]["verdict"] == agent.verdict();
        let survey = survey(&agent.data())?;
        let waits = survey.records.iter().any(|one| one.place == Place::Waiting && one.signal == Signal::Logs);
        (is_settled && is_current && !waits).then_some(())
    };
    wait_until(&format!("everything told by\n{}", agent.log()), LIMIT, is_told);
}

pub(super) fn survey(data: &Path) -> Option<Survey> {
    let folder = Folder::open(&data.join("spool")).unwrap()?;
    Some(Survey::read(&folder, Timestamp::now()).unwrap())
}

/// A file that is replaced as a whole.
fn read(path: &Path) -> Option<Value> {
    Some(serde_json::from_slice(&fs::read(path).ok()?).unwrap())
}

fn strings(list: &Value, key: &str) -> Vec<String> {
    list.as_array().unwrap().iter().map(|one| text(&one[key])).collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}
