//! One device identity on two nodes: a state directory that was copied.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::response::Response;

use super::{Cell, Fleet, Table, ViewParts, draw};
use crate::AppState;
use crate::auth::Viewer;
use crate::board::Board;
use crate::board::error::BoardError;
use crate::board::nodes::short;
use crate::board::standing::Item;

/// Rows that the page lists.
const MOST: usize = 1_000;

/// `GET /ghosts`
pub(crate) async fn show(
    viewer: Viewer,
    State(state): State<AppState>,
    Extension(board): Extension<Arc<Board>>,
) -> Result<Response, BoardError> {
    draw(viewer, &state, &board, view).await
}

pub(in crate::board) fn view(fleet: &Fleet<'_>) -> Response {
    let ghosts = ghosts(fleet.items);
    let now = fleet.now;
    let mut table = Table::new("Shared identities", ["Device identity", "Node", "Verdict", "Last heard"]);
    table.empty = ("No ghosts.", "Each device identity is used by one node alone.");
    for (device, items) in &ghosts {
        for (at, item) in items.iter().enumerate() {
            let device = if at == 0 {
                Cell::new(short(device)).class("code").sub(format!("on {} nodes", items.len()))
            } else {
                Cell::new(short(device)).class("code quiet")
            };
            table.rows.push(vec![
                device,
                Cell::node(item),
                Cell::standing(item.standing),
                Cell::at(item.node.last_seen, now),
            ]);
        }
    }
    table.rows.truncate(MOST);
    let lead = "A device identity belongs to one node. Where two use the same one, a state directory was copied, and the two take each \
                other’s sessions: retire one of them."
        .to_owned();
    fleet.page("Ghost gateways", "ghosts", ViewParts { lead, tables: vec![table], ..ViewParts::default() })
}

/// Identities that several nodes use, those of the most nodes first.
fn ghosts(items: &[Item]) -> Vec<(&str, Vec<&Item>)> {
    let mut by_device: BTreeMap<&str, Vec<&Item>> = BTreeMap::new();
    for item in items.iter().filter(|item| item.node.revoked_at.is_none()) {
        for device in &item.node.brief.devices {
            by_device.entry(device).or_default().push(item);
        }
    }
    let mut shared: Vec<_> = by_device.into_iter().filter(|(_, items)| items.len() > 1).collect();
    shared.sort_by_key(|(_, items)| std::cmp::Reverse(items.len()));
    shared
}
