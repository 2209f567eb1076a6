//! What is wrong with definitions that nobody has deployed yet.
//!
//! The rules are those of [`diagnose`]. A snapshot that was made from files alone has nothing that runs, and a rule is silent about what it
//! does not see, so that only what the files prove is found.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::catalogue::{Code, Layer, Severity};
use crate::diagnose::{Policy, diagnose};
use crate::report::{Agent, Finding, Remedy, Subject};
use crate::snapshot::{Place, ProjectProblem, Snapshot, SourceOutcome};

/// The name and version of the report's form. Changes are additive only.
pub const SCHEMA: &str = "portreeve.lint/1";

/// What is wrong with the definitions of some projects.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LintReport {
    /// [`SCHEMA`].
    pub schema: String,
    /// The agent that read them.
    pub agent: Agent,
    /// The projects.
    pub projects: Vec<LintProject>,
    /// Errors that nothing else explains, most upstream first.
    pub root_causes: Vec<Code>,
    /// What was found, root causes first.
    pub findings: Vec<LintFinding>,
    /// What is wrong with the files themselves.
    pub problems: Vec<ProjectProblem>,
}

/// A project that was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LintProject {
    /// Name.
    pub name: String,
    /// Its files, in the order of their precedence.
    pub files: Vec<String>,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LintFinding {
    /// Its code.
    pub code: Code,
    /// Severity here.
    pub severity: Severity,
    /// Its layer.
    pub layer: Layer,
    /// What it is about.
    pub subject: Subject,
    /// One sentence.
    pub summary: String,
    /// Where to look first.
    pub place: Option<Place>,
    /// What it rests on.
    pub evidence: Vec<LintEvidence>,
    /// Findings of this report that it explains.
    pub explains: Vec<Code>,
    /// The finding of this report that explains it.
    pub explained_by: Option<Code>,
    /// How to mend it.
    pub remedy: Vec<Remedy>,
    /// Whether a waiver takes it out of the exit status.
    pub waived: bool,
}

/// One fact that a finding rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LintEvidence {
    /// What is written, in words.
    pub fact: String,
    /// Where, in words.
    pub source: String,
    /// Where in a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
}

/// Judges definitions.
pub fn lint(snapshot: &Snapshot, policy: &Policy) -> LintReport {
    let report = diagnose(snapshot, policy);
    let silent = unspoken(snapshot);
    // That nothing but files was looked at is no finding about them.
    let findings: Vec<LintFinding> = report
        .findings
        .iter()
        .filter(|finding| finding.code != Code::AgentBlind)
        .map(|finding| lint_finding(snapshot, finding, &silent))
        .collect();
    let project =
        |project: &crate::snapshot::Project| LintProject { name: project.name.clone(), files: project.files.clone() };
    LintReport {
        schema: SCHEMA.to_owned(),
        agent: report.agent,
        projects: snapshot.projects.iter().map(project).collect(),
        root_causes: report.root_causes,
        findings,
        problems: snapshot.projects.iter().flat_map(|project| project.problems.clone()).collect(),
    }
}

/// The JSON Schema of [`LintReport`], generated from the types.
pub fn json_schema() -> schemars::Schema {
    schemars::schema_for!(LintReport)
}

impl LintReport {
    /// Both reports as one, of projects that have nothing to do with each other.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.projects.extend(other.projects);
        for code in other.root_causes {
            if !self.root_causes.contains(&code) {
                self.root_causes.push(code);
            }
        }
        self.findings.extend(other.findings);
        self.problems.extend(other.problems);
        self
    }

    /// The exit status by the documented contract: `78` for a file that Compose refuses, else by the layer of the most upstream root cause:
    /// transport `69`, auth `77`, channels `76`, alignment `78`, anything else `1`. With `strict`, warnings give `1`; otherwise `0`.
    pub fn exit_status(&self, strict: bool) -> u8 {
        if self.problems.iter().any(|problem| problem.fatal) {
            return 78;
        }
        let in_force = || self.findings.iter().filter(|finding| !finding.waived);
        let errors = || in_force().filter(|finding| finding.severity == Severity::Error);
        let roots = errors().filter(|finding| finding.explained_by.is_none()).map(|finding| finding.layer).min();
        match roots.or_else(|| errors().map(|finding| finding.layer).min()) {
            Some(Layer::Transport) => 69,
            Some(Layer::Auth) => 77,
            Some(Layer::Channels) => 76,
            Some(Layer::Alignment) => 78,
            Some(Layer::Node) => 1,
            None => u8::from(strict && in_force().any(|finding| finding.severity == Severity::Warning)),
        }
    }
}

/// What sentences on files leave out: the name of the only project, and the numbers that stand for fingerprints.
fn unspoken(snapshot: &Snapshot) -> Vec<String> {
    let mut silent = BTreeSet::new();
    if let [project] = snapshot.projects.as_slice() {
        silent.insert(format!(" of project `{}`", project.name));
    }
    let gateways = snapshot.gateways.iter().map(|gateway| &gateway.credentials);
    let clients = snapshot.clients.iter().map(|client| &client.credentials);
    let sources = gateways.chain(clients).flat_map(|credentials| &credentials.sources);
    silent.extend(sources.filter_map(|source| source.fingerprint.as_ref()).map(|print| format!(" {print}")));
    silent.into_iter().collect()
}

fn lint_finding(snapshot: &Snapshot, finding: &Finding, silent: &[String]) -> LintFinding {
    let spoken = |text: &str| silent.iter().fold(text.to_owned(), |text, words| text.replace(words.as_str(), ""));
    let evidence = |evidence: &crate::report::Evidence| LintEvidence {
        fact: spoken(&evidence.fact),
        source: evidence.source.clone(),
        place: evidence.place.clone(),
    };
    // A command of Portreeve itself would look at a node.
    let remedy = finding.remedy.iter().filter(|remedy| !remedy.command.as_deref().is_some_and(is_own));
    LintFinding {
        code: finding.code,
        severity: finding.severity,
        layer: finding.layer,
        subject: finding.subject.clone(),
        summary: spoken(&finding.summary),
        place: place(snapshot, finding),
        evidence: finding.evidence.iter().map(evidence).collect(),
        explains: finding.explains.clone(),
        explained_by: finding.explained_by,
        remedy: remedy.map(|remedy| Remedy { text: spoken(&remedy.text), command: remedy.command.clone() }).collect(),
        waived: finding.waived.is_some(),
    }
}

fn is_own(command: &str) -> bool {
    command.starts_with("portreeve ")
}

/// The place of the first evidence that has one, else the secret in force of its subject, else where the subject is defined.
fn place(snapshot: &Snapshot, finding: &Finding) -> Option<Place> {
    let seen = finding.evidence.iter().find_map(|evidence| evidence.place.clone());
    let id = &finding.subject.id;
    let credentials = || {
        let gateway = snapshot.gateways.iter().find(|gateway| gateway.id == *id).map(|gateway| &gateway.credentials);
        gateway.or_else(|| snapshot.clients.iter().find(|client| client.id == *id).map(|client| &client.credentials))
    };
    let secret = || {
        let wins = |outcome: &SourceOutcome| matches!(outcome, SourceOutcome::Wins { .. });
        let about_secret = matches!(
            finding.code,
            Code::TokenSplit
                | Code::TokenShadowed
                | Code::TokenDuplicated
                | Code::TokenPlaceholder
                | Code::TokenWeak
                | Code::TokenExposed
        );
        let credentials = credentials().filter(|_| about_secret)?;
        credentials.sources.iter().find(|source| wins(&source.outcome)).and_then(|source| source.place.clone())
    };
    let definition = || {
        let workload = snapshot.workload(id).or_else(|| {
            let named = |name: &str| finding.subject.id.split(' ').next() == Some(name);
            snapshot.workloads.iter().find(|workload| named(&workload.id))
        });
        workload.and_then(|workload| workload.place("").cloned())
    };
    let config = || {
        let gateway = snapshot.gateways.iter().find(|gateway| gateway.id == *id)?;
        let problem = gateway.config.get()?.problems.iter().find(|problem| problem.line.is_some())?;
        (finding.code == Code::ConfigInvalid).then_some(Place {
            file: problem.path.clone(),
            line: problem.line?,
            column: problem.column.unwrap_or(1),
        })
    };
    seen.or_else(config).or_else(secret).or_else(definition)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::fixture;

    fn report(findings: &[(Severity, Layer)], fatal: bool) -> LintReport {
        let finding = |(severity, layer): &(Severity, Layer)| LintFinding {
            code: Code::UrlMixed,
            severity: *severity,
            layer: *layer,
            subject: Subject { kind: "workload".to_owned(), id: "a".to_owned() },
            summary: String::new(),
            place: None,
            evidence: Vec::new(),
            explains: Vec::new(),
            explained_by: None,
            remedy: Vec::new(),
            waived: false,
        };
        LintReport {
            schema: SCHEMA.to_owned(),
            agent: Agent { version: "0".to_owned() },
            projects: Vec::new(),
            root_causes: Vec::new(),
            findings: findings.iter().map(finding).collect(),
            problems: fatal
                .then(|| ProjectProblem { place: None, message: "x".to_owned(), fatal: true })
                .into_iter()
                .collect(),
        }
    }

    #[test]
    fn the_most_upstream_error_decides() {
        use Layer::{Alignment, Auth, Transport};
        use Severity::{Error, Information, Warning};
        for (findings, fatal, status, strict) in [
            (vec![], false, 0, 0),
            (vec![(Information, Auth)], false, 0, 0),
            (vec![(Warning, Auth)], false, 0, 1),
            (vec![(Warning, Transport), (Error, Alignment), (Error, Auth)], false, 77, 77),
            (vec![(Error, Alignment), (Error, Transport)], false, 69, 69),
            (vec![(Error, Transport)], true, 78, 78),
        ] {
            let report = report(&findings, fatal);
            assert_eq!((report.exit_status(false), report.exit_status(true)), (status, strict), "{findings:?}");
        }
    }

    #[test]
    fn a_waived_error_and_an_explained_one_do_not_decide() {
        let mut waived = report(&[(Severity::Error, Layer::Auth)], false);
        waived.findings[0].waived = true;
        assert_eq!(waived.exit_status(true), 0);
        let mut explained = report(&[(Severity::Error, Layer::Transport), (Severity::Error, Layer::Auth)], false);
        explained.findings[0].explained_by = Some(Code::TokenSplit);
        assert_eq!(explained.exit_status(false), 77);
    }

    #[test]
    fn blindness_is_no_finding_about_files() {
        let mut snapshot = fixture::healthy();
        snapshot.processes = fixture::denied();
        let report = lint(&snapshot, &Policy::default());
        assert!(report.findings.iter().all(|finding| finding.code != Code::AgentBlind));
    }
}
