//! The gateway on this side of the network.

use std::net::IpAddr;

use portreeve_core::snapshot::Listener;
use portreeve_openclaw::endpoint::{CertFingerprint, Scheme, Target, TargetError, TlsPolicy};

/// How to reach the gateway of this network namespace on a port: by its loopback, or at the address that it is bound to where that is none.
/// Where the gateway's certificate is known, only that one counts.
pub fn local_target(
    port: u16,
    tls: bool,
    certificate: Option<CertFingerprint>,
    listeners: &[&Listener],
) -> Result<Target, TargetError> {
    let scheme = if tls { Scheme::Wss } else { Scheme::Ws };
    let has = |wanted: fn(&IpAddr) -> bool| listeners.iter().map(|listener| listener.address).find(wanted);
    let on_loopback = has(|address| address.is_ipv4() && (address.is_loopback() || address.is_unspecified())).is_some();
    let address = if on_loopback {
        None
    } else {
        has(|address| address.is_loopback() || address.is_unspecified())
            .map(|_| IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1]))
            .or_else(|| has(|_| true))
    };
    let target = match address {
        None => Target::new(scheme, "127.0.0.1", port),
        Some(address) => Target::new(scheme, &address.to_string(), port),
    }?;
    Ok(match certificate {
        Some(fingerprint) => target.with_tls(TlsPolicy::Pinned(fingerprint)),
        None => target,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(addresses: &[&str]) -> String {
        let listeners: Vec<Listener> = addresses
            .iter()
            .map(|address| Listener {
                address: address.parse().unwrap(),
                port: 18789,
                pids: Vec::new(),
                uid: None,
                foreign_netns: false,
            })
            .collect();
        local_target(18789, false, None, &listeners.iter().collect::<Vec<_>>()).unwrap().to_string()
    }

    #[test]
    fn the_loopback_comes_first() {
        assert_eq!(target(&[]), "ws://127.0.0.1:18789");
        assert_eq!(target(&["192.0.2.1", "0.0.0.0"]), "ws://127.0.0.1:18789");
        assert_eq!(target(&["::1"]), "ws://[::1]:18789");
        assert_eq!(target(&["192.0.2.1"]), "ws://192.0.2.1:18789");
    }
}
