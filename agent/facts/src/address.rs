//! Hosts as URLs name them.

use std::net::IpAddr;

/// Whether a host is a loopback name or address.
pub fn is_loopback(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || host.to_ascii_lowercase().ends_with(".localhost")
        || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Whether a host as a URL has it is this node: a loopback name or address, or one of its own.
pub fn is_local(host: &str, addresses: &[IpAddr]) -> bool {
    if is_loopback(host) {
        return true;
    }
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host.parse::<IpAddr>().is_ok_and(|address| address.is_unspecified() || addresses.contains(&address))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_in_its_forms_is_local_and_a_stranger_is_not() {
        let own = [IpAddr::from([192, 0, 2, 1])];
        for host in ["127.0.0.1", "127.9.9.9", "localhost", "LOCALHOST", "[::1]", "::1", "0.0.0.0", "192.0.2.1"] {
            assert!(is_local(host, &own), "{host}");
        }
        for host in ["192.0.2.7", "gateway", "example.org", "localhost.example.org"] {
            assert!(!is_local(host, &own), "{host}");
        }
    }
}
