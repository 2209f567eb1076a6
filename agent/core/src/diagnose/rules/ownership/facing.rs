//! Whom the clients of a gateway may meet on its port.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::snapshot::{Gateway, Listener, Snapshot};

/// The listeners that a client of a gateway may meet on its port: those on every address, on `127.0.0.1` and `::1`, to which `localhost`
/// leads, and those on the addresses on which the gateway itself listens. Where there is none of these the gateway may be one that listens
/// on an address of the network only: then all that are on such an address. Whoever has another address of the loopback has it for itself.
pub(crate) fn facing<'a>(snapshot: &'a Snapshot, gateway: &'a Gateway) -> impl Iterator<Item = &'a Listener> {
    let here = || snapshot.listeners_on(gateway.port).filter(|listener| !listener.foreign_netns);
    let is_own = |listener: &&Listener| listener.pids.iter().any(|pid| gateway.pids.contains(pid));
    let own: Vec<IpAddr> = here().filter(is_own).map(|listener| listener.address).collect();
    let meets = move |listener: &&Listener| is_near(listener.address) || own.contains(&listener.address);
    let any = here().any(|listener| meets(&listener));
    here().filter(move |listener| if any { meets(listener) } else { !listener.address.to_canonical().is_loopback() })
}

/// Whether `localhost` leads to an address, or to one that it stands for.
fn is_near(address: IpAddr) -> bool {
    let address = address.to_canonical();
    address.is_unspecified() || address == Ipv4Addr::LOCALHOST || address == Ipv6Addr::LOCALHOST
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::fixture::*;

    fn faced(own: &[&str], others: &[&str]) -> Vec<String> {
        let on = |address: &&str, pid| Listener { address: address.parse().unwrap(), ..listener(PORT, pid) };
        let node = node(|node| {
            let own = own.iter().map(|address| on(address, PID));
            *value(&mut node.listeners) = own.chain(others.iter().map(|address| on(address, 77))).collect();
        });
        facing(&node, &node.gateways[0]).map(|listener| listener.address.to_string()).collect()
    }

    #[test]
    fn localhost_and_the_wildcard_are_faced_whoever_has_them() {
        assert_eq!(faced(&["127.0.0.1"], &["::1"]), ["127.0.0.1", "::1"]);
        assert_eq!(faced(&[], &["127.0.0.1", "::", "::ffff:127.0.0.1"]), ["127.0.0.1", "::", "::ffff:127.0.0.1"]);
    }

    #[test]
    fn an_address_on_which_the_gateway_does_not_listen_is_another_matter() {
        assert_eq!(faced(&["127.0.0.1"], &["127.0.0.2", "192.0.2.7"]), ["127.0.0.1"]);
        assert_eq!(faced(&["192.0.2.7"], &["192.0.2.8"]), ["192.0.2.7"]);
        assert_eq!(faced(&["192.0.2.7"], &["127.0.0.1"]), ["192.0.2.7", "127.0.0.1"]);
        assert!(faced(&[], &["127.0.0.2"]).is_empty());
    }

    #[test]
    fn where_nobody_is_near_the_gateway_may_be_one_of_the_network() {
        assert_eq!(faced(&[], &["192.0.2.8", "127.0.0.2"]), ["192.0.2.8"]);
        let hidden = node(|node| node.listeners = denied());
        assert_eq!(facing(&hidden, &hidden.gateways[0]).count(), 0);
    }
}
