//! How surely clients come through: a series of connects, its success rate and what kept the others away.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::report::Agent;
use crate::snapshot::{Challenge, Failure, FailureKind, Phase, Probe, ProbeOutcome};

/// The name and version of the report's form. Changes are additive only.
pub const SCHEMA: &str = "portreeve.connect/1";
/// Share of connects that must come through, of [`ENOUGH`].
pub const THRESHOLD: f64 = 0.97;
/// Fewer than so many that all came through prove nothing.
pub const ENOUGH: usize = 100;
/// The normal distribution's quantile for an interval that holds the true rate in 95 of 100 series.
const Z: f64 = 1.959_963_984_540_054;
/// Most kinds of failures that are told one by one.
const MAX_FAILURES: usize = 20;

/// A series of connects as it was made: TCP, TLS where the URL says so, the WebSocket upgrade, and the gateway's challenge. No secret is sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Series {
    /// Where the connects ended: `ws://127.0.0.1:18789`.
    pub target: String,
    /// Where they came from: `this node`, or the workload whose namespace it was.
    pub from: String,
    /// How many were asked for.
    pub asked: u32,
    /// Why there are not so many; none where there are.
    pub cut_short: Option<String>,
    /// What came of each, in the order of their beginning.
    pub connects: Vec<Probe<Challenge>>,
}

/// Whether clients come through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reliability {
    /// At least [`THRESHOLD`] of enough connects came through.
    Reliable,
    /// Fewer did.
    Unreliable,
    /// There were too few to tell.
    Unknown,
}

/// What a series shows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ConnectReport {
    /// [`SCHEMA`].
    pub schema: String,
    /// The agent that connected.
    pub agent: Agent,
    /// When the series began.
    #[schemars(with = "String")]
    pub at: Timestamp,
    /// Where the connects ended.
    pub target: String,
    /// Where they came from.
    pub from: String,
    /// Whether clients come through.
    pub verdict: Reliability,
    /// Why it is not known; none where it is.
    pub why: Option<String>,
    /// How many were asked for.
    pub asked: u32,
    /// How many were made.
    pub made: usize,
    /// How many came through.
    pub connected: usize,
    /// Share that came through, 0 to 1; none where none was made.
    pub rate: Option<f64>,
    /// Wilson's interval of the true share at 95 %, 0 to 1.
    pub interval: Option<[f64; 2]>,
    /// Share that must come through.
    pub threshold: f64,
    /// Milliseconds from the beginning to the challenge, of those that came through.
    pub latency: Option<Latency>,
    /// Milliseconds until TCP was connected, of those that came through.
    pub tcp: Option<Latency>,
    /// What kept the others away, most frequent first.
    pub failures: Vec<FailureCount>,
}

/// A distribution, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Latency {
    /// Half were not longer.
    pub p50: f64,
    /// 95 of 100 were not longer.
    pub p95: f64,
    /// 99 of 100 were not longer.
    pub p99: f64,
    /// The longest.
    pub max: f64,
}

/// Connects that failed alike.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FailureCount {
    /// Where on the way they broke.
    pub phase: Phase,
    /// How.
    pub kind: FailureKind,
    /// What the first of them says.
    pub message: String,
    /// The operating system's error by its name (`ECONNREFUSED`); none where our own deadline or the other side's answer ended it.
    pub errno: Option<String>,
    /// HTTP status of a refused upgrade.
    pub http_status: Option<u16>,
    /// Code of the close frame.
    pub close_code: Option<u16>,
    /// How many.
    pub count: usize,
}

/// What came of a series, judged.
#[derive(Debug, Clone, PartialEq)]
pub struct Tally {
    /// How many were made.
    pub made: usize,
    /// How many came through.
    pub connected: usize,
    /// Wilson's interval of the true share at 95 %, 0 to 1.
    pub interval: Option<[f64; 2]>,
    /// Whether clients come through.
    pub verdict: Reliability,
    /// Why it is not known; none where it is.
    pub why: Option<String>,
    /// Milliseconds from the beginning to the challenge, of those that came through.
    pub latency: Option<Latency>,
    /// What kept the others away, most frequent first.
    pub failures: Vec<FailureCount>,
}

impl Series {
    /// Counts and judges.
    pub fn tally(&self) -> Tally {
        let made = self.connects.iter().filter(|probe| probe.not_tried_because().is_none()).count();
        let connected = self.answered().count();
        let interval = wilson(connected, made);
        let (verdict, why) = judge(self, connected, made, interval);
        Tally {
            made,
            connected,
            interval,
            verdict,
            why,
            latency: percentiles(self.answered().map(|probe| probe.elapsed_ms)),
            failures: failures(self.connects.iter().filter_map(Probe::failure)),
        }
    }

    /// Those that came through.
    pub fn answered(&self) -> impl Iterator<Item = &Probe<Challenge>> {
        self.connects.iter().filter(|probe| probe.answer().is_some())
    }

    /// When its first connect began.
    pub fn began(&self) -> Option<Timestamp> {
        self.connects.first().map(|probe| probe.at)
    }
}

impl ConnectReport {
    /// Judges a series that began at this time.
    pub fn of(series: &Series, agent: Agent, at: Timestamp) -> Self {
        let tally = series.tally();
        Self {
            schema: SCHEMA.to_owned(),
            agent,
            at,
            target: series.target.clone(),
            from: series.from.clone(),
            verdict: tally.verdict,
            why: tally.why,
            asked: series.asked,
            made: tally.made,
            connected: tally.connected,
            rate: share(tally.connected, tally.made),
            interval: tally.interval,
            threshold: THRESHOLD,
            latency: tally.latency,
            tcp: percentiles(series.answered().filter_map(Probe::answer).map(|challenge| challenge.tcp_ms)),
            failures: tally.failures,
        }
    }

    /// The exit status: 0, 69 (`EX_UNAVAILABLE`) where too few come through, 75 (`EX_TEMPFAIL`) where it is not known.
    pub fn exit_status(&self) -> u8 {
        match self.verdict {
            Reliability::Reliable => 0,
            Reliability::Unreliable => 69,
            Reliability::Unknown => 75,
        }
    }
}

/// The JSON Schema of [`ConnectReport`].
pub fn json_schema() -> schemars::Schema {
    schemars::schema_for!(ConnectReport)
}

/// Few connects can show that the rate is too low, but not that it is high enough.
fn judge(series: &Series, connected: usize, made: usize, interval: Option<[f64; 2]>) -> (Reliability, Option<String>) {
    let (Some(rate), Some([_, high])) = (share(connected, made), interval) else {
        let why = series.connects.iter().find_map(Probe::not_tried_because).or(series.cut_short.as_deref());
        return (Reliability::Unknown, Some(why.unwrap_or("no connect was made").to_owned()));
    };
    if high < THRESHOLD || made >= ENOUGH && rate < THRESHOLD {
        return (Reliability::Unreliable, None);
    }
    if made >= ENOUGH {
        return (Reliability::Reliable, None);
    }
    let why = match &series.cut_short {
        Some(why) => format!("{made} of {} were made: {why}", series.asked),
        None => format!("{made} are too few to prove {:.0} %: {ENOUGH} are needed", THRESHOLD * 100.0),
    };
    (Reliability::Unknown, Some(why))
}

#[expect(clippy::cast_precision_loss, reason = "numbers of connects are far below 2^52")]
fn share(part: usize, whole: usize) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// Wilson's score interval of a proportion at 95 % (E. B. Wilson, 1927): right at 0 % and 100 % too, where the normal approximation has no
/// width.
#[expect(clippy::cast_precision_loss, reason = "numbers of connects are far below 2^52")]
pub fn wilson(part: usize, whole: usize) -> Option<[f64; 2]> {
    let rate = share(part, whole)?;
    let n = whole as f64;
    let z2 = Z * Z / n;
    let centre = (rate + z2 / 2.0) / (1.0 + z2);
    let half = Z * (rate * (1.0 - rate) / n + z2 / (4.0 * n)).sqrt() / (1.0 + z2);
    // At the ends rounding must not shut the rate itself out.
    Some([(centre - half).clamp(0.0, rate), (centre + half).clamp(rate, 1.0)])
}

/// Percentiles by nearest rank.
pub(crate) fn percentiles(values: impl Iterator<Item = f64>) -> Option<Latency> {
    let mut values: Vec<f64> = values.filter(|value| value.is_finite()).collect();
    values.sort_by(f64::total_cmp);
    let at = |percent: usize| values.get((values.len() * percent).div_ceil(100).saturating_sub(1)).copied();
    Some(Latency { p50: at(50)?, p95: at(95)?, p99: at(99)?, max: *values.last()? })
}

fn failures<'a>(failures: impl Iterator<Item = &'a Failure>) -> Vec<FailureCount> {
    let mut counts: Vec<FailureCount> = Vec::new();
    for failure in failures {
        let alike = |known: &&mut FailureCount| {
            (known.phase, known.kind, &known.errno, known.http_status, known.close_code)
                == (failure.phase, failure.kind, &failure.errno, failure.http_status, failure.close_code)
        };
        match counts.iter_mut().find(alike) {
            Some(known) => known.count += 1,
            None => counts.push(FailureCount {
                phase: failure.phase,
                kind: failure.kind,
                message: failure.message.clone(),
                errno: failure.errno.clone(),
                http_status: failure.http_status,
                close_code: failure.close_code,
                count: 1,
            }),
        }
    }
    counts.sort_by_key(|known| std::cmp::Reverse(known.count));
    counts.truncate(MAX_FAILURES);
    counts
}

/// Whether a gateway or a proxy asks to be left alone for a while, and for how many milliseconds.
pub fn backs_off(probe: &Probe<Challenge>) -> Option<u64> {
    const DEFAULT_MS: u64 = 1_000;
    let ProbeOutcome::Failed { failure } = &probe.outcome else { return None };
    let busy = matches!(failure.http_status, Some(429 | 503)) || failure.kind == FailureKind::Starting;
    failure.retry_after_ms.or(busy.then_some(DEFAULT_MS))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at() -> Timestamp {
        Timestamp::from_second(1_700_000_000).unwrap()
    }

    fn came(ms: f64) -> Probe<Challenge> {
        Probe::answered(
            Challenge { tcp_ms: ms / 2.0, challenge_ms: 1.0, skew_ms: None, skew_uncertainty_ms: None },
            ms,
            at(),
        )
    }

    fn refused() -> Probe<Challenge> {
        Probe::failed(Failure::new(Phase::Tcp, FailureKind::Refused, "connection refused"), 1.0, at())
    }

    fn report(came_through: u32, failed: u32) -> ConnectReport {
        let answered = (1..=came_through).map(|n| came(f64::from(n)));
        let connects: Vec<_> = answered.chain((0..failed).map(|_| refused())).collect();
        let series = Series {
            target: "ws://127.0.0.1:18789".to_owned(),
            from: "this node".to_owned(),
            asked: came_through + failed,
            cut_short: None,
            connects,
        };
        ConnectReport::of(&series, Agent { version: "1".to_owned() }, at())
    }

    #[test]
    fn ninety_seven_of_a_hundred_are_enough_and_ninety_six_are_not() {
        assert_eq!(report(97, 3).verdict, Reliability::Reliable);
        assert_eq!(report(96, 4).verdict, Reliability::Unreliable);
        assert_eq!((report(97, 3).exit_status(), report(96, 4).exit_status()), (0, 69));
    }

    #[test]
    fn few_connects_prove_failure_and_never_success() {
        assert_eq!(report(20, 0).verdict, Reliability::Unknown);
        assert_eq!(report(20, 0).why.as_deref(), Some("20 are too few to prove 97 %: 100 are needed"));
        assert_eq!(report(0, 5).verdict, Reliability::Unreliable);
        assert_eq!(report(19, 1).verdict, Reliability::Unknown);
    }

    #[test]
    fn nothing_made_is_unknown_with_the_reason() {
        let mut series = Series {
            target: String::new(),
            from: String::new(),
            asked: 100,
            cut_short: Some("the time was up".to_owned()),
            connects: Vec::new(),
        };
        let report = |series: &Series| ConnectReport::of(series, Agent { version: "1".to_owned() }, at());
        assert_eq!(report(&series).why.as_deref(), Some("the time was up"));
        series.connects.push(Probe::not_tried("nobody may ask", at()));
        let report = report(&series);
        assert_eq!((report.exit_status(), report.made, report.why.as_deref()), (75, 0, Some("nobody may ask")));
    }

    #[test]
    fn the_interval_is_wilsons() {
        // R: prop.test(97, 100, correct = FALSE)$conf.int
        let [low, high] = wilson(97, 100).unwrap();
        assert!((low - 0.915_475_0).abs() < 1e-4 && (high - 0.989_746_2).abs() < 1e-4, "{low} {high}");
        assert_eq!(wilson(0, 0), None);
        let [low, high] = wilson(100, 100).unwrap();
        assert!((low - 0.963_005_2).abs() < 1e-4 && high >= 1.0, "{low} {high}");
        let [low, high] = wilson(0, 100).unwrap();
        assert!(low <= 0.0 && (high - 0.036_994_8).abs() < 1e-4, "{low} {high}");
    }

    #[test]
    fn failures_are_counted_by_kind_and_latency_by_rank() {
        let report = report(100, 4);
        assert_eq!(report.failures.len(), 1);
        assert_eq!((report.failures[0].count, report.failures[0].phase), (4, Phase::Tcp));
        let latency = report.latency.unwrap();
        assert_eq!(latency, Latency { p50: 50.0, p95: 95.0, p99: 99.0, max: 100.0 });
        assert_eq!(report.tcp.unwrap(), Latency { p50: 25.0, p95: 47.5, p99: 49.5, max: 50.0 });
    }

    #[test]
    fn whoever_asks_to_wait_is_waited_for() {
        assert_eq!(backs_off(&came(1.0)), None);
        assert_eq!(backs_off(&refused()), None);
        let mut failure = Failure::new(Phase::Http, FailureKind::HttpStatus, "429");
        failure.http_status = Some(429);
        assert_eq!(backs_off(&Probe::failed(failure.clone(), 1.0, at())), Some(1_000));
        failure.retry_after_ms = Some(30_000);
        assert_eq!(backs_off(&Probe::failed(failure, 1.0, at())), Some(30_000));
    }

    proptest! {
        #[test]
        fn the_interval_holds_the_rate_and_stays_within_0_and_1(whole in 1_usize..5_000, part in 0_usize..5_000) {
            let part = part.min(whole);
            let rate = share(part, whole).unwrap();
            let [low, high] = wilson(part, whole).unwrap();
            prop_assert!(0.0 <= low && low <= rate && rate <= high && high <= 1.0, "{} {} {}", low, rate, high);
        }
    }
}
