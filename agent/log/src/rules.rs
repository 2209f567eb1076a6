//! Which start of a message means which event, per subsystem.
//!
//! Subsystems and messages are in the console's form, in which the log file and the console agree.

use super::build::{approved, channel, closed, failed_start, incumbent, secrets, subagent_failed, unreachable};
use super::close::Phase;
use super::extract::{after, bracketed, leading_number, number_after, parenthesised, said, text, value, word_after};
use super::kind::EventKind;
use super::line::{Parts, pair};
use super::subsystem::CHANNELS;
use super::{Layer, Level};

/// Makes the event of a line from its parts.
type Build = fn(&Parts<'_>) -> EventKind;

/// A recognised start of a message.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rule {
    prefix: &'static str,
    /// `None`: told by how far the connection had come.
    pub(super) layer: Option<Layer>,
    pub(super) build: Build,
}

const fn rule(layer: Layer, prefix: &'static str, build: Build) -> Rule {
    Rule { prefix, layer: Some(layer), build }
}

use Layer::{Auth, Channels, Other, Transport};

static GATEWAY: &[Rule] = &[
    rule(Transport, "loading configuration", |_| EventKind::LoadingConfiguration),
    rule(Transport, "resolving authentication", |_| EventKind::ResolvingAuthentication),
    rule(Transport, "starting...", |_| EventKind::Starting),
    rule(Transport, "starting HTTP server", |_| EventKind::StartingHttp),
    rule(Transport, "http server listening", |p| EventKind::Listening {
        seconds: p
            .message
            .rsplit("; ")
            .next()
            .and_then(|tail| tail.strip_suffix("s)"))
            .and_then(|seconds| seconds.parse().ok()),
    }),
    rule(Transport, "starting channels and sidecars", |_| EventKind::StartingChannels),
    rule(Transport, "startup outcomes:", |_| EventKind::StartupOutcomes),
    rule(Transport, "ready", |p| if p.message.len() == "ready".len() { EventKind::Ready } else { EventKind::Other }),
    rule(Transport, "already running under ", incumbent),
    rule(Transport, "service-mode: cleared ", |p| EventKind::ClearedStale {
        count: number_after(&p.message, "cleared "),
        port: number_after(&p.message, "on port "),
    }),
    rule(Transport, "waiting for gateway-lifecycle", |p| EventKind::WaitingForLifecycle {
        limit_seconds: number_after(&p.message, "up to "),
    }),
    rule(Transport, "gateway-lifecycle ownership acquired", |p| EventKind::LifecycleAcquired {
        seconds: number_after(&p.message, "after "),
    }),
    rule(Transport, "requires state migration", |p| EventKind::RequiresStateMigration {
        parked: p.message.contains("parked the managed LaunchAgent"),
    }),
    rule(Transport, "observed unattributable proxy-shaped traffic", |p| EventKind::ProxyHeaders {
        address: word_after(&p.message, "traffic from ").map(|w| w.trim_end_matches(';').to_owned()),
    }),
    rule(Transport, "parse/handle error", |_| EventKind::FrameUnreadable),
    rule(Transport, "received SIG", |p| EventKind::StoppedBySignal {
        signal: word_after(&p.message, "received ").unwrap_or_default().trim_end_matches(';').to_owned(),
        restart: p.message.contains("restart"),
    }),
    rule(Transport, "active-work drain", |_| EventKind::Drain),
    rule(Transport, "restart mode:", |_| EventKind::RestartMode),
    rule(Transport, "\u{26a0}\u{fe0f}  Gateway is binding to a non-loopback", |_| EventKind::BoundBeyondLoopback),
    rule(Transport, "wrote stability bundle:", |p| EventKind::StabilityBundle {
        path: after(&p.message, ": ").map(said),
    }),
    rule(Channels, "restart-loop breaker tripped", |p| EventKind::BreakerTripped {
        unclean_boots: number_after(&p.message, "tripped: "),
        window_ms: number_after(&p.message, "within "),
    }),
    rule(Channels, "restart-loop breaker recovered", |_| EventKind::BreakerRecovered),
    rule(Auth, "auth token was missing. Generated a runtime token", |_| EventKind::RuntimeTokenGenerated),
    rule(Auth, "auth mode=none explicitly configured", |_| EventKind::AuthDisabled),
    rule(Auth, "device pairing auto-approved", |p| approved(p, true)),
    rule(Auth, "device pairing approved", |p| approved(p, false)),
    rule(Auth, "security audit: device ", |p| EventKind::DeviceUpgradeRequested {
        reason: text(p, "reason"),
        device: pair(&p.message, "device").map(str::to_owned),
    }),
    rule(Auth, "[SECRETS_", secrets),
];

static WS: &[Rule] = &[
    Rule { prefix: "closed before connect", layer: None, build: closed },
    rule(Auth, "unauthorized conn=", |p| EventKind::Unauthorized {
        reason: text(p, "reason"),
        client: text(p, "client"),
        suppressed: value(p, "suppressed").and_then(|n| n.parse().ok()),
    }),
    rule(Transport, "handshake timeout", |p| EventKind::HandshakeTimeout {
        phase: value(p, "phase").and_then(|name| Phase::from_name(&name)),
    }),
    rule(Transport, "invalid handshake", |_| EventKind::InvalidHandshake),
    rule(Transport, "protocol mismatch", |p| EventKind::ProtocolMismatch {
        max: value(p, "max").and_then(|n| n.parse().ok()),
        expected: value(p, "expected").and_then(|n| n.parse().ok()),
    }),
    rule(Transport, "error conn=", |_| EventKind::ConnectionError),
    rule(Transport, "\u{2717} parse-error", |_| EventKind::FrameUnreadable),
    rule(Transport, "Loopback connection with non-local Host header", |_| EventKind::NonLocalHost),
    rule(Auth, "\u{21c4} res \u{2717}", |p| EventKind::RequestFailed {
        method: word_after(&p.message, "\u{2717} ").map(said),
        code: text(p, "errorCode"),
        missing_scope: value(p, "errorMessage").and_then(|message| message.strip_prefix("missing scope: ").map(said)),
    }),
    rule(Transport, "\u{2192} hello-ok", |_| EventKind::Connected),
    rule(Transport, "\u{2192} close ", |p| EventKind::Disconnected {
        code: value(p, "code").and_then(|n| n.parse().ok()),
    }),
];

static ADMISSION: &[Rule] =
    &[rule(Transport, "closed:", |p| EventKind::AdmissionClosed { reason: after(&p.message, "closed: ").map(said) })];

static SHUTDOWN: &[Rule] =
    &[rule(Transport, "completed cleanly", |p| EventKind::StoppedCleanly { ms: number_after(&p.message, " in ") })];

static RELOAD: &[Rule] = &[
    rule(Transport, "config change detected", |p| EventKind::ConfigChanged { keys: parenthesised(&p.message) }),
    rule(Transport, "config hot reload applied", |p| EventKind::ConfigReloaded { keys: parenthesised(&p.message) }),
];

static RESTART: &[Rule] = &[rule(Transport, "killing ", |p| EventKind::KilledStale {
    pids: after(&p.message, "before restart: ")
        .unwrap_or_default()
        .split(',')
        .map_while(|pid| pid.trim().parse().ok())
        .take(64)
        .collect(),
})];

static LIFECYCLE: &[Rule] = &[rule(Transport, "stopped after SIG", |p| EventKind::RepeatedStops {
    count: p.message.split(' ').nth(3).and_then(|n| n.parse().ok()),
})];

static SECRETS: &[Rule] = &[rule(Auth, "[SECRETS_", secrets)];

static HEALTH_MONITOR: &[Rule] = &[rule(Channels, "[", |p| match after(&p.message, "health-monitor: restarting ") {
    Some(why) => EventKind::ChannelHealthRestart {
        target: bracketed(&p.message).map(said),
        reason: parenthesised(why).map(|reason| reason.trim_start_matches("reason: ").to_owned()),
    },
    None => EventKind::Other,
})];

static DATABASE_VERIFY: &[Rule] =
    &[rule(Transport, "database integrity verification passed", |_| EventKind::DatabaseVerified)];

static TRANSACTION: &[Rule] = &[rule(Transport, "slow SQLite ", |p| EventKind::SlowLockWait {
    elapsed_ms: value(p, "elapsedMs").and_then(|ms| ms.parse().ok()),
    pid: value(p, "pid").and_then(|pid| pid.parse().ok()),
    operation: text(p, "operation"),
})];

/// The console shows as a subsystem what a print of the process begins with.
static TOOLS: &[Rule] = &[rule(Channels, "sessions_spawn failed: ", subagent_failed)];

/// Lines without a subsystem: prints of the process itself, of clients and of the node host.
static PROCESS: &[Rule] = &[
    rule(Transport, "Gateway failed to start: ", failed_start),
    rule(Transport, "Doctor could not enter maintenance", |_| EventKind::MaintenanceContention),
    rule(Transport, "Port ", |p| {
        if p.message.contains(" is already in use") {
            EventKind::PortInUse { port: number_after(&p.message, "Port "), pid: None }
        } else {
            EventKind::Other
        }
    }),
    rule(Transport, "- pid ", |p| EventKind::PortInUse {
        port: p.message.rsplit(':').next().and_then(leading_number),
        pid: number_after(&p.message, "- pid "),
    }),
    rule(Other, "Config auto-restored from backup:", |p| EventKind::ConfigAutoRestored {
        path: after(&p.message, "backup: ").map(|rest| said(rest.split(" (").next().unwrap_or(rest))),
        reason: parenthesised(&p.message),
    }),
    rule(Other, "Gateway start blocked:", |_| EventKind::StartRefused),
    rule(Other, "Missing config. ", |_| EventKind::StartRefused),
    rule(Auth, "Refusing to bind gateway to ", |_| EventKind::StartRefused),
    rule(Auth, "Gateway auth is set to ", |_| EventKind::StartRefused),
    rule(Other, "Refusing to run automatic gateway startup migrations", |_| EventKind::StartRefused),
    rule(Auth, "node host gateway ", |p| EventKind::NodeHostRefused {
        code: number_after(&p.message, "("),
        detail: pair(&p.message, "detail").map(|d| said(d.split(';').next().unwrap_or(d))),
    }),
    rule(Auth, "gateway connect failed: ", |_| EventKind::NodeHostRefused { code: None, detail: None }),
    rule(Channels, "[tools] sessions_spawn failed: ", subagent_failed),
    rule(Transport, "Gateway not reachable", unreachable),
    rule(Transport, "Health check failed: ", unreachable),
    rule(Transport, "Gateway call failed: ", unreachable),
];

static CHANNEL: &[Rule] = &[
    rule(Channels, "channel autostart suppressed", |p| EventKind::ChannelSuppressed {
        channel: word_after(&p.message, "automatic start for ")
            .map_or_else(|| p.subsystem.to_string(), |name| said(name.trim_end_matches('.'))),
    }),
    rule(Channels, "[", channel),
];

/// Faults that any subsystem can report, looked for in warnings, errors, and lines whose level is not known.
static FAULTS: &[(&str, Rule)] = &[
    ("database is locked", rule(Transport, "", |_| EventKind::DatabaseLocked)),
    ("database disk image is malformed", rule(Transport, "", |_| EventKind::DatabaseMalformed)),
    ("file is not a database", rule(Transport, "", |_| EventKind::DatabaseMalformed)),
    ("readonly database", rule(Transport, "", |_| EventKind::ReadonlyDatabase)),
    ("EROFS", rule(Transport, "", |_| EventKind::WriteDenied)),
    ("EACCES", rule(Transport, "", |_| EventKind::WriteDenied)),
    ("EPERM", rule(Transport, "", |_| EventKind::WriteDenied)),
    ("ENOSPC", rule(Transport, "", |_| EventKind::DiskFull)),
    ("EMFILE", rule(Transport, "", |_| EventKind::TooManyFiles)),
    ("ENFILE", rule(Transport, "", |_| EventKind::TooManyFiles)),
    ("409: Conflict", rule(Channels, "", |p| EventKind::ChannelConflict { channel: p.subsystem.to_string() })),
];

/// The rule for a line, or `None` when nothing is known of it.
pub(super) fn recognise(
    subsystem: &str,
    message: &str,
    level: impl FnOnce() -> Option<Level>,
) -> Option<&'static Rule> {
    let rules = match subsystem {
        "" | "openclaw" => PROCESS,
        "gateway" => GATEWAY,
        "ws" => WS,
        "admission" => ADMISSION,
        "shutdown" => SHUTDOWN,
        "reload" => RELOAD,
        "restart" => RESTART,
        "lifecycle" => LIFECYCLE,
        "secrets" => SECRETS,
        "health-monitor" => HEALTH_MONITOR,
        "state/database-verify" => DATABASE_VERIFY,
        "sqlite/transaction" => TRANSACTION,
        "tools" => TOOLS,
        channel if CHANNELS.contains(&channel) => CHANNEL,
        _ => &[],
    };
    let by_start = rules.iter().find(|rule| message.starts_with(rule.prefix));
    by_start.or_else(|| {
        let may_be_fault = level().is_none_or(|level| level >= Level::Warn);
        may_be_fault.then(|| fault(message)).flatten()
    })
}

/// The rule for the fault that a message names, if it names one.
pub(super) fn fault(message: &str) -> Option<&'static Rule> {
    FAULTS.iter().find(|(needle, _)| message.contains(needle)).map(|(_, rule)| rule)
}

/// The layer of a line that no rule knows.
pub(super) fn default_layer(subsystem: &str) -> Layer {
    match subsystem {
        "gateway" | "ws" | "admission" | "shutdown" | "reload" | "restart" | "lifecycle" => Transport,
        "secrets" => Auth,
        "health-monitor" => Channels,
        channel if CHANNELS.contains(&channel) => Channels,
        _ => Other,
    }
}

/// The layer in which a connection broke: the phase alone tells, but for causes that the gateway finds before it has looked
/// at the credentials.
pub(super) fn close_layer(phase: Option<Phase>, cause: Option<&str>) -> Layer {
    match cause {
        Some(
            "unauthorized"
            | "device-required"
            | "device-auth-invalid"
            | "pairing-required"
            | "origin-mismatch"
            | "control-ui-insecure-auth"
            | "gateway-auth-rotated"
            | "invalid-role",
        ) => return Auth,
        Some("handshake-timeout" | "protocol-mismatch" | "startup-sidecars-pending") => return Transport,
        _ => {}
    }
    match phase {
        Some(Phase::AuthCredentialsReceived | Phase::AuthValidated) => Auth,
        _ => Transport,
    }
}
