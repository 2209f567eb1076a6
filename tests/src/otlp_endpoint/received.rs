//! What an endpoint was sent, decoded.

use portreeve_telemetry::event;
use portreeve_telemetry::otlp::{
    self, AnyValue, ExportLogsServiceRequest, ExportMetricsServiceRequest, KeyValue, Message as _, Metric, Resource,
    any_value, metric, number_data_point,
};

/// A log record or a data point.
#[derive(Debug, Clone, PartialEq)]
pub enum Item {
    /// A log record.
    Event(Event),
    /// A data point of a metric.
    Point(Point),
}

/// A log record.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// The attribute `log.record.uid`; empty where there is none.
    pub id: String,
    /// Name of the event.
    pub name: String,
    /// When it happened, in nanoseconds since 1970.
    pub at_ns: u64,
    /// `service.instance.id` of its resource.
    pub node: String,
    /// Its body as the record has it.
    pub body: Option<AnyValue>,
    /// Its attributes, as `name=value`, sorted.
    pub attributes: Vec<String>,
}

/// A data point of a metric.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// Name of the metric.
    pub metric: String,
    /// Its unit.
    pub unit: String,
    /// `gauge`, `sum` or `histogram`.
    pub kind: &'static str,
    /// Its attributes, as `name=value`, sorted.
    pub attributes: Vec<String>,
    /// Since when it counts, in nanoseconds since 1970; 0 for gauges.
    pub start_ns: u64,
    /// When it was measured.
    pub at_ns: u64,
    /// The number; of a histogram the count.
    pub value: f64,
    /// `service.instance.id` of its resource.
    pub node: String,
}

/// The items of a request, by the path it came to; what is wrong with it where it cannot be decoded.
pub(super) fn decode(path: &str, body: &[u8]) -> Result<Vec<Item>, String> {
    if path.ends_with(otlp::LOGS_PATH) {
        let request = ExportLogsServiceRequest::decode(body).map_err(|error| error.to_string())?;
        return Ok(logs(&request));
    }
    if path.ends_with(otlp::METRICS_PATH) {
        let request = ExportMetricsServiceRequest::decode(body).map_err(|error| error.to_string())?;
        return Ok(metrics(&request));
    }
    Err(format!("`{path}` is no path of OTLP"))
}

fn logs(request: &ExportLogsServiceRequest) -> Vec<Item> {
    let mut items = Vec::new();
    for resource in &request.resource_logs {
        let node = node(resource.resource.as_ref());
        for record in resource.scope_logs.iter().flat_map(|scope| &scope.log_records) {
            items.push(Item::Event(Event {
                id: attribute(&record.attributes, event::ID).unwrap_or_default(),
                name: record.event_name.clone(),
                at_ns: record.time_unix_nano,
                node: node.clone(),
                body: record.body.clone(),
                attributes: attributes(&record.attributes),
            }));
        }
    }
    items
}

fn metrics(request: &ExportMetricsServiceRequest) -> Vec<Item> {
    let mut items = Vec::new();
    for resource in &request.resource_metrics {
        let node = node(resource.resource.as_ref());
        for metric in resource.scope_metrics.iter().flat_map(|scope| &scope.metrics) {
            items.extend(points(metric, &node).into_iter().map(Item::Point));
        }
    }
    items
}

#[expect(clippy::cast_precision_loss, reason = "tests count far below 2^52")]
fn points(metric: &Metric, node: &str) -> Vec<Point> {
    let point = |kind, attributes_of: &[KeyValue], start_ns, at_ns, value| Point {
        metric: metric.name.clone(),
        unit: metric.unit.clone(),
        kind,
        attributes: attributes(attributes_of),
        start_ns,
        at_ns,
        value,
        node: node.to_owned(),
    };
    let number = |value: Option<number_data_point::Value>| match value {
        Some(number_data_point::Value::AsDouble(value)) => value,
        Some(number_data_point::Value::AsInt(value)) => value as f64,
        None => f64::NAN,
    };
    let numbers = |kind, of: &[otlp::NumberDataPoint]| -> Vec<Point> {
        of.iter()
            .map(|one| point(kind, &one.attributes, one.start_time_unix_nano, one.time_unix_nano, number(one.value)))
            .collect()
    };
    match &metric.data {
        Some(metric::Data::Gauge(gauge)) => numbers("gauge", &gauge.data_points),
        Some(metric::Data::Sum(sum)) => numbers("sum", &sum.data_points),
        Some(metric::Data::ExponentialHistogram(histogram)) => histogram
            .data_points
            .iter()
            .map(|one| {
                point("histogram", &one.attributes, one.start_time_unix_nano, one.time_unix_nano, one.count as f64)
            })
            .collect(),
        _ => Vec::new(),
    }
}

fn node(resource: Option<&Resource>) -> String {
    let attributes = resource.map(|resource| resource.attributes.as_slice()).unwrap_or_default();
    attribute(attributes, otlp::resource::SERVICE_INSTANCE_ID).unwrap_or_default()
}

fn attribute(attributes: &[KeyValue], name: &str) -> Option<String> {
    attributes.iter().find(|attribute| attribute.key == name).map(|attribute| text(attribute.value.as_ref()))
}

fn attributes(attributes: &[KeyValue]) -> Vec<String> {
    let mut texts: Vec<String> =
        attributes.iter().map(|attribute| format!("{}={}", attribute.key, text(attribute.value.as_ref()))).collect();
    texts.sort();
    texts
}

fn text(value: Option<&AnyValue>) -> String {
    match value.and_then(|value| value.value.as_ref()) {
        Some(any_value::Value::StringValue(text)) => text.clone(),
        Some(any_value::Value::IntValue(number)) => number.to_string(),
        Some(any_value::Value::DoubleValue(number)) => number.to_string(),
        Some(any_value::Value::BoolValue(value)) => value.to_string(),
        Some(other) => format!("{other:?}"),
        None => String::new(),
    }
}
