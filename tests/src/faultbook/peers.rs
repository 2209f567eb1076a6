//! What `OpenClaw`'s own tools say of a set-up.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use std::time::Duration;

use regex::Regex;
use serde::{Deserialize, Serialize};

use super::ask::ask;
use super::book::Outcome;
use super::fault::{Fault, Kind};
use super::play::Played;
use super::words::Words;

/// The commands that `OpenClaw` has for this.
pub(super) const TOOLS: [&[&str]; 3] =
    [&["gateway", "status", "--deep"], &["channels", "status", "--probe"], &["doctor", "--non-interactive"]];
/// What one of them may take; half of it is what some of them wait by themselves for a gateway that is down.
pub(super) const PATIENCE: Duration = Duration::from_mins(2);
/// As much of what a tool printed as is kept.
const MAX_TEXT: usize = 64 * 1024;

/// What one tool said.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub struct Peer {
    /// Its command.
    pub tool: String,
    /// Exit status; none where it did not end in time.
    pub status: Option<i32>,
    /// Wall time in milliseconds.
    pub elapsed_ms: u64,
    /// What it printed, without what belongs to one run.
    pub text: String,
}

/// Asks all of them, each as this command. The one that may change something comes last.
pub(super) fn ask_all(words: &Words, command: impl Fn(&[&str]) -> Command) -> Vec<Peer> {
    let one = |tool: &&[&str]| {
        let said = ask(command(tool), PATIENCE);
        let mut text = words.redact(&plain(&said.text()));
        text.truncate(text.floor_char_boundary(MAX_TEXT));
        Peer { tool: tool.join(" "), status: said.status, elapsed_ms: said.elapsed_ms, text }
    };
    TOOLS.iter().map(one).collect()
}

/// Without colours, and without the frames that are drawn round paragraphs.
fn plain(text: &str) -> String {
    let colours = Regex::new("\u{1b}\\[[0-9;?]*[a-zA-Z]").unwrap();
    colours.replace_all(text, "").replace(['│', '◇', '├', '╮', '╯', '─', '┌', '└', '└'], " ")
}

impl Peer {
    /// Adds what the same tool said elsewhere in the set-up, as one would who asks both.
    pub(super) fn join(&mut self, other: &Self) {
        self.status = self.status.zip(other.status).map(|(one, other)| one.max(other));
        self.elapsed_ms += other.elapsed_ms;
        self.text = format!("{}\n{}", self.text, other.text);
    }

    /// Whether it names the cause: any of the words that would do, in lines that are not usual.
    pub fn names(&self, fault: &Fault, usual: &Usual) -> bool {
        // A sentence that was broken to fit a frame is one again.
        let text = usual.others(self).flat_map(str::split_whitespace).collect::<Vec<_>>().join(" ");
        fault.peers.names.iter().any(|pattern| pattern.0.is_match(&text))
    }

    /// Whether it cries wolf: fails on a set-up in which nothing is wrong.
    pub fn is_false_alarm(&self, fault: &Fault) -> bool {
        fault.kind == Kind::Healthy && self.status != Some(0)
    }

    /// The lines that say the most: those that name the cause, else the first that speak of trouble.
    pub fn words(&self, fault: &Fault, usual: &Usual) -> Vec<String> {
        let lines: Vec<&str> = usual.others(self).map(str::trim).filter(|line| line.len() > 3).collect();
        let naming: Vec<&&str> =
            lines.iter().filter(|line| fault.peers.names.iter().any(|pattern| pattern.0.is_match(line))).collect();
        let trouble = Regex::new(
            "(?i)error|fail|refus|unreach|invalid|mismatch|warn|missing|not (running|loaded|found|ready|reachable|set)|stale|denied",
        )
        .unwrap();
        let troubled: Vec<&&str> = lines.iter().filter(|line| trouble.is_match(line)).collect();
        let chosen = if naming.is_empty() { troubled } else { naming };
        chosen.into_iter().take(2).map(|line| shortened(line)).collect()
    }
}

/// The lines that each tool prints of healthy set-ups too. They tell nobody that something is wrong, whatever words are in them.
#[derive(Debug, Clone, Default)]
pub struct Usual(BTreeMap<String, BTreeSet<String>>);

impl Usual {
    /// Those of the healthy set-ups that were asked about in a run.
    pub fn of(faults: &[Fault], outcomes: &[Outcome]) -> Self {
        let mut usual = Self::default();
        for outcome in outcomes.iter().filter(|outcome| faults[outcome.index].kind == Kind::Healthy) {
            let Played::Asked { peers, .. } = &outcome.played else { continue };
            for peer in peers {
                usual.0.entry(peer.tool.clone()).or_default().extend(peer.text.lines().map(shape));
            }
        }
        usual
    }

    fn others<'a>(&self, peer: &'a Peer) -> impl Iterator<Item = &'a str> {
        let usual = self.0.get(&peer.tool);
        peer.text.lines().filter(move |line| usual.is_none_or(|usual| !usual.contains(&shape(line))))
    }
}

/// A line without what differs from run to run: blanks and digits.
fn shape(line: &str) -> String {
    let mut shape = String::new();
    for letter in line.split_whitespace().collect::<Vec<_>>().join(" ").chars() {
        if !letter.is_ascii_digit() {
            shape.push(letter);
        } else if !shape.ends_with('0') {
            shape.push('0');
        }
    }
    shape
}

/// As much of a line as is shown.
const MAX_LINE: usize = 160;

fn shortened(line: &str) -> String {
    let mut shown: String = line.chars().take(MAX_LINE).collect();
    if shown.len() < line.len() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(names: &str) -> Fault {
        let text = format!(
            "id = 'x'\ntitle = 'x'\nfamily = 'auth'\nbase = 'native'\nsees = 'x'\n[expect]\ncauses = ['token.split']\nstatus = 77\n\
             [peers]\nnames = {names}"
        );
        Fault::parse(&text, "x").unwrap()
    }

    fn peer(text: &str) -> Peer {
        Peer { tool: "doctor".to_owned(), status: Some(0), elapsed_ms: 1, text: plain(text) }
    }

    #[test]
    fn a_cause_that_is_broken_over_two_lines_of_a_frame_is_named() {
        let said = peer("\u{1b}[33m│  the token does  │\u{1b}[0m\n│  not match       │\n");
        assert!(said.names(&fault("['token does not match']"), &Usual::default()));
        assert!(!said.names(&fault("['port is silent']"), &Usual::default()));
    }

    #[test]
    fn the_lines_that_name_the_cause_are_shown_first() {
        let said = peer("all is well\nerror: something\nunauthorized: token mismatch\n");
        let words = |names: &str| said.words(&fault(names), &Usual::default());
        assert_eq!(words("['token mismatch']"), ["unauthorized: token mismatch"]);
        assert_eq!(words("['port']"), ["error: something", "unauthorized: token mismatch"]);
    }

    #[test]
    fn what_is_said_of_a_healthy_set_up_names_nothing() {
        let healthy = "id = 'h'\ntitle = 'h'\nfamily = 'healthy'\nkind = 'healthy'\nbase = 'native'\nsees = 'h'\n[expect]\nstatus = 0";
        let faults = [Fault::parse(healthy, "h").unwrap(), fault("['restart the gateway']")];
        let played = Played::Asked {
            answer: super::super::score::Answer::default(),
            peers: vec![peer("pid 12: restart the  gateway\n")],
            asked_peers: true,
            set_up_ms: 0,
            of_load: Vec::new(),
        };
        let outcome = Outcome::new(0, &faults[0], played, 0, jiff::Timestamp::UNIX_EPOCH);
        let usual = Usual::of(&faults, &[outcome]);
        assert!(!peer("pid 7: restart the gateway\nfine\n").names(&faults[1], &usual));
        assert!(peer("please restart the gateway\n").names(&faults[1], &usual));
    }
}
