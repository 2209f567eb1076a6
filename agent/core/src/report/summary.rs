//! The parts of a node as the report lists them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{AcceptanceSummary, BackupSummary, MirrorSummary};
use crate::Fingerprint;
use crate::snapshot::{
    Boot, Client, ClientKind, Expectation, Gateway, GatewayUrl, KeepAlive, Probe, ProbeOutcome, Snapshot, StateDir,
    TokenSource, Unit, UnitRole, UnitState,
};

/// Whether a rung holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RungState {
    /// It holds.
    Pass,
    /// It does not.
    Fail,
    /// Not asked, or the answer proves nothing.
    Unknown,
}

/// One rung of a gateway's ladder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RungSummary {
    /// `one-owner`, `live`, `started`, `ready`, `handshake`, `authenticated`, `channels`; `reached` where clients
    /// run in containers; `steady` where many connects were made; `accepted` where the real command line was to be run.
    pub rung: String,
    /// Whether it holds.
    pub state: RungState,
    /// Milliseconds that the question took.
    pub elapsed_ms: Option<f64>,
    /// What was answered, or why not.
    pub detail: String,
}

/// One gateway.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GatewaySummary {
    /// Stable id.
    pub id: String,
    /// User.
    pub user: Option<String>,
    /// Profile.
    pub profile: Option<String>,
    /// Why it is expected to run.
    pub expected: Vec<Expectation>,
    /// The workload that it runs in.
    #[serde(default)]
    pub workload: Option<String>,
    /// State directory.
    pub state_dir: Option<String>,
    /// Config file.
    pub config: Option<String>,
    /// Fingerprint of what is configured in it and its includes, but for the `meta` block; keyed by the node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_fingerprint: Option<Fingerprint>,
    /// Port.
    pub port: u16,
    /// Where the port comes from.
    pub port_source: String,
    /// Processes.
    pub pids: Vec<u32>,
    /// Units.
    pub units: Vec<String>,
    /// Version of the running gateway.
    pub version: Option<String>,
    /// Where its secret comes from.
    pub token_sources: Vec<TokenSource>,
    /// Its rungs, in order.
    pub rungs: Vec<RungSummary>,
    /// Its starts, newest first.
    pub boots: u64,
}

/// One client.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ClientSummary {
    /// Stable id.
    pub id: String,
    /// What it is.
    pub kind: ClientKind,
    /// User.
    pub user: Option<String>,
    /// The workload that it runs in.
    #[serde(default)]
    pub workload: Option<String>,
    /// State directory.
    pub state_dir: Option<String>,
    /// Where it would connect.
    pub url: Option<GatewayUrl>,
    /// Where that comes from.
    pub url_source: Option<String>,
    /// The gateway of this node that it leads to.
    pub gateway: Option<String>,
    /// Where its secret comes from.
    pub token_sources: Vec<TokenSource>,
    /// Its device id.
    pub device_id: Option<String>,
    /// What its real command line says; none where it was not to be run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acceptance: Option<AcceptanceSummary>,
}

/// One unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UnitSummary {
    /// Stable id.
    pub id: String,
    /// Label.
    pub label: String,
    /// What it is.
    pub role: UnitRole,
    /// Definition.
    pub path: Option<String>,
    /// Whether it is loaded; none where the service manager could not be asked.
    pub loaded: Option<bool>,
    /// Whether it is switched off; none where the service manager could not be asked.
    pub disabled: Option<bool>,
    /// State of its job.
    pub state: Option<UnitState>,
    /// Its process.
    pub pid: Option<u32>,
    /// Exit code of its last run.
    pub last_exit_code: Option<i32>,
    /// Port it claims.
    pub port: Option<u16>,
    /// State directory it claims.
    pub state_dir: Option<String>,
    /// Restart policy.
    pub keep_alive: KeepAlive,
}

/// One state directory.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StateDirSummary {
    /// Path.
    pub path: String,
    /// Other paths that lead to it.
    pub aliases: Vec<String>,
    /// File system.
    pub file_system: Option<String>,
    /// Bytes free.
    pub free_bytes: Option<u64>,
    /// Owner.
    pub uid: Option<u32>,
    /// Permission bits, octal.
    pub mode: Option<String>,
    /// Bytes of its write-ahead logs.
    pub wal_bytes: u64,
    /// Process that its lease names.
    pub owner_pid: Option<u32>,
    /// What Time Machine does with it; none where the system has none.
    #[serde(default)]
    pub time_machine: Option<BackupSummary>,
    /// What else copies it, or would.
    #[serde(default)]
    pub mirrors: Vec<MirrorSummary>,
}

impl From<&Unit> for UnitSummary {
    fn from(unit: &Unit) -> Self {
        let runtime = unit.runtime.get();
        Self {
            id: unit.id.clone(),
            label: unit.label.clone(),
            role: unit.role,
            path: unit.path.clone(),
            loaded: if runtime.is_some() { Some(true) } else { unit.runtime.is_absent().then_some(false) },
            disabled: unit.disabled.get().copied(),
            state: runtime.map(|runtime| runtime.state),
            pid: runtime.and_then(|runtime| runtime.pid),
            last_exit_code: runtime.and_then(|runtime| runtime.last_exit_code),
            port: unit.port,
            state_dir: unit.state_dir.clone(),
            keep_alive: unit.keep_alive.clone(),
        }
    }
}

impl StateDirSummary {
    /// The summary of one state directory.
    pub fn new(dir: &StateDir, snapshot: &Snapshot) -> Self {
        let stat = dir.stat.get();
        let volume = dir.volume.get();
        Self {
            path: dir.path.clone(),
            aliases: dir.aliases.clone(),
            file_system: volume.map(|volume| volume.file_system.clone()),
            free_bytes: volume.map(|volume| volume.free_bytes),
            uid: stat.map(|stat| stat.uid),
            mode: stat.map(|stat| format!("{:04o}", stat.mode & 0o7777)),
            wal_bytes: dir.databases.iter().filter_map(|database| database.wal_bytes.get()).sum(),
            owner_pid: dir.records.get().and_then(|records| records.lease.as_ref()).map(|lease| lease.pid),
            time_machine: BackupSummary::of(dir, snapshot),
            mirrors: snapshot.mirrors.iter().filter(|mirror| mirror.state_dir == dir.path).map(Into::into).collect(),
        }
    }
}

impl From<&Client> for ClientSummary {
    fn from(client: &Client) -> Self {
        let url = client.url.get();
        Self {
            id: client.id.clone(),
            kind: client.kind,
            user: client.user.clone(),
            workload: client.workload.clone(),
            state_dir: client.state_dir.clone(),
            url: url.map(|url| url.url.clone()),
            url_source: url.map(|url| url.source.clone()),
            gateway: client.gateway.clone(),
            token_sources: client.credentials.sources.clone(),
            device_id: client.device.get().map(|device| device.device_id.clone()),
            acceptance: client.acceptance.as_ref().map(Into::into),
        }
    }
}

impl GatewaySummary {
    /// The summary of one gateway; `one_owner` is what the rules say of rung 1, `later` what they say of clients.
    pub fn new(
        gateway: &Gateway,
        snapshot: &Snapshot,
        one_owner: RungSummary,
        later: impl IntoIterator<Item = RungSummary>,
    ) -> Self {
        let boots: &[Boot] = gateway
            .state_dir
            .as_deref()
            .and_then(|path| snapshot.state_dir(path))
            .and_then(|dir| dir.records.get())
            .map_or(&[], |records| &records.boots);
        let mut rungs = vec![one_owner];
        rungs.extend(ladder(gateway));
        rungs.extend(later);
        Self {
            id: gateway.id.clone(),
            user: gateway.user.clone(),
            profile: gateway.profile.clone(),
            expected: gateway.expected.clone(),
            workload: gateway.workload.clone(),
            state_dir: gateway.state_dir.clone(),
            config: gateway.config.get().map(|config| config.path.clone()),
            config_fingerprint: gateway.config.get().and_then(|config| config.fingerprint.clone()),
            port: gateway.port,
            port_source: gateway.port_source.clone(),
            pids: gateway.pids.clone(),
            units: gateway.units.clone(),
            version: version(gateway),
            token_sources: gateway.credentials.sources.clone(),
            rungs,
            boots: boots.len() as u64,
        }
    }
}

fn version(gateway: &Gateway) -> Option<String> {
    let hello = gateway.ladder.connect.answer().and_then(|hello| hello.server_version.clone());
    hello.or_else(|| gateway.ladder.startupz.answer().and_then(|startup| startup.version.clone()))
}

/// Rungs 2 to 5 of a gateway.
pub fn ladder(gateway: &Gateway) -> Vec<RungSummary> {
    let ladder = &gateway.ladder;
    vec![
        rung("live", &ladder.healthz, |live| {
            (live.ok, if live.ok { "live".to_owned() } else { "answers `ok: false`".to_owned() })
        }),
        rung("started", &ladder.startupz, |startup| {
            let detail = startup
                .pending_reason
                .as_ref()
                .map_or_else(|| startup.status.clone(), |why| format!("{}: {why}", startup.status));
            (startup.status == "started", detail)
        }),
        rung("ready", &ladder.readyz, |ready| {
            let mut detail = if ready.ready { "ready".to_owned() } else { "not ready".to_owned() };
            if !ready.failing.is_empty() {
                detail = format!("{detail}; failing: {}", ready.failing.join(", "));
            }
            if !ready.suppressed.is_empty() {
                detail = format!("{detail}; suppressed: {}", ready.suppressed.join(", "));
            }
            (ready.ready && ready.failing.is_empty() && ready.suppressed.is_empty(), detail)
        }),
        rung("handshake", &ladder.handshake, |challenge| {
            (true, format!("challenge {:.0} ms after the upgrade", challenge.challenge_ms))
        }),
        rung("authenticated", &ladder.connect, |hello| {
            (true, format!("hello-ok, protocol {}, scopes {}", hello.protocol, hello.scopes.join(" ")))
        }),
        rung("channels", &ladder.channels, |answer| {
            let accounts =
                answer.channels.iter().flat_map(|channel| &channel.accounts).filter(|account| account.enabled).count();
            let detail = match accounts {
                0 => "no channel account is configured".to_owned(),
                1 => "1 account".to_owned(),
                more => format!("{more} accounts"),
            };
            (
                !answer
                    .channels
                    .iter()
                    .flat_map(|channel| &channel.accounts)
                    .any(super::super::diagnose::account_fails),
                detail,
            )
        }),
    ]
}

fn rung<T>(name: &str, probe: &Probe<T>, judge: impl FnOnce(&T) -> (bool, String)) -> RungSummary {
    let (state, detail, asked) = match &probe.outcome {
        ProbeOutcome::Answered { answer } => {
            let (holds, detail) = judge(answer);
            (if holds { RungState::Pass } else { RungState::Fail }, detail, true)
        }
        ProbeOutcome::Failed { failure } => (RungState::Fail, failure.message.clone(), true),
        ProbeOutcome::NotTried { why } => (RungState::Unknown, why.clone(), false),
    };
    RungSummary { rung: name.to_owned(), state, elapsed_ms: asked.then_some(probe.elapsed_ms), detail }
}
