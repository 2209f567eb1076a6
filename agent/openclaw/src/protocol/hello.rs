//! `hello-ok`: what the gateway says once it has let us in.

use serde::{Deserialize, Serialize};

use super::error::scopes;
use super::health::Health;
use super::lenient;
use super::text::Text;

/// The payload of an accepted `connect`. Device tokens and capability addresses in it are not kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(from = "WireHello")]
pub struct Hello {
    /// The protocol version agreed on.
    pub protocol: Option<u32>,
    /// Which gateway answered.
    pub server: ServerInfo,
    /// The methods it offers.
    pub methods: Vec<String>,
    /// What we were granted.
    pub auth: GrantedAuth,
    /// Its limits.
    pub policy: Policy,
    /// The keyed hash of the configuration in force: equal hashes, equal configuration.
    pub applied_config_hash: Option<String>,
    /// How long it has been up, in milliseconds.
    pub uptime_ms: Option<u64>,
    /// How it authenticates: `token`, `password`, `none`, `trusted-proxy`. Sent to administrators only.
    pub auth_mode: Option<String>,
    /// Its configuration file. Sent to administrators only.
    pub config_path: Option<String>,
    /// Its state directory. Sent to administrators only.
    pub state_dir: Option<String>,
    /// Whether it takes work: `accepting`, or a phase of suspension.
    pub suspension_phase: Option<Text>,
    /// The cached picture of its health; empty just after a start.
    pub health: Option<Health>,
}

/// Which gateway answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub struct ServerInfo {
    /// Release, such as `2026.9.6`.
    #[serde(deserialize_with = "lenient::optional_name")]
    pub version: Option<String>,
    /// Build.
    #[serde(deserialize_with = "lenient::optional_name")]
    pub build_id: Option<String>,
    /// A new one at each start of the process.
    #[serde(deserialize_with = "lenient::optional_name")]
    pub boot_id: Option<String>,
    /// This connection; the gateway's log lines carry it.
    #[serde(deserialize_with = "lenient::optional_name")]
    pub conn_id: Option<String>,
}

/// What we were granted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(default)]
pub struct GrantedAuth {
    /// How we were authenticated: `token`, `password`, `device-token`, …
    #[serde(deserialize_with = "lenient::optional_name")]
    pub method: Option<String>,
    /// `operator` or `node`.
    #[serde(deserialize_with = "lenient::optional_name")]
    pub role: Option<String>,
    /// The scopes granted; empty for a connection that counts as remote and has no device.
    #[serde(deserialize_with = "lenient::names")]
    pub scopes: Vec<String>,
}

impl GrantedAuth {
    /// Whether `scope` was granted.
    pub fn has_scope(&self, scope: &str) -> bool {
        self.scopes.iter().any(|granted| granted == scope)
    }
}

/// The gateway's limits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub struct Policy {
    /// Largest frame it takes, in bytes.
    #[serde(deserialize_with = "lenient::optional")]
    pub max_payload: Option<u64>,
    /// Most bytes it holds back for a slow client.
    #[serde(deserialize_with = "lenient::optional")]
    pub max_buffered_bytes: Option<u64>,
    /// Interval of its ticks, in milliseconds.
    #[serde(deserialize_with = "lenient::optional")]
    pub tick_interval_ms: Option<u64>,
}

#[derive(Deserialize)]
struct WireHello {
    /// Distinguishes this payload from any other granted answer.
    #[serde(rename = "type")]
    _kind: HelloOk,
    #[serde(default, deserialize_with = "lenient::optional")]
    protocol: Option<u32>,
    #[serde(default, deserialize_with = "lenient::or_default")]
    server: ServerInfo,
    #[serde(default, deserialize_with = "lenient::or_default")]
    features: WireFeatures,
    #[serde(default, deserialize_with = "lenient::or_default")]
    auth: GrantedAuth,
    #[serde(default, deserialize_with = "lenient::or_default")]
    policy: Policy,
    #[serde(default, deserialize_with = "lenient::or_default")]
    snapshot: WireSnapshot,
}

#[derive(Deserialize)]
enum HelloOk {
    #[serde(rename = "hello-ok")]
    HelloOk,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct WireFeatures {
    #[serde(deserialize_with = "lenient::names")]
    methods: Vec<String>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct WireSnapshot {
    #[serde(deserialize_with = "lenient::optional_name")]
    applied_config_hash: Option<String>,
    #[serde(deserialize_with = "lenient::optional")]
    uptime_ms: Option<u64>,
    #[serde(deserialize_with = "lenient::optional_name")]
    auth_mode: Option<String>,
    #[serde(deserialize_with = "lenient::optional_name")]
    config_path: Option<String>,
    #[serde(deserialize_with = "lenient::optional_name")]
    state_dir: Option<String>,
    #[serde(deserialize_with = "lenient::or_default")]
    suspension: WireSuspension,
    #[serde(deserialize_with = "lenient::optional")]
    health: Option<Health>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct WireSuspension {
    #[serde(deserialize_with = "lenient::optional")]
    phase: Option<Text>,
}

impl From<WireHello> for Hello {
    fn from(wire: WireHello) -> Self {
        Self {
            protocol: wire.protocol,
            server: wire.server,
            methods: wire.features.methods,
            auth: GrantedAuth { scopes: scopes(wire.auth.scopes), ..wire.auth },
            policy: wire.policy,
            applied_config_hash: wire.snapshot.applied_config_hash,
            uptime_ms: wire.snapshot.uptime_ms,
            auth_mode: wire.snapshot.auth_mode,
            config_path: wire.snapshot.config_path,
            state_dir: wire.snapshot.state_dir,
            suspension_phase: wire.snapshot.suspension.phase,
            health: wire.snapshot.health,
        }
    }
}
