//! The picture of a node.

use portreeve_core::topology::{Edge, Node, NodeKind, Topology};

use crate::output::{BOLD, DIM, plain, styled};

/// For a terminal: each thing with the lines that leave it.
pub(crate) fn map_text(topology: &Topology) -> String {
    if topology.nodes.is_empty() {
        return "No gateway and no client is configured, installed or running here\n".to_owned();
    }
    let mut out = String::new();
    let mut nodes: Vec<&Node> = topology.nodes.iter().collect();
    nodes.sort_by_key(|node| node.kind);
    for node in nodes {
        let (head, rest) = node.lines.split_first().map_or(("", &[][..]), |(head, rest)| (head.as_str(), rest));
        out.push_str(&styled(BOLD, &plain(head)));
        if !rest.is_empty() {
            out.push_str(&format!("  {}", styled(DIM, &plain(&rest.join(" · ")))));
        }
        out.push('\n');
        let edges: Vec<&Edge> = topology.edges.iter().filter(|edge| edge.from == node.id).collect();
        for (index, edge) in edges.iter().enumerate() {
            let branch = if index + 1 == edges.len() { "└─" } else { "├─" };
            let token = edge.token.as_ref().map(|token| format!(" with token {token}")).unwrap_or_default();
            out.push_str(&format!("  {branch} {}{token} → {}\n", edge.relation, plain(&label(topology, &edge.to))));
        }
    }
    out
}

/// The first line of a thing; with all its lines where another thing has the same first line.
fn label(topology: &Topology, id: &str) -> String {
    let Some(node) = topology.nodes.iter().find(|node| node.id == id) else { return id.to_owned() };
    let alike = topology.nodes.iter().filter(|other| other.lines.first() == node.lines.first()).count();
    let lines = if alike > 1 { node.lines.as_slice() } else { node.lines.get(..1).unwrap_or_default() };
    lines.join(", ")
}

/// A Mermaid flowchart (<https://mermaid.js.org/syntax/flowchart.html>).
pub(crate) fn map_mermaid(topology: &Topology) -> String {
    let mut out = "flowchart LR\n".to_owned();
    for (index, node) in topology.nodes.iter().enumerate() {
        let text: Vec<String> = node.lines.iter().map(|line| quoted(line)).collect();
        let text = text.join("<br/>");
        let shape = match node.kind {
            NodeKind::Client => format!("([\"{text}\"])"),
            NodeKind::Port => format!("{{{{\"{text}\"}}}}"),
            NodeKind::Gateway | NodeKind::Process => format!("[\"{text}\"]"),
            NodeKind::Unit => format!("[/\"{text}\"/]"),
            NodeKind::State => format!("[(\"{text}\")]"),
            NodeKind::Remote => format!("((\"{text}\"))"),
        };
        out.push_str(&format!("    n{index}{shape}\n"));
    }
    let index_of = |id: &str| topology.nodes.iter().position(|node| node.id == id);
    for edge in &topology.edges {
        let (Some(from), Some(to)) = (index_of(&edge.from), index_of(&edge.to)) else { continue };
        let token = edge.token.as_ref().map(|token| format!(" {token}")).unwrap_or_default();
        out.push_str(&format!("    n{from} -->|\"{}{token}\"| n{to}\n", quoted(&edge.relation)));
    }
    out
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

#[cfg(test)]
mod tests {
    use super::*;

    fn topology() -> Topology {
        let node = |id: &str, kind, lines: &[&str]| Node {
            id: id.to_owned(),
            kind,
            lines: lines.iter().map(|line| (*line).to_owned()).collect(),
        };
        let edge = |from: &str, to: &str, relation: &str| Edge {
            from: from.to_owned(),
            to: to.to_owned(),
            relation: relation.to_owned(),
            token: None,
        };
        Topology {
            nodes: vec![
                node("client a", NodeKind::Client, &["command line of op", "/Users/op/.openclaw"]),
                node("port 18789", NodeKind::Port, &["port 18789", "127.0.0.1, ::1"]),
                node("gateway a", NodeKind::Gateway, &["gateway default", "pid 42", "evil \"]; <b>\u{1b}[2J"]),
            ],
            edges: vec![edge("client a", "port 18789", "connects"), edge("port 18789", "gateway a", "owned by")],
        }
    }

    #[test]
    fn text_shows_each_thing_with_its_lines() {
        let text = anstream::adapter::strip_str(&map_text(&topology())).to_string();
        insta::assert_snapshot!(text, @r#"
        command line of op  /Users/op/.openclaw
          └─ connects → port 18789
        port 18789  127.0.0.1, ::1
          └─ owned by → gateway default
        gateway default  pid 42 · evil "]; <b>\u{1b}[2J
        "#);
    }

    #[test]
    fn mermaid_cannot_be_broken_out_of() {
        insta::assert_snapshot!(map_mermaid(&topology()), @r#"
        flowchart LR
            n0(["command line of op<br/>/Users/op/.openclaw"])
            n1{{"port 18789<br/>127.0.0.1, ::1"}}
            n2["gateway default<br/>pid 42<br/>evil &quot;]; &lt;b&gt;\u{1b}[2J"]
            n0 -->|"connects"| n1
            n1 -->|"owned by"| n2
        "#);
    }
}
