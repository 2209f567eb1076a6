//! Names of log events that rules use.
//!
//! The observer writes an event's name in kebab case after the log grammar's own kind, so that names here and there cannot drift: a
//! test of the observer holds each of these against the grammar.

/// A supervised gateway killed the others on its port; [`super::LogEvent::pids`] names them.
pub const KILLED_STALE: &str = "killed-stale";
/// A gateway left because another one was healthy on the port.
pub const INCUMBENT_HEALTHY_LEAVING: &str = "incumbent-healthy-leaving";
/// Another process listened on the port.
pub const ALREADY_LISTENING: &str = "already-listening";
/// A second process was refused because another one holds the state directory.
pub const MAINTENANCE_CONTENTION: &str = "maintenance-contention";
/// The misleading text that follows it; `detail` is `parked` when the gateway disabled its own job.
pub const REQUIRES_STATE_MIGRATION: &str = "requires-state-migration";
/// Another account's gateway holds the state directory.
pub const OWNER_LEASE_ACTIVE: &str = "owner-lease-active";
/// A start was refused for a reason in the configuration.
pub const START_REFUSED: &str = "start-refused";
/// The database is locked.
pub const DATABASE_LOCKED: &str = "database-locked";
/// The database is malformed or no database.
pub const DATABASE_MALFORMED: &str = "database-malformed";
/// The configuration was replaced by a backup.
pub const CONFIG_AUTO_RESTORED: &str = "config-auto-restored";
/// The crash-loop breaker tripped.
pub const BREAKER_TRIPPED: &str = "breaker-tripped";
/// A gateway said `ready`.
pub const READY: &str = "ready";
/// The first line of a run.
pub const LOADING_CONFIGURATION: &str = "loading-configuration";
/// A signal stopped a gateway.
pub const STOPPED_BY_SIGNAL: &str = "stopped-by-signal";
/// Credentials were refused; `detail` is the reason: `token_mismatch`, `rate_limited`, `device_token_mismatch`, …
pub const UNAUTHORIZED: &str = "unauthorized";
/// A connection ended before `connect`; `detail` is the gateway's name of the cause.
pub const CLOSED_BEFORE_CONNECT: &str = "closed-before-connect";
/// A device was turned away because it is not approved; `detail` is the request id.
pub const PAIRING_REQUIRED: &str = "pairing-required";
/// A client speaks no protocol version that the gateway speaks.
pub const PROTOCOL_MISMATCH: &str = "protocol-mismatch";
/// A token was made for this run only.
pub const RUNTIME_TOKEN_GENERATED: &str = "runtime-token-generated";
/// A handshake was not finished in time.
pub const HANDSHAKE_TIMEOUT: &str = "handshake-timeout";
/// A second process waited for the gateway's lock in vain.
pub const LOCK_TIMEOUT: &str = "lock-timeout";
/// A starting gateway waits for another process of its state directory.
pub const WAITING_FOR_LIFECYCLE: &str = "waiting-for-lifecycle";
/// Such a wait has ended.
pub const LIFECYCLE_ACQUIRED: &str = "lifecycle-acquired";
/// A start failed for a reason that has no name of its own.
pub const START_FAILED: &str = "start-failed";
/// The state database cannot be written.
pub const READONLY_DATABASE: &str = "readonly-database";
/// A path of the state directory cannot be written.
pub const WRITE_DENIED: &str = "write-denied";
/// A database passed its integrity check.
pub const DATABASE_VERIFIED: &str = "database-verified";
/// The crash-loop breaker let channels start again.
pub const BREAKER_RECOVERED: &str = "breaker-recovered";
/// A bundle with the state of a run that failed was written.
pub const STABILITY_BUNDLE: &str = "stability-bundle";
/// The gateway saw that its configuration changed.
pub const CONFIG_CHANGED: &str = "config-changed";
/// A connection ended.
pub const DISCONNECTED: &str = "disconnected";
/// A client of this node could not reach its gateway.
pub const CLIENT_UNREACHABLE: &str = "client-unreachable";
/// A node host was refused by its gateway.
pub const NODE_HOST_REFUSED: &str = "node-host-refused";
/// A device was approved, by a person or without.
pub const DEVICE_APPROVED: &str = "device-approved";
/// An agent could not start the session of a sub-agent; `detail` says why.
pub const SUBAGENT_FAILED: &str = "subagent-failed";

/// All of them.
pub const ALL: [&str; 35] = [
    KILLED_STALE,
    INCUMBENT_HEALTHY_LEAVING,
    ALREADY_LISTENING,
    MAINTENANCE_CONTENTION,
    REQUIRES_STATE_MIGRATION,
    OWNER_LEASE_ACTIVE,
    START_REFUSED,
    DATABASE_LOCKED,
    DATABASE_MALFORMED,
    CONFIG_AUTO_RESTORED,
    BREAKER_TRIPPED,
    READY,
    LOADING_CONFIGURATION,
    STOPPED_BY_SIGNAL,
    UNAUTHORIZED,
    CLOSED_BEFORE_CONNECT,
    PAIRING_REQUIRED,
    PROTOCOL_MISMATCH,
    RUNTIME_TOKEN_GENERATED,
    HANDSHAKE_TIMEOUT,
    LOCK_TIMEOUT,
    WAITING_FOR_LIFECYCLE,
    LIFECYCLE_ACQUIRED,
    START_FAILED,
    READONLY_DATABASE,
    WRITE_DENIED,
    DATABASE_VERIFIED,
    BREAKER_RECOVERED,
    STABILITY_BUNDLE,
    CONFIG_CHANGED,
    DISCONNECTED,
    CLIENT_UNREACHABLE,
    NODE_HOST_REFUSED,
    DEVICE_APPROVED,
    SUBAGENT_FAILED,
];
