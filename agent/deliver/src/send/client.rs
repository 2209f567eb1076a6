//! The client: one request with its answer, bounded in time and size.

use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::Timestamp;
use portreeve_core::Secret;
use portreeve_core::error::chain;
use portreeve_telemetry::otlp::PROTOBUF;
use reqwest::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION, RETRY_AFTER};
use reqwest::{Response, Url};
use secrecy::ExposeSecret as _;

use super::destination::{Destination, Options, SetupError};
use super::outcome::{Answer, Outcome};
use super::tls;
use crate::spool::Signal;

/// How long a connection may take, TLS not included.
const CONNECT: Duration = Duration::from_secs(10);
/// How long a connection stays open for the next request: longer than the usual time between two.
const IDLE: Duration = Duration::from_secs(90);
/// Most bytes of an answer.
const MAX_ANSWER: usize = 64 << 10;

/// Sends to one destination. It keeps one connection.
#[derive(Debug)]
pub struct Client {
    http: reqwest::Client,
    destination: Destination,
}

impl Client {
    /// One as settings and enrolment have it; none where nothing is to be sent. `data_dir` holds the enrolment.
    pub fn new(options: &Options, data_dir: &Path) -> Result<Option<Self>, SetupError> {
        let Some(destination) = Destination::new(options, data_dir)? else { return Ok(None) };
        let http = http(options, destination.is_local())?;
        Ok(Some(Self { http, destination }))
    }

    /// Where it sends to.
    pub fn destination(&self) -> &Destination {
        &self.destination
    }

    /// Sends one message with records of a signal, and says what came of it.
    pub async fn send(&self, signal: Signal, body: &[u8]) -> Outcome {
        match self.destination.token(signal) {
            Ok(token) => self.send_as(signal, body, token.as_ref()).await,
            Err(error) => Outcome::Unwelcome { why: error.sentence() },
        }
    }

    /// The same with this credential.
    pub(super) async fn send_as(&self, signal: Signal, body: &[u8], token: Option<&Secret>) -> Outcome {
        let Some(url) = self.destination.url(signal) else {
            return Outcome::Unwelcome { why: format!("{} go nowhere", signal.as_str()) };
        };
        let packed = match pack(body) {
            Ok(packed) => packed,
            Err(error) => return Outcome::Failed { why: chain(&error) },
        };
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(PROTOBUF));
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        let posted = post(&self.http, url.clone(), headers, packed, token).await;
        match posted {
            Err(why) => Outcome::Failed { why },
            Ok(reply) => reply.answer().outcome(signal, Timestamp::now()),
        }
    }
}

/// A client by the settings. What is on this machine is in nobody's proxy.
pub(super) fn http(options: &Options, is_local: bool) -> Result<reqwest::Client, SetupError> {
    let builder = reqwest::Client::builder()
        .tls_backend_preconfigured(tls::config(options)?)
        .redirect(reqwest::redirect::Policy::none())
        .http1_only()
        .connect_timeout(CONNECT.min(options.timeout))
        .timeout(options.timeout)
        .pool_max_idle_per_host(1)
        .pool_idle_timeout(IDLE)
        .referer(false)
        .user_agent(concat!("portreeve/", env!("CARGO_PKG_VERSION")));
    let builder = if is_local { builder.no_proxy() } else { builder };
    builder.build().map_err(|error| SetupError::Http(error.without_url()))
}

/// What came back.
pub(super) struct Reply {
    pub(super) status: u16,
    media_type: String,
    retry_after: Option<String>,
    location: Option<String>,
    pub(super) body: Vec<u8>,
}

impl Reply {
    pub(super) fn answer(&self) -> Answer<'_> {
        Answer {
            status: self.status,
            media_type: &self.media_type,
            retry_after: self.retry_after.as_deref(),
            location: self.location.as_deref(),
            body: &self.body,
        }
    }
}

/// Posts something. The token appears in nothing that comes back.
pub(super) async fn post(
    http: &reqwest::Client,
    url: Url,
    headers: HeaderMap,
    body: Vec<u8>,
    token: Option<&Secret>,
) -> Result<Reply, String> {
    let mut request = http.post(url).headers(headers).body(body);
    if let Some(token) = token {
        let bearer = Secret::from(format!("Bearer {}", token.expose_secret()));
        let mut value =
            HeaderValue::from_str(bearer.expose_secret()).map_err(|_| "the token is no token".to_owned())?;
        value.set_sensitive(true);
        request = request.header(AUTHORIZATION, value);
    }
    let response = request.send().await.map_err(reason)?;
    let header = |name| {
        let text = response.headers().get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        text.map(|text| without(text, token))
    };
    let status = response.status().as_u16();
    let (media_type, retry_after, location) = (header(CONTENT_TYPE), header(RETRY_AFTER), header(LOCATION));
    let body = match read(response).await {
        Ok(body) => body,
        // What was said in the head stands; a success counts only whole.
        Err(_) if !(200..300).contains(&status) => Vec::new(),
        Err(why) => return Err(why),
    };
    let body = match token {
        Some(token) if contains(&body, token.expose_secret().as_bytes()) => b"(it repeats the credential)".to_vec(),
        _ => body,
    };
    let media_type = media_type.unwrap_or_default().to_ascii_lowercase();
    Ok(Reply { status, media_type, retry_after, location, body })
}

fn without(text: String, token: Option<&Secret>) -> String {
    match token {
        Some(token) => text.replace(token.expose_secret(), "[REDACTED]"),
        None => text,
    }
}

fn contains(body: &[u8], part: &[u8]) -> bool {
    !part.is_empty() && body.windows(part.len()).any(|window| window == part)
}

/// The body of an answer. One without end is a failure.
async fn read(mut response: Response) -> Result<Vec<u8>, String> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(reason)? {
        if body.len() + chunk.len() > MAX_ANSWER {
            return Err(format!("the answer is longer than {MAX_ANSWER} bytes"));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn pack(body: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 4), Compression::default());
    encoder.write_all(body)?;
    encoder.finish()
}

/// Why there was no answer, without the URL: what is part of it may be a secret.
fn reason(error: reqwest::Error) -> String {
    let error = error.without_url();
    if let Some(tls) = within::<rustls::Error>(&error) {
        let what = match tls {
            rustls::Error::InvalidCertificate(_) => "the endpoint's certificate is not trusted",
            rustls::Error::InvalidMessage(_) => "the endpoint does not speak TLS",
            rustls::Error::AlertReceived(_) => "the endpoint refuses the TLS handshake",
            _ => "the TLS handshake failed",
        };
        return format!("{what}: {}", super::outcome::line(&tls.to_string()));
    }
    if error.is_timeout() {
        return if error.is_connect() { "no connection in time" } else { "no answer in time" }.to_owned();
    }
    let mut cause: &dyn std::error::Error = &error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    let what = if error.is_connect() { "no connection" } else { "no answer" };
    format!("{what}: {}", super::outcome::line(&cause.to_string()))
}

/// Finds an error of a kind among an error's causes.
fn within<'a, T: std::error::Error + 'static>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a T> {
    let mut current = Some(error);
    while let Some(error) = current {
        if let Some(found) = error.downcast_ref::<T>() {
            return Some(found);
        }
        // An `io::Error` made from another error shows that one's source as its own, and hides the error itself.
        current = match error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    None
}
