//! `portreeve run`, and the lanes that it starts.

use clap::{Args, ValueEnum};
use portreeve_core::schedule::Lane;

pub(super) const EXAMPLES: &str = "\
Examples:
  sudo portreeve run
  portreeve run --config ~/portreeve.toml
  portreeve status

It stays in the foreground; launchd or systemd starts it. SIGHUP reads the
configuration anew: one that is refused is logged, and the one before stays.
SIGTERM ends it within two seconds.

Exit status:
  0   ended by a signal
  1   another one runs, or its folder cannot be used
  78  the configuration is refused      2  wrong command line";

/// A lane, by its name.
#[derive(Debug, Args)]
pub(crate) struct LaneArgs {
    /// Which one
    pub(crate) lane: LaneArg,
}

/// A lane, as typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LaneArg {
    /// Rungs 1 to 4
    Fast,
    /// Everything, and the verdict
    Slow,
    /// A window of looks at locks
    Locks,
    /// Images at their registries
    Images,
    /// The full acceptance
    Acceptance,
}

impl From<LaneArg> for Lane {
    fn from(lane: LaneArg) -> Self {
        match lane {
            LaneArg::Fast => Self::Fast,
            LaneArg::Slow => Self::Slow,
            LaneArg::Locks => Self::Locks,
            LaneArg::Images => Self::Images,
            LaneArg::Acceptance => Self::Acceptance,
        }
    }
}
