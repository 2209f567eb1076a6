//! How the verdict on a node changed.

use jiff::Timestamp;
use portreeve_core::Verdict;
use portreeve_telemetry::event::Name;
use rusqlite::Connection;
use serde::Deserialize;

use crate::board::chart::{Picture, Span, band};
use crate::board::standing::{Item, Standing};
use crate::index::NodeKey;
use crate::store::{StoreError, board as store, events};

/// Changes that the picture shows.
const MOST: u32 = 300;
/// Reports that are looked at for changes of the configuration.
const MOST_REPORTS: u32 = 2_000;

/// Changes within a time, and the last one before it, newest first; and times of absence.
pub(super) fn read(
    connection: &Connection,
    node: NodeKey,
    from: Timestamp,
) -> Result<Vec<store::EventRow>, StoreError> {
    let mut all = Vec::new();
    for name in [Name::VerdictChanged.as_str(), events::ABSENT, events::RETURNED] {
        let within = store::events(connection, node, name, (from, Timestamp::MAX), MOST)?;
        let is_full = within.len() == MOST as usize;
        all.extend(within);
        if !is_full {
            all.extend(store::events(connection, node, name, (Timestamp::UNIX_EPOCH, from), 1)?);
        }
    }
    all.sort_by_key(|event| std::cmp::Reverse(event.at));
    Ok(all)
}

/// When the configuration became another one, newest first. Reports come when something changed.
pub(super) fn configurations(
    connection: &Connection,
    node: NodeKey,
    from: Timestamp,
) -> Result<Vec<Timestamp>, StoreError> {
    let told = store::events(connection, node, Name::Report.as_str(), (from, Timestamp::MAX), MOST_REPORTS)?;
    let before = store::events(connection, node, Name::Report.as_str(), (Timestamp::UNIX_EPOCH, from), 1)?;
    Ok(changed(&told.into_iter().chain(before).collect::<Vec<_>>()))
}

/// When reports, newest first, tell another configuration than the one before. What tells none is passed over.
fn changed(reports: &[store::EventRow]) -> Vec<Timestamp> {
    let told: Vec<(Timestamp, &str)> =
        reports.iter().filter_map(|report| Some((report.at, report.body["configuration"].as_str()?))).collect();
    let pairs = told.iter().zip(told.iter().skip(1));
    pairs.filter(|((_, now), (_, before))| now != before).map(|((at, _), _)| *at).collect()
}

/// The band of verdicts between two times.
pub(super) fn picture(item: &Item, changes: &[store::EventRow], (from, to): (Timestamp, Timestamp)) -> Picture {
    let mut spans: Vec<Span> = Vec::new();
    let mut own: Option<(Standing, String)> = None;
    for event in changes.iter().rev() {
        let (standing, why) = if event.name == events::ABSENT {
            (Standing::Absent, "silent for three beats".to_owned())
        } else if event.name == events::RETURNED {
            let Some(own) = own.clone() else { continue };
            own
        } else {
            let Ok(verdict) = Verdict::deserialize(&event.body["to"]) else { continue };
            let found = (Standing::from(verdict), causes(&event.body));
            own = Some(found.clone());
            found
        };
        let at = event.at.clamp(from, to);
        if let Some(last) = spans.last_mut() {
            last.to = at;
        }
        spans.push(Span { from: at, to, standing, why });
    }
    if spans.is_empty() && item.node.report_at.is_some() {
        // Changes before the first that arrived are not known; the verdict of now is.
        let since = item.since.clamp(from, to);
        spans.push(Span { from: since, to, standing: item.standing, why: item.cause().to_owned() });
    } else if item.standing == Standing::Absent && spans.last().is_none_or(|last| last.standing != Standing::Absent) {
        let since = item.since.clamp(from, to);
        if let Some(last) = spans.last_mut() {
            last.to = since.max(last.from);
        }
        spans.push(Span { from: since, to, standing: Standing::Absent, why: item.says().to_owned() });
    }
    spans.retain(|span| span.to > span.from);
    let about = "what the node said of itself; height and colour tell the same";
    band("timeline", "Verdicts", about, (from, to), &spans)
}

/// Codes of the causes of a verdict.
fn causes(body: &serde_json::Value) -> String {
    let causes = body["causes"].as_array().into_iter().flatten();
    let named = causes.filter_map(|cause| cause["code"].as_str().or(cause["summary"].as_str()));
    named.take(4).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_configuration_changes_where_the_report_before_had_another() {
        let report = |at: i64, configuration: Option<&str>| store::EventRow {
            at: Timestamp::from_second(at).unwrap(),
            name: Name::Report.as_str().to_owned(),
            body: json!({ "configuration": configuration }),
        };
        let seconds = |reports: &[store::EventRow]| -> Vec<i64> {
            changed(reports).into_iter().map(Timestamp::as_second).collect()
        };
        let all = [(9, Some("b")), (8, None), (7, Some("b")), (6, Some("a")), (5, Some("b")), (4, Some("b"))];
        let all = all.map(|(at, configuration)| report(at, configuration));
        assert_eq!(seconds(&all), [7, 6]);
        assert_eq!(seconds(&all[5..]), [0; 0]);
        assert_eq!(seconds(&[]), [0; 0]);
    }
}
