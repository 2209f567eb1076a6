//! Whether the server lives, and whether it can take reports.

use std::sync::atomic::Ordering;

use axum::extract::State;
use axum::http::StatusCode;
use jiff::Timestamp;

use crate::AppState;

/// For how long the writer may be silent and still count as alive.
const SILENCE_MS: i64 = 30_000;

/// It answers, so it lives.
pub(super) async fn alive() -> &'static str {
    "ok\n"
}

/// Whether what arrives can be written.
pub(super) async fn ready(State(state): State<AppState>) -> (StatusCode, &'static str) {
    let silent = Timestamp::now().as_millisecond() - state.shared.alive_at.load(Ordering::Relaxed);
    if silent > SILENCE_MS {
        return (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer\n");
    }
    (StatusCode::OK, "ok\n")
}
