//! Forms that only our own pages can send.

use axum::Form;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::StatusCode;
use axum::http::header::HOST;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::secret::Hash;
use super::viewer::Viewer;
use crate::AppState;

/// Largest form, in bytes.
const MAX_BYTES: usize = 16 * 1024;

/// A form that a viewer sent from one of our pages: it holds `csrf` with the value of [`Viewer::csrf`].
pub struct CsrfForm<T>(pub Viewer, pub T);

#[derive(Deserialize)]
struct Token {
    csrf: String,
}

impl<T: DeserializeOwned> FromRequest<AppState> for CsrfForm<T> {
    type Rejection = Response;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        let viewer = Viewer::from_request_parts(&mut parts, state).await?;
        let foreign = || (StatusCode::FORBIDDEN, "this form was not sent from a page of this server\n").into_response();
        let origin = parts.headers.get("origin").and_then(|origin| origin.to_str().ok());
        let host = parts.headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
        let ours = |origin: &str| {
            origin.split_once("://").is_some_and(|(_, rest)| rest.eq_ignore_ascii_case(host))
                || state.config.public_url.as_deref().is_some_and(|url| url.trim_end_matches('/') == origin)
        };
        if origin.is_some_and(|origin| !ours(origin)) {
            return Err(foreign());
        }
        let slow = |_| (StatusCode::REQUEST_TIMEOUT, "the form did not arrive\n").into_response();
        let large = |_| (StatusCode::PAYLOAD_TOO_LARGE, "the form is too large\n").into_response();
        let read = axum::body::to_bytes(body, MAX_BYTES);
        let bytes = tokio::time::timeout(state.config.limits.body(), read).await.map_err(slow)?.map_err(large)?;
        let form = |bytes: axum::body::Bytes| Request::from_parts(parts.clone(), bytes.into());
        let Form(token) = Form::<Token>::from_request(form(bytes.clone()), state).await.map_err(|_| foreign())?;
        // Hashes are compared, so that the time that it takes tells nothing of the token.
        if Hash::of(&token.csrf) != Hash::of(&viewer.csrf) {
            return Err(foreign());
        }
        let Form(value) = Form::<T>::from_request(form(bytes), state).await.map_err(IntoResponse::into_response)?;
        Ok(Self(viewer, value))
    }
}
