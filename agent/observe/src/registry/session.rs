//! One registry.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;

use jiff::Timestamp;
use portreeve_core::ImageReference;
use portreeve_core::images::Requests;
use portreeve_core::snapshot::{RegistryAnswer, RegistryDigest, ResolvedManifest};
use portreeve_openclaw::credentials::parse_url;
use portreeve_openclaw::endpoint::{TlsFailure, TlsPolicy, tls};
use portreeve_openclaw::file::read_regular;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, LOCATION};
use reqwest::{Client, Method, Response, StatusCode, Url};
use secrecy::ExposeSecret;
use sha2::{Digest as _, Sha256};

use super::authorize::{Authorization, Wanted, basic, is_loopback, token, wanted};
use super::login::{Login, LoginKind, Logins};
use super::manifest::{self, MAX_MANIFEST, Manifest, is_digest, is_schema1, kind};
use super::reply::{header, limit, paused_until};
use super::{CONNECT, MAX_BODY, MAX_WORDS, REQUEST, Reply};
use crate::engine::line;

/// Most redirects that are followed.
const MAX_REDIRECTS: usize = 3;
/// Longest file of a certificate authority, in bytes.
const MAX_CA: u64 = 1 << 20;
/// Where engines keep the certificates of private registries.
const CERTIFICATES: &str = "/etc/docker/certs.d";
/// The header that a digest comes in.
const DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");

/// One registry in one run.
#[derive(Debug)]
pub struct Registry {
    client: Client,
    base: Url,
    /// Whether it has been heard, so that it is known which scheme it speaks.
    heard: bool,
    /// Authorizations by repository and by whether a login was sent.
    authorized: BTreeMap<(String, bool), Authorization>,
    /// Why it is not asked again in this run.
    closed: Option<RegistryAnswer>,
    /// What was asked of it.
    pub(super) requests: Requests,
}

/// Why there is no answer to work with.
#[derive(Debug)]
enum Miss {
    /// The registry refuses, with what was sent.
    Denied(String),
    /// Anything else.
    Other(RegistryAnswer),
}

impl Registry {
    /// A registry by its name in references: `docker.io`, `localhost:5000`.
    pub fn new(name: &str) -> Result<Self, String> {
        let host = if name == "docker.io" { "registry-1.docker.io" } else { name };
        let base = parse_url(&format!("https://{host}")).ok_or_else(|| format!("`{name}` is no host"))?;
        let loopback = base.host_str().is_some_and(is_loopback);
        let policy = match read_regular(&Path::new(CERTIFICATES).join(name).join("ca.crt"), MAX_CA) {
            Ok(content) => TlsPolicy::ExtraCa(content.bytes),
            Err(_) => TlsPolicy::Roots,
        };
        let config = tls::client_config(&policy).map_err(|error| error.to_string())?;
        let builder = Client::builder()
            .tls_backend_preconfigured(config)
            .redirect(reqwest::redirect::Policy::none())
            .http1_only()
            .connect_timeout(CONNECT)
            .timeout(REQUEST)
            .user_agent(concat!("portreeve/", env!("CARGO_PKG_VERSION")));
        // What is on this machine is in nobody's proxy.
        let builder = if loopback { builder.no_proxy() } else { builder.https_only(true) };
        Ok(Self {
            client: builder.build().map_err(|error| error.to_string())?,
            base,
            heard: !loopback,
            authorized: BTreeMap::new(),
            closed: None,
            requests: Requests::default(),
        })
    }

    /// Asks for the digest of an image: with the stored login where the registry wants one, and without it where it refuses that.
    pub async fn digest(&mut self, image: &ImageReference, logins: &Logins, now: Timestamp) -> Reply {
        if let Some(closed) = &self.closed {
            return closed.clone().into();
        }
        let path = format!("/v2/{}/manifests/{}", image.repository, image.asked());
        let reply = match self.get_in(Method::HEAD, &path, image, logins, now).await {
            Ok((response, refused_login)) => self.read_digest(response, &path, image, logins, refused_login, now).await,
            Err(answer) => answer.into(),
        };
        // A registry that is down, or that wants to be left alone, is not asked for the next image.
        if matches!(reply.answer, RegistryAnswer::Unreachable { .. }) && !self.heard
            || matches!(reply.answer, RegistryAnswer::RateLimited { .. })
        {
            self.closed = Some(reply.answer.clone());
        }
        reply
    }

    async fn read_digest(
        &mut self,
        response: Response,
        path: &str,
        image: &ImageReference,
        logins: &Logins,
        refused_login: Option<String>,
        now: Timestamp,
    ) -> Reply {
        let headers = response.headers().clone();
        if let Some((0, _)) = limit(&headers) {
            let why = "no requests are left in its rate limit".to_owned();
            self.closed = Some(RegistryAnswer::RateLimited { why, until: paused_until(&headers, now) });
        }
        let media_type = header(&headers, CONTENT_TYPE).unwrap_or_else(|| "none".to_owned());
        let Some(kind) = kind(&media_type) else {
            let media_type = if is_schema1(&media_type) {
                format!("{media_type} (schema 1, which engines refuse)")
            } else {
                media_type
            };
            return RegistryAnswer::WrongType { media_type }.into();
        };
        let digest = match header(&headers, DIGEST) {
            Some(digest) => Some(digest),
            None => self.read(path, image, logins).await.map(|bytes| sha256(&bytes)),
        };
        match digest.filter(|digest| is_digest(digest)) {
            Some(digest) => Reply {
                answer: RegistryAnswer::Digest { refused_login },
                digest: Some(RegistryDigest { digest, kind, media_type }),
            },
            None => RegistryAnswer::Unreachable { why: "it gave no digest".to_owned() }.into(),
        }
    }

    /// What a digest stands for on a platform.
    pub async fn resolve(
        &mut self,
        image: &ImageReference,
        digest: &str,
        platform: &str,
        logins: &Logins,
    ) -> Option<ResolvedManifest> {
        let resolved = |manifest: Option<String>, config| {
            Some(ResolvedManifest { digest: digest.to_owned(), platform: platform.to_owned(), manifest, config })
        };
        match self.manifest(image, digest, platform, logins).await? {
            Manifest::Image { config } => resolved(Some(digest.to_owned()), config),
            Manifest::List { manifest: None } => resolved(None, None),
            Manifest::List { manifest: Some(own) } => {
                let config = match self.manifest(image, &own, platform, logins).await? {
                    Manifest::Image { config } => config,
                    Manifest::List { .. } => None,
                };
                resolved(Some(own), config)
            }
        }
    }

    async fn manifest(
        &mut self,
        image: &ImageReference,
        digest: &str,
        platform: &str,
        logins: &Logins,
    ) -> Option<Manifest> {
        if self.closed.is_some() || !is_digest(digest) {
            return None;
        }
        let path = format!("/v2/{}/manifests/{digest}", image.repository);
        let bytes = self.read(&path, image, logins).await?;
        if digest.starts_with("sha256:") && sha256(&bytes) != digest {
            return None;
        }
        manifest::manifest(&bytes, platform)
    }

    /// A body.
    async fn read(&mut self, path: &str, image: &ImageReference, logins: &Logins) -> Option<Vec<u8>> {
        let (response, _) = self.get_in(Method::GET, path, image, logins, Timestamp::now()).await.ok()?;
        body(response, MAX_MANIFEST).await
    }

    /// A successful answer, and whose login was refused on the way to it.
    async fn get_in(
        &mut self,
        method: Method,
        path: &str,
        image: &ImageReference,
        logins: &Logins,
        now: Timestamp,
    ) -> Result<(Response, Option<String>), RegistryAnswer> {
        let plain = |why: String| RegistryAnswer::Denied { why };
        let first = self.send(method.clone(), path, None).await?;
        let challenged = match judge(first, now).await {
            Ok(response) => return Ok((response, None)),
            Err((_, Miss::Other(answer))) => return Err(answer),
            Err((headers, Miss::Denied(why))) => (headers, why),
        };
        let (headers, why) = challenged;
        let wanted = match wanted(&headers, &self.base, &image.repository) {
            Ok(wanted) => wanted,
            Err(_) if headers.get("www-authenticate").is_none() => return Err(plain(why)),
            Err(why) => return Err(plain(why)),
        };
        let login = logins.of(&image.registry, &image.repository).await;
        let with_login = self.authorized_send(&method, path, image, &wanted, login.as_ref(), now).await;
        let (Err(Miss::Denied(refusal)), Some(login)) = (&with_login, &login) else {
            return match with_login {
                Ok(response) => Ok((response, None)),
                Err(Miss::Other(answer)) => Err(answer),
                Err(Miss::Denied(why)) => Err(plain(format!("{why}; no login for it is stored"))),
            };
        };
        match self.authorized_send(&method, path, image, &wanted, None, now).await {
            Ok(response) => Ok((response, Some(login.whose.clone()))),
            Err(_) => Err(plain(format!("{refusal}, with {}", login.whose))),
        }
    }

    /// Sends a request with what the registry wants.
    async fn authorized_send(
        &mut self,
        method: &Method,
        path: &str,
        image: &ImageReference,
        wanted: &Wanted,
        login: Option<&Login>,
        now: Timestamp,
    ) -> Result<Response, Miss> {
        let key = (image.repository.clone(), login.is_some());
        let authorization = match self.authorized.get(&key) {
            Some(known) => known.clone(),
            None => {
                let fresh = self.authorize(wanted, login, now).await?;
                self.authorized.insert(key, fresh.clone());
                fresh
            }
        };
        let response = self.send(method.clone(), path, Some(&authorization)).await.map_err(Miss::Other)?;
        judge(response, now).await.map_err(|(_, miss)| miss)
    }

    /// Gets a token, or makes one of name and password.
    async fn authorize(
        &mut self,
        wanted: &Wanted,
        login: Option<&Login>,
        now: Timestamp,
    ) -> Result<Authorization, Miss> {
        let Wanted::Token(asked) = wanted else {
            return basic(login).ok_or_else(|| Miss::Denied("it wants a name and a password".to_owned()));
        };
        self.requests.token += 1;
        let request = match login.map(|login| &login.kind) {
            Some(LoginKind::Identity(identity)) => self
                .client
                .post(asked.realm.clone())
                .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
                .body(asked.form(identity).expose_secret().to_owned()),
            Some(LoginKind::Password { user, password }) => {
                self.client.get(asked.url()).basic_auth(user, Some(password.expose_secret()))
            }
            None => self.client.get(asked.url()),
        };
        let response = match request.send().await {
            Ok(response) => response,
            Err(error) => {
                self.heard &= !error.is_connect() && !error.is_timeout();
                return Err(Miss::Other(unreachable(&error)));
            }
        };
        let response = judge(response, now).await.map_err(|(_, miss)| match miss {
            Miss::Denied(why) => Miss::Denied(format!("it gives no token: {why}")),
            Miss::Other(RegistryAnswer::Gone { why }) => Miss::Other(RegistryAnswer::Unreachable { why }),
            other @ Miss::Other(_) => other,
        })?;
        let given = body(response, MAX_BODY).await.and_then(|bytes| token(&bytes));
        let nothing = || RegistryAnswer::Unreachable { why: "its answer holds no token".to_owned() };
        Ok(Authorization::Bearer(given.ok_or_else(|| Miss::Other(nothing()))?))
    }

    /// Sends one request. Redirects are followed without what authorizes.
    async fn send(
        &mut self,
        method: Method,
        path: &str,
        authorization: Option<&Authorization>,
    ) -> Result<Response, RegistryAnswer> {
        let mut url = self.base.clone();
        url.set_path(path);
        let mut redirects = 0;
        let mut authorization = authorization;
        loop {
            match method {
                Method::HEAD => self.requests.head += 1,
                _ => self.requests.get += 1,
            }
            let mut request = self.client.request(method.clone(), url.clone()).header(ACCEPT, manifest::ACCEPT);
            if let Some(authorization) = authorization {
                request = authorization.apply(request);
            }
            let response = match request.send().await {
                Ok(response) => response,
                // Only loopback comes here unheard: a registry there may well speak plain HTTP.
                Err(error) if !self.heard && url.scheme() == "https" && speaks_no_tls(&error) => {
                    self.base.set_scheme("http").map_err(|()| unreachable(&error))?;
                    self.heard = true;
                    url = self.base.clone();
                    url.set_path(path);
                    continue;
                }
                Err(error) => {
                    self.heard &= !error.is_connect() && !error.is_timeout();
                    return Err(unreachable(&error));
                }
            };
            self.heard = true;
            let status = response.status();
            if !status.is_redirection() || status == StatusCode::NOT_MODIFIED {
                return Ok(response);
            }
            let target = header(response.headers(), LOCATION).and_then(|location| url.join(&location).ok());
            let target = target.filter(|target| {
                target.scheme() == "https"
                    || target.scheme() == self.base.scheme() && target.host_str().is_some_and(is_loopback)
            });
            let Some(target) = target.filter(|_| redirects < MAX_REDIRECTS) else {
                let why = "it redirects to where nothing is asked".to_owned();
                return Err(RegistryAnswer::Unreachable { why });
            };
            if (target.scheme(), target.host_str(), target.port_or_known_default())
                != (url.scheme(), url.host_str(), url.port_or_known_default())
            {
                authorization = None;
            }
            redirects += 1;
            url = target;
        }
    }
}

/// What the status of an answer means.
async fn judge(response: Response, now: Timestamp) -> Result<Response, (HeaderMap, Miss)> {
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let headers = response.headers().clone();
    let is_page = header(&headers, CONTENT_TYPE).is_some_and(|media_type| media_type.starts_with("text/html"));
    let words = words(response).await;
    let said = |what: &str| match &words {
        Some(words) => format!("{what}: {words}"),
        None => what.to_owned(),
    };
    let answer = match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            return Err((headers, Miss::Denied(said(&format!("it answers {}", status.as_u16())))));
        }
        StatusCode::NOT_FOUND if is_page => {
            RegistryAnswer::Unreachable { why: "what answers there is no registry".to_owned() }
        }
        StatusCode::NOT_FOUND => RegistryAnswer::Gone { why: said("it answers 404") },
        StatusCode::TOO_MANY_REQUESTS => {
            RegistryAnswer::RateLimited { why: said("it answers 429"), until: paused_until(&headers, now) }
        }
        _ => RegistryAnswer::Unreachable { why: said(&format!("it answers {}", status.as_u16())) },
    };
    Err((headers, Miss::Other(answer)))
}

/// The words of a refusal: `manifest unknown`.
async fn words(response: Response) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Errors {
        errors: Vec<Said>,
    }
    #[derive(serde::Deserialize)]
    struct Said {
        message: String,
    }
    let bytes = body(response, MAX_BODY).await?;
    let errors: Errors = serde_json::from_slice(&bytes).ok()?;
    errors.errors.first().map(|said| line(&said.message, MAX_WORDS)).filter(|words| !words.is_empty())
}

/// A body of at most `limit` bytes.
async fn body(mut response: Response, limit: usize) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.ok()? {
        if bytes.len() + chunk.len() > limit {
            return None;
        }
        bytes.extend_from_slice(&chunk);
    }
    Some(bytes)
}

fn sha256(bytes: &[u8]) -> String {
    let mut text = "sha256:".to_owned();
    for byte in Sha256::digest(bytes) {
        text.push_str(&format!("{byte:02x}"));
    }
    text
}

/// Whether the other side answered, though not in TLS.
fn speaks_no_tls(error: &reqwest::Error) -> bool {
    TlsFailure::within(error) == Some(TlsFailure::NotTls)
}

/// Why there was no answer: the innermost cause says it best.
fn unreachable(error: &reqwest::Error) -> RegistryAnswer {
    if let Some(tls) = TlsFailure::within(error) {
        return RegistryAnswer::Unreachable { why: line(&tls.to_string(), MAX_WORDS) };
    }
    if error.is_timeout() {
        return RegistryAnswer::Unreachable { why: format!("no answer within {} s", REQUEST.as_secs()) };
    }
    let mut cause: &dyn Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    RegistryAnswer::Unreachable { why: line(&cause.to_string(), MAX_WORDS) }
}
