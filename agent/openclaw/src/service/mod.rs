//! OpenClaw's services: how launchd and systemd run it, what a unit claims, what a process is.

mod command;
mod environment_file;
mod process;
mod unit;

pub use environment_file::{
    EnvironmentFile, EnvironmentFileError, LAUNCHD_ENVIRONMENT_HEADER, MAX_ENVIRONMENT_BYTES, parse_launchd,
    parse_systemd,
};
pub use process::{
    Basis, Process, ProcessKind, ProcessView, Started, classify_definition, classify_process, secrets_of_definition,
};
pub use unit::{Service, ServiceKind, Unit, classify_unit};

/// Label of the `LaunchAgent` of the default profile's gateway; named profiles have `ai.openclaw.<profile>`.
pub const GATEWAY_LABEL: &str = "ai.openclaw.gateway";

/// Label of the node host's `LaunchAgent`.
pub const NODE_LABEL: &str = "ai.openclaw.node";

/// Label of the Mac app's login item.
pub const MAC_APP_LABEL: &str = "ai.openclaw.mac";

/// What every label of OpenClaw begins with.
pub const LABEL_PREFIX: &str = "ai.openclaw.";

/// Name of the systemd unit of the default profile's gateway, without `.service`; named profiles append `-<profile>`.
pub const GATEWAY_SYSTEMD_NAME: &str = "openclaw-gateway";

/// Name of the node host's systemd unit, without `.service`.
pub const NODE_SYSTEMD_NAME: &str = "openclaw-node";

/// Value of `OPENCLAW_SERVICE_MARKER` in a process that a service manager runs.
pub const SERVICE_MARKER_VALUE: &str = "openclaw";

/// What OpenClaw 2026.9 writes into the property list of a `LaunchAgent` and wants to find there.
pub mod launchd_policy {
    /// `KeepAlive`: plain true. launchd restarts the gateway on any exit; a dictionary (`SuccessfulExit`) is reported by
    /// OpenClaw and kept, but `gateway restart` writes the file anew.
    pub const KEEP_ALIVE: bool = true;
    /// `RunAtLoad`
    pub const RUN_AT_LOAD: bool = true;
    /// `ThrottleInterval`: least time between two starts, in seconds. Older releases wrote 1 and 60.
    pub const THROTTLE_INTERVAL_SECONDS: u64 = 10;
    /// `ExitTimeOut`: time from SIGTERM to SIGKILL, in seconds.
    pub const EXIT_TIME_OUT_SECONDS: u64 = 20;
    /// `ProcessType`
    pub const PROCESS_TYPE: &str = "Interactive";
    /// `Umask`: octal 077.
    pub const UMASK: u32 = 0o077;
    /// `StandardInPath`
    pub const STANDARD_IN_PATH: &str = "/dev/null";
    /// Exit status of a gateway that must not be started again; launchd does not know the idea and starts it.
    pub const EXIT_CONFIG: i32 = 78;
}

/// What OpenClaw 2026.9 writes into a systemd unit.
pub mod systemd_policy {
    /// `Restart`
    pub const RESTART: &str = "always";
    /// `RestartSec`, in seconds.
    pub const RESTART_SECONDS: u64 = 5;
    /// `RestartPreventExitStatus`
    pub const RESTART_PREVENT_EXIT_STATUS: i32 = 78;
    /// `SuccessExitStatus`
    pub const SUCCESS_EXIT_STATUS: [i32; 2] = [0, 143];
    /// `TimeoutStartSec`, in seconds.
    pub const TIMEOUT_START_SECONDS: u64 = 30;
    /// `TimeoutStopSec`, in seconds.
    pub const TIMEOUT_STOP_SECONDS: u64 = 330;
    /// `KillMode`
    pub const KILL_MODE: &str = "mixed";
    /// `StartLimitBurst` within [`START_LIMIT_INTERVAL_SECONDS`].
    pub const START_LIMIT_BURST: u32 = 10;
    /// `StartLimitIntervalSec`, in seconds.
    pub const START_LIMIT_INTERVAL_SECONDS: u64 = 300;
}
