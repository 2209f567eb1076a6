//! The unified log of macOS: what launchd says of the jobs of `OpenClaw`.

use std::time::Duration;

use jiff::SignedDuration;
use portreeve_core::logs::{Entry, LogLayer};
use portreeve_core::order::Order as _;
use portreeve_openclaw::log::{MAX_TEXT_BYTES, redact};

use super::gather::system_entry;
use super::read::Wanted;
use crate::command::{CommandError, Invocation, Runner, System};
use crate::commands::log;

const PROGRAM: &str = "/usr/bin/log";
/// What concerns the jobs of `OpenClaw`.
const PREDICATE: &str = "process == \"launchd\" AND eventMessage CONTAINS \"openclaw\"";
/// How far back it is asked where nothing is said.
const LAST: SignedDuration = SignedDuration::from_hours(1);
/// The archive of a busy day takes long to search.
const DEADLINE: Duration = Duration::from_secs(20);
/// Longest answer, in bytes.
const LIMIT: usize = 16 << 20;

/// The entries, in the order of time; what came by the deadline.
pub(super) async fn entries(wanted: &Wanted) -> Result<Vec<Entry>, String> {
    // What launchd says of jobs belongs to no layer of a gateway.
    if !matches!(wanted.layer, None | Some(LogLayer::Other)) {
        return Ok(Vec::new());
    }
    let invocation = invocation(wanted);
    let ran = tokio::task::spawn_blocking(move || System.run(&invocation)).await;
    let output = match ran.map_err(|error| error.to_string())? {
        Ok(output) => output,
        Err(CommandError::Failed { output, .. }) if !output.stdout.is_empty() => output,
        Err(error) => return Err(error.to_string()),
    };
    let mut entries: Vec<Entry> = log::parse(&output.stdout)
        .value
        .entries
        .into_iter()
        .filter_map(|entry| {
            let program = entry.program.as_deref().and_then(|path| path.rsplit('/').next()).unwrap_or("system");
            let text = redact(entry.message.as_deref()?, MAX_TEXT_BYTES);
            let at = entry.at.filter(|at| wanted.holds(Some(*at)))?;
            Some(system_entry(at, program.to_owned(), text))
        })
        .collect();
    entries.order_by_key(|entry| entry.at);
    Ok(entries)
}

fn invocation(wanted: &Wanted) -> Invocation {
    let mut arguments: Vec<String> = ["show", "--style", "ndjson", "--predicate", PREDICATE].map(str::to_owned).into();
    let first = wanted.until.and_then(|until| until.checked_sub(LAST).ok());
    match wanted.since.or(first) {
        Some(since) => arguments.extend(["--start".to_owned(), format!("@{}", since.as_second())]),
        None => arguments.extend(["--last".to_owned(), format!("{}h", LAST.as_hours())]),
    }
    if let Some(until) = wanted.until {
        arguments.extend(["--end".to_owned(), format!("@{}", until.as_second() + 1)]);
    }
    Invocation::new(PROGRAM, arguments).deadline(DEADLINE).output_limit(LIMIT)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    #[test]
    fn a_time_is_asked_for_in_seconds() {
        let asked = |wanted: &Wanted| invocation(wanted).arguments[5..].to_vec();
        assert_eq!(asked(&Wanted::default()), ["--last", "1h"]);
        let since = Timestamp::from_second(7).ok();
        assert_eq!(asked(&Wanted { since, until: since, ..Wanted::default() }), ["--start", "@7", "--end", "@8"]);
        let until = Timestamp::from_second(3_607).ok();
        assert_eq!(asked(&Wanted { until, ..Wanted::default() }), ["--start", "@7", "--end", "@3608"]);
    }

    #[tokio::test]
    async fn jobs_belong_to_no_layer() {
        let wanted = Wanted { layer: Some(LogLayer::Auth), ..Wanted::default() };
        assert_eq!(entries(&wanted).await, Ok(Vec::new()));
    }
}
