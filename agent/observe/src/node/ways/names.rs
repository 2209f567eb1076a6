//! Whether the names by which clients of the node itself call their gateways resolve here.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use portreeve_core::order::{Gather as _, Order as _};
use portreeve_core::snapshot::{Challenge, Client, Failure, FailureKind, Phase, Probe, UrlFacts};
use tokio::net::lookup_host;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// How long a name may take.
const NAME: Duration = Duration::from_secs(2);

/// Asks the resolver of this node for each such name once, all at a time. A name that resolves leaves no trace: what it leads to is not
/// asked. Nor is there anything to look up for a client that would refuse before it connects.
pub(super) async fn resolve(clients: &mut [Client]) {
    let mut asked = JoinSet::new();
    let mut hosts: Vec<(String, u16)> = clients.iter().filter_map(name).collect();
    hosts.order();
    hosts.dedup_by(|later, first| later.0 == first.0);
    for (host, port) in hosts {
        asked.spawn(async move {
            let outcome = look_up(&host, port).await;
            (host, outcome)
        });
    }
    let answers: BTreeMap<String, Option<Probe<Challenge>>> = asked.join_all().await.into_iter().gather();
    for client in clients {
        let Some((host, _)) = name(client) else { continue };
        if let Some(Some(probe)) = answers.get(&host) {
            client.handshake = probe.clone();
        }
    }
}

/// The name, with a port, by which a client of the node itself would look for its gateway.
fn name(client: &Client) -> Option<(String, u16)> {
    let UrlFacts { url, loopback: false, refusal: None, .. } = client.url.get()? else { return None };
    let host = url.host.as_str();
    let is_address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().is_ok();
    (client.workload.is_none() && !is_address).then(|| (host.to_owned(), url.port))
}

/// What stands in the place of a handshake; none where the name resolves.
async fn look_up(host: &str, port: u16) -> Option<Probe<Challenge>> {
    let (at, started) = (Timestamp::now(), Instant::now());
    let answer = timeout(NAME, lookup_host((host, port))).await;
    let why = match answer {
        Err(_) => return Some(Probe::not_tried(format!("`{host}` did not resolve in time"), at)),
        Ok(Err(error)) => error.to_string(),
        Ok(Ok(mut addresses)) => {
            if addresses.next().is_some() {
                return None;
            }
            "no address".to_owned()
        }
    };
    let failure = Failure::new(Phase::Dns, FailureKind::Unresolved, format!("`{host}`: {why}"));
    Some(Probe::failed(failure, started.elapsed().as_secs_f64() * 1000.0, at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_a_name_that_nobody_has_fails() {
        // Reserved for what never resolves, RFC 6761. Where a network drops questions the answer is that there was none in time.
        let missing = look_up("gateway.invalid", 18789).await.unwrap();
        let in_time = missing.failure().is_some_and(|failure| failure.kind == FailureKind::Unresolved);
        assert!(in_time || missing.not_tried_because().is_some(), "{missing:?}");
        assert_eq!(look_up("localhost", 18789).await, None);
    }
}
