//! `portreeve evidence`.

use std::path::PathBuf;

use clap::Args;
use jiff::{SignedDuration, Span, SpanRelativeTo, Timestamp};

use super::ScopeArgs;

pub(super) const EXAMPLES: &str = "\
Examples:
  portreeve evidence                             a page and an archive, here
  portreeve evidence --since 2h --output /tmp/ticket
  portreeve evidence --output incident.html      the page alone
  portreeve evidence --from node.json            from saved facts, without logs
  portreeve evidence --json | jq '.questions[] | {text, says, missing}'

The page holds verdict, root cause and remedy, the rungs, five questions that
are asked after an incident, topology, locks, images, timeline and the last log
lines of each severity; it fetches and runs nothing. The archive holds it and
the parts. Secrets are masked; people, other machines and addresses outside the
node have pseudonyms. Look it over before it leaves your hands.

Exit status:
  0   the bundle was made, whatever the verdict
  2   wrong command line, or a place where it cannot be written safely";

/// `evidence`.
#[derive(Debug, Args)]
pub(crate) struct EvidenceArgs {
    #[command(flatten)]
    pub(crate) scope: ScopeArgs,
    /// Leave out of logs what is older, before the facts: `90s`, `2h`, `3d`, or a time as `2026-11-21T08:00Z`
    #[arg(long, value_name = "TIME", default_value = "24h", value_parser = since)]
    pub(crate) since: Since,
    /// Folder for both files, which is made where it is not there, or one file: `NAME.html` for the page alone, `NAME.tar.gz` for the archive alone [default: this folder]
    #[arg(short, long, value_name = "PATH")]
    pub(crate) output: Option<PathBuf>,
    /// Replace files that are there
    #[arg(long)]
    pub(crate) force: bool,
    /// Print the bundle in short, as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// From when on logs are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Since {
    /// So long before the facts.
    Age(SignedDuration),
    /// This instant.
    At(Timestamp),
}

impl Since {
    /// The instant, for facts that were taken at `taken_at`.
    pub(crate) fn before(self, taken_at: Timestamp) -> Timestamp {
        match self {
            Self::Age(age) => taken_at.checked_sub(age).unwrap_or(Timestamp::MIN),
            Self::At(at) => at,
        }
    }
}

fn since(text: &str) -> Result<Since, String> {
    let age = |text: &str| text.parse::<Span>().ok()?.abs().to_duration(SpanRelativeTo::days_are_24_hours()).ok();
    match age(text) {
        Some(age) => Ok(Since::Age(age)),
        None => super::logs::time(text).map(Since::At),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_counted_from_the_facts() {
        let taken_at: Timestamp = "2026-11-21T08:00:00Z".parse().unwrap();
        let before = |text: &str| since(text).unwrap().before(taken_at).to_string();
        assert_eq!(before("24h"), "2026-11-20T08:00:00Z");
        assert_eq!(before("2d"), "2026-11-19T08:00:00Z");
        assert_eq!(before("2026-11-21T03:43:40Z"), "2026-11-21T03:43:40Z");
        assert!(since("soon").is_err());
    }
}
