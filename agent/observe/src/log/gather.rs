//! Opening the logs of several places, and reading them.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use portreeve_core::logs::{Entry, LogLayer, Origin, Tally};

use super::follow::Follower;
use super::lines::{CHUNK, Lines, SMALL_CHUNK};
use super::open::open;
use super::place::{From, Place};
use super::read::{Entries, Reading, Wanted, count};
use super::tail::Tail;
use super::unified;
use crate::engine::{Client, EngineError};

/// How long an engine may take for the log of one container.
const PATIENCE: Duration = Duration::from_secs(30);
/// Most bytes of one container's log; they are kept in a file without a name.
const MAX_CONTAINER_BYTES: u64 = 1 << 30;

/// A log that is open.
struct Opened {
    lines: Lines,
    stamped: bool,
    problem: Option<String>,
}

/// Counts what the logs of these places say.
pub async fn tally(places: &[Place], wanted: &Wanted) -> Tally {
    let mut tally = Tally::default();
    let mut counted_own: BTreeSet<&str> = BTreeSet::new();
    for place in places {
        tally.source(place.id.clone(), place.origin, place.offset_ms);
        let is_counted = |writer: &String| counted_own.contains(writer.as_str());
        if place.repeats && !place.writers.is_empty() && place.writers.iter().all(is_counted) {
            tally.problem("the gateway's own log says the same and was counted");
            continue;
        }
        if place.from == From::Unified {
            // What the system says of a job is no line of a gateway.
            continue;
        }
        match opened(place, wanted, CHUNK).await {
            Ok(mut opened) => {
                let mut reading = reading(place, opened.stamped);
                let result = count(&mut opened.lines, &mut reading, wanted, &mut tally);
                tally.read(opened.lines.end(), opened.lines.cut);
                if place.origin == Origin::Gateway && opened.lines.end() > 0 {
                    counted_own.extend(place.writers.iter().map(String::as_str));
                }
                if let Some(problem) = result.err().map(|error| error.to_string()).or(opened.problem) {
                    tally.problem(problem);
                }
            }
            Err(problem) => tally.problem(problem),
        }
    }
    tally
}

/// A list in the order of time.
pub type EntryList = Box<dyn Iterator<Item = Entry>>;

/// What is there of a timeline, and how it goes on.
pub struct History {
    /// One list for each log.
    pub lists: Vec<EntryList>,
    /// What comes after.
    pub tail: Tail,
    /// What could not be read, or not to its end: the place's id, and why.
    pub problems: Vec<(String, String)>,
}

/// The entries of the logs of these places. Where it goes on, a line that is not complete is left to the tail.
pub async fn entries(places: &[Place], wanted: &Wanted, goes_on: bool) -> History {
    let mut history = History { lists: Vec::new(), tail: Tail::new(*wanted), problems: Vec::new() };
    for place in places {
        if let Err(problem) = begin(place, wanted, goes_on, &mut history).await {
            history.problems.push((place.id.clone(), problem));
        }
    }
    history
}

async fn begin(place: &Place, wanted: &Wanted, goes_on: bool, history: &mut History) -> Result<(), String> {
    if place.from == From::Unified {
        history.lists.push(Box::new(unified::entries(wanted).await?.into_iter()));
        return Ok(());
    }
    if goes_on && let From::File { path, access } = &place.from {
        let follower = Follower::new(path, *access);
        let Ok(file) = open(path, *access) else {
            // It may come yet.
            history.tail.add(follower, reading(place, false));
            return Ok(());
        };
        let lines = Lines::new(file, SMALL_CHUNK).and_then(|lines| lines.limited(true)).map_err(|e| e.to_string())?;
        let position = lines.limit_position().map_err(|error| error.to_string())?;
        history.tail.add(position.into_iter().fold(follower, Follower::from), reading(place, false));
        history.lists.push(Box::new(Entries { lines, reading: reading(place, false), wanted: *wanted }));
        return Ok(());
    }
    let opened = opened(place, wanted, SMALL_CHUNK).await?;
    history.problems.extend(opened.problem.map(|problem| (place.id.clone(), problem)));
    let reading = reading(place, opened.stamped);
    history.lists.push(Box::new(Entries { lines: opened.lines, reading, wanted: *wanted }));
    Ok(())
}

pub(super) fn reading(place: &Place, stamped: bool) -> Reading {
    Reading {
        source: place.id.clone(),
        origin: place.origin,
        offset: SignedDuration::from_millis(place.offset_ms.unwrap_or_default()),
        stamped,
        last: None,
    }
}

async fn opened(place: &Place, wanted: &Wanted, chunk: usize) -> Result<Opened, String> {
    match &place.from {
        From::File { path, access } => {
            let file = open(path, *access).map_err(|error| error.to_string())?;
            let lines =
                Lines::new(file, chunk).and_then(|lines| lines.limited(false)).map_err(|error| error.to_string())?;
            Ok(Opened { lines, stamped: false, problem: None })
        }
        From::Container { socket, container } => {
            let offset = place.offset_ms.unwrap_or_default();
            let (file, problem) = spooled(socket, container, wanted, offset).await?;
            let lines = Lines::new(file, chunk).map_err(|error| error.to_string())?;
            Ok(Opened { lines, stamped: true, problem })
        }
        From::Unified => Err("it is not a file".to_owned()),
        From::LeftOut(count) => Err(format!("{count} more logs were not read")),
    }
}

/// What a container printed, in a file without a name, and why that is not all.
async fn spooled(
    socket: &Path,
    container: &str,
    wanted: &Wanted,
    offset_ms: i64,
) -> Result<(File, Option<String>), String> {
    let until = Instant::now() + PATIENCE;
    let (client, _) = Client::connect(socket, until).await.map_err(|error| error.sentence())?;
    let mut path = format!("/containers/{}/logs?stdout=1&stderr=1&timestamps=1", crate::engine::segment(container));
    let engines = |at: Timestamp| at.as_second() + offset_ms.div_euclid(1_000);
    if let Some(since) = wanted.since {
        path.push_str(&format!("&since={}", engines(since)));
    }
    if let Some(until) = wanted.until {
        path.push_str(&format!("&until={}", engines(until) + 1));
    }
    let mut file = tempfile::tempfile().map_err(|error| error.to_string())?;
    let mut frames = Frames::default();
    let mut failed = None;
    let read = client
        .stream(&path, MAX_CONTAINER_BYTES, until, &mut |bytes| {
            frames.feed(bytes, &mut |payload| {
                if failed.is_none() {
                    failed = file.write_all(payload).err();
                }
            });
        })
        .await;
    let problem = match read {
        Ok(true) => None,
        Ok(false) => Some("it is longer than what is read of a container's log".to_owned()),
        Err(error @ EngineError::Silent { .. }) => Some(error.sentence()),
        Err(error) => return Err(error.sentence()),
    };
    if let Some(error) = failed {
        return Err(error.to_string());
    }
    file.seek(SeekFrom::Start(0)).map_err(|error| error.to_string())?;
    Ok((file, problem))
}

/// Takes the frames of a multiplexed stream apart: stream, three zeros, length in four bytes, payload. What a container with a terminal
/// prints comes without frames.
#[derive(Debug, Default)]
pub(super) struct Frames {
    head: Vec<u8>,
    left: usize,
    /// Whether it has frames; told by its first bytes.
    framed: Option<bool>,
}

impl Frames {
    pub(super) fn feed(&mut self, mut bytes: &[u8], visit: &mut dyn FnMut(&[u8])) {
        while !bytes.is_empty() {
            if self.framed == Some(false) {
                visit(bytes);
                return;
            }
            if self.left > 0 {
                let (payload, rest) = bytes.split_at(self.left.min(bytes.len()));
                visit(payload);
                self.left -= payload.len();
                bytes = rest;
                continue;
            }
            let (head, rest) = bytes.split_at((8 - self.head.len()).min(bytes.len()));
            self.head.extend_from_slice(head);
            bytes = rest;
            let [stream, a, b, c, length @ ..] = self.head.as_slice() else { continue };
            let Ok(length) = <[u8; 4]>::try_from(length) else { continue };
            if *self.framed.get_or_insert(*stream <= 2 && [*a, *b, *c] == [0; 3]) {
                self.left = u32::from_be_bytes(length) as usize;
            } else {
                visit(&self.head);
            }
            self.head.clear();
        }
    }
}

/// A line of the system's log as an entry.
pub(super) fn system_entry(at: Timestamp, source: String, text: String) -> Entry {
    Entry {
        at,
        origin: Origin::System,
        source,
        layer: LogLayer::Other,
        level: None,
        kind: None,
        text,
        conn: None,
        port: None,
        offset_ms: 0,
    }
}

#[cfg(test)]
mod tests {
    use portreeve_core::report::Agent;
    use proptest::prelude::*;

    use super::super::open::Access;
    use super::*;

    #[tokio::test]
    async fn what_a_gateway_prints_counts_unless_its_own_log_does() {
        let dir = tempfile::tempdir().unwrap();
        let place = |name: &str, writer: &str, repeats: bool| {
            let path = dir.path().join(name);
            std::fs::write(&path, "2026-11-21T03:43:40.544Z [gateway] ready\n").unwrap();
            Place {
                id: name.to_owned(),
                origin: if repeats { Origin::ServiceManager } else { Origin::Gateway },
                from: From::File { path, access: Access::Named },
                offset_ms: None,
                repeats,
                writers: vec![writer.to_owned()],
            }
        };
        let left_out = Place { from: From::LeftOut(3), ..place("older", "c", false) };
        let places = [place("own", "a", false), place("printed", "a", true), place("only", "b", true), left_out];
        let agent = Agent { version: String::new() };
        let report = tally(&places, &Wanted::default()).await.report(agent, Timestamp::UNIX_EPOCH, None, None);
        let lines: Vec<u64> = report.sources.iter().map(|source| source.lines).collect();
        assert_eq!(lines, [1, 0, 1, 0]);
        assert_eq!(report.sources[3].problem.as_deref(), Some("3 more logs were not read"));
    }

    fn fed(bytes: &[u8], at_once: usize) -> Vec<u8> {
        let (mut frames, mut out) = (Frames::default(), Vec::new());
        for part in bytes.chunks(at_once) {
            frames.feed(part, &mut |payload| out.extend_from_slice(payload));
        }
        out
    }

    #[test]
    fn without_frames_all_is_text() {
        assert_eq!(fed(b"2026-11-21T00:00:00Z hello\n", 3), b"2026-11-21T00:00:00Z hello\n");
    }

    proptest! {
        #[test]
        fn frames_are_put_together(payloads in prop::collection::vec("[a-z\n]{0,20}", 1..8), at_once in 1_usize..40) {
            let mut bytes = Vec::new();
            for (index, payload) in payloads.iter().enumerate() {
                bytes.extend_from_slice(&[1 + u8::try_from(index % 2).unwrap(), 0, 0, 0]);
                bytes.extend_from_slice(&u32::try_from(payload.len()).unwrap().to_be_bytes());
                bytes.extend_from_slice(payload.as_bytes());
            }
            prop_assert_eq!(fed(&bytes, at_once), payloads.concat().into_bytes());
        }
    }
}
