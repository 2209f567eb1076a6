//! What a rule found, before the engine relates it to the rest.

use std::collections::BTreeSet;

use crate::catalogue::{Code, Severity};
use crate::fact::Fact;
use crate::report::{Evidence, Remedy, Subject};
use crate::snapshot::{Client, Gateway, Place, Probe, Workload};

/// The gateways, clients and state directories that a finding concerns. Empty: the whole node.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Scope(BTreeSet<String>);

impl Scope {
    /// Whether the two concern something in common.
    pub fn meets(&self, other: &Self) -> bool {
        self.0.is_empty() || other.0.is_empty() || self.0.intersection(&other.0).next().is_some()
    }

    /// What either of the two concerns.
    pub(super) fn join(&mut self, other: Self) {
        if self.0.is_empty() || other.0.is_empty() {
            self.0.clear();
        } else {
            self.0.extend(other.0);
        }
    }

    /// The scope of one gateway.
    pub(super) fn of(gateway: &Gateway) -> Self {
        let mut scope = BTreeSet::from([format!("gateway {}", gateway.id)]);
        scope.extend(gateway.workload.iter().map(|id| format!("workload {id}")));
        scope.extend(gateway.state_dir.iter().map(|dir| format!("state {dir}")));
        Self(scope)
    }
}

/// What a rule found.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    pub(super) code: Code,
    pub(super) severity: Severity,
    pub(super) subject: Subject,
    pub(super) summary: String,
    pub(super) evidence: Vec<Evidence>,
    pub(super) remedy: Vec<Remedy>,
    pub(super) scope: Scope,
}

impl Draft {
    /// A finding about one subject, with the severity of its entry.
    pub fn new(code: Code, kind: &str, id: impl Into<String>, summary: impl Into<String>) -> Self {
        Self {
            code,
            severity: code.entry().severity,
            subject: Subject { kind: kind.to_owned(), id: id.into() },
            summary: summary.into(),
            evidence: Vec::new(),
            remedy: Vec::new(),
            scope: Scope::default(),
        }
    }

    /// Another severity than the entry's.
    #[must_use]
    pub fn severity(mut self, severity: Severity) -> Self {
        self.severity = severity;
        self
    }

    /// A gateway it concerns: findings on this gateway and on its state directory are related.
    #[must_use]
    pub fn gateway(mut self, gateway: &Gateway) -> Self {
        self.scope.0.extend(Scope::of(gateway).0);
        self
    }

    /// A client it concerns. Findings on the client's gateway do not become related by this alone.
    #[must_use]
    pub fn client(mut self, client: &Client) -> Self {
        self.scope.0.insert(format!("client {}", client.id));
        self.scope.0.extend(client.workload.iter().map(|id| format!("workload {id}")));
        self
    }

    /// A state directory it concerns.
    #[must_use]
    pub fn state_dir(mut self, path: &str) -> Self {
        self.scope.0.insert(format!("state {path}"));
        self
    }

    /// A fact that it rests on, in words, with the fact's source and time.
    #[must_use]
    pub fn seen<T>(mut self, words: impl Into<String>, fact: &Fact<T>) -> Self {
        self.evidence.push(Evidence {
            fact: words.into(),
            source: fact.source.clone(),
            observed_at: fact.at,
            place: None,
        });
        self
    }

    /// An answer of a gateway that it rests on.
    #[must_use]
    pub fn answered<T>(mut self, words: impl Into<String>, source: impl Into<String>, probe: &Probe<T>) -> Self {
        self.evidence.push(Evidence { fact: words.into(), source: source.into(), observed_at: probe.at, place: None });
        self
    }

    /// Any other evidence.
    #[must_use]
    pub fn evidence(mut self, words: impl Into<String>, source: impl Into<String>, at: jiff::Timestamp) -> Self {
        self.evidence.push(Evidence { fact: words.into(), source: source.into(), observed_at: at, place: None });
        self
    }

    /// A place in a file that it rests on.
    #[must_use]
    pub fn written(mut self, words: impl Into<String>, place: Option<&Place>, at: jiff::Timestamp) -> Self {
        let source = place.map_or_else(|| "definition".to_owned(), ToString::to_string);
        self.evidence.push(Evidence { fact: words.into(), source, observed_at: at, place: place.cloned() });
        self
    }

    /// A workload it concerns. Findings on the gateway or client in it become related.
    #[must_use]
    pub fn workload(mut self, workload: &Workload) -> Self {
        self.scope.0.insert(format!("workload {}", workload.id));
        self
    }

    /// A step of the remedy. Without any, the entry's steps are shown.
    #[must_use]
    pub fn remedy(mut self, text: impl Into<String>) -> Self {
        self.remedy.push(Remedy { text: text.into(), command: None });
        self
    }

    /// A step of the remedy that one command does.
    #[must_use]
    pub fn command(mut self, text: impl Into<String>, command: impl Into<String>) -> Self {
        self.remedy.push(Remedy { text: text.into(), command: Some(command.into()) });
        self
    }
}
