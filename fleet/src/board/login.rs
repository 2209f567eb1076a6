//! Signing in and out.

use askama::Template;
use axum::Form;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::header::{LOCATION, SET_COOKIE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use secrecy::SecretString;
use serde::Deserialize;

use super::error::BoardError;
use super::page::{Shell, page};
use crate::AppState;
use crate::auth::{CsrfForm, LoginError, Peer, Viewer, log_in, log_out};

/// Longest token, in bytes.
const MAX_TOKEN: usize = 512;
/// Longest address to go on to, in bytes.
const MAX_NEXT: usize = 2_000;

#[derive(Template)]
#[template(path = "login.html")]
struct LoginPage {
    shell: Shell,
    wrong: Option<&'static str>,
    next: String,
}

/// Where to go on to.
#[derive(Deserialize, Default)]
pub(crate) struct Target {
    #[serde(default)]
    next: String,
}

/// What the page sends.
#[derive(Deserialize)]
pub(crate) struct LoginForm {
    token: String,
    #[serde(default)]
    next: String,
}

/// Nothing but the token against forgery.
#[derive(Deserialize)]
pub(crate) struct Nothing {}

/// `GET /login`
pub(crate) async fn show(viewer: Result<Viewer, Response>, target: Result<Query<Target>, QueryRejection>) -> Response {
    let next = local(target.map(|Query(target)| target.next).unwrap_or_default());
    if viewer.is_ok() {
        return go(&next, None);
    }
    page(StatusCode::OK, &LoginPage { shell: Shell::open("Sign in", Timestamp::now()), wrong: None, next })
}

/// `POST /login`
pub(crate) async fn enter(State(state): State<AppState>, peer: Peer, Form(form): Form<LoginForm>) -> Response {
    use secrecy::ExposeSecret;
    let next = local(form.next);
    let token: SecretString = form.token.trim().into();
    let outcome = if token.expose_secret().len() > MAX_TOKEN {
        Err(LoginError::Refused)
    } else {
        log_in(&state, &token, peer).await
    };
    let (status, wrong) = match outcome {
        Ok(cookie) => return go(&next, Some(cookie)),
        Err(LoginError::Refused) => (StatusCode::UNAUTHORIZED, "This token is not known, or is no longer valid."),
        Err(LoginError::TooFast) => {
            (StatusCode::TOO_MANY_REQUESTS, "You signed in many times lately. Try again in a minute.")
        }
        Err(error) => {
            tracing::error!(error = %crate::error::Chain(&error), "cannot log in");
            (StatusCode::SERVICE_UNAVAILABLE, "Signing in does not work just now. Try again in a moment.")
        }
    };
    page(status, &LoginPage { shell: Shell::open("Sign in", Timestamp::now()), wrong: Some(wrong), next })
}

/// `POST /logout`
pub(crate) async fn leave(
    State(state): State<AppState>,
    headers: HeaderMap,
    CsrfForm(_, Nothing {}): CsrfForm<Nothing>,
) -> Result<Response, BoardError> {
    let cookie = log_out(&state, &headers).await?;
    Ok(go("/login", Some(cookie)))
}

/// A path of this server, or else its first page: nobody is led elsewhere.
fn local(next: String) -> String {
    let mut letters = next.chars();
    let is_path = letters.next() == Some('/') && !matches!(letters.next(), Some('/' | '\\'));
    let is_plain = next.len() <= MAX_NEXT && next.bytes().all(|byte| (0x21..0x7f).contains(&byte) && byte != b'\\');
    if is_path && is_plain && !next.starts_with("/login") { next } else { "/".to_owned() }
}

fn go(to: &str, cookie: Option<String>) -> Response {
    let mut headers = HeaderMap::new();
    for (name, value) in [(LOCATION, Some(to.to_owned())), (SET_COOKIE, cookie)] {
        if let Some(value) = value.and_then(|value| value.parse().ok()) {
            headers.insert(name, value);
        }
    }
    (StatusCode::SEE_OTHER, headers).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_led_elsewhere() {
        for next in [
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "javascript:alert(1)",
            "",
            "/a b",
            "/a\r\nSet-Cookie: x",
            "/login?next=/",
        ] {
            assert_eq!(local(next.to_owned()), "/", "{next}");
        }
        assert_eq!(local("/nodes/3f2c?x=%2F".to_owned()), "/nodes/3f2c?x=%2F");
    }
}
