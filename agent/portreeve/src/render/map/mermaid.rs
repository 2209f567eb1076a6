use portreeve_core::topology::{Node, NodeKind, Relation, Topology};

use super::{has_groups, meaning};
use crate::output::plain;

/// A Mermaid flowchart (<https://mermaid.js.org/syntax/flowchart.html>).
pub(crate) fn map_mermaid(topology: &Topology) -> String {
    let mut out = "flowchart LR\n".to_owned();
    if has_groups(topology) {
        for group in topology.groups.iter().filter(|group| group.parent.is_none()) {
            subgraph(topology, &group.id, 1, &mut out);
        }
        for (index, node) in topology.nodes.iter().enumerate().filter(|(_, node)| node.group.is_none()) {
            out.push_str(&thing(index, node, 1));
        }
    } else {
        for (index, node) in topology.nodes.iter().enumerate() {
            out.push_str(&thing(index, node, 1));
        }
    }
    let index_of = |id: &str| topology.nodes.iter().position(|node| node.id == id);
    for edge in &topology.edges {
        let (Some(from), Some(to)) = (index_of(&edge.from), index_of(&edge.to)) else { continue };
        let arrow = match edge.relation {
            Relation::On | Relation::InNetworkOf => "-.-",
            Relation::ConfiguredFor => "-.->",
            _ => "-->",
        };
        let detail = edge.detail.as_ref().map(|detail| format!("<br/>{}", quoted(detail))).unwrap_or_default();
        out.push_str(&format!("    n{from} {arrow}|\"{}{detail}\"| n{to}\n", quoted(&meaning(edge))));
    }
    out
}

fn subgraph(topology: &Topology, id: &str, depth: usize, out: &mut String) {
    let Some((index, group)) = topology.groups.iter().enumerate().find(|(_, group)| group.id == id) else { return };
    let pad = "    ".repeat(depth);
    let text: Vec<String> = group.lines.iter().map(|line| quoted(line)).collect();
    out.push_str(&format!("{pad}subgraph g{index}[\"{}\"]\n", text.join("<br/>")));
    for (index, node) in topology.nodes.iter().enumerate().filter(|(_, node)| node.group.as_deref() == Some(id)) {
        out.push_str(&thing(index, node, depth + 1));
    }
    for inner in topology.groups.iter().filter(|group| group.parent.as_deref() == Some(id)) {
        subgraph(topology, &inner.id, depth + 1, out);
    }
    out.push_str(&format!("{pad}end\n"));
}

fn thing(index: usize, node: &Node, depth: usize) -> String {
    let text: Vec<String> = node.lines.iter().map(|line| quoted(line)).collect();
    let text = text.join("<br/>");
    let shape = match node.kind {
        NodeKind::Client => format!("([\"{text}\"])"),
        NodeKind::Port => format!("{{{{\"{text}\"}}}}"),
        NodeKind::Gateway | NodeKind::Process | NodeKind::Container => format!("[\"{text}\"]"),
        NodeKind::Proxy | NodeKind::Others => format!("[[\"{text}\"]]"),
        NodeKind::Ingress => format!(">\"{text}\"]"),
        NodeKind::Unit => format!("[/\"{text}\"/]"),
        NodeKind::Network => format!("(\"{text}\")"),
        NodeKind::State => format!("[(\"{text}\")]"),
        NodeKind::Remote => format!("((\"{text}\"))"),
    };
    format!("{}n{index}{shape}\n", "    ".repeat(depth))
}

/// Text inside a quoted Mermaid label: entities instead of what would end or restyle it.
fn quoted(text: &str) -> String {
    plain(text)
        .replace('&', "&amp;")
        .replace('"', "&quot;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('#', "&num;")
        .replace('\n', " ")
}
