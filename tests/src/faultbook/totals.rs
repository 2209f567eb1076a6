//! The score of a book.

use std::collections::BTreeMap;

use serde::Serialize;

use super::book::Outcome;
use super::fault::{Fault, Kind};
use super::peers::Usual;
use super::play::Played;
use super::score::Hit;

/// The name and version of the form.
pub const SCHEMA: &str = "portreeve.faultbook/1";

/// Stands for all of `OpenClaw`'s own tools.
pub(super) const TOGETHER: &str = "together";

/// Counts over faults.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// How many were asked about.
    pub faults: usize,
    /// The root cause and nothing else.
    pub exact: usize,
    /// The root cause among others.
    pub named: usize,
    /// Not the root cause.
    pub missed: usize,
    /// What is not so was said.
    pub false_alarms: usize,
    /// How many could not be set up on this machine.
    pub skipped: usize,
    /// How many failed while they were set up.
    pub broken: usize,
}

/// Counts of one of `OpenClaw`'s own tools.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct PeerCounts {
    /// How many faults it was asked about.
    pub faults: usize,
    /// It named the cause.
    pub named: usize,
    /// It did not.
    pub missed: usize,
    /// It failed on a healthy set-up.
    pub false_alarms: usize,
    /// Wall time in milliseconds, median.
    pub median_ms: u64,
    /// It did not end in time.
    pub timeouts: usize,
}

/// The score.
#[derive(Debug, Clone, Serialize)]
pub struct Totals {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// Over everything.
    #[serde(flatten)]
    pub all: Counts,
    /// Over single faults, pairs and healthy set-ups.
    pub kinds: BTreeMap<&'static str, Counts>,
    /// Wall time of `portreeve` in milliseconds, median.
    pub median_ms: u64,
    /// `OpenClaw`'s own tools, each and, under `together`, all of them.
    pub peers: BTreeMap<String, PeerCounts>,
}

fn kind(fault: &Fault) -> &'static str {
    match fault.kind {
        Kind::Fault => "fault",
        Kind::Pair => "pair",
        Kind::Healthy => "healthy",
    }
}

impl Counts {
    fn add(&mut self, outcome: &Outcome) {
        match (&outcome.played, &outcome.judgement) {
            (Played::Skipped { .. }, _) => self.skipped += 1,
            (Played::Asked { .. }, Some(judgement)) => {
                self.faults += 1;
                match judgement.hit {
                    Hit::Exact => self.exact += 1,
                    Hit::Named => self.named += 1,
                    Hit::Missed => self.missed += 1,
                }
                self.false_alarms += usize::from(judgement.false_alarm);
            }
            _ => self.broken += 1,
        }
    }

    /// Whether nothing was missed, nothing said that is not so, and everything set up.
    pub fn is_good(&self) -> bool {
        self.missed == 0 && self.false_alarms == 0 && self.broken == 0
    }
}

/// Counts what came of faults.
pub fn totals(faults: &[Fault], outcomes: &[Outcome]) -> Totals {
    let mut all = Counts::default();
    let mut kinds: BTreeMap<&'static str, Counts> = BTreeMap::new();
    let mut peers: BTreeMap<String, PeerCounts> = BTreeMap::new();
    let (mut own, mut theirs): (Vec<u64>, BTreeMap<String, Vec<u64>>) = (Vec::new(), BTreeMap::new());
    let usual = Usual::of(faults, outcomes);
    for outcome in outcomes {
        let fault = &faults[outcome.index];
        all.add(outcome);
        kinds.entry(kind(fault)).or_default().add(outcome);
        let Played::Asked { answer, peers: asked, .. } = &outcome.played else { continue };
        own.push(answer.elapsed_ms);
        let mut together = (false, false);
        for peer in asked {
            let counts = peers.entry(peer.tool.clone()).or_default();
            let (named, alarm) = (peer.names(fault, &usual), peer.is_false_alarm(fault));
            counts.count(fault, named, alarm);
            counts.timeouts += usize::from(peer.status.is_none());
            theirs.entry(peer.tool.clone()).or_default().push(peer.elapsed_ms);
            together = (together.0 || named, together.1 || alarm);
        }
        if !asked.is_empty() {
            peers.entry(TOGETHER.to_owned()).or_default().count(fault, together.0, together.1);
            let sum = asked.iter().map(|peer| peer.elapsed_ms).sum();
            theirs.entry(TOGETHER.to_owned()).or_default().push(sum);
        }
    }
    for (tool, times) in theirs {
        peers.entry(tool).or_default().median_ms = median(times);
    }
    Totals { schema: SCHEMA, all, kinds, median_ms: median(own), peers }
}

impl PeerCounts {
    fn count(&mut self, fault: &Fault, named: bool, alarm: bool) {
        self.faults += 1;
        self.false_alarms += usize::from(alarm);
        if fault.kind != Kind::Healthy {
            self.named += usize::from(named);
            self.missed += usize::from(!named);
        }
    }
}

fn median(mut times: Vec<u64>) -> u64 {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::super::peers::Peer;
    use super::super::score::{Answer, Finding};
    use super::*;

    fn fault(id: &str, kind: &str, expect: &str) -> Fault {
        let family = if kind == "healthy" { "healthy" } else { "auth" };
        let text = format!(
            "id = '{id}'\ntitle = 'x'\nfamily = '{family}'\nkind = '{kind}'\nbase = 'native'\nsees = 'x'\n[expect]\n{expect}\n\
             [peers]\nnames = ['mismatch']"
        );
        Fault::parse(&text, id).unwrap()
    }

    fn asked(code: &str, status: i32, said: &str) -> Played {
        let finding = Finding { code: code.to_owned(), severity: "error".to_owned(), summary: "a mismatch".to_owned() };
        let answer = Answer {
            status: Some(status),
            elapsed_ms: 100,
            root_causes: vec![code.to_owned()],
            findings: vec![finding],
            ..Answer::default()
        };
        let peers = ["one", "two"].map(|tool| Peer {
            tool: tool.to_owned(),
            status: Some(1),
            elapsed_ms: 1000,
            text: if tool == "one" { said.to_owned() } else { String::new() },
        });
        Played::Asked { answer, peers: peers.into(), asked_peers: true, set_up_ms: 1, of_load: Vec::new() }
    }

    #[test]
    fn each_outcome_counts_once_and_what_was_not_asked_counts_for_nothing() {
        let split = "causes = ['token.split']\nstatus = 77";
        let faults = [
            fault("a", "fault", split),
            fault("b", "fault", split),
            fault("c", "healthy", "status = 0"),
            fault("d", "fault", split),
        ];
        let played = [
            asked("token.split", 77, "a mismatch"),
            asked("port.silent", 69, "nothing"),
            asked("port.silent", 69, "is there a mismatch"),
            Played::Skipped { why: "no engine".to_owned() },
        ];
        let outcomes: Vec<Outcome> = played
            .into_iter()
            .enumerate()
            .map(|(index, played)| Outcome::new(index, &faults[index], played, 1, Timestamp::UNIX_EPOCH))
            .collect();
        let totals = totals(&faults, &outcomes);
        let all = Counts { faults: 3, exact: 1, named: 0, missed: 1, false_alarms: 1, skipped: 1, broken: 0 };
        // What is said of a healthy set-up hits nothing either.
        assert_eq!((totals.all.exact, totals.all.false_alarms, totals.all.skipped), (all.exact, 1, 1));
        assert!(!totals.all.is_good());
        let one = &totals.peers["one"];
        assert_eq!((one.faults, one.named, one.missed, one.false_alarms), (3, 1, 1, 1));
        let together = &totals.peers["together"];
        assert_eq!((together.named, together.missed, together.median_ms), (1, 1, 2000));
    }
}
