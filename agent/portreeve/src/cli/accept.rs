//! `portreeve accept`.

use std::path::PathBuf;

use clap::Args;

use super::ScopeArgs;

pub(super) const EXAMPLES: &str = "\
Examples:
  portreeve accept                after an upgrade, or for the first time
  portreeve accept --dry-run      what a full acceptance says; nothing is kept
  portreeve accept --moved --reason 'mini-7 was replaced, the old one is wiped'
  portreeve accept --by-hand --reason 'no backup disk any more'

A node that was accepted and then gets another macOS, other hardware, another
OpenClaw or another engine is in quarantine: `check` says host.os-changed until
a full acceptance has passed. The daemon runs one by itself, again and again.

A full acceptance holds if every rung does, 97 of 100 connects come through,
locks were watched, the real command line is accepted, the report has no error
and nothing in it is unproven, and nothing that was there before is gone.

Exit status:
  0   accepted
  75  not yet, or not known     78  something that was there is gone
  other: that of `portreeve check`";

/// `accept`.
#[derive(Debug, Args)]
pub(crate) struct AcceptanceArgs {
    #[command(flatten)]
    pub(crate) scope: AcceptanceScope,
    /// Why it is accepted, for the record
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
    /// Accept the node whatever the full acceptance says
    ///
    /// What stands against it is kept, and `check` warns of it until a full acceptance passes.
    #[arg(long, requires = "reason", conflicts_with = "dry_run")]
    pub(crate) by_hand: bool,
    /// Say that this is the accepted node on other hardware, and that the old one is retired
    #[arg(long)]
    pub(crate) moved: bool,
    /// Keep nothing of it
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Seconds after which what is not known stays unknown
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=300))]
    pub(crate) timeout: Option<u64>,
}

/// Where to look.
#[derive(Debug, Args)]
pub(crate) struct AcceptanceScope {
    /// Home folder to search for OpenClaw state; repeat for more [default: every account's]
    #[arg(long, value_name = "DIR")]
    pub(crate) home: Vec<PathBuf>,
    /// State directory to look at besides those found; repeat for more
    #[arg(long, value_name = "DIR")]
    pub(crate) state_dir: Vec<PathBuf>,
    /// Judge saved facts instead of this node, and keep nothing of it
    #[arg(long, value_name = "FILE", conflicts_with_all = ["home", "state_dir", "by_hand"])]
    pub(crate) from: Option<PathBuf>,
}

impl AcceptanceScope {
    /// The same as the scope of every command that observes.
    pub(crate) fn scope(&self) -> ScopeArgs {
        ScopeArgs {
            home: self.home.clone(),
            state_dir: self.state_dir.clone(),
            from: self.from.clone(),
            ..ScopeArgs::default()
        }
    }
}
