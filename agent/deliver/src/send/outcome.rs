//! What an endpoint's answer means, by the OpenTelemetry protocol: <https://opentelemetry.io/docs/specs/otlp/#otlphttp-response>.

use std::time::Duration;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use portreeve_telemetry::otlp::{
    ExportLogsPartialSuccess, ExportLogsServiceResponse, ExportMetricsServiceResponse, Message as _, PROTOBUF,
};

use crate::spool::Signal;

/// Most characters of what an endpoint says.
const MAX_WORDS: usize = 200;

/// What came of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The endpoint has it.
    Accepted,
    /// The endpoint has it, but for records that it will not take however often they are sent.
    Partly {
        /// How many log records or data points.
        rejected: u64,
        /// What the endpoint says of them.
        why: String,
    },
    /// It was more than the endpoint takes at once.
    TooLarge,
    /// Something in it is not what the endpoint takes.
    Refused {
        /// What the endpoint says.
        why: String,
    },
    /// The endpoint takes nothing from us, whatever it is: the credential, the path or something else of the configuration is wrong.
    Unwelcome {
        /// What is wrong.
        why: String,
    },
    /// The endpoint cannot take it now.
    Busy {
        /// How long it wants to be left alone.
        retry_after: Option<Duration>,
        /// What it says.
        why: String,
    },
    /// There was no answer, or none of an endpoint.
    Failed {
        /// Why.
        why: String,
    },
}

impl Outcome {
    /// Why the endpoint does not have it all; none where it has.
    pub fn why(&self) -> Option<&str> {
        match self {
            Self::Accepted => None,
            Self::TooLarge => Some("the endpoint says that the request is too large (413)"),
            Self::Partly { why, .. }
            | Self::Refused { why }
            | Self::Unwelcome { why }
            | Self::Busy { why, .. }
            | Self::Failed { why } => Some(why),
        }
    }
}

/// An answer, as far as it was read.
#[derive(Debug, Default)]
pub(super) struct Answer<'a> {
    pub(super) status: u16,
    pub(super) media_type: &'a str,
    pub(super) retry_after: Option<&'a str>,
    pub(super) location: Option<&'a str>,
    pub(super) body: &'a [u8],
}

impl Answer<'_> {
    /// What it means for records of a signal.
    pub(super) fn outcome(&self, signal: Signal, now: Timestamp) -> Outcome {
        let status = self.status;
        match status {
            200..=299 => self.success(signal),
            300..=399 => {
                let place = self.location.map(|place| format!(" to `{}`", line(place))).unwrap_or_default();
                Outcome::Unwelcome { why: format!("the endpoint redirects{place} ({status}), which is not followed") }
            }
            401 | 403 => Outcome::Unwelcome { why: self.says("the endpoint does not take the credential") },
            402 | 407 => Outcome::Unwelcome { why: self.says("the endpoint or a proxy wants something else first") },
            404 | 405 | 410 | 421 | 426 => Outcome::Unwelcome { why: self.says("there is no such endpoint") },
            408 | 425 | 429 => Outcome::Busy {
                retry_after: self.retry_after.and_then(|text| retry_after(text, now)),
                why: self.says("the endpoint asks to come later"),
            },
            413 => Outcome::TooLarge,
            400..=499 => Outcome::Refused { why: self.says("the endpoint refuses the request") },
            500..=599 => Outcome::Busy {
                retry_after: self.retry_after.and_then(|text| retry_after(text, now)),
                why: self.says("the endpoint cannot take it now"),
            },
            _ => Outcome::Failed { why: self.says("the endpoint answers strangely") },
        }
    }

    fn success(&self, signal: Signal) -> Outcome {
        if self.media_type.starts_with("text/html") {
            // A page, as of a network that wants a login first, is no endpoint's answer.
            return Outcome::Failed { why: format!("a web page answers ({}), and no endpoint", self.status) };
        }
        let (rejected, why) = if self.media_type.starts_with(PROTOBUF) {
            self.protobuf(signal)
        } else if self.media_type.starts_with("application/json") {
            self.json()
        } else {
            (0, String::new())
        };
        match u64::try_from(rejected) {
            Ok(rejected @ 1..) => Outcome::Partly { rejected, why: format!("the endpoint rejects {rejected}: {why}") },
            _ => Outcome::Accepted,
        }
    }

    fn protobuf(&self, signal: Signal) -> (i64, String) {
        let partial = match signal {
            Signal::Logs => ExportLogsServiceResponse::decode(self.body)
                .ok()
                .and_then(|response| response.partial_success)
                .map(|partial| (partial.rejected_log_records, partial.error_message)),
            Signal::Metrics => ExportMetricsServiceResponse::decode(self.body)
                .ok()
                .and_then(|response| response.partial_success)
                .map(|partial| (partial.rejected_data_points, partial.error_message)),
        };
        partial.map_or_else(Default::default, |(rejected, why)| (rejected, line(&why)))
    }

    fn json(&self) -> (i64, String) {
        let value: serde_json::Value = serde_json::from_slice(self.body).unwrap_or_default();
        let partial = value.get("partialSuccess").unwrap_or(&serde_json::Value::Null);
        let rejected = ["rejectedLogRecords", "rejectedDataPoints"].into_iter().find_map(|name| partial.get(name));
        // An int64 is a text in the JSON of protobuf.
        let number = |value: &serde_json::Value| value.as_i64().or_else(|| value.as_str()?.parse().ok());
        let why = partial.get("errorMessage").and_then(serde_json::Value::as_str).unwrap_or_default();
        (rejected.and_then(number).unwrap_or_default(), line(why))
    }

    /// A sentence with the status and what the endpoint says.
    fn says(&self, what: &str) -> String {
        let words = self.words();
        let words = if words.is_empty() { String::new() } else { format!(": {words}") };
        format!("{what} ({}){words}", self.status)
    }

    fn words(&self) -> String {
        if self.media_type.starts_with(PROTOBUF) {
            // `google.rpc.Status` has its text where a partial success has.
            return ExportLogsPartialSuccess::decode(self.body)
                .map_or_else(|_| String::new(), |it| line(&it.error_message));
        }
        let text = String::from_utf8_lossy(self.body);
        let is_text = self.media_type.starts_with("text/plain") || self.media_type.starts_with("application/json");
        if is_text { line(&text) } else { String::new() }
    }
}

/// One short line of what somebody else says.
pub(super) fn line(text: &str) -> String {
    let plain = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    let words: String = plain.take(4 * MAX_WORDS).collect();
    let mut line = words.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((end, _)) = line.char_indices().nth(MAX_WORDS) {
        line.truncate(end);
        line.push('…');
    }
    line
}

/// `Retry-After`: seconds, or a date of HTTP. What is past is now.
fn retry_after(text: &str, now: Timestamp) -> Option<Duration> {
    let text = text.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::MAX)));
    }
    // `Sun, 06 Nov 1994 08:49:37 GMT`: the day of the week says nothing more.
    let (_, date) = text.split_once(", ")?;
    let date = DateTime::strptime("%d %b %Y %H:%M:%S GMT", date).ok()?;
    let at = date.to_zoned(TimeZone::UTC).ok()?.timestamp();
    Some(Duration::try_from(at.duration_since(now).max(SignedDuration::ZERO)).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use portreeve_telemetry::otlp::ExportMetricsPartialSuccess;
    use proptest::prelude::*;

    use super::*;

    fn now() -> Timestamp {
        "2026-11-20T08:00:00Z".parse().unwrap()
    }

    fn answer(status: u16) -> Outcome {
        Answer { status, ..Answer::default() }.outcome(Signal::Logs, now())
    }

    #[test]
    fn each_status_has_its_meaning() {
        for status in [200, 202, 204] {
            assert_eq!(answer(status), Outcome::Accepted);
        }
        for status in [301, 307, 401, 403, 404, 405, 407] {
            assert!(matches!(answer(status), Outcome::Unwelcome { .. }), "{status}");
        }
        for status in [408, 429, 500, 501, 502, 503, 504, 599] {
            assert!(matches!(answer(status), Outcome::Busy { retry_after: None, .. }), "{status}");
        }
        for status in [400, 409, 411, 415, 422, 431] {
            assert!(matches!(answer(status), Outcome::Refused { .. }), "{status}");
        }
        assert_eq!(answer(413), Outcome::TooLarge);
        assert!(matches!(answer(999), Outcome::Failed { .. }));
    }

    #[test]
    fn both_forms_of_retry_after_are_read() {
        let after = |text: &str| retry_after(text, now());
        assert_eq!(after("120"), Some(Duration::from_mins(2)));
        assert_eq!(after("Fri, 20 Nov 2026 08:01:30 GMT"), Some(Duration::from_secs(90)));
        assert_eq!(after("Sun, 06 Nov 1994 08:49:37 GMT"), Some(Duration::ZERO));
        assert_eq!(after("99999999999999999999999"), Some(Duration::from_secs(u64::MAX)));
        assert_eq!((after("soon"), after("-5"), after(""), after("+5")), (None, None, None, None));
    }

    #[test]
    fn a_partial_success_is_read_in_both_encodings() {
        let partial = ExportMetricsPartialSuccess { rejected_data_points: 3, error_message: "too\nold".to_owned() };
        let body = ExportMetricsServiceResponse { partial_success: Some(partial) }.encode_to_vec();
        let answer = Answer { status: 200, media_type: PROTOBUF, body: &body, ..Answer::default() };
        let why = "the endpoint rejects 3: too old".to_owned();
        assert_eq!(answer.outcome(Signal::Metrics, now()), Outcome::Partly { rejected: 3, why: why.clone() });
        let body = br#"{"partialSuccess":{"rejectedDataPoints":"3","errorMessage":"too old"}}"#;
        let answer = Answer { status: 200, media_type: "application/json", body, ..Answer::default() };
        assert_eq!(answer.outcome(Signal::Metrics, now()), Outcome::Partly { rejected: 3, why });
        let body = br#"{"partialSuccess":{}}"#;
        let answer = Answer { status: 200, media_type: "application/json", body, ..Answer::default() };
        assert_eq!(answer.outcome(Signal::Logs, now()), Outcome::Accepted);
    }

    #[test]
    fn a_page_of_a_network_that_wants_a_login_is_no_endpoint() {
        let answer =
            Answer { status: 200, media_type: "text/html; charset=utf-8", body: b"<html>", ..Answer::default() };
        assert!(matches!(answer.outcome(Signal::Logs, now()), Outcome::Failed { .. }));
    }

    #[test]
    fn what_an_endpoint_says_is_one_short_line() {
        let body = format!("bad\u{1b}[2J\r\n{}", "x".repeat(10_000));
        let answer = Answer { status: 400, media_type: "text/plain", body: body.as_bytes(), ..Answer::default() };
        let why = answer.outcome(Signal::Logs, now()).why().unwrap().to_owned();
        assert!(why.starts_with("the endpoint refuses the request (400): bad [2J xxx") && why.len() < 300, "{why}");
        let status = ExportLogsPartialSuccess { rejected_log_records: 3, error_message: "no".to_owned() };
        let body = status.encode_to_vec();
        let answer = Answer { status: 400, media_type: PROTOBUF, body: &body, ..Answer::default() };
        assert_eq!(answer.outcome(Signal::Logs, now()).why(), Some("the endpoint refuses the request (400): no"));
    }

    proptest! {
        #[test]
        fn no_answer_panics(
            status: u16,
            media_type in prop_oneof![Just(PROTOBUF), Just("application/json"), Just("text/plain"), Just("")],
            after in proptest::option::of("\\PC{0,40}"),
            date in "[A-Z][a-z]{2}, [0-9]{1,2} [A-Z][a-z]{2} [0-9]{1,6} [0-9:]{1,9} GMT",
            body in proptest::collection::vec(any::<u8>(), 0..100),
        ) {
            let retry_after = Some(after.as_deref().unwrap_or(&date));
            let answer = Answer { status, media_type, retry_after, location: Some("x"), body: &body };
            for signal in [Signal::Metrics, Signal::Logs] {
                let _ = answer.outcome(signal, now());
            }
        }
    }
}
