//! Addresses of this node.

use std::net::IpAddr;

use nix::ifaddrs::getifaddrs;

/// Addresses of the node's interfaces, loopback among them; empty where they cannot be listed.
pub fn local_addresses() -> Vec<IpAddr> {
    let Ok(interfaces) = getifaddrs() else { return Vec::new() };
    interfaces
        .filter_map(|interface| {
            let address = interface.address?;
            if let Some(v4) = address.as_sockaddr_in() {
                return Some(IpAddr::V4(v4.ip()));
            }
            address.as_sockaddr_in6().map(|v6| IpAddr::V6(v6.ip()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loopback_is_among_them() {
        let own = local_addresses();
        assert!(own.iter().any(IpAddr::is_loopback), "{own:?}");
    }
}
