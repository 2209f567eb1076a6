//! How connections ended, in all and over time.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::counts::{Counts, OTHERS};

/// Most close codes that are told apart in a span.
const MAX_CODES: usize = 32;
/// Most reasons that are told apart in a span.
const MAX_REASONS: usize = 64;
/// Most reasons that are told of one span of the series.
const SHOWN_REASONS: usize = 8;

const HOUR_S: i64 = 3_600;
const DAY_S: i64 = 86_400;
const WEEK_S: i64 = 7 * DAY_S;
/// Day 0 of Unix time was a Thursday; weeks begin on Monday.
const MONDAY_S: i64 = 3 * DAY_S;

/// Most spans that are kept of each length: two weeks of hours, a year of days, two years of weeks.
const MAX_HOURS: usize = 336;
const MAX_DAYS: usize = 366;
const MAX_WEEKS: usize = 104;

/// How connections ended.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Closes {
    /// How many ends were told.
    pub total: u64,
    /// By close code, most frequent first.
    pub codes: Vec<CodeCount>,
    /// By close code and reason, most frequent first.
    pub reasons: Vec<ReasonCount>,
    /// By hour (UTC), oldest first; hours without an end are left out.
    pub hours: Vec<CloseBucket>,
    /// By day (UTC).
    pub days: Vec<CloseBucket>,
    /// By week (UTC, from Monday).
    pub weeks: Vec<CloseBucket>,
}

/// A close code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CodeCount {
    /// The code; none where none was told, and for codes beyond the bound.
    pub code: Option<u16>,
    /// How often.
    pub count: u64,
}

/// A close code with its reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReasonCount {
    /// The code; none where none was told.
    pub code: Option<u16>,
    /// The reason without what differs from one connection to the next, or the gateway's name of the cause; empty where none was given;
    /// `others` for those beyond the bound.
    pub reason: String,
    /// How often.
    pub count: u64,
}

/// The ends of one hour, day or week.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CloseBucket {
    /// Its beginning.
    #[schemars(with = "String")]
    pub start: Timestamp,
    /// How many ends.
    pub total: u64,
    /// By close code.
    pub codes: Vec<CodeCount>,
    /// By code and reason, the most frequent.
    pub reasons: Vec<ReasonCount>,
}

/// The ends of one span.
#[derive(Debug, Clone, Default)]
struct Span {
    total: u64,
    codes: Counts<Option<u16>>,
    reasons: Counts<(Option<u16>, String)>,
}

impl Span {
    fn add(&mut self, code: Option<u16>, reason: &str) {
        self.total += 1;
        self.codes.add(&code, MAX_CODES, || code);
        let key = (code, reason.to_owned());
        self.reasons.add(&key, MAX_REASONS, || key.clone());
    }

    fn codes(&self) -> Vec<CodeCount> {
        let mut codes: Vec<CodeCount> =
            self.codes.sorted().into_iter().map(|(code, count)| CodeCount { code: *code, count }).collect();
        if self.codes.others() > 0 {
            codes.push(CodeCount { code: None, count: self.codes.others() });
        }
        codes
    }

    fn reasons(&self, most: usize) -> Vec<ReasonCount> {
        let sorted = self.reasons.sorted();
        let left_out: u64 = sorted.iter().skip(most).map(|(_, count)| count).sum();
        let mut reasons: Vec<ReasonCount> = sorted
            .into_iter()
            .take(most)
            .map(|((code, reason), count)| ReasonCount { code: *code, reason: reason.clone(), count })
            .collect();
        let others = self.reasons.others() + left_out;
        if others > 0 {
            reasons.push(ReasonCount { code: None, reason: OTHERS.to_owned(), count: others });
        }
        reasons
    }
}

/// Spans of one length, the latest of them.
#[derive(Debug, Clone, Default)]
struct Series(BTreeMap<i64, Span>);

impl Series {
    fn add(&mut self, start: i64, most: usize, code: Option<u16>, reason: &str) {
        self.0.entry(start).or_default().add(code, reason);
        if self.0.len() > most {
            self.0.pop_first();
        }
    }

    fn buckets(&self) -> Vec<CloseBucket> {
        self.0
            .iter()
            .filter_map(|(start, span)| {
                Some(CloseBucket {
                    start: Timestamp::from_second(*start).ok()?,
                    total: span.total,
                    codes: span.codes(),
                    reasons: span.reasons(SHOWN_REASONS),
                })
            })
            .collect()
    }
}

/// Counts ends.
#[derive(Debug, Clone, Default)]
pub(super) struct CloseTally {
    all: Span,
    hours: Series,
    days: Series,
    weeks: Series,
}

impl CloseTally {
    pub(super) fn add(&mut self, at: Option<Timestamp>, code: Option<u16>, reason: &str) {
        let reason = lasting(reason);
        self.all.add(code, reason);
        let Some(second) = at.map(Timestamp::as_second) else { return };
        let floor = |length: i64, offset: i64| (second + offset).div_euclid(length) * length - offset;
        self.hours.add(floor(HOUR_S, 0), MAX_HOURS, code, reason);
        self.days.add(floor(DAY_S, 0), MAX_DAYS, code, reason);
        self.weeks.add(floor(WEEK_S, MONDAY_S), MAX_WEEKS, code, reason);
    }

    pub(super) fn closes(&self) -> Closes {
        Closes {
            total: self.all.total,
            codes: self.all.codes(),
            reasons: self.all.reasons(MAX_REASONS),
            hours: self.hours.buckets(),
            days: self.days.buckets(),
            weeks: self.weeks.buckets(),
        }
    }
}

/// A reason without its parenthesis, which holds hints and the ids of requests.
fn lasting(reason: &str) -> &str {
    reason.split(" (").next().unwrap_or(reason).trim_end()
}
