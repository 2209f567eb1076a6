//! Apple's `container list --format json` and `container inspect`.
//!
//! Version 1.0 changed the form: before, `status` is a word and `networks` stand on top; since, both are in a `status` object. The
//! environment of a container's first process holds secrets and is passed over while parsing.

use serde::Deserialize;

/// One container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Container {
    /// Id.
    pub id: String,
    /// `running`, `stopped`, …
    pub state: Option<String>,
    /// Image.
    pub image: Option<String>,
    /// Addresses without the length of their prefix.
    pub addresses: Vec<String>,
    /// Ports on the host.
    pub published: Vec<PublishedPort>,
    /// When it was started.
    pub started_at: Option<String>,
}

/// A port of the host that leads into a container.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PublishedPort {
    /// Address on the host.
    pub host_address: Option<String>,
    /// Port on the host.
    pub host_port: u16,
    /// Port in the container.
    pub container_port: u16,
}

#[derive(Deserialize)]
struct Raw {
    id: Option<String>,
    status: Option<Status>,
    #[serde(default)]
    networks: Vec<Network>,
    configuration: Option<Configuration>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Status {
    Word(String),
    #[serde(rename_all = "camelCase")]
    Details {
        state: Option<String>,
        #[serde(default)]
        networks: Vec<Network>,
        started_date: Option<serde_json::Value>,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Network {
    address: Option<String>,
    ipv4_address: Option<String>,
    ipv6_address: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Configuration {
    id: Option<String>,
    image: Option<Image>,
    #[serde(default)]
    published_ports: Vec<serde_json::Value>,
}

#[derive(Deserialize)]
struct Image {
    reference: Option<String>,
}

/// Parses either command's array, of either generation. An entry without an id is left out.
///
/// ```text
/// [{"status":"running","networks":[{"address":"192.168.64.2/24"}],"configuration":{"id":"a","image":{"reference":"nginx"}}}]
/// [{"id":"a","status":{"state":"running","networks":[{"ipv4Address":"192.168.64.2/24"}]},"configuration":{"id":"a"}}]
/// ```
pub fn parse(output: &[u8]) -> Result<Vec<Container>, serde_json::Error> {
    let raw: Vec<Raw> = serde_json::from_slice(output)?;
    Ok(raw.into_iter().filter_map(container).collect())
}

fn container(raw: Raw) -> Option<Container> {
    let (state, inner, started_at) = match raw.status {
        Some(Status::Word(state)) => (Some(state), Vec::new(), None),
        Some(Status::Details { state, networks, started_date }) => {
            let started_at = started_date.and_then(|date| date.as_str().map(str::to_owned));
            (state, networks, started_at)
        }
        None => (None, Vec::new(), None),
    };
    let configuration = raw.configuration;
    let configured_id = configuration.as_ref().and_then(|configuration| configuration.id.clone());
    let (image, ports) = match configuration {
        Some(configuration) => (configuration.image.and_then(|image| image.reference), configuration.published_ports),
        None => (None, Vec::new()),
    };
    let networks = raw.networks.into_iter().chain(inner);
    let addresses = networks.flat_map(|network| [network.ipv4_address.or(network.address), network.ipv6_address]);
    Some(Container {
        id: raw.id.or(configured_id)?,
        state,
        image,
        addresses: addresses.flatten().map(without_prefix_length).collect(),
        published: ports.into_iter().filter_map(|port| serde_json::from_value(port).ok()).collect(),
        started_at,
    })
}

fn without_prefix_length(address: String) -> String {
    match address.split_once('/') {
        Some((address, _)) => address.to_owned(),
        None => address,
    }
}
