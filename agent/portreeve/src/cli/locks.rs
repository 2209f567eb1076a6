//! `portreeve locks`.

use std::path::PathBuf;

use clap::Args;

pub(super) const EXAMPLES: &str = "\
Examples:
  portreeve locks                       every state directory of this node
  portreeve locks ~/.openclaw --for 60
  portreeve locks --watch               until it is interrupted
  portreeve locks --svg locks.svg       a picture too, for a ticket
  portreeve locks --json | jq '.locks[] | {path, wait_s, holder}'

No lock is taken, not even for an instant: the kernel is asked who would stand
in a newcomer's way. Only in the agent's own folder a file is locked, to learn
what a lock costs on that volume.

Exit status:
  0   95 of 100 newcomers get each lock within 2.5 s
  78  they wait longer, or a gateway waits now
  75  not watched long enough to tell      2  wrong command line";

/// `locks`.
#[derive(Debug, Args)]
pub(crate) struct LocksArgs {
    /// State directory to watch; several may be named [default: all that are found]
    #[arg(value_name = "DIR")]
    pub(crate) dirs: Vec<PathBuf>,
    /// Seconds to watch; less than twice the threshold proves little [default: 10; with `--watch`, until interrupted]
    #[arg(long = "for", value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(crate) seconds: Option<u64>,
    /// Print what is known each second: drawn anew on a terminal, else one line for each lock that is held
    #[arg(long)]
    pub(crate) watch: bool,
    /// Seconds that 95 of 100 newcomers may wait [default: `policy.lock_wait_s`, 2.5]
    #[arg(long, value_name = "SECONDS", value_parser = threshold)]
    pub(crate) threshold: Option<f64>,
    /// Home folder to search for state directories; repeat for more [default: every account's]
    #[arg(long, value_name = "DIR")]
    pub(crate) home: Vec<PathBuf>,
    /// Write a picture too: which share of newcomers waits how long; `-` prints it instead of the text
    #[arg(long, value_name = "FILE", conflicts_with = "watch")]
    pub(crate) svg: Option<PathBuf>,
    /// Print JSON; with `--watch`, one document a line
    #[arg(long)]
    pub(crate) json: bool,
}

fn threshold(text: &str) -> Result<f64, String> {
    let seconds = text.parse().ok().filter(|seconds: &f64| seconds.is_finite() && *seconds > 0.0);
    seconds.ok_or_else(|| "takes a number of seconds above 0".to_owned())
}
