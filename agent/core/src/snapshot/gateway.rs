//! Gateways and clients: configuration, credentials, pairing, records, logs.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::probe::{Challenge, Hello, Ladder, Probe};
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
    /// Comparable with [`Hello::applied_config_hash`] alone: it is keyed by the gateway and made from the resolved configuration.
    pub hash: Option<String>,
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
    /// Whether the control page is on.
    pub control_ui: bool,
    /// `gateway.trustedProxies`.
    pub trusted_proxies: Vec<String>,
    /// `gateway.remote.url`.
    pub remote_url: Option<String>,
    /// Channels that are configured and enabled.
    pub channels: Vec<String>,
    /// Whether the block that `OpenClaw` writes into its own files is there.
    pub has_meta: bool,
    /// Version of `OpenClaw` that last wrote it.
    pub last_touched_version: Option<String>,
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

/// How a gateway authenticates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AuthMode {
    /// No secret.
    None,
    /// Shared token.
    Token,
    /// Shared password.
    Password,
    /// A proxy in front vouches.
    TrustedProxy,
}

/// Which secret one side uses, and from where.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Credentials {
    /// Mode in force.
    pub mode: Fact<AuthMode>,
    /// Why that mode: `gateway.auth.mode`, or what flips it.
    pub mode_reason: String,
    /// A password in the environment turned an unset mode to `password` while a token is configured.
    pub mode_flipped: bool,
    /// Every place looked at, in the order of precedence of this reader.
    pub sources: Vec<TokenSource>,
    /// Fingerprint of the secret in force; none when no source gives one.
    pub winner: Option<Fingerprint>,
    /// Why this side would refuse to start or connect with what it has.
    pub refusal: Option<String>,
    /// Only `gateway.remote.token` is set, so that a gateway generates none and refuses everyone.
    pub remote_only: bool,
    /// Nothing is configured and the gateway makes a token for each run.
    pub runtime_only: bool,
    /// Sources that could not be looked at, so that another value may win.
    pub blind: Vec<String>,
}

/// One place a secret may come from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TokenSource {
    /// `token` or `password`.
    pub kind: String,
    /// Place and key, never the value.
    pub location: String,
    /// The file that holds it, where it is one.
    #[serde(default)]
    pub path: Option<String>,
    /// Fingerprint; none when the source holds nothing or could not be resolved.
    pub fingerprint: Option<Fingerprint>,
    /// How good the value is.
    pub quality: Option<SecretQuality>,
    /// Whether its file can be read by others than its owner, the folders above included; none where it is no file.
    #[serde(default)]
    pub readable_by_others: Option<bool>,
    /// Whether it wins, and why or why not.
    pub outcome: SourceOutcome,
}

/// Whether a source wins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum SourceOutcome {
    /// Its value is used.
    Wins {
        /// Why.
        why: String,
    },
    /// It holds a value that another source overrules.
    Loses {
        /// Why.
        why: String,
    },
    /// It holds a value that this reader never looks at.
    NotRead {
        /// Why.
        why: String,
    },
    /// It points to a value that could not be resolved.
    Unresolved {
        /// Why.
        why: String,
    },
    /// It holds nothing.
    Empty,
}

/// Properties of a secret that tell nothing of its value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SecretQuality {
    /// Characters.
    pub length: u32,
    /// Estimated bits of entropy.
    pub entropy_bits: f32,
    /// The placeholder that it is: `redaction mark`, `unexpanded variable`, `example value`.
    pub placeholder: Option<String>,
}

/// A secret that others can read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ExposedSecret {
    /// Place and key.
    pub location: String,
    /// How it is exposed: `mode 0644`, `process arguments`.
    pub how: String,
}

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
    /// Why the client would refuse before it connects: plaintext to an address that is not private.
    pub refusal: Option<String>,
    /// Whether the host is a loopback address or name.
    pub loopback: bool,
    /// Nothing names the port: it is what every command takes that was told nothing.
    #[serde(default)]
    pub by_default: bool,
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
