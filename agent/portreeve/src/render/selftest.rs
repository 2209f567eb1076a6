//! Each way of looking, with what came of trying it.

use portreeve_core::SelfTest;
use portreeve_core::selftest::Outcome;

use super::text::{labelled, paragraph};
use crate::output::{BAD, GOOD, WARN, styled};

/// Where what is said of one begins.
const INDENT: usize = 13;
/// Width of the column of labels.
const LABEL: usize = 10;

/// The outcome of all, then of each.
pub(crate) fn selftest(result: &SelfTest, width: usize) -> String {
    let failed = result.failed().count();
    let (style, word) = if failed == 0 { (GOOD, "PASSED") } else { (BAD, "FAILED") };
    let system = match &result.system {
        Some(system) => format!("{} {} ({})", system.name, system.version, system.build),
        None => "a system that does not tell its version".to_owned(),
    };
    let skipped = result.results.iter().filter(|one| matches!(one.outcome, Outcome::Skipped { .. })).count();
    let passed = result.results.len() - failed - skipped;
    let mut out = format!("{}  on {system}\n", styled(style, word));
    out.push_str(&format!("  {passed} passed, {failed} failed, {skipped} not tried\n\n"));
    for one in &result.results {
        let name = one.seam.name();
        match &one.outcome {
            Outcome::Passed => out.push_str(&format!("  {}     {name}\n", styled(GOOD, "passed"))),
            Outcome::Failed { expected, seen } => {
                out.push_str(&format!("  {}     {name}\n", styled(BAD, "failed")));
                out.push_str(&labelled("expected", expected, INDENT, LABEL, width));
                out.push_str(&labelled("seen", seen, INDENT, LABEL, width));
            }
            Outcome::Skipped { why } => {
                out.push_str(&format!("  {}  {name}\n", styled(WARN, "not tried")));
                out.push_str(&paragraph(why, INDENT, width));
            }
        }
    }
    if failed > 0 {
        let text = "what comes through them counts as not seen, so that `check` is not ready on this system";
        out.push('\n');
        out.push_str(&labelled("hint:", text, 0, 6, width));
    }
    out
}
