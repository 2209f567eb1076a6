//! What a probe saw from within a workload's namespaces.

use std::net::IpAddr;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::client::{DeviceStanding, UrlFacts};
use super::credentials::Credentials;
use super::gateway::ConfigFacts;
use super::probe::{Challenge, Failure, Hello, Ladder, Liveness, Probe, Readiness, Startup};
use super::records::Pairing;
use super::{FileStat, Listener};
use crate::Fact;
use crate::connects::Series;

/// The name and version of the probe's answer.
pub const SCHEMA: &str = "portreeve.probe/1";

/// What was seen from within the namespaces of one workload.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NamespaceView {
    /// [`SCHEMA`].
    pub schema: String,
    /// Version of the probe.
    pub probe_version: String,
    /// The probe's clock.
    pub at: Timestamp,
    /// Milliseconds that the probe took.
    pub elapsed_ms: f64,
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
    /// Further groups.
    pub groups: Vec<u32>,
    /// Home directory.
    pub home: Option<String>,
    /// How names are resolved.
    pub resolver: Fact<Resolver>,
    /// Names that were asked for.
    pub names: Vec<NameAnswer>,
    /// Plain TCP connects.
    pub connects: Vec<ConnectSeries>,
    /// HTTP probes of gateways, without a secret.
    #[serde(default)]
    pub http: Vec<HttpSeen>,
    /// Sockets that listen in this network namespace.
    pub listeners: Fact<Vec<Listener>>,
    /// What is mounted where `OpenClaw` keeps things.
    pub mounts: Fact<Vec<MountSeen>>,
    /// Unix sockets that a configuration names.
    pub sockets: Vec<SocketSeen>,
    /// The state directory; absent where neither it nor any folder above it is there.
    pub state: Fact<StateSeen>,
    /// Whether a file could be made and removed in the folder that was asked for; none where none was.
    #[serde(default)]
    pub write_test: Option<Fact<bool>>,
    /// What a gateway in here accepts and answers; none where no gateway is.
    pub gateway: Option<GatewaySeen>,
    /// Where a client in here would connect, and what comes of it; none where no client is.
    pub client: Option<ClientSeen>,
    /// A series of connects of that client; none where none was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub series: Option<Series>,
}

/// `resolv.conf`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Resolver {
    /// Name servers.
    pub nameservers: Vec<String>,
    /// Domains that are tried.
    pub search: Vec<String>,
    /// Options.
    pub options: Vec<String>,
}

/// A name that was asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NameAnswer {
    /// The name.
    pub host: String,
    /// Addresses; empty where it does not resolve.
    pub addresses: Vec<IpAddr>,
    /// Why it does not resolve.
    pub error: Option<String>,
    /// Milliseconds.
    pub elapsed_ms: f64,
}

/// TCP connects to one address.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ConnectSeries {
    /// `host:port`.
    pub target: String,
    /// Connects tried.
    pub attempts: u32,
    /// Connects that came about.
    pub connected: u32,
    /// Median milliseconds of those that came about.
    pub median_ms: Option<f64>,
    /// One failure of each kind.
    pub failures: Vec<Failure>,
}

/// The HTTP probes of one gateway.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HttpSeen {
    /// What was asked: `ws://gateway:18789`.
    pub target: String,
    /// `/healthz`.
    pub healthz: Probe<Liveness>,
    /// `/startupz`.
    pub startupz: Probe<Startup>,
    /// `/readyz`.
    pub readyz: Probe<Readiness>,
}

/// A mount as the namespace sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MountSeen {
    /// Mount point.
    pub target: String,
    /// Type of the file system.
    pub fs_type: String,
    /// Whether it cannot be written.
    pub read_only: bool,
}

/// A Unix socket that a configuration names.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SocketSeen {
    /// Path within the workload.
    pub path: String,
    /// What names it.
    pub source: String,
    /// What is there; absent where nothing is.
    pub stat: Fact<FileStat>,
    /// `socket`, `file`, `directory`, …
    pub kind: Option<String>,
    /// Whether the client's user may connect, by owner, group and mode.
    pub permitted: Option<bool>,
}

/// A state directory as the namespace sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateSeen {
    /// Path within the workload.
    pub path: String,
    /// Owner, mode, device and inode; those of [`StateSeen::made_in`] where the directory itself is not there yet, as are the permissions.
    pub stat: FileStat,
    /// Whether the workload's user may read and pass it, by owner, group and mode.
    pub readable: bool,
    /// Whether the workload's user may write it, by owner, group and mode; how it is mounted is not looked at, since the probe's own
    /// mounts are read-only.
    pub writable: bool,
    /// The nearest existing folder, where the directory itself is not there yet.
    pub made_in: Option<String>,
    /// Files below it that belong to another user: path and owner, bounded.
    pub foreign: Vec<(String, u32)>,
    /// Own device ids.
    pub devices: Vec<String>,
}

/// A gateway in a workload.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GatewaySeen {
    /// Its configuration.
    pub config: Fact<ConfigFacts>,
    /// Port it should listen on.
    pub port: u16,
    /// Where the port comes from.
    pub port_source: String,
    /// Which secret it accepts, and from where.
    pub credentials: Credentials,
    /// What it answered.
    pub ladder: Ladder,
    /// Devices that wait and devices that are approved.
    pub pairing: Fact<Pairing>,
}

/// A client in a workload.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClientSeen {
    /// Where it would connect.
    pub url: Fact<UrlFacts>,
    /// Which secret it would send.
    pub credentials: Credentials,
    /// Its device, as far as its own state tells; how the gateway stands to it, the gateway's own list says.
    pub device: Fact<DeviceStanding>,
    /// Handshake from where it runs.
    pub handshake: Probe<Challenge>,
    /// `connect` with its secret and no device.
    pub connect: Probe<Hello>,
}
