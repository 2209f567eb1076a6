//! Workflow commands of GitHub Actions, which become annotations of a pull request.

use portreeve_core::Severity;
use portreeve_core::lint::LintReport;
use portreeve_core::snapshot::Place;

use super::{sentence, weight};

/// One command for each problem and finding.
pub(crate) fn lint_github(report: &LintReport) -> String {
    let mut out = String::new();
    for problem in &report.problems {
        out.push_str(&command(weight(problem), problem.place.as_ref(), "compose", &problem.message));
    }
    for finding in report.findings.iter().filter(|finding| !finding.waived) {
        let mut text = sentence(finding);
        for remedy in &finding.remedy {
            text.push_str(&format!("\n- {}", remedy.text));
            if let Some(command) = &remedy.command {
                text.push_str(&format!(": {command}"));
            }
        }
        out.push_str(&command(finding.severity, finding.place.as_ref(), finding.code.as_str(), &text));
    }
    out
}

fn command(severity: Severity, place: Option<&Place>, title: &str, message: &str) -> String {
    let name = match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Information => "notice",
    };
    let place = place.map(|place| format!("file={},line={},col={},", property(&place.file), place.line, place.column));
    format!("::{name} {}title={}::{}\n", place.unwrap_or_default(), property(title), data(message))
}

/// What follows the `::`: a line end would end the command.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// The value of a property, in which two more characters have a meaning.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_text_begins_a_command_or_a_property() {
        let place = Place { file: "a,b:c%.yaml".to_owned(), line: 3, column: 7 };
        assert_eq!(
            command(Severity::Error, Some(&place), "token.split", "50 %\n::error::x"),
            "::error file=a%2Cb%3Ac%25.yaml,line=3,col=7,title=token.split::50 %25%0A::error::x\n"
        );
        assert_eq!(command(Severity::Information, None, "x", "y"), "::notice title=x::y\n");
    }
}
