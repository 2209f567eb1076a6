//! All nodes in memory: what most questions of the board are answered from.

mod brief;
mod node;

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

pub(crate) use brief::clipped;
pub use brief::{Accepted, Brief, FindingBrief, GatewayState, Image, MaintenanceBrief, QuarantineBrief};
pub use node::{LockWait, NodeKey, NodeSummary, Presence};

/// All nodes. Rebuilt from the database at start, and kept current by its writer after each commit.
#[derive(Default)]
pub struct Index {
    nodes: RwLock<Nodes>,
}

#[derive(Default)]
struct Nodes {
    by_key: HashMap<NodeKey, Arc<NodeSummary>>,
    by_id: HashMap<String, NodeKey>,
}

/// What changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change {
    /// A node: its report, its name, whether it is there. A beat alone is no change.
    Node(NodeKey),
    /// A node is no longer known.
    Forgotten(NodeKey),
    /// An event was recorded for a node.
    Event(NodeKey),
    /// What people decided on the board: a waiver, an acknowledgement, a maintenance.
    Decision(Option<NodeKey>),
    /// Many nodes at once: all is to be read anew.
    All,
}

impl Index {
    /// All nodes, in no order. A thousand take a tenth of a millisecond: nothing is copied but pointers.
    pub fn all(&self) -> Vec<Arc<NodeSummary>> {
        self.nodes.read().unwrap_or_else(PoisonError::into_inner).by_key.values().cloned().collect()
    }

    /// One node.
    pub fn get(&self, key: NodeKey) -> Option<Arc<NodeSummary>> {
        self.nodes.read().unwrap_or_else(PoisonError::into_inner).by_key.get(&key).cloned()
    }

    /// The node of an identity (`service.instance.id`).
    pub fn by_id(&self, id: &str) -> Option<Arc<NodeSummary>> {
        let nodes = self.nodes.read().unwrap_or_else(PoisonError::into_inner);
        nodes.by_id.get(id).and_then(|key| nodes.by_key.get(key)).cloned()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.nodes.read().unwrap_or_else(PoisonError::into_inner).by_key.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Puts nodes in, in place of what was known of them.
    pub fn put(&self, changed: impl IntoIterator<Item = Arc<NodeSummary>>) {
        let mut nodes = self.nodes.write().unwrap_or_else(PoisonError::into_inner);
        for node in changed {
            nodes.by_id.insert(node.id.clone(), node.key);
            nodes.by_key.insert(node.key, node);
        }
    }

    /// Takes a node out.
    pub fn remove(&self, key: NodeKey) {
        let mut nodes = self.nodes.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(node) = nodes.by_key.remove(&key) {
            nodes.by_id.remove(&node.id);
        }
    }

    /// Puts these nodes in place of all.
    pub fn replace(&self, all: Vec<Arc<NodeSummary>>) {
        let mut fresh = Nodes::default();
        for node in all {
            fresh.by_id.insert(node.id.clone(), node.key);
            fresh.by_key.insert(node.key, node);
        }
        *self.nodes.write().unwrap_or_else(PoisonError::into_inner) = fresh;
    }
}
