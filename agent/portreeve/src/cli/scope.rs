//! Where to look: the options of every command that observes.

use std::path::PathBuf;

use clap::Args;

/// Where to look.
#[derive(Debug, Default, Args)]
pub(crate) struct ScopeArgs {
    /// Home folder to search for OpenClaw state; repeat for more [default: every account's]
    #[arg(long, value_name = "DIR")]
    pub(crate) home: Vec<PathBuf>,
    /// State directory to look at besides those found; repeat for more
    #[arg(long, value_name = "DIR")]
    pub(crate) state_dir: Vec<PathBuf>,
    /// Judge one container, by its name, service or id, and the gateway it leads to
    #[arg(long = "in", value_name = "CONTAINER")]
    pub(crate) in_container: Option<String>,
    /// Ask no container engine
    #[arg(long, conflicts_with = "in_container")]
    pub(crate) no_containers: bool,
    /// Start no probe in the namespaces of containers; only read what the engines say
    #[arg(long)]
    pub(crate) no_probe: bool,
    /// Judge saved facts instead of this node
    #[arg(long, value_name = "FILE", conflicts_with_all = ["home", "state_dir", "in_container", "no_containers", "no_probe"])]
    pub(crate) from: Option<PathBuf>,
}
