//! Metrics and events as requests of the protocol.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::event::{self, BodyError, Event};
use crate::histogram::Histogram;
use crate::metric::{Kind, Metric};
use crate::otlp::{
    self, AggregationTemporality, AnyValue, ExponentialHistogram, ExportLogsServiceRequest,
    ExportMetricsServiceRequest, Gauge, InstrumentationScope, KeyValue, LogRecord, NumberDataPoint, Resource,
    ResourceLogs, ResourceMetrics, ScopeLogs, ScopeMetrics, SeverityNumber, Sum, metric, number_data_point, resource,
};
use crate::value::{self, ValueError, pair, text};

/// Name of the scope of everything that the agent sends.
pub const SCOPE: &str = "portreeve";

/// Who sends: the attributes of the resource.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origin {
    /// The node's identity.
    pub node: String,
    /// The name that an operator gave it.
    pub name: Option<String>,
    /// Host name.
    pub hostname: Option<String>,
    /// Version of the agent.
    pub agent_version: String,
    /// `macOS`, `Linux`.
    pub os: Option<String>,
    /// `26.1`.
    pub os_version: Option<String>,
    /// `25B78`.
    pub os_build: Option<String>,
    /// Architecture: `arm64`.
    pub arch: Option<String>,
}

impl Origin {
    /// The resource.
    pub fn resource(&self) -> Resource {
        let os_type = self
            .os
            .as_deref()
            .map(|os| if os.eq_ignore_ascii_case("macos") { "darwin".into() } else { os.to_lowercase() });
        let arch = self.arch.as_deref().map(|arch| if arch == "aarch64" { "arm64" } else { arch });
        let some = [
            (resource::SERVICE_NAME, Some(resource::SERVICE)),
            (resource::SERVICE_VERSION, Some(self.agent_version.as_str())),
            (resource::SERVICE_INSTANCE_ID, Some(&self.node)),
            (resource::HOST_ID, Some(&self.node)),
            (resource::HOST_NAME, self.hostname.as_deref()),
            (resource::HOST_ARCH, arch),
            (resource::OS_TYPE, os_type.as_deref()),
            (resource::OS_NAME, self.os.as_deref()),
            (resource::OS_VERSION, self.os_version.as_deref()),
            (resource::OS_BUILD_ID, self.os_build.as_deref()),
            (resource::NODE_NAME, self.name.as_deref()),
        ];
        let attributes = some.into_iter().filter_map(|(key, value)| Some(pair(key, text(value?)))).collect();
        Resource { attributes, ..Resource::default() }
    }

    fn scope(&self) -> InstrumentationScope {
        InstrumentationScope { name: SCOPE.to_owned(), version: self.agent_version.clone(), ..Default::default() }
    }
}

/// Why an event cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    /// Its body is no JSON.
    #[error(transparent)]
    Body(#[from] BodyError),
    /// Its body has no place in the protocol.
    #[error("the body of an event cannot be written")]
    Value(#[from] ValueError),
}

/// One event as a request with one log record.
pub fn event(origin: &Origin, event: &Event) -> Result<ExportLogsServiceRequest, EncodeError> {
    Ok(logs(origin, vec![record(event)?]))
}

/// One event as a log record.
pub fn record(event: &Event) -> Result<LogRecord, EncodeError> {
    let body = value::from_json(&event.body.to_json()?)?;
    Ok(record_of(event.id, event.at, event.name(), event.severity(), body))
}

/// An event whose body is JSON already.
pub fn raw_event(
    origin: &Origin,
    id: uuid::Uuid,
    at: Timestamp,
    name: event::Name,
    json: &[u8],
) -> Result<ExportLogsServiceRequest, EncodeError> {
    let body = value::from_json(json)?;
    Ok(logs(origin, vec![record_of(id, at, name, SeverityNumber::Info, body)]))
}

fn record_of(id: uuid::Uuid, at: Timestamp, name: event::Name, severity: SeverityNumber, body: AnyValue) -> LogRecord {
    LogRecord {
        time_unix_nano: nanoseconds(at),
        observed_time_unix_nano: nanoseconds(at),
        severity_number: severity.into(),
        severity_text: severity_text(severity).to_owned(),
        body: Some(body),
        attributes: vec![pair(event::ID, text(id.to_string()))],
        event_name: name.as_str().to_owned(),
        ..LogRecord::default()
    }
}

fn severity_text(severity: SeverityNumber) -> &'static str {
    match severity {
        SeverityNumber::Error => "ERROR",
        SeverityNumber::Warn => "WARN",
        _ => "INFO",
    }
}

/// Log records of one resource.
pub fn logs(origin: &Origin, log_records: Vec<LogRecord>) -> ExportLogsServiceRequest {
    let scope_logs = vec![ScopeLogs { scope: Some(origin.scope()), log_records, ..ScopeLogs::default() }];
    let resource = Some(origin.resource());
    ExportLogsServiceRequest { resource_logs: vec![ResourceLogs { resource, scope_logs, ..ResourceLogs::default() }] }
}

/// A series' attributes.
pub type Attributes = BTreeMap<String, String>;

/// One series of a metric and what it is now.
#[derive(Debug, Clone, PartialEq)]
pub struct Point<'a> {
    /// The metric.
    pub metric: &'static Metric,
    /// Attributes.
    pub attributes: &'a Attributes,
    /// Since when it is counted; of no meaning for a gauge.
    pub start: Timestamp,
    /// The value.
    pub value: PointValue<'a>,
}

/// The value of a series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum PointValue<'a> {
    /// A gauge's or a counter's.
    Number(f64),
    /// A histogram's.
    Histogram(&'a Histogram),
}

/// Metrics of one resource at one time. A point whose value does not suit its metric is left out.
pub fn metrics<'a>(
    origin: &Origin,
    at: Timestamp,
    points: impl IntoIterator<Item = Point<'a>>,
) -> ExportMetricsServiceRequest {
    let mut by_metric: BTreeMap<&'static str, (&'static Metric, Vec<Point<'a>>)> = BTreeMap::new();
    for point in points {
        by_metric.entry(point.metric.name).or_insert_with(|| (point.metric, Vec::new())).1.push(point);
    }
    let metrics = by_metric.into_values().map(|(metric, points)| otlp_metric(metric, &points, at)).collect();
    let scope_metrics = vec![ScopeMetrics { scope: Some(origin.scope()), metrics, ..ScopeMetrics::default() }];
    let resource = Some(origin.resource());
    ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics { resource, scope_metrics, ..ResourceMetrics::default() }],
    }
}

fn otlp_metric(metric: &Metric, points: &[Point<'_>], at: Timestamp) -> otlp::Metric {
    let cumulative = AggregationTemporality::Cumulative.into();
    let is_counter = metric.kind == Kind::Counter;
    let numbers = || {
        let number = |point: &Point<'_>| match point.value {
            PointValue::Number(value) if value.is_finite() => Some(NumberDataPoint {
                attributes: attributes(point.attributes),
                start_time_unix_nano: if is_counter { nanoseconds(point.start) } else { 0 },
                time_unix_nano: nanoseconds(at),
                value: Some(number(metric, value)),
                ..NumberDataPoint::default()
            }),
            _ => None,
        };
        points.iter().filter_map(number).collect()
    };
    let data = match metric.kind {
        Kind::Gauge | Kind::StateSet => metric::Data::Gauge(Gauge { data_points: numbers() }),
        Kind::Counter => {
            metric::Data::Sum(Sum { data_points: numbers(), aggregation_temporality: cumulative, is_monotonic: true })
        }
        Kind::Histogram => {
            let point = |point: &Point<'_>| match point.value {
                PointValue::Histogram(histogram) => {
                    let mut data = histogram.to_point();
                    data.attributes = attributes(point.attributes);
                    data.start_time_unix_nano = nanoseconds(point.start);
                    data.time_unix_nano = nanoseconds(at);
                    Some(data)
                }
                PointValue::Number(_) => None,
            };
            metric::Data::ExponentialHistogram(ExponentialHistogram {
                data_points: points.iter().filter_map(point).collect(),
                aggregation_temporality: cumulative,
            })
        }
    };
    otlp::Metric {
        name: metric.name.to_owned(),
        description: metric.description.to_owned(),
        unit: metric.unit.to_owned(),
        data: Some(data),
        ..otlp::Metric::default()
    }
}

#[expect(clippy::cast_possible_truncation, reason = "checked to be whole and in range")]
fn number(metric: &Metric, value: f64) -> number_data_point::Value {
    let counts = metric.unit.starts_with('{') || metric.unit == "By";
    if counts && value.fract() == 0.0 && value.abs() < 9e15 {
        number_data_point::Value::AsInt(value as i64)
    } else {
        number_data_point::Value::AsDouble(value)
    }
}

fn attributes(attributes: &Attributes) -> Vec<KeyValue> {
    attributes.iter().map(|(key, value)| pair(key, text(value.as_str()))).collect()
}

/// Nanoseconds since 1970; 0 before.
pub fn nanoseconds(at: Timestamp) -> u64 {
    u64::try_from(at.as_nanosecond()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Body, Name, SpoolRefused};
    use crate::otlp::Message;

    fn at() -> Timestamp {
        Timestamp::from_second(1_800_000_000).unwrap()
    }

    fn origin() -> Origin {
        Origin {
            node: "f00".to_owned(),
            hostname: Some("mac-1".to_owned()),
            agent_version: "0.1.0".to_owned(),
            os: Some("macOS".to_owned()),
            arch: Some("aarch64".to_owned()),
            ..Origin::default()
        }
    }

    #[test]
    fn the_resource_follows_the_semantic_conventions() {
        let resource = origin().resource();
        let told: Vec<String> = resource
            .attributes
            .iter()
            .map(|pair| format!("{}={}", pair.key, value::to_json(pair.value.as_ref().unwrap(), 9).unwrap()))
            .collect();
        assert_eq!(
            told,
            [
                "service.name=\"portreeve\"",
                "service.version=\"0.1.0\"",
                "service.instance.id=\"f00\"",
                "host.id=\"f00\"",
                "host.name=\"mac-1\"",
                "host.arch=\"arm64\"",
                "os.type=\"darwin\"",
                "os.name=\"macOS\"",
            ]
        );
    }

    #[test]
    fn an_event_is_read_as_it_was_written() {
        let body = Body::SpoolRefused(SpoolRefused { records: 2, total: 7, why: None });
        let one = Event { id: event::id(at(), &["x"]), at: at(), body };
        let bytes = event(&origin(), &one).unwrap().encode_to_vec();
        // Batches are made by putting requests one after the other.
        let request = ExportLogsServiceRequest::decode([bytes.clone(), bytes].concat().as_slice()).unwrap();
        assert_eq!(request.resource_logs.len(), 2);
        let record = &request.resource_logs[1].scope_logs[0].log_records[0];
        assert_eq!(record.severity_text, "WARN");
        let name = Name::parse(&record.event_name).unwrap();
        let json = value::to_json(record.body.as_ref().unwrap(), 100).unwrap();
        assert_eq!(Body::parse(name, json).unwrap(), one.body);
    }

    #[test]
    fn counters_have_a_start_and_gauges_none() {
        let none = Attributes::new();
        let start = Timestamp::from_second(1_700_000_000).unwrap();
        let histogram = Histogram::default();
        let point = |metric, value| Point { metric, attributes: &none, start, value };
        let request = metrics(
            &origin(),
            at(),
            [
                point(&crate::metric::NODE_UPTIME, PointValue::Number(1.5)),
                point(&crate::metric::VERDICT_CHANGES, PointValue::Number(3.0)),
                point(&crate::metric::LOCK_WAIT, PointValue::Histogram(&histogram)),
                point(&crate::metric::NODE_UPTIME, PointValue::Number(f64::NAN)),
            ],
        );
        let metrics = &request.resource_metrics[0].scope_metrics[0].metrics;
        assert_eq!(metrics.len(), 3);
        for metric in metrics {
            match metric.data.as_ref().unwrap() {
                metric::Data::Gauge(gauge) => {
                    assert_eq!((gauge.data_points.len(), gauge.data_points[0].start_time_unix_nano), (1, 0));
                }
                metric::Data::Sum(sum) => {
                    assert!(sum.is_monotonic && sum.aggregation_temporality == 2);
                    assert_eq!(sum.data_points[0].start_time_unix_nano, 1_700_000_000_000_000_000);
                    assert_eq!(sum.data_points[0].value, Some(number_data_point::Value::AsInt(3)));
                }
                metric::Data::ExponentialHistogram(histogram) => {
                    assert_eq!(histogram.data_points[0].start_time_unix_nano, 1_700_000_000_000_000_000);
                }
                other => panic!("{other:?}"),
            }
        }
    }
}
