//! `portreeve selftest`.

use clap::Args;
use portreeve_core::selftest::Seam;

pub(super) const EXAMPLES: &str = "\
Examples:
  portreeve selftest                     each way of looking, against the truth
  portreeve selftest --only record-lock
  portreeve selftest --json | jq '.results[] | select(.outcome == \"failed\")'

Makes things of which it knows the truth (listeners, locks, processes, a file
that Time Machine leaves out, a service that ends at once), looks at them as
`check` does, and removes them again. The result is kept: while a way of
looking has failed on this system, `check` says of what comes through it that
it could not be seen, and is not ready.

Exit status:
  0   none failed       1   one failed, or the result cannot be kept
  2   wrong command line";

/// `selftest`.
#[derive(Debug, Args)]
pub(crate) struct SelfTestArgs {
    /// Try this one only, and do not keep the result; repeat for more
    #[arg(long, value_name = "SEAM")]
    pub(crate) only: Vec<Seam>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Hold what the test asks for: what its helpers are started with
    #[arg(long, hide = true)]
    pub(crate) helper: bool,
    /// Words that a helper is known by
    #[arg(hide = true, requires = "helper")]
    pub(crate) words: Vec<String>,
}
