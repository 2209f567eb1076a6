//! The picture of a node.

mod layout;
mod mermaid;
mod shape;
mod svg;
#[cfg(test)]
mod tests;
mod text;

use portreeve_core::topology::{Edge, GroupKind, Node, Topology};

pub(crate) use mermaid::map_mermaid;
pub(in crate::render) use shape::escaped;
pub(crate) use svg::map_svg;
#[cfg(test)]
pub(in crate::render) use tests::assert_well_formed;
pub(crate) use text::map_text;

/// Whether there is more than the node itself, so that saying what belongs to what is worth a heading.
fn has_groups(topology: &Topology) -> bool {
    topology.groups.iter().any(|group| group.kind != GroupKind::Host)
}

/// The first line of a thing; with all its lines where another thing has the same first line.
fn label(topology: &Topology, node: &Node) -> String {
    let alike = topology.nodes.iter().filter(|other| other.lines.first() == node.lines.first()).count();
    let lines = if alike > 1 { node.lines.as_slice() } else { node.lines.get(..1).unwrap_or_default() };
    lines.join(", ")
}

/// What a line means, with what goes along it.
fn meaning(edge: &Edge) -> String {
    let token = edge.token.as_ref().map(|token| format!(" with token {token}")).unwrap_or_default();
    format!("{}{token}", edge.relation)
}
