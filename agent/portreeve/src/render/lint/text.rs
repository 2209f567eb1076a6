//! `file:line:column: error[code]: …`, as compilers say it, with the remedy below.

use portreeve_compose::Variable;
use portreeve_core::Severity;
use portreeve_core::lint::{LintFinding, LintReport};
use portreeve_core::snapshot::Place;

use super::{sentence, weight, word};
use crate::output::{BAD, BOLD, COMMAND, DIM, WARN, copyable, plain, styled};
use crate::render::text::{count, labelled};

/// Width of the column that labels evidence and remedies.
const LABEL: usize = 6;

/// All that was found. `verbose` adds evidence, information, and the variables that nobody gives.
pub(crate) fn lint_text(report: &LintReport, unset: &[&Variable], verbose: bool, width: usize) -> String {
    let mut out = String::new();
    for problem in &report.problems {
        let head = head(problem.place.as_ref(), weight(problem), "compose");
        out.push_str(&format!("{head} {}\n", plain(&problem.message)));
    }
    for finding in report.findings.iter().filter(|finding| verbose || finding.severity != Severity::Information) {
        out.push_str(&one(finding, verbose, width));
    }
    // One that Compose warns about was told above.
    let told = |place: &Place| report.problems.iter().any(|problem| problem.place.as_ref() == Some(place));
    for variable in unset.iter().filter(|variable| verbose && !told(&variable.place)) {
        let why = variable.required.as_deref().filter(|why| !why.is_empty()).map(|why| format!(" ({why})"));
        let place = styled(BOLD, &format!("{}:", plain(&variable.place.to_string())));
        let text = format!("`{}` is given at deployment{}", variable.name, why.unwrap_or_default());
        out.push_str(&format!("{place} {} {}\n", styled(DIM, "note:"), plain(&text)));
    }
    if !out.is_empty() {
        out.push('\n');
    }
    out.push_str(&summary(report));
    out
}

fn head(place: Option<&Place>, severity: Severity, code: &str) -> String {
    let place = place.map(|place| styled(BOLD, &format!("{}: ", plain(&place.to_string())))).unwrap_or_default();
    let style = match severity {
        Severity::Error => BAD,
        Severity::Warning => WARN,
        Severity::Information => DIM,
    };
    format!("{place}{}{}", styled(style, &format!("{}[{code}]", word(severity))), styled(BOLD, ":"))
}

fn one(finding: &LintFinding, verbose: bool, width: usize) -> String {
    let waived = if finding.waived { " (waived)" } else { "" };
    let head = head(finding.place.as_ref(), finding.severity, finding.code.as_str());
    let mut out = format!("{head} {}{waived}\n", plain(&sentence(finding)));
    let elsewhere = finding.evidence.iter().filter(|evidence| verbose || evidence.place.is_some());
    for evidence in elsewhere.filter(|evidence| verbose || evidence.place != finding.place) {
        let source = evidence.place.as_ref().map_or_else(|| evidence.source.clone(), ToString::to_string);
        out.push_str(&labelled("seen", &format!("{}: {source}", evidence.fact), 2, LABEL, width));
    }
    if finding.explained_by.is_some() && !verbose {
        return out;
    }
    for remedy in &finding.remedy {
        out.push_str(&labelled("fix", &remedy.text, 2, LABEL, width));
        if let Some(command) = remedy.command.as_deref().and_then(copyable) {
            out.push_str(&format!("{}{}\n", " ".repeat(LABEL + 4), styled(COMMAND, command)));
        }
    }
    out
}

fn summary(report: &LintReport) -> String {
    let number = |severity| {
        let findings = report.findings.iter().filter(|finding| finding.severity == severity && !finding.waived).count();
        findings + report.problems.iter().filter(|problem| weight(problem) == severity).count()
    };
    let projects = count(report.projects.len(), "project", "projects");
    match (number(Severity::Error), number(Severity::Warning)) {
        (0, 0) => format!("no error and no warning in {projects}\n"),
        (errors, warnings) => {
            format!("{}, {} in {projects}\n", count(errors, "error", "errors"), count(warnings, "warning", "warnings"))
        }
    }
}
