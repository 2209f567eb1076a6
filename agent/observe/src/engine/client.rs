//! A client of the Docker API over a Unix socket.
//!
//! Few calls are needed, and of each answer few fields. Every answer is bounded in bytes and in time, since whoever may start a container
//! may fill its labels, and a machine that hangs accepts and never answers. A field of an unknown form fails that field's container and
//! not the whole list: engines that imitate Docker have states that Docker has not.

use std::io;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::{Method, Request, Response, StatusCode, header};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::net::UnixStream;

use super::elements::Elements;
use super::error::EngineError;
use super::text::line;
use crate::os;

/// The newest version of the API that is spoken here; what is used of it is in 1.40, too.
const API: (u32, u32) = (1, 47);

/// Longest answer to a small question, in bytes.
const SMALL: usize = 256 * 1024;

/// Longest head of an answer, in bytes.
const MAX_HEAD: usize = 64 * 1024;

/// Longest message of a refusal that is kept, in bytes.
const MAX_MESSAGE: usize = 300;

/// `/version`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Version {
    /// Version of the engine.
    pub version: String,
    /// Its newest version of the API.
    pub api_version: String,
    /// Its oldest version of the API.
    #[serde(rename = "MinAPIVersion")]
    pub min_api_version: Option<String>,
    /// Operating system that its containers run on.
    pub os: Option<String>,
    /// Architecture in Go's words.
    pub arch: Option<String>,
    /// Release of the kernel.
    pub kernel_version: Option<String>,
    /// What it is made of.
    #[serde(deserialize_with = "super::lenient::or_default")]
    pub components: Vec<Component>,
    /// The product.
    #[serde(deserialize_with = "super::lenient::or_default")]
    pub platform: Platform,
}

/// A part of an engine.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Component {
    /// `Engine`, `Podman Engine`, …
    pub name: String,
}

/// The product.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Platform {
    /// `Docker Desktop 4.49.0 (208003)`, `Docker Engine - Community`.
    pub name: String,
}

/// A connection to one engine. Each call has a connection of its own, and ends at its deadline.
#[derive(Debug, Clone)]
pub struct Client {
    socket: Arc<Path>,
    /// `/v1.41`.
    prefix: Arc<str>,
    /// User who listened at the first connection.
    peer: Arc<OnceLock<u32>>,
}

/// What a call sends.
#[derive(Debug, Clone, Default)]
pub enum Body {
    /// Nothing.
    #[default]
    Empty,
    /// JSON.
    Json(Vec<u8>),
    /// A tar archive.
    Tar(Vec<u8>),
}

impl Client {
    /// Asks who is there and agrees on a version of the API.
    pub async fn connect(socket: &Path, deadline: Instant) -> Result<(Self, Version), EngineError> {
        let unversioned = Self { socket: Arc::from(socket), prefix: Arc::from(""), peer: Arc::default() };
        let version: Version = unversioned.get("/version", SMALL, deadline).await?;
        let newest = parse_api(&version.api_version).unwrap_or(API);
        if let Some(oldest) = version.min_api_version.as_deref().and_then(parse_api)
            && oldest > API
        {
            return Err(EngineError::TooNew { wanted: format!("{}.{}", oldest.0, oldest.1) });
        }
        let (major, minor) = newest.min(API);
        Ok((Self { prefix: Arc::from(format!("/v{major}.{minor}")), ..unversioned }, version))
    }

    /// The version agreed on: `1.41`.
    pub fn api_version(&self) -> &str {
        self.prefix.trim_start_matches("/v")
    }

    /// Where the engine listens.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// The user whose engine it is; none where nobody can tell: the launchd of macOS listens as root for every user.
    pub(crate) fn owner(&self) -> Option<u32> {
        self.peer.get().copied().filter(|uid| *uid != 0 || os::RUNS_CONTAINERS)
    }

    /// A new connection, to the user of the first.
    pub(crate) async fn open(&self) -> Result<UnixStream, EngineError> {
        let failed = |source| EngineError::Connect { path: self.socket.to_path_buf(), source };
        let stream = UnixStream::connect(&self.socket).await.map_err(failed)?;
        let uid = stream.peer_cred().map_err(failed)?.uid();
        if *self.peer.get_or_init(|| uid) != uid {
            return Err(failed(io::Error::other("another user has come to listen there")));
        }
        Ok(stream)
    }

    /// Gets an answer of at most `limit` bytes.
    pub async fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        limit: usize,
        deadline: Instant,
    ) -> Result<T, EngineError> {
        let body = self.call(Method::GET, path, Body::Empty, limit, deadline).await?;
        Ok(portreeve_core::json::parse(&body)?)
    }

    /// Makes a call, and gives the body of its answer.
    pub async fn call(
        &self,
        method: Method,
        path: &str,
        body: Body,
        limit: usize,
        deadline: Instant,
    ) -> Result<Vec<u8>, EngineError> {
        until(deadline, async {
            let (response, _task) = self.send(method, path, body).await?;
            let (collected, whole) = collect(response.into_body(), limit).await?;
            if whole { Ok(collected) } else { Err(EngineError::TooLong { limit }) }
        })
        .await
    }

    /// Makes a call and gives as much of its answer as comes until the deadline or the limit, and whether that is all of it.
    pub async fn call_partly(
        &self,
        path: &str,
        limit: usize,
        deadline: Instant,
    ) -> Result<(Vec<u8>, bool), EngineError> {
        let (response, _task) = until(deadline, self.send(Method::GET, path, Body::Empty)).await?;
        let mut body = response.into_body();
        let mut collected = Vec::new();
        let until = tokio::time::Instant::from_std(deadline);
        while let Ok(frame) = tokio::time::timeout_at(until, body.frame()).await {
            let Some(frame) = frame else { return Ok((collected, true)) };
            let Ok(data) = frame?.into_data() else { continue };
            let room = limit.saturating_sub(collected.len());
            collected.extend(data.iter().take(room));
            if data.len() > room {
                return Ok((collected, false));
            }
        }
        Ok((collected, false))
    }

    /// Makes a call and hands its answer on as it comes; whether it came whole within the limit.
    pub async fn stream(
        &self,
        path: &str,
        limit: u64,
        deadline: Instant,
        visit: &mut dyn FnMut(&[u8]),
    ) -> Result<bool, EngineError> {
        let begun = Instant::now();
        let (response, _task) = until(deadline, self.send(Method::GET, path, Body::Empty)).await?;
        let mut body = response.into_body();
        let mut left = limit;
        let until = tokio::time::Instant::from_std(deadline);
        loop {
            let Ok(frame) = tokio::time::timeout_at(until, body.frame()).await else {
                return Err(EngineError::Silent { after: begun.elapsed() });
            };
            let Some(frame) = frame else { return Ok(true) };
            let Ok(data) = frame?.into_data() else { continue };
            let Some(rest) = left.checked_sub(data.len() as u64) else { return Ok(false) };
            left = rest;
            visit(&data);
        }
    }

    /// Gets an array element by element, and passes over those that are longer than `element_limit` bytes or have another form. What has
    /// come by the deadline is given.
    pub async fn list<T: DeserializeOwned>(
        &self,
        path: &str,
        bounds: Bounds,
        deadline: Instant,
    ) -> Result<List<T>, EngineError> {
        let (response, _task) = until(deadline, self.send(Method::GET, path, Body::Empty)).await?;
        let mut body = response.into_body();
        let mut elements = Elements::new(bounds.element);
        let mut list = List { items: Vec::new(), passed_over: 0, whole: false };
        let mut read = 0_usize;
        let begun = Instant::now();
        let until = tokio::time::Instant::from_std(deadline);
        while let Ok(frame) = tokio::time::timeout_at(until, body.frame()).await {
            let Some(frame) = frame else {
                list.whole = elements.is_complete();
                break;
            };
            let Ok(data) = frame?.into_data() else { continue };
            read = read.saturating_add(data.len());
            elements.feed(
                &data,
                &mut |element| match element.and_then(|bytes| portreeve_core::json::parse(bytes).ok()) {
                    Some(item) if list.items.len() < bounds.items => list.items.push(item),
                    Some(_) | None => list.passed_over += 1,
                },
            );
            if read > bounds.total {
                break;
            }
            // A huge answer must not keep the other engines waiting.
            tokio::task::yield_now().await;
        }
        if list.items.is_empty() && !list.whole && list.passed_over == 0 {
            return Err(EngineError::Silent { after: begun.elapsed() });
        }
        Ok(list)
    }

    /// Sends a request and waits for the head of its answer. The task ends with the connection.
    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Body,
    ) -> Result<(Response<Incoming>, Connection), EngineError> {
        let stream = self.open().await?;
        let (mut sender, connection) =
            http1::Builder::new().max_buf_size(MAX_HEAD).handshake(TokioIo::new(stream)).await?;
        let task = Connection(tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "connection to an engine ended");
            }
        }));
        let (content_type, bytes) = match body {
            Body::Empty => (None, Vec::new()),
            Body::Json(bytes) => (Some("application/json"), bytes),
            Body::Tar(bytes) => (Some("application/x-tar"), bytes),
        };
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.prefix))
            .header(header::HOST, "docker")
            .header(header::USER_AGENT, concat!("portreeve/", env!("CARGO_PKG_VERSION")));
        if let Some(content_type) = content_type {
            request = request.header(header::CONTENT_TYPE, content_type);
        }
        let response = sender.send_request(request.body(Full::new(Bytes::from(bytes)))?).await?;
        let status = response.status();
        if status.is_success() || status == StatusCode::NOT_MODIFIED {
            return Ok((response, task));
        }
        let (body, _) = collect(response.into_body(), SMALL).await?;
        let message = serde_json::from_slice(&body)
            .map_or_else(|_| String::from_utf8_lossy(&body).into_owned(), |Message { message }| message);
        Err(EngineError::Refused { status: status.as_u16(), message: line(&message, MAX_MESSAGE) })
    }
}

/// What a refusal says.
#[derive(Deserialize)]
struct Message {
    message: String,
}

/// The task that moves a connection's bytes; it ends when this is dropped.
#[derive(Debug)]
struct Connection(tokio::task::JoinHandle<()>);

impl Drop for Connection {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Bounds of a list.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Bytes of the whole answer.
    pub total: usize,
    /// Bytes of one element.
    pub element: usize,
    /// Elements that are kept.
    pub items: usize,
}

/// A list as far as it came.
#[derive(Debug, Clone)]
pub struct List<T> {
    /// Elements.
    pub items: Vec<T>,
    /// Elements that were passed over, for their size, their form or their number.
    pub passed_over: u64,
    /// Whether the answer was read to its end.
    pub whole: bool,
}

/// At most `limit` bytes of a body, and whether that is all of it.
async fn collect(mut body: Incoming, limit: usize) -> Result<(Vec<u8>, bool), EngineError> {
    let mut collected = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else { continue };
        if collected.len() + data.len() > limit {
            return Ok((collected, false));
        }
        collected.extend_from_slice(&data);
    }
    Ok((collected, true))
}

/// What comes of it by the deadline.
async fn until<T>(deadline: Instant, work: impl Future<Output = Result<T, EngineError>>) -> Result<T, EngineError> {
    let begun = Instant::now();
    match tokio::time::timeout_at(tokio::time::Instant::from_std(deadline), work).await {
        Ok(result) => result,
        Err(_) => Err(EngineError::Silent { after: begun.elapsed() }),
    }
}

/// A name as one segment of a path, or one value of a query.
pub(crate) fn segment(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}

fn parse_api(version: &str) -> Option<(u32, u32)> {
    let (major, minor) = version.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

#[cfg(test)]
mod tests;
