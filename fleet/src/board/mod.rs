//! The fleet board: pages for people.
//!
//! Pages are drawn here, whole, and work without a script; the script only keeps what they show current. Whatever a node says of itself
//! is text: templates escape it, pictures escape it, and what arrives live is put into the page as text.

mod act;
mod assets;
mod audit;
mod causes;
mod chart;
pub mod decisions;
mod desk;
mod error;
mod live;
mod login;
mod look;
mod measures;
mod moment;
pub(crate) mod node;
mod nodes;
mod page;
mod query;
mod standing;
#[cfg(test)]
mod tests;
mod views;

use std::sync::{Arc, Mutex, PoisonError};

use axum::routing::{get, post};
use axum::{Extension, Router, middleware};
use tokio::sync::broadcast;

use crate::AppState;
use crate::index::Change;
use crate::store::{StoreError, board as store};
use decisions::Decisions;
use desk::Desk;
use error::BoardError;
use look::{Look, Looks};

/// The board's routes.
pub fn routes() -> Router<AppState> {
    Router::new()
        .route("/", get(nodes::show))
        .route("/causes", get(causes::show))
        .route("/images", get(views::images::show))
        .route("/versions", get(views::versions::show))
        .route("/upgrade", get(views::upgrade::show))
        .route("/closes", get(views::closes::show))
        .route("/locks", get(views::locks::show))
        .route("/quarantine", get(views::quarantine::show))
        .route("/ghosts", get(views::ghosts::show))
        .route("/absent", get(views::absent::show))
        .route("/audit", get(audit::show))
        .route("/nodes/{id}", get(node::show))
        .route("/nodes/{id}/waive", post(act::waive))
        .route("/nodes/{id}/acknowledge", post(act::acknowledge))
        .route("/nodes/{id}/maintenance", post(act::maintain))
        .route("/nodes/{id}/end", post(act::end_decision))
        .route("/live", get(live::stream))
        .route("/login", get(login::show).post(login::enter))
        .route("/logout", post(login::leave))
        .route("/assets/{name}", get(assets::serve))
        .layer(Extension(Arc::new(Board::default())))
}

/// Gives errors of all routes the form of a page, for browsers.
pub fn dressed(router: Router<AppState>, state: &AppState) -> Router<AppState> {
    router.layer(middleware::from_fn_with_state(state.clone(), error::dress))
}

/// What the board keeps in memory.
#[derive(Default)]
pub(crate) struct Board {
    known: Mutex<Known>,
    looks: Looks,
    desk: Desk,
    /// That of streams, of which there may be many: pages do not wait for them.
    stream_desk: Desk,
    streams: live::Streams,
}

#[derive(Default)]
struct Known {
    decisions: Option<Arc<Decisions>>,
    changes: Option<broadcast::Receiver<Change>>,
    /// How often decisions became stale: what was read before the last time is not to be kept.
    turns: u64,
}

impl Board {
    /// Draws what shows all nodes as they stand.
    pub(crate) async fn draw<T, F>(self: &Arc<Self>, state: &AppState, work: F) -> Result<T, BoardError>
    where
        T: Send + 'static,
        F: FnOnce(&Look) -> T + Send + 'static,
    {
        self.draw_at(&self.desk, state, work).await
    }

    async fn draw_at<T, F>(self: &Arc<Self>, desk: &Desk, state: &AppState, work: F) -> Result<T, BoardError>
    where
        T: Send + 'static,
        F: FnOnce(&Look) -> T + Send + 'static,
    {
        let decisions = self.decisions(state).await?;
        let (board, index) = (Arc::clone(self), Arc::clone(&state.index));
        desk.draw(move || work(&board.looks.current(&index, &decisions))).await
    }

    /// What people decided, as it stands now.
    pub(crate) async fn decisions(&self, state: &AppState) -> Result<Arc<Decisions>, StoreError> {
        let turn = {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            known.changes.get_or_insert_with(|| state.changes.subscribe());
            known.look();
            if let Some(decisions) = &known.decisions {
                return Ok(Arc::clone(decisions));
            }
            known.turns
        };
        let read = Arc::new(state.store.read(store::decisions).await?);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.look();
        if known.turns == turn {
            known.decisions = Some(Arc::clone(&read));
        }
        Ok(read)
    }
}

impl Known {
    /// Forgets decisions that are stale.
    fn look(&mut self) {
        if self.changes.as_mut().is_some_and(is_stale) {
            self.decisions = None;
            self.turns += 1;
        }
    }
}

/// Whether what was read before is no longer true.
fn is_stale(changes: &mut broadcast::Receiver<Change>) -> bool {
    let mut stale = false;
    loop {
        match changes.try_recv() {
            Ok(Change::Decision(_) | Change::Forgotten(_) | Change::All)
            | Err(broadcast::error::TryRecvError::Lagged(_)) => stale = true,
            Ok(_) => {}
            Err(_) => return stale,
        }
    }
}
