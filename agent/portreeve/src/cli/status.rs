//! `portreeve status`.

use std::path::PathBuf;

use clap::Args;

pub(super) const EXAMPLES: &str = "\
Examples:
  portreeve status
  portreeve status --json | jq '{verdict, since, causes, stale}'

Nothing is looked at: it reads what `portreeve run` wrote last, and needs no
right to do so. It is not believed where the daemon is gone or has not written
for three of its beats.

Exit status: as `portreeve check` gives it for the last verdict;
  75  not known, out of date, or no daemon has run here";

/// `status`.
#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    /// Document to read [default: `status_file`, else that of the daemon of root, else that of this user]
    #[arg(value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}
