//! One connection that is kept, and made anew where it broke.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HOST};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use portreeve_telemetry::otlp::{ExportLogsServiceResponse, Message as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Longest wait for an answer.
const LIMIT: Duration = Duration::from_secs(30);
/// Largest answer.
const MAX_ANSWER: usize = 1024 * 1024;

/// What a request came to.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// All of it was taken.
    Accepted,
    /// An answer other than 2xx.
    Refused(u16),
    /// No answer.
    Broken(&'static str),
}

impl Outcome {
    pub(crate) fn of(answer: Result<(u16, Bytes), &'static str>) -> Self {
        match answer {
            // That of metrics has the same form.
            Ok((200..300, body)) => {
                let told = ExportLogsServiceResponse::decode(body).ok().and_then(|told| told.partial_success);
                let is_partial = told.is_some_and(|told| told.rejected_log_records > 0);
                if is_partial { Self::Refused(206) } else { Self::Accepted }
            }
            Ok((status, _)) => Self::Refused(status),
            Err(why) => Self::Broken(why),
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Accepted => write!(formatter, "accepted"),
            Self::Refused(206) => write!(formatter, "accepted in part"),
            Self::Refused(status) => write!(formatter, "{status}"),
            Self::Broken(why) => write!(formatter, "{why}"),
        }
    }
}

pub(crate) struct Client {
    address: SocketAddr,
    sender: Option<SendRequest<Full<Bytes>>>,
    connections: u64,
}

impl Client {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self { address, sender: None, connections: 0 }
    }

    /// Connections that were made.
    pub(crate) fn connections(&self) -> u64 {
        self.connections
    }

    /// Status and body of the answer.
    pub(crate) async fn post(
        &mut self,
        path: &str,
        token: &str,
        kind: &str,
        encoding: Option<&str>,
        body: impl Into<Bytes>,
    ) -> Result<(u16, Bytes), &'static str> {
        let mut request = Request::builder().method(Method::POST).uri(path).header(HOST, self.address.to_string());
        request = request.header(CONTENT_TYPE, kind);
        if !token.is_empty() {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        if let Some(encoding) = encoding {
            request = request.header(CONTENT_ENCODING, encoding);
        }
        let request = request.body(Full::new(body.into())).unwrap();
        let answer = timeout(LIMIT, self.exchange(request)).await.unwrap_or(Err("no answer in time"));
        if answer.is_err() {
            self.sender = None;
        }
        answer
    }

    async fn exchange(&mut self, request: Request<Full<Bytes>>) -> Result<(u16, Bytes), &'static str> {
        let mut kept = self.sender.take();
        // The server may have closed it while nothing was sent.
        let is_open = match &mut kept {
            Some(sender) => sender.ready().await.is_ok(),
            None => false,
        };
        let mut sender = match kept.filter(|_| is_open) {
            Some(sender) => sender,
            None => {
                let stream = TcpStream::connect(self.address).await.map_err(|_| "no connection")?;
                stream.set_nodelay(true).map_err(|_| "no connection")?;
                let (sender, connection) = handshake(TokioIo::new(stream)).await.map_err(|_| "no connection")?;
                tokio::spawn(connection);
                self.connections += 1;
                sender
            }
        };
        let answer = sender.send_request(request).await.map_err(|_| "connection broke")?;
        let status = answer.status().as_u16();
        let body =
            Limited::new(answer.into_body(), MAX_ANSWER).collect().await.map_err(|_| "answer broke off")?.to_bytes();
        self.sender = Some(sender);
        Ok((status, body))
    }
}
