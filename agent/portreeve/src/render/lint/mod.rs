//! What is wrong with definitions: for a terminal, for GitHub's workflow log, and as SARIF.

mod github;
mod sarif;
mod text;

use portreeve_core::Severity;
use portreeve_core::lint::LintFinding;
use portreeve_core::snapshot::ProjectProblem;

pub(crate) use github::lint_github;
pub(crate) use sarif::lint_sarif;
pub(crate) use text::lint_text;

/// `error`, `warning`, `info`.
fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Information => "info",
    }
}

/// A problem of the files themselves weighs as Compose takes it.
fn weight(problem: &ProjectProblem) -> Severity {
    if problem.fatal { Severity::Error } else { Severity::Warning }
}

/// The summary, and the finding that explains it where one does.
fn sentence(finding: &LintFinding) -> String {
    match finding.explained_by {
        Some(cause) => format!("{} (explained by {cause})", finding.summary),
        None => finding.summary.clone(),
    }
}
