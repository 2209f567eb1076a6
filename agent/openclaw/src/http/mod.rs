//! The gateway's HTTP probes: `/healthz`, `/startupz`, `/readyz`.
//!
//! No proxy, no redirects, bodies of at most [`MAX_BODY_BYTES`], a deadline on everything. A 200 on an arbitrary path proves nothing: a
//! gateway serves its web page for most of them. Only the shapes of the probes' bodies tell an OpenClaw gateway from another listener.

mod error;
mod parse;

use std::net::SocketAddr;
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderName, SERVER};
use secrecy::{ExposeSecret, SecretString};
use tokio::time::{Instant, timeout, timeout_at};

pub use error::{HttpPhase, ProbeError, ProbeErrorKind};
pub use parse::{Body, Liveness, Readiness, Startup, StartupState, liveness, readiness, startup};

use crate::client::ErrorKind;
use crate::endpoint::{Scheme, Target, tls};
use crate::protocol::text::Text;

/// Largest body read, in bytes.
pub const MAX_BODY_BYTES: usize = 64 * 1024;

/// How long a probe may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HttpDeadlines {
    /// Name, TCP and TLS.
    pub connect: Duration,
    /// Everything, the body included.
    pub total: Duration,
}

impl Default for HttpDeadlines {
    fn default() -> Self {
        Self { connect: Duration::from_secs(3), total: Duration::from_secs(5) }
    }
}

/// An HTTP answer to a probe.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer<T> {
    /// The HTTP status.
    pub status: u16,
    /// From the request to the end of the body.
    pub elapsed: Duration,
    /// The `Server` header; a gateway sends none.
    pub server: Option<Text>,
    /// The `Content-Type` header.
    pub content_type: Option<Text>,
    /// What the body says.
    pub body: Body<T>,
}

/// All three probes of one gateway.
#[derive(Debug)]
pub struct Probes {
    /// `/healthz`.
    pub liveness: Result<Answer<Liveness>, ProbeError>,
    /// `/startupz`.
    pub startup: Result<Answer<Startup>, ProbeError>,
    /// `/readyz`.
    pub readiness: Result<Answer<Readiness>, ProbeError>,
}

/// What the probes say about who listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Listener {
    /// An OpenClaw gateway: two probes have its shapes.
    OpenClaw,
    /// Something else: it answers, but not as a gateway does.
    Foreign,
    /// Nobody answered.
    Silent,
    /// Too little was seen to say.
    Undecided,
}

impl Probes {
    /// Who listens. One probe of the right shape is not enough; the web page of a gateway, or of anything else, is none.
    pub fn listener(&self) -> Listener {
        let live = Evidence::of(&self.liveness);
        let startup = Evidence::of(&self.startup);
        let ready = Evidence::of(&self.readiness);
        let all = [live, startup, ready];
        let count = |wanted| all.iter().filter(|evidence| **evidence == wanted).count();

        if count(Evidence::For) >= 2 {
            Listener::OpenClaw
        } else if count(Evidence::None) == all.len() {
            Listener::Silent
        } else if count(Evidence::For) == 0 && count(Evidence::Against) > 0 {
            Listener::Foreign
        } else {
            Listener::Undecided
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Evidence {
    For,
    Against,
    None,
}

impl Evidence {
    fn of<T>(result: &Result<Answer<T>, ProbeError>) -> Self {
        match result {
            Ok(Answer { body: Body::Known(_) | Body::ProxyAttributionRequired, .. }) => Self::For,
            Ok(Answer { body: Body::Foreign, .. }) => Self::Against,
            Err(error) if error.is_answer() => Self::Against,
            Err(_) => Self::None,
        }
    }
}

/// Probes one gateway.
pub struct Prober {
    client: reqwest::Client,
    base: String,
    deadlines: HttpDeadlines,
    bearer: Option<SecretString>,
}

impl std::fmt::Debug for Prober {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Prober").field("base", &self.base).field("deadlines", &self.deadlines).finish_non_exhaustive()
    }
}

impl Prober {
    /// A prober for `target`. The host name is resolved here, once.
    pub async fn new(target: &Target, deadlines: HttpDeadlines) -> Result<Self, ProbeError> {
        let started = Instant::now();
        let failed = |phase, kind| ProbeError { path: "/", phase, kind, elapsed: started.elapsed() };
        let addresses = match target.address() {
            Some(address) => vec![SocketAddr::new(address, target.port())],
            None => timeout(deadlines.connect, target.resolve())
                .await
                .unwrap_or(Err(ErrorKind::Timeout { after: deadlines.connect }))
                .map_err(|kind| failed(HttpPhase::Dns, ProbeErrorKind::Connection(kind)))?,
        };
        let setup = |message: String| failed(HttpPhase::Tls, ProbeErrorKind::Setup { message: Text::new(&message) });
        let config = tls::client_config(target.tls()).map_err(|error| setup(error.to_string()))?;
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(config)
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .http1_only()
            .https_only(target.scheme() == Scheme::Wss)
            .connect_timeout(deadlines.connect)
            .resolve_to_addrs(target.host(), &addresses)
            .user_agent(concat!("portreeve/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| setup(error.to_string()))?;
        let base = format!("{}://{}", target.scheme().http(), target.authority());

        Ok(Self { client, base, deadlines, bearer: None })
    }

    /// Sends this secret as a bearer token, without which a gateway that does not see us on its loopback answers briefly.
    #[must_use]
    pub fn with_bearer(mut self, secret: SecretString) -> Self {
        self.bearer = Some(secret);

        self
    }

    /// Asks `/healthz`: does the process answer.
    pub async fn liveness(&self) -> Result<Answer<Liveness>, ProbeError> {
        self.get("/healthz", liveness).await
    }

    /// Asks `/startupz`: has it started.
    pub async fn startup(&self) -> Result<Answer<Startup>, ProbeError> {
        self.get("/startupz", startup).await
    }

    /// Asks `/readyz`: is it ready.
    pub async fn readiness(&self) -> Result<Answer<Readiness>, ProbeError> {
        self.get("/readyz", readiness).await
    }

    /// Asks all three at once, so that one that hangs costs one deadline, not three.
    pub async fn all(&self) -> Probes {
        let (liveness, startup, readiness) = tokio::join!(self.liveness(), self.startup(), self.readiness());

        Probes { liveness, startup, readiness }
    }

    async fn get<T>(&self, path: &'static str, parse: impl Fn(u16, &[u8]) -> Body<T>) -> Result<Answer<T>, ProbeError> {
        let started = Instant::now();
        let deadline = started + self.deadlines.total;
        let failed = |phase, kind| ProbeError { path, phase, kind, elapsed: started.elapsed() };
        let late =
            |phase| failed(phase, ProbeErrorKind::Connection(ErrorKind::Timeout { after: self.deadlines.total }));
        let mut request = self.client.get(format!("{}{path}", self.base));
        if let Some(bearer) = &self.bearer {
            request = request.bearer_auth(bearer.expose_secret());
        }
        let mut response = match timeout_at(deadline, request.send()).await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => {
                let (phase, kind) = error::classify(&error, self.deadlines.connect);
                return Err(failed(phase, kind));
            }
            Err(_) => return Err(late(HttpPhase::Response)),
        };
        let status = response.status().as_u16();
        let header =
            |name: HeaderName| response.headers().get(name).map(|v| Text::new(&String::from_utf8_lossy(v.as_bytes())));
        let (server, content_type) = (header(SERVER), header(CONTENT_TYPE));
        let mut body = Vec::new();
        loop {
            match timeout_at(deadline, response.chunk()).await {
                Ok(Ok(Some(chunk))) if body.len() + chunk.len() <= MAX_BODY_BYTES => body.extend_from_slice(&chunk),
                Ok(Ok(Some(_))) => {
                    return Err(failed(HttpPhase::Body, ProbeErrorKind::BodyTooLarge { limit: MAX_BODY_BYTES }));
                }
                Ok(Ok(None)) => break,
                Ok(Err(error)) => {
                    let (_, kind) = error::classify(&error, self.deadlines.connect);
                    return Err(failed(HttpPhase::Body, kind));
                }
                Err(_) => return Err(late(HttpPhase::Body)),
            }
        }

        Ok(Answer { status, elapsed: started.elapsed(), server, content_type, body: parse(status, &body) })
    }
}
