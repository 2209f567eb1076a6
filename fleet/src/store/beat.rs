//! That a node was heard of.

use std::sync::Arc;

use jiff::Timestamp;
use rusqlite::params;

use super::{StoreError, Tx, events, millis};
use crate::auth::{AccessChange, Credential, Hash};
use crate::index::{Change, NodeKey, NodeSummary, Presence};

/// A request of a node.
pub struct Beat {
    /// The node.
    pub node: NodeKey,
    /// The hash of the credential that it used.
    pub hash: Hash,
    /// Whether the credential was not used before, as far as that is known.
    pub is_first: bool,
    /// When it came.
    pub received_at: Timestamp,
    /// Version of the agent, as the resource tells.
    pub agent_version: Option<String>,
    /// Host name, as the resource tells.
    pub hostname: Option<String>,
}

/// What is told of a node besides that it was heard of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct News {
    /// Something that the index holds is another.
    pub changed: bool,
    /// An event was recorded.
    pub event: bool,
}

/// Writes down that a node was heard of. Fails where it may no longer write.
pub fn record(tx: &mut Tx<'_>, beat: &Beat) -> Result<(NodeSummary, News), StoreError> {
    let known = tx.node(beat.node).filter(|node| node.revoked_at.is_none());
    let mut node = known.map(Arc::unwrap_or_clone).ok_or_else(|| StoreError::Refused("revoked".to_owned()))?;
    let mut news = News::default();
    if beat.is_first {
        first_use(tx, beat, &node)?;
    }
    if node.presence != Presence::Present {
        if node.presence == Presence::Absent {
            events::own(tx, node.key, events::RETURNED, beat.received_at)?;
            news.event = true;
        }
        node.presence = Presence::Present;
        node.presence_since = beat.received_at;
        news.changed = true;
    }
    node.last_seen = Some(beat.received_at);
    let agent_version = beat.agent_version.as_ref().filter(|version| **version != node.agent_version);
    let hostname = beat.hostname.as_ref().filter(|hostname| **hostname != node.hostname);
    if agent_version.is_some() || hostname.is_some() {
        node.agent_version = agent_version.cloned().unwrap_or(node.agent_version);
        node.hostname = hostname.cloned().unwrap_or(node.hostname);
        tx.prepare_cached("UPDATE node SET agent_version = ?, hostname = ? WHERE key = ?")?.execute(params![
            node.agent_version,
            node.hostname,
            node.key.0
        ])?;
        news.changed = true;
    }
    Ok((node, news))
}

/// Writes down what is known of a node now, and tells those who watch if it is news.
pub fn put(tx: &mut Tx<'_>, node: NodeSummary, news: News) -> Result<(), StoreError> {
    let lock_wait = node.lock_wait.as_ref().map(serde_json::to_string).transpose();
    tx.prepare_cached(
        "UPDATE presence SET last_seen = ?, state = ?, since = ?, interval_s = ?, clock_ahead_s = ?, lock_wait = ?
         WHERE node = ?",
    )?
    .execute(params![
        node.last_seen.map(millis),
        node.presence.name(),
        millis(node.presence_since),
        node.interval_s,
        node.clock_ahead_s,
        lock_wait.map_err(|_| StoreError::Corrupt("a wait for a lock is no JSON"))?,
        node.key.0
    ])?;
    let key = node.key;
    tx.put(node);
    if news.changed {
        tx.tell(Change::Node(key));
    }
    if news.event {
        tx.tell(Change::Event(key));
    }
    Ok(())
}

/// A credential that is used for the first time ends those before it.
fn first_use(tx: &mut Tx<'_>, beat: &Beat, node: &NodeSummary) -> Result<(), StoreError> {
    let row: (i64, Option<i64>) =
        tx.query_row("SELECT created_at, used_at FROM credential WHERE hash = ?", [beat.hash.bytes()], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
    if row.1.is_some() {
        return Ok(());
    }
    let mut statement =
        tx.connection.prepare_cached("SELECT hash FROM credential WHERE node = ? AND hash <> ? AND created_at <= ?")?;
    let older = statement
        .query_map(params![node.key.0, beat.hash.bytes(), row.0], |row| Ok(Hash::from_bytes(row.get(0)?)))?
        .collect::<Result<Vec<_>, _>>()?;
    for hash in older {
        tx.execute("DELETE FROM credential WHERE hash = ?", [hash.bytes()])?;
        tx.access(AccessChange::CredentialEnded(hash));
    }
    tx.execute(
        "UPDATE credential SET used_at = ? WHERE hash = ?",
        params![millis(beat.received_at), beat.hash.bytes()],
    )?;
    let id: Arc<str> = node.id.as_str().into();
    let credential = Credential { node: node.key, created_at: super::timestamp(row.0), used: true, id };
    tx.access(AccessChange::Credential(beat.hash, credential));
    Ok(())
}
