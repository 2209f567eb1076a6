//! Published ports in their short form: `[[IP:]HOST:]CONTAINER[/PROTOCOL]`, with ranges and IPv6 addresses.

/// One port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Port {
    /// Address of the host; none: every address.
    pub host_ip: Option<String>,
    /// Port of the host, or a range of which one is taken: `8000-8010`; none: any that is free.
    pub published: Option<String>,
    /// Port within the container.
    pub target: u16,
    /// `tcp`, `udp`, `sctp`.
    pub protocol: String,
}

impl Port {
    /// The one port of the host, where it is one.
    pub fn host_port(&self) -> Option<u16> {
        self.published.as_deref().and_then(|port| port.parse().ok())
    }
}

/// A text that is no port.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PortError {
    /// No port in it.
    #[error("no port specified")]
    Empty,
    /// The container's part.
    #[error("invalid container port `{0}`")]
    Container(String),
    /// The host's part.
    #[error("invalid host port `{0}`")]
    Host(String),
    /// The address.
    #[error("invalid address `{0}`")]
    Address(String),
    /// The protocol.
    #[error("invalid protocol `{0}`")]
    Protocol(String),
    /// Two ranges of different size.
    #[error("the ranges of host and container differ in length")]
    Lengths,
}

/// The ports of one entry, each by itself.
pub fn parse(text: &str) -> Result<Vec<Port>, PortError> {
    let (rest, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
    let protocol = protocol.to_ascii_lowercase();
    if !matches!(protocol.as_str(), "tcp" | "udp" | "sctp") {
        return Err(PortError::Protocol(protocol));
    }
    let (ahead, container) = rest.rsplit_once(':').map_or((None, rest), |(ahead, container)| (Some(ahead), container));
    if container.is_empty() {
        return Err(PortError::Empty);
    }
    let targets = range(container).ok_or_else(|| PortError::Container(container.to_owned()))?;
    let (ip, host) = match ahead {
        None => (None, ""),
        Some(ahead) => match ahead.rsplit_once(':') {
            Some((ip, host)) => (Some(ip), host),
            None => (None, ahead),
        },
    };
    let host_ip = ip.filter(|ip| !ip.is_empty()).map(address).transpose()?;
    if host.is_empty() {
        return Ok(targets
            .map(|target| Port { host_ip: host_ip.clone(), published: None, target, protocol: protocol.clone() })
            .collect());
    }
    let hosts = range(host).ok_or_else(|| PortError::Host(host.to_owned()))?;
    if hosts.len() == targets.len() {
        return Ok(hosts
            .zip(targets)
            .map(|(published, target)| Port {
                host_ip: host_ip.clone(),
                published: Some(published.to_string()),
                target,
                protocol: protocol.clone(),
            })
            .collect());
    }
    // Several ports of the host for one of the container: the engine takes one that is free.
    match (targets.len(), targets.clone().next()) {
        (1, Some(target)) => Ok(vec![Port { host_ip, published: Some(host.to_owned()), target, protocol }]),
        _ => Err(PortError::Lengths),
    }
}

fn range(text: &str) -> Option<std::ops::RangeInclusive<u16>> {
    let (from, to) = text.split_once('-').unwrap_or((text, text));
    let (from, to): (u16, u16) = (number(from)?, number(to)?);
    (from <= to).then_some(from..=to)
}

fn number(text: &str) -> Option<u16> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

fn address(text: &str) -> Result<String, PortError> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    bare.parse::<std::net::IpAddr>().map(|_| bare.to_owned()).map_err(|_| PortError::Address(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn short(text: &str) -> Vec<String> {
        let show = |port: &Port| {
            let ip = port.host_ip.as_deref().unwrap_or("*");
            format!("{ip} {} {}/{}", port.published.as_deref().unwrap_or("?"), port.target, port.protocol)
        };
        parse(text).unwrap().iter().map(show).collect()
    }

    #[test]
    fn every_form() {
        for (text, expected) in [
            ("3000", vec!["* ? 3000/tcp"]),
            ("3000-3001", vec!["* ? 3000/tcp", "* ? 3001/tcp"]),
            ("8000:80", vec!["* 8000 80/tcp"]),
            ("127.0.0.1:8001:81/udp", vec!["127.0.0.1 8001 81/udp"]),
            ("[::1]:90:91", vec!["::1 90 91/tcp"]),
            ("::1:90:91", vec!["::1 90 91/tcp"]),
            ("127.0.0.1::5000", vec!["127.0.0.1 ? 5000/tcp"]),
            ("9090-9091:8080-8081", vec!["* 9090 8080/tcp", "* 9091 8081/tcp"]),
            ("8000-8010:80", vec!["* 8000-8010 80/tcp"]),
            (":80", vec!["* ? 80/tcp"]),
        ] {
            assert_eq!(short(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_port_is_refused() {
        for text in ["", "80:", "x", "80:x", "x:80", "1.2.3:80:80", "80/icmp", "70000", "5-3", "1-2:1-3", "+80:80"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn nothing_panics(text in "[0-9a-f:.\\[\\]/\\-tcpud]{0,32}") {
            drop(parse(&text));
        }

        #[test]
        fn a_pair_comes_back(host in 1_u16.., target in 1_u16..) {
            let ports = parse(&format!("{host}:{target}")).unwrap();
            prop_assert_eq!(ports.len(), 1);
            prop_assert_eq!((ports[0].host_port(), ports[0].target), (Some(host), target));
        }
    }
}
