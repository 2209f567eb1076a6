//! Reads into memory what is asked for all the time.

use std::sync::Arc;

use rusqlite::Connection;

use super::{StoreError, timestamp};
use crate::auth::{Credential, Grants, Hash, Role, Session, ViewerToken};
use crate::index::{Brief, NodeKey, NodeSummary, Presence};

/// All nodes.
pub fn load_index(connection: &Connection) -> Result<Vec<Arc<NodeSummary>>, StoreError> {
    let mut statement = connection.prepare(
        "SELECT node.key, node.id, name, hostname, agent_version, enrolled_at, revoked_at, last_seen, state,
                presence.since, interval_s, clock_ahead_s, verdict_since, report.at, brief, lock_wait
         FROM node JOIN presence ON presence.node = node.key LEFT JOIN report ON report.node = node.key",
    )?;
    let rows = statement.query_map([], |row| {
        let time = |index| -> rusqlite::Result<_> { Ok(row.get::<_, Option<i64>>(index)?.map(timestamp)) };
        let brief: Option<String> = row.get(14)?;
        let lock_wait: Option<String> = row.get(15)?;
        // A brief of another version is read as far as it is understood; the next report replaces it.
        let brief: Brief = brief.and_then(|brief| serde_json::from_str(&brief).ok()).unwrap_or_default();
        Ok(Arc::new(NodeSummary {
            key: NodeKey(row.get(0)?),
            id: row.get(1)?,
            name: row.get(2)?,
            hostname: row.get(3)?,
            agent_version: row.get(4)?,
            enrolled_at: timestamp(row.get(5)?),
            revoked_at: time(6)?,
            last_seen: time(7)?,
            presence: Presence::from_name(&row.get::<_, String>(8)?),
            presence_since: timestamp(row.get(9)?),
            interval_s: row.get(10)?,
            clock_ahead_s: row.get(11)?,
            since: time(12)?,
            report_at: time(13)?,
            lock_wait: lock_wait.and_then(|wait| serde_json::from_str(&wait).ok()),
            brief: Arc::new(brief),
        }))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// All who may do something.
pub fn load_access(connection: &Connection) -> Result<Grants, StoreError> {
    let mut grants = Grants::default();
    let mut statement = connection.prepare(
        "SELECT hash, credential.node, credential.created_at, used_at, node.id
         FROM credential JOIN node ON node.key = credential.node WHERE node.revoked_at IS NULL",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let credential = Credential {
            node: NodeKey(row.get(1)?),
            created_at: timestamp(row.get(2)?),
            used: row.get::<_, Option<i64>>(3)?.is_some(),
            id: row.get::<_, String>(4)?.into(),
        };
        grants.credentials.insert(Hash::from_bytes(row.get(0)?), credential);
    }
    let mut statement = connection.prepare("SELECT hash, name, role, expires_at FROM viewer")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let viewer = ViewerToken {
            name: row.get(1)?,
            role: Role::from_name(&row.get::<_, String>(2)?),
            expires_at: row.get::<_, Option<i64>>(3)?.map(timestamp),
        };
        grants.viewers.insert(Hash::from_bytes(row.get(0)?), viewer);
    }
    let mut statement = connection.prepare("SELECT hash, viewer, session.expires_at FROM session")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let session = Session { viewer: row.get(1)?, expires_at: timestamp(row.get(2)?) };
        grants.sessions.insert(Hash::from_bytes(row.get(0)?), session);
    }
    Ok(grants)
}
