//! The server: its routes, and their way from the listener to the end.

mod health;
mod listen;
mod paced;
mod tls;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::header::HeaderValue;
use axum::http::{Method, StatusCode};
use axum::middleware::map_request_with_state;
use axum::response::Response;
use axum::routing::get;
use futures_util::{StreamExt, stream};
use tokio::sync::watch;

pub use listen::{ServeError, serve};
pub use tls::TlsError;

use crate::ingest::{Gate, Gates};
use crate::store::{Shared, Store};
use crate::{AppState, board, enrol, ingest};

/// Largest form, in bytes.
const MAX_FORM: usize = 64 * 1024;
/// For how long requests in flight may go on once the server is told to end.
pub const DRAIN: Duration = Duration::from_secs(10);

/// All routes.
pub fn router(state: AppState) -> Router {
    let routes = Router::new()
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(health::metrics))
        .merge(ingest::routes())
        .merge(enrol::routes())
        .merge(
            board::routes().layer(map_request_with_state(state.clone(), hurry)).layer(DefaultBodyLimit::max(MAX_FORM)),
        )
        .fallback(|| async { (StatusCode::NOT_FOUND, "there is no such page\n") });
    board::dressed(routes, &state).layer(axum::middleware::map_response(harden)).with_state(state)
}

/// What handlers share, from what the writer keeps.
pub fn state(shared: &Arc<Shared>, store: Store, ending: watch::Receiver<bool>) -> AppState {
    AppState {
        config: Arc::clone(&shared.config),
        index: Arc::clone(&shared.index),
        access: Arc::clone(&shared.access),
        changes: shared.changes.clone(),
        shared: Arc::clone(shared),
        meter: Arc::clone(&shared.meter),
        rates: Arc::default(),
        bodies: Arc::default(),
        enrolments: Arc::new(Gate::new(200.0, 2_000.0)),
        rotations: Arc::new(Gates::new(1.0 / 60.0, 5.0)),
        logins: Arc::new(Gates::new(1.0 / 60.0, 20.0)),
        audits: Arc::new(Gate::new(0.2, 20.0)),
        ending,
        store,
    }
}

/// Gives the body of a request a deadline: forms are read by extractors that would wait for ever.
async fn hurry(State(state): State<AppState>, request: Request) -> Request {
    if request.method() != Method::POST {
        return request;
    }
    let deadline = tokio::time::Instant::now() + state.config.limits.body();
    request.map(|body| {
        let chunks = stream::try_unfold(body.into_data_stream(), move |mut chunks| async move {
            match tokio::time::timeout_at(deadline, chunks.next()).await {
                Ok(Some(chunk)) => chunk.map(|chunk| Some((chunk, chunks))),
                Ok(None) => Ok(None),
                Err(late) => Err(axum::Error::new(late)),
            }
        });
        Body::from_stream(chunks)
    })
}

/// Headers of every answer. A page may set a policy of its own.
async fn harden(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert("x-content-type-options", HeaderValue::from_static("nosniff"));
    headers.insert("referrer-policy", HeaderValue::from_static("same-origin"));
    headers.insert("x-frame-options", HeaderValue::from_static("DENY"));
    headers.insert("cross-origin-opener-policy", HeaderValue::from_static("same-origin"));
    headers.entry("cache-control").or_insert(HeaderValue::from_static("no-store"));
    headers
        .entry("content-security-policy")
        .or_insert(HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'; form-action 'none'"));
    response
}
