//! The pieces of an SVG: text, boxes by kind, marks by state, lines by relation.
//!
//! Everything is a presentation attribute: no script, no style sheet, no id and nothing to fetch, so that the picture looks the same in a
//! page of its own, inside another page, and in a ticket system that cleans what it is given.

use portreeve_core::topology::{NodeKind, Relation, State};

use super::layout::Rect;
use crate::output::plain;

/// One column of the text at size 1: what fixed-width fonts have in common.
const COLUMN: f64 = 0.6021;
pub(super) const FONT: &str = "ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace";
pub(super) const INK: &str = "#1f2328";
pub(super) const GREY: &str = "#59636e";

/// The width of a line of text.
pub(super) fn measure(text: &str, size: f64) -> f64 {
    f64::from(u32::try_from(textwrap::core::display_width(text)).unwrap_or(u32::MAX)) * size * COLUMN
}

/// At most so many columns of one line of foreign text, its middle left out.
pub(super) fn shortened(text: &str, columns: usize) -> String {
    let text = plain(text);
    let count = text.chars().count();
    if textwrap::core::display_width(&text) <= columns {
        return text;
    }
    // A character is up to two columns wide.
    let keep = if textwrap::core::display_width(&text) > count { columns / 2 } else { columns };
    let tail = keep / 2;
    let head: String = text.chars().take(keep.saturating_sub(tail + 1)).collect();
    let tail: String = text.chars().skip(count.saturating_sub(tail)).collect();
    format!("{head}…{tail}")
}

/// Text as XML has it. [`plain`] comes first: XML has no form for control characters.
pub(in crate::render) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

/// How a line of text looks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Type {
    pub(super) size: f64,
    pub(super) bold: bool,
    pub(super) colour: &'static str,
    pub(super) centred: bool,
}

/// A line of text from the left, or about a centre.
pub(super) fn text(x: f64, y: f64, look: Type, words: &str) -> String {
    let weight = if look.bold { " font-weight=\"600\"" } else { "" };
    let anchor = if look.centred { " text-anchor=\"middle\"" } else { "" };
    format!(
        "<text x=\"{x:.1}\" y=\"{y:.1}\" font-size=\"{}\" fill=\"{}\"{weight}{anchor} xml:space=\"preserve\">{}</text>\n",
        look.size,
        look.colour,
        escaped(words)
    )
}

/// Colours of a state: line, fill. Each is told by a mark and by words as well.
fn colours(state: Option<State>, kind: NodeKind) -> (&'static str, &'static str) {
    match (state, kind) {
        (Some(State::Running), _) => ("#1a7f37", "#f0fdf4"),
        (Some(State::Troubled), _) => ("#9a6700", "#fff8c5"),
        (Some(State::Stopped), _) => ("#cf222e", "#ffebe9"),
        (Some(State::Ended), _) => ("#59636e", "#f6f8fa"),
        (Some(State::Written), _) => ("#0969da", "#ffffff"),
        (None, NodeKind::Network) => ("#0550ae", "#ddf4ff"),
        (Some(State::Unknown) | None, _) => ("#59636e", "#ffffff"),
    }
}

/// How much wider and higher than its text a kind of box is.
pub(super) fn margin(kind: NodeKind) -> (f64, f64) {
    match kind {
        NodeKind::Port | NodeKind::Ingress | NodeKind::Unit => (24.0, 0.0),
        NodeKind::Proxy => (16.0, 0.0),
        NodeKind::State => (0.0, 14.0),
        NodeKind::Others => (6.0, 6.0),
        _ => (0.0, 0.0),
    }
}

/// A box whose form tells the kind and whose colour tells the state.
pub(super) fn outline(kind: NodeKind, state: Option<State>, at: Rect) -> String {
    let (stroke, fill) = colours(state, kind);
    let (left, top, right, bottom) = (at.left(), at.top(), at.right(), at.bottom());
    let dashed = matches!(state, Some(State::Written | State::Unknown)) || kind == NodeKind::Remote;
    let dash = if dashed { " stroke-dasharray=\"5 3\"" } else { "" };
    let weight = if kind == NodeKind::Gateway { 2.6 } else { 1.4 };
    let look = format!("fill=\"{fill}\" stroke=\"{stroke}\" stroke-width=\"{weight}\"{dash}");
    let rect = |at: Rect, radius: f64| {
        format!(
            "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" rx=\"{radius:.1}\" {look}/>\n",
            at.left(),
            at.top(),
            at.width,
            at.height
        )
    };
    let polygon = |points: &[(f64, f64)]| {
        let points: Vec<String> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        format!("<polygon points=\"{}\" stroke-linejoin=\"round\" {look}/>\n", points.join(" "))
    };
    match kind {
        NodeKind::Client => rect(at, (at.height / 2.0).min(20.0)),
        NodeKind::Port => polygon(&[
            (left + 12.0, top),
            (right - 12.0, top),
            (right, at.y),
            (right - 12.0, bottom),
            (left + 12.0, bottom),
            (left, at.y),
        ]),
        NodeKind::Ingress => polygon(&[
            (left, top),
            (right - 12.0, top),
            (right, at.y),
            (right - 12.0, bottom),
            (left, bottom),
            (left + 12.0, at.y),
        ]),
        NodeKind::Unit => polygon(&[(left + 12.0, top), (right, top), (right - 12.0, bottom), (left, bottom)]),
        NodeKind::Proxy => {
            let bar = |x: f64| format!("<path d=\"M{x:.1} {top:.1}V{bottom:.1}\" {look}/>\n");
            format!("{}{}{}", rect(at, 0.0), bar(left + 6.0), bar(right - 6.0))
        }
        NodeKind::State => {
            let (rx, ry) = (at.width / 2.0, 7.0);
            let (upper, lower) = (top + ry, bottom - ry);
            format!(
                "<path d=\"M{left:.1} {upper:.1}A{rx:.1} {ry} 0 0 1 {right:.1} {upper:.1}V{lower:.1}A{rx:.1} {ry} 0 0 1 \
                 {left:.1} {lower:.1}Z\" {look}/>\n<path d=\"M{left:.1} {upper:.1}A{rx:.1} {ry} 0 0 0 {right:.1} {upper:.1}\" \
                 {look}/>\n"
            )
        }
        NodeKind::Others => {
            let front = Rect { x: at.x - 3.0, y: at.y - 3.0, width: at.width - 6.0, height: at.height - 6.0 };
            let behind = Rect { x: front.x + 6.0, y: front.y + 6.0, ..front };
            format!("{}{}", rect(behind, 2.0), rect(front, 2.0))
        }
        NodeKind::Network => rect(at, 3.0),
        NodeKind::Remote => rect(at, 14.0),
        NodeKind::Gateway | NodeKind::Process | NodeKind::Container => rect(at, 4.0),
    }
}

/// A mark that tells a state without its colour, about a centre.
pub(super) fn mark(state: State, x: f64, y: f64) -> String {
    let (stroke, _) = colours(Some(state), NodeKind::Gateway);
    let (low, high, left, right) = (y + 4.5, y - 4.5, x - 5.0, x + 5.0);
    let drawn = match state {
        State::Running => format!("<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4.5\" fill=\"{stroke}\"/>"),
        State::Troubled => format!("<path d=\"M{x:.1} {high:.1}L{right:.1} {low:.1}H{left:.1}Z\" fill=\"{stroke}\"/>"),
        State::Stopped => format!(
            "<path d=\"M{left:.1} {high:.1}L{right:.1} {low:.1}M{left:.1} {low:.1}L{right:.1} {high:.1}\" stroke=\"{stroke}\" \
             stroke-width=\"2.4\" fill=\"none\"/>"
        ),
        State::Ended => format!(
            "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\" fill=\"none\" stroke=\"{stroke}\" stroke-width=\"1.6\"/>"
        ),
        State::Written => format!(
            "<path d=\"M{x:.1} {:.1}L{right:.1} {y:.1}L{x:.1} {:.1}L{left:.1} {y:.1}Z\" fill=\"none\" stroke=\"{stroke}\" \
             stroke-width=\"1.6\"/>",
            y - 5.0,
            y + 5.0
        ),
        State::Unknown => {
            let look = Type { size: 12.0, bold: true, colour: GREY, centred: true };
            return text(x, y + 4.0, look, "?");
        }
    };
    format!("{drawn}\n")
}

/// Colour, dashes and whether there is a head.
pub(super) fn stroke(relation: Relation) -> (&'static str, &'static str, bool) {
    match relation {
        Relation::Connects => ("#0969da", "", true),
        Relation::OwnedBy | Relation::PublishedBy => ("#1f2328", "", true),
        Relation::ConfiguredFor => ("#9a6700", "6 4", true),
        Relation::Starts | Relation::Uses => ("#818b98", "", true),
        Relation::On | Relation::InNetworkOf => ("#0550ae", "2 3", false),
        Relation::PassesOn | Relation::SendsHooks => ("#8250df", "", true),
    }
}

/// A smooth line through its points, with a head where it ends.
pub(super) fn line(relation: Relation, points: &[(f64, f64)]) -> String {
    let (colour, dash, headed) = stroke(relation);
    let [first, .., last] = points else { return String::new() };
    let mut path = format!("M{:.1} {:.1}", first.0, first.1);
    for pair in points.windows(2) {
        let [from, to] = pair else { continue };
        let middle = f64::midpoint(from.0, to.0);
        path.push_str(&format!("C{middle:.1} {:.1} {middle:.1} {:.1} {:.1} {:.1}", from.1, to.1, to.0, to.1));
    }
    let dash = if dash.is_empty() { String::new() } else { format!(" stroke-dasharray=\"{dash}\"") };
    let mut out = format!("<path d=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.5\"{dash}/>\n");
    let before = points.len().checked_sub(2).and_then(|index| points.get(index));
    if let (true, Some(before)) = (headed, before) {
        // A line always arrives from the side.
        let back = if before.0 <= last.0 { -8.0 } else { 8.0 };
        let (x, y) = (last.0, last.1);
        out.push_str(&format!(
            "<polygon points=\"{x:.1},{y:.1} {:.1},{:.1} {:.1},{:.1}\" fill=\"{colour}\"/>\n",
            x + back,
            y - 3.8,
            x + back,
            y + 3.8
        ));
    }
    out
}
