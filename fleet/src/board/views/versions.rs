//! Which versions run where.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::response::Response;

use super::{Cell, Fleet, Head, Table, ViewParts, draw, list};
use crate::AppState;
use crate::auth::Viewer;
use crate::board::Board;
use crate::board::chart::{Bars, Tint, bars, label};
use crate::board::error::BoardError;
use crate::board::query::natural;
use crate::board::standing::{Item, Standing};

/// Columns of the matrix, and rows.
const MOST_COLUMNS: usize = 8;
const MOST_ROWS: usize = 60;
/// Bars that have room.
const MOST_BARS: usize = 12;
/// What is not known.
const NONE: &str = "–";

/// Nodes that run one version.
#[derive(Default)]
struct Of {
    standings: HashMap<Standing, usize>,
    builds: HashMap<String, usize>,
}

/// `GET /versions`
pub(crate) async fn show(
    viewer: Viewer,
    State(state): State<AppState>,
    Extension(board): Extension<Arc<Board>>,
) -> Result<Response, BoardError> {
    draw(viewer, &state, &board, view).await
}

pub(in crate::board) fn view(fleet: &Fleet<'_>) -> Response {
    let items: Vec<&Item> = fleet.items.iter().filter(|item| item.node.report_at.is_some()).collect();
    let openclaw = |item: &Item| match item.node.brief.openclaw_versions.as_slice() {
        [] => NONE.to_owned(),
        versions => versions.join(" + "),
    };
    let build = |item: &Item| item.node.brief.os_build.clone().unwrap_or_else(|| NONE.to_owned());
    let versions = counted(&items, openclaw);
    let builds = counted(&items, build);
    let mut known: HashMap<String, Of> = HashMap::new();
    for item in &items {
        let of = known.entry(openclaw(item)).or_default();
        *of.standings.entry(item.standing).or_default() += 1;
        *of.builds.entry(build(item)).or_default() += 1;
    }
    let picture = {
        let shown: Vec<&(String, usize)> = versions.iter().take(MOST_BARS).collect();
        let part = |standing: Standing| {
            let count = |(version, _): &&(String, usize)| {
                known.get(version.as_str()).and_then(|of| of.standings.get(&standing)).map_or(0, |count| *count as u64)
            };
            (standing.word().to_owned(), Tint::Standing(standing), shown.iter().map(count).collect())
        };
        bars(&Bars {
            id: "openclaw",
            title: "OpenClaw by version",
            about: "nodes that run it, by their verdict; two versions on one node stand together",
            of: "Version",
            names: shown.iter().map(|(version, _)| label(version)).collect(),
            parts: [Standing::Ready, Standing::Degraded, Standing::Absent, Standing::Unknown, Standing::Blocked]
                .map(part)
                .to_vec(),
        })
    };
    let mut matrix = Table { title: "OpenClaw against OS build".to_owned(), matrix: true, ..Table::default() };
    matrix.empty = ("No node has reported yet.", "Versions come with a node’s first report.");
    matrix.heads.push(Head::new("OpenClaw"));
    let columns: Vec<&String> = builds.iter().take(MOST_COLUMNS).map(|(build, _)| build).collect();
    matrix.heads.extend(columns.iter().map(|build| Head { code: true, ..Head::number(build.as_str()) }));
    matrix.heads.push(Head::number("All"));
    for (version, all) in versions.iter().take(MOST_ROWS) {
        let mut row = vec![Cell::new(version).link(list("openclaw", version.split(" + ").next().unwrap_or_default()))];
        row.extend(columns.iter().map(|column| {
            let of = known.get(version.as_str()).and_then(|of| of.builds.get(column.as_str()));
            Cell::number(of.copied().unwrap_or(0))
        }));
        row.push(Cell::number(*all).class("cell most"));
        matrix.rows.push(row);
    }
    let mut agents = Table::new("Agents", ["Portreeve"]);
    agents.heads.push(Head::number("Nodes"));
    agents.empty = ("No node has enrolled yet.", "Agents are listed once they are.");
    agents.rows = counted(&items, |item| item.node.agent_version.clone())
        .into_iter()
        .take(MOST_ROWS)
        .map(|(version, count)| vec![Cell::new(&version).link(list("q", &version)), Cell::number(count)])
        .collect();
    let skewed = fleet.items.iter().filter(|item| item.node.brief.openclaw_versions.len() > 1).count();
    let lead = format!(
        "{} of OpenClaw and {} of the operating system. {} more than one version of OpenClaw.",
        plural(versions.iter().filter(|one| one.0 != NONE).count(), "version", "versions"),
        plural(builds.iter().filter(|one| one.0 != NONE).count(), "build", "builds"),
        plural(skewed, "node runs", "nodes run"),
    );
    fleet.page(
        "Versions",
        "versions",
        ViewParts { lead, pictures: vec![picture], tables: vec![matrix, agents], pages: None },
    )
}

fn plural(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// Values with how many nodes have each, the newest first.
fn counted(items: &[&Item], value: impl Fn(&Item) -> String) -> Vec<(String, usize)> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for item in items {
        *counts.entry(value(item)).or_default() += 1;
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by(|(one, _), (other, _)| natural(other, one));
    counts
}
