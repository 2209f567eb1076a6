//! What a container's own hosts file says beside what its engine always writes there.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

/// The word for the address of the machine that an engine runs for.
const MACHINE: &str = "host-gateway";

/// A name that a container's hosts file adds. It counts before every name of a network.
///
/// Its text is `name=address`, `name=host-gateway`, or the name alone where its address is not known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct HostsEntry {
    /// The name.
    pub name: String,
    /// What it stands for.
    pub address: HostsAddress,
}

/// What a name of a hosts file stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostsAddress {
    /// An address.
    Ip(IpAddr),
    /// The machine that the engine runs for.
    Machine,
    /// Something; a variable that nobody gives, or a link to another container.
    Unknown,
}

impl HostsEntry {
    /// Reads an entry as engines and Compose files write it: `name=address`, `name:address`, an IPv6 address with or without brackets.
    pub fn parse(text: &str) -> Self {
        let (name, address) = text.split_once(['=', ':']).unwrap_or((text, ""));
        let address = address.trim();
        let bare = address.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(address);
        let address = match bare.parse() {
            Ok(address) => HostsAddress::Ip(address),
            Err(_) if bare == MACHINE => HostsAddress::Machine,
            Err(_) => HostsAddress::Unknown,
        };
        Self { name: name.trim().to_owned(), address }
    }

    /// A name of which nothing else is known.
    pub fn unknown(name: &str) -> Self {
        Self { name: name.to_owned(), address: HostsAddress::Unknown }
    }
}

impl From<String> for HostsEntry {
    fn from(text: String) -> Self {
        Self::parse(&text)
    }
}

impl From<HostsEntry> for String {
    fn from(entry: HostsEntry) -> Self {
        match entry.address {
            HostsAddress::Ip(address) => format!("{}={address}", entry.name),
            HostsAddress::Machine => format!("{}={MACHINE}", entry.name),
            HostsAddress::Unknown => entry.name,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_an_entry_is_read() {
        for (text, name, address) in [
            ("gw:127.0.0.1", "gw", HostsAddress::Ip("127.0.0.1".parse().unwrap())),
            ("gw=10.0.0.1", "gw", HostsAddress::Ip("10.0.0.1".parse().unwrap())),
            ("gw:::1", "gw", HostsAddress::Ip("::1".parse().unwrap())),
            ("gw:[::1]", "gw", HostsAddress::Ip("::1".parse().unwrap())),
            ("gw=[fd00::2]", "gw", HostsAddress::Ip("fd00::2".parse().unwrap())),
            (" gw = 10.0.0.1 ", "gw", HostsAddress::Ip("10.0.0.1".parse().unwrap())),
            ("host.docker.internal:host-gateway", "host.docker.internal", HostsAddress::Machine),
            ("gw=${ADDRESS}", "gw", HostsAddress::Unknown),
            ("gw", "gw", HostsAddress::Unknown),
            ("", "", HostsAddress::Unknown),
        ] {
            assert_eq!(HostsEntry::parse(text), HostsEntry { name: name.to_owned(), address }, "{text}");
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        for text in ["gw=127.0.0.1", "gw=fd00::2", "gw=host-gateway", "gw"] {
            let entry: HostsEntry = serde_json::from_value(text.into()).unwrap();
            assert_eq!(serde_json::to_value(&entry).unwrap(), text);
        }
    }
}
