//! Addresses of this node.

use std::net::IpAddr;

use nix::ifaddrs::getifaddrs;

/// Addresses of the node's interfaces, loopback among them; empty where they cannot be listed.
pub(crate) fn local_addresses() -> Vec<IpAddr> {
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

/// Whether a host as a URL has it is this node: a loopback name or address, or one of its own.
pub(crate) fn is_local(host: &str, addresses: &[IpAddr]) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    if is_loopback(host) {
        return true;
    }
    host.parse::<IpAddr>().is_ok_and(|address| address.is_unspecified() || addresses.contains(&address))
}

/// Whether a host is a loopback name or address.
pub(crate) fn is_loopback(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || host.to_ascii_lowercase().ends_with(".localhost")
        || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_in_its_forms_is_local_and_a_stranger_is_not() {
        let own = local_addresses();
        for host in ["127.0.0.1", "127.9.9.9", "localhost", "LOCALHOST", "[::1]", "::1", "0.0.0.0"] {
            assert!(is_local(host, &own), "{host}");
        }
        assert!(own.iter().any(IpAddr::is_loopback), "{own:?}");
        for host in ["192.0.2.7", "gateway", "example.org", "localhost.example.org"] {
            assert!(!is_local(host, &own), "{host}");
        }
    }
}
