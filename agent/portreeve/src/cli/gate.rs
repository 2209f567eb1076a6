//! `portreeve gate`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use portreeve_core::gate;

pub(super) const EXAMPLES: &str = "\
Examples:
  portreeve gate --timeout 120                  wait for this node's gateway
  portreeve gate -- openclaw gateway run        run it, and count its success
                                                only once it was ready
  portreeve gate install ai.openclaw.gateway    take its unit over (macOS)
  portreeve gate --through channels --restart-unready --grace 120 \\
    -- openclaw gateway run --port 18789

With a COMMAND, signals are passed on, what ends is reaped and nothing is left
behind. The COMMAND runs with `OPENCLAW_SUPERVISOR_MODE=external` and
`OPENCLAW_SERVICE_REPAIR_POLICY=external`, unless they are set: OpenClaw then
ends where it wants to be started again, and the gate starts it.

Readiness is proven by identity: lock file, listener and unit or COMMAND name
one process, and that process answers `connect` with the token of its state.

Exit status:
  0   ready; with a COMMAND: it ended well after it was ready
  75  not ready in time for no certain cause, or ended well and was never ready
  69  never ready: transport       77  never ready: auth or pairing
  76  never ready: channels        78  never ready: configuration or alignment
  1   never ready: any other cause  2  wrong command line
  126 COMMAND cannot be run        127 COMMAND is not there
  otherwise that of the COMMAND; 128 and the signal's number where one ended it";

const INSTALL_EXAMPLES: &str = "\
Examples:
  portreeve gate install ai.openclaw.gateway --dry-run
  sudo portreeve gate install com.example.openclaw --yes
  sudo portreeve gate install --compose /opt/claw/compose.yaml

The unit is ended and switched off, and its property list is kept; a gate with
a label of its own runs its command from then on. Where a step fails, all is as
it was. `portreeve gate uninstall LABEL` restores the list byte for byte.

As root, units of /Library/LaunchDaemons are meant; as another user, those of
~/Library/LaunchAgents.";

/// `gate`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct GateArgs {
    #[command(subcommand)]
    pub(crate) action: Option<GateAction>,
    /// Home folder to search for OpenClaw state; repeat for more [default: every account's]
    #[arg(long, value_name = "DIR")]
    pub(crate) home: Vec<PathBuf>,
    /// State directory to look at besides those found; repeat for more
    #[arg(long, value_name = "DIR")]
    pub(crate) state_dir: Vec<PathBuf>,
    /// Seconds within which each start must become ready [default: `policy.start_budget_s`, 300]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(crate) timeout: Option<u64>,
    /// Rung up to which readiness must be proven
    #[arg(long, value_name = "RUNG", default_value = "auth")]
    pub(crate) through: ThroughArg,
    /// Seconds that the COMMAND has to end before it is killed; below launchd's `ExitTimeOut`
    #[arg(long, value_name = "SECONDS", default_value_t = 18, requires = "command", value_parser = clap::value_parser!(u64).range(1..=3_600))]
    pub(crate) stop_timeout: u64,
    /// Seconds that a gateway that was ready may be unready before that is told
    #[arg(long, value_name = "SECONDS", default_value_t = 60, requires = "command", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(crate) grace: u64,
    /// Stop the COMMAND once it was unready for longer than `--grace`
    #[arg(long, requires = "command")]
    pub(crate) restart_unready: bool,
    /// What to do when OpenClaw ends to be started again
    #[arg(long, value_name = "WHAT", default_value = "respawn", requires = "command")]
    pub(crate) on_restart: OnRestartArg,
    /// Failures within `--hold-within` after which the gate holds instead of ending; 0 is never
    #[arg(long, value_name = "N", default_value_t = 5, requires = "command", value_parser = clap::value_parser!(u8).range(0..=50))]
    pub(crate) hold_after: u8,
    /// Seconds over which failures are counted, and for which the gate then holds
    #[arg(long, value_name = "SECONDS", default_value_t = 600, requires = "command", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(crate) hold_within: u64,
    /// Start this Compose project first, and wait for its gateways instead of this node's
    #[arg(long, value_name = "FILE", conflicts_with = "command")]
    pub(crate) compose: Option<PathBuf>,
    /// Name of the Compose project [default: Compose decides]
    #[arg(long, value_name = "NAME", requires = "compose")]
    pub(crate) project: Option<String>,
    /// Command that runs the gateway
    #[arg(last = true, value_name = "COMMAND")]
    pub(crate) command: Vec<OsString>,
}

/// What else `gate` does.
#[derive(Debug, Subcommand)]
pub(crate) enum GateAction {
    /// Put a gate in the place of a unit of launchd, or before a Compose project
    #[command(after_long_help = INSTALL_EXAMPLES)]
    Install(InstallArgs),
    /// Take gates out, and restore what was there before
    Uninstall {
        /// Label of the unit that was taken over, or of the gate; `compose.PROJECT` for a project
        #[arg(value_name = "LABEL", required = true)]
        labels: Vec<String>,
    },
}

/// `gate install`.
#[derive(Debug, Args)]
pub(crate) struct InstallArgs {
    /// Label of a unit that runs a gateway
    #[arg(value_name = "LABEL", required_unless_present = "compose", conflicts_with = "compose")]
    pub(crate) labels: Vec<String>,
    /// Compose file of a project that is to be started and waited for
    #[arg(long, value_name = "FILE")]
    pub(crate) compose: Option<PathBuf>,
    /// Name of the Compose project [default: that of the file's folder]
    #[arg(long, value_name = "NAME", requires = "compose")]
    pub(crate) project: Option<String>,
    /// Seconds within which each start must become ready
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(crate) timeout: Option<u64>,
    /// Rung up to which readiness must be proven
    #[arg(long, value_name = "RUNG", default_value = "auth")]
    pub(crate) through: ThroughArg,
    /// Stop a command that was unready for longer than a minute
    #[arg(long, conflicts_with = "compose")]
    pub(crate) restart_unready: bool,
    /// Show what would change, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Do not ask
    #[arg(long)]
    pub(crate) yes: bool,
}

impl InstallArgs {
    /// Options of the gate that differ from what it does without any.
    pub(crate) fn options(&self) -> Vec<String> {
        let mut options = Vec::new();
        if let Some(timeout) = self.timeout {
            options.extend(["--timeout".to_owned(), timeout.to_string()]);
        }
        if let (true, Some(rung)) = (self.through != ThroughArg::Auth, self.through.to_possible_value()) {
            options.extend(["--through".to_owned(), rung.get_name().to_owned()]);
        }
        if self.restart_unready {
            options.push("--restart-unready".to_owned());
        }
        options
    }
}

/// A rung, as typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ThroughArg {
    /// One owner, live, started, ready, and a challenge
    Transport,
    /// And `hello-ok` with the token of its state
    Auth,
    /// And every configured channel runs
    Channels,
}

/// What to do at a planned restart, as typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum OnRestartArg {
    /// Start the COMMAND again
    Respawn,
    /// End with status 75, so that the gate's own supervisor starts it
    Exit,
}

impl From<ThroughArg> for gate::Through {
    fn from(through: ThroughArg) -> Self {
        match through {
            ThroughArg::Transport => Self::Transport,
            ThroughArg::Auth => Self::Auth,
            ThroughArg::Channels => Self::Channels,
        }
    }
}

impl From<OnRestartArg> for gate::OnRestart {
    fn from(what: OnRestartArg) -> Self {
        match what {
            OnRestartArg::Respawn => Self::Respawn,
            OnRestartArg::Exit => Self::Exit,
        }
    }
}
