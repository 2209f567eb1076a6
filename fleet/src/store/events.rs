//! Events: each once. Reports among them become the current report of their node.

use std::io::{Read, Write};
use std::sync::Arc;

use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use jiff::Timestamp;
use portreeve_telemetry::event::Name;
use rusqlite::{Connection, OptionalExtension, params};
use serde_json::{Value, json};
use uuid::Uuid;

use super::beat::News;
use super::{StoreError, Tx, millis, timestamp};
use crate::index::{Brief, NodeKey, NodeSummary};

/// Our own event: a node was silent for three beats.
pub const ABSENT: &str = "portreeve.fleet.node.absent";
/// Our own event: a node that was absent reports again.
pub const RETURNED: &str = "portreeve.fleet.node.returned";
/// Largest report once it is unpacked, in bytes.
const MAX_REPORT: u64 = 8 * 1024 * 1024;

/// An event as it arrived.
pub struct Event {
    /// Its identity.
    pub uid: [u8; 16],
    /// When it happened, milliseconds.
    pub at: i64,
    /// By how much it lies in the future, where it lies too far in it.
    pub ahead_ms: Option<i64>,
    /// Its name.
    pub name: String,
    /// Severity, by OpenTelemetry's numbers.
    pub severity: i32,
    /// Attributes, JSON.
    pub attributes: String,
    /// Its body.
    pub body: Value,
    /// The same as JSON's text.
    pub json: String,
    /// For a report, a fingerprint of how the node is configured.
    pub configuration: Option<String>,
}

/// How many of them are new.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Counted for the first time.
    pub new: u64,
    /// Known already.
    pub known: u64,
}

/// Writes events that are not known yet, and what they say of the node into `node`.
pub fn write(
    tx: &mut Tx<'_>,
    node: &mut NodeSummary,
    events: Vec<Event>,
    news: &mut News,
) -> Result<Counts, StoreError> {
    let mut counts = Counts::default();
    for event in events {
        let is_report = event.name == Name::Report.as_str();
        let short;
        let body = if is_report {
            let brief = Brief::of(&event.body);
            short = json!({
                "verdict": brief.verdict, "root_causes": brief.root_causes, "configuration": event.configuration
            })
            .to_string();
            let is_new = insert(tx, node.key, &event, Some(&short))?;
            if is_new {
                report(tx, node, &event, brief, news)?;
            }
            is_new
        } else {
            insert(tx, node.key, &event, (!event.body.is_null()).then_some(event.json.as_str()))?
        };
        if !body {
            counts.known += 1;
            continue;
        }
        counts.new += 1;
        news.event = true;
        let ahead = event.ahead_ms.map(|ahead| ahead / 1_000);
        if node.clock_ahead_s != ahead {
            node.clock_ahead_s = ahead;
            news.changed = true;
        }
        if event.name == Name::VerdictChanged.as_str() {
            verdict_changed(tx, node, &event.body, news)?;
        }
    }
    Ok(counts)
}

/// Writes an event of this server's own.
pub fn own(tx: &Tx<'_>, node: NodeKey, name: &str, at: Timestamp) -> Result<(), StoreError> {
    let event = Event {
        uid: Uuid::new_v4().into_bytes(),
        at: millis(at),
        ahead_ms: None,
        name: name.to_owned(),
        severity: 0,
        attributes: "{}".to_owned(),
        body: Value::Null,
        json: String::new(),
        configuration: None,
    };
    insert(tx, node, &event, None).map(drop)
}

fn insert(tx: &Tx<'_>, node: NodeKey, event: &Event, body: Option<&str>) -> Result<bool, StoreError> {
    let inserted = tx
        .prepare_cached(
            "INSERT INTO event (node, uid, at, received_at, name, severity, attributes, body)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (node, uid) DO NOTHING",
        )?
        .execute(params![
            node.0,
            event.uid,
            event.at,
            millis(tx.now()),
            event.name,
            event.severity,
            event.attributes,
            body
        ])?;
    Ok(inserted == 1)
}

/// Makes a report the current one. The last to arrive is: a node's records come in their order, and its clock may be set back.
fn report(tx: &Tx<'_>, node: &mut NodeSummary, event: &Event, brief: Brief, news: &mut News) -> Result<(), StoreError> {
    let at = timestamp(event.at);
    let since = node.since.filter(|_| node.brief.verdict == brief.verdict).unwrap_or(at);
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
    let packed = encoder.write_all(event.json.as_bytes()).and_then(|()| encoder.finish());
    let packed = packed.map_err(|_| StoreError::Corrupt("a report cannot be packed"))?;
    let text = serde_json::to_string(&brief).map_err(|_| StoreError::Corrupt("a report in short is no JSON"))?;
    tx.prepare_cached("INSERT OR REPLACE INTO report (node, at, verdict_since, brief, body) VALUES (?, ?, ?, ?, ?)")?
        .execute(params![node.key.0, event.at, millis(since), text, packed])?;
    node.report_at = Some(at);
    node.since = Some(since);
    node.brief = Arc::new(brief);
    news.changed = true;
    Ok(())
}

/// The agent knows better since when the verdict stands: it asks a clock that is never set.
fn verdict_changed(tx: &Tx<'_>, node: &mut NodeSummary, body: &Value, news: &mut News) -> Result<(), StoreError> {
    let since: Option<Timestamp> = body["since"].as_str().and_then(|since| since.parse().ok());
    let is_current = node.brief.verdict.is_some_and(|verdict| body["to"] == verdict.name());
    let Some(since) = since.filter(|since| is_current && *since <= tx.now() && node.since != Some(*since)) else {
        return Ok(());
    };
    node.since = Some(since);
    news.changed = true;
    tx.execute("UPDATE report SET verdict_since = ? WHERE node = ?", params![millis(since), node.key.0])?;
    Ok(())
}

/// The current report of a node, whole, as JSON; none where it sent none.
pub fn current_report(connection: &Connection, node: NodeKey) -> Result<Option<Value>, StoreError> {
    let body: Option<Vec<u8>> =
        connection.query_row("SELECT body FROM report WHERE node = ?", [node.0], |row| row.get(0)).optional()?;
    let Some(body) = body else { return Ok(None) };
    let reader = DeflateDecoder::new(body.as_slice()).take(MAX_REPORT);
    serde_json::from_reader(reader).map(Some).map_err(|_| StoreError::Corrupt("a report"))
}
