//! The gateway's log, line by line: JSON lines of the log file, lines of the console, and bare prints.
//!
//! The log file holds one JSON object a line (`"0"` bindings as JSON text, `"1"` fields or message, `"2"` message, `_meta`,
//! `time`, `message`); the console holds `time [subsystem] text key=value`, without the prefixes `gateway/` and `channels/`,
//! without a repetition of the subsystem's name at the start of the text, and with ANSI colours whenever `TERM` is set, even
//! into a file. Both are brought into the console's form, so that one table of rules serves both.
//!
//! Lines carry neither pid nor port nor state directory, and gateways of one account share a log file: before a line is held
//! against a gateway it must be tied to it by [`Event::port`], [`Event::conn`] or the file.
//!
//! Nothing here fails: a line that is not understood is [`EventKind::Other`] and is counted. Text is redacted and bounded.

mod build;
mod close;
mod extract;
mod fields;
mod glance;
mod json;
mod kind;
mod line;
mod needle;
mod redact;
mod rules;
mod subsystem;
mod time;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use close::{Close, Phase};
pub use glance::Glance;
pub use kind::{EventKind, SupervisorName};
pub use redact::{MASK, names_secret, redact};

/// Longest part of a line that is looked at, in bytes. The gateway's own lines stay far below it.
pub const MAX_LINE_BYTES: usize = 64 * 1024;

/// Longest text that an [`Event`] keeps of its message, in bytes.
pub const MAX_TEXT_BYTES: usize = 512;

/// Longest value that an [`EventKind`] keeps, in bytes.
const MAX_VALUE_BYTES: usize = 256;

/// Where in the chain from client to channel a line belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Layer {
    /// Start, stop, port, locks, sockets.
    Transport,
    /// Credentials, devices, scopes.
    Auth,
    /// Messaging channels.
    Channels,
    /// None of them, or not known.
    Other,
}

/// Severity as the gateway gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Level id 1.
    Trace,
    /// Level id 2.
    Debug,
    /// Level id 3.
    Info,
    /// Level id 4.
    Warn,
    /// Level id 5.
    Error,
    /// Level id 6.
    Fatal,
}

impl Level {
    fn from_id(id: u64) -> Option<Self> {
        Some(match id {
            0 | 1 => Self::Trace,
            2 => Self::Debug,
            3 => Self::Info,
            4 => Self::Warn,
            5 => Self::Error,
            6 => Self::Fatal,
            _ => return None,
        })
    }

    fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "trace" => Self::Trace,
            "debug" => Self::Debug,
            "info" | "log" => Self::Info,
            "warn" => Self::Warn,
            "error" => Self::Error,
            "fatal" => Self::Fatal,
            _ => return None,
        })
    }
}

/// How a line was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// A JSON object.
    Json,
    /// Console: with a time or a `[subsystem]`.
    Console,
    /// A print without either, or the continuation of one.
    Bare,
    /// Begins like JSON and is none: a torn line.
    BrokenJson,
}

/// One line of the log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// When it was written. The console's short style gives no date and therefore no instant.
    pub time: Option<Timestamp>,
    /// Severity; on the console it is known by the colour only.
    pub level: Option<Level>,
    /// How the line was written.
    pub form: Form,
    /// Subsystem in the console's form (`gateway`, `ws`, `telegram`, …); `None` for prints of the process itself.
    pub subsystem: Option<String>,
    /// Where it belongs.
    pub layer: Layer,
    /// What it says.
    #[serde(flatten)]
    pub kind: EventKind,
    /// Connection id; shortened by the gateway in some lines.
    pub conn: Option<String>,
    /// The gateway's port, where the line names it: what ties a line of a shared file to a gateway.
    pub port: Option<u16>,
    /// The message, redacted, at most [`MAX_TEXT_BYTES`] long.
    pub text: String,
}

/// What can be said of a line without allocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Class {
    /// Where it belongs.
    pub layer: Layer,
    /// Whether [`parse_line`] may give it a kind of its own.
    pub recognised: bool,
}

/// How many lines of each sort were read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Lines that are not blank.
    pub lines: u64,
    /// Lines with a kind of their own.
    pub recognised: u64,
    /// Lines of kind [`EventKind::Other`].
    pub other: u64,
    /// Of these, torn or foreign JSON.
    pub broken: u64,
}

/// Says where a line belongs and whether it is worth a [`parse_line`]. Does not allocate for lines in the gateway's usual
/// shape; others (colours, another order of keys) cost a full parse.
pub fn classify(line: &[u8]) -> Class {
    Glance::of(line).class()
}

/// Reads one line, with or without its end of line; `None` for a blank one.
pub fn parse_line(line: &[u8]) -> Option<Event> {
    (!line.iter().all(u8::is_ascii_whitespace)).then(|| Glance::of(line).event())
}

/// Reads a whole log and hands every line with a kind of its own to `visit`, in order; the others are only counted.
pub fn scan(log: &[u8], mut visit: impl FnMut(Event)) -> Tally {
    let mut tally = Tally::default();
    for line in lines(log) {
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        tally.lines += 1;
        let glance = Glance::of(line);
        let event = if glance.class().recognised {
            Some(glance.event())
        } else {
            tally.broken += u64::from(glance.is_torn());
            None
        };
        match event {
            Some(event) if event.kind != EventKind::Other => {
                tally.recognised += 1;
                visit(event);
            }
            _ => tally.other += 1,
        }
    }
    tally
}

/// The lines of a log, without their line feeds.
fn lines(log: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut from = 0;
    memchr::memchr_iter(b'\n', log).chain(std::iter::once(log.len())).map(move |end| {
        let line = log.get(from..end).unwrap_or_default();
        from = end + 1;
        line
    })
}

impl EventKind {
    /// The gateway's port, where the event names it.
    fn port(&self) -> Option<u16> {
        match self {
            Self::AlreadyListening { port }
            | Self::PortInUse { port, .. }
            | Self::ClearedStale { port, .. }
            | Self::ClientUnreachable { port, .. } => *port,
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
