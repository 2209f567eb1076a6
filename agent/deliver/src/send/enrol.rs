//! Joining a fleet, and leaving it.

use std::path::Path;

use jiff::Timestamp;
use portreeve_core::Secret;
use portreeve_store::StoreError;
use portreeve_telemetry::enrol::{ENROL_PATH, Granted, LEAVE_PATH, MAX_BYTES, ROTATE_PATH, Refused, Request};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use serde::de::DeserializeOwned;

use super::client::{Reply, http, post};
use super::destination::{below, is_loopback, is_plaintext, origin, parse_url};
use super::enrolment::{self, Enrolment};
use super::outcome::line;
use super::{Options, SetupError};

/// Why a node is not enrolled, or is as it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EnrolError {
    /// What was typed or set cannot be followed.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// Nobody answers, or not over a connection that can be trusted.
    #[error("cannot reach `{endpoint}`: {why}")]
    Unreachable {
        /// Scheme, host and port.
        endpoint: String,
        /// Why.
        why: String,
    },
    /// The endpoint answers, and says no.
    #[error("`{endpoint}` refuses: {why}")]
    Refused {
        /// Scheme, host and port.
        endpoint: String,
        /// What it says.
        why: String,
    },
    /// The endpoint says that it cannot now.
    #[error("`{endpoint}` cannot do it now: {why}")]
    Later {
        /// Scheme, host and port.
        endpoint: String,
        /// What it says.
        why: String,
    },
    /// Something else answers.
    #[error("`{endpoint}` is no fleet of Portreeve: {why}")]
    NotAFleet {
        /// Scheme, host and port.
        endpoint: String,
        /// What speaks for that.
        why: String,
    },
    /// There is no enrolment.
    #[error("this node is not enrolled")]
    NotEnrolled,
    /// What was granted is for another node.
    #[error("`{endpoint}` grants a credential for another node")]
    OtherNode {
        /// Scheme, host and port.
        endpoint: String,
    },
    /// The data folder.
    #[error("cannot keep the enrolment")]
    Keep(#[source] StoreError),
}

/// Joins the fleet at a URL, and keeps the credential in the place of the one before. Nothing changes where that fails.
pub async fn enrol(
    options: &Options,
    data_dir: &Path,
    endpoint: &str,
    request: &Request,
) -> Result<Enrolment, EnrolError> {
    let base = parse_url(endpoint)?;
    let body = serde_json::to_vec(request).unwrap_or_default();
    let reply = ask(options, &base, ENROL_PATH, body, None).await?;
    let granted = read::<Granted>(&reply, &base)?;
    keep(options, data_dir, &base, &request.node, granted)
}

/// Exchanges the node's credential for a new one. The old one counts until the new one was used.
pub async fn rotate(options: &Options, data_dir: &Path) -> Result<Enrolment, EnrolError> {
    let (before, base) = current(data_dir)?;
    let reply = ask(options, &base, ROTATE_PATH, Vec::new(), Some(&before.token)).await?;
    let granted = read::<Granted>(&reply, &base)?;
    keep(options, data_dir, &base, &before.node, granted)
}

/// Leaves the fleet: the credential counts no longer, and is forgotten. Where the endpoint does not know it any more it is only forgotten.
/// Gives what was left.
pub async fn leave(options: &Options, data_dir: &Path) -> Result<Enrolment, EnrolError> {
    let (before, base) = current(data_dir)?;
    let reply = ask(options, &base, LEAVE_PATH, Vec::new(), Some(&before.token)).await?;
    if !(200..300).contains(&reply.status) && reply.status != 401 {
        read::<serde_json::Value>(&reply, &base)?;
    }
    enrolment::remove(data_dir).map_err(EnrolError::Keep)?;
    Ok(before)
}

fn current(data_dir: &Path) -> Result<(Enrolment, reqwest::Url), EnrolError> {
    let enrolment = enrolment::read(data_dir).map_err(EnrolError::Keep)?.ok_or(EnrolError::NotEnrolled)?;
    let base = parse_url(&enrolment.endpoint)?;
    Ok((enrolment, base))
}

async fn ask(
    options: &Options,
    base: &reqwest::Url,
    path: &str,
    body: Vec<u8>,
    token: Option<&Secret>,
) -> Result<Reply, EnrolError> {
    check(options, base)?;
    let http = http(options, is_loopback(base))?;
    let url = below(base, path)?;
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let posted = post(&http, url, headers, body, token).await;
    posted.map_err(|why| EnrolError::Unreachable { endpoint: origin(base), why })
}

/// A join code and a credential go to another machine only in TLS.
fn check(options: &Options, url: &reqwest::Url) -> Result<(), SetupError> {
    if is_plaintext(url) && !options.allow_plaintext {
        return Err(SetupError::Plaintext { host: url.host_str().unwrap_or_default().to_owned() });
    }
    Ok(())
}

fn read<T: DeserializeOwned>(reply: &Reply, base: &reqwest::Url) -> Result<T, EnrolError> {
    let endpoint = origin(base);
    let status = reply.status;
    let said = serde_json::from_slice::<Refused>(&reply.body).ok().map(|refused| line(&refused.error));
    match (status, said) {
        (200..=299, _) if reply.body.len() <= MAX_BYTES => serde_json::from_slice(&reply.body)
            .map_err(|_| EnrolError::NotAFleet { endpoint, why: "its answer has another form".to_owned() }),
        (200..=299, _) => Err(EnrolError::NotAFleet { endpoint, why: "its answer is too long".to_owned() }),
        (429 | 500..=599, said) => {
            Err(EnrolError::Later { endpoint, why: said.unwrap_or_else(|| format!("it answers {status}")) })
        }
        (_, Some(why)) => Err(EnrolError::Refused { endpoint, why }),
        (401 | 403, None) => Err(EnrolError::Refused { endpoint, why: format!("it answers {status}") }),
        (300..=399, None) => Err(EnrolError::NotAFleet { endpoint, why: format!("it redirects ({status})") }),
        (_, None) => Err(EnrolError::NotAFleet { endpoint, why: format!("it answers {status}") }),
    }
}

fn keep(
    options: &Options,
    data_dir: &Path,
    base: &reqwest::Url,
    node: &str,
    granted: Granted,
) -> Result<Enrolment, EnrolError> {
    let endpoint = origin(base);
    if granted.node != node {
        return Err(EnrolError::OtherNode { endpoint });
    }
    let token = Secret::from(granted.token);
    if !is_token(&token) {
        return Err(EnrolError::NotAFleet { endpoint, why: "what it grants is no credential".to_owned() });
    }
    let place = match &granted.endpoint {
        Some(place) => parse_url(place)?,
        None => base.clone(),
    };
    check(options, &place)?;
    let enrolment = Enrolment {
        endpoint: place.to_string(),
        node: granted.node,
        name: line(&granted.name),
        token,
        at: Timestamp::now(),
    };
    enrolment::write(data_dir, &enrolment).map_err(EnrolError::Keep)?;
    Ok(enrolment)
}

fn is_token(token: &Secret) -> bool {
    use secrecy::ExposeSecret as _;
    let token = token.expose_secret();
    (16..=4096).contains(&token.len()) && token.bytes().all(|byte| byte.is_ascii_graphic())
}
