//! `portreeve check`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use portreeve_core::Layer;

use super::ScopeArgs;

pub(super) const EXAMPLES: &str = "\
Examples:
  portreeve check
  portreeve check --only auth --json
  portreeve check --home /Users/op --strict
  portreeve check --deep
  portreeve check --save before.json && portreeve check --from before.json";

/// `check`.
#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    pub(crate) scope: ScopeArgs,
    /// Print the report as JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Save the facts, which hold no secret
    #[arg(long, value_name = "FILE")]
    pub(crate) save: Option<PathBuf>,
    /// Judge one layer only
    #[arg(long, value_name = "LAYER")]
    pub(crate) only: Option<LayerArg>,
    /// Let warnings give exit status 1
    #[arg(long)]
    pub(crate) strict: bool,
    /// Also run the real `openclaw channels status --probe` of each client, where it runs and as its user, and count how many of 100 connects
    /// come through
    ///
    /// The first is the one check that runs OpenClaw itself: it writes its log and its cache, and takes some seconds for each client. Only
    /// releases that are known to change nothing else are run; any other is named and not run. What was asked for and not run leaves the verdict
    /// unknown.
    ///
    /// It also makes 100 connects (`deep.connects`) over ten seconds to each gateway of this node, and from the namespace of each client in a
    /// container, up to the gateway's challenge and without a secret: fewer than 97 % that come through are an error.
    ///
    /// It also holds a silent connection for 13 s through each public address, where nothing says when a proxy there cuts it, and
    /// watches the locks of each state directory for 10 s.
    #[arg(long, conflicts_with = "from")]
    pub(crate) deep: bool,
    /// Seconds after which what is not known stays unknown
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=300))]
    pub(crate) timeout: Option<u64>,
}

/// A layer, as typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LayerArg {
    /// Processes, ports, sockets
    Transport,
    /// Secrets, devices, pairing
    Auth,
    /// Channels and their accounts
    Channels,
    /// Configuration, state, mirrors, images
    Alignment,
    /// The machine, its engines, the agent itself
    Node,
}

impl From<LayerArg> for Layer {
    fn from(layer: LayerArg) -> Self {
        match layer {
            LayerArg::Transport => Self::Transport,
            LayerArg::Auth => Self::Auth,
            LayerArg::Channels => Self::Channels,
            LayerArg::Alignment => Self::Alignment,
            LayerArg::Node => Self::Node,
        }
    }
}
