//! What a gateway's log says lately: the tail of each file that it may write to, as typed events.

use std::collections::BTreeSet;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::PathBuf;

use jiff::{SignedDuration, Timestamp};
use portreeve_core::Fact;
use portreeve_core::order::Order as _;
use portreeve_core::snapshot::{LogEvent, LogFacts, LogFile};
use portreeve_openclaw::log::{self, Event, EventKind};

use super::open::{Access, open};

/// Bytes read from the end of each file.
const TAIL_BYTES: u64 = 512 << 10;
/// Events older than this say nothing about now.
const WINDOW: SignedDuration = SignedDuration::from_hours(1);
/// Most events kept of one gateway.
const MAX_EVENTS: usize = 500;

/// A file that a gateway may write its log to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Source {
    /// The file.
    pub(crate) path: PathBuf,
    /// Other gateways and commands of the same user write to it as well, and most lines do not say who wrote them.
    pub(crate) shared: bool,
    /// It holds what the gateway prints, which its own log holds too.
    pub(crate) printed: bool,
    /// User that the file must belong to.
    pub(crate) uid: u32,
}

/// How lines of a shared file are told apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mine {
    /// Port of the gateway.
    pub(crate) port: u16,
    /// Process ids of any gateway of the node, now or in its records: lines that name them concern whoever shares the file.
    pub(crate) known_pids: Vec<u32>,
    /// The user has no other gateway, so that what a gateway alone can say is of this one.
    pub(crate) alone: bool,
}

/// Reads the tails of a gateway's log files.
pub(crate) fn observe(sources: &[Source], mine: &Mine, at: Timestamp) -> Fact<LogFacts> {
    let named = sources.iter().map(|source| LogFile {
        path: source.path.to_string_lossy().into_owned(),
        uid: source.uid,
        shared: source.shared,
        printed: source.printed,
    });
    let mut facts = LogFacts { sources: named.collect(), ..nothing() };
    let mut told = BTreeSet::new();
    let mut problem = None;
    for source in sources {
        let tail = match tail(source) {
            Ok(tail) => tail,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => {
                problem = Some((source.path.clone(), error));
                continue;
            }
        };
        facts.files.push(source.path.to_string_lossy().into_owned());
        let known = facts.events.len();
        let apart = source.shared.then_some(mine);
        let tally = log::scan(&tail, |event| keep(&mut facts, apart, &event, at));
        // A gateway prints what it writes to its log, and one event must not count as two.
        let mut index = 0;
        facts.events.retain(|event| {
            index += 1;
            index <= known || !told.contains(&(event.at, event.kind.clone(), event.detail.clone()))
        });
        let own = facts.events.iter().skip(known);
        told.extend(own.map(|event| (event.at, event.kind.clone(), event.detail.clone())));
        facts.lines += tally.lines;
        facts.unparsed += tally.broken;
    }
    settle(&mut facts);
    match problem {
        Some((path, error)) if facts.files.is_empty() => {
            crate::file::error_fact(&error, path.to_string_lossy().into_owned(), at)
        }
        _ if facts.files.is_empty() => Fact::absent("log files", at),
        _ => {
            let source = facts.files.join(", ");
            Fact::known(facts, source, at)
        }
    }
}

/// Of a log that nothing was read of.
pub(super) fn nothing() -> LogFacts {
    LogFacts { files: Vec::new(), events: Vec::new(), lines: 0, unparsed: 0, since: None, sources: Vec::new() }
}

/// Puts the events in their order, and leaves the newest of too many.
pub(super) fn settle(facts: &mut LogFacts) {
    facts.events.order_by_key(|event| event.at);
    facts.events.dedup();
    let surplus = facts.events.len().saturating_sub(MAX_EVENTS);
    facts.events.drain(..surplus);
}

/// Keeps an event that says something about the state at `at`. In a file that others write too, it must be told apart as the gateway's own.
pub(super) fn keep(facts: &mut LogFacts, apart: Option<&Mine>, event: &Event, at: Timestamp) {
    if let Some(time) = event.time {
        facts.since = Some(facts.since.map_or(time, |since| since.min(time)));
        // A job that switched itself off stays off: what it said last is the state of now.
        let lasting = matches!(event.kind, EventKind::RequiresStateMigration { parked: true });
        if at.duration_since(time) > WINDOW && !lasting {
            return;
        }
    } else {
        // A line without an instant cannot be placed in any window.
        return;
    }
    // Our own probes are no clients, however a wedged gateway ends them.
    if event.text.contains("ua=portreeve/") {
        return;
    }
    let pids = pids(&event.kind);
    if let Some(mine) = apart {
        let by_port = event.port == Some(mine.port);
        let by_pid = !pids.is_empty() && pids.iter().any(|pid| mine.known_pids.contains(pid));
        let by_kind = matches!(event.kind, EventKind::DeviceApproved { .. } | EventKind::SubagentFailed { .. });
        if !(by_port || by_pid || by_kind && mine.alone) {
            return;
        }
    }
    facts.events.push(LogEvent {
        at: event.time,
        kind: event.kind.name().to_owned(),
        detail: detail(&event.kind),
        pids,
        text: event.text.clone(),
    });
}

/// Text of the node with anything that looks like a secret masked.
pub(crate) fn masked(text: &str) -> String {
    log::redact(text, log::MAX_TEXT_BYTES)
}

fn pids(kind: &EventKind) -> Vec<u32> {
    match kind {
        EventKind::KilledStale { pids } => pids.clone(),
        EventKind::PortInUse { pid: Some(pid), .. } | EventKind::LockTimeout { pid: Some(pid), .. } => vec![*pid],
        _ => Vec::new(),
    }
}

fn detail(kind: &EventKind) -> Option<String> {
    match kind {
        EventKind::Unauthorized { reason, .. } | EventKind::SubagentFailed { reason } => reason.clone(),
        EventKind::PairingRequired { request_id, .. } => request_id.clone(),
        EventKind::ClosedBeforeConnect(close) => {
            close.cause.clone().or_else(|| close.code.map(|code| code.to_string()))
        }
        EventKind::RequiresStateMigration { parked } => parked.then(|| "parked".to_owned()),
        EventKind::ConfigAutoRestored { path, .. } => path.clone(),
        EventKind::StoppedBySignal { signal, .. } => Some(signal.clone()),
        EventKind::ProtocolMismatch { expected, .. } => expected.map(|version| version.to_string()),
        EventKind::ChannelSuppressed { channel }
        | EventKind::ChannelExited { channel, .. }
        | EventKind::ChannelTerminal { channel, .. }
        | EventKind::ChannelGaveUp { channel, .. }
        | EventKind::ChannelConflict { channel } => Some(channel.clone()),
        _ => None,
    }
}

/// The last bytes of a file that really is the user's: no link followed, nothing but a regular file opened.
fn tail(source: &Source) -> io::Result<Vec<u8>> {
    let mut file = open(&source.path, Access::Of(source.uid))?;
    let metadata = file.metadata()?;
    let skipped = metadata.len().saturating_sub(TAIL_BYTES);
    file.seek(SeekFrom::Start(skipped))?;
    let mut bytes = Vec::new();
    file.take(TAIL_BYTES).read_to_end(&mut bytes)?;
    if skipped > 0 {
        let start = bytes.iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |at| at + 1);
        bytes.drain(..start);
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use portreeve_core::snapshot::event;

    use super::*;

    fn names() -> Vec<String> {
        let close = portreeve_openclaw::log::Close::default;
        [
            EventKind::KilledStale { pids: Vec::new() },
            EventKind::IncumbentHealthyLeaving { supervisor: portreeve_openclaw::log::SupervisorName::Launchd },
            EventKind::AlreadyListening { port: None },
            EventKind::MaintenanceContention,
            EventKind::RequiresStateMigration { parked: false },
            EventKind::OwnerLeaseActive,
            EventKind::StartRefused,
            EventKind::DatabaseLocked,
            EventKind::DatabaseMalformed,
            EventKind::ConfigAutoRestored { path: None, reason: None },
            EventKind::BreakerTripped { unclean_boots: None, window_ms: None },
            EventKind::Ready,
            EventKind::LoadingConfiguration,
            EventKind::StoppedBySignal { signal: String::new(), restart: false },
            EventKind::Unauthorized { reason: None, client: None, suppressed: None },
            EventKind::ClosedBeforeConnect(close()),
            EventKind::PairingRequired { request_id: None, close: close() },
            EventKind::ProtocolMismatch { max: None, expected: None },
            EventKind::RuntimeTokenGenerated,
            EventKind::HandshakeTimeout { phase: None },
            EventKind::LockTimeout { pid: None, waited_ms: None },
            EventKind::WaitingForLifecycle { limit_seconds: None },
            EventKind::LifecycleAcquired { seconds: None },
            EventKind::StartFailed,
            EventKind::ReadonlyDatabase,
            EventKind::WriteDenied,
            EventKind::DatabaseVerified,
            EventKind::BreakerRecovered,
            EventKind::StabilityBundle { path: None },
            EventKind::ConfigChanged { keys: None },
            EventKind::Disconnected { code: None },
            EventKind::ClientUnreachable { port: None, code: None },
            EventKind::NodeHostRefused { code: None, detail: None },
            EventKind::DeviceApproved { device: None, role: None, automatic: false },
            EventKind::SubagentFailed { reason: None },
        ]
        .iter()
        .map(|kind| kind.name().to_owned())
        .collect()
    }

    #[test]
    fn every_name_that_rules_use_is_one_of_the_grammar() {
        assert_eq!(names(), event::ALL);
    }

    fn line(seconds_ago: i64, subsystem: &str, message: &str, now: Timestamp) -> String {
        let time = now - SignedDuration::from_secs(seconds_ago);
        serde_json::json!({
            "0": format!("{{\"subsystem\":\"{subsystem}\"}}"), "1": message,
            "_meta": {"logLevelId": 4, "logLevelName": "WARN", "date": time.to_string()}, "time": time.to_string(), "message": message,
        })
        .to_string()
    }

    fn read(text: &str, shared: bool, now: Timestamp) -> Vec<LogEvent> {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("gateway.log");
        fs::write(&path, text).expect("written");
        let source = Source { path, shared, printed: false, uid: nix::unistd::geteuid().as_raw() };
        let mine = Mine { port: 18789, known_pids: vec![24854], alone: true };
        observe(&[source], &mine, now).get().expect("read").events.clone()
    }

    #[test]
    fn a_file_of_its_own_tells_all_and_a_shared_one_only_what_names_the_gateway() {
        let now = Timestamp::now();
        let text = [
            line(30, "restart", "killing 1 stale gateway process(es) before restart: 24854", now),
            line(20, "restart", "killing 1 stale gateway process(es) before restart: 99", now),
            line(10, "gateway", "ready", now),
            line(7_200, "gateway", "ready", now),
        ]
        .join("\n");
        let kinds = |events: Vec<LogEvent>| -> Vec<String> { events.into_iter().map(|event| event.kind).collect() };
        assert_eq!(kinds(read(&text, false, now)), [event::KILLED_STALE, event::KILLED_STALE, event::READY]);
        let shared = read(&text, true, now);
        assert_eq!(shared.len(), 1);
        assert_eq!(shared[0].pids, [24854]);
    }

    #[test]
    fn only_the_end_of_a_large_file_is_read_and_no_link_is_followed() {
        let now = Timestamp::now();
        let filler = format!("{}\n", "x".repeat(1023)).repeat(1024);
        let text = format!("{}\n{filler}{}\n", line(9, "gateway", "ready", now), line(5, "gateway", "ready", now));
        assert_eq!(read(&text, false, now).len(), 1);

        let dir = tempfile::tempdir().expect("a folder");
        let link = dir.path().join("gateway.log");
        std::os::unix::fs::symlink("/etc/passwd", &link).expect("linked");
        let source = Source { path: link, shared: false, printed: false, uid: 0 };
        let seen = observe(&[source], &Mine { port: 1, known_pids: Vec::new(), alone: false }, now);
        assert!(seen.blind().is_some(), "{seen:?}");
    }
}
