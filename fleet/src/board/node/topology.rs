//! Who connects to what on a node, as a picture and as a table.

use plotters::element::{PathElement, Rectangle};
use plotters::style::Color;
use plotters::style::text_anchor::HPos;

use super::report::Report;
use crate::board::chart::{ChartError, Picture, Tint, WIDTH, drawn, text};
use crate::board::standing::Standing;

/// Things of one column that are drawn.
const MOST: usize = 12;
/// From one thing to the next.
const ROW: i32 = 46;
/// Height of a thing.
const BOX: i32 = 36;
/// Left edges of the columns, and their width.
const COLUMNS: [i32; 3] = [2, 312, 622];
const BROAD: i32 = 254;

/// From a thing's edge to its words.
const INSET: i32 = 12;

/// A thing.
struct Thing {
    id: String,
    lines: [String; 2],
    state: Option<Standing>,
}

/// A line from one thing to another.
struct Edge {
    from: (usize, usize),
    to: (usize, usize),
}

/// The picture of a node.
pub(super) fn topology(report: &Report) -> Picture {
    let clients: Vec<Thing> = report
        .clients
        .iter()
        .take(MOST)
        .map(|client| {
            let to = client
                .url
                .as_ref()
                .map_or_else(|| "nowhere known".to_owned(), |url| format!("{}:{}", url.host, url.port));
            Thing {
                id: client.id.clone(), lines: [client.id.clone(), format!("{} → {to}", client.kind)], state: None
            }
        })
        .collect();
    let gateways: Vec<Thing> = report
        .gateways
        .iter()
        .take(MOST)
        .map(|gateway| {
            let broken = gateway.rungs.iter().find(|rung| rung.state == "fail");
            let open = gateway.rungs.iter().find(|rung| rung.state != "pass");
            let (state, word) = match (broken, open) {
                (Some(rung), _) => (Standing::Blocked, format!("fails at {}", rung.name)),
                (None, Some(rung)) => (Standing::Unknown, format!("{} not proven", rung.name)),
                (None, None) => (Standing::Ready, "each rung holds".to_owned()),
            };
            Thing {
                id: gateway.id.clone(),
                lines: [gateway.id.clone(), format!("port {} · {word}", gateway.port)],
                state: Some(state),
            }
        })
        .collect();
    let mut rest: Vec<Thing> = Vec::new();
    let mut edges = Vec::new();
    let mut rows = Vec::new();
    for (at, gateway) in report.gateways.iter().take(MOST).enumerate() {
        let mut lead = |id: &str, kind: &str| {
            let place = rest.iter().position(|thing| thing.id == id).unwrap_or_else(|| {
                rest.push(Thing { id: id.to_owned(), lines: [id.to_owned(), kind.to_owned()], state: None });
                rest.len() - 1
            });
            if place < MOST {
                edges.push(Edge { from: (1, at), to: (2, place) });
            }
            rows.push(vec![gateway.id.clone(), kind.to_owned(), id.to_owned()]);
        };
        if let Some(dir) = &gateway.state_dir {
            lead(dir, "state directory");
        }
        for unit in &gateway.units {
            let label = report.units.iter().find(|one| one.id == *unit).map_or(unit.as_str(), |unit| &unit.label);
            lead(label, "unit");
        }
        if let Some(workload) = &gateway.workload {
            lead(workload, "container");
        }
    }
    for (at, client) in report.clients.iter().enumerate() {
        let gateway = report.gateways.iter().position(|gateway| Some(&gateway.id) == client.gateway.as_ref());
        if let Some(gateway) = gateway.filter(|gateway| *gateway < MOST && at < MOST) {
            edges.push(Edge { from: (0, at), to: (1, gateway) });
        }
        let url =
            client.url.as_ref().map_or_else(|| "an address that is not known".to_owned(), super::report::Url::text);
        let to = client.gateway.clone().unwrap_or_else(|| "no gateway of this node".to_owned());
        rows.push(vec![client.id.clone(), format!("{} by {url}", client.kind), to]);
    }
    rest.truncate(MOST);
    let columns = [clients, gateways, rest];
    let tallest = columns.iter().map(Vec::len).max().unwrap_or(0);
    let height = 26 + u32::try_from(tallest).unwrap_or(0) * ROW.unsigned_abs();
    let (title, about) = ("Topology", "clients, the gateways they lead to, and what those stand on");
    let svg = (tallest > 0).then(|| {
        drawn("topology", title, about, height, |area| {
            for (name, x) in ["Clients", "Gateways", "State, units, containers"].into_iter().zip(COLUMNS) {
                area.draw_text(name, &text(11, Tint::Quiet, HPos::Left), (x, 10))?;
            }
            for edge in &edges {
                let (from, to) = (middle(edge.from, BROAD), middle(edge.to, 0));
                let half = i32::midpoint(from.0, to.0);
                area.draw(&PathElement::new(
                    [from, (half, from.1), (half, to.1), to],
                    Tint::Quiet.placeholder().stroke_width(1),
                ))?;
            }
            for (column, x) in columns.iter().zip(COLUMNS) {
                for (thing, y) in column.iter().zip((0..).map(|row| 24 + row * ROW)) {
                    draw_thing(area, thing, (x, y))?;
                }
            }
            Ok(())
        })
    });
    Picture {
        id: "topology".to_owned(),
        title: title.to_owned(),
        about: about.to_owned(),
        svg: svg.flatten(),
        legend: Vec::new(),
        heads: ["From", "How", "To"].map(str::to_owned).to_vec(),
        rows,
    }
}

fn draw_thing(area: &crate::board::chart::Area<'_>, thing: &Thing, (x, y): (i32, i32)) -> Result<(), ChartError> {
    let corners = [(x, y), (x + BROAD, y + BOX)];
    area.draw(&Rectangle::new(corners, Tint::Rule.placeholder().stroke_width(1)))?;
    if let Some(state) = thing.state {
        area.draw(&Rectangle::new([(x, y), (x + 4, y + BOX)], Tint::Standing(state).placeholder().filled()))?;
    }
    let [first, second] = &thing.lines;
    area.draw_text(&cut(first, 12), &text(12, Tint::Ink, HPos::Left), (x + INSET, y + 12))?;
    area.draw_text(&cut(second, 11), &text(11, Tint::Quiet, HPos::Left), (x + INSET, y + 26))?;
    Ok(())
}

fn middle((column, row): (usize, usize), right: i32) -> (i32, i32) {
    let row = i32::try_from(row).unwrap_or(0);
    (COLUMNS.get(column).copied().unwrap_or(0) + right, 24 + row * ROW + BOX / 2)
}

/// The end of what has no room in letters of this size: paths differ at their end. What a node tells may be long; only as much of it is
/// measured as has room.
fn cut(words: &str, pixels: u32) -> String {
    let backwards = || words.chars().rev().filter(|letter| !letter.is_control());
    let fitting = |mut room: u32| -> Vec<char> {
        let fits = |letter: &char| {
            let left = room.checked_sub(advance(*letter) * pixels);
            room = left.unwrap_or_default();
            left.is_some()
        };
        backwards().take_while(fits).collect()
    };
    let room = (BROAD - 2 * INSET).unsigned_abs() * 100;
    let whole = fitting(room);
    if backwards().nth(whole.len()).is_none() {
        return whole.into_iter().rev().collect();
    }
    let end = fitting(room.saturating_sub(advance('…') * pixels));
    ['…'].into_iter().chain(end.into_iter().rev()).collect()
}

/// How broad a letter is, in hundredths of its size: at least that of `DejaVu` Sans, the broadest of the usual fonts.
fn advance(letter: char) -> u32 {
    match letter {
        'i' | 'j' | 'l' | 'I' | '\'' | '|' => 34,
        't' | 'f' | 'r' | ' ' | '.' | ',' | ':' | ';' | '/' | '-' | '(' | ')' | '[' | ']' | '!' | '`' | '·' => 42,
        'M' | 'W' | 'm' | 'w' | '@' | '%' | '…' | '→' => 101,
        'A'..='Z' | '+' | '=' | '<' | '>' | '#' | '~' => 84,
        letter if letter.is_ascii() => 64,
        _ => 110,
    }
}

const _: () = assert!(COLUMNS[2] + BROAD < WIDTH.cast_signed());

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_room_stays_and_the_rest_keeps_its_end() {
        assert_eq!(cut("/Users/op/.openclaw", 12), "/Users/op/.openclaw");
        let path = "/private/var/folders/zz/portreeve-try.jwshxH/home/.openclaw";
        let shown = cut(path, 12);
        assert_eq!(shown, "…eve-try.jwshxH/home/.openclaw");
        assert!(cut(path, 11).chars().count() > shown.chars().count());
        assert_eq!(cut("a\u{7}b\n", 12), "ab");
        assert_eq!(cut("", 12), "");
        assert_eq!(cut(&"W".repeat(99), 12), format!("…{}", "W".repeat(17)));
        assert_eq!(cut(&"W".repeat(8 << 20), 12), format!("…{}", "W".repeat(17)));
    }
}
