//! Apple's `container list --format json` and `container inspect`.
//!
//! Version 1.0 changed the form: before, `status` is a word and `networks` stand on top; since, both are in a `status` object. The
//! environment of a container's first process holds secrets: all but a few variables of it is passed over while parsing.

use portreeve_openclaw::environment::{CONFIG_PATH, GATEWAY_PORT, HOME, PROFILE, STATE_DIR};
use serde::Deserialize;
use serde_json::Value;

/// Variables that say where `OpenClaw` listens and keeps its state, and hold no secret.
const KEPT: [&str; 5] = [CONFIG_PATH, GATEWAY_PORT, HOME, PROFILE, STATE_DIR];

/// One container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Container {
    /// Id.
    pub id: String,
    /// `running`, `stopped`, `stopping`, `bootstrapped`, `unknown`.
    pub state: Option<String>,
    /// Image.
    pub image: Option<Image>,
    /// Platform: `linux/arm64`.
    pub platform: Option<String>,
    /// Program and arguments of its first process.
    pub command: Vec<String>,
    /// Those variables of its first process that say where `OpenClaw` listens and keeps its state.
    pub environment: Vec<(String, String)>,
    /// Working directory of its first process.
    pub working_dir: Option<String>,
    /// User of its first process: `1000:1000`, `node`.
    pub user: Option<String>,
    /// Networks; none of one that does not run, in the old form.
    pub networks: Vec<Attachment>,
    /// Ports on the host.
    pub published: Vec<PublishedPort>,
    /// What is mounted.
    pub mounts: Vec<Mount>,
    /// Whether its own layer is read-only.
    pub read_only: bool,
    /// Bytes of memory that its machine has.
    pub memory: Option<u64>,
    /// When it was started.
    pub started_at: Option<String>,
}

/// An image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// `docker.io/library/nginx:latest`
    pub reference: String,
    /// Digest of its index.
    pub digest: Option<String>,
}

/// A network that a container is attached to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// Name.
    pub network: Option<String>,
    /// Addresses without the length of their prefix.
    pub addresses: Vec<String>,
}

/// A port of the host that leads into a container, or as many of them in a row as `count` says.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PublishedPort {
    /// Address on the host.
    pub host_address: Option<String>,
    /// Port on the host.
    pub host_port: u16,
    /// Port in the container.
    pub container_port: u16,
    /// `tcp` or `udp`.
    #[serde(rename = "proto", default = "tcp")]
    pub protocol: String,
    /// Ports in a row.
    #[serde(default = "one")]
    pub count: u16,
}

fn tcp() -> String {
    "tcp".to_owned()
}

fn one() -> u16 {
    1
}

/// Something mounted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// `virtiofs`, `tmpfs`, `volume`, `block`.
    pub kind: Option<String>,
    /// Name of a volume.
    pub volume: Option<String>,
    /// Path on the host.
    pub source: Option<String>,
    /// Path in the container.
    pub destination: String,
    /// Whether it cannot be written.
    pub read_only: bool,
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
        started_date: Option<Value>,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Network {
    #[serde(rename = "network")]
    name: Option<String>,
    address: Option<String>,
    ipv4_address: Option<String>,
    ipv6_address: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct Configuration {
    id: Option<String>,
    image: Option<RawImage>,
    #[serde(default)]
    published_ports: Vec<Value>,
    #[serde(default)]
    mounts: Vec<Value>,
    init_process: Option<Value>,
    platform: Option<Value>,
    read_only: Option<Value>,
    resources: Option<Value>,
}

#[derive(Deserialize)]
struct RawImage {
    reference: Option<String>,
    descriptor: Option<Value>,
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
    let configuration = raw.configuration.unwrap_or_default();
    let process = configuration.init_process.unwrap_or_default();
    let executable = text(&process, "/executable").into_iter();
    Some(Container {
        id: raw.id.or(configuration.id)?,
        state,
        image: configuration.image.and_then(image),
        platform: configuration.platform.as_ref().and_then(platform),
        command: executable.chain(texts(&process, "/arguments").map(str::to_owned)).collect(),
        environment: texts(&process, "/environment").filter_map(kept).collect(),
        working_dir: text(&process, "/workingDirectory"),
        user: user(&process),
        networks: raw.networks.into_iter().chain(inner).map(attachment).collect(),
        published: configuration
            .published_ports
            .into_iter()
            .filter_map(|port| serde_json::from_value(port).ok())
            .collect(),
        mounts: configuration.mounts.iter().filter_map(mount).collect(),
        read_only: configuration.read_only.and_then(|value| value.as_bool()).unwrap_or_default(),
        memory: configuration.resources.as_ref().and_then(|resources| resources.get("memoryInBytes")?.as_u64()),
        started_at,
    })
}

fn text(value: &Value, path: &str) -> Option<String> {
    value.pointer(path)?.as_str().map(str::to_owned)
}

fn texts<'a>(value: &'a Value, path: &str) -> impl Iterator<Item = &'a str> {
    value.pointer(path).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

fn kept(pair: &str) -> Option<(String, String)> {
    let (name, value) = pair.split_once('=')?;
    KEPT.contains(&name).then(|| (name.to_owned(), value.to_owned()))
}

fn image(raw: RawImage) -> Option<Image> {
    Some(Image {
        reference: raw.reference?,
        digest: raw.descriptor.and_then(|descriptor| text(&descriptor, "/digest")),
    })
}

fn platform(value: &Value) -> Option<String> {
    Some(format!("{}/{}", text(value, "/os")?, text(value, "/architecture")?))
}

fn user(process: &Value) -> Option<String> {
    let id = |name: &str| process.pointer(name).and_then(Value::as_u64);
    match (id("/user/id/uid"), id("/user/id/gid")) {
        (Some(uid), Some(gid)) => Some(format!("{uid}:{gid}")),
        _ => text(process, "/user/raw/userString"),
    }
}

fn attachment(network: Network) -> Attachment {
    let addresses = [network.ipv4_address.or(network.address), network.ipv6_address];
    Attachment {
        network: network.name,
        addresses: addresses.into_iter().flatten().map(without_prefix_length).collect(),
    }
}

fn mount(value: &Value) -> Option<Mount> {
    let kind = value.get("type").and_then(Value::as_object).and_then(|kinds| kinds.keys().next());
    Some(Mount {
        kind: kind.cloned(),
        volume: text(value, "/type/volume/name"),
        source: text(value, "/source").filter(|source| source.starts_with('/')),
        destination: text(value, "/destination")?,
        read_only: texts(value, "/options").any(|option| option == "ro"),
    })
}

fn without_prefix_length(address: String) -> String {
    match address.split_once('/') {
        Some((address, _)) => address.to_owned(),
        None => address,
    }
}
