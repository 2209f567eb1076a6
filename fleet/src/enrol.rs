//! How a node gets a credential of its own, gets another one, and gives it back.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use axum::extract::{FromRequestParts, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use jiff::Timestamp;
use portreeve_telemetry::enrol::{ENROL_PATH, Granted, LEAVE_PATH, MAX_BYTES, ROTATE_PATH, Refused, Request as Asked};
use rusqlite::{OptionalExtension, params};
use secrecy::ExposeSecret;

use crate::AppState;
use crate::auth::{AccessChange, Credential, Hash, Issued, Peer, bearer, issue};
use crate::error::Chain;
use crate::index::{Brief, Change, NodeKey, NodeSummary, Presence};
use crate::store::audit::Entry;
use crate::store::{StoreError, Tx, millis, timestamp};

/// Most characters of a name.
const MAX_NAME: usize = 100;
/// Longest identity of a node, in bytes.
const MAX_ID: usize = 200;
/// Beat of a node that has not told its own, in seconds.
const INTERVAL: u32 = 60;

/// Why a node gets no credential.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error("the join code is not known, used up or over")]
    Code,
    #[error("the credential is not known, or no longer")]
    Credential,
    #[error("{0}")]
    Malformed(&'static str),
    #[error(
        "this node is enrolled already: revoke it first (`portreeve-fleet node revoke`), or make a code for it \
         (`portreeve-fleet code create --node`)"
    )]
    Enrolled,
    #[error("the fleet has as many nodes as it may have")]
    Full,
    #[error("too many credentials are asked for at once")]
    TooFast,
    #[error("the request is too large or did not arrive")]
    Body,
    #[error("the server cannot enrol a node now")]
    Internal,
}

/// The routes of enrolment.
pub fn routes() -> Router<AppState> {
    Router::new().route(ENROL_PATH, post(enrol)).route(ROTATE_PATH, post(rotate)).route(LEAVE_PATH, post(leave))
}

/// A name of a node or a viewer, without blanks around it; none where it is empty, too long or holds what nobody sees.
pub fn checked_name(name: &str) -> Option<String> {
    let name = name.trim();
    let fits = !name.is_empty() && name.chars().count() <= MAX_NAME && !name.chars().any(is_hidden);
    fits.then(|| name.to_owned())
}

/// Whether a character is not seen itself and changes how others are: it would make one name look like another. Those that join others,
/// as in emoji, are none of them.
pub(crate) fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{ad}'
                | '\u{61c}'
                | '\u{180e}'
                | '\u{200b}'
                | '\u{200e}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

/// What a node asks for a credential with, its names without blanks around them; or what is wrong with it.
pub fn read_request(bytes: &[u8]) -> Result<Asked, &'static str> {
    let mut asked: Asked = serde_json::from_slice(bytes).map_err(|_| "the request is not understood")?;
    if asked.node.is_empty() || asked.node.len() > MAX_ID || asked.node.chars().any(is_hidden) {
        return Err("a node's identity has 1 to 200 bytes, none of them a control character");
    }
    asked.hostname = checked_name(&asked.hostname).ok_or("the host name is no name")?;
    asked.agent_version = checked_name(&asked.agent_version).ok_or("the agent's version is none")?;
    if let Some(name) = &mut asked.name {
        *name = checked_name(name).ok_or("the name is no name")?;
    }
    Ok(asked)
}

async fn enrol(State(state): State<AppState>, request: Request) -> Response {
    answer(enrolled(&state, request).await.map(Json))
}

async fn rotate(State(state): State<AppState>, peer: Peer, headers: HeaderMap) -> Response {
    answer(rotated(&state, peer.address, &headers).await.map(Json))
}

async fn leave(State(state): State<AppState>, peer: Peer, headers: HeaderMap) -> Response {
    answer(left(&state, peer.address, &headers).await.map(|()| StatusCode::NO_CONTENT))
}

async fn enrolled(state: &AppState, request: Request) -> Result<Granted, Refusal> {
    let (mut parts, body) = request.into_parts();
    let peer = Peer::from_request_parts(&mut parts, state).await.map_err(|_| Refusal::Internal)?;
    if !state.enrolments.may(Instant::now()) {
        return Err(Refusal::TooFast);
    }
    let read = axum::body::to_bytes(body, MAX_BYTES);
    let bytes = tokio::time::timeout(state.config.limits.body(), read).await;
    let bytes = bytes.map_err(|_| Refusal::Body)?.map_err(|_| Refusal::Body)?;
    let asked = read_request(&bytes).map_err(Refusal::Malformed)?;
    // A node that shows its current credential is who it says it is.
    let current = bearer(&parts.headers).and_then(|token| state.access.credential(&Hash::of(token)));
    let is_same = current.is_some_and(|current| *current.id == asked.node);
    let issued = issue("prn_").map_err(|_| Refusal::Internal)?;
    let (hash, code) = (issued.hash, Hash::of(&asked.code));
    let new = New {
        id: asked.node,
        name: asked.name,
        hostname: asked.hostname,
        version: asked.agent_version,
        is_same,
        hash,
        code,
        address: peer.address,
    };
    new.look(state).await?;
    let entry = new.entry("enrol.refused", String::new());
    let granted = state.store.write(move |tx| new.write(tx)).await;
    match granted {
        Ok(Ok((id, name))) => Ok(grant(state, id, name, &issued)),
        Ok(Err(refusal)) => {
            refused(state, Entry { detail: refusal.to_string(), ..entry }).await?;
            Err(refusal)
        }
        Err(error) => Err(failed(&error)),
    }
}

/// Writes down that a node was refused, unless many were lately: whoever tries again and again costs little.
async fn refused(state: &AppState, entry: Entry) -> Result<(), Refusal> {
    if !state.audits.may(Instant::now()) {
        return Ok(());
    }
    state.store.write(move |tx| tx.audit(&entry)).await.map_err(|error| failed(&error))
}

/// A node that wants to enrol.
struct New {
    id: String,
    name: Option<String>,
    hostname: String,
    version: String,
    is_same: bool,
    hash: Hash,
    code: Hash,
    address: IpAddr,
}

impl New {
    /// Identity and name of the node, enrolled. A refusal leaves nothing.
    fn write(self, tx: &mut Tx<'_>) -> Result<Result<(String, String), Refusal>, StoreError> {
        match self.checked(tx)? {
            Ok(existing) => self.put(tx, existing).map(Ok),
            Err(refusal) => Ok(Err(refusal)),
        }
    }

    /// Refuses a code that nobody made, without a transaction for it.
    async fn look(&self, state: &AppState) -> Result<(), Refusal> {
        let code = self.code;
        let sql = "SELECT EXISTS (SELECT 1 FROM join_code WHERE hash = ?)";
        let there = state
            .store
            .read(move |connection| Ok(connection.query_row(sql, [code.bytes()], |row| row.get::<_, bool>(0))?));
        if there.await.map_err(|error| failed(&error))? {
            return Ok(());
        }
        tracing::warn!(address = %self.address, "a node wants to enrol with a code that is not known");
        refused(state, self.entry("enrol.refused", Refusal::Code.to_string())).await?;
        Err(Refusal::Code)
    }

    /// Whether it may enrol; the node that it is, if it is known.
    fn checked(&self, tx: &Tx<'_>) -> Result<Result<Option<Arc<NodeSummary>>, Refusal>, StoreError> {
        let code: Option<Option<String>> = tx
            .query_row(
                "SELECT node FROM join_code WHERE hash = ? AND expires_at > ? AND uses_left > 0",
                params![self.code.bytes(), millis(tx.now())],
                |row| row.get(0),
            )
            .optional()?;
        let Some(code) = code.filter(|code| code.as_ref().is_none_or(|node| *node == self.id)) else {
            return Ok(Err(Refusal::Code));
        };
        let key: Option<i64> =
            tx.query_row("SELECT key FROM node WHERE id = ?", [&self.id], |row| row.get(0)).optional()?;
        let Some(existing) = key.and_then(|key| tx.node(NodeKey(key))) else {
            let count: u32 = tx.query_row("SELECT count(*) FROM node", [], |row| row.get(0))?;
            return Ok(if count as usize >= tx.shared().config.limits.nodes { Err(Refusal::Full) } else { Ok(None) });
        };
        // A code for many must not let one of them speak for another: only a node that cannot speak yet, or no longer, or one that
        // shows its credential, or for which the code was made, enrols again.
        let used: bool = tx.query_row(
            "SELECT EXISTS (SELECT 1 FROM credential WHERE node = ? AND used_at IS NOT NULL)",
            [existing.key.0],
            |row| row.get(0),
        )?;
        if used && !self.is_same && code.is_none() {
            return Ok(Err(Refusal::Enrolled));
        }
        Ok(Ok(Some(existing)))
    }

    fn put(self, tx: &mut Tx<'_>, existing: Option<Arc<NodeSummary>>) -> Result<(String, String), StoreError> {
        let now = tx.now();
        tx.execute("UPDATE join_code SET uses_left = uses_left - 1 WHERE hash = ?", [self.code.bytes()])?;
        let wanted = self.name.clone().unwrap_or_else(|| self.hostname.clone());
        let is_new = existing.is_none();
        let mut node = match existing {
            Some(node) => {
                let mut node = Arc::unwrap_or_clone(node);
                if self.name.is_some() {
                    node.name = free_name(tx, &wanted, Some(node.key))?;
                }
                let set = "UPDATE node SET name = ?, hostname = ?, agent_version = ?, revoked_at = NULL WHERE key = ?";
                tx.execute(set, params![node.name, self.hostname, self.version, node.key.0])?;
                node
            }
            None => {
                let name = free_name(tx, &wanted, None)?;
                tx.execute(
                    "INSERT INTO node (id, name, hostname, agent_version, enrolled_at) VALUES (?, ?, ?, ?, ?)",
                    params![self.id, name, self.hostname, self.version, millis(now)],
                )?;
                let key = NodeKey(tx.last_insert_rowid());
                tx.execute(
                    "INSERT INTO presence (node, state, since, interval_s) VALUES (?, ?, ?, ?)",
                    params![key.0, Presence::New.name(), millis(now), INTERVAL],
                )?;
                NodeSummary {
                    key,
                    id: self.id.clone(),
                    name,
                    hostname: String::new(),
                    agent_version: String::new(),
                    enrolled_at: now,
                    revoked_at: None,
                    last_seen: None,
                    presence: Presence::New,
                    presence_since: now,
                    interval_s: INTERVAL,
                    clock_ahead_s: None,
                    since: None,
                    report_at: None,
                    lock_wait: None,
                    brief: Arc::new(Brief::default()),
                }
            }
        };
        node.hostname.clone_from(&self.hostname);
        node.agent_version.clone_from(&self.version);
        node.revoked_at = None;
        add_credential(tx, &node, self.hash, None)?;
        let detail = format!("{} as `{}`", if is_new { "for the first time" } else { "again" }, node.name);
        self.audit(tx, "enrol", detail)?;
        let (id, name) = (node.id.clone(), node.name.clone());
        tx.tell(Change::Node(node.key));
        tx.put(node);
        Ok((id, name))
    }

    fn audit(&self, tx: &Tx<'_>, action: &str, detail: String) -> Result<(), StoreError> {
        tx.audit(&self.entry(action, detail))
    }

    fn entry(&self, action: &str, detail: String) -> Entry {
        Entry {
            actor: format!("node {}", self.id),
            action: action.to_owned(),
            subject: self.id.clone(),
            detail,
            address: self.address.to_string(),
        }
    }
}

/// The name, with a number behind it where another node has it.
fn free_name(tx: &Tx<'_>, wanted: &str, of: Option<NodeKey>) -> Result<String, StoreError> {
    let mut name = wanted.to_owned();
    let mut number = 1_u32;
    loop {
        let owner: Option<i64> =
            tx.query_row("SELECT key FROM node WHERE name = ?", [&name], |row| row.get(0)).optional()?;
        if owner.is_none_or(|owner| of == Some(NodeKey(owner))) {
            return Ok(name);
        }
        number += 1;
        // Thousands with one name: the identity's beginning would be no clearer, a random number is found at once.
        let suffix = if number < 100 { number } else { fastrand::u32(100..) };
        name = format!("{wanted}-{suffix}");
    }
}

/// Gives a node one credential more. Of those that were never used, all but `keep` end: at most one waits.
fn add_credential(tx: &mut Tx<'_>, node: &NodeSummary, hash: Hash, keep: Option<Hash>) -> Result<(), StoreError> {
    let unused: Vec<Hash> = tx
        .connection()
        .prepare_cached("SELECT hash FROM credential WHERE node = ? AND used_at IS NULL")?
        .query_map([node.key.0], |row| Ok(Hash::from_bytes(row.get(0)?)))?
        .collect::<Result<_, _>>()?;
    for old in unused.into_iter().filter(|old| Some(*old) != keep) {
        tx.execute("DELETE FROM credential WHERE hash = ?", [old.bytes()])?;
        tx.access(AccessChange::CredentialEnded(old));
    }
    let now = tx.now();
    tx.execute(
        "INSERT INTO credential (hash, node, created_at) VALUES (?, ?, ?)",
        params![hash.bytes(), node.key.0, millis(now)],
    )?;
    let credential =
        Credential { node: node.key, id: node.id.as_str().into(), created_at: timestamp(millis(now)), used: false };
    tx.access(AccessChange::Credential(hash, credential));
    Ok(())
}

async fn rotated(state: &AppState, address: IpAddr, headers: &HeaderMap) -> Result<Granted, Refusal> {
    let (old, credential) = presented(state, headers)?;
    if !state.rotations.may(&credential.id, Instant::now()) {
        return Err(Refusal::TooFast);
    }
    let issued = issue("prn_").map_err(|_| Refusal::Internal)?;
    let hash = issued.hash;
    let granted = state
        .store
        .write(move |tx| {
            let Some(node) = tx.node(credential.node).filter(|node| node.revoked_at.is_none()) else {
                return Ok(None);
            };
            add_credential(tx, &node, hash, Some(old))?;
            tx.audit(&Entry {
                actor: format!("node {}", node.id),
                action: "enrol.rotate".to_owned(),
                subject: node.id.clone(),
                detail: "the old credential counts until the new one is used".to_owned(),
                address: address.to_string(),
            })?;
            Ok(Some((node.id.clone(), node.name.clone())))
        })
        .await
        .map_err(|error| failed(&error))?;
    let (id, name) = granted.ok_or(Refusal::Credential)?;
    Ok(grant(state, id, name, &issued))
}

async fn left(state: &AppState, address: IpAddr, headers: &HeaderMap) -> Result<(), Refusal> {
    let (_, credential) = presented(state, headers)?;
    let done = state.store.write(move |tx| {
        let Some(node) = tx.node(credential.node) else { return Ok(()) };
        revoke(tx, node)?;
        let id = credential.id.to_string();
        let actor = format!("node {id}");
        let (action, detail) = ("enrol.leave".to_owned(), String::new());
        tx.audit(&Entry { actor, action, subject: id, detail, address: address.to_string() })
    });
    done.await.map_err(|error| failed(&error))
}

/// Ends all credentials of a node.
fn revoke(tx: &mut Tx<'_>, node: Arc<NodeSummary>) -> Result<(), StoreError> {
    let now = Timestamp::now();
    let hashes: Vec<Hash> = tx
        .connection()
        .prepare_cached("SELECT hash FROM credential WHERE node = ?")?
        .query_map([node.key.0], |row| Ok(Hash::from_bytes(row.get(0)?)))?
        .collect::<Result<_, _>>()?;
    tx.execute("DELETE FROM credential WHERE node = ?", [node.key.0])?;
    tx.execute("UPDATE node SET revoked_at = ? WHERE key = ?", params![millis(now), node.key.0])?;
    for hash in hashes {
        tx.access(AccessChange::CredentialEnded(hash));
    }
    tx.tell(Change::Node(node.key));
    let mut node = Arc::unwrap_or_clone(node);
    node.revoked_at = Some(now);
    tx.put(node);
    Ok(())
}

fn presented(state: &AppState, headers: &HeaderMap) -> Result<(Hash, Credential), Refusal> {
    let hash = bearer(headers).map(Hash::of).ok_or(Refusal::Credential)?;
    let credential = state.access.credential(&hash).ok_or(Refusal::Credential)?;
    Ok((hash, credential))
}

fn grant(state: &AppState, node: String, name: String, issued: &Issued) -> Granted {
    Granted { node, name, token: issued.token.expose_secret().to_owned(), endpoint: state.config.public_url.clone() }
}

fn failed(error: &StoreError) -> Refusal {
    tracing::error!(error = %Chain(error), "cannot enrol a node");
    Refusal::Internal
}

fn answer(outcome: Result<impl IntoResponse, Refusal>) -> Response {
    let refusal = match outcome {
        Ok(granted) => return granted.into_response(),
        Err(refusal) => refusal,
    };
    let status = match refusal {
        Refusal::Code => StatusCode::FORBIDDEN,
        Refusal::Credential => StatusCode::UNAUTHORIZED,
        Refusal::Malformed(_) => StatusCode::BAD_REQUEST,
        Refusal::Enrolled => StatusCode::CONFLICT,
        Refusal::Full => StatusCode::INSUFFICIENT_STORAGE,
        Refusal::TooFast => StatusCode::TOO_MANY_REQUESTS,
        Refusal::Body => StatusCode::PAYLOAD_TOO_LARGE,
        Refusal::Internal => StatusCode::SERVICE_UNAVAILABLE,
    };
    let mut response = (status, Json(Refused { error: refusal.to_string() })).into_response();
    if matches!(refusal, Refusal::TooFast | Refusal::Internal) {
        response.headers_mut().insert(axum::http::header::RETRY_AFTER, fastrand::u64(2..=15).into());
    }
    response
}
