//! `portreeve connect`.

use std::path::PathBuf;

use clap::Args;

pub(super) const EXAMPLES: &str = "\
Examples:
  portreeve connect                              to the gateway of this node
  portreeve connect wss://claw.example.com
  portreeve connect --in openclaw-cli            as the client in that container
  portreeve connect --count 1000 --spread 300 --json
  portreeve connect --svg connects.svg           a picture too, for a ticket

Each connect opens TCP, TLS where the URL says so, and a WebSocket, waits for
the gateway's challenge and closes. No secret is sent. A gateway or proxy that
asks to be left alone for a while is.

Exit status:
  0   at least 97 % came through    69  fewer did
  75  too few were made to tell      2  wrong command line";

/// `connect`.
#[derive(Debug, Args)]
pub(crate) struct ConnectArgs {
    /// Gateway or proxy to connect to [default: the gateway of this node; with `--in`, where that client connects]
    #[arg(value_name = "URL")]
    pub(crate) url: Option<String>,
    /// Connect from the namespaces of this container, by its name, service or id
    #[arg(long = "in", value_name = "CONTAINER")]
    pub(crate) in_container: Option<String>,
    /// How many connects
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) count: u32,
    /// Seconds over which they begin, evenly; at most 30 with `--in`
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(crate) spread: u64,
    /// How many at a time
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=16))]
    pub(crate) concurrency: u32,
    /// Home folder to search for the gateway; repeat for more [default: every account's]
    #[arg(long, value_name = "DIR")]
    pub(crate) home: Vec<PathBuf>,
    /// Write a picture too: how long connects took, and what kept the others away; `-` prints it instead of the text
    #[arg(long, value_name = "FILE")]
    pub(crate) svg: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}
