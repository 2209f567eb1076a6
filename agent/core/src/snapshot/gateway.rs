//! Gateways: configuration, installation, log.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::credentials::Credentials;
use super::probe::Ladder;
use super::records::Pairing;
use crate::connects::Series;
use crate::{Fact, Fingerprint};

/// Why a gateway is expected to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Expectation {
    /// Its process runs.
    Process,
    /// A unit is installed for it.
    Unit,
    /// Its configuration says `gateway.mode: local`.
    Config,
    /// A lock file or lease of an earlier run is there.
    Remains,
    /// The operator named it.
    Asked,
    /// A container runs or should run it.
    Container,
    /// A Compose file defines it.
    Definition,
}

/// One gateway that runs here or should.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Gateway {
    /// Stable id: the state directory, or `port:<n>` for a process whose state directory is hidden.
    pub id: String,
    /// User name it belongs to.
    pub user: Option<String>,
    /// Profile.
    pub profile: Option<String>,
    /// Resolved state directory.
    pub state_dir: Option<String>,
    /// The workload it runs in: [`super::Workload::id`]; none on the host itself. State directory, processes and units are the host's, so
    /// that a gateway in a workload has none of them here.
    #[serde(default)]
    pub workload: Option<String>,
    /// Why it is expected. Never empty.
    pub expected: Vec<Expectation>,
    /// Its configuration.
    pub config: Fact<ConfigFacts>,
    /// Port it should listen on.
    pub port: u16,
    /// Where the port comes from: `gateway.port in /…/openclaw.json`, `--port of unit …`.
    pub port_source: String,
    /// Processes that run it: title or arguments, and this state directory.
    pub pids: Vec<u32>,
    /// Units that would run it.
    pub units: Vec<String>,
    /// Which secret it accepts, and from where.
    pub credentials: Credentials,
    /// What it answered.
    pub ladder: Ladder,
    /// Devices that wait and devices that are approved.
    pub pairing: Fact<Pairing>,
    /// What its log says.
    pub log: Fact<LogFacts>,
    /// A series of connects from this node to where it listens; none where none was asked for or nothing of the node reaches it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connects: Option<Series>,
}

/// What of a configuration the rules need. Holds no secret.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ConfigFacts {
    /// The file.
    pub path: String,
    /// Last modification of it and of its includes, the newest.
    pub modified: Timestamp,
    /// Hash by which the running gateway names this revision of the file (`configRevisionHash` of `config.get`), where it was asked.
    ///
    /// Comparable with [`Hello::applied_config_hash`](super::probe::Hello::applied_config_hash) alone: it is keyed by the gateway and made from the resolved configuration.
    pub hash: Option<String>,
    /// Fingerprint of what is configured, its includes resolved and its `meta` block left out: it changes when a setting does. Keyed by
    /// the node, so that two nodes' say nothing to one another. None where the file does not parse.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<Fingerprint>,
    /// What is wrong with it. A file that does not parse has one error here and nothing below.
    pub problems: Vec<ConfigProblem>,
    /// `gateway.mode`.
    pub mode: Option<String>,
    /// `gateway.port`.
    pub port: Option<u16>,
    /// `gateway.bind`.
    pub bind: Option<String>,
    /// Whether TLS is on.
    pub tls: bool,
    /// `gateway.auth.mode` as written.
    pub auth_mode: Option<String>,
    /// `gateway.controlUi.allowedOrigins`; none when the key is not there.
    pub allowed_origins: Option<Vec<String>>,
    /// `gateway.controlUi.dangerouslyAllowHostHeaderOriginFallback`: whether an origin is let in that is the host which the request names.
    #[serde(default)]
    pub origin_by_host: bool,
    /// Whether the control page is on.
    pub control_ui: bool,
    /// `gateway.trustedProxies`.
    pub trusted_proxies: Vec<String>,
    /// `gateway.allowRealIpFallback`: whether a trusted proxy may name its client in `X-Real-IP` alone.
    #[serde(default)]
    pub allow_real_ip: bool,
    /// `gateway.remote.url`.
    pub remote_url: Option<String>,
    /// `gateway.publicOrigin`.
    #[serde(default)]
    pub public_origin: Option<String>,
    /// Channels that are configured and enabled.
    pub channels: Vec<String>,
    /// The variable of its environment that keeps every channel from starting, where one does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channels_skipped: Option<String>,
    /// Whether the block that `OpenClaw` writes into its own files is there.
    pub has_meta: bool,
    /// Version of `OpenClaw` that last wrote it.
    pub last_touched_version: Option<String>,
    /// Whether a variable of its environment lets a release start that is older than that (`OPENCLAW_ALLOW_OLDER_BINARY_DESTRUCTIVE_ACTIONS`).
    #[serde(default)]
    pub older_allowed: bool,
}

impl ConfigFacts {
    /// Whether no gateway takes it: what it says then is not known to count.
    pub fn is_refused(&self) -> bool {
        self.problems.iter().any(|problem| problem.fatal)
    }
}

/// Something wrong with a configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ConfigProblem {
    /// The file.
    pub path: String,
    /// Line, counted from 1.
    pub line: Option<u32>,
    /// Column, counted from 1.
    pub column: Option<u32>,
    /// What is wrong.
    pub message: String,
    /// Whether the gateway refuses to start with it.
    pub fatal: bool,
}

/// An installation of `OpenClaw`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Install {
    /// Folder of the package.
    pub path: String,
    /// Version of its `package.json`.
    pub version: Option<String>,
    /// What refers to it: units, processes, the search path.
    pub used_by: Vec<String>,
}

/// What a gateway's log says, over the part that was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogFacts {
    /// Files read.
    pub files: Vec<String>,
    /// Events that rules use, oldest first, bounded.
    pub events: Vec<LogEvent>,
    /// Lines read.
    pub lines: u64,
    /// Lines not understood.
    pub unparsed: u64,
    /// Time of the first line read: nothing is known of what came before.
    pub since: Option<Timestamp>,
    /// Files that it may write to, read or not.
    #[serde(default)]
    pub sources: Vec<LogFile>,
}

/// A file that a gateway may write its log to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogFile {
    /// The file.
    pub path: String,
    /// User that it must belong to.
    pub uid: u32,
    /// Other gateways and commands of the same user write to it as well.
    pub shared: bool,
    /// It holds what the gateway prints, which its own log holds too.
    pub printed: bool,
}

/// One event of a gateway's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogEvent {
    /// When.
    pub at: Option<Timestamp>,
    /// Name of the event; those that rules use are in [`super::event`].
    pub kind: String,
    /// Subject of the event: a reason, a close code, a channel.
    pub detail: Option<String>,
    /// Process ids it names: those that were killed, the owner of a port, the holder of a lock.
    #[serde(default)]
    pub pids: Vec<u32>,
    /// Its text, with anything secret masked.
    pub text: String,
}
