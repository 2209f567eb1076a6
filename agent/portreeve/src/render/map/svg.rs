//! The picture as SVG, to be put into a ticket.

use std::collections::{BTreeMap, BTreeSet};

use dugong::LayoutError;
use portreeve_core::order::{Gather as _, Order as _};
use portreeve_core::topology::{Edge, Group, GroupKind, Node, NodeKind, Relation, State, Topology};

use super::layout::{Draft, Page, Rect, lay_out};
use super::shape::{FONT, GREY, INK, Type, escaped, line, margin, mark, measure, outline, shortened, text};

/// Things that are drawn; a picture with more of them is read by nobody.
const MOST_NODES: usize = 60;
/// Lines of one thing that are drawn.
const MOST_LINES: usize = 6;
/// Columns of one line of a thing.
const MOST_COLUMNS: usize = 46;
/// Columns of the label of a line.
const MOST_LABEL: usize = 34;

/// Columns of the heading of a group.
const MOST_HEADING: u32 = 120;

const NAME: Type = Type { size: 12.5, bold: true, colour: INK, centred: false };
const LINE: Type = Type { size: 11.0, bold: false, colour: GREY, centred: false };
const LABEL: Type = Type { size: 10.0, bold: false, colour: INK, centred: true };
/// From one line of a thing to the next.
const LEADING: f64 = 15.0;
const LABEL_LEADING: f64 = 12.5;
/// Blanks around the picture.
const MARGIN: f64 = 24.0;
/// Room for the title.
const TITLE: f64 = 50.0;
const LEAST_WIDTH: f64 = 560.0;

/// What is drawn, and in which order.
struct Drawing<'a> {
    nodes: Vec<Drawn<'a>>,
    /// Groups that hold something that is drawn.
    groups: Vec<&'a Group>,
    edges: Vec<(usize, usize, &'a Edge)>,
    left_out: usize,
}

/// A thing, or an engine that holds none.
struct Drawn<'a> {
    kind: NodeKind,
    lines: &'a [String],
    state: Option<State>,
    group: Option<&'a str>,
}

/// An SVG document. Nothing in it is to be fetched, run or styled from outside; foreign text is text.
pub(crate) fn map_svg(topology: &Topology) -> Result<String, LayoutError> {
    let drawing = Drawing::of(topology);
    let page = lay_out(&drawing.draft())?;
    let mut body = String::new();
    let legend = Legend::of(&drawing);
    let right = page.nodes.iter().chain(&page.groups).map(Rect::right);
    let right = right.chain(page.routes.iter().filter_map(|route| route.label.map(|label| label.right())));
    let drawn_width = right.fold(0.0, f64::max);
    let bottom = page.nodes.iter().chain(&page.groups).map(Rect::bottom);
    let lowest = page.routes.iter().flat_map(|route| route.points.iter().map(|point| point.1));
    let drawn_height = bottom.chain(lowest).fold(0.0, f64::max);
    let width = drawn_width.max(LEAST_WIDTH);
    for (index, group) in drawing.groups.iter().enumerate() {
        let Some(at) = page.groups.get(index) else { continue };
        body.push_str(&group_box(group, *at));
    }
    for ((_, _, edge), route) in drawing.edges.iter().zip(&page.routes) {
        body.push_str(&line(edge.relation, &route.points));
    }
    for (node, at) in drawing.nodes.iter().zip(&page.nodes) {
        body.push_str(&thing(node, *at));
    }
    for (group, at) in drawing.groups.iter().zip(&page.groups) {
        body.push_str(&group_head(group, *at));
    }
    body.push_str(&labels(&drawing, &page));
    let (key, key_height) = legend.draw(drawn_height + 28.0, width);
    body.push_str(&key);
    let mut height = TITLE + drawn_height + 28.0 + key_height;
    if drawing.left_out > 0 {
        let words = format!("{} more things are not drawn; --format json has them", drawing.left_out);
        body.push_str(&text(0.0, height - TITLE + 4.0, LINE, &words));
        height += 16.0;
    }
    let host = topology.host.as_deref().unwrap_or("this node");
    let title = format!("Portreeve map of {}", shortened(host, MOST_COLUMNS));
    let taken = topology.taken_at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string();
    let (width, height) = (width + 2.0 * MARGIN, height + 2.0 * MARGIN);
    let head = Type { size: 16.0, ..NAME };
    Ok(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" viewBox=\"0 0 {width:.0} {height:.0}\" \
         role=\"img\" font-family=\"{FONT}\">\n<title>{}</title>\n<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n\
         <g transform=\"translate({MARGIN} {MARGIN})\">\n{}{}</g>\n<g transform=\"translate({MARGIN} {})\">\n{body}</g>\n</svg>\n",
        escaped(&format!("{title}, {taken}")),
        text(0.0, 14.0, head, &title),
        text(0.0, 31.0, LINE, &taken),
        MARGIN + TITLE,
    ))
}

impl<'a> Drawing<'a> {
    fn of(topology: &'a Topology) -> Self {
        let mut order: Vec<usize> = (0..topology.nodes.len()).collect();
        if order.len() > MOST_NODES {
            // What is looked for first stays: gateways and what leads to them.
            let rank = |kind: NodeKind| match kind {
                NodeKind::Gateway => 0,
                NodeKind::Port | NodeKind::Client | NodeKind::Proxy | NodeKind::Ingress | NodeKind::Process => 1,
                NodeKind::Unit | NodeKind::Container | NodeKind::Remote | NodeKind::Others => 2,
                NodeKind::Network | NodeKind::State => 3,
            };
            order.order_by_key(|&index| (topology.nodes.get(index).map(|node| rank(node.kind)), index));
            order.truncate(MOST_NODES);
            order.order();
        }
        let kept: Vec<&Node> = order.iter().filter_map(|&index| topology.nodes.get(index)).collect();
        let place: BTreeMap<&str, usize> =
            kept.iter().enumerate().map(|(place, node)| (node.id.as_str(), place)).gather();
        let mut nodes: Vec<Drawn<'_>> = kept
            .iter()
            .map(|node| Drawn { kind: node.kind, lines: &node.lines, state: node.state, group: node.group.as_deref() })
            .collect();
        let mut held: BTreeSet<&str> = kept.iter().filter_map(|node| node.group.as_deref()).gather();
        for group in topology.groups.iter().rev() {
            if let (true, Some(parent)) = (held.contains(group.id.as_str()), &group.parent) {
                held.insert(parent);
            }
        }
        for engine in topology.groups.iter().filter(|group| group.kind == GroupKind::Engine) {
            if !held.contains(engine.id.as_str()) && nodes.len() < MOST_NODES {
                nodes.push(Drawn { kind: NodeKind::Container, lines: &engine.lines, state: engine.state, group: None });
            }
        }
        let edges = topology
            .edges
            .iter()
            .filter_map(|edge| Some((*place.get(edge.from.as_str())?, *place.get(edge.to.as_str())?, edge)));
        let edges = edges.filter(|(from, to, _)| from != to).collect();
        let groups = topology.groups.iter().filter(|group| held.contains(group.id.as_str())).collect();
        Self { nodes, groups, edges, left_out: topology.nodes.len().saturating_sub(MOST_NODES) }
    }

    fn draft(&self) -> Draft {
        let group = |id: &str| self.groups.iter().position(|group| group.id == id);
        Draft {
            nodes: self.nodes.iter().map(size).collect(),
            group_of: self.nodes.iter().map(|node| node.group.and_then(group)).collect(),
            parents: self.groups.iter().map(|it| it.parent.as_deref().and_then(group)).collect(),
            edges: self.edges.iter().map(|(from, to, edge)| (*from, *to, label_size(edge))).collect(),
        }
    }
}

fn shown_lines(node: &Drawn<'_>) -> Vec<String> {
    node.lines.iter().take(MOST_LINES).map(|words| shortened(words, MOST_COLUMNS)).collect()
}

fn size(node: &Drawn<'_>) -> (f64, f64) {
    let lines = shown_lines(node);
    let marked = if node.state.is_some() { 18.0 } else { 0.0 };
    let widths = lines
        .iter()
        .enumerate()
        .map(|(index, words)| if index == 0 { measure(words, NAME.size) + marked } else { measure(words, LINE.size) });
    let width = widths.fold(0.0, f64::max);
    let height = f64::from(u32::try_from(lines.len()).unwrap_or(u32::MAX)) * LEADING;
    let (wider, higher) = margin(node.kind);
    (width + 24.0 + wider, height + 14.0 + higher)
}

fn thing(node: &Drawn<'_>, at: Rect) -> String {
    let mut out = format!("<g>\n<title>{}</title>\n", escaped(&full(node.lines)));
    out.push_str(&outline(node.kind, node.state, at));
    let (wider, higher) = margin(node.kind);
    let behind = if node.kind == NodeKind::Others { 3.0 } else { 0.0 };
    let left = at.left() + 12.0 + (wider / 2.0 - behind).max(0.0);
    let mut baseline = at.top() + 7.0 + 11.5 + if node.kind == NodeKind::Others { 0.0 } else { higher * 0.75 };
    for (index, words) in shown_lines(node).iter().enumerate() {
        let (mut x, look) = (left, if index == 0 { NAME } else { LINE });
        if let (0, Some(state)) = (index, node.state) {
            out.push_str(&mark(state, left + 5.0, baseline - 4.2));
            x += 18.0;
        }
        out.push_str(&text(x, baseline, look, words));
        baseline += LEADING;
    }
    out.push_str("</g>\n");
    out
}

/// All lines, for whoever points at a thing.
fn full(lines: &[String]) -> String {
    lines.iter().map(|words| shortened(words, 400)).collect::<Vec<_>>().join("\n")
}

fn group_colours(group: &Group) -> (&'static str, &'static str) {
    match group.kind {
        GroupKind::Host => ("#d1d9e0", "#f6f8fa"),
        GroupKind::Engine => ("#54aeff", "#f3f9ff"),
        GroupKind::Project => ("#afb8c1", "#ffffff"),
    }
}

fn group_box(group: &Group, at: Rect) -> String {
    let (stroke, fill) = group_colours(group);
    let dash = if group.state == Some(State::Written) { " stroke-dasharray=\"6 4\"" } else { "" };
    format!(
        "<g>\n<title>{}</title>\n<rect x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" rx=\"8\" fill=\"{fill}\" \
         stroke=\"{stroke}\" stroke-width=\"1.2\"{dash}/>\n</g>\n",
        escaped(&full(&group.lines)),
        at.left(),
        at.top(),
        at.width,
        at.height
    )
}

/// The heading of a group, over the lines that cross it.
fn group_head(group: &Group, at: Rect) -> String {
    let (left, y) = (at.left() + 8.0, at.top() + 16.0);
    let mut x = left + 3.0;
    let mut out = String::new();
    if let Some(state) = group.state {
        out.push_str(&mark(state, x + 5.0, y - 4.0));
        x += 16.0;
    }
    let (name, rest) = group.lines.split_first().map_or(("", &[][..]), |(name, rest)| (name.as_str(), rest));
    let look = Type { size: 11.5, ..NAME };
    let name = shortened(name, columns(at.right() - x - 10.0, look.size));
    out.push_str(&text(x, y, look, &name));
    x += measure(&name, look.size) + 10.0;
    let room = columns(at.right() - x - 10.0, 10.0);
    if room >= 8 && !rest.is_empty() {
        let rest = shortened(&rest.join(" · "), room);
        out.push_str(&text(x, y, Type { size: 10.0, ..LINE }, &rest));
        x += measure(&rest, 10.0) + 10.0;
    }
    let (_, fill) = group_colours(group);
    format!(
        "<rect x=\"{left:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"17\" fill=\"{fill}\" fill-opacity=\"0.88\"/>\n{out}",
        at.top() + 3.0,
        x - left - 6.0
    )
}

/// How many columns fit.
fn columns(room: f64, size: f64) -> usize {
    let mut columns = 0;
    while columns < MOST_HEADING && measure("m", size) * f64::from(columns + 1) <= room {
        columns += 1;
    }
    usize::try_from(columns).unwrap_or_default()
}

/// What a line says: its meaning, the token that goes along it, and its detail. What two groups of lines say by their look is left out.
fn label_lines(edge: &Edge) -> Vec<String> {
    let mut lines = Vec::new();
    if edge.relation != Relation::On {
        lines.push(edge.relation.to_string());
    }
    lines.extend(edge.token.as_ref().map(|token| format!("token {token}")));
    lines.extend(edge.detail.as_ref().map(|detail| shortened(detail, MOST_LABEL)));
    lines
}

fn label_size(edge: &Edge) -> (f64, f64) {
    let lines = label_lines(edge);
    let width = lines.iter().map(|words| measure(words, LABEL.size)).fold(0.0, f64::max);
    let height = f64::from(u32::try_from(lines.len()).unwrap_or(u32::MAX)) * LABEL_LEADING;
    if lines.is_empty() { (0.0, 0.0) } else { (width + 8.0, height + 4.0) }
}

fn labels(drawing: &Drawing<'_>, page: &Page) -> String {
    let mut out = String::new();
    for ((_, _, edge), route) in drawing.edges.iter().zip(&page.routes) {
        let Some(at) = route.label else { continue };
        out.push_str(&format!(
            "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" rx=\"3\" fill=\"#ffffff\" fill-opacity=\"0.88\"/>\n",
            at.left(),
            at.top(),
            at.width,
            at.height
        ));
        let (colour, _, _) = super::shape::stroke(edge.relation);
        let mut baseline = at.top() + 2.0 + 9.0;
        for words in label_lines(edge) {
            out.push_str(&text(at.x, baseline, Type { colour, ..LABEL }, &words));
            baseline += LABEL_LEADING;
        }
    }
    out
}

/// What the marks, forms and lines mean that are in the picture.
struct Legend {
    states: BTreeSet<State>,
    kinds: BTreeSet<NodeKind>,
    relations: BTreeSet<Relation>,
}

impl Legend {
    fn of(drawing: &Drawing<'_>) -> Self {
        let groups = drawing.groups.iter().filter_map(|group| group.state);
        Self {
            states: drawing.nodes.iter().filter_map(|node| node.state).chain(groups).collect(),
            kinds: drawing.nodes.iter().map(|node| node.kind).collect(),
            relations: drawing.edges.iter().map(|(_, _, edge)| edge.relation).collect(),
        }
    }

    fn draw(&self, top: f64, width: f64) -> (String, f64) {
        let states = self.states.iter().map(|state| (mark(*state, 17.0, 0.0), state.name().to_owned()));
        let at = Rect { x: 17.0, y: 0.0, width: 34.0, height: 15.0 };
        let kinds = self.kinds.iter().map(|kind| (outline(*kind, None, at), kind_name(*kind).to_owned()));
        let relations =
            self.relations.iter().map(|relation| (line(*relation, &[(0.0, 0.0), (34.0, 0.0)]), relation.to_string()));
        let mut out = format!("<path d=\"M0 {:.1}H{width:.1}\" stroke=\"#d1d9e0\" fill=\"none\"/>\n", top - 14.0);
        let mut y = top - 16.0;
        let rows: [Vec<(String, String)>; 3] = [states.collect(), kinds.collect(), relations.collect()];
        for row in rows.into_iter().filter(|row| !row.is_empty()) {
            let mut x = 0.0;
            y += 22.0;
            for (picture, words) in row {
                let wide = 40.0 + measure(&words, 10.0) + 18.0;
                if x + wide > width && x > 0.0 {
                    (x, y) = (0.0, y + 22.0);
                }
                out.push_str(&format!("<g transform=\"translate({x:.1} {:.1})\">\n{picture}</g>\n", y - 3.5));
                out.push_str(&text(x + 40.0, y, Type { size: 10.0, ..LINE }, &words));
                x += wide;
            }
        }
        (out, y - top + 10.0)
    }
}

fn kind_name(kind: NodeKind) -> &'static str {
    match kind {
        NodeKind::Client => "client",
        NodeKind::Ingress => "ingress",
        NodeKind::Proxy => "proxy",
        NodeKind::Port => "port",
        NodeKind::Gateway => "gateway",
        NodeKind::Process => "process",
        NodeKind::Container => "container or engine",
        NodeKind::Others => "several, counted",
        NodeKind::Unit => "unit",
        NodeKind::Network => "network",
        NodeKind::State => "state directory",
        NodeKind::Remote => "elsewhere",
    }
}
