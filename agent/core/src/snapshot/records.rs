//! Devices, and the rows of a state directory's database.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Devices that wait and devices that are approved.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Pairing {
    /// Requests that wait.
    pub pending: Vec<PendingPairing>,
    /// Approved devices.
    pub paired: Vec<PairedDevice>,
}

/// A request that waits for approval.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PendingPairing {
    /// Request id: what `openclaw devices approve` takes.
    pub request_id: String,
    /// Device.
    pub device_id: String,
    /// `operator` or `node`.
    pub role: Option<String>,
    /// Scopes asked for.
    pub scopes: Vec<String>,
    /// `cli`, `openclaw-control-ui`, …
    pub client_id: Option<String>,
    /// Platform it says it is.
    pub platform: Option<String>,
    /// Address it came from.
    pub remote_ip: Option<String>,
    /// When it asked.
    #[schemars(with = "Option<String>")]
    pub requested_at: Option<Timestamp>,
    /// A paired device that asks anew.
    pub repair: bool,
}

/// An approved device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PairedDevice {
    /// Device.
    pub device_id: String,
    /// Roles approved.
    pub roles: Vec<String>,
    /// Scopes approved.
    pub scopes: Vec<String>,
    /// `cli`, `openclaw-control-ui`, …
    pub client_id: Option<String>,
    /// Platform it said it is.
    pub platform: Option<String>,
    /// Name it gave itself.
    pub display_name: Option<String>,
    /// Address it last came from.
    pub remote_ip: Option<String>,
    /// When it was approved.
    #[schemars(with = "Option<String>")]
    pub approved_at: Option<Timestamp>,
    /// When it was last seen.
    #[schemars(with = "Option<String>")]
    pub last_seen_at: Option<Timestamp>,
}

/// Rows of a state directory's shared database.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StateRecords {
    /// `user_version` of the database.
    pub schema_version: i64,
    /// The gateway's claim to be the one owner.
    pub lease: Option<Lease>,
    /// Starts of a gateway, newest first, bounded.
    pub boots: Vec<Boot>,
    /// Own device ids.
    pub devices: Vec<String>,
    /// Devices that this directory's gateway approved.
    pub paired: Vec<PairedDevice>,
    /// Requests that wait at this directory's gateway.
    pub pending: Vec<PendingPairing>,
    /// Devices for which a device token of a gateway is kept, with the time it was written.
    pub device_tokens: Vec<(String, Option<Timestamp>)>,
}

/// A gateway's claim to be the one owner of a state directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// Process id.
    pub pid: u32,
    /// Host name.
    pub host: Option<String>,
    /// Port.
    pub port: Option<u16>,
    /// `foreground` or `supervised`.
    pub mode: Option<String>,
    /// Supervisor: `launchd:ai.openclaw.gateway`.
    pub supervisor: Option<String>,
    /// Last heartbeat; one is due every 30 s.
    pub heartbeat_at: Option<Timestamp>,
    /// When it lapses.
    pub expires_at: Option<Timestamp>,
    /// Whether a process with this pid lives on this node.
    pub alive: bool,
    /// Its user id, where it lives.
    pub uid: Option<u32>,
}

/// One start of a gateway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Boot {
    /// Process id.
    pub pid: Option<u32>,
    /// When it started.
    pub started_at: Timestamp,
    /// When it completed its start or its stop.
    pub completed_at: Option<Timestamp>,
    /// `clean_stop`, `startup_failed`, …; none when it ended without a word or still runs.
    pub outcome: Option<String>,
    /// Why it ended, with anything secret masked: `stop (SIGTERM)`, `another gateway instance is already listening on …`.
    #[serde(default)]
    pub reason: Option<String>,
}
