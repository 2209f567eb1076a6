//! `portreeve-fleet node`

use std::io::Write;

use clap::Subcommand;
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

use super::{Failure, entry, plain};
use crate::store::{audit, load_index, millis};

#[derive(Subcommand)]
pub(super) enum Node {
    /// List all nodes
    List {
        /// One JSON object per line
        #[arg(long)]
        json: bool,
    },
    /// Take a node's credential back; what it reported stays
    Revoke {
        /// Identity or name
        node: String,
    },
    /// Give a node another name
    Rename {
        /// Identity or name
        node: String,
        /// The new name
        name: String,
    },
    /// Delete a node and everything it reported
    Forget {
        /// Identity or name
        node: String,
    },
}

impl Node {
    pub(super) fn run(self, connection: &Connection, out: &mut impl Write) -> Result<(), Failure> {
        let now = Timestamp::now();
        match self {
            Self::List { json } => return list(connection, json, out),
            Self::Revoke { node } => {
                let (key, id) = find(connection, &node)?;
                connection.execute_batch("BEGIN IMMEDIATE")?;
                connection.execute("DELETE FROM credential WHERE node = ?", [key])?;
                connection.execute("UPDATE node SET revoked_at = ? WHERE key = ?", params![millis(now), key])?;
                audit::record(connection, now, &entry("node.revoke", &id, String::new()))?;
                connection.execute_batch("COMMIT")?;
            }
            Self::Rename { node, name } => {
                let (key, id) = find(connection, &node)?;
                let name = crate::enrol::checked_name(&name).ok_or_else(|| {
                    Failure::refused("a name has 1 to 100 characters, none of them a control character")
                })?;
                let taken = "SELECT 1 FROM node WHERE name = ? AND key <> ?";
                if connection.query_row(taken, params![name, key], |_| Ok(())).optional()?.is_some() {
                    return Err(Failure::refused(format!("another node has the name `{name}`")));
                }
                connection.execute("UPDATE node SET name = ? WHERE key = ?", params![name, key])?;
                audit::record(connection, now, &entry("node.rename", &id, name))?;
            }
            Self::Forget { node } => {
                let (key, id) = find(connection, &node)?;
                connection.execute_batch("BEGIN IMMEDIATE")?;
                connection.execute("DELETE FROM series_due WHERE node = ?", [key])?;
                connection.execute("DELETE FROM series_tail WHERE node = ?", [key])?;
                connection.execute("DELETE FROM series WHERE node = ?", [key])?;
                connection.execute("DELETE FROM node WHERE key = ?", [key])?;
                audit::record(connection, now, &entry("node.forget", &id, String::new()))?;
                connection.execute_batch("COMMIT")?;
            }
        }
        Ok(())
    }
}

/// Key and identity of a node that an operator names by identity or name.
pub(super) fn find(connection: &Connection, node: &str) -> Result<(i64, String), Failure> {
    connection
        .query_row("SELECT key, id FROM node WHERE id = ?1 OR name = ?1 ORDER BY id = ?1 DESC", [node], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()?
        .ok_or_else(|| Failure::refused(format!("there is no node `{}`", plain(node))))
}

fn list(connection: &Connection, json: bool, out: &mut impl Write) -> Result<(), Failure> {
    let mut nodes = load_index(connection)?;
    nodes.sort_by(|one, other| one.name.cmp(&other.name));
    for node in nodes {
        let verdict = node.verdict().map_or("none", portreeve_core::Verdict::name);
        let presence = if node.revoked_at.is_some() { "revoked" } else { node.presence.name() };
        let seen = node.last_seen.map_or_else(|| "never".to_owned(), |seen| format!("{seen:.0}"));
        if json {
            let line = serde_json::json!({
                "schema": "portreeve.fleet.node/1", "id": node.id, "name": node.name, "hostname": node.hostname,
                "verdict": verdict, "since": node.since, "presence": presence, "last_seen": node.last_seen,
                "agent_version": node.agent_version, "enrolled_at": node.enrolled_at,
                "root_causes": node.brief.root_causes,
            });
            writeln!(out, "{line}")?;
        } else {
            let causes = node.brief.root_causes.join(", ");
            writeln!(
                out,
                "{}  {}  {verdict}  {presence}  seen {seen}  {}",
                plain(&node.name),
                plain(&node.id),
                plain(&causes)
            )?;
        }
    }
    Ok(())
}
