//! URLs by which clients reach gateways from outside: those that the operator names, and those that configurations have.

use std::net::IpAddr;

use portreeve_core::snapshot::{Client, Gateway};
use portreeve_facts::address::is_local;
use portreeve_openclaw::endpoint::{Scheme, Target};

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicUrl {
    /// The URL.
    pub url: String,
    /// What names it.
    pub source: String,
    /// The gateway that it is said to lead to.
    pub gateway: Option<String>,
    /// Any gateway that answers may be meant, where there is only one.
    pub may_be_any: bool,
}

/// The setting's URLs, the gateways' `gateway.publicOrigin`, and the `gateway.remote.url` of clients that lead out with TLS; each address
/// once.
pub fn public_urls(
    settings: &[String],
    gateways: &[Gateway],
    clients: &[Client],
    addresses: &[IpAddr],
) -> Vec<PublicUrl> {
    let named = settings.iter().map(|url| PublicUrl {
        url: url.clone(),
        source: "public_urls".to_owned(),
        gateway: None,
        may_be_any: true,
    });
    let origins = gateways.iter().filter_map(|gateway| {
        let config = gateway.config.get()?;
        Some(PublicUrl {
            url: config.public_origin.clone()?,
            source: format!("`gateway.publicOrigin` in {}", config.path),
            gateway: Some(gateway.id.clone()),
            may_be_any: false,
        })
    });
    let remotes = clients.iter().filter_map(|client| {
        let facts = client.url.get().filter(|facts| facts.source.contains("gateway.remote.url"))?;
        // More of a path is not kept, and without it the way is another.
        let url = Some(&facts.url).filter(|url| url.scheme == "wss" && url.path == "/")?;
        // A name without a dot is one of a container network, which this node does not resolve.
        let leads_out = url.host.contains(['.', ':']) && !facts.loopback;
        let host = if url.host.contains(':') { format!("[{}]", url.host) } else { url.host.clone() };
        leads_out.then(|| PublicUrl {
            url: format!("wss://{host}:{}", url.port),
            source: facts.source.clone(),
            gateway: client.gateway.clone(),
            may_be_any: false,
        })
    });
    let mut found: Vec<(PublicUrl, Target)> = Vec::new();
    // What the operator names may be anywhere; of the others only what is not this node itself is a way from outside.
    let outside = |target: &Target| target.scheme() == Scheme::Wss && !is_local(target.host(), addresses);
    for public in named.chain(origins).chain(remotes) {
        let Ok(target) = Target::from_url(&public.url) else { continue };
        if !public.may_be_any && !outside(&target) {
            continue;
        }
        let same = |(_, other): &&mut (PublicUrl, Target)| {
            other.authority() == target.authority() && other.scheme() == target.scheme()
        };
        match found.iter_mut().find(same) {
            Some((known, _)) => known.gateway = known.gateway.take().or(public.gateway),
            None => found.push((public, target)),
        }
    }
    found.into_iter().map(|(public, _)| public).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn urls(settings: &[&str], addresses: &[IpAddr]) -> Vec<(String, bool)> {
        let settings: Vec<String> = settings.iter().map(|url| (*url).to_owned()).collect();
        let found = public_urls(&settings, &[], &[], addresses);
        found.into_iter().map(|public| (public.url, public.may_be_any)).collect()
    }

    #[test]
    fn what_the_operator_names_is_taken_once() {
        let found = urls(&["https://claw.example", "wss://claw.example:443/", "http://127.0.0.1:8080", "no url"], &[]);
        assert_eq!(found, [("https://claw.example".to_owned(), true), ("http://127.0.0.1:8080".to_owned(), true)]);
    }
}
