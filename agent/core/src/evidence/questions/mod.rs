//! The questions that are asked after an incident, answered as far as facts go.
//!
//! An answer names what it rests on. Where a fact is missing it says which, and does not guess.

mod digest;
mod namespace;
mod pairing;
mod path;
mod secret;
#[cfg(test)]
mod tests;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::gathered::Gathered;
use crate::report::Evidence;
use crate::snapshot::Snapshot;

/// Most gateways and clients of which a question is answered.
const MOST: usize = 16;
/// Most facts that one answer names.
const MOST_EVIDENCE: usize = 40;

/// What is asked after an incident.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Question {
    /// Which namespace started the gateway.
    Namespace,
    /// Which source held the token.
    TokenSource,
    /// Whether pairing was tried before tokens were edited.
    PairingFirst,
    /// What proxy was on the path.
    Proxy,
    /// Which digest was live.
    Digest,
}

impl Question {
    /// All of them, in the order in which they are asked.
    pub const ALL: [Self; 5] = [Self::Namespace, Self::TokenSource, Self::PairingFirst, Self::Proxy, Self::Digest];

    /// As it is asked.
    pub fn text(self) -> &'static str {
        match self {
            Self::Namespace => "Which namespace started the gateway?",
            Self::TokenSource => "Which source held the token?",
            Self::PairingFirst => "Was pairing tried before tokens were edited?",
            Self::Proxy => "What proxy was on the path?",
            Self::Digest => "Which digest was live, and when?",
        }
    }
}

/// How much of an answer there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Told {
    /// All of it.
    Wholly,
    /// Some facts are missing.
    Partly,
    /// Nothing.
    Not,
}

/// One question and what can be answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Answer {
    /// The question.
    pub question: Question,
    /// As it is asked.
    pub text: String,
    /// How much of an answer there is.
    pub told: Told,
    /// What can be said, one sentence each.
    pub says: Vec<String>,
    /// What cannot be told, and why.
    pub missing: Vec<String>,
    /// The facts that it rests on.
    pub evidence: Vec<Evidence>,
}

/// All questions, answered from facts of one time and from what logs say of the time before it.
pub fn answers(snapshot: &Snapshot, gathered: &Gathered, since: Timestamp) -> Vec<Answer> {
    let asked = Asked { snapshot, gathered, since };
    Question::ALL
        .into_iter()
        .map(|question| {
            let mut draft = Draft { at: snapshot.taken_at, ..Draft::default() };
            if snapshot.gateways.is_empty() {
                draft.missing("no gateway is configured, installed or running on this node");
            } else {
                match question {
                    Question::Namespace => namespace::answer(&asked, &mut draft),
                    Question::TokenSource => secret::answer(&asked, &mut draft),
                    Question::PairingFirst => pairing::answer(&asked, &mut draft),
                    Question::Proxy => path::answer(&asked, &mut draft),
                    Question::Digest => digest::answer(&asked, &mut draft),
                }
            }
            draft.done(question)
        })
        .collect()
}

/// What an answer is made from.
struct Asked<'a> {
    snapshot: &'a Snapshot,
    gathered: &'a Gathered,
    since: Timestamp,
}

/// An answer that is being made.
#[derive(Default)]
struct Draft {
    at: Timestamp,
    says: Vec<String>,
    missing: Vec<String>,
    evidence: Vec<Evidence>,
}

impl Draft {
    fn say(&mut self, sentence: impl Into<String>) {
        self.says.push(sentence.into());
    }

    /// What cannot be told. `why` ends the sentence that begins with "Cannot tell".
    fn missing(&mut self, why: impl Into<String>) {
        let why = why.into();
        if !self.missing.contains(&why) {
            self.missing.push(why);
        }
    }

    /// A fact of the time of the snapshot.
    fn fact(&mut self, fact: impl Into<String>, source: impl Into<String>) {
        self.fact_at(fact, source, self.at);
    }

    fn fact_at(&mut self, fact: impl Into<String>, source: impl Into<String>, observed_at: Timestamp) {
        if self.evidence.len() < MOST_EVIDENCE {
            self.evidence.push(Evidence { fact: fact.into(), source: source.into(), observed_at, place: None });
        }
    }

    fn done(self, question: Question) -> Answer {
        let told = match (self.says.is_empty(), self.missing.is_empty()) {
            (false, true) => Told::Wholly,
            (false, false) => Told::Partly,
            (true, _) => Told::Not,
        };
        let Self { says, missing, evidence, .. } = self;
        Answer { question, text: question.text().to_owned(), told, says, missing, evidence }
    }
}

fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// A sentence's first letter.
fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
