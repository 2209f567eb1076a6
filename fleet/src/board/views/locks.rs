//! How long newcomers wait for locks, across the fleet.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use jiff::SignedDuration;

use super::{Cell, Fleet, Head, Table, ViewParts, draw, nodes};
use crate::AppState;
use crate::auth::Viewer;
use crate::board::Board;
use crate::board::chart::{Bars, Picture, Tint, bars};
use crate::board::error::BoardError;
use crate::board::moment::seconds;
use crate::board::standing::{Item, Standing};
use crate::index::LockWait;

/// Bounds of the bars, in seconds. A wait stands in the first bar whose bound it does not exceed.
const BOUNDS: [f64; 11] = [0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
/// A wait that is too long, and the first bar beyond it.
const TOO_LONG_S: f64 = 2.5;
/// What was measured longer ago tells nothing of now.
const RECENT: SignedDuration = SignedDuration::from_hours(1);
/// Nodes that the table lists.
const MOST: usize = 100;

/// `GET /locks`
pub(crate) async fn show(
    viewer: Viewer,
    State(state): State<AppState>,
    Extension(board): Extension<Arc<Board>>,
) -> Result<Response, BoardError> {
    draw(viewer, &state, &board, view).await
}

pub(in crate::board) fn view(fleet: &Fleet<'_>) -> Response {
    let now = fleet.now;
    let oldest = now.checked_sub(RECENT).unwrap_or(now);
    let heard = fleet.items.iter().filter(|item| item.standing != Standing::Absent);
    let mut measured: Vec<(&Item, &LockWait)> =
        heard.filter_map(|item| Some((item, item.node.lock_wait.as_ref().filter(|wait| wait.at >= oldest)?))).collect();
    measured.sort_by(|(_, one), (_, other)| other.p95_s.total_cmp(&one.p95_s));
    let too_long = measured.iter().filter(|(_, wait)| wait.p95_s > TOO_LONG_S).count();
    let mut table = Table::new("Longest waits", ["Node", "Verdict"]);
    table.heads.push(Head::number("95 % within"));
    table.heads.extend(["Lock", "Measured"].map(Head::new));
    table.empty =
        ("Nothing was measured in the last hour.", "Agents watch the locks of state directories from time to time.");
    table.rows = measured
        .iter()
        .take(MOST)
        .map(|(item, wait)| {
            let class = if wait.p95_s > TOO_LONG_S { "cell odd" } else { "cell" };
            let value = Cell { number: true, ..Cell::new(seconds(wait.p95_s)) }.class(class);
            vec![
                Cell::node(item),
                Cell::standing(item.standing),
                value,
                Cell::new(wait.lock()),
                Cell::at(Some(wait.at), now),
            ]
        })
        .collect();
    let lead = format!(
        "{} measured; on {} 95 of 100 newcomers wait longer than 2.5 s.",
        nodes(measured.len()),
        if too_long == 0 { "none".to_owned() } else { nodes(too_long) }
    );
    let values: Vec<f64> = measured.iter().map(|(_, wait)| wait.p95_s).collect();
    fleet.page(
        "Lock waits",
        "locks",
        ViewParts { lead, pictures: vec![picture(&values)], tables: vec![table], pages: None },
    )
}

fn picture(waits: &[f64]) -> Picture {
    let place = |wait: f64| BOUNDS.iter().position(|bound| wait <= *bound).unwrap_or(BOUNDS.len());
    let mut counts = vec![0_u64; BOUNDS.len() + 1];
    for wait in waits {
        if let Some(count) = counts.get_mut(place(*wait)) {
            *count += 1;
        }
    }
    let limit = place(TOO_LONG_S) + 1;
    let within = counts.iter().enumerate().map(|(at, count)| if at < limit { *count } else { 0 }).collect();
    let beyond = counts.iter().enumerate().map(|(at, count)| if at < limit { 0 } else { *count }).collect();
    let names = BOUNDS.iter().map(|bound| format!("≤ {}", seconds(*bound))).chain(["longer".to_owned()]);
    bars(&Bars {
        id: "waits",
        title: "Nodes by the 95th percentile of their lock waits",
        about: "the most contended lock of each node, as last measured",
        of: "95 % within",
        names: names.collect(),
        parts: vec![
            ("within 2.5 s".to_owned(), Tint::Series(0), within),
            ("too long".to_owned(), Tint::Standing(Standing::Blocked), beyond),
        ],
    })
}
