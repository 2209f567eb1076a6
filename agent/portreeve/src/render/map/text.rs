use portreeve_core::order::Order as _;
use portreeve_core::topology::{Edge, Group, GroupKind, Node, State, Topology};

use super::super::lists::nothing_found;
use super::super::text::paragraph;
use super::{has_groups, label, meaning};
use crate::output::{BAD, BOLD, DIM, GOOD, WARN, plain, styled};

/// For a terminal: each thing with the lines that leave it, by what it belongs to.
pub(crate) fn map_text(topology: &Topology, is_blind: bool, width: usize) -> String {
    let headed = has_groups(topology);
    if topology.nodes.is_empty() && !headed {
        return nothing_found(is_blind, width);
    }
    if !headed {
        let nodes: Vec<&Node> = topology.nodes.iter().collect();
        return things(topology, nodes, 0, width);
    }
    let mut parts: Vec<String> = Vec::new();
    for group in topology.groups.iter().filter(|group| group.parent.is_none()) {
        parts.extend(belonging(topology, group, 0, width));
    }
    let elsewhere: Vec<&Node> = topology.nodes.iter().filter(|node| node.group.is_none()).collect();
    if !elsewhere.is_empty() {
        parts.push(format!("{}\n{}", styled(BOLD, "Elsewhere"), things(topology, elsewhere, 2, width)));
    }
    parts.join("\n")
}

/// A group with what belongs to it, then each group within it.
fn belonging(topology: &Topology, group: &Group, indent: usize, width: usize) -> Vec<String> {
    let nodes: Vec<&Node> = topology.nodes.iter().filter(|node| node.group.as_ref() == Some(&group.id)).collect();
    let inner: Vec<String> = topology
        .groups
        .iter()
        .filter(|other| other.parent.as_ref() == Some(&group.id))
        .flat_map(|group| belonging(topology, group, indent + 2, width))
        .collect();
    let mut lines = group.lines.clone();
    if let (GroupKind::Host, Some(name)) = (group.kind, lines.first_mut()) {
        *name = format!("On {name} itself");
    }
    let mut own = head(&lines, group.state, indent, width);
    own.push_str(&things(topology, nodes, indent + 2, width));
    [own].into_iter().chain(inner).collect()
}

fn things(topology: &Topology, mut nodes: Vec<&Node>, indent: usize, width: usize) -> String {
    let mut out = String::new();
    nodes.order_by_key(|node| node.kind);
    for node in nodes {
        out.push_str(&head(&node.lines, node.state, indent, width));
        let edges: Vec<&Edge> = topology.edges.iter().filter(|edge| edge.from == node.id).collect();
        for (index, edge) in edges.iter().enumerate() {
            let branch = if index + 1 == edges.len() { "└─" } else { "├─" };
            let to = topology.nodes.iter().find(|node| node.id == edge.to);
            let to = to.map_or_else(|| edge.to.clone(), |node| label(topology, node));
            let pad = " ".repeat(indent + 2);
            let line = format!("{pad}{branch} {} → {}", meaning(edge), plain(&to));
            let detail = edge.detail.as_ref().map(|detail| format!("({})", plain(detail)));
            let stem = if index + 1 == edges.len() { ' ' } else { '│' };
            out.push_str(&match detail {
                None => format!("{line}\n"),
                Some(detail) if line.chars().count() + 1 + detail.chars().count() <= width => {
                    format!("{line} {detail}\n")
                }
                Some(detail) => format!("{line}\n{pad}{stem}    {detail}\n"),
            });
        }
    }
    out
}

/// The first line, and the others beside it where there is room, else below it.
fn head(lines: &[String], state: Option<State>, indent: usize, width: usize) -> String {
    let Some((first, rest)) = lines.split_first() else { return String::new() };
    let style = match state {
        Some(State::Running) => GOOD,
        Some(State::Troubled | State::Unknown) => WARN,
        Some(State::Stopped) => BAD,
        Some(State::Ended | State::Written) | None => DIM,
    };
    let pad = " ".repeat(indent);
    let mut out = format!("{pad}{}", styled(BOLD, &plain(first)));
    let joined = plain(&rest.join(" · "));
    if rest.is_empty() {
        out.push('\n');
    } else if indent + plain(first).chars().count() + 2 + joined.chars().count() <= width {
        let mut words: Vec<String> = rest.iter().map(|line| styled(DIM, &plain(line))).collect();
        if let (Some(words), Some(word)) = (words.first_mut(), rest.first()) {
            *words = styled(style, &plain(word));
        }
        out.push_str(&format!("  {}\n", words.join(&styled(DIM, " · "))));
    } else {
        let (word, more) = rest.split_first().map_or(("", &[][..]), |(word, more)| (word.as_str(), more));
        out.push_str(&format!("  {}\n", styled(style, &plain(word))));
        for line in paragraph(&more.join(" · "), indent + 4, width).lines() {
            out.push_str(&format!("{}\n", styled(DIM, line)));
        }
    }
    out
}
