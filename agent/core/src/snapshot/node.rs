//! The machine, its processes and its listeners.

use std::net::IpAddr;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::clock::NodeClock;
use crate::{Fact, Fingerprint};

/// The machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Node {
    /// Stable identity: a keyed fingerprint of the hardware UUID or machine id.
    pub id: Fact<Fingerprint>,
    /// Host name.
    pub hostname: Fact<String>,
    /// Operating system.
    pub system: Fact<SystemVersion>,
    /// Processor architecture as the kernel names it: `arm64`, `x86_64`.
    pub arch: String,
    /// Uptime and boot.
    pub host: Host,
    /// Its clock.
    #[serde(default)]
    pub clock: NodeClock,
}

/// Operating system version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SystemVersion {
    /// `macOS`, `Debian GNU/Linux`, …
    pub name: String,
    /// Product version, `26.1`.
    pub version: String,
    /// Build, `25B78`; on Linux the kernel release.
    pub build: String,
}

/// What of the machine bears on readiness.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Host {
    /// Seconds since boot.
    pub uptime_s: Fact<u64>,
    /// Sleep and restart settings; absent where the system has none.
    pub power: Fact<PowerSettings>,
    /// User name at the console; absent when nobody is logged in at the screen.
    pub console_user: Fact<String>,
    /// Name of the user that is logged in without a password after boot; absent when nobody is.
    pub auto_login: Fact<String>,
    /// Whether `FileVault` holds the disk locked until somebody types a password.
    pub file_vault: Fact<bool>,
    /// What the system does with its own updates; absent where it has no such settings.
    #[serde(default = "super::not_looked_at")]
    pub updates: Fact<UpdateSettings>,
    /// User id of the agent.
    pub agent_uid: u32,
}

/// What macOS does with its own updates: `com.apple.SoftwareUpdate`, a profile before the settings of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct UpdateSettings {
    /// Whether it looks for updates by itself.
    pub checks: Option<bool>,
    /// Whether it fetches them by itself.
    pub downloads: Option<bool>,
    /// Whether it installs macOS updates by itself, which restarts the machine.
    pub installs: Option<bool>,
    /// Whether it installs security responses by itself, some of which restart the machine.
    pub installs_critical: Option<bool>,
}

impl UpdateSettings {
    /// Whether it may restart the machine for an update of its own accord; none where the settings do not tell.
    pub fn installs_alone(&self) -> Option<bool> {
        if self.checks == Some(false) {
            return Some(false);
        }
        self.installs
    }
}

/// Sleep and restart settings, as `pmset -g` shows them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PowerSettings {
    /// Idle minutes until the system sleeps; 0 is never.
    pub sleep_minutes: Option<u32>,
    /// Whether it starts by itself after a power failure.
    pub auto_restart: Option<bool>,
    /// Whether sleep is disabled altogether.
    pub sleep_disabled: Option<bool>,
}

/// One process.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Process {
    /// Process id.
    pub pid: u32,
    /// Parent's process id.
    pub ppid: u32,
    /// Effective user id, where visible.
    pub uid: Option<u32>,
    /// When it started.
    pub started_at: Option<Timestamp>,
    /// Path of the executable, where visible.
    pub exe: Option<String>,
    /// The command name that the kernel keeps; never an identity.
    pub comm: String,
    /// Arguments with anything secret masked. `OpenClaw` overwrites them with its title.
    pub argv: Vec<String>,
    /// What it is.
    pub role: ProcessRole,
    /// Whether the kernel has it stopped (SIGSTOP, debugger).
    pub stopped: bool,
    /// Share of one core used over its life, in percent.
    pub cpu_percent: Option<f32>,
    /// Network namespace, where it is not the agent's own.
    pub foreign_netns: bool,
    /// Pid namespace, where it is not the agent's own (a container).
    pub foreign_pidns: bool,
    /// The state directory it uses, resolved, where its environment or open files tell.
    pub state_dir: Option<String>,
    /// The port that its environment or arguments name.
    pub port: Option<u16>,
    /// The supervisor that its environment names: `launchd:ai.openclaw.gateway`, `systemd:openclaw-gateway.service`.
    pub supervisor: Option<String>,
    /// Whether its environment could be read.
    pub environment: Fact<Vec<String>>,
    /// A secret stood in its arguments when they were read.
    #[serde(default)]
    pub shows_secret: bool,
    /// The workload whose process it is ([`super::Workload::id`]), where an engine of this kernel says so. None for the host's own, and where
    /// that is not known.
    #[serde(default)]
    pub workload: Option<String>,
}

/// What a process is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ProcessRole {
    /// A gateway in its run loop.
    Gateway,
    /// `OpenClaw` that is still loading; it may become a gateway.
    Bootstrapping,
    /// A node host.
    NodeHost,
    /// The command line.
    Cli,
    /// `openclaw doctor`.
    Doctor,
    /// The macOS app.
    MacApp,
    /// A program that is not `OpenClaw`.
    Other,
}

/// One listening TCP socket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listener {
    /// Address it is bound to.
    pub address: IpAddr,
    /// Port.
    pub port: u16,
    /// The processes that hold it; empty where they are hidden.
    pub pids: Vec<u32>,
    /// User id of the socket's owner, where visible.
    pub uid: Option<u32>,
    /// Whether it was found in another network namespace than the agent's.
    pub foreign_netns: bool,
}
