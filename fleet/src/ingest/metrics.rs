//! Data points of a request as what is stored.

use jiff::Timestamp;
use portreeve_telemetry::histogram::Histogram;
use portreeve_telemetry::otlp::{
    AggregationTemporality, ExponentialHistogramDataPoint, ExportMetricsServiceRequest, KeyValue, NumberDataPoint,
    any_value, metric, number_data_point,
};

use super::Left;
use crate::config::Retention;
use crate::series::{Point, Sample};

/// Longest name of a metric and longest attributes of a series, in bytes.
const MAX_NAME: usize = 200;
const MAX_ATTRIBUTES: usize = 1_000;
/// How far a point may lie in the future: what a clock that is kept by the network may be off, and more.
const MAX_AHEAD_MS: i64 = 10 * 60 * 1_000;

const FUTURE: &str = "they lie in the future";
const OLD: &str = "they are older than what is kept";
const NAME: &str = "a name, unit or attributes are too long, or not text, numbers or booleans";
const FORM: &str = "only gauges, sums and exponential histograms with a value are taken";
const TIME: &str = "a point has no time";

/// All points of a request that can be stored. The others are counted.
pub(super) fn points(
    export: ExportMetricsServiceRequest,
    received_at: Timestamp,
    retention: &Retention,
    left: &mut Left,
) -> Vec<Point> {
    let now = received_at.as_millisecond();
    let oldest = now - i64::from(retention.two_hours_d) * 24 * 3_600 * 1_000;
    let mut taker = Taker { now, oldest, left, points: Vec::new() };
    let scopes = export.resource_metrics.into_iter().flat_map(|resource| resource.scope_metrics);
    for metric in scopes.flat_map(|scope| scope.metrics) {
        let (name, unit) = (metric.name, metric.unit);
        if name.is_empty() || name.len() > MAX_NAME || unit.len() > MAX_NAME {
            taker.left.add(count(metric.data.as_ref()), NAME);
            continue;
        }
        match metric.data {
            Some(metric::Data::Gauge(gauge)) => {
                for point in gauge.data_points {
                    taker.number(&name, &unit, &point, |value, _| Sample::Gauge(value));
                }
            }
            Some(metric::Data::Sum(sum)) => {
                let is_delta = sum.aggregation_temporality == AggregationTemporality::Delta as i32;
                for point in sum.data_points {
                    taker.number(&name, &unit, &point, |value, start| match (sum.is_monotonic, is_delta) {
                        (true, true) => Sample::Delta(value, None),
                        (true, false) => Sample::Total { start, value, histogram: None },
                        // What falls too is a state rather than a count.
                        (false, _) => Sample::Gauge(value),
                    });
                }
            }
            Some(metric::Data::ExponentialHistogram(histogram)) => {
                let is_delta = histogram.aggregation_temporality == AggregationTemporality::Delta as i32;
                for point in &histogram.data_points {
                    taker.histogram(&name, &unit, point, is_delta);
                }
            }
            other => taker.left.add(count(other.as_ref()), FORM),
        }
    }
    taker.points
}

struct Taker<'a> {
    now: i64,
    oldest: i64,
    left: &'a mut Left,
    points: Vec<Point>,
}

impl Taker<'_> {
    fn number(&mut self, name: &str, unit: &str, point: &NumberDataPoint, sample: impl Fn(f64, i64) -> Sample) {
        #[expect(clippy::cast_precision_loss, reason = "series are doubles")]
        let value = match point.value {
            Some(number_data_point::Value::AsDouble(value)) if value.is_finite() => value,
            Some(number_data_point::Value::AsInt(value)) => value as f64,
            _ => return self.left.add(1, FORM),
        };
        let start = milliseconds(point.start_time_unix_nano);
        self.push(name, unit, &point.attributes, point.time_unix_nano, sample(value, start));
    }

    fn histogram(&mut self, name: &str, unit: &str, point: &ExponentialHistogramDataPoint, is_delta: bool) {
        let Some(histogram) = Histogram::from_point(point) else { return self.left.add(1, FORM) };
        let histogram = Some(Box::new(histogram));
        let sample = if is_delta {
            Sample::Delta(0.0, histogram)
        } else {
            Sample::Total { start: milliseconds(point.start_time_unix_nano), value: 0.0, histogram }
        };
        self.push(name, unit, &point.attributes, point.time_unix_nano, sample);
    }

    fn push(&mut self, name: &str, unit: &str, attributes: &[KeyValue], time: u64, sample: Sample) {
        let at = milliseconds(time);
        let wrong = match at {
            0 => Some(TIME),
            at if at > self.now + MAX_AHEAD_MS => Some(FUTURE),
            at if at < self.oldest => Some(OLD),
            _ => None,
        };
        if let Some(why) = wrong {
            return self.left.add(1, why);
        }
        let Some(attributes) = canonical(attributes) else { return self.left.add(1, NAME) };
        self.points.push(Point { name: name.to_owned(), attributes, unit: unit.to_owned(), at, sample });
    }
}

/// Attributes as JSON, sorted by key: the same attributes give the same text. None where they are too long or nested.
fn canonical(attributes: &[KeyValue]) -> Option<String> {
    let mut map = std::collections::BTreeMap::new();
    let mut length = 0;
    for pair in attributes {
        let value = match pair.value.as_ref().and_then(|value| value.value.as_ref()) {
            Some(any_value::Value::StringValue(text)) => text.clone(),
            Some(any_value::Value::BoolValue(value)) => value.to_string(),
            Some(any_value::Value::IntValue(value)) => value.to_string(),
            Some(any_value::Value::DoubleValue(value)) => value.to_string(),
            None => String::new(),
            _ => return None,
        };
        length += pair.key.len() + value.len();
        if length > MAX_ATTRIBUTES {
            return None;
        }
        map.insert(pair.key.as_str(), value);
    }
    serde_json::to_string(&map).ok()
}

fn milliseconds(nanoseconds: u64) -> i64 {
    i64::try_from(nanoseconds / 1_000_000).unwrap_or(i64::MAX)
}

fn count(data: Option<&metric::Data>) -> u64 {
    let count = match data {
        Some(metric::Data::Gauge(gauge)) => gauge.data_points.len(),
        Some(metric::Data::Sum(sum)) => sum.data_points.len(),
        Some(metric::Data::Histogram(histogram)) => histogram.data_points.len(),
        Some(metric::Data::ExponentialHistogram(histogram)) => histogram.data_points.len(),
        Some(metric::Data::Summary(summary)) => summary.data_points.len(),
        None => 0,
    };
    count as u64
}
