//! What is read of an engine's answers. Everything may be missing.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::lenient::or_default;

/// `/info`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Info {
    pub(super) containers: u64,
    pub(super) system_time: Option<String>,
    pub(super) operating_system: Option<String>,
    pub(super) kernel_version: Option<String>,
}

/// An element of `/containers/json`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Listed {
    pub(super) id: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) names: Vec<String>,
    #[serde(deserialize_with = "or_default")]
    pub(super) image: String,
    #[serde(rename = "ImageID", deserialize_with = "or_default")]
    pub(super) image_id: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) command: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) state: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) status: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) ports: Vec<ListedPort>,
    #[serde(deserialize_with = "or_default")]
    pub(super) labels: BTreeMap<String, String>,
    #[serde(deserialize_with = "or_default")]
    pub(super) host_config: HostConfig,
    #[serde(deserialize_with = "or_default")]
    pub(super) network_settings: NetworkSettings,
    #[serde(deserialize_with = "or_default")]
    pub(super) mounts: Vec<MountPoint>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct ListedPort {
    #[serde(rename = "IP", deserialize_with = "or_default")]
    pub(super) ip: String,
    pub(super) private_port: u16,
    #[serde(deserialize_with = "or_default")]
    pub(super) public_port: Option<u16>,
    #[serde(rename = "Type", deserialize_with = "or_default")]
    pub(super) protocol: String,
}

/// `/containers/{id}/json`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Inspected {
    pub(super) id: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) name: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) image: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) path: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) args: Vec<String>,
    #[serde(deserialize_with = "or_default")]
    pub(super) restart_count: u32,
    #[serde(deserialize_with = "or_default")]
    pub(super) state: State,
    #[serde(deserialize_with = "or_default")]
    pub(super) config: Config,
    #[serde(deserialize_with = "or_default")]
    pub(super) host_config: HostConfig,
    #[serde(deserialize_with = "or_default")]
    pub(super) network_settings: NetworkSettings,
    #[serde(deserialize_with = "or_default")]
    pub(super) mounts: Vec<MountPoint>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct State {
    #[serde(deserialize_with = "or_default")]
    pub(super) status: String,
    #[serde(rename = "OOMKilled")]
    pub(super) oom_killed: bool,
    #[serde(deserialize_with = "or_default")]
    pub(super) pid: u32,
    #[serde(deserialize_with = "or_default")]
    pub(super) exit_code: i64,
    #[serde(deserialize_with = "or_default")]
    pub(super) error: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) started_at: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) finished_at: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) health: Option<Health>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Health {
    #[serde(deserialize_with = "or_default")]
    pub(super) status: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) failing_streak: u32,
    #[serde(deserialize_with = "or_default")]
    pub(super) log: Vec<HealthEntry>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct HealthEntry {
    #[serde(deserialize_with = "or_default")]
    pub(super) end: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) exit_code: i64,
    #[serde(deserialize_with = "or_default")]
    pub(super) output: String,
}

/// Its environment is secret: no `Debug`.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Config {
    #[serde(deserialize_with = "or_default")]
    pub(super) user: Option<String>,
    #[serde(deserialize_with = "or_default")]
    pub(super) env: Vec<String>,
    #[serde(deserialize_with = "or_default")]
    pub(super) cmd: Vec<String>,
    #[serde(deserialize_with = "or_default")]
    pub(super) entrypoint: Words,
    #[serde(deserialize_with = "or_default")]
    pub(super) image: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) working_dir: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) labels: BTreeMap<String, String>,
    #[serde(deserialize_with = "or_default")]
    pub(super) exposed_ports: BTreeMap<String, serde_json::Value>,
    #[serde(deserialize_with = "or_default")]
    pub(super) healthcheck: Option<HealthConfig>,
}

impl std::fmt::Debug for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Config").field("image", &self.image).finish_non_exhaustive()
    }
}

/// Words, or one text as Podman has it.
#[derive(Debug, Default, Deserialize)]
#[serde(untagged)]
pub(super) enum Words {
    List(Vec<String>),
    Text(String),
    #[default]
    None,
}

#[derive(Debug, Default, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct HealthConfig {
    #[serde(deserialize_with = "or_default")]
    pub(super) test: Vec<String>,
    #[serde(deserialize_with = "or_default")]
    pub(super) interval: u64,
    #[serde(deserialize_with = "or_default")]
    pub(super) timeout: u64,
    #[serde(deserialize_with = "or_default")]
    pub(super) start_period: u64,
    #[serde(deserialize_with = "or_default")]
    pub(super) retries: u32,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct HostConfig {
    #[serde(deserialize_with = "or_default")]
    pub(super) network_mode: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) restart_policy: RestartPolicy,
    #[serde(deserialize_with = "or_default")]
    pub(super) readonly_rootfs: bool,
    #[serde(deserialize_with = "or_default")]
    pub(super) memory: u64,
    #[serde(deserialize_with = "or_default")]
    pub(super) port_bindings: BTreeMap<String, Option<Vec<PortBinding>>>,
    #[serde(deserialize_with = "or_default")]
    pub(super) tmpfs: BTreeMap<String, String>,
    #[serde(deserialize_with = "or_default")]
    pub(super) extra_hosts: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct RestartPolicy {
    #[serde(deserialize_with = "or_default")]
    pub(super) name: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) maximum_retry_count: u32,
}

#[derive(Debug, Default, Clone, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct PortBinding {
    #[serde(deserialize_with = "or_default")]
    pub(super) host_ip: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) host_port: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct NetworkSettings {
    #[serde(deserialize_with = "or_default")]
    pub(super) ports: BTreeMap<String, Option<Vec<PortBinding>>>,
    #[serde(deserialize_with = "or_default")]
    pub(super) networks: BTreeMap<String, NetworkEndpoint>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct NetworkEndpoint {
    #[serde(rename = "NetworkID", deserialize_with = "or_default")]
    pub(super) network_id: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) aliases: Vec<String>,
    #[serde(rename = "DNSNames", deserialize_with = "or_default")]
    pub(super) dns_names: Vec<String>,
    #[serde(rename = "IPAddress", deserialize_with = "or_default")]
    pub(super) ip_address: String,
    #[serde(rename = "GlobalIPv6Address", deserialize_with = "or_default")]
    pub(super) global_ipv6_address: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct MountPoint {
    #[serde(rename = "Type", deserialize_with = "or_default")]
    pub(super) kind: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) name: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) source: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) destination: String,
    #[serde(rename = "RW", deserialize_with = "or_default")]
    pub(super) writable: Option<bool>,
    #[serde(deserialize_with = "or_default")]
    pub(super) propagation: String,
}

/// `/images/{id}/json`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct InspectedImage {
    #[serde(deserialize_with = "or_default")]
    pub(super) repo_digests: Vec<String>,
    #[serde(deserialize_with = "or_default")]
    pub(super) os: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) architecture: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) variant: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) config: Config,
}

/// `/containers/{id}/top`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Top {
    #[serde(deserialize_with = "or_default")]
    pub(super) titles: Vec<String>,
    #[serde(deserialize_with = "or_default")]
    pub(super) processes: Vec<Vec<String>>,
}

/// An element of `/networks`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct ListedNetwork {
    pub(super) id: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) name: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) driver: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) internal: bool,
    #[serde(rename = "IPAM", deserialize_with = "or_default")]
    pub(super) ipam: Ipam,
    #[serde(deserialize_with = "or_default")]
    pub(super) labels: BTreeMap<String, String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Ipam {
    #[serde(deserialize_with = "or_default")]
    pub(super) config: Vec<IpamConfig>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct IpamConfig {
    #[serde(deserialize_with = "or_default")]
    pub(super) subnet: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) gateway: String,
}

/// `/volumes`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Volumes {
    #[serde(deserialize_with = "or_default")]
    pub(super) volumes: Vec<ListedVolume>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct ListedVolume {
    #[serde(deserialize_with = "or_default")]
    pub(super) name: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) driver: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) mountpoint: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) labels: BTreeMap<String, String>,
}

/// A line of `/events`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Event {
    #[serde(deserialize_with = "or_default")]
    pub(super) action: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) actor: Actor,
    #[serde(rename = "timeNano", deserialize_with = "or_default")]
    pub(super) time_nano: i64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Actor {
    #[serde(rename = "ID", deserialize_with = "or_default")]
    pub(super) id: String,
    #[serde(rename = "Attributes", deserialize_with = "or_default")]
    pub(super) attributes: BTreeMap<String, String>,
}
