//! What a line says: the events that are told apart.

use serde::{Deserialize, Serialize};

use super::close::{Close, Phase};

/// Who supervises a gateway, as the log names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SupervisorName {
    /// launchd
    Launchd,
    /// systemd
    Systemd,
    /// Something else, or not named.
    Other,
}

/// One kind of event, with what its line tells.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum EventKind {
    /// `loading configuration…`: the first line of a run.
    LoadingConfiguration,
    /// `resolving authentication…`
    ResolvingAuthentication,
    /// `starting...`
    Starting,
    /// `starting HTTP server...`: the bind follows.
    StartingHttp,
    /// `http server listening (N plugins: …; T s)`
    Listening {
        /// Time from `starting...`, in seconds.
        seconds: Option<f64>,
    },
    /// `starting channels and sidecars...`
    StartingChannels,
    /// `startup outcomes: …`
    StartupOutcomes,
    /// `ready`: not printed while a channel holds `/readyz` back.
    Ready,
    /// Another process listens on the gateway's port (exit 1).
    AlreadyListening {
        /// The port, where it is named.
        port: Option<u16>,
    },
    /// `Port N is already in use.`, and the listeners that the gateway saw there (`- pid N user: name (address)`).
    PortInUse {
        /// The port.
        port: Option<u16>,
        /// The listener's pid.
        pid: Option<u32>,
    },
    /// The listener on the port is a healthy gateway; this process leaves (exit 0 under launchd, 78 under systemd).
    IncumbentHealthyLeaving {
        /// The supervisor that the leaving process believes in.
        supervisor: SupervisorName,
    },
    /// `killing N stale gateway process(es) before restart: …`: a supervised gateway kills the others on its port.
    KilledStale {
        /// The killed processes.
        pids: Vec<u32>,
    },
    /// `service-mode: cleared N stale gateway pid(s) before bind on port P`
    ClearedStale {
        /// How many were cleared.
        count: Option<u32>,
        /// The port.
        port: Option<u16>,
    },
    /// `waiting for gateway-lifecycle ownership held by another OpenClaw process, up to N s`
    WaitingForLifecycle {
        /// The longest wait, in seconds.
        limit_seconds: Option<f64>,
    },
    /// `gateway-lifecycle ownership acquired after N s`
    LifecycleAcquired {
        /// The time waited, in seconds.
        seconds: Option<f64>,
    },
    /// `gateway already running (pid N); lock timeout after N ms`
    LockTimeout {
        /// The holder's pid.
        pid: Option<u32>,
        /// The time waited, in milliseconds.
        waited_ms: Option<u64>,
    },
    /// The start-up maintenance step found another process in the state directory (exit 78).
    MaintenanceContention,
    /// `requires state migration`: what follows [`EventKind::MaintenanceContention`], with a misleading text.
    RequiresStateMigration {
        /// The gateway has disabled its own `LaunchAgent`.
        parked: bool,
    },
    /// `Another Gateway owner lease is still active`: another account's gateway holds the state directory (exit 1).
    OwnerLeaseActive,
    /// The state database cannot be written (exit 1).
    ReadonlyDatabase,
    /// A path of the state directory cannot be written (`EROFS`, `EACCES`, `EPERM`).
    WriteDenied,
    /// The volume is full (`ENOSPC`).
    DiskFull,
    /// No file descriptor is left (`EMFILE`, `ENFILE`).
    TooManyFiles,
    /// `database is locked`
    DatabaseLocked,
    /// `database disk image is malformed`, `file is not a database`
    DatabaseMalformed,
    /// The gateway waited long for a SQLite lock.
    SlowLockWait {
        /// The wait, in milliseconds.
        elapsed_ms: Option<f64>,
        /// The waiting process.
        pid: Option<u32>,
        /// What it wanted to do (`state.write`).
        operation: Option<String>,
    },
    /// `database integrity verification passed`
    DatabaseVerified,
    /// The start was refused before the bind for a reason in the configuration (exit 78, or 1 for unresolved secrets).
    StartRefused,
    /// The start failed for a reason that has no kind of its own.
    StartFailed,
    /// `handshake timeout`: the peer connected and sent no `connect` frame in time.
    HandshakeTimeout {
        /// How far it had come.
        phase: Option<Phase>,
    },
    /// `closed before connect`
    ClosedBeforeConnect(Close),
    /// `closed before connect` because the device is not approved.
    PairingRequired {
        /// What to approve. `None` where the close reason was cut before it.
        request_id: Option<String>,
        /// The end of the connection.
        close: Close,
    },
    /// `unauthorized`: credentials were refused.
    Unauthorized {
        /// `token_mismatch`, `token_missing`, `token_missing_config`, `password_mismatch`, `rate_limited`, …
        reason: Option<String>,
        /// The client's id, mode and version.
        client: Option<String>,
        /// How many like lines were left out before this one.
        suppressed: Option<u32>,
    },
    /// `invalid handshake`
    InvalidHandshake,
    /// `protocol mismatch`
    ProtocolMismatch {
        /// What the client speaks at most.
        max: Option<u32>,
        /// What the gateway expects.
        expected: Option<u32>,
    },
    /// `error conn=…: text`: the socket failed, for example because of a frame over the limit.
    ConnectionError,
    /// `parse/handle error`, `parse-error`: a frame was not JSON.
    FrameUnreadable,
    /// `res ✗ method …`: a request was refused or failed.
    RequestFailed {
        /// The method.
        method: Option<String>,
        /// `FORBIDDEN`, `INVALID_REQUEST`, …
        code: Option<String>,
        /// The scope that was missing, where that is the reason.
        missing_scope: Option<String>,
    },
    /// `→ hello-ok` (debug level): a connection is up.
    Connected,
    /// `→ close` (debug level): a connection ended.
    Disconnected {
        /// WebSocket close code.
        code: Option<u16>,
    },
    /// `device pairing approved` or `auto-approved`
    DeviceApproved {
        /// The device.
        device: Option<String>,
        /// Its role.
        role: Option<String>,
        /// Without a person.
        automatic: bool,
    },
    /// `security audit: device … upgrade requested`
    DeviceUpgradeRequested {
        /// `scope-upgrade`, `role-upgrade`, `metadata-upgrade`
        reason: Option<String>,
        /// The device.
        device: Option<String>,
    },
    /// No token was configured: a random one was made for this run.
    RuntimeTokenGenerated,
    /// `auth mode=none explicitly configured`
    AuthDisabled,
    /// `[SECRETS_DEGRADED] …` and its like: a referenced secret cannot be read.
    SecretsDegraded {
        /// The code in brackets.
        code: String,
        /// The surface, for example `gateway:ingress-auth`.
        surface: Option<String>,
    },
    /// A proxy that is not trusted sends forwarding headers; said once per run.
    ProxyHeaders {
        /// The proxy's address.
        address: Option<String>,
    },
    /// `Loopback connection with non-local Host header`: the text is misleading, the connection stays local.
    NonLocalHost,
    /// The gateway binds an address that others can reach.
    BoundBeyondLoopback,
    /// The configuration on disk lost its `meta` block: the last good copy was put back.
    ConfigAutoRestored {
        /// The configuration file.
        path: Option<String>,
        /// Why, for example `missing-meta-vs-last-good`.
        reason: Option<String>,
    },
    /// `config change detected`
    ConfigChanged {
        /// The changed keys.
        keys: Option<String>,
    },
    /// `config hot reload applied`
    ConfigReloaded {
        /// The keys that were applied.
        keys: Option<String>,
    },
    /// `restart-loop breaker tripped`: channels are not started.
    BreakerTripped {
        /// Boots without a clean end inside the window.
        unclean_boots: Option<u32>,
        /// The window, in milliseconds.
        window_ms: Option<u64>,
    },
    /// `restart-loop breaker recovered`
    BreakerRecovered,
    /// `wrote stability bundle`
    StabilityBundle {
        /// Where.
        path: Option<String>,
    },
    /// `channel autostart suppressed by crash-loop breaker`
    ChannelSuppressed {
        /// The channel.
        channel: String,
    },
    /// `starting provider`
    ChannelStarting {
        /// The channel.
        channel: String,
        /// The account.
        account: Option<String>,
    },
    /// `channel exited`
    ChannelExited {
        /// The channel.
        channel: String,
        /// The account.
        account: Option<String>,
        /// Why, redacted.
        reason: Option<String>,
    },
    /// `auto-restart skipped, terminal disconnect`: the channel stays down until somebody acts.
    ChannelTerminal {
        /// The channel.
        channel: String,
        /// The account.
        account: Option<String>,
    },
    /// `auto-restart attempt N/M`
    ChannelRestarting {
        /// The channel.
        channel: String,
        /// The account.
        account: Option<String>,
        /// Which attempt.
        attempt: Option<u32>,
    },
    /// `giving up after N restart attempts`
    ChannelGaveUp {
        /// The channel.
        channel: String,
        /// The account.
        account: Option<String>,
    },
    /// `health-monitor: restarting (reason: …)`
    ChannelHealthRestart {
        /// `channel:account`
        target: Option<String>,
        /// Why.
        reason: Option<String>,
    },
    /// `409: Conflict`: another poller uses the same bot token.
    ChannelConflict {
        /// The channel.
        channel: String,
    },
    /// `[tools] sessions_spawn failed: …`: an agent could not start a sub-agent's session.
    SubagentFailed {
        /// Why, redacted.
        reason: Option<String>,
    },
    /// `admission closed: …`
    AdmissionClosed {
        /// Why, for example `stop (SIGTERM)`.
        reason: Option<String>,
    },
    /// `received SIGTERM; shutting down`, `received SIGUSR2; restarting`
    StoppedBySignal {
        /// The signal's name.
        signal: String,
        /// The gateway comes back.
        restart: bool,
    },
    /// The gateway drains its work before it stops or restarts.
    Drain,
    /// `restart mode: …`
    RestartMode,
    /// `shutdown completed cleanly in N ms`
    StoppedCleanly {
        /// How long it took, in milliseconds.
        ms: Option<u64>,
    },
    /// `stopped after SIGTERM N times in M min`: another supervisor may be at work.
    RepeatedStops {
        /// How often.
        count: Option<u32>,
    },
    /// A node host was refused by its gateway.
    NodeHostRefused {
        /// WebSocket close code.
        code: Option<u16>,
        /// `detail=`: the stable code.
        detail: Option<String>,
    },
    /// A client on this machine could not reach its gateway.
    ClientUnreachable {
        /// The target's port.
        port: Option<u16>,
        /// WebSocket close code, where the connection had been there.
        code: Option<u16>,
    },
    /// A client refused to send its secret in the clear.
    ClientPlaintextRefused,
    /// Anything else.
    Other,
}

impl EventKind {
    /// The end of a connection that never became a session, whatever its cause.
    pub fn close(&self) -> Option<&Close> {
        match self {
            Self::ClosedBeforeConnect(close) | Self::PairingRequired { close, .. } => Some(close),
            _ => None,
        }
    }

    /// The name of the kind in kebab case, which is that of its serialised form with hyphens.
    pub fn name(&self) -> &'static str {
        match self {
            Self::LoadingConfiguration => "loading-configuration",
            Self::ResolvingAuthentication => "resolving-authentication",
            Self::Starting => "starting",
            Self::StartingHttp => "starting-http",
            Self::Listening { .. } => "listening",
            Self::StartingChannels => "starting-channels",
            Self::StartupOutcomes => "startup-outcomes",
            Self::Ready => "ready",
            Self::AlreadyListening { .. } => "already-listening",
            Self::PortInUse { .. } => "port-in-use",
            Self::IncumbentHealthyLeaving { .. } => "incumbent-healthy-leaving",
            Self::KilledStale { .. } => "killed-stale",
            Self::ClearedStale { .. } => "cleared-stale",
            Self::WaitingForLifecycle { .. } => "waiting-for-lifecycle",
            Self::LifecycleAcquired { .. } => "lifecycle-acquired",
            Self::LockTimeout { .. } => "lock-timeout",
            Self::MaintenanceContention => "maintenance-contention",
            Self::RequiresStateMigration { .. } => "requires-state-migration",
            Self::OwnerLeaseActive => "owner-lease-active",
            Self::ReadonlyDatabase => "readonly-database",
            Self::WriteDenied => "write-denied",
            Self::DiskFull => "disk-full",
            Self::TooManyFiles => "too-many-files",
            Self::DatabaseLocked => "database-locked",
            Self::DatabaseMalformed => "database-malformed",
            Self::SlowLockWait { .. } => "slow-lock-wait",
            Self::DatabaseVerified => "database-verified",
            Self::StartRefused => "start-refused",
            Self::StartFailed => "start-failed",
            Self::HandshakeTimeout { .. } => "handshake-timeout",
            Self::ClosedBeforeConnect(_) => "closed-before-connect",
            Self::PairingRequired { .. } => "pairing-required",
            Self::Unauthorized { .. } => "unauthorized",
            Self::InvalidHandshake => "invalid-handshake",
            Self::ProtocolMismatch { .. } => "protocol-mismatch",
            Self::ConnectionError => "connection-error",
            Self::FrameUnreadable => "frame-unreadable",
            Self::RequestFailed { .. } => "request-failed",
            Self::Connected => "connected",
            Self::Disconnected { .. } => "disconnected",
            Self::DeviceApproved { .. } => "device-approved",
            Self::DeviceUpgradeRequested { .. } => "device-upgrade-requested",
            Self::RuntimeTokenGenerated => "runtime-token-generated",
            Self::AuthDisabled => "auth-disabled",
            Self::SecretsDegraded { .. } => "secrets-degraded",
            Self::ProxyHeaders { .. } => "proxy-headers",
            Self::NonLocalHost => "non-local-host",
            Self::BoundBeyondLoopback => "bound-beyond-loopback",
            Self::ConfigAutoRestored { .. } => "config-auto-restored",
            Self::ConfigChanged { .. } => "config-changed",
            Self::ConfigReloaded { .. } => "config-reloaded",
            Self::BreakerTripped { .. } => "breaker-tripped",
            Self::BreakerRecovered => "breaker-recovered",
            Self::StabilityBundle { .. } => "stability-bundle",
            Self::ChannelSuppressed { .. } => "channel-suppressed",
            Self::ChannelStarting { .. } => "channel-starting",
            Self::ChannelExited { .. } => "channel-exited",
            Self::ChannelTerminal { .. } => "channel-terminal",
            Self::ChannelRestarting { .. } => "channel-restarting",
            Self::ChannelGaveUp { .. } => "channel-gave-up",
            Self::ChannelHealthRestart { .. } => "channel-health-restart",
            Self::ChannelConflict { .. } => "channel-conflict",
            Self::SubagentFailed { .. } => "subagent-failed",
            Self::AdmissionClosed { .. } => "admission-closed",
            Self::StoppedBySignal { .. } => "stopped-by-signal",
            Self::Drain => "drain",
            Self::RestartMode => "restart-mode",
            Self::StoppedCleanly { .. } => "stopped-cleanly",
            Self::RepeatedStops { .. } => "repeated-stops",
            Self::NodeHostRefused { .. } => "node-host-refused",
            Self::ClientUnreachable { .. } => "client-unreachable",
            Self::ClientPlaintextRefused => "client-plaintext-refused",
            Self::Other => "other",
        }
    }
}
