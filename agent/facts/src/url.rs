//! Where a client would connect, as the snapshot keeps it.

use jiff::Timestamp;
use portreeve_core::Fact;
use portreeve_core::snapshot::{GatewayUrl, UrlFacts, UrlTls};
use portreeve_openclaw::credentials::{self, ClientAuth, PlaintextVerdict, Surface, Trust, UrlSource};
use portreeve_openclaw::port::PortSource;

use crate::address::is_loopback;

/// The URL that a client resolves to; unreadable where it resolves to none.
pub fn url(auth: &ClientAuth, at: Timestamp) -> Fact<UrlFacts> {
    let is_local = auth.target.source == UrlSource::Local;
    let source = if is_local { auth.target.local_port.source.to_string() } else { auth.target.source.to_string() };
    let by_default = is_local && matches!(auth.target.local_port.source, PortSource::Default | PortSource::Profile);
    let Some(url) = &auth.target.url else {
        let why = auth.refusals.first().map_or_else(|| "it resolves to no URL".to_owned(), ToString::to_string);
        return Fact::unreadable(why, source, at);
    };
    let refusal = (auth.target.plaintext == Some(PlaintextVerdict::Refused))
        .then(|| "plaintext to a host that is not known to be private".to_owned());
    let facts = UrlFacts {
        url: gateway_url(url),
        source: source.clone(),
        is_override: matches!(auth.surface, Surface::UrlFlag | Surface::UrlEnvironment),
        is_remote: auth.target.source == UrlSource::RemoteConfig,
        refusal,
        loopback: is_loopback(url.host()),
        by_default,
        tls: auth.target.trust.map(|trust| UrlTls { pinned: pinned(trust), shown: None }),
    };
    Fact::known(facts, source, at)
}

fn pinned(trust: Trust) -> Option<String> {
    match trust {
        Trust::Pinned(fingerprint) => Some(fingerprint.to_string()),
        Trust::Authorities => None,
    }
}

/// A URL in parts. A path may be a capability; that there is one is all that is kept of it.
pub fn gateway_url(url: &credentials::GatewayUrl) -> GatewayUrl {
    GatewayUrl {
        scheme: url.scheme().as_str().to_owned(),
        host: url.host().to_owned(),
        port: url.port(),
        path: if url.path() == "/" { "/".to_owned() } else { "/…".to_owned() },
    }
}
