//! Who did what.

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use jiff::Timestamp;

use super::error::BoardError;
use super::moment::Moment;
use super::page::{Shell, page};
use crate::AppState;
use crate::auth::Viewer;
use crate::store::board::{self as store, AuditRow};

/// Rows of a page.
const ROWS: u32 = 100;
/// Longest text of the search, in characters.
const MAX_TEXT: usize = 200;

#[derive(Template)]
#[template(path = "audit.html")]
struct AuditPage {
    shell: Shell,
    q: String,
    rows: Vec<Row>,
    older: Option<String>,
    is_first: bool,
}

struct Row {
    at: Moment,
    entry: AuditRow,
}

/// `GET /audit`
pub(crate) async fn show(
    viewer: Viewer,
    State(state): State<AppState>,
    RawQuery(raw): RawQuery,
) -> Result<Response, BoardError> {
    let now = Timestamp::now();
    let (mut q, mut before) = (String::new(), i64::MAX);
    for (key, value) in form_urlencoded::parse(raw.unwrap_or_default().as_bytes()).take(16) {
        match &*key {
            "q" => q = value.trim().chars().take(MAX_TEXT).collect(),
            "before" => before = value.parse().unwrap_or(i64::MAX),
            _ => {}
        }
    }
    let text = q.clone();
    let entries = state.store.read(move |connection| store::audit(connection, before, &text, ROWS)).await?;
    Ok(draw(&viewer, q, entries, before == i64::MAX, now))
}

/// A page of these entries, which hold the text `q`.
pub(super) fn draw(viewer: &Viewer, q: String, entries: Vec<AuditRow>, is_first: bool, now: Timestamp) -> Response {
    let is_full = entries.len() == ROWS as usize;
    let last = entries.last().filter(|_| is_full).map(|entry| entry.seq);
    let older = last.map(|seq| {
        let mut pairs = form_urlencoded::Serializer::new(String::new());
        if !q.is_empty() {
            pairs.append_pair("q", &q);
        }
        format!("/audit?{}", pairs.append_pair("before", &seq.to_string()).finish())
    });
    let rows = entries.into_iter().map(|entry| Row { at: Moment::new(entry.at, now), entry }).collect();
    let shell = Shell::new(viewer, "Audit", "audit", now);
    page(StatusCode::OK, &AuditPage { shell, q, rows, older, is_first })
}
