//! `portreeve logs`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use jiff::{Span, Timestamp, Zoned, civil};
use portreeve_core::logs::LogLayer;

pub(super) const EXAMPLES: &str = "\
Examples:
  portreeve logs                                 all logs of this node, counted
  portreeve logs /tmp/openclaw/*.log --since 1h
  portreeve logs --timeline --since 10m          gateways, clients, engines and jobs in one list
  portreeve logs --follow --layer auth
  portreeve logs --svg closes.svg                a picture too, for a ticket
  portreeve logs --json | jq .closes.hours

A line is sorted by what it says: transport, auth, channels, or none of them.
What looks like a secret is masked. Times are UTC; where an engine's clock is
not this node's, its measured difference is taken off.";

/// `logs`.
#[derive(Debug, Args)]
pub(crate) struct LogsArgs {
    /// Log of a gateway, of any size [default: all logs of this node]
    #[arg(value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// List the events of all logs in the order of time
    #[arg(long)]
    pub(crate) timeline: bool,
    /// Go on with what is written from now on, as a timeline; without `--since`, nothing from before
    #[arg(short, long, conflicts_with = "until")]
    pub(crate) follow: bool,
    /// Leave out what is older: `90s`, `1h`, `2d`, `2026-11-21`, `2026-11-21T08:00`
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(crate) since: Option<Timestamp>,
    /// Leave out what is newer
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(crate) until: Option<Timestamp>,
    /// Count or list one layer only
    #[arg(long, value_name = "LAYER")]
    pub(crate) layer: Option<LogLayerArg>,
    /// In a timeline, list every line, and not only events and warnings
    #[arg(long)]
    pub(crate) all: bool,
    /// Home folder to search for gateways; repeat for more [default: every account's]
    #[arg(long, value_name = "DIR", conflicts_with = "files")]
    pub(crate) home: Vec<PathBuf>,
    /// State directory to look at besides those found; repeat for more
    #[arg(long, value_name = "DIR", conflicts_with = "files")]
    pub(crate) state_dir: Vec<PathBuf>,
    /// Ask no container engine
    #[arg(long, conflicts_with = "files")]
    pub(crate) no_containers: bool,
    /// Write a picture too: how connections ended over time; `-` prints it instead of the text
    #[arg(long, value_name = "FILE", conflicts_with_all = ["timeline", "follow"])]
    pub(crate) svg: Option<PathBuf>,
    /// Print JSON; of a timeline, one object a line
    #[arg(long)]
    pub(crate) json: bool,
}

/// A layer of a log, as typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogLayerArg {
    /// Start, stop, port, locks, sockets
    Transport,
    /// Credentials, devices, scopes
    Auth,
    /// Messaging channels and sub-agents
    Channels,
    /// None of them, or not known
    Other,
}

impl From<LogLayerArg> for LogLayer {
    fn from(layer: LogLayerArg) -> Self {
        match layer {
            LogLayerArg::Transport => Self::Transport,
            LogLayerArg::Auth => Self::Auth,
            LogLayerArg::Channels => Self::Channels,
            LogLayerArg::Other => Self::Other,
        }
    }
}

/// An age, an instant, or a local date with or without a time of day.
pub(super) fn time(text: &str) -> Result<Timestamp, String> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(at);
    }
    let now = Zoned::now();
    let local = text.parse::<civil::DateTime>().ok().and_then(|local| local.to_zoned(now.time_zone().clone()).ok());
    let age = || now.checked_sub(text.parse::<Span>().ok()?.abs()).ok();
    match local.or_else(age) {
        Some(at) => Ok(at.timestamp()),
        None => Err("neither an age as `1h` nor a time as `2026-11-21T08:00`".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_ages_instants_and_local_dates() {
        let ago = |text: &str| Timestamp::now().duration_since(time(text).unwrap()).as_secs();
        assert!((3_599..3_602).contains(&ago("1h")));
        assert!((2 * 86_400 - 3_601..2 * 86_400 + 3_601).contains(&ago("2d")));
        assert_eq!(time("2026-11-21T03:43:40.544Z").unwrap().to_string(), "2026-11-21T03:43:40.544Z");
        assert!(time("2026-11-21").unwrap() < time("2026-11-21T08:00").unwrap());
        assert!(time("soon").is_err());
    }
}
