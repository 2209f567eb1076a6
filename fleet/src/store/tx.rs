//! One transaction of the writer, shared by all the work that waited for it.

use std::collections::{HashMap, HashSet};
use std::ops::Deref;
use std::sync::Arc;

use jiff::Timestamp;
use rusqlite::Connection;

use super::writer::Shared;
use super::{StoreError, audit};
use crate::auth::AccessChange;
use crate::index::{Change, NodeKey, NodeSummary};

/// One transaction. It is the connection too: `tx.execute(…)`.
///
/// What it says of nodes and of who may do what reaches the index once it is committed.
pub struct Tx<'a> {
    pub(super) connection: &'a Connection,
    pub(super) shared: &'a Shared,
    /// What earlier work of this transaction said.
    pub(super) batch: &'a Effects,
    /// What this work says.
    pub(super) own: Effects,
    /// Whether the disk did not take what this work was to write.
    pub(super) is_broken: bool,
    now: Timestamp,
}

/// What a transaction means for what is in memory.
#[derive(Default)]
pub(super) struct Effects {
    nodes: HashMap<NodeKey, Option<Arc<NodeSummary>>>,
    access: Vec<AccessChange>,
    changes: Vec<Change>,
}

impl<'a> Tx<'a> {
    pub(super) fn new(connection: &'a Connection, shared: &'a Shared, batch: &'a Effects) -> Self {
        Self { connection, shared, batch, own: Effects::default(), is_broken: false, now: Timestamp::now() }
    }

    /// The connection.
    pub fn connection(&self) -> &'a Connection {
        self.connection
    }

    /// What the writer keeps in memory.
    pub fn shared(&self) -> &'a Shared {
        self.shared
    }

    /// The time of this work: the same for all that it writes.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// A node, as this transaction leaves it so far.
    pub fn node(&self, key: NodeKey) -> Option<Arc<NodeSummary>> {
        let said = self.own.nodes.get(&key).or_else(|| self.batch.nodes.get(&key));
        said.map_or_else(|| self.shared.index.get(key), Clone::clone)
    }

    /// All nodes, as this transaction leaves them so far.
    pub fn nodes(&self) -> Vec<Arc<NodeSummary>> {
        let said = || self.batch.nodes.iter().chain(&self.own.nodes);
        let touched: HashSet<NodeKey> = said().map(|(key, _)| *key).collect();
        let mut all: Vec<_> = self.shared.index.all().into_iter().filter(|node| !touched.contains(&node.key)).collect();
        all.extend(touched.into_iter().filter_map(|key| self.node(key)));
        all
    }

    /// Says what a node is now.
    pub fn put(&mut self, node: NodeSummary) {
        self.own.nodes.insert(node.key, Some(Arc::new(node)));
    }

    /// Says that a node is no more.
    pub fn remove(&mut self, key: NodeKey) {
        self.own.nodes.insert(key, None);
        self.tell(Change::Forgotten(key));
    }

    /// Says who may do what from now on.
    pub fn access(&mut self, change: AccessChange) {
        self.own.access.push(change);
    }

    /// Tells those who watch.
    pub fn tell(&mut self, change: Change) {
        if !self.own.changes.contains(&change) {
            self.own.changes.push(change);
        }
    }

    /// Writes down who did what.
    pub fn audit(&self, entry: &audit::Entry) -> Result<(), StoreError> {
        audit::record(self.connection, self.now, entry)
    }

    /// Whether the work is to be kept. Notes whether it failed for the disk.
    pub(super) fn settled<T>(&mut self, outcome: &Result<T, StoreError>) -> bool {
        self.is_broken |= outcome.as_ref().is_err_and(StoreError::is_of_disk);
        outcome.is_ok()
    }
}

impl Deref for Tx<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.connection
    }
}

impl Effects {
    /// Adds what later work said.
    pub(super) fn extend(&mut self, later: Self) {
        self.nodes.extend(later.nodes);
        self.access.extend(later.access);
        for change in later.changes {
            if !self.changes.contains(&change) {
                self.changes.push(change);
            }
        }
    }

    /// Puts it into memory, now that it is committed, and tells those who watch.
    pub(super) fn apply(self, shared: &Shared) {
        shared.access.apply(self.access);
        let mut put = Vec::with_capacity(self.nodes.len());
        for (key, node) in self.nodes {
            match node {
                Some(node) => put.push(node),
                None => shared.index.remove(key),
            }
        }
        shared.index.put(put);
        for change in self.changes {
            // Without a receiver nobody watches.
            drop(shared.changes.send(change));
        }
    }
}
