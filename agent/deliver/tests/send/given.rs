//! What the tests begin with.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use portreeve_deliver::send::{Client, Options, Outcome, Policy};
use portreeve_deliver::spool::{Limits, Record, Signal, Spool};
use portreeve_store::Folder;
use portreeve_telemetry::event;
use portreeve_telemetry::otlp::{
    AnyValue, ExportLogsServiceRequest, ExportMetricsServiceRequest, Gauge, KeyValue, LogRecord, Message as _, Metric,
    NumberDataPoint, ResourceLogs, ResourceMetrics, ScopeLogs, ScopeMetrics, any_value, metric, number_data_point,
};
use uuid::Uuid;

pub(crate) const LIMIT: Duration = Duration::from_secs(20);

pub(crate) fn event(number: u128) -> Record {
    let id = Uuid::from_u128(number);
    let text = |text: String| Some(AnyValue { value: Some(any_value::Value::StringValue(text)) });
    let record = LogRecord {
        attributes: vec![KeyValue { key: event::ID.to_owned(), value: text(id.to_string()), ..KeyValue::default() }],
        event_name: "portreeve.report".to_owned(),
        body: text("the same words again and again ".repeat(20)),
        ..LogRecord::default()
    };
    let scope = ScopeLogs { log_records: vec![record], ..ScopeLogs::default() };
    let resource = ResourceLogs { scope_logs: vec![scope], ..ResourceLogs::default() };
    let bytes = ExportLogsServiceRequest { resource_logs: vec![resource] }.encode_to_vec();
    Record { id, signal: Signal::Logs, at: Timestamp::now(), bytes }
}

pub(crate) fn measurement(number: u128) -> Record {
    let value = Some(number_data_point::Value::AsInt(i64::try_from(number).unwrap()));
    let point = NumberDataPoint { value, ..NumberDataPoint::default() };
    let gauge = metric::Data::Gauge(Gauge { data_points: vec![point] });
    let metric = Metric { name: "portreeve.ready".to_owned(), data: Some(gauge), ..Metric::default() };
    let scope = ScopeMetrics { metrics: vec![metric], ..ScopeMetrics::default() };
    let resource = ResourceMetrics { scope_metrics: vec![scope], ..ResourceMetrics::default() };
    let bytes = ExportMetricsServiceRequest { resource_metrics: vec![resource] }.encode_to_vec();
    Record { id: Uuid::from_u128(number), signal: Signal::Metrics, at: Timestamp::now(), bytes }
}

pub(crate) fn spool(data_dir: &Path) -> Spool {
    let folder = Folder::create(&data_dir.join("spool")).unwrap();
    Spool::open(folder, Limits::default(), Timestamp::now()).unwrap()
}

pub(crate) fn options(endpoint: &str) -> Options {
    Options { endpoint: Some(endpoint.to_owned()), timeout: Duration::from_secs(2), ..Options::default() }
}

pub(crate) fn token_file(folder: &Path, token: &str) -> PathBuf {
    let path = folder.join("token");
    fs::write(&path, token).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    path
}

/// As in earnest, and faster.
pub(crate) fn policy() -> Policy {
    Policy {
        linger: Duration::from_millis(10),
        first_pause: Duration::from_millis(10),
        max_pause: Duration::from_millis(100),
        first_slow_pause: Duration::from_millis(20),
        max_slow_pause: Duration::from_mins(1),
        look: Duration::from_millis(20),
        ..Policy::default()
    }
}

pub(crate) fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

/// What comes of sending one event.
pub(crate) fn send(options: &Options, data_dir: &Path) -> Outcome {
    block_on(async {
        let client = Client::new(options, data_dir).unwrap().unwrap();
        client.send(Signal::Logs, &event(1).bytes).await
    })
}
