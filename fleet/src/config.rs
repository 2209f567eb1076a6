//! Settings: a TOML file, each of them with a default.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use ipnet::IpNet;
use serde::Deserialize;

use crate::auth::Role;

/// Largest settings file, in bytes.
const MAX_BYTES: u64 = 256 * 1024;

/// All settings.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where to listen.
    pub listen: SocketAddr,
    /// Folder of the database.
    pub data: PathBuf,
    /// The address by which agents and browsers reach this server, where it is another than `listen`: `https://fleet.example.com`.
    pub public_url: Option<String>,
    /// Certificate and key; without them the server speaks plain HTTP, for a proxy in front of it.
    pub tls: Option<Tls>,
    /// People.
    pub viewers: Viewers,
    /// What may call `/metrics` without a viewer's token. A request that a proxy has relayed is never one of them.
    pub metrics: Metrics,
    /// Bounds.
    pub limits: Limits,
    /// How long data is kept.
    pub retention: Retention,
}

/// TLS of the server itself. The files are read again at `SIGHUP`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// Certificate chain, PEM.
    pub cert_file: PathBuf,
    /// Private key, PEM.
    pub key_file: PathBuf,
}

/// How people are known.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Viewers {
    /// A proxy that tells who the viewer is.
    pub proxy: Option<Proxy>,
    /// Hours that a login lasts.
    pub session_h: u64,
}

/// A proxy that signs people in.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proxy {
    /// Addresses that it calls from. Its header counts from nowhere else.
    pub addresses: Vec<IpNet>,
    /// The header with the viewer's name: `X-Forwarded-User`.
    pub header: String,
    /// What its viewers may do, where `operators` does not name them.
    #[serde(default)]
    pub role: Role,
    /// Names of viewers who may also change things.
    #[serde(default)]
    pub operators: Vec<String>,
}

/// Who may read `/metrics` without a token.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Metrics {
    /// Networks.
    pub allow: Vec<IpNet>,
}

/// Bounds.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Connections at once.
    pub connections: usize,
    /// Connections at once from one address.
    pub connections_per_address: usize,
    /// Seconds within which a request's head must have arrived.
    pub header_s: u64,
    /// Seconds after which a connection without a request is closed. Agents that report every minute keep theirs where it is longer.
    pub idle_s: u64,
    /// Seconds within which a request's body must have arrived.
    pub body_s: u64,
    /// Largest body as it is sent, in bytes.
    pub body_bytes: usize,
    /// Largest body once it is unpacked, in bytes.
    pub unpacked_bytes: usize,
    /// Messages that one body may hold, nested ones too.
    pub messages: usize,
    /// Bytes of bodies in memory at once.
    pub bodies_bytes: usize,
    /// Requests per minute that a node may send for long.
    pub requests_per_minute: u32,
    /// Requests that a node may send at once.
    pub burst: u32,
    /// Nodes.
    pub nodes: usize,
    /// Series, of all nodes: pairs of a metric's name and attributes.
    pub series: usize,
    /// Requests that wait for the database.
    pub queue: usize,
}

/// How long data is kept. What is oldest goes first where the database reaches its bound earlier.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Retention {
    /// Hours of series by the minute.
    pub minutes_h: u32,
    /// Days of series by ten minutes.
    pub ten_minutes_d: u32,
    /// Days of series by two hours.
    pub two_hours_d: u32,
    /// Days of events.
    pub events_d: u32,
    /// Days of the audit.
    pub audit_d: u32,
    /// Most that the database holds, in bytes. Where more comes than can be dropped, what nodes send is refused from a quarter of a GiB
    /// above it on.
    pub database_bytes: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::new(IpAddr::from([127, 0, 0, 1]), 4318),
            data: PathBuf::from("/var/lib/portreeve-fleet"),
            public_url: None,
            tls: None,
            viewers: Viewers::default(),
            metrics: Metrics::default(),
            limits: Limits::default(),
            retention: Retention::default(),
        }
    }
}

impl Default for Viewers {
    fn default() -> Self {
        Self { proxy: None, session_h: 12 }
    }
}

impl Default for Metrics {
    fn default() -> Self {
        let local = [IpAddr::from([127, 0, 0, 1]), IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1])];
        Self { allow: local.into_iter().map(IpNet::from).collect() }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 16_384,
            connections_per_address: 4096,
            header_s: 15,
            idle_s: 90,
            body_s: 30,
            body_bytes: 2 * 1024 * 1024,
            unpacked_bytes: 8 * 1024 * 1024,
            messages: 200_000,
            bodies_bytes: 256 * 1024 * 1024,
            requests_per_minute: 120,
            burst: 240,
            nodes: 50_000,
            series: 50_000,
            queue: 2048,
        }
    }
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            minutes_h: 6,
            ten_minutes_d: 7,
            two_hours_d: 180,
            events_d: 90,
            audit_d: 400,
            database_bytes: 20 * 1024 * 1024 * 1024,
        }
    }
}

impl Limits {
    /// Within which a request's head must have arrived.
    pub fn header(&self) -> Duration {
        Duration::from_secs(self.header_s)
    }

    /// After which a connection without a request is closed.
    pub fn idle(&self) -> Duration {
        Duration::from_secs(self.idle_s)
    }

    /// Within which a request's body must have arrived.
    pub fn body(&self) -> Duration {
        Duration::from_secs(self.body_s)
    }
}

/// Why there are no settings.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the settings file `{}`", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not what it should be.
    #[error("the settings file `{}` is not valid", .path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// Where and why.
        source: Box<toml::de::Error>,
    },
    /// A value that no server can work with.
    #[error("`{setting}` {why}")]
    Value {
        /// The setting.
        setting: &'static str,
        /// What is wrong with it.
        why: &'static str,
    },
}

impl Config {
    /// Reads a settings file.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let read = |source| ConfigError::Read { path: path.to_owned(), source };
        let metadata = std::fs::metadata(path).map_err(read)?;
        if !metadata.is_file() || metadata.len() > MAX_BYTES {
            return Err(read(std::io::Error::other("it is no file, or too large for one")));
        }
        let text = std::fs::read_to_string(path).map_err(read)?;
        let config: Self = toml::from_str(&text)
            .map_err(|source| ConfigError::Parse { path: path.to_owned(), source: Box::new(source) })?;
        config.check()?;
        Ok(config)
    }

    /// Whether a server can work with these values.
    pub fn check(&self) -> Result<(), ConfigError> {
        let wrong = |setting, why| Err(ConfigError::Value { setting, why });
        let limits = &self.limits;
        let positive = [
            ("limits.connections", limits.connections),
            ("limits.connections_per_address", limits.connections_per_address),
            ("limits.body_bytes", limits.body_bytes),
            ("limits.unpacked_bytes", limits.unpacked_bytes),
            ("limits.messages", limits.messages),
            ("limits.bodies_bytes", limits.bodies_bytes),
            ("limits.nodes", limits.nodes),
            ("limits.series", limits.series),
            ("limits.queue", limits.queue),
            ("limits.requests_per_minute", limits.requests_per_minute as usize),
            ("limits.burst", limits.burst as usize),
        ];
        if let Some((setting, _)) = positive.into_iter().find(|(_, value)| *value == 0) {
            return wrong(setting, "must be greater than 0");
        }
        if !(1..=600).contains(&limits.header_s) {
            return wrong("limits.header_s", "must lie between 1 and 600");
        }
        if !(1..=3_600).contains(&limits.idle_s) {
            return wrong("limits.idle_s", "must lie between 1 and 3600");
        }
        if !(1..=600).contains(&limits.body_s) {
            return wrong("limits.body_s", "must lie between 1 and 600");
        }
        if self.retention.minutes_h < 2 {
            return wrong("retention.minutes_h", "must be 2 or more");
        }
        if self.retention.database_bytes < 16 * 1024 * 1024 {
            return wrong("retention.database_bytes", "must be 16777216 or more");
        }
        if !(1..=24 * 366).contains(&self.viewers.session_h) {
            return wrong("viewers.session_h", "must lie between 1 and 8784");
        }
        if let Some(proxy) = &self.viewers.proxy
            && (proxy.addresses.is_empty() || axum::http::HeaderName::try_from(&proxy.header).is_err())
        {
            return wrong("viewers.proxy", "needs `addresses` and a valid `header`");
        }
        Ok(())
    }
}
