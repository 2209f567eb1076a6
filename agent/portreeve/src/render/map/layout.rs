//! Where things lie on a page: the layered layout of dagre.

use std::collections::{BTreeMap, BTreeSet};

use dugong::graphlib::{Graph, GraphOptions};
use dugong::{EdgeLabel, GraphLabel, LabelPos, LayoutError, NodeLabel, RankDir, WorkControl, WorkError};
use portreeve_core::order::Order as _;

/// Blanks between things beside each other.
const NODE_GAP: f64 = 34.0;
/// Blanks between things one after the other.
const RANK_GAP: f64 = 56.0;
/// Room in which a line turns to a side of a box.
const TURN: f64 = 44.0;
/// Room for the heading of a group above the headings of the groups in it.
const HEADING: f64 = 18.0;
/// Steps that one layout may take: some hundred things and lines take a fiftieth.
const MOST_WORK: usize = 20_000_000;

/// A box, by its centre.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Rect {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) width: f64,
    pub(super) height: f64,
}

impl Rect {
    pub(super) fn left(&self) -> f64 {
        self.x - self.width / 2.0
    }

    pub(super) fn top(&self) -> f64 {
        self.y - self.height / 2.0
    }

    pub(super) fn right(&self) -> f64 {
        self.x + self.width / 2.0
    }

    pub(super) fn bottom(&self) -> f64 {
        self.y + self.height / 2.0
    }
}

/// A line on the page.
#[derive(Debug, Clone, Default)]
pub(super) struct Route {
    /// Its corners, from the edge of one box to that of the other.
    pub(super) points: Vec<(f64, f64)>,
    /// Where its label lies.
    pub(super) label: Option<Rect>,
}

/// What is to be laid out. Boxes are known by their index.
#[derive(Debug, Default)]
pub(super) struct Draft {
    /// Size of each thing.
    pub(super) nodes: Vec<(f64, f64)>,
    /// The group of each thing.
    pub(super) group_of: Vec<Option<usize>>,
    /// The group around each group; each group has a thing or a group in it.
    pub(super) parents: Vec<Option<usize>>,
    /// From, to, and the size of the label.
    pub(super) edges: Vec<(usize, usize, (f64, f64))>,
}

/// Places for everything in a draft, in its order.
#[derive(Debug, Default)]
pub(super) struct Page {
    pub(super) nodes: Vec<Rect>,
    pub(super) groups: Vec<Rect>,
    pub(super) routes: Vec<Route>,
}

/// One end of a line at a side of a box.
struct End {
    /// Height of the corner next to it.
    towards: f64,
    edge: usize,
    leaves: bool,
}

struct Budget(usize);

impl WorkControl for Budget {
    fn charge(&mut self, units: usize) -> Result<(), WorkError> {
        self.0 = self.0.checked_sub(units).ok_or(WorkError::Interrupted)?;
        Ok(())
    }
}

/// From left to right, things of one group together.
pub(super) fn lay_out(draft: &Draft) -> Result<Page, LayoutError> {
    let options = GraphOptions { multigraph: true, compound: true, directed: true };
    let mut graph: Graph<NodeLabel, EdgeLabel, GraphLabel> = Graph::new(options);
    graph.set_graph(GraphLabel {
        rankdir: RankDir::LR,
        nodesep: NODE_GAP,
        edgesep: NODE_GAP / 2.0,
        ranksep: RANK_GAP,
        ..GraphLabel::default()
    });
    let (node_id, group_id) = (|index: usize| format!("n{index}"), |index: usize| format!("g{index}"));
    for index in 0..draft.parents.len() {
        graph.set_node(group_id(index), NodeLabel::default());
    }
    for (index, parent) in draft.parents.iter().enumerate() {
        if let Some(parent) = parent {
            graph.set_parent(group_id(index), group_id(*parent));
        }
    }
    for (index, ((width, height), group)) in draft.nodes.iter().zip(&draft.group_of).enumerate() {
        graph.set_node(node_id(index), NodeLabel { width: *width, height: *height, ..NodeLabel::default() });
        if let Some(group) = group {
            graph.set_parent(node_id(index), group_id(*group));
        }
    }
    for (index, (from, to, (width, height))) in draft.edges.iter().enumerate() {
        let label =
            EdgeLabel { width: *width, height: *height, labelpos: LabelPos::C, weight: 1.0, ..EdgeLabel::default() };
        graph.set_edge_named(node_id(*from), node_id(*to), Some(format!("e{index}")), Some(label));
    }
    dugong::layout_controlled(&mut graph, &mut Budget(MOST_WORK))?;
    let place = |id: &str| {
        graph.node(id).map_or_else(Rect::default, |node| Rect {
            x: node.x.unwrap_or_default(),
            y: node.y.unwrap_or_default(),
            width: node.width,
            height: node.height,
        })
    };
    let mut routes: BTreeMap<usize, Route> = BTreeMap::new();
    for (index, (from, to, (width, height))) in draft.edges.iter().enumerate() {
        let Some(edge) = graph.edge(&node_id(*from), &node_id(*to), Some(&format!("e{index}"))) else { continue };
        let label = edge.x.zip(edge.y).map(|(x, y)| Rect { x, y, width: *width, height: *height });
        let points = edge.points.iter().map(|point| (point.x, point.y)).collect();
        routes.insert(index, Route { points, label: label.filter(|_| *width > 0.0) });
    }
    let mut page = Page {
        nodes: (0..draft.nodes.len()).map(|index| place(&node_id(index))).collect(),
        groups: (0..draft.parents.len()).map(|index| place(&group_id(index))).collect(),
        routes: (0..draft.edges.len()).map(|index| routes.remove(&index).unwrap_or_default()).collect(),
    };
    for index in draft.parents.iter().flatten().collect::<BTreeSet<_>>() {
        if let Some(around) = page.groups.get_mut(*index) {
            around.height += HEADING;
            around.y -= HEADING / 2.0;
        }
    }
    page.attach(draft);
    Ok(page)
}

impl Page {
    /// Lets lines begin and end at the sides of boxes, one below the other in the order in which they arrive: a line that comes in from
    /// above would cross what lies there.
    fn attach(&mut self, draft: &Draft) {
        let mut sides: BTreeMap<(usize, bool), Vec<End>> = BTreeMap::new();
        for (index, ((from, to, _), route)) in draft.edges.iter().zip(&self.routes).enumerate() {
            let (Some(source), Some(target)) = (self.nodes.get(*from), self.nodes.get(*to)) else { continue };
            let rightwards = source.x <= target.x;
            let near = |point: Option<&(f64, f64)>, other: &Rect| point.map_or(other.y, |point| point.1);
            let leaving = near(route.points.get(1), target);
            let arriving = near(route.points.len().checked_sub(2).and_then(|at| route.points.get(at)), source);
            sides.entry((*from, rightwards)).or_default().push(End { towards: leaving, edge: index, leaves: true });
            sides.entry((*to, !rightwards)).or_default().push(End { towards: arriving, edge: index, leaves: false });
        }
        for ((node, right), mut ends) in sides {
            let Some(at) = self.nodes.get(node) else { continue };
            ends.order_by(|a, b| a.towards.total_cmp(&b.towards).then(a.edge.cmp(&b.edge)));
            let step = at.height / f64::from(u32::try_from(ends.len() + 1).unwrap_or(u32::MAX));
            let mut y = at.top();
            for End { edge, leaves, .. } in ends {
                y += step;
                let end = (if right { at.right() } else { at.left() }, y);
                let Some(route) = self.routes.get_mut(edge) else { continue };
                let slot = if leaves { route.points.first_mut() } else { route.points.last_mut() };
                if let Some(slot) = slot {
                    *slot = end;
                }
            }
        }
        for route in &mut self.routes {
            let (Some(first), Some(last)) = (route.points.first().copied(), route.points.last().copied()) else {
                continue;
            };
            let mut place = 0;
            let corners = route.points.len();
            route.points.retain(|point| {
                place += 1;
                let inner = place > 1 && place < corners;
                !inner || (point.0 - first.0).abs() >= TURN && (point.0 - last.0).abs() >= TURN
            });
        }
    }
}
