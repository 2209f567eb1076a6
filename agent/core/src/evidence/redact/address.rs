//! Addresses: those of the node are kept, all others are peers.

use std::net::{IpAddr, Ipv6Addr};

use ipnet::IpNet;

use super::{Redactor, begins_word, run};
use crate::snapshot::Snapshot;

/// The range of addresses for documentation (RFC 3849), under which peers stand where only an address can.
const DOCUMENTATION: [u16; 2] = [0x2001, 0xdb8];

impl Redactor {
    pub(super) fn learn_addresses(&mut self, snapshot: &Snapshot) {
        self.own_addresses.extend(snapshot.listeners.get().into_iter().flatten().map(|listener| listener.address));
        for view in snapshot.workloads.iter().filter_map(|workload| workload.view.get()) {
            self.own_addresses.extend(view.listeners.get().into_iter().flatten().map(|listener| listener.address));
        }
        let attached = snapshot.workloads.iter().flat_map(|workload| &workload.networks);
        self.own_addresses
            .extend(attached.filter_map(|attachment| bare(attachment.address.as_deref()?).parse::<IpAddr>().ok()));
        let published = snapshot.workloads.iter().flat_map(|workload| &workload.ports);
        self.own_addresses
            .extend(published.filter_map(|port| bare(port.host_address.as_deref()?).parse::<IpAddr>().ok()));
        for network in &snapshot.networks {
            self.own_addresses.extend(&network.gateways);
            self.own_networks.extend(network.subnets.iter().filter_map(|subnet| subnet.parse::<IpNet>().ok()));
        }
    }

    pub(super) fn addresses_in(&mut self, text: &str) -> Option<String> {
        super::rewrite(text, |before, rest| {
            if !begins_word(before) || before == Some('.') && !rest.starts_with(':') {
                return None;
            }
            if let Some(length) = hardware_address(before, rest) {
                return Some((length, self.macs.alias(rest.get(..length)?)));
            }
            let (length, address) = v6(before, rest).or_else(|| v4(rest))?;
            if self.is_own(address) {
                return Some((length, rest.get(..length)?.to_owned()));
            }
            Some((length, self.peers.alias(&address.to_string())))
        })
    }

    /// The pseudonym of an address as an address: `peer-7` is `2001:db8::7`.
    pub(super) fn address_for_address(&mut self, address: IpAddr) -> String {
        if self.is_own(address) {
            return address.to_string();
        }
        let alias = self.peers.alias(&address.to_string());
        format!("2001:db8::{}", alias.trim_start_matches(|c: char| !c.is_ascii_digit()))
    }

    fn is_own(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        let says_nothing = match address {
            IpAddr::V4(v4) => v4.is_broadcast() || v4.is_link_local() || v4.octets()[0] == 0,
            IpAddr::V6(v6) => {
                let [first, second, ..] = v6.segments();
                [first, second] == DOCUMENTATION
            }
        };
        says_nothing
            || address.is_loopback()
            || address.is_unspecified()
            || address.is_multicast()
            || self.own_addresses.contains(&address)
            || self.own_networks.iter().any(|network| network.contains(&address))
    }
}

/// Without brackets.
fn bare(address: &str) -> &str {
    address.trim_start_matches('[').trim_end_matches(']')
}

fn v4(rest: &str) -> Option<(usize, IpAddr)> {
    let word = run(rest, |c| c.is_ascii_digit() || c == '.');
    let word = word.trim_end_matches('.');
    let after = rest.get(word.len()..)?.chars().next();
    let ends = after.is_none_or(|c| !c.is_alphanumeric() && c != '_');
    let address = word.parse::<std::net::Ipv4Addr>().ok().filter(|_| ends)?;
    Some((word.len(), IpAddr::V4(address)))
}

/// An address with its zone.
fn v6(before: Option<char>, rest: &str) -> Option<(usize, IpAddr)> {
    if before == Some(':') {
        return None;
    }
    let word = run(rest, |c| c.is_ascii_hexdigit() || matches!(c, ':' | '.'));
    let after = rest.get(word.len()..)?.chars().next();
    if after.is_some_and(|c| c.is_alphanumeric() || c == '_') {
        return None;
    }
    let trimmed = word.trim_end_matches('.');
    let candidates = [trimmed, trimmed.strip_suffix(':').unwrap_or(trimmed)];
    let (word, address) = candidates
        .into_iter()
        .filter(|word| word.matches(':').count() >= 2)
        .find_map(|word| Some((word, word.parse::<Ipv6Addr>().ok()?)))?;
    let tail = rest.get(word.len()..)?;
    let zone = tail.strip_prefix('%').map_or(0, |zone| 1 + run(zone, |c| c.is_ascii_alphanumeric()).len());
    Some((word.len() + zone, IpAddr::V6(address)))
}

/// Six groups of hexadecimal digits.
fn hardware_address(before: Option<char>, rest: &str) -> Option<usize> {
    if matches!(before, Some(':' | '-')) {
        return None;
    }
    let mark = rest.chars().find(|c| !c.is_ascii_hexdigit()).filter(|c| matches!(c, ':' | '-'))?;
    let word = run(rest, |c| c.is_ascii_hexdigit() || c == mark);
    let groups: Vec<&str> = word.split(mark).collect();
    let least = if mark == ':' { 1 } else { 2 };
    let is_group = |group: &str| (least..=2).contains(&group.len());
    let after = rest.get(word.len()..)?.chars().next();
    (groups.len() == 6 && groups.iter().all(|group| is_group(group)) && after.is_none_or(|c| !c.is_alphanumeric()))
        .then_some(word.len())
}
