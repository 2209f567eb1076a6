//! `portreeve enrol`.

use std::path::PathBuf;

use clap::{ArgGroup, Args};

pub(super) const EXAMPLES: &str = "\
Examples:
  sudo portreeve enrol https://fleet.example.com          asks for the join code
  sudo portreeve enrol https://fleet.example.com --code-file /root/code --name mini-7
  pass show fleet/code | sudo portreeve enrol https://fleet.example.com
  sudo portreeve enrol --rotate
  sudo portreeve enrol --leave

The fleet gives this node a credential of its own, which is kept in `data_dir`
for the agent's user alone; `portreeve run` reports there from then on. A join
code is no argument, since everybody on this machine can read those. Enrolling
again takes the place of the enrolment before, once it has succeeded.

`deliver.ca_file` names the authority of a fleet with certificates of its own;
proxies are those of the environment: HTTPS_PROXY, NO_PROXY.

Exit status:
  0   done      1   the fleet refuses, or cannot be reached or trusted
  2   wrong command line";

/// `enrol`.
#[derive(Debug, Args)]
#[group(skip)]
#[command(group = ArgGroup::new("what").required(true).args(["url", "rotate", "leave"]))]
pub(crate) struct EnrolArgs {
    /// The fleet: `https://fleet.example.com`
    #[arg(value_name = "URL")]
    pub(crate) url: Option<String>,
    /// File of the join code, closed to others; `-` is standard input [default: asks on a terminal, else standard input]
    #[arg(long, value_name = "FILE", requires = "url")]
    pub(crate) code_file: Option<PathBuf>,
    /// Name to be known by [default: the host name]
    #[arg(long, value_name = "NAME", requires = "url")]
    pub(crate) name: Option<String>,
    /// Exchange this node's credential for a new one
    #[arg(long)]
    pub(crate) rotate: bool,
    /// Leave the fleet: the credential counts no longer, neither there nor here
    #[arg(long)]
    pub(crate) leave: bool,
    /// Forget the credential here even where the fleet cannot be told
    #[arg(long, requires = "leave")]
    pub(crate) forget: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}
