//! What the board asks of the database, and writes into it.

use std::fmt;

use jiff::Timestamp;
use rusqlite::{Connection, params};
use serde::Deserialize;
use serde_json::Value;

use super::{StoreError, Tx, millis, timestamp};
use crate::board::decisions::{Acknowledgement, Decisions, Maintenance, Waiver};
use crate::index::{Change, NodeKey};

/// Decisions that are kept of one node, of each kind.
const MOST_OF_A_NODE: i64 = 500;

/// A kind of decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A finding is out of the board's verdict for a time.
    Waiver,
    /// Somebody knows of a finding.
    Acknowledgement,
    /// Somebody works on the node.
    Maintenance,
}

impl Kind {
    /// What the audit calls its end.
    pub fn end_action(self) -> &'static str {
        match self {
            Self::Waiver => "finding.waive.end",
            Self::Acknowledgement => "finding.acknowledge.end",
            Self::Maintenance => "node.maintenance.end",
        }
    }
}

/// An entry of the audit with its number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRow {
    /// Ascending with time.
    pub seq: i64,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: String,
    /// What.
    pub action: String,
    /// To what.
    pub subject: String,
    /// More of it.
    pub detail: String,
    /// From where.
    pub address: String,
}

/// An event of a node.
#[derive(Debug, Clone, PartialEq)]
pub struct EventRow {
    /// When it happened, by the node's clock.
    pub at: Timestamp,
    /// Its name.
    pub name: String,
    /// What it tells.
    pub body: Value,
}

/// What somebody decides about a finding.
#[derive(Debug, Clone)]
pub struct About {
    /// The node.
    pub node: NodeKey,
    /// Code of the finding.
    pub code: String,
    /// What it is about; any where it is left out.
    pub subject: Option<String>,
    /// Who decides.
    pub by: String,
}

impl fmt::Display for About {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.code)?;
        self.subject.as_ref().map_or(Ok(()), |subject| write!(formatter, " ({subject})"))
    }
}

/// Everything that is in force.
pub fn decisions(connection: &Connection) -> Result<Decisions, StoreError> {
    let now = millis(Timestamp::now());
    let mut statement = connection.prepare_cached(
        "SELECT id, node, code, subject, reason, by, at, until FROM waiver WHERE ended_at IS NULL AND until > ?",
    )?;
    let waivers = statement.query_map([now], |row| {
        Ok(Waiver {
            id: row.get(0)?,
            node: row.get::<_, Option<i64>>(1)?.map(NodeKey),
            code: row.get(2)?,
            subject: row.get(3)?,
            reason: row.get(4)?,
            by: row.get(5)?,
            at: timestamp(row.get(6)?),
            until: timestamp(row.get(7)?),
        })
    })?;
    let waivers = waivers.collect::<Result<_, _>>()?;
    let mut statement = connection
        .prepare_cached("SELECT id, node, code, subject, note, by, at FROM acknowledgement WHERE ended_at IS NULL")?;
    let acknowledgements = statement.query_map([], |row| {
        Ok(Acknowledgement {
            id: row.get(0)?,
            node: NodeKey(row.get(1)?),
            code: row.get(2)?,
            subject: row.get(3)?,
            note: row.get(4)?,
            by: row.get(5)?,
            at: timestamp(row.get(6)?),
        })
    })?;
    let acknowledgements = acknowledgements.collect::<Result<_, _>>()?;
    let mut statement = connection.prepare_cached(
        "SELECT id, node, reason, by, at, until FROM maintenance WHERE ended_at IS NULL AND until > ?",
    )?;
    let maintenances = statement.query_map([now], |row| {
        Ok(Maintenance {
            id: row.get(0)?,
            node: NodeKey(row.get(1)?),
            reason: row.get(2)?,
            by: row.get(3)?,
            at: timestamp(row.get(4)?),
            until: timestamp(row.get(5)?),
        })
    })?;
    let maintenances = maintenances.collect::<Result<_, _>>()?;
    Ok(Decisions::new(waivers, acknowledgements, maintenances))
}

/// Takes a finding out of the board's verdict. A waiver of the same finding that is in force ends.
pub fn waive(tx: &mut Tx<'_>, about: &About, reason: &str, until: Timestamp) -> Result<(), StoreError> {
    let now = replace(tx, "waiver", about)?;
    tx.execute(
        "INSERT INTO waiver (node, code, subject, reason, by, at, until) VALUES (?, ?, ?, ?, ?, ?, ?)",
        params![about.node.0, about.code, about.subject, reason, about.by, now, millis(until)],
    )?;
    tx.tell(Change::Decision(Some(about.node)));
    Ok(())
}

/// Notes that somebody knows of a finding, in place of who did before.
pub fn acknowledge(tx: &mut Tx<'_>, about: &About, note: &str) -> Result<(), StoreError> {
    let now = replace(tx, "acknowledgement", about)?;
    tx.execute(
        "INSERT INTO acknowledgement (node, code, subject, note, by, at) VALUES (?, ?, ?, ?, ?, ?)",
        params![about.node.0, about.code, about.subject, note, about.by, now],
    )?;
    tx.tell(Change::Decision(Some(about.node)));
    Ok(())
}

/// Makes room for a decision, and ends the one that it takes the place of. The time at which that is.
fn replace(tx: &Tx<'_>, table: &'static str, about: &About) -> Result<i64, StoreError> {
    let now = millis(tx.now());
    bounded(tx, table, about.node)?;
    tx.execute(
        &format!(
            "UPDATE {table} SET ended_at = ?, ended_by = ?
             WHERE node = ? AND code = ? AND subject IS ? AND ended_at IS NULL"
        ),
        params![now, about.by, about.node.0, about.code, about.subject],
    )?;
    Ok(now)
}

/// Announces maintenance, in place of one that was announced before.
pub fn maintain(tx: &mut Tx<'_>, node: NodeKey, reason: &str, by: &str, until: Timestamp) -> Result<(), StoreError> {
    let now = millis(tx.now());
    bounded(tx, "maintenance", node)?;
    tx.execute(
        "UPDATE maintenance SET ended_at = ?, ended_by = ? WHERE node = ? AND ended_at IS NULL",
        params![now, by, node.0],
    )?;
    tx.execute(
        "INSERT INTO maintenance (node, reason, by, at, until) VALUES (?, ?, ?, ?, ?)",
        params![node.0, reason, by, now, millis(until)],
    )?;
    tx.tell(Change::Decision(Some(node)));
    Ok(())
}

/// Takes a decision on a node back. Whether it was in force.
pub fn end(tx: &mut Tx<'_>, kind: Kind, id: i64, node: NodeKey, by: &str) -> Result<bool, StoreError> {
    let statement = match kind {
        Kind::Waiver => "UPDATE waiver SET ended_at = ?, ended_by = ? WHERE id = ? AND node = ? AND ended_at IS NULL",
        Kind::Acknowledgement => {
            "UPDATE acknowledgement SET ended_at = ?, ended_by = ? WHERE id = ? AND node = ? AND ended_at IS NULL"
        }
        Kind::Maintenance => {
            "UPDATE maintenance SET ended_at = ?, ended_by = ? WHERE id = ? AND node = ? AND ended_at IS NULL"
        }
    };
    let changed = tx.execute(statement, params![millis(tx.now()), by, id, node.0])?;
    tx.tell(Change::Decision(Some(node)));
    Ok(changed > 0)
}

/// Keeps what one node can gather within a bound: the oldest that are over go first.
fn bounded(tx: &Tx<'_>, table: &'static str, node: NodeKey) -> Result<(), StoreError> {
    let count = format!("SELECT count(*) FROM {table} WHERE node = ?");
    let count: i64 = tx.query_row(&count, [node.0], |row| row.get(0))?;
    if count < MOST_OF_A_NODE {
        return Ok(());
    }
    let statement = format!(
        "DELETE FROM {table} WHERE id IN
         (SELECT id FROM {table} WHERE node = ? AND ended_at IS NOT NULL ORDER BY id LIMIT ?)"
    );
    if tx.execute(&statement, params![node.0, count - MOST_OF_A_NODE + 1])? == 0 {
        return Err(StoreError::Refused(format!("a node has at most {MOST_OF_A_NODE} of these")));
    }
    Ok(())
}

/// Entries of the audit before a number, newest first, that hold a text.
pub fn audit(connection: &Connection, before: i64, text: &str, count: u32) -> Result<Vec<AuditRow>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT seq, at, actor, action, subject, detail, address FROM audit
         WHERE seq < ?1 AND (?2 = '' OR instr(lower(concat_ws(' ', actor, action, subject, detail, address)), ?2) > 0)
         ORDER BY seq DESC LIMIT ?3",
    )?;
    let rows = statement.query_map(params![before, text.to_lowercase(), count], |row| {
        Ok(AuditRow {
            seq: row.get(0)?,
            at: timestamp(row.get(1)?),
            actor: row.get(2)?,
            action: row.get(3)?,
            subject: row.get(4)?,
            detail: row.get(5)?,
            address: row.get(6)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Events of a node with a name within a time, newest first.
pub fn events(
    connection: &Connection,
    node: NodeKey,
    name: &str,
    (from, to): (Timestamp, Timestamp),
    count: u32,
) -> Result<Vec<EventRow>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT at, name, body FROM event WHERE node = ? AND at >= ? AND at < ? AND name = ?
         ORDER BY at DESC, seq DESC LIMIT ?",
    )?;
    let rows = statement.query_map(params![node.0, millis(from), millis(to), name, count], |row| {
        let body: Option<String> = row.get(2)?;
        Ok(EventRow {
            at: timestamp(row.get(0)?),
            name: row.get(1)?,
            body: body.and_then(|body| serde_json::from_str(&body).ok()).unwrap_or(Value::Null),
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
