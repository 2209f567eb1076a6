//! Nodes that are others than those that were accepted.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{RawQuery, State};
use axum::response::Response;

use super::{Cell, Fleet, Head, ROWS, Table, ViewParts, draw, nodes, page_of};
use crate::AppState;
use crate::auth::Viewer;
use crate::board::Board;
use crate::board::error::BoardError;
use crate::board::query::Pages;

/// `GET /quarantine`
pub(crate) async fn show(
    viewer: Viewer,
    State(state): State<AppState>,
    Extension(board): Extension<Arc<Board>>,
    RawQuery(raw): RawQuery,
) -> Result<Response, BoardError> {
    draw(viewer, &state, &board, move |fleet| view(fleet, raw.as_deref())).await
}

pub(in crate::board) fn view(fleet: &Fleet<'_>, raw: Option<&str>) -> Response {
    let mut held: Vec<_> =
        fleet.items.iter().filter_map(|item| Some((item, item.node.brief.quarantine.as_ref()?))).collect();
    held.sort_by_key(|(_, quarantine)| quarantine.since);
    let waiting = held.iter().filter(|(_, quarantine)| quarantine.needs_consent).count();
    let pages = Pages::new(held.len(), ROWS, page_of(raw), "nodes", |page| format!("/quarantine?page={page}"));
    let mut table = Table::new("In quarantine", ["Node", "Verdict", "Since"]);
    table.heads.push(Head::number("Tried"));
    table.heads.extend(["What stands against it", "Next"].map(Head::new));
    table.empty = ("No node is in quarantine.", "Each node that reports is the one that was accepted.");
    table.rows = held
        .get(pages.range())
        .unwrap_or_default()
        .iter()
        .map(|(item, quarantine)| {
            let mut reasons = quarantine.reasons.iter();
            let first = reasons.next().map_or("–", String::as_str);
            let rest = reasons.cloned().collect::<Vec<_>>().join("; ");
            let next = if quarantine.needs_consent { "a person must accept it" } else { "the agent tries again" };
            let tried = usize::try_from(quarantine.attempts).unwrap_or(usize::MAX);
            vec![
                Cell::node(item),
                Cell::standing(item.standing),
                Cell::at(quarantine.since, fleet.now),
                Cell::number(tried),
                Cell::new(first).sub(rest),
                Cell::new(next),
            ]
        })
        .collect();
    let lead = format!(
        "{} another than the one that was accepted: after a macOS upgrade, on other hardware, or with other programs. {} for a person.",
        if held.len() == 1 { "1 node is".to_owned() } else { format!("{} are", nodes(held.len())) },
        if waiting == 1 { "1 waits".to_owned() } else { format!("{waiting} wait") },
    );
    fleet.page(
        "Quarantine",
        "quarantine",
        ViewParts { lead, tables: vec![table], pages: Some(pages), ..ViewParts::default() },
    )
}
