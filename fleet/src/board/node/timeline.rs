//! How the verdict on a node changed.

use jiff::Timestamp;
use portreeve_core::Verdict;
use portreeve_telemetry::event::Name;
use rusqlite::Connection;
use serde::Deserialize;

use crate::board::chart::{Picture, Span, band};
use crate::board::standing::{Item, Standing};
use crate::index::NodeKey;
use crate::store::{StoreError, board as store};

/// Changes that the picture shows.
const MOST: u32 = 300;

/// Changes within a time, and the last one before it, newest first.
pub(super) fn read(
    connection: &Connection,
    node: NodeKey,
    from: Timestamp,
) -> Result<Vec<store::EventRow>, StoreError> {
    let name = Name::VerdictChanged.as_str();
    let mut events = store::events(connection, node, name, (from, Timestamp::MAX), MOST)?;
    if events.len() < MOST as usize {
        events.extend(store::events(connection, node, name, (Timestamp::MIN, from), 1)?);
    }
    Ok(events)
}

/// The band of verdicts between two times.
pub(super) fn picture(item: &Item, events: &[store::EventRow], (from, to): (Timestamp, Timestamp)) -> Picture {
    let mut spans: Vec<Span> = Vec::new();
    for event in events.iter().rev() {
        let Ok(verdict) = Verdict::deserialize(&event.body["to"]) else { continue };
        let causes = event.body["causes"].as_array().into_iter().flatten();
        let why: Vec<&str> =
            causes.filter_map(|cause| cause["code"].as_str().or(cause["summary"].as_str())).take(4).collect();
        let at = event.at.clamp(from, to);
        if let Some(last) = spans.last_mut() {
            last.to = at;
        }
        spans.push(Span { from: at, to, standing: verdict.into(), why: why.join(", ") });
    }
    if spans.is_empty() && item.node.report_at.is_some() {
        // Changes before the first that arrived are not known; the verdict of now is.
        let since = item.since.clamp(from, to);
        spans.push(Span { from: since, to, standing: item.standing, why: item.cause().to_owned() });
    } else if item.standing == Standing::Absent {
        let since = item.since.clamp(from, to);
        if let Some(last) = spans.last_mut() {
            last.to = since.max(last.from);
        }
        spans.push(Span { from: since, to, standing: Standing::Absent, why: item.says().to_owned() });
    }
    spans.retain(|span| span.to >= span.from);
    let about = "what the node said of itself; height and colour tell the same";
    band("timeline", "Verdicts", about, (from, to), &spans)
}
