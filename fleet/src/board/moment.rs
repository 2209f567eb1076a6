//! Times as people read them.

use jiff::{SignedDuration, Timestamp};

/// A time: for machines, as an age, and in full.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Moment {
    /// `2026-01-02T03:04:05Z`, empty where there is none.
    pub(crate) iso: String,
    /// `5 min`.
    pub(crate) age: String,
    /// `2026-01-02 03:04:05 UTC`.
    pub(crate) full: String,
}

impl Moment {
    /// A time as it is told now.
    pub(crate) fn new(at: Timestamp, now: Timestamp) -> Self {
        Self {
            iso: at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            age: age(now.duration_since(at)),
            full: at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
        }
    }

    /// A time that there may be none of.
    pub(crate) fn of(at: Option<Timestamp>, now: Timestamp) -> Self {
        let never = || Self { iso: String::new(), age: "never".to_owned(), full: "never".to_owned() };
        at.map_or_else(never, |at| Self::new(at, now))
    }
}

/// A duration in its largest unit. The script of the page writes ages in the same way.
pub(crate) fn age(duration: SignedDuration) -> String {
    let seconds = duration.as_secs();
    if seconds < 0 {
        return format!("in {}", age(duration.checked_neg().unwrap_or(SignedDuration::MAX)));
    }
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds / 60),
        3_600..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// Seconds as people say them: `320 ms`, `1.4 s`, `12 min`.
pub(crate) fn seconds(value: f64) -> String {
    if !value.is_finite() {
        return "–".to_owned();
    }
    match value {
        _ if value < 0.001 => format!("{:.1} ms", value * 1e3),
        _ if value < 1.0 => format!("{:.0} ms", value * 1e3),
        _ if value < 10.0 => format!("{value:.1} s"),
        _ if value < 120.0 => format!("{value:.0} s"),
        _ if value < 7_200.0 => format!("{:.0} min", value / 60.0),
        _ if value < 172_800.0 => format!("{:.0} h", value / 3_600.0),
        _ => format!("{:.0} d", value / 86_400.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_have_one_unit() {
        for (seconds, words) in [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (3_599, "59 min"),
            (3_600, "1 h"),
            (172_799, "47 h"),
            (172_800, "2 d"),
            (-90, "in 1 min"),
        ] {
            assert_eq!(age(SignedDuration::from_secs(seconds)), words);
        }
        assert_eq!(age(SignedDuration::MIN), "in 106751991167300 d");
    }

    #[test]
    fn measured_times_keep_two_digits() {
        for (value, words) in
            [(0.0004, "0.4 ms"), (0.32, "320 ms"), (1.44, "1.4 s"), (75.0, "75 s"), (600.0, "10 min"), (f64::NAN, "–")]
        {
            assert_eq!(seconds(value), words);
        }
    }

    #[test]
    fn what_never_was_has_no_time() {
        let moment = Moment::of(None, Timestamp::UNIX_EPOCH);
        assert_eq!((moment.iso.as_str(), moment.age.as_str()), ("", "never"));
    }
}
