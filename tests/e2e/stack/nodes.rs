//! What five nodes sent in the last half hour: every metric of the catalogue, and on one of them everything is wrong.

use std::time::{Duration, SystemTime};

use portreeve_telemetry::metric::{self, Kind, Metric};
use portreeve_telemetry::otlp::{
    self, AnyValue, ExponentialHistogram, ExponentialHistogramDataPoint, ExportMetricsServiceRequest, Gauge, KeyValue,
    Message as _, NumberDataPoint, Resource, ResourceMetrics, ScopeMetrics, Sum, any_value, number_data_point,
};

/// The identity of the node on which everything is wrong.
pub(super) const SICK: &str = "0123456789ab";
/// Identity, name, verdict.
const NODES: [(&str, &str, &str); 5] = [
    (SICK, "sick", "blocked"),
    ("1123456789ab", "well", "ready"),
    ("2123456789ab", "warned", "degraded"),
    ("3123456789ab", "dim", "unknown"),
    ("4123456789ab", "gone", "ready"),
];
/// Beats, a minute apart; the node that is gone missed the last ten.
const BEATS: u32 = 30;
const MISSED: u32 = 10;

/// A request for each node.
pub(super) fn requests() -> Vec<Vec<u8>> {
    NODES.iter().map(|(id, name, verdict)| request(id, name, verdict).encode_to_vec()).collect()
}

/// A distribution over time.
pub(super) struct Distribution {
    /// Name in Prometheus.
    pub(super) name: String,
    pub(super) attributes: Vec<(&'static str, String)>,
    pub(super) points: Vec<ExponentialHistogramDataPoint>,
}

/// The distributions of the sick node.
pub(super) fn distributions() -> Vec<Distribution> {
    let node = Node { name: "sick".to_owned(), verdict: "blocked".to_owned(), now: SystemTime::now() };
    let metrics = metric::ALL.iter().filter(|metric| metric.kind == Kind::Histogram);
    let of = |metric: &&Metric| {
        let name = metric.prometheus();
        let of = |attributes: Vec<_>| Distribution {
            name: name.clone(),
            points: node.distribution(&attributes),
            attributes,
        };
        node.series(metric).into_iter().map(of).collect::<Vec<_>>()
    };
    metrics.flat_map(of).collect()
}

fn request(id: &str, name: &str, verdict: &str) -> ExportMetricsServiceRequest {
    let node = Node { name: name.to_owned(), verdict: verdict.to_owned(), now: SystemTime::now() };
    let attributes = [
        (otlp::resource::SERVICE_NAME, otlp::resource::SERVICE.to_owned()),
        (otlp::resource::SERVICE_VERSION, "0.1.0".to_owned()),
        (otlp::resource::SERVICE_INSTANCE_ID, id.to_owned()),
        (otlp::resource::HOST_ID, id.to_owned()),
        (otlp::resource::HOST_NAME, format!("{name}.example")),
        (otlp::resource::OS_BUILD_ID, "25B78".to_owned()),
        (otlp::resource::NODE_NAME, name.to_owned()),
    ];
    ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics {
            resource: Some(Resource {
                attributes: attributes.into_iter().map(|(key, value)| pair(key, &value)).collect(),
                ..Default::default()
            }),
            scope_metrics: vec![ScopeMetrics {
                metrics: metric::ALL.iter().map(|metric| node.metric(metric)).collect(),
                ..Default::default()
            }],
            ..Default::default()
        }],
    }
}

struct Node {
    name: String,
    verdict: String,
    now: SystemTime,
}

impl Node {
    fn is_sick(&self) -> bool {
        self.name == "sick"
    }

    /// The times of its beats in nanoseconds, with their numbers.
    fn beats(&self) -> impl Iterator<Item = (u32, u64)> {
        let beats = if self.name == "gone" { BEATS - MISSED } else { BEATS };
        let nanos = self.now.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_nanos();
        let now = u64::try_from(nanos).unwrap();
        let beat = u64::try_from(Duration::from_mins(1).as_nanos()).unwrap();
        (0..beats).map(move |number| (number, now - u64::from(BEATS - 1 - number) * beat))
    }

    fn metric(&self, metric: &Metric) -> otlp::Metric {
        let data = match metric.kind {
            Kind::Histogram => otlp::metric::Data::ExponentialHistogram(ExponentialHistogram {
                aggregation_temporality: otlp::AggregationTemporality::Cumulative.into(),
                data_points: self.series(metric).iter().flat_map(|series| self.distribution(series)).collect(),
            }),
            Kind::Counter => otlp::metric::Data::Sum(Sum {
                aggregation_temporality: otlp::AggregationTemporality::Cumulative.into(),
                is_monotonic: true,
                data_points: self.points(metric),
            }),
            Kind::Gauge | Kind::StateSet => otlp::metric::Data::Gauge(Gauge { data_points: self.points(metric) }),
        };
        otlp::Metric {
            name: metric.name.to_owned(),
            unit: metric.unit.to_owned(),
            description: metric.description.to_owned(),
            data: Some(data),
            ..Default::default()
        }
    }

    fn points(&self, metric: &Metric) -> Vec<NumberDataPoint> {
        let point = |series: &Vec<(&str, String)>, number, time| NumberDataPoint {
            attributes: series.iter().map(|(key, value)| pair(key, value)).collect(),
            start_time_unix_nano: self.beats().next().map_or(0, |(_, time)| time),
            time_unix_nano: time,
            value: Some(number_data_point::Value::AsDouble(self.value(metric, series, number))),
            ..Default::default()
        };
        let series = self.series(metric);
        series.iter().flat_map(|series| self.beats().map(move |(number, time)| point(series, number, time))).collect()
    }

    fn distribution(&self, series: &[(&str, String)]) -> Vec<ExponentialHistogramDataPoint> {
        let point = |(number, time)| {
            // At scale 3, from a quarter of a second on.
            let counts = [8 * (number + 1), number + 1, number / 2].map(u64::from).to_vec();
            ExponentialHistogramDataPoint {
                attributes: series.iter().map(|(key, value)| pair(key, value)).collect(),
                start_time_unix_nano: self.beats().next().map_or(0, |(_, time)| time),
                time_unix_nano: time,
                count: counts.iter().sum(),
                sum: Some(0.3 * 9.0 * f64::from(number + 1)),
                scale: 3,
                positive: Some(otlp::exponential_histogram_data_point::Buckets { offset: -16, bucket_counts: counts }),
                ..Default::default()
            }
        };
        self.beats().map(point).collect()
    }

    /// The attributes of each series of a metric: all combinations of what its attributes may be.
    fn series(&self, metric: &Metric) -> Vec<Vec<(&'static str, String)>> {
        let mut all = vec![Vec::new()];
        for attribute in metric.attributes {
            let values = self.values(attribute.key);
            let with = |series: &Vec<(&'static str, String)>| {
                let series = series.clone();
                values
                    .iter()
                    .map(move |value| {
                        series.iter().cloned().chain([(attribute.key, value.clone())]).collect::<Vec<_>>()
                    })
                    .collect::<Vec<_>>()
            };
            all = all.iter().flat_map(with).collect();
        }
        all
    }

    fn values(&self, key: &str) -> Vec<String> {
        let values: &[&str] = match key {
            "gateway" => &["alice/default:18789"],
            "verdict" => &["ready", "degraded", "blocked", "unknown"],
            "state" => &["pass", "fail", "drift"],
            "code" => &["token.split", "1006"],
            "role" => &["gateway"],
            "process" => &["daemon"],
            "outcome" => &["done", "failed"],
            "digest" if self.is_sick() => &["sha256:0123456789ab"],
            "digest" => &["sha256:ba9876543210"],
            "agent_version" if self.is_sick() => &["0.1.0"],
            "agent_version" => &["0.2.0"],
            _ => &["x"],
        };
        values.iter().map(|value| (*value).to_owned()).collect()
    }

    /// On the sick node everything is past its bar, and counters rise by two a minute.
    fn value(&self, metric: &Metric, series: &[(&str, String)], number: u32) -> f64 {
        if metric.kind == Kind::Counter {
            return if self.is_sick() { f64::from(2 * number) } else { 1.0 };
        }
        if metric.name == metric::VERDICT.name {
            return f64::from(series.iter().any(|(_, value)| *value == self.verdict));
        }
        let (sick, well) = match metric.name {
            name if name == metric::AGENT_INTERVAL.name => (60.0, 60.0),
            name if name == metric::MAINTENANCE.name => (0.0, 0.0),
            name if name == metric::GATEWAY_UP.name || name == metric::ENGINE_UP.name => (0.0, 1.0),
            name if name == metric::CONNECT_SUCCESS.name => (0.5, 1.0),
            name if name == metric::LOCK_WAIT_P95.name => (3.0, 0.01),
            name if name == metric::CONTAINER_RESTARTS.name => (f64::from(2 * number), 1.0),
            name if name == metric::STATE_FREE.name => (1e6, 1e11),
            name if name == metric::IMAGE_CHECK_AGE.name => (1e6, 60.0),
            name if name == metric::SPOOL_OLDEST.name => (7200.0, 0.0),
            name if name == metric::NODE_CLOCK_OFFSET.name => (-3.0, 0.001),
            _ => (1.0, 0.0),
        };
        if self.is_sick() { sick } else { well }
    }
}

fn pair(key: &str, value: &str) -> KeyValue {
    let value = Some(AnyValue { value: Some(any_value::Value::StringValue(value.to_owned())) });
    KeyValue { key: key.to_owned(), value, ..Default::default() }
}
