//! What the heads of answers say.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use reqwest::header::{HeaderMap, HeaderName, RETRY_AFTER};

use crate::engine::line;

/// How long a registry is left alone that does not say how long, in seconds.
const DEFAULT_PAUSE_S: i64 = 900;
/// How long it is left alone at most, in seconds.
const MAX_PAUSE_S: i64 = 86_400;

/// A header as text, on one line and bounded.
pub(super) fn header(headers: &HeaderMap, name: impl reqwest::header::AsHeaderName) -> Option<String> {
    Some(line(&String::from_utf8_lossy(headers.get(name)?.as_bytes()), 512))
}

/// Until when a registry wants to be left alone: `Retry-After`, else the window of its rate limit.
pub(super) fn paused_until(headers: &HeaderMap, now: Timestamp) -> Timestamp {
    let said = header(headers, RETRY_AFTER).and_then(|text| retry_after(&text, now));
    let window = || limit(headers).and_then(|(_, window)| window);
    let seconds = said.or_else(window).unwrap_or(DEFAULT_PAUSE_S).clamp(1, MAX_PAUSE_S);
    now.checked_add(SignedDuration::from_secs(seconds)).unwrap_or(now)
}

/// Requests that are left, and the seconds of the window that they are left in: `RateLimit-Remaining: 76;w=21600`.
pub(super) fn limit(headers: &HeaderMap) -> Option<(i64, Option<i64>)> {
    let text = header(headers, HeaderName::from_static("ratelimit-remaining"))?;
    let (count, rest) = text.split_once(';').unwrap_or((&text, ""));
    let window = rest.split(';').find_map(|part| part.trim().strip_prefix("w=")?.parse().ok());
    Some((count.trim().parse().ok()?, window))
}

/// `Retry-After` in seconds from now: a number, or a date of HTTP.
pub fn retry_after(text: &str, now: Timestamp) -> Option<i64> {
    let text = text.trim();
    if let Ok(seconds) = text.parse::<i64>() {
        return Some(seconds.max(0));
    }
    // `Sun, 06 Nov 1994 08:49:37 GMT`: the day of the week says nothing more.
    let (_, date) = text.split_once(", ")?;
    let date = DateTime::strptime("%d %b %Y %H:%M:%S GMT", date).ok()?;
    let at = date.to_zoned(TimeZone::UTC).ok()?.timestamp();
    Some((at.as_second() - now.as_second()).max(0))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn now() -> Timestamp {
        "2026-11-20T08:00:00Z".parse().unwrap()
    }

    #[test]
    fn a_number_and_a_date_mean_seconds() {
        assert_eq!(retry_after("120", now()), Some(120));
        assert_eq!(retry_after("Fri, 20 Nov 2026 08:01:30 GMT", now()), Some(90));
        assert_eq!(retry_after("Sun, 06 Nov 1994 08:49:37 GMT", now()), Some(0));
        assert_eq!((retry_after("soon", now()), retry_after("-5", now())), (None, Some(0)));
    }

    #[test]
    fn the_window_counts_where_nothing_else_is_said_and_no_pause_is_endless() {
        let headers = |pairs: &[(&'static str, &'static str)]| -> HeaderMap {
            pairs.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect()
        };
        let pause = |pairs| paused_until(&headers(pairs), now()).as_second() - now().as_second();
        assert_eq!(pause(&[]), 900);
        assert_eq!(pause(&[("retry-after", "60"), ("ratelimit-remaining", "0;w=21600")]), 60);
        assert_eq!(pause(&[("ratelimit-remaining", "0;w=21600")]), 21_600);
        assert_eq!(pause(&[("retry-after", "99999999999")]), 86_400);
        assert_eq!(limit(&headers(&[("ratelimit-remaining", "76")])), Some((76, None)));
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC{0,40}", date in "[A-Z][a-z]{2}, [0-9]{1,2} [A-Z][a-z]{2} [0-9]{1,6} [0-9:]{1,9} GMT") {
            let _ = (retry_after(&text, now()), retry_after(&date, now()));
        }
    }
}
