//! Pages for what went wrong, in the style of the others.

use askama::Template;
use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;

use super::page::{Shell, page};
use crate::auth::Viewer;
use crate::error::Chain;
use crate::store::StoreError;

/// Why there is no page.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BoardError {
    /// There is no such thing.
    #[error("there is no such page")]
    NotFound,
    /// The viewer may only look.
    #[error("you may look, and not decide")]
    Forbidden,
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Too many pages are drawn already.
    #[error("too many pages are drawn at once")]
    Busy,
    /// A mistake of this server.
    #[error("the page could not be drawn")]
    Panicked(#[source] tokio::task::JoinError),
}

/// Seconds after which a page that was refused may be asked for again.
const RETRY_S: u64 = 5;

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage<'a> {
    shell: Shell,
    text: &'a str,
}

impl IntoResponse for BoardError {
    fn into_response(self) -> Response {
        let status = match &self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::Busy | Self::Store(StoreError::Overloaded | StoreError::Closed) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Store(_) | Self::Panicked(_) => {
                tracing::error!(error = %Chain(&self), "a page could not be made");
                StatusCode::INTERNAL_SERVER_ERROR
            }
        };
        let mut response = (status, format!("{self}\n")).into_response();
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::RETRY_AFTER, RETRY_S.into());
        }
        response
    }
}

/// Title and words for an answer that is no page.
fn words(status: StatusCode) -> (&'static str, &'static str) {
    match status {
        StatusCode::NOT_FOUND => ("Not found", "There is no such page. The node may have left the fleet."),
        StatusCode::FORBIDDEN => (
            "Not allowed",
            "You may look, and not decide; or the form was not sent from a page of this server. Open the page anew.",
        ),
        StatusCode::UNAUTHORIZED => ("Signed out", "Your session is over. Sign in again; nothing was recorded."),
        StatusCode::METHOD_NOT_ALLOWED => ("Not this way", "This address takes a form, and was asked for as a page."),
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => {
            ("Too busy", "The server has too much to do just now. Nothing was recorded; try again in a moment.")
        }
        status if status.is_client_error() => {
            ("Not understood", "The request is not one that this server understands. Nothing was recorded.")
        }
        _ => ("Something failed", "The server could not do it, and has written down why."),
    }
}

/// Gives an error that a browser asked for the form of a page.
pub(crate) async fn dress(viewer: Result<Viewer, Response>, request: Request, next: Next) -> Response {
    let accepts = request.headers().get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
    let wants_page = accepts.is_some_and(|accept| accept.contains("text/html"));
    let response = next.run(request).await;
    let status = response.status();
    let is_page =
        response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    if !wants_page || is_page || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let (title, text) = words(status);
    let now = Timestamp::now();
    let shell = match &viewer {
        Ok(viewer) => Shell::new(viewer, title, "", now),
        Err(_) => Shell::open(title, now),
    };
    let mut dressed = page(status, &ErrorPage { shell, text });
    if let Some(retry_after) = response.headers().get(header::RETRY_AFTER) {
        dressed.headers_mut().insert(header::RETRY_AFTER, retry_after.clone());
    }
    dressed
}
