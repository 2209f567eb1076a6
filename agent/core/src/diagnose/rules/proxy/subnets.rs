//! From where a gateway sees a proxy come, and whether it trusts that.

use std::net::IpAddr;

use ipnet::IpNet;

use super::super::contained;
use crate::Snapshot;
use crate::snapshot::{Gateway, Network, ProxyRoute, Workload};

/// From where a gateway sees a proxy come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Peer {
    /// The loopback of the namespace that both are in.
    Loopback,
    /// One address, and the subnet that it belongs to, where that is known.
    Address(IpAddr, Option<IpNet>),
    /// Some address of one of these subnets.
    Within(Vec<IpNet>),
    /// Nobody knows.
    Unknown,
}

/// From where a gateway sees a proxy come: as it was seen, else as networks are defined.
pub(super) fn peer(snapshot: &Snapshot, route: &ProxyRoute, gateway: &Gateway) -> Peer {
    let subnets = common(snapshot, route, gateway);
    let address = route.peer.as_deref().and_then(|peer| peer.parse::<IpAddr>().ok());
    match address {
        Some(address) if address.is_loopback() => Peer::Loopback,
        Some(address) => {
            let subnet = subnets.unwrap_or_default().into_iter().find(|subnet| subnet.contains(&address));
            Peer::Address(address, subnet)
        }
        None => match subnets {
            None => Peer::Loopback,
            Some(subnets) if subnets.is_empty() => Peer::Unknown,
            Some(subnets) => Peer::Within(subnets),
        },
    }
}

/// Subnets of the networks that both are on; none where both are in one namespace.
fn common(snapshot: &Snapshot, route: &ProxyRoute, gateway: &Gateway) -> Option<Vec<IpNet>> {
    let networks = networks(snapshot, route, gateway)?;
    Some(networks.iter().flat_map(|network| &network.subnets).filter_map(|subnet| net(subnet)).collect())
}

/// The engine's own addresses on the networks of a proxy in a container: clients that use a published port come from there, all of them
/// where the engine runs in a virtual machine.
pub(super) fn engine_ends(snapshot: &Snapshot, route: &ProxyRoute, gateway: &Gateway) -> Vec<IpAddr> {
    let in_container = route.workload.is_some();
    let networks = networks(snapshot, route, gateway).filter(|_| in_container).unwrap_or_default();
    networks.iter().flat_map(|network| network.gateways.iter().copied()).collect()
}

/// The networks that both are on; none where both are in one namespace.
fn networks<'a>(snapshot: &'a Snapshot, route: &ProxyRoute, gateway: &Gateway) -> Option<Vec<&'a Network>> {
    let proxy = route.workload.as_deref().and_then(|id| snapshot.workload(id));
    let of = |workload: &Workload| -> Vec<String> {
        let at = contained::namespace(snapshot, workload);
        at.networks.iter().map(|attachment| attachment.network.clone()).collect()
    };
    let wanted = match (proxy, contained::of(snapshot, gateway)) {
        (Some(proxy), Some(gateway)) => {
            if contained::share_namespace(snapshot, proxy, gateway) == Some(true) {
                return None;
            }
            let theirs = of(gateway);
            of(proxy).into_iter().filter(|network| theirs.contains(network)).collect()
        }
        (Some(proxy), None) => of(proxy),
        // Through a published port it comes from the engine's own end of the network.
        (None, Some(gateway)) => of(gateway),
        (None, None) => Vec::new(),
    };
    Some(snapshot.networks.iter().filter(|network| wanted.contains(&network.id)).collect())
}

/// A subnet or an address as one.
pub(super) fn net(text: &str) -> Option<IpNet> {
    let text = text.trim();
    text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}

/// Whether what a gateway trusts has this peer in it. None where nobody can say.
pub(super) fn is_trusted(trusted: &[String], peer: &Peer) -> Option<bool> {
    let trusted: Vec<IpNet> = trusted.iter().filter_map(|text| net(text)).collect();
    let has = |address: &IpAddr| trusted.iter().any(|net| net.contains(address));
    match peer {
        Peer::Loopback => Some(trusted.iter().any(|net| net.addr().is_loopback() || net.prefix_len() == 0)),
        Peer::Address(address, _) => Some(has(address)),
        Peer::Within(subnets) => {
            // An entry within the subnet may be the very address that the proxy will get.
            let meets = |subnet: &IpNet| trusted.iter().any(|net| net.contains(subnet) || subnet.contains(net));
            Some(subnets.iter().any(meets))
        }
        Peer::Unknown if trusted.iter().all(|net| net.addr().is_loopback()) => Some(false),
        Peer::Unknown => None,
    }
}

/// What to trust besides, so that the peer is. Never a whole subnet: the engine's own end of it would be taken for a proxy as well, and
/// whoever comes through a published port comes from there and would be refused.
pub(super) fn suggestion(peer: &Peer) -> Vec<String> {
    match peer {
        Peer::Loopback => vec!["127.0.0.1".to_owned(), "::1".to_owned()],
        Peer::Address(address, _) => vec![address.to_string()],
        Peer::Within(_) | Peer::Unknown => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trusted(entries: &[&str], peer: &Peer) -> Option<bool> {
        let entries: Vec<String> = entries.iter().map(|entry| (*entry).to_owned()).collect();
        is_trusted(&entries, peer)
    }

    #[test]
    fn subnets_are_compared_by_arithmetic() {
        let within = Peer::Within(vec![net("172.18.0.0/16").unwrap()]);
        assert_eq!(trusted(&["172.16.0.0/12"], &within), Some(true));
        assert_eq!(trusted(&["172.18.0.7"], &within), Some(true));
        assert_eq!(trusted(&["172.19.0.0/16", "127.0.0.1"], &within), Some(false));
        assert_eq!(trusted(&[], &within), Some(false));
        let address = Peer::Address("172.18.0.3".parse().unwrap(), net("172.18.0.0/16"));
        assert_eq!(trusted(&["172.18.0.0/16"], &address), Some(true));
        assert_eq!(trusted(&["172.18.0.7"], &address), Some(false));
        assert_eq!(trusted(&["127.0.0.1"], &Peer::Loopback), Some(true));
        assert_eq!(trusted(&["10.0.0.0/8"], &Peer::Loopback), Some(false));
    }

    #[test]
    fn of_an_unknown_peer_only_loopback_alone_is_known_to_be_too_little() {
        assert_eq!(trusted(&[], &Peer::Unknown), Some(false));
        assert_eq!(trusted(&["127.0.0.1", "::1"], &Peer::Unknown), Some(false));
        assert_eq!(trusted(&["172.18.0.0/16"], &Peer::Unknown), None);
        assert_eq!(trusted(&["nonsense"], &Peer::Unknown), Some(false));
    }
}
