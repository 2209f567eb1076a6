//! From the lines of a log to what is counted, and to the entries of a timeline.

use std::io;
use std::sync::LazyLock;

use jiff::{SignedDuration, Timestamp};
use memchr::memmem::Finder;
use portreeve_core::logs::{Entry, LogLayer, LogLevel, Mark, Origin, Seen, Tally};
use portreeve_openclaw::log::{Close, EventKind, Glance, Layer, Level};

use super::lines::Lines;

/// What our own connects call themselves: they are no clients.
static OWN: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("ua=portreeve/"));

/// Which lines are wanted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Wanted {
    /// None from before.
    pub since: Option<Timestamp>,
    /// None from after.
    pub until: Option<Timestamp>,
    /// Of this layer alone.
    pub layer: Option<LogLayer>,
    /// In a timeline: every line, and not only those whose event is known and those that warn.
    pub all: bool,
}

impl Wanted {
    /// Whether a time is within what is wanted; a line without one is where nothing is said.
    pub fn holds(&self, at: Option<Timestamp>) -> bool {
        let Some(at) = at else { return self.since.is_none() && self.until.is_none() };
        self.since.is_none_or(|since| at >= since) && self.until.is_none_or(|until| at <= until)
    }
}

/// How the lines of one log are to be understood.
#[derive(Debug, Clone)]
pub(super) struct Reading {
    /// Its id.
    pub(super) source: String,
    /// Who wrote it.
    pub(super) origin: Origin,
    /// Its writer's clock less this node's.
    pub(super) offset: SignedDuration,
    /// The engine wrote its own time before each line.
    pub(super) stamped: bool,
    /// Time of the last line that had one: what a line without one goes by.
    pub(super) last: Option<Timestamp>,
}

impl Reading {
    /// The engine's stamp where it wrote one, and the line behind it.
    fn unstamped<'a>(&self, line: &'a [u8]) -> (Option<Timestamp>, &'a [u8]) {
        if self.stamped { unstamped(line) } else { (None, line) }
    }

    /// When a line was written by this node's clock, or when the one before it was.
    fn time(&mut self, glance: &Glance<'_>, stamp: Option<Timestamp>) -> (Option<Timestamp>, Option<Timestamp>) {
        let own = glance.time().or(stamp).and_then(|at| at.checked_sub(self.offset).ok());
        self.last = own.or(self.last);
        (own, self.last)
    }

    /// Counts one line.
    pub(super) fn count(&mut self, line: &[u8], wanted: &Wanted, tally: &mut Tally) {
        let (stamp, line) = self.unstamped(line.trim_ascii());
        if line.is_empty() {
            return;
        }
        let glance = Glance::of(line);
        let (at, near) = self.time(&glance, stamp);
        if !wanted.holds(near) {
            return;
        }
        let (layer, kind) = if glance.is_recognised() && OWN.find(line).is_none() {
            glance.kind()
        } else {
            if glance.is_torn() {
                tally.unparsed();
            }
            (glance.class().layer, EventKind::Other)
        };
        let layer = layer_of(layer);
        if wanted.layer.is_some_and(|wanted| wanted != layer) {
            return;
        }
        let name = (kind != EventKind::Other).then(|| kind.name());
        tally.line(&Seen { at, layer, kind: name, mark: mark(&kind) });
    }

    /// The entry of one line; none where it is not wanted or has no time.
    pub(super) fn entry(&mut self, line: &[u8], wanted: &Wanted) -> Option<Entry> {
        let (stamp, line) = self.unstamped(line.trim_ascii());
        if line.is_empty() {
            return None;
        }
        let glance = Glance::of(line);
        let at = self.time(&glance, stamp).1?;
        let class = glance.class();
        let is_other = wanted.layer.is_some_and(|wanted| !class.recognised && wanted != layer_of(class.layer));
        if !wanted.holds(Some(at)) || is_other {
            return None;
        }
        let event = glance.event();
        let is_event = event.kind != EventKind::Other;
        let warns = event.level.is_some_and(|level| level >= Level::Warn);
        let layer = layer_of(event.layer);
        let is_wanted = wanted.all || (is_event || warns) && OWN.find(line).is_none();
        if !is_wanted || wanted.layer.is_some_and(|wanted| wanted != layer) {
            return None;
        }
        Some(Entry {
            at,
            origin: if is_clients(&event.kind) { Origin::Client } else { self.origin },
            source: self.source.clone(),
            layer,
            level: event.level.map(level_of),
            kind: is_event.then(|| event.kind.name().to_owned()),
            text: event.text,
            conn: event.conn,
            port: event.port,
            offset_ms: i64::try_from(self.offset.as_millis()).unwrap_or_default(),
        })
    }
}

/// The time that an engine wrote before a line, and the line behind it.
pub(super) fn unstamped(line: &[u8]) -> (Option<Timestamp>, &[u8]) {
    let Some(blank) = line.iter().take(40).position(|byte| *byte == b' ') else { return (None, line) };
    let (stamp, rest) = line.split_at(blank);
    match std::str::from_utf8(stamp).ok().and_then(|stamp| stamp.parse().ok()) {
        Some(stamp) => (Some(stamp), rest.get(1..).unwrap_or_default()),
        None => (None, line),
    }
}

/// Counts all lines of a log.
pub(super) fn count(lines: &mut Lines, reading: &mut Reading, wanted: &Wanted, tally: &mut Tally) -> io::Result<()> {
    while let Some(line) = lines.next_line()? {
        reading.count(line, wanted, tally);
    }
    if let Some(line) = lines.rest() {
        reading.count(line, wanted, tally);
    }
    Ok(())
}

/// The entries of a log. An error ends them, and is told in the agent's own log.
#[derive(Debug)]
pub(super) struct Entries {
    pub(super) lines: Lines,
    pub(super) reading: Reading,
    pub(super) wanted: Wanted,
}

impl Iterator for Entries {
    type Item = Entry;

    fn next(&mut self) -> Option<Entry> {
        loop {
            match self.lines.next_line() {
                Ok(Some(line)) => {
                    if let Some(entry) = self.reading.entry(line, &self.wanted) {
                        return Some(entry);
                    }
                }
                Ok(None) => {
                    let line = self.lines.rest()?;
                    return self.reading.entry(line, &self.wanted);
                }
                Err(error) => {
                    tracing::warn!(%error, source = self.reading.source, "a log was not read to its end");
                    return None;
                }
            }
        }
    }
}

pub(super) fn layer_of(layer: Layer) -> LogLayer {
    match layer {
        Layer::Transport => LogLayer::Transport,
        Layer::Auth => LogLayer::Auth,
        Layer::Channels => LogLayer::Channels,
        Layer::Other => LogLayer::Other,
    }
}

fn level_of(level: Level) -> LogLevel {
    match level {
        Level::Trace => LogLevel::Trace,
        Level::Debug => LogLevel::Debug,
        Level::Info => LogLevel::Info,
        Level::Warn => LogLevel::Warn,
        Level::Error => LogLevel::Error,
        Level::Fatal => LogLevel::Fatal,
    }
}

/// Whether a client prints this, wherever it is written.
fn is_clients(kind: &EventKind) -> bool {
    matches!(
        kind,
        EventKind::ClientUnreachable { .. } | EventKind::ClientPlaintextRefused | EventKind::NodeHostRefused { .. }
    )
}

fn mark(kind: &EventKind) -> Mark<'_> {
    match kind {
        EventKind::LoadingConfiguration => Mark::Start,
        EventKind::StoppedBySignal { restart: true, .. } => Mark::Restarting,
        EventKind::StartingHttp => Mark::Binding,
        EventKind::Ready => Mark::Ready,
        EventKind::Unauthorized { reason, .. }
            if matches!(reason.as_deref(), Some("token_mismatch" | "password_mismatch")) =>
        {
            Mark::Mismatch
        }
        EventKind::ClosedBeforeConnect(close) => closed(close, false),
        EventKind::PairingRequired { close, .. } => closed(close, true),
        EventKind::Disconnected { code } => Mark::Close { code: *code, reason: "", pairing: false },
        EventKind::ClientUnreachable { code: Some(code), .. } => {
            Mark::Close { code: Some(*code), reason: "seen by a client", pairing: false }
        }
        EventKind::NodeHostRefused { code: Some(code), detail } => {
            Mark::Close { code: Some(*code), reason: detail.as_deref().unwrap_or_default(), pairing: false }
        }
        _ => Mark::None,
    }
}

fn closed(close: &Close, pairing: bool) -> Mark<'_> {
    let reason = close.reason.as_deref().or(close.cause.as_deref()).unwrap_or_default();
    Mark::Close { code: close.code, reason, pairing }
}
