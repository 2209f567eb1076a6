//! What connects to gateways.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::acceptance::Acceptance;
use super::credentials::Credentials;
use super::probe::{Challenge, Hello, Probe};
use super::proxy::TlsSeen;
use super::records::{PairedDevice, PendingPairing};
use crate::Fact;
use crate::connects::Series;

/// What a client is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ClientKind {
    /// The command line on the host.
    Cli,
    /// A node host.
    NodeHost,
}

/// Something that connects to a gateway.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Client {
    /// Stable id: `cli:/root/.openclaw`, `node-host:1234`.
    pub id: String,
    /// What it is.
    pub kind: ClientKind,
    /// User name.
    pub user: Option<String>,
    /// Resolved state directory with its identity.
    pub state_dir: Option<String>,
    /// Its process, where it runs.
    pub pid: Option<u32>,
    /// The workload it runs in: [`super::Workload::id`]; none on the host itself.
    #[serde(default)]
    pub workload: Option<String>,
    /// Where it would connect.
    pub url: Fact<UrlFacts>,
    /// Gateway on this node that the URL leads to, where it does.
    pub gateway: Option<String>,
    /// Which secret it would send.
    pub credentials: Credentials,
    /// Its device, and how the gateway stands to it.
    pub device: Fact<DeviceStanding>,
    /// Handshake from where it runs; not tried where the gateway's own rung says the same.
    pub handshake: Probe<Challenge>,
    /// `connect` with its secret and no device; tried only where the secret is the gateway's.
    pub connect: Probe<Hello>,
    /// What its real command line says; none where it was not asked for.
    #[serde(default)]
    pub acceptance: Option<Acceptance>,
    /// A series of connects from its own namespace, where it runs in a container; none where none was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connects: Option<Series>,
}

/// Where a client would connect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UrlFacts {
    /// The URL.
    pub url: GatewayUrl,
    /// Where it comes from.
    pub source: String,
    /// An override (`--url`, `OPENCLAW_GATEWAY_URL`) that makes configured credentials count for nothing.
    pub is_override: bool,
    /// Whether it is `gateway.remote.url`, so that the rest of `gateway.remote` counts as well.
    #[serde(default)]
    pub is_remote: bool,
    /// Why the client would refuse before it connects: plaintext to an address that is not private.
    pub refusal: Option<String>,
    /// Whether the host is a loopback address or name.
    pub loopback: bool,
    /// Nothing names the port: it is what every command takes that was told nothing.
    #[serde(default)]
    pub by_default: bool,
    /// Its TLS; none without it, or where what the client takes is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<UrlTls>,
}

/// TLS of a client's URL.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UrlTls {
    /// SHA-256 of the only certificate that the client takes, in hex; none where it takes what the authorities signed that Node.js brings.
    pub pinned: Option<String>,
    /// What is shown there; none where that was not looked at.
    pub shown: Option<ShownCertificate>,
}

/// A certificate that a client is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownCertificate {
    /// Its SHA-256, in hex.
    pub sha256: String,
    /// What stands in it.
    pub seen: TlsSeen,
}

/// A gateway's URL in parts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GatewayUrl {
    /// `ws` or `wss`.
    pub scheme: String,
    /// Host.
    pub host: String,
    /// Port.
    pub port: u16,
    /// `/`, or `/…` where there is more: a path may be a secret.
    pub path: String,
}

/// A client's device as the gateway knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceStanding {
    /// Device id in the client's state.
    pub device_id: String,
    /// Approved.
    pub approved: Option<PairedDevice>,
    /// Waiting.
    pub pending: Option<PendingPairing>,
    /// Whether the client holds a device token of its own.
    pub has_device_token: bool,
    /// Whether the client's copy of its device token is older than the gateway's.
    pub token_outdated: bool,
    /// Whether the client can write where its identity and tokens are kept.
    pub state_writable: bool,
}
