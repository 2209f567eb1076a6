//! Service definitions, and what the service manager says of them.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::credentials::ExposedSecret;
use crate::Fact;

/// All service definitions of the node.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct UnitInventory {
    /// Each place that was searched, and how many definitions it holds.
    pub places: BTreeMap<String, Fact<u64>>,
    /// Domains asked of the service manager, and how many services each lists.
    pub domains: BTreeMap<String, Fact<u64>>,
    /// Definitions that concern `OpenClaw` or a port of interest, and jobs that are loaded without one.
    pub units: Vec<Unit>,
    /// Definitions that could not be read. They do not hide the others.
    pub problems: Vec<UnitProblem>,
    /// Lines of the service manager's output that were not understood.
    pub unparsed_lines: u64,
    /// Files that were passed over, since their names do not end in `.plist`; counted where folders were given.
    #[serde(default)]
    pub passed_over: u64,
}

/// A definition that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UnitProblem {
    /// The file.
    pub path: String,
    /// What is wrong with it.
    pub why: String,
}

/// Which service manager.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Manager {
    /// macOS.
    Launchd,
    /// Linux.
    Systemd,
}

/// The domain a definition belongs to by its place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Domain {
    /// Started at boot, by root.
    System,
    /// A user's session: launchd `gui/<uid>` or `user/<uid>`, `systemd --user`.
    User {
        /// The user's id.
        uid: u32,
    },
    /// Every user's session (`/Library/LaunchAgents`).
    EachUser,
}

/// What a unit is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum UnitRole {
    /// Runs a gateway.
    Gateway,
    /// Runs a node host.
    NodeHost,
    /// The macOS app, which may manage a gateway.
    MacApp,
    /// An updater job of `OpenClaw`.
    Updater,
    /// Claims a port of interest, and is not `OpenClaw`.
    Other,
}

/// launchd's `KeepAlive` in its forms.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum KeepAlive {
    /// Not given, or false.
    Never,
    /// Restarted on any exit.
    Always,
    /// Restarted by conditions.
    When {
        /// `SuccessfulExit`, where given.
        successful_exit: Option<bool>,
        /// Names of the other conditions given.
        others: Vec<String>,
    },
}

/// One service.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Unit {
    /// `gui/501/ai.openclaw.gateway`, `system/…`, `systemd-user/1000/openclaw-gateway.service`.
    pub id: String,
    /// launchd label or systemd unit name.
    pub label: String,
    /// Which service manager.
    pub manager: Manager,
    /// Domain by the definition's place.
    pub domain: Domain,
    /// What it is.
    pub role: UnitRole,
    /// `OpenClaw` profile by its label or environment.
    pub profile: Option<String>,
    /// The definition's file; absent for a job that was handed to launchd without one.
    pub path: Option<String>,
    /// Who owns the file, and its mode.
    pub file: Option<UnitOwner>,
    /// Whether the file or its program lies outside the boot volume or behind a symbolic link.
    pub off_boot_volume: Vec<String>,
    /// Files that take what it prints.
    #[serde(default)]
    pub outputs: Vec<String>,
    /// Program and arguments with anything secret masked.
    pub arguments: Vec<String>,
    /// The program that must exist: `Program`, or the first argument, or the wrapper script that it runs.
    pub program: Fact<String>,
    /// What is wrong with the program: absent, not executable.
    pub program_problem: Option<String>,
    /// The port that arguments or environment name.
    pub port: Option<u16>,
    /// The port that `--port` names, where given.
    pub port_argument: Option<u16>,
    /// The state directory that the environment names, else the user's default, resolved.
    pub state_dir: Option<String>,
    /// The version its environment or path names.
    pub version: Option<String>,
    /// Restart policy.
    pub keep_alive: KeepAlive,
    /// Whether it starts when loaded or at boot.
    pub starts_at_load: bool,
    /// Seconds between two starts, where given.
    pub throttle_s: Option<u32>,
    /// Seconds between TERM and KILL, where given.
    pub exit_timeout_s: Option<u32>,
    /// Whether `portreeve gate` stands before the command.
    pub gated: bool,
    /// Names of the environment variables it sets, never the values.
    pub environment_names: Vec<String>,
    /// Secrets that stand in its definition or arguments.
    pub exposed: Vec<ExposedSecret>,
    /// Keys that are misspelt or of the wrong type, as found.
    pub oddities: Vec<String>,
    /// What the service manager says of it.
    pub runtime: Fact<UnitRuntime>,
    /// Whether it is switched off in the service manager's override store.
    pub disabled: Fact<bool>,
    /// Whether background task management lets it run; absent where it keeps no record.
    pub background_allowed: Fact<bool>,
}

/// Owner and mode of a definition's file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UnitOwner {
    /// User id.
    pub uid: u32,
    /// Permission bits.
    pub mode: u32,
}

/// State of a loaded job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum UnitState {
    /// It has a process.
    Running,
    /// Loaded, without a process.
    NotRunning,
    /// Loaded, waits for its time or event.
    Waiting,
    /// A start is due.
    SpawnScheduled,
    /// Ended and left.
    Exited,
    /// A word we do not know.
    Unknown,
}

/// What the service manager says of a loaded job. [`crate::fact::Outcome::Absent`] means not loaded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnitRuntime {
    /// The domain it is loaded in: `gui/501`, `system`.
    pub domain: String,
    /// Its state.
    pub state: UnitState,
    /// Its process.
    pub pid: Option<u32>,
    /// How often it was started.
    pub runs: Option<u64>,
    /// Exit code of the last run.
    pub last_exit_code: Option<i32>,
    /// Signal that ended the last run.
    pub last_signal: Option<i32>,
}
