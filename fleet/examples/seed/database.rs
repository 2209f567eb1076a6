//! Puts simulated nodes into a database.

use std::io::Write;
use std::path::Path;

use flate2::Compression;
use flate2::write::DeflateEncoder;
use jiff::{SignedDuration, Timestamp};
use portreeve_fleet::auth::Hash;
use portreeve_fleet::index::Brief;
use portreeve_fleet::store;
use rusqlite::{Connection, params};
use serde_json::json;

use super::node::{Simulated, node};

/// Verdicts that nodes had before, with how many hours each stood.
const PAST: [(&str, &str, i64); 7] = [
    ("ready", "", 9),
    ("degraded", "mirror.time-machine", 2),
    ("ready", "", 30),
    ("blocked", "port.silent", 1),
    ("unknown", "", 1),
    ("ready", "", 60),
    ("blocked", "gateway.restart-storm", 3),
];

/// Makes a database in `folder` with so many nodes, and viewers with these tokens: `looker`, who may look, and `keeper`, who may decide.
pub(crate) fn seed(
    folder: &Path,
    count: usize,
    now: Timestamp,
    looker: &str,
    keeper: &str,
) -> Result<(), store::StoreError> {
    let connection = store::open(folder)?;
    connection.execute_batch("BEGIN IMMEDIATE")?;
    for (token, name, role) in [(looker, "looker", "viewer"), (keeper, "keeper", "operator")] {
        connection.execute(
            "INSERT INTO viewer (hash, name, role, created_at) VALUES (?, ?, ?, ?)",
            params![Hash::of(token).bytes(), name, role, store::millis(now)],
        )?;
    }
    for number in 0..count {
        insert(&connection, &node(number, now), number, now)?;
    }
    connection.execute_batch("COMMIT; PRAGMA wal_checkpoint(TRUNCATE)")?;
    Ok(())
}

/// Puts one node in. Its beat is a day, so that nobody needs to report for it.
pub(crate) fn insert(
    connection: &Connection,
    node: &Simulated,
    number: usize,
    now: Timestamp,
) -> Result<(), store::StoreError> {
    let at = |seconds: i64| store::millis(now - SignedDuration::from_secs(seconds));
    connection.execute(
        "INSERT INTO node (id, name, hostname, agent_version, enrolled_at) VALUES (?, ?, ?, ?, ?)",
        params![node.id, node.name, node.hostname, node.agent, at(40 * 86_400)],
    )?;
    let key = connection.last_insert_rowid();
    let (state, seen) = match (node.is_new, node.is_absent) {
        (true, _) => ("new", None),
        (false, true) => ("absent", Some(at(3 * 86_400 + 7_000))),
        (false, false) => ("present", Some(at(i64::try_from(number % 55).unwrap_or(0)))),
    };
    connection.execute(
        "INSERT INTO presence (node, last_seen, state, since, interval_s) VALUES (?, ?, ?, ?, 86400)",
        params![key, seen, state, at(7_000)],
    )?;
    if node.is_new {
        return Ok(());
    }
    let text = node.report.to_string();
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
    let packed = encoder.write_all(text.as_bytes()).and_then(|()| encoder.finish());
    let packed = packed.map_err(|_| store::StoreError::Corrupt("a simulated report"))?;
    let brief = Brief::of(&node.report);
    let short = serde_json::to_string(&brief).map_err(|_| store::StoreError::Corrupt("a simulated report"))?;
    let since = store::millis(node.since);
    connection.execute(
        "INSERT INTO report (node, at, verdict_since, brief, body) VALUES (?, ?, ?, ?, ?)",
        params![key, at(20), since, short, packed],
    )?;
    let mut changed = since;
    let current = brief.verdict.map_or("unknown", portreeve_core::Verdict::name);
    let now = (current, brief.root_causes.first().map_or("", String::as_str), 0);
    for (step, (verdict, cause, hours)) in
        std::iter::once(&now).chain(PAST.iter().cycle().skip(number % 7).take(6)).enumerate()
    {
        changed -= hours * 3_600_000;
        let causes =
            if cause.is_empty() { json!([]) } else { json!([{ "code": cause, "subject": "", "summary": "" }]) };
        let body = json!({ "from": null, "after_s": null, "to": verdict, "since": store::timestamp(changed), "causes": causes });
        let mut uid = [0_u8; 16];
        uid[..8].copy_from_slice(&u64::try_from(number).unwrap_or(0).to_le_bytes());
        uid[8] = u8::try_from(step).unwrap_or(0);
        connection.execute(
            "INSERT INTO event (node, uid, at, received_at, name, severity, attributes, body)
             VALUES (?, ?, ?, ?, 'portreeve.verdict.changed', 9, '{}', ?)",
            params![key, uid, changed, changed, body.to_string()],
        )?;
    }
    Ok(())
}
