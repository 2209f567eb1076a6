//! What gateways answer.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use portreeve_core::Fact;
use portreeve_core::order::Gather as _;
use portreeve_core::snapshot::Listener;
use portreeve_facts::Climb;
use portreeve_openclaw::endpoint::Target;

use crate::gateway::Draft;
use crate::site::Site;

/// Asks all gateways at once, each within what is left of the deadline.
pub(super) async fn climb_all(
    drafts: &[Option<Draft>],
    sites: &[Site],
    listeners: &Fact<Vec<Listener>>,
    left: Duration,
) -> Vec<Option<Climb>> {
    let asked = drafts.iter().zip(sites).map(|(draft, site)| async move {
        let draft = draft.as_ref()?;
        let seen = match (listeners.get(), listeners.blind()) {
            (Some(all), _) => Ok(on_port(all, draft.gateway.port)),
            (None, why) => Err(why.unwrap_or("listeners were not looked at")),
        };
        tokio::time::timeout(left, draft.ask(seen, site.uid)).await.ok()
    });
    futures_util::future::join_all(asked).await
}

/// How this node reaches each of its own gateways, by their ids.
pub(super) fn targets(drafts: &[Option<Draft>], listeners: &Fact<Vec<Listener>>) -> BTreeMap<String, Target> {
    let all = listeners.get().map(Vec::as_slice).unwrap_or_default();
    let target = |draft: &Draft| draft.target(&on_port(all, draft.gateway.port)).ok();
    drafts.iter().flatten().filter_map(|draft| Some((draft.gateway.id.clone(), target(draft)?))).gather()
}

/// The listeners on a port that may answer whoever asks there from this node: those that have `127.0.0.1`, else those that have `::1`, else
/// those on an address of the network.
pub(crate) fn on_port(listeners: &[Listener], port: u16) -> Vec<&Listener> {
    let here = || listeners.iter().filter(move |listener| listener.port == port && !listener.foreign_netns);
    let is_wide = |address: IpAddr| address.to_canonical().is_unspecified();
    let has = |address: IpAddr, wanted: IpAddr| address.to_canonical() == wanted || is_wide(address);
    let is_four = |listener: &&Listener| {
        let address = listener.address.to_canonical();
        address == Ipv4Addr::LOCALHOST || address == Ipv4Addr::UNSPECIFIED
    };
    if here().any(|listener| is_four(&listener)) {
        return here().filter(|listener| has(listener.address, Ipv4Addr::LOCALHOST.into())).collect();
    }
    let six: Vec<&Listener> = here().filter(|listener| has(listener.address, Ipv6Addr::LOCALHOST.into())).collect();
    if six.is_empty() {
        here().filter(|listener| !listener.address.to_canonical().is_loopback()).collect()
    } else {
        six
    }
}

pub(crate) fn settle(draft: &mut Draft, climb: Climb) {
    let Climb { ladder, pairing, written } = climb;
    draft.gateway.ladder = ladder;
    draft.gateway.pairing = pairing;
    if let Some(written) = written {
        let known = draft.gateway.config.clone().map(|mut config| {
            written.note(&mut config);
            config
        });
        draft.gateway.config = known;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(addresses: &[&str]) -> Vec<String> {
        let listener = |address: &&str| Listener {
            address: address.parse().unwrap(),
            port: 18789,
            pids: Vec::new(),
            uid: None,
            foreign_netns: false,
        };
        let listeners: Vec<Listener> = addresses.iter().map(listener).collect();
        on_port(&listeners, 18789).iter().map(|listener| listener.address.to_string()).collect()
    }

    #[test]
    fn only_who_may_answer_counts() {
        assert_eq!(asked(&["127.0.0.1", "::1", "127.0.0.2", "192.0.2.7"]), ["127.0.0.1"]);
        assert_eq!(asked(&["0.0.0.0", "127.0.0.1", "::"]), ["0.0.0.0", "127.0.0.1", "::"]);
        assert_eq!(asked(&["::1", "127.0.0.2", "192.0.2.7"]), ["::1"]);
        assert_eq!(asked(&["192.0.2.7", "127.0.0.2"]), ["192.0.2.7"]);
        assert!(asked(&["127.0.0.2"]).is_empty() && asked(&[]).is_empty());
    }
}
