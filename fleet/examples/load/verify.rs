//! Whether what was acknowledged is in the database.

use std::collections::HashMap;
use std::path::Path;

use jiff::Timestamp;
use portreeve_telemetry::event::Name;
use rusqlite::{Connection, OpenFlags, params};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::node::Told;

/// Counts the acknowledged events that are not there, that are there twice, and the nodes whose current report is older than one that was
/// acknowledged.
pub(crate) fn compare(database: &Path, told: &[Told]) -> Value {
    let connection = Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    let checked: String = connection.query_row("PRAGMA quick_check", [], |row| row.get(0)).unwrap();
    let mut kept: HashMap<[u8; 16], u64> = HashMap::new();
    let mut all = connection.prepare("SELECT uid FROM event").unwrap();
    let mut rows = all.query([]).unwrap();
    while let Some(row) = rows.next().unwrap() {
        let uid: Vec<u8> = row.get(0).unwrap();
        *kept.entry(uid.try_into().unwrap()).or_default() += 1;
    }
    let count = |event: &Told| kept.get(event.id.parse::<Uuid>().unwrap().as_bytes()).copied().unwrap_or(0);
    let mut newest: HashMap<&str, i64> = HashMap::new();
    for event in told.iter().filter(|event| event.name == Name::Report.as_str()) {
        let at = event.at.parse::<Timestamp>().unwrap().as_millisecond();
        newest.entry(&event.node).and_modify(|last| *last = at.max(*last)).or_insert(at);
    }
    let mut current = connection
        .prepare("SELECT report.at FROM report JOIN node ON node.key = report.node WHERE node.id = ?1")
        .unwrap();
    let old = newest.iter().filter(|(node, at)| {
        let kept: Option<i64> = current.query_row(params![node], |row| row.get(0)).ok();
        kept.is_none_or(|kept| kept < **at)
    });
    json!({
        "check": checked,
        "acknowledged": told.len(),
        "events": kept.values().sum::<u64>(),
        "lost": told.iter().filter(|event| count(event) == 0).count(),
        "twice": kept.values().filter(|count| **count > 1).count(),
        "nodes": newest.len(),
        "old_reports": old.count(),
    })
}
