//! The log: to standard error, which journald understands, and for a daemon of a Mac to the unified log.

use std::fmt;
use std::io::{self, IsTerminal as _};

use tracing::level_filters::LevelFilter;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::{Format, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;

use crate::cli::{ColorChoice, Global};
use crate::os;

/// Set by systemd where standard error leads to the journal.
const JOURNAL_VARIABLE: &str = "JOURNAL_STREAM";

/// Starts the log: warnings, of a daemon decisions too; with `-v` decisions, with `-vv` each step, with `-q` nothing but errors.
pub(crate) fn start(global: &Global, is_daemon: bool) {
    let own = "portreeve";
    let filter = match (global.quiet, global.verbose) {
        (true, _) => Targets::new().with_default(LevelFilter::ERROR),
        (false, 0) if is_daemon => Targets::new().with_default(LevelFilter::WARN).with_target(own, LevelFilter::INFO),
        (false, 0) => Targets::new().with_default(LevelFilter::WARN),
        // The names of all our crates begin with it.
        (false, 1) => Targets::new().with_default(LevelFilter::WARN).with_target(own, LevelFilter::DEBUG),
        (false, _) => Targets::new().with_default(LevelFilter::TRACE),
    };
    let is_coloured = match global.color {
        ColorChoice::Auto => io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none(),
        ColorChoice::Always => true,
        ColorChoice::Never => false,
    };
    let lines = tracing_subscriber::fmt::layer().with_writer(io::stderr).with_ansi(is_coloured);
    let subscriber = tracing_subscriber::registry().with(filter);
    let is_watched = io::stderr().is_terminal();
    // Fails only when a subscriber is set already, and this runs once.
    if let Some(system) = os::system_log().filter(|_| is_daemon && !is_watched) {
        drop(tracing::subscriber::set_global_default(subscriber.with(system)));
    } else if std::env::var_os(JOURNAL_VARIABLE).is_some() && is_daemon {
        drop(tracing::subscriber::set_global_default(subscriber.with(lines.with_ansi(false).event_format(Prefixed))));
    } else {
        let lines = lines.with_target(global.verbose > 1).without_time();
        drop(tracing::subscriber::set_global_default(subscriber.with(lines)));
    }
}

/// Lines whose level is a prefix, as `sd-daemon(3)` has it.
struct Prefixed;

impl<S, N> FormatEvent<S, N> for Prefixed
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        write!(writer, "<{}>", priority(*event.metadata().level()))?;
        let plain = Format::default().without_time().with_level(false).with_target(false);
        plain.format_event(context, writer, event)
    }
}

/// That of `syslog(3)`.
fn priority(level: Level) -> u8 {
    match level {
        Level::ERROR => 3,
        Level::WARN => 4,
        Level::INFO => 6,
        Level::DEBUG | Level::TRACE => 7,
    }
}
