//! What people decided on the board, in memory. It never travels to a node.

use std::collections::HashMap;

use jiff::Timestamp;

use crate::index::NodeKey;

/// A finding that is out of the board's verdict for a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiver {
    /// Number by which the database knows it.
    pub id: i64,
    /// The node; all nodes where there is none.
    pub node: Option<NodeKey>,
    /// Code of the finding.
    pub code: String,
    /// What it is about: `gateway 18789`; all of that code where it is left out.
    pub subject: Option<String>,
    /// Why.
    pub reason: String,
    /// Who decided it.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// When it ends by itself.
    pub until: Timestamp,
}

/// Somebody knows of a finding and looks after it. It changes no verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acknowledgement {
    /// Number by which the database knows it.
    pub id: i64,
    /// The node.
    pub node: NodeKey,
    /// Code of the finding.
    pub code: String,
    /// What it is about.
    pub subject: Option<String>,
    /// What is done about it.
    pub note: String,
    /// Who.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// Somebody works on a node. The verdict stands and is shown with a note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Maintenance {
    /// Number by which the database knows it.
    pub id: i64,
    /// The node.
    pub node: NodeKey,
    /// Why.
    pub reason: String,
    /// Who.
    pub by: String,
    /// When it was announced.
    pub at: Timestamp,
    /// When it ends by itself.
    pub until: Timestamp,
}

/// All that is in force, or was until it expired.
#[derive(Debug, Default)]
pub struct Decisions {
    waivers: HashMap<Option<NodeKey>, Vec<Waiver>>,
    acknowledgements: HashMap<NodeKey, Vec<Acknowledgement>>,
    maintenances: HashMap<NodeKey, Vec<Maintenance>>,
}

impl Waiver {
    /// Whether it speaks of this finding.
    pub fn covers(&self, code: &str, subject: &str) -> bool {
        self.code == code && self.subject.as_deref().is_none_or(|own| own == subject)
    }
}

impl Decisions {
    /// Sorts them by node.
    pub fn new(waivers: Vec<Waiver>, acknowledgements: Vec<Acknowledgement>, maintenances: Vec<Maintenance>) -> Self {
        let mut all = Self::default();
        for one in waivers {
            all.waivers.entry(one.node).or_default().push(one);
        }
        for one in acknowledgements {
            all.acknowledgements.entry(one.node).or_default().push(one);
        }
        for one in maintenances {
            all.maintenances.entry(one.node).or_default().push(one);
        }
        all
    }

    /// Waivers in force that may touch a node.
    pub(crate) fn waivers_of(&self, node: NodeKey, now: Timestamp) -> impl Iterator<Item = &Waiver> {
        let own = self.waivers.get(&Some(node)).into_iter().flatten();
        own.chain(self.waivers.get(&None).into_iter().flatten()).filter(move |waiver| waiver.until > now)
    }

    /// All waivers in force.
    pub(crate) fn waivers(&self, now: Timestamp) -> Vec<&Waiver> {
        let mut all: Vec<&Waiver> = self.waivers.values().flatten().filter(|waiver| waiver.until > now).collect();
        all.sort_by_key(|waiver| (waiver.until, waiver.id));
        all
    }

    /// Acknowledgements of a node's findings.
    pub(crate) fn acknowledgements_of(&self, node: NodeKey) -> &[Acknowledgement] {
        self.acknowledgements.get(&node).map_or(&[], Vec::as_slice)
    }

    /// The maintenance that a node is in, of several the one that lasts longest.
    pub(crate) fn maintenance_of(&self, node: NodeKey, now: Timestamp) -> Option<&Maintenance> {
        let all = self.maintenances.get(&node).into_iter().flatten();
        all.filter(|one| one.until > now).max_by_key(|one| one.until)
    }
}
