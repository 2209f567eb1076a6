//! `portreeve gate`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use portreeve_core::gate;

pub(super) const EXAMPLES: &str = "\
Examples:
  portreeve gate --timeout 120                  wait for this node's gateway
  portreeve gate -- openclaw gateway run        run it, and count its success
                                                only once it was ready
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

/// `gate`.
#[derive(Debug, Args)]
pub(crate) struct GateArgs {
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
    /// Command that runs the gateway
    #[arg(last = true, value_name = "COMMAND")]
    pub(crate) command: Vec<OsString>,
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
