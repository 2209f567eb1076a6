//! The fleet board: pages for people.

use axum::Router;

use crate::AppState;

/// The board's routes.
pub fn routes() -> Router<AppState> {
    Router::new()
}
