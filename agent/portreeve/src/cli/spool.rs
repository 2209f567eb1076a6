//! `portreeve spool`.

use clap::Subcommand;

pub(super) const EXAMPLES: &str = "\
Examples:
  portreeve spool inspect
  portreeve spool inspect --json | jq '{waiting, totals, error: .delivery.last_error}'
  portreeve spool verify && echo sound
  sudo portreeve spool flush --timeout 120

What `portreeve run` has to report waits in the folder `spool` of `data_dir`
until the endpoint has it. `inspect` and `verify` change nothing and may run
beside the daemon.

Exit status:
  0   done; with `verify`, each checksum holds; with `flush`, nothing waits
  1   with `verify`, something is damaged; otherwise, an error
  2   wrong command line
  75  with `flush`, something still waits";

/// `spool`.
#[derive(Debug, Subcommand)]
pub(crate) enum SpoolCommand {
    /// Tell what waits to be delivered, how old it is, what became of the rest, and what the endpoint said last
    Inspect {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Read each record and verify its checksum
    Verify {
        /// Print JSON, as `inspect` does
        #[arg(long)]
        json: bool,
    },
    /// Deliver now what waits: through the daemon where it runs, else by itself
    Flush {
        /// Longest time that it may take
        #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=86_400))]
        timeout: u64,
    },
}
