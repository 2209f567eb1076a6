//! Whether clients of the node itself come to a gateway by their URLs.

mod names;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use jiff::Timestamp;
use portreeve_core::Fact;
use portreeve_core::order::Gather as _;
use portreeve_core::snapshot::{Challenge, Client, Failure, FailureKind, Gateway, GatewayUrl, Phase, Probe, UrlFacts};
use portreeve_facts::address::is_local;
use portreeve_openclaw::endpoint::{CertFingerprint, Scheme, Target, TlsPolicy};

use crate::greeting::handshake;
use crate::proxy;

/// How long a TLS handshake may take.
const TLS_DEADLINE: Duration = Duration::from_secs(4);

/// Asks for the challenge at each URL that leads to this node and not to where a gateway of it was asked anyway, and looks up the names in
/// the others: what those lead to is not asked.
pub(super) async fn try_out(clients: &mut [Client], gateways: &[Gateway], addresses: &[IpAddr], left: Duration) {
    names::resolve(clients).await;
    let begun = Instant::now();
    let pins = certificates(clients, addresses, left).await;
    let asked: Vec<(usize, GatewayUrl)> = clients
        .iter()
        .enumerate()
        .filter_map(|(index, client)| Some((index, unproven(client, gateways, addresses)?.clone())))
        .collect();
    let mut urls: Vec<GatewayUrl> = Vec::new();
    for (_, url) in &asked {
        if !urls.contains(url) {
            urls.push(url.clone());
        }
    }
    let answers = join_all(urls.iter().map(|url| greet(url, &pins, left.saturating_sub(begun.elapsed())))).await;
    for (index, url) in asked {
        let answer = urls.iter().position(|one| *one == url).and_then(|at| answers.get(at));
        if let (Some(client), Some(answer)) = (clients.get_mut(index), answer) {
            client.handshake = answer.clone();
        }
    }
}

/// Certificates by the host and port that showed them.
type Pins = BTreeMap<(String, u16), CertFingerprint>;

/// Looks which certificates the clients of this node are shown that come here over TLS. Nothing is sent.
async fn certificates(clients: &mut [Client], addresses: &[IpAddr], left: Duration) -> Pins {
    let mut places: Vec<(String, u16)> = Vec::new();
    for client in clients.iter() {
        let place = client.url.get().filter(|url| url.tls.is_some() && is_here(client, url, addresses));
        let place = place.map(|url| (url.url.host.clone(), url.url.port)).filter(|place| !places.contains(place));
        places.extend(place);
    }
    let at = Timestamp::now();
    let looks = join_all(places.iter().map(|(host, port)| async move {
        let target = Target::new(Scheme::Wss, host, *port).ok()?;
        proxy::shown(&target, left.min(TLS_DEADLINE), at).await
    }))
    .await;
    for (place, shown) in places.iter().zip(&looks) {
        for client in clients.iter_mut() {
            let Some(mut url) = client.url.get().filter(|url| is_here(client, url, addresses)).cloned() else {
                continue;
            };
            if (url.url.host.as_str(), url.url.port) == (place.0.as_str(), place.1)
                && let Some(tls) = &mut url.tls
            {
                tls.shown.clone_from(shown);
                client.url = Fact::known(url, client.url.source.clone(), client.url.at);
            }
        }
    }
    let pins = places.into_iter().zip(looks);
    pins.filter_map(|(place, shown)| Some((place, shown?.sha256.parse().ok()?))).gather()
}

/// Whether a client of the node itself would come to the node.
fn is_here(client: &Client, url: &UrlFacts, addresses: &[IpAddr]) -> bool {
    client.workload.is_none() && url.refusal.is_none() && is_local(&url.url.host, addresses)
}

/// The URL of a client of the node itself, where it leads to the node and nothing else tells what answers there. Of a path only that there
/// is one is known.
fn unproven<'a>(client: &'a Client, gateways: &[Gateway], addresses: &[IpAddr]) -> Option<&'a GatewayUrl> {
    let facts = client.url.get().filter(|facts| is_here(client, facts, addresses) && facts.url.path == "/")?;
    let url = &facts.url;
    let own = gateways.iter().find(|gateway| client.gateway.as_ref() == Some(&gateway.id));
    let is_asked = own.is_some_and(|gateway| {
        let asked = Target::from_url(&gateway.ladder.target).ok();
        asked.is_some_and(|asked| {
            asked.port() == url.port
                && asked.scheme().as_str() == url.scheme
                && (asked.host() == url.host || is_local(asked.host(), &[]) && is_local(&url.host, &[]))
        })
    });
    (!is_asked).then_some(url)
}

/// Asks as the URL says, and where no gateway answers so, with TLS or without it.
async fn greet(url: &GatewayUrl, pins: &Pins, left: Duration) -> Probe<Challenge> {
    let begun = Instant::now();
    let Some(scheme) = Scheme::of(&url.scheme) else {
        return Probe::not_tried(format!("`{}` is no scheme of a gateway", url.scheme), Timestamp::now());
    };
    let first = ask(scheme, url, pins, left).await;
    let Some(failure) = first.failure() else { return first };
    if matches!(
        failure.kind,
        FailureKind::Refused | FailureKind::Unresolved | FailureKind::Unreachable | FailureKind::Timeout
    ) {
        return first;
    }
    let (other, speaks) = match scheme {
        Scheme::Ws => (Scheme::Wss, "speaks TLS"),
        Scheme::Wss => (Scheme::Ws, "speaks no TLS"),
    };
    let second = ask(other, url, pins, left.saturating_sub(begun.elapsed())).await;
    let failure = match (second.answer(), failure.kind) {
        (Some(_), _) => {
            let message = format!("the gateway on port {} {speaks}: {}", url.port, failure.message);
            Failure { phase: Phase::Tls, kind: FailureKind::Tls, message, ..failure.clone() }
        }
        // It is no gateway without TLS either.
        (None, FailureKind::Tls) => Failure { kind: FailureKind::NotOpenClaw, ..failure.clone() },
        (None, _) => return first,
    };
    Probe::failed(failure, first.elapsed_ms, first.at)
}

/// Whatever certificate comes is taken: no secret is sent, and who signed it is not the question.
async fn ask(scheme: Scheme, url: &GatewayUrl, pins: &Pins, left: Duration) -> Probe<Challenge> {
    let (at, begun) = (Timestamp::now(), Instant::now());
    let target = match Target::new(scheme, &url.host, url.port) {
        Ok(target) => target,
        Err(error) => return Probe::not_tried(error.to_string(), at),
    };
    let pin = match scheme {
        Scheme::Wss => match pins.get(&(url.host.clone(), url.port)) {
            Some(pin) => Some(*pin),
            None => proxy::certificate_of(&target, left, at).await,
        },
        Scheme::Ws => None,
    };
    let target = match pin {
        Some(pin) => target.with_tls(TlsPolicy::Pinned(pin)),
        None => target,
    };
    handshake(&target, left.saturating_sub(begun.elapsed())).await
}
