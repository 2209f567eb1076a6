//! People: how a request tells which of them it is of.

use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::header::{ACCEPT, AUTHORIZATION, COOKIE as COOKIE_HEADER, LOCATION};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use jiff::{SignedDuration, Timestamp};
use rusqlite::params;
use secrecy::{ExposeSecret, SecretString};

use super::access::{AccessChange, Role, Session};
use super::secret::{Hash, issue};
use crate::AppState;
use crate::store::audit::Entry;
use crate::store::{StoreError, millis};

/// Name of the cookie of a login.
pub const COOKIE: &str = "portreeve_session";
/// Logins of one viewer that count at once; older ones end.
const SESSIONS: i64 = 20;
/// Longest name that a proxy may give, in bytes.
const MAX_NAME: usize = 200;

/// Who looks at the board. A route that takes it is for viewers alone: others are led to the login page, or get a 401.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Viewer {
    /// Name, for the audit.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// What each form must send back as `csrf`. [`super::CsrfForm`] looks at it.
    pub csrf: String,
    /// From where they call.
    pub address: IpAddr,
    /// Whether they logged in here, and thus may log out here.
    pub has_session: bool,
}

/// From where a request comes: the address beyond a proxy that is trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer {
    /// The address.
    pub address: IpAddr,
    /// Whether the request was relayed by a proxy, trusted or not.
    pub relayed: bool,
}

/// Why nobody is logged in.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoginError {
    /// There is no such token, or no longer.
    #[error("this token is not known, or no longer valid")]
    Refused,
    /// The viewer logged in many times lately.
    #[error("too many logins")]
    TooFast,
    /// It could not be written down.
    #[error("cannot log in now")]
    Store(#[from] StoreError),
    /// No random bytes.
    #[error("cannot log in now")]
    Random(#[from] super::RandomError),
}

/// Logs a viewer in. Returns the value of the `Set-Cookie` header.
pub async fn log_in(state: &AppState, token: &SecretString, peer: Peer) -> Result<String, LoginError> {
    let now = Timestamp::now();
    let Some(viewer) = state.access.viewer(&Hash::of(token.expose_secret()), now) else {
        if state.audits.may(std::time::Instant::now()) {
            tracing::warn!(address = %peer.address, "a login with a token that is not known");
            let (action, address) = ("viewer.login-refused".to_owned(), peer.address.to_string());
            let entry = Entry { actor: "somebody".to_owned(), action, address, ..Entry::default() };
            state.store.write(move |tx| tx.audit(&entry)).await?;
        }
        return Err(LoginError::Refused);
    };
    if !state.logins.may(&viewer.name, std::time::Instant::now()) {
        return Err(LoginError::TooFast);
    }
    let session = issue("prs_")?;
    let hash = session.hash;
    let hours = i64::try_from(state.config.viewers.session_h).unwrap_or(12);
    let expires_at = now.saturating_add(SignedDuration::from_hours(hours)).unwrap_or(now);
    let name = viewer.name;
    state
        .store
        .write(move |tx| {
            let older: Vec<Hash> = tx
                .connection()
                .prepare_cached(
                    "DELETE FROM session WHERE viewer = ?1 AND hash NOT IN
                     (SELECT hash FROM session WHERE viewer = ?1 ORDER BY created_at DESC LIMIT ?2) RETURNING hash",
                )?
                .query_map(params![name, SESSIONS - 1], |row| Ok(Hash::from_bytes(row.get(0)?)))?
                .collect::<Result<_, _>>()?;
            for hash in older {
                tx.access(AccessChange::SessionEnded(hash));
            }
            tx.execute(
                "INSERT INTO session (hash, viewer, created_at, expires_at) VALUES (?, ?, ?, ?)",
                params![hash.bytes(), name, millis(tx.now()), millis(expires_at)],
            )?;
            tx.audit(&Entry {
                actor: format!("viewer {name}"),
                action: "viewer.login".to_owned(),
                address: peer.address.to_string(),
                ..Entry::default()
            })?;
            tx.access(AccessChange::Session(hash, Session { viewer: name, expires_at }));
            Ok(())
        })
        .await?;
    let age = hours.saturating_mul(3_600);
    let secure = if state.secure() { "; Secure" } else { "" };
    Ok(format!("{COOKIE}={}; Path=/; Max-Age={age}; HttpOnly; SameSite=Strict{secure}", session.token.expose_secret()))
}

/// Logs a viewer out. Returns the value of the `Set-Cookie` header, which takes the cookie away.
pub async fn log_out(state: &AppState, headers: &HeaderMap) -> Result<String, StoreError> {
    if let Some(hash) = cookie(headers).map(Hash::of) {
        state
            .store
            .write(move |tx| {
                tx.execute("DELETE FROM session WHERE hash = ?", params![hash.bytes()])?;
                tx.access(AccessChange::SessionEnded(hash));
                Ok(())
            })
            .await?;
    }
    let secure = if state.secure() { "; Secure" } else { "" };
    Ok(format!("{COOKIE}=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict{secure}"))
}

impl FromRequestParts<AppState> for Viewer {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Response> {
        let peer = Peer::from_request_parts(parts, state).await?;
        if let Some(viewer) = Self::find(&parts.headers, peer, connected(parts), state) {
            return Ok(viewer);
        }
        let wants_page = parts.headers.get(ACCEPT).and_then(|accept| accept.to_str().ok());
        if parts.method == Method::GET && wants_page.is_some_and(|accept| accept.contains("text/html")) {
            let target = parts.uri.path_and_query().map_or("/", |target| target.as_str());
            let next: String = percent_encoded(target);
            return Err((StatusCode::SEE_OTHER, [(LOCATION, format!("/login?next={next}"))]).into_response());
        }
        Err((StatusCode::UNAUTHORIZED, "log in first\n").into_response())
    }
}

impl Viewer {
    /// Whether they may waive, acknowledge and announce maintenance.
    pub fn may_decide(&self) -> bool {
        self.role >= Role::Operator
    }

    /// For the audit.
    pub fn entry(&self, action: &str, subject: String, detail: String) -> Entry {
        let actor = format!("viewer {}", self.name);
        Entry { actor, action: action.to_owned(), subject, detail, address: self.address.to_string() }
    }

    fn find(headers: &HeaderMap, peer: Peer, connected: Option<IpAddr>, state: &AppState) -> Option<Self> {
        let now = Timestamp::now();
        let csrf = |of: &str| state.access.derived(&format!("csrf {of}"));
        if let Some(session) = cookie(headers)
            && let Some(found) = state.access.session(&Hash::of(session), now)
        {
            let csrf = csrf(&format!("session {session}"));
            let (name, role, address) = (found.name, found.role, peer.address);
            return Some(Self { name, role, csrf, address, has_session: true });
        }
        if let Some(token) = bearer(headers)
            && let Some(found) = state.access.viewer(&Hash::of(token), now)
        {
            let csrf = csrf(&format!("token {token}"));
            let (name, role, address) = (found.name, found.role, peer.address);
            return Some(Self { name, role, csrf, address, has_session: false });
        }
        let proxy = state.config.viewers.proxy.as_ref()?;
        if !proxy.addresses.iter().any(|network| connected.is_some_and(|address| network.contains(&address))) {
            return None;
        }
        // Two headers would be one of the proxy and one of somebody else.
        let mut values = headers.get_all(proxy.header.as_str()).iter();
        let (value, None) = (values.next()?, values.next()) else { return None };
        let name = value.to_str().ok().map(str::trim).filter(|name| !name.is_empty() && name.len() <= MAX_NAME)?;
        let role = if proxy.operators.iter().any(|one| one == name) { Role::Operator } else { proxy.role };
        let csrf = csrf(&format!("proxy {name}"));
        Some(Self { name: name.to_owned(), role, csrf, address: peer.address, has_session: false })
    }
}

impl FromRequestParts<AppState> for Peer {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Response> {
        let unknown = || (StatusCode::INTERNAL_SERVER_ERROR, "the connection has no address\n").into_response();
        let connected = connected(parts).ok_or_else(unknown)?;
        let forwarded = parts.headers.get_all("x-forwarded-for").iter().next_back();
        let relayed = forwarded.is_some() || parts.headers.contains_key("forwarded");
        let proxy = state.config.viewers.proxy.as_ref();
        let trusted = proxy.is_some_and(|proxy| proxy.addresses.iter().any(|network| network.contains(&connected)));
        // The last entry of the last line is the proxy's own; those before it are what anybody may have sent.
        let last = forwarded.and_then(|list| list.to_str().ok()?.rsplit(',').next()?.trim().parse().ok());
        Ok(Self { address: last.filter(|_| trusted).unwrap_or(connected), relayed })
    }
}

fn connected(parts: &Parts) -> Option<IpAddr> {
    parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(address)| address.ip().to_canonical())
}

/// The token of an `Authorization: Bearer` header.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim()).filter(|token| !token.is_empty())
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    let all = headers.get_all(COOKIE_HEADER).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = all.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == COOKIE).map(|(_, value)| value)
}

fn percent_encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'_' | b'.' | b'~');
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}
