//! Where what is spooled goes, and with which credential.

use std::path::PathBuf;
use std::time::Duration;

use portreeve_core::Secret;
use portreeve_core::error::chain;
use portreeve_store::{Privacy, StoreError, read_named};
use portreeve_telemetry::otlp::{LOGS_PATH, METRICS_PATH};
use reqwest::Url;
use secrecy::ExposeSecret as _;

use super::enrolment::{self, Enrolment};
use crate::spool::Signal;

/// Longest token, in bytes.
const MAX_TOKEN: u64 = 16 << 10;
/// What a setting says where a signal is not wanted.
pub const OFF: &str = "off";

/// What the settings say of delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The endpoint's URL; the paths of OTLP come after it. Without one, that of the enrolment counts.
    pub endpoint: Option<String>,
    /// Where metrics go, if not there; `off` where they go nowhere.
    pub metrics_url: Option<String>,
    /// Where events go, if not there; `off` where they go nowhere.
    pub logs_url: Option<String>,
    /// The file of a bearer token. Without one, that of the enrolment is used, at the endpoint that gave it.
    pub token_file: Option<PathBuf>,
    /// The only authority that is trusted, in PEM.
    pub ca_file: Option<PathBuf>,
    /// The certificate that this node shows, in PEM, with what signed it.
    pub client_cert_file: Option<PathBuf>,
    /// Its key, in PEM.
    pub client_key_file: Option<PathBuf>,
    /// Whether a credential may go to another machine in plain text.
    pub allow_plaintext: bool,
    /// How long a request may take with its answer.
    pub timeout: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            endpoint: None,
            metrics_url: None,
            logs_url: None,
            token_file: None,
            ca_file: None,
            client_cert_file: None,
            client_key_file: None,
            allow_plaintext: false,
            timeout: Duration::from_secs(30),
        }
    }
}

/// Why nothing can be sent as the settings have it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SetupError {
    /// Not a URL that is posted to.
    #[error("`{url}` is no URL of an endpoint: {why}")]
    Url {
        /// What was set, without a password in it.
        url: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The credential could be read on the way.
    #[error("a credential would go to `{host}` in plain text")]
    Plaintext {
        /// The host.
        host: String,
    },
    /// A file that the settings name.
    #[error("cannot read the {what}")]
    File {
        /// What it holds.
        what: &'static str,
        /// Why.
        #[source]
        source: StoreError,
    },
    /// A file holds something else.
    #[error("`{path}` holds no {what}", path = .path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        what: &'static str,
    },
    /// The enrolment that the credential was of is no longer there.
    #[error("this node is no longer enrolled there")]
    Left,
    /// A certificate without its key, or a key without its certificate.
    #[error("a client certificate and its key go together")]
    Pair,
    /// The TLS library refuses what was set.
    #[error("TLS cannot be set up")]
    Tls(#[source] rustls::Error),
    /// The HTTP library refuses what was set.
    #[error("HTTP cannot be set up")]
    Http(#[source] reqwest::Error),
}

impl SetupError {
    /// The error with what it comes from, in one line.
    pub fn sentence(&self) -> String {
        chain(self)
    }
}

/// Where the signals go. It has one for at least one of them.
#[derive(Debug, Clone)]
pub struct Destination {
    metrics: Option<Url>,
    logs: Option<Url>,
    credential: Credential,
}

#[derive(Debug, Clone)]
enum Credential {
    None,
    File(PathBuf),
    /// That of the enrolment, read anew from this folder each time, while it is still for this origin.
    Enrolment(PathBuf, String),
}

impl Destination {
    /// What settings and enrolment say; none where nothing is to be sent. `data_dir` holds the enrolment.
    pub fn new(options: &Options, data_dir: &std::path::Path) -> Result<Option<Self>, SetupError> {
        let enrolment = enrolment::read(data_dir).map_err(|source| SetupError::File { what: "enrolment", source })?;
        let base = options.endpoint.clone().or_else(|| enrolment.as_ref().map(|enrolment| enrolment.endpoint.clone()));
        let url = |own: &Option<String>, path: &str| match (own.as_deref(), &base) {
            (Some(OFF), _) | (None, None) => Ok(None),
            (Some(own), _) => parse_url(own).map(Some),
            (None, Some(base)) => below(&parse_url(base)?, path).map(Some),
        };
        let metrics = url(&options.metrics_url, METRICS_PATH)?;
        let logs = url(&options.logs_url, LOGS_PATH)?;
        let urls: Vec<&Url> = metrics.iter().chain(&logs).collect();
        if urls.is_empty() {
            return Ok(None);
        }
        let credential = match (&options.token_file, &enrolment) {
            (Some(path), _) => Credential::File(path.clone()),
            (None, Some(enrolment)) => {
                let origin = origin(&parse_url(&enrolment.endpoint)?);
                Credential::Enrolment(data_dir.to_owned(), origin)
            }
            (None, None) => Credential::None,
        };
        let destination = Self { metrics, logs, credential };
        if !options.allow_plaintext {
            for signal in Signal::ALL {
                destination.check_plaintext(signal)?;
            }
        }
        Ok(Some(destination))
    }

    fn check_plaintext(&self, signal: Signal) -> Result<(), SetupError> {
        let Some(url) = self.url(signal).filter(|url| is_plaintext(url)) else { return Ok(()) };
        let would_send = match &self.credential {
            Credential::None => false,
            Credential::File(_) => true,
            Credential::Enrolment(_, origin) => *origin == self::origin(url),
        };
        if would_send {
            return Err(SetupError::Plaintext { host: url.host_str().unwrap_or_default().to_owned() });
        }
        Ok(())
    }

    /// Where records of a signal go.
    pub fn url(&self, signal: Signal) -> Option<&Url> {
        match signal {
            Signal::Metrics => self.metrics.as_ref(),
            Signal::Logs => self.logs.as_ref(),
        }
    }

    /// Whether all of it is on this machine.
    pub fn is_local(&self) -> bool {
        self.metrics.iter().chain(&self.logs).all(is_loopback)
    }

    /// The endpoint for a reader: scheme, host and port, and nothing that could be secret.
    pub fn name(&self) -> String {
        let mut names: Vec<String> = self.metrics.iter().chain(&self.logs).map(origin).collect();
        names.dedup();
        names.join(" and ")
    }

    /// The credential for a signal as it is now; none where none is sent.
    pub fn token(&self, signal: Signal) -> Result<Option<Secret>, SetupError> {
        match &self.credential {
            Credential::None => Ok(None),
            Credential::File(path) => read_token(path).map(Some),
            Credential::Enrolment(data_dir, origin) => {
                // What one endpoint gave is shown to no other.
                if self.url(signal).is_none_or(|url| self::origin(url) != *origin) {
                    return Ok(None);
                }
                let enrolment = enrolment::read(data_dir);
                let enrolment = enrolment.map_err(|source| SetupError::File { what: "enrolment", source })?;
                let here = |enrolment: &Enrolment| {
                    parse_url(&enrolment.endpoint).is_ok_and(|url| self::origin(&url) == *origin)
                };
                enrolment.filter(here).map(|enrolment| Some(enrolment.token)).ok_or(SetupError::Left)
            }
        }
    }
}

/// The token of a file.
fn read_token(path: &std::path::Path) -> Result<Secret, SetupError> {
    let content = || SetupError::Content { path: path.to_owned(), what: "token" };
    let bytes =
        read_named(path, MAX_TOKEN, Privacy::Secret).map_err(|source| SetupError::File { what: "token", source })?;
    let text = Secret::from(String::from_utf8(bytes).map_err(|_| content())?);
    let token = text.expose_secret().trim();
    if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(content());
    }
    Ok(Secret::from(token))
}

/// A URL that is posted to.
pub fn parse_url(text: &str) -> Result<Url, SetupError> {
    let refuse = |why| SetupError::Url { url: without_password(text), why };
    let url = Url::parse(text.trim()).map_err(|_| refuse("it cannot be read"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(refuse("it begins with neither `https://` nor `http://`"));
    }
    if url.host_str().is_none_or(str::is_empty) {
        return Err(refuse("it names no host"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refuse("a name or password belongs into no URL"));
    }
    if url.fragment().is_some() {
        return Err(refuse("it names a part of a page"));
    }
    Ok(url)
}

fn without_password(text: &str) -> String {
    let shown = super::outcome::line(text);
    match shown.rsplit_once('@') {
        Some((before, host)) => {
            let scheme = before.split_once("://").map_or("", |(scheme, _)| scheme);
            format!("{scheme}://…@{host}")
        }
        None => shown,
    }
}

/// A path below a URL.
pub(super) fn below(base: &Url, path: &str) -> Result<Url, SetupError> {
    let mut url = base.clone();
    if url.query().is_some() {
        return Err(SetupError::Url { url: origin(base), why: "a query cannot stand before the path of OTLP" });
    }
    let whole = format!("{}{path}", base.path().trim_end_matches('/'));
    url.set_path(&whole);
    Ok(url)
}

/// Scheme, host and port.
pub(super) fn origin(url: &Url) -> String {
    url.origin().ascii_serialization()
}

/// Whether the host is this machine.
pub(super) fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    match address {
        Ok(address) => address.is_loopback(),
        Err(_) => host == "localhost" || host.ends_with(".localhost"),
    }
}

/// Whether others can read what goes there.
pub(super) fn is_plaintext(url: &Url) -> bool {
    url.scheme() == "http" && !is_loopback(url)
}

#[cfg(test)]
mod tests;
