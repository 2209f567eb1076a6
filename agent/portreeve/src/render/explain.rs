//! The catalogue.

use portreeve_core::catalogue::{self, Entry};
use portreeve_core::{Layer, Severity};

use super::text::{columns, labelled, paragraph};
use crate::output::{BAD, BOLD, DIM, WARN, styled};

pub(super) fn severity(severity: Severity) -> String {
    match severity {
        Severity::Error => styled(BAD, "error"),
        Severity::Warning => styled(WARN, "warning"),
        Severity::Information => styled(DIM, "info"),
    }
}

/// Every finding by layer, most upstream first.
pub(crate) fn catalogue(width: usize) -> String {
    let mut out = String::new();
    for layer in Layer::ALL {
        let row = |entry: &Entry| vec![entry.code.to_string(), severity(entry.severity), entry.title.to_owned()];
        let rows: Vec<Vec<String>> = catalogue::entries().filter(|entry| entry.layer == layer).map(row).collect();
        let gap = if out.is_empty() { "" } else { "\n" };
        out.push_str(&format!("{gap}{}\n{}", styled(BOLD, &layer.to_string()), columns(&rows, 2, width)));
    }
    out
}

/// One finding in full.
pub(crate) fn entry(entry: &Entry, width: usize) -> String {
    let mut out = columns(&[vec![styled(BOLD, entry.code.as_str()), entry.title.to_owned()]], 0, width);
    out.push_str(&format!(
        "{}, {} layer{}\n\n",
        severity(entry.severity),
        entry.layer,
        if entry.symptom { ", symptom" } else { "" }
    ));
    out.push_str(&paragraph(entry.why, 0, width));
    if entry.symptom {
        let note = "It is a symptom: while a finding that explains it is present, that one is the root cause.";
        out.push('\n');
        out.push_str(&paragraph(note, 0, width));
    }
    out.push_str(&format!("\n{}\n", styled(BOLD, "What to do")));
    for (number, step) in (1..).zip(entry.remedy) {
        out.push_str(&labelled(&format!("{number}."), step, 2, 3, width));
    }
    if !entry.explains.is_empty() {
        let codes: Vec<&str> = entry.explains.iter().map(|code| code.as_str()).collect();
        out.push_str(&format!("\n{}\n", styled(BOLD, "Explains")));
        out.push_str(&paragraph(&codes.join(", "), 2, width));
    }
    if !entry.sources.is_empty() {
        out.push_str(&format!("\n{}\n", styled(BOLD, "Sources")));
        for source in entry.sources {
            out.push_str(&paragraph(source, 2, width));
        }
    }
    out
}
