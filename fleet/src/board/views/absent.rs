//! Nodes that are not heard of, and nodes whose gateway is down: two different things to look after.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{RawQuery, State};
use axum::response::Response;

use super::{Cell, Fleet, ROWS, Table, ViewParts, draw, nodes, page_of};
use crate::AppState;
use crate::auth::Viewer;
use crate::board::Board;
use crate::board::error::BoardError;
use crate::board::query::Pages;
use crate::board::standing::{Item, Standing};
use crate::index::{GatewayState, Presence};

/// `GET /absent`
pub(crate) async fn show(
    viewer: Viewer,
    State(state): State<AppState>,
    Extension(board): Extension<Arc<Board>>,
    RawQuery(raw): RawQuery,
) -> Result<Response, BoardError> {
    draw(viewer, &state, &board, move |fleet| view(fleet, raw.as_deref())).await
}

pub(in crate::board) fn view(fleet: &Fleet<'_>, raw: Option<&str>) -> Response {
    let mut absent: Vec<&Item> = fleet
        .items
        .iter()
        .filter(|item| item.node.presence == Presence::Absent && item.node.revoked_at.is_none())
        .collect();
    absent.sort_by_key(|item| item.since);
    let down: Vec<&Item> = fleet
        .items
        .iter()
        .filter(|item| item.standing != Standing::Absent && item.node.brief.gateways == GatewayState::Down)
        .collect();
    let pages =
        Pages::new(absent.len().max(down.len()), ROWS, page_of(raw), "nodes", |page| format!("/absent?page={page}"));
    let range = |all: usize| pages.range().start.min(all)..pages.range().end.min(all);
    let now = fleet.now;

    let mut silent = Table::new("Absent", ["Node", "Last heard", "Verdict then", "Its gateway then", "Cause then"]);
    silent.about = "Silent for three beats: the Mac, its network or the agent. What is known of them is old, and says nothing of now.";
    silent.empty = ("No node is absent.", "Each node that reports was heard of within three of its beats.");
    silent.rows = absent
        .get(range(absent.len()))
        .unwrap_or_default()
        .iter()
        .map(|item| {
            let node = &item.node;
            let then = node.verdict().map_or_else(|| Cell::new("–"), |verdict| Cell::standing(verdict.into()));
            let gateway = match node.brief.gateways {
                GatewayState::Up => "answered",
                GatewayState::Down => "did not answer",
                GatewayState::Unknown => "not known",
            };
            let cause = node.brief.root_causes.first().map_or("–", String::as_str);
            vec![
                Cell::node(item),
                Cell::at(node.last_seen, now),
                then,
                Cell::new(gateway),
                Cell::new(cause).class("code"),
            ]
        })
        .collect();

    let mut dead = Table::new("Gateway down", ["Node", "Verdict", "Cause", "Since", "Last heard"]);
    dead.about = "These nodes report, and say that a gateway that is expected to run does not answer.";
    dead.empty = ("No gateway is said to be down.", "Whether one answers that could not be asked is not known.");
    dead.rows = down
        .get(range(down.len()))
        .unwrap_or_default()
        .iter()
        .map(|item| {
            let cause = Cell::new(item.cause()).class("code").sub(item.says());
            vec![
                Cell::node(item),
                Cell::standing(item.standing),
                cause,
                Cell::at(Some(item.since), now),
                Cell::at(item.node.last_seen, now),
            ]
        })
        .collect();

    let lead = format!("{} not heard of, and {} with a gateway that is down.", nodes(absent.len()), nodes(down.len()));
    fleet.page(
        "Absent, and gateway down",
        "absent",
        ViewParts { lead, tables: vec![silent, dead], pages: Some(pages), ..ViewParts::default() },
    )
}
