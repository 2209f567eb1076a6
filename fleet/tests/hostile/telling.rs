//! What nodes send, well and badly formed.

use std::io::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

use flate2::Compression;
use flate2::write::GzEncoder;
use portreeve_telemetry::event;
use portreeve_telemetry::otlp::metric::Data;
use portreeve_telemetry::otlp::{
    AggregationTemporality, AnyValue, ArrayValue, ExportLogsServiceRequest, ExportMetricsServiceRequest, Gauge,
    KeyValue, KeyValueList, LogRecord, Message as _, Metric, NumberDataPoint, Resource, ResourceLogs, ResourceMetrics,
    ScopeLogs, ScopeMetrics, Sum, any_value, number_data_point, resource,
};
use serde_json::{Value, json};

/// Nanoseconds since 1970.
pub(crate) fn now() -> u64 {
    u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos()).unwrap()
}

pub(crate) fn text(key: &str, value: &str) -> KeyValue {
    let value = AnyValue { value: Some(any_value::Value::StringValue(value.to_owned())) };
    KeyValue { key: key.to_owned(), value: Some(value), ..KeyValue::default() }
}

/// The resource of a node.
pub(crate) fn resource_of(node: &str) -> Resource {
    let attributes = vec![
        text(resource::SERVICE_NAME, resource::SERVICE),
        text(resource::SERVICE_INSTANCE_ID, node),
        text(resource::HOST_ID, node),
    ];
    Resource { attributes, ..Resource::default() }
}

/// Metrics of a node.
pub(crate) fn metrics(node: &str, metrics: Vec<Metric>) -> Vec<u8> {
    let scope = ScopeMetrics { metrics, ..ScopeMetrics::default() };
    let resource =
        ResourceMetrics { resource: Some(resource_of(node)), scope_metrics: vec![scope], ..ResourceMetrics::default() };
    ExportMetricsServiceRequest { resource_metrics: vec![resource] }.encode_to_vec()
}

/// A gauge with one point.
pub(crate) fn gauge(name: &str, attributes: &[(&str, &str)], number: f64) -> Metric {
    let point = point(attributes, number, now());
    Metric { name: name.to_owned(), data: Some(Data::Gauge(Gauge { data_points: vec![point] })), ..Metric::default() }
}

/// A cumulative counter with one point.
pub(crate) fn counter(name: &str, attributes: &[(&str, &str)], number: f64, start: u64, at: u64) -> Metric {
    let mut point = point(attributes, number, at);
    point.start_time_unix_nano = start;
    let sum = Sum {
        data_points: vec![point],
        aggregation_temporality: AggregationTemporality::Cumulative.into(),
        is_monotonic: true,
    };
    Metric { name: name.to_owned(), data: Some(Data::Sum(sum)), ..Metric::default() }
}

/// One point.
pub(crate) fn point(attributes: &[(&str, &str)], number: f64, at: u64) -> NumberDataPoint {
    NumberDataPoint {
        attributes: attributes.iter().map(|(key, value)| text(key, value)).collect(),
        time_unix_nano: at,
        value: Some(number_data_point::Value::AsDouble(number)),
        ..NumberDataPoint::default()
    }
}

/// Log records of a node.
pub(crate) fn logs(node: &str, records: Vec<LogRecord>) -> Vec<u8> {
    let scope = ScopeLogs { log_records: records, ..ScopeLogs::default() };
    let resource =
        ResourceLogs { resource: Some(resource_of(node)), scope_logs: vec![scope], ..ResourceLogs::default() };
    ExportLogsServiceRequest { resource_logs: vec![resource] }.encode_to_vec()
}

/// An event.
pub(crate) fn record(name: &str, id: &str, at: u64, body: &Value) -> LogRecord {
    LogRecord {
        time_unix_nano: at,
        observed_time_unix_nano: at,
        severity_number: 9,
        event_name: name.to_owned(),
        body: Some(value(body)),
        attributes: vec![text(event::ID, id)],
        ..LogRecord::default()
    }
}

/// An identity as events have it.
pub(crate) fn fresh_id() -> String {
    event::id(jiff::Timestamp::now(), &[&fastrand::u64(..).to_string()]).to_string()
}

/// A body in the protocol's own form.
pub(crate) fn value(json: &Value) -> AnyValue {
    let value = match json {
        Value::Null => None,
        Value::Bool(bool) => Some(any_value::Value::BoolValue(*bool)),
        Value::Number(number) => Some(match number.as_i64() {
            Some(integer) => any_value::Value::IntValue(integer),
            None => any_value::Value::DoubleValue(number.as_f64().unwrap()),
        }),
        Value::String(text) => Some(any_value::Value::StringValue(text.clone())),
        Value::Array(list) => {
            Some(any_value::Value::ArrayValue(ArrayValue { values: list.iter().map(value).collect() }))
        }
        Value::Object(map) => {
            let values = map.iter().map(|(key, json)| KeyValue {
                key: key.clone(),
                value: Some(value(json)),
                ..KeyValue::default()
            });
            Some(any_value::Value::KvlistValue(KeyValueList { values: values.collect() }))
        }
    };
    AnyValue { value }
}

/// Lists in lists, so many deep.
pub(crate) fn nested(depth: usize) -> AnyValue {
    let mut inner = AnyValue { value: Some(any_value::Value::StringValue("core".to_owned())) };
    for _ in 0..depth {
        inner = AnyValue { value: Some(any_value::Value::ArrayValue(ArrayValue { values: vec![inner] })) };
    }
    inner
}

/// A report with this verdict.
pub(crate) fn report(node: &str, verdict: &str) -> Value {
    json!({
        "schema": "portreeve.report/1",
        "generated_at": jiff::Timestamp::now().to_string(),
        "agent": { "version": "0.1.0" },
        "node": { "id": node, "hostname": node, "os": "macOS", "os_version": "26.1", "os_build": "25B78", "arch": "arm64", "uptime_s": 60 },
        "verdict": verdict,
        "root_causes": [], "layers": {}, "findings": [], "gateways": [], "clients": [], "units": [], "containers": [],
        "state_dirs": [], "blind": [],
    })
}

/// As `Content-Encoding: gzip` has it.
pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// So many zeroes, packed, without ever having them all in memory.
pub(crate) fn bomb(bytes: usize) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    let zeroes = vec![0; 1024 * 1024];
    for _ in 0..bytes / zeroes.len() {
        encoder.write_all(&zeroes).unwrap();
    }
    encoder.finish().unwrap()
}
