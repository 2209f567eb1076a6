//! What a container printed lately, as typed events.

use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use portreeve_core::Fact;
use portreeve_core::snapshot::LogFacts;
use portreeve_openclaw::log;

use super::gather::Frames;
use super::read::unstamped;
use super::recent::{keep, nothing, settle};
use crate::engine::{Client, segment};

/// Lines asked for, from the end.
const LINES: u32 = 500;
/// Most bytes that are read of them.
const MAX_BYTES: u64 = 1 << 20;
/// How long an engine may take for them.
const PATIENCE: Duration = Duration::from_secs(1);

/// The container whose prints are read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Printer<'a> {
    /// Id by which its engine knows it.
    pub(crate) id: &'a str,
    /// Its name.
    pub(crate) name: &'a str,
    /// When it ended; none while it runs. What it said last counts from here, however long ago that is.
    pub(crate) ended: Option<Timestamp>,
    /// Clock of its engine less this node's.
    pub(crate) skew: SignedDuration,
}

/// Reads the end of what a container printed. Engines keep it over restarts of the same container.
///
/// Source: Docker Engine API, `ContainerLogs`.
pub(crate) async fn printed(client: &Client, printer: &Printer<'_>, until: Instant, at: Timestamp) -> Fact<LogFacts> {
    let source = format!("log of container `{}`", printer.name);
    let path = format!("/containers/{}/logs?stdout=1&stderr=1&timestamps=1&tail={LINES}", segment(printer.id));
    let mut frames = Frames::default();
    let mut text = Vec::new();
    let until = until.min(Instant::now() + PATIENCE);
    let read =
        client.stream(&path, MAX_BYTES, until, &mut |bytes| frames.feed(bytes, &mut |part| text.extend(part))).await;
    match read {
        // The newest lines come last: without them nothing can be said.
        Ok(false) => Fact::unreadable(format!("its last {LINES} lines are longer than {MAX_BYTES} bytes"), source, at),
        Ok(true) => Fact::known(events(&text, printer, at), source, at),
        Err(error) => Fact::unreadable(error.sentence(), source, at),
    }
}

fn events(text: &[u8], printer: &Printer<'_>, at: Timestamp) -> LogFacts {
    let mut facts = nothing();
    let now = printer.ended.unwrap_or(at);
    for line in text.split(|byte| *byte == b'\n') {
        let (stamp, line) = unstamped(line);
        let tally = log::scan(line, |mut event| {
            event.time = event.time.or(stamp).and_then(|time| time.checked_sub(printer.skew).ok());
            keep(&mut facts, None, &event, now);
        });
        facts.lines += tally.lines;
        facts.unparsed += tally.broken;
    }
    settle(&mut facts);
    facts
}

#[cfg(test)]
mod tests {
    use portreeve_core::snapshot::event;

    use super::*;

    const REFUSED: &str =
        "Gateway failed to start: another gateway instance is already listening on ws://127.0.0.1:18789";

    fn read(text: &str, ended: Option<&str>, skew_s: i64, at: &str) -> Vec<(Timestamp, String)> {
        let time = |text: &str| -> Timestamp { text.parse().unwrap() };
        let skew = SignedDuration::from_secs(skew_s);
        let printer = Printer { id: "0123", name: "gateway", ended: ended.map(time), skew };
        let facts = events(text.as_bytes(), &printer, time(at));
        facts.events.into_iter().map(|event| (event.at.unwrap(), event.kind)).collect()
    }

    #[test]
    fn a_line_without_a_time_has_that_of_the_engine() {
        let text = format!("2026-11-23T08:00:00.5Z {REFUSED}\n");
        let at = "2026-11-23T08:00:00.5Z".parse().unwrap();
        assert_eq!(read(&text, None, 0, "2026-11-23T08:01:00Z"), [(at, event::ALREADY_LISTENING.to_owned())]);
        let at = "2026-11-23T07:59:50.5Z".parse().unwrap();
        assert_eq!(read(&text, None, 10, "2026-11-23T08:01:00Z"), [(at, event::ALREADY_LISTENING.to_owned())]);
    }

    #[test]
    fn what_a_container_said_before_it_ended_counts_however_long_ago_that_is() {
        let text = format!("2026-11-23T08:00:00Z {REFUSED}\n");
        assert!(read(&text, None, 0, "2026-11-23T12:00:00Z").is_empty());
        assert_eq!(read(&text, Some("2026-11-23T08:00:01Z"), 0, "2026-11-23T12:00:00Z").len(), 1);
        assert!(read(&text, Some("2026-11-23T10:00:00Z"), 0, "2026-11-23T12:00:00Z").is_empty());
    }

    #[test]
    fn what_is_no_line_of_a_gateway_is_passed_over() {
        assert!(read("", None, 0, "2026-11-23T12:00:00Z").is_empty());
        assert!(read("no stamp\n2026-11-23T11:59:00Z hello\n\n\0\u{fffd}", None, 0, "2026-11-23T12:00:00Z").is_empty());
    }
}
