//! What the probe's own container differs in from its target.

use portreeve_core::fact::Outcome;
use portreeve_core::snapshot::NamespaceView;

/// What the engine says of the target's mounts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Mounts {
    /// Whether its own layer is read-only.
    pub(super) read_only_root: bool,
    /// Mount points, and whether they cannot be written.
    pub(super) read_only: Vec<(String, bool)>,
}

/// Says of each mount what is true of the target: the probe's own are all read-only.
pub(super) fn restore(view: &mut NamespaceView, mounts: &Mounts) {
    let Outcome::Known { value } = &mut view.mounts.outcome else { return };
    value.retain(|mount| mount.target != super::FOLDER);
    for mount in value {
        if mount.target == "/" {
            mount.read_only = mounts.read_only_root;
        } else if let Some((_, read_only)) = mounts.read_only.iter().find(|(target, _)| *target == mount.target) {
            mount.read_only = *read_only;
        }
    }
}
