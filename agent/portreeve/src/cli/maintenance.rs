//! `portreeve maintenance`.

use clap::{ArgGroup, Args, Subcommand};
use jiff::{Span, Timestamp, Zoned, civil};

pub(super) const EXAMPLES: &str = "\
Examples:
  portreeve maintenance on --for 2h --reason 'engine upgrade'
  portreeve maintenance on --until 2026-11-22T06:00
  portreeve maintenance status
  portreeve maintenance off

While it holds, `portreeve check` shows its verdict with a note, and no gate
stops its COMMAND for not being ready or counts its failures. It ends by
itself. What root announces holds for gates of every user, what another user
announces for his own.";

/// `maintenance`.
#[derive(Debug, Subcommand)]
pub(crate) enum MaintenanceCommand {
    /// Announce work on this node
    On(OnArgs),
    /// Say that it is over
    Off,
    /// Tell what is announced
    Status {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

/// `maintenance on`.
#[derive(Debug, Args)]
#[group(skip)]
#[command(group = ArgGroup::new("end").required(true).args(["until", "length"]))]
pub(crate) struct OnArgs {
    /// When it ends: `2026-11-22T06:00` here, `06:00` when it is next, or an instant with its zone
    #[arg(long, value_name = "TIME", value_parser = end)]
    pub(crate) until: Option<Timestamp>,
    /// How long it takes, as `90m` or `2h`; 30 days at most
    #[arg(long = "for", value_name = "DURATION", value_parser = length)]
    pub(crate) length: Option<Timestamp>,
    /// Why, for whoever reads the verdict meanwhile
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
}

/// An instant, a local date with a time of day, or the next such time of day.
fn end(text: &str) -> Result<Timestamp, String> {
    end_after(text, &Zoned::now())
}

fn end_after(text: &str, now: &Zoned) -> Result<Timestamp, String> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(at);
    }
    let zone = now.time_zone();
    // A time of day also parses where a date with one is asked for, and the other way round.
    let has_date = text.contains('-');
    let local = text.parse::<civil::DateTime>().ok().filter(|_| has_date);
    let local = local.and_then(|local| local.to_zoned(zone.clone()).ok());
    let next = || {
        let time = text.parse::<civil::Time>().ok().filter(|_| !has_date)?;
        let today = now.date().to_datetime(time).to_zoned(zone.clone()).ok()?;
        if today > *now {
            Some(today)
        } else {
            now.date().tomorrow().ok()?.to_datetime(time).to_zoned(zone.clone()).ok()
        }
    };
    match local.or_else(next) {
        Some(at) => Ok(at.timestamp()),
        None => Err("no time as `2026-11-22T06:00` or `06:00`".to_owned()),
    }
}

fn length(text: &str) -> Result<Timestamp, String> {
    let now = Zoned::now();
    let span = text.parse::<Span>().ok().filter(|span| span.is_positive());
    match span.and_then(|span| now.checked_add(span).ok()) {
        Some(at) => Ok(at.timestamp()),
        None => Err("no duration as `90m` or `2h`".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_instants_local_dates_and_times_of_day() {
        let now = "2026-11-21T22:00:00Z".parse::<Timestamp>().unwrap().to_zoned(jiff::tz::TimeZone::UTC);
        let end = |text: &str| end_after(text, &now).map(|at| at.to_string());
        assert_eq!(end("2026-11-22T06:00:00+02:00").as_deref(), Ok("2026-11-22T04:00:00Z"));
        assert_eq!(end("2026-11-22T06:00").as_deref(), Ok("2026-11-22T06:00:00Z"));
        assert_eq!(end("06:00").as_deref(), Ok("2026-11-22T06:00:00Z"));
        assert_eq!(end("23:30").as_deref(), Ok("2026-11-21T23:30:00Z"));
        assert!(end("soon").is_err() && end("-1h").is_err());
    }

    #[test]
    fn lengths_are_positive() {
        assert!(length("2h").is_ok() && length("90m").is_ok());
        assert!(length("-2h").is_err() && length("0s").is_err() && length("x").is_err());
    }
}
