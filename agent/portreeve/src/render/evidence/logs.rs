//! What logs say: the timeline and the last lines of each severity.

use portreeve_core::evidence::Evidence;
use portreeve_core::logs::{Entry, LogLayer};

use super::html::{badge, code, list, quiet, table, text};
use super::page::stamp;

/// Entries of the timeline on the page, the latest.
const MOST: usize = 250;

pub(super) fn timeline(evidence: &Evidence, entries: &[Entry]) -> String {
    let timeline = &evidence.timeline;
    let mut out = quiet(&format!(
        "{} lines were read, {} of them events or warnings.",
        timeline.lines,
        timeline.entries + timeline.left_out
    ));
    let problems: Vec<String> =
        timeline.problems.iter().map(|problem| format!("<span class=\"missing\">{}</span>", text(problem))).collect();
    out.push_str(&list(&problems));
    let kinds: Vec<Vec<String>> = timeline
        .kinds
        .iter()
        .map(|seen| {
            vec![layer(seen.layer), code(&seen.kind), seen.count.to_string(), stamp(seen.first), stamp(seen.last)]
        })
        .collect();
    out.push_str(&table(
        "Events by kind, in the order of their first",
        &["Layer", "Event", "Count", "First", "Last"],
        &kinds,
    ));
    let from = entries.len().saturating_sub(MOST);
    let shown = entries.get(from..).unwrap_or_default();
    let rows: Vec<Vec<String>> = shown
        .iter()
        .map(|entry| {
            let kind = entry.kind.as_deref().map(code).unwrap_or_default();
            vec![stamp(entry.at), text(entry.origin.name()), layer(entry.layer), kind, text(&entry.text)]
        })
        .collect();
    if from > 0 || timeline.left_out > 0 {
        let there = if from > 0 { format!("; timeline.jsonl has {} of them", entries.len()) } else { String::new() };
        let left_out = u64::try_from(from).unwrap_or(u64::MAX).saturating_add(timeline.left_out);
        out.push_str(&quiet(&format!("Left out: {left_out} older entries{there}.")));
    }
    out + &table("Timeline, oldest first", &["When", "Who", "Layer", "Event", "What"], &rows)
}

fn layer(layer: LogLayer) -> String {
    badge("", layer.name())
}

pub(super) fn levels(evidence: &Evidence) -> String {
    if evidence.levels.is_empty() {
        return quiet("No line of a log was read.");
    }
    evidence
        .levels
        .iter()
        .map(|level| {
            let name = level.level.map_or("without a severity", portreeve_core::logs::LogLevel::name);
            let rows: Vec<Vec<String>> =
                level.lines.iter().map(|line| vec![stamp(line.at), code(&line.source), text(&line.text)]).collect();
            let count = u64::try_from(level.lines.len()).unwrap_or(u64::MAX);
            let left_out = level.count.saturating_sub(count);
            let caption = match left_out {
                0 => format!("{name}: {count} lines"),
                _ => format!("{name}: the last {count} lines; left out: {left_out}"),
            };
            table(&caption, &["When", "Log", "What"], &rows)
        })
        .collect()
}
