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
    area.draw_text(&cut(first), &text(12, Tint::Ink, HPos::Left), (x + 12, y + 12))?;
    area.draw_text(&cut(second), &text(11, Tint::Quiet, HPos::Left), (x + 12, y + 26))?;
    Ok(())
}

fn middle((column, row): (usize, usize), right: i32) -> (i32, i32) {
    let row = i32::try_from(row).unwrap_or(0);
    (COLUMNS.get(column).copied().unwrap_or(0) + right, 24 + row * ROW + BOX / 2)
}

/// The end of what has no room: paths differ at their end.
fn cut(words: &str) -> String {
    let plain: String = words.chars().filter(|letter| !letter.is_control()).collect();
    let count = plain.chars().count();
    if count <= 38 { plain } else { format!("…{}", plain.chars().skip(count - 37).collect::<String>()) }
}

const _: () = assert!(COLUMNS[2] + BROAD < WIDTH.cast_signed());
