//! Why an accepted node must be accepted anew.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::baseline::Baseline;
use super::record::AcceptedNode;
use crate::snapshot::{Snapshot, SystemVersion};

/// What became another since the node was accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Occasion {
    /// The operating system's build; on Linux the kernel's release.
    SystemChanged {
        /// What was accepted.
        from: SystemVersion,
        /// What runs.
        to: SystemVersion,
    },
    /// The hardware: the node was moved, or this is a copy of it.
    HardwareChanged,
    /// The agent's folder is another one: it was restored from a backup, or copied.
    Restored,
    /// `OpenClaw` was upgraded or downgraded.
    OpenclawChanged {
        /// The gateway.
        gateway: String,
        /// What was accepted.
        from: String,
        /// What runs.
        to: String,
    },
    /// A container engine was upgraded or downgraded.
    EngineChanged {
        /// The engine.
        engine: String,
        /// Its product.
        name: String,
        /// What was accepted.
        from: String,
        /// What runs.
        to: String,
    },
}

impl Occasion {
    /// In words.
    pub fn summary(&self) -> String {
        match self {
            Self::SystemChanged { from, to } if (&from.name, &from.version) == (&to.name, &to.version) => {
                format!("build of {} {}: {} → {}", to.name, to.version, from.build, to.build)
            }
            Self::SystemChanged { from, to } => {
                format!(
                    "{} {} (build {}) → {} {} (build {})",
                    from.name, from.version, from.build, to.name, to.version, to.build
                )
            }
            Self::HardwareChanged => {
                "the hardware is another one: the node was moved, or this is a copy of it".to_owned()
            }
            Self::Restored => "the agent's folder was restored from a backup, or copied".to_owned(),
            Self::OpenclawChanged { gateway, from, to } => format!("OpenClaw of gateway {gateway}: {from} → {to}"),
            Self::EngineChanged { engine, name, from, to } => format!("{name} ({engine}): {from} → {to}"),
        }
    }

    /// In a few words, for one line.
    pub fn brief(&self) -> String {
        match self {
            Self::SystemChanged { from, to } => format!("build {} → {}", from.build, to.build),
            Self::HardwareChanged => "other hardware".to_owned(),
            Self::Restored => "restored or copied".to_owned(),
            Self::OpenclawChanged { from, to, .. } => format!("OpenClaw {from} → {to}"),
            Self::EngineChanged { name, from, to, .. } => format!("{name} {from} → {to}"),
        }
    }

    /// Whether only a person can say that this is the node that was accepted.
    pub fn needs_consent(&self) -> bool {
        *self == Self::HardwareChanged
    }
}

/// Whether fingerprints of the record and of the snapshot were made with one key, so that they can be compared; none where either is not
/// told.
pub fn same_key(accepted: &AcceptedNode, snapshot: &Snapshot) -> Option<bool> {
    Some(*accepted.folder.as_ref()?.key.as_ref()? == *snapshot.data_folder.as_ref()?.key.as_ref()?)
}

/// Everything that makes this node another than the accepted one. What is not seen now makes none.
pub fn occasions(accepted: &AcceptedNode, snapshot: &Snapshot) -> Vec<Occasion> {
    let mut found = Vec::new();
    let (before, after) = (&*accepted.baseline, &Baseline::of(snapshot));
    if let (Some(from), Some(to)) = (&before.system, &after.system)
        && (from.name != to.name || from.build != to.build)
    {
        found.push(Occasion::SystemChanged { from: from.clone(), to: to.clone() });
    }
    let moved = accepted.hardware.as_ref().zip(snapshot.node.id.get()).is_some_and(|(from, to)| from != to);
    if moved && same_key(accepted, snapshot) != Some(false) {
        found.push(Occasion::HardwareChanged);
    } else if let (Some(from), Some(to)) = (&accepted.folder, &snapshot.data_folder)
        && from.inode.zip(to.inode).is_some_and(|(from, to)| from != to)
    {
        found.push(Occasion::Restored);
    }
    for (id, was) in &before.gateways {
        let now = after.gateways.get(id).and_then(|gateway| gateway.version.as_ref());
        if let (Some(from), Some(to)) = (&was.version, now)
            && from != to
        {
            found.push(Occasion::OpenclawChanged { gateway: id.clone(), from: from.clone(), to: to.clone() });
        }
    }
    for (id, was) in before.engines.iter().filter(|(_, was)| was.needed) {
        let now = after.engines.get(id).and_then(|engine| engine.version.as_ref());
        if let (Some(from), Some(to)) = (&was.version, now)
            && from != to
        {
            let name = was.kind.name().to_owned();
            found.push(Occasion::EngineChanged { engine: id.clone(), name, from: from.clone(), to: to.clone() });
        }
    }
    found
}
