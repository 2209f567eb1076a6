//! From a challenge to what is sent with a request.

use std::net::IpAddr;

use portreeve_core::Secret;
use portreeve_openclaw::credentials::parse_url;
use reqwest::Url;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue, WWW_AUTHENTICATE};
use secrecy::ExposeSecret;
use serde::Deserialize;

use super::challenge::{Challenge, challenges};
use super::login::{Login, LoginKind};

/// What is sent with a request.
#[derive(Debug, Clone)]
pub(super) enum Authorization {
    /// A token, for one scope.
    Bearer(Secret),
    /// Name and password.
    Basic(String, Secret),
}

impl Authorization {
    /// The header. None where the secret has characters that none may have.
    pub(super) fn apply(&self, request: reqwest::RequestBuilder) -> reqwest::RequestBuilder {
        match self {
            Self::Bearer(token) => {
                let Ok(mut value) = HeaderValue::from_str(&format!("Bearer {}", token.expose_secret())) else {
                    return request;
                };
                value.set_sensitive(true);
                request.header(AUTHORIZATION, value)
            }
            Self::Basic(user, password) => request.basic_auth(user, Some(password.expose_secret())),
        }
    }
}

/// What a registry wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wanted {
    /// A token from an address.
    Token(TokenRequest),
    /// Name and password.
    Basic,
}

/// Where to get a token, and for what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TokenRequest {
    pub(super) realm: Url,
    pub(super) service: Option<String>,
    pub(super) scope: String,
}

impl TokenRequest {
    /// The address to get it from.
    pub(super) fn url(&self) -> Url {
        let mut url = self.realm.clone();
        {
            let mut query = url.query_pairs_mut();
            if let Some(service) = &self.service {
                query.append_pair("service", service);
            }
            query.append_pair("scope", &self.scope);
        }
        url
    }

    /// The form that exchanges an identity token for another token.
    pub(super) fn form(&self, token: &Secret) -> Secret {
        let mut form = self.realm.clone();
        form.query_pairs_mut()
            .clear()
            .append_pair("grant_type", "refresh_token")
            .append_pair("client_id", "portreeve")
            .append_pair("service", self.service.as_deref().unwrap_or_default())
            .append_pair("scope", &self.scope)
            .append_pair("refresh_token", token.expose_secret());
        form.query().unwrap_or_default().into()
    }
}

/// What the head of a refusal wants, for reading one repository of the registry at `base`.
pub(super) fn wanted(headers: &HeaderMap, base: &Url, repository: &str) -> Result<Wanted, String> {
    let all = headers.get_all(WWW_AUTHENTICATE).iter().take(4).filter_map(|value| value.to_str().ok());
    let all: Vec<Challenge> = all.flat_map(challenges).collect();
    if let Some(bearer) = all.iter().find(|challenge| challenge.scheme == "bearer") {
        let realm = bearer.get("realm").ok_or("its challenge names no address for tokens")?;
        let realm = parse_url(realm).ok_or("its address for tokens is no URL")?;
        let plain = realm.scheme() == "http" && base.scheme() == "http" && realm.host_str() == base.host_str();
        if realm.scheme() != "https" && !plain {
            return Err("its address for tokens is not encrypted".to_owned());
        }
        if !realm.username().is_empty() || realm.password().is_some() {
            return Err("its address for tokens holds a login".to_owned());
        }
        // A registry may ask for more than reading; nothing here needs it.
        let scope = format!("repository:{repository}:pull");
        return Ok(Wanted::Token(TokenRequest { realm, service: bearer.get("service").map(str::to_owned), scope }));
    }
    if all.iter().any(|challenge| challenge.scheme == "basic") {
        return Ok(Wanted::Basic);
    }
    Err("it refuses and does not say what it wants".to_owned())
}

/// The login as an answer to a wish for name and password.
pub(super) fn basic(login: Option<&Login>) -> Option<Authorization> {
    match &login?.kind {
        LoginKind::Password { user, password } => Some(Authorization::Basic(user.clone(), password.clone())),
        LoginKind::Identity(_) => None,
    }
}

/// The token in an answer.
pub(super) fn token(body: &[u8]) -> Option<Secret> {
    #[derive(Deserialize)]
    struct Token {
        token: Option<String>,
        access_token: Option<String>,
    }
    let token: Token = serde_json::from_slice(body).ok()?;
    let given = |token: &String| !token.is_empty();
    token.token.filter(given).or_else(|| token.access_token.filter(given)).map(Secret::from)
}

/// Whether a registry's name is of this machine, so that plain HTTP tells nobody anything.
pub(super) fn is_loopback(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(base: &str, header: &str) -> Result<Wanted, String> {
        let headers = [(WWW_AUTHENTICATE, header.parse().unwrap())].into_iter().collect();
        wanted(&headers, &Url::parse(base).unwrap(), "a/b")
    }

    #[test]
    fn a_token_comes_from_an_encrypted_address_or_from_the_same_loopback() {
        let Ok(Wanted::Token(request)) = asked(
            "https://ghcr.io",
            r#"Bearer realm="https://ghcr.io/token",service="ghcr.io",scope="repository:x:push""#,
        ) else {
            panic!("a token is wanted")
        };
        assert_eq!(request.url().as_str(), "https://ghcr.io/token?service=ghcr.io&scope=repository%3Aa%2Fb%3Apull");
        let refused = |base, realm: &str| asked(base, &format!("Bearer realm=\"{realm}\"")).is_err();
        assert!(refused("https://ghcr.io", "http://ghcr.io/token"));
        assert!(refused("http://127.0.0.1:5000", "http://127.0.0.2:5000/token"));
        assert!(refused("https://ghcr.io", "file:///etc/passwd") && refused("https://ghcr.io", "x"));
        assert!(refused("https://ghcr.io", "https://user@ghcr.io/token"));
        assert!(!refused("http://127.0.0.1:5000", "http://127.0.0.1:5001/token"));
        assert_eq!(asked("https://x", "Basic realm=x"), Ok(Wanted::Basic));
        assert!(asked("https://x", "Negotiate").is_err());
    }

    #[test]
    fn an_identity_token_is_sent_in_a_form() {
        let Ok(Wanted::Token(request)) = asked("https://x", r#"Bearer realm="https://x/t",service="s""#) else {
            panic!("a token is wanted")
        };
        let form = request.form(&"a&b".into());
        assert_eq!(
            form.expose_secret(),
            "grant_type=refresh_token&client_id=portreeve&service=s&scope=repository%3Aa%2Fb%3Apull&refresh_token=a%26b"
        );
    }

    #[test]
    fn tokens_go_by_two_names() {
        let of = |text: &str| token(text.as_bytes()).map(|token| token.expose_secret().to_owned());
        assert_eq!(of(r#"{"token":"a","expires_in":300}"#).as_deref(), Some("a"));
        assert_eq!(of(r#"{"token":"","access_token":"b"}"#).as_deref(), Some("b"));
        assert_eq!((of("{}"), of("<html>")), (None, None));
    }

    #[test]
    fn loopback_is_told_by_its_address() {
        assert!(["localhost", "127.0.0.1", "127.9.9.9", "[::1]"].into_iter().all(is_loopback));
        assert!(!["localhost.example", "10.0.0.1", "registry"].into_iter().any(is_loopback));
    }
}
