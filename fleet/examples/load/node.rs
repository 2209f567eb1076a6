//! A simulated node: what it is, and what it tells.

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;

use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::Timestamp;
use portreeve_core::{Policy, Snapshot, diagnose};
use portreeve_telemetry::enrol::Request;
use portreeve_telemetry::event::{self, Name};
use portreeve_telemetry::metric::{self, Kind};
use portreeve_telemetry::otlp::exponential_histogram_data_point::Buckets;
use portreeve_telemetry::otlp::metric::Data;
use portreeve_telemetry::otlp::{
    AggregationTemporality, AnyValue, ArrayValue, ExponentialHistogram, ExponentialHistogramDataPoint,
    ExportLogsServiceRequest, ExportMetricsServiceRequest, Gauge, InstrumentationScope, KeyValue, KeyValueList,
    LogRecord, Message as _, Metric, NumberDataPoint, Resource, ResourceLogs, ResourceMetrics, ScopeLogs, ScopeMetrics,
    Sum, any_value, number_data_point, resource,
};
use serde_json::Value;

/// Of a thousand nodes so many have this verdict; the first kept facts with it are theirs. The rest is ready.
const SICK: [(&str, usize); 4] = [("degraded", 40), ("blocked", 40), ("unknown", 10), ("ready", 910)];
/// One of so many reports tells of a change.
const CHANGES: usize = 50;
/// Builds of macOS, for the older of which fewer nodes are left.
const BUILDS: [(&str, &str); 4] = [("26.1", "25B78"), ("26.1", "25B77"), ("26.0.1", "25A362"), ("15.7.2", "24G325")];
const OPENCLAW: [&str; 3] = ["2026.9.6", "2026.9.4", "2026.8.30"];
/// What a node has of such series, besides those that come from its report.
const GATEWAY: &str = "op/default:18789";

/// What nodes have in common.
pub(crate) struct Fleet {
    /// Reports as JSON, by verdict.
    reports: Vec<(String, Vec<Value>)>,
}

impl Fleet {
    /// Reports on these kept facts.
    pub(crate) fn read(files: &[PathBuf]) -> Self {
        let mut reports: Vec<(String, Vec<Value>)> =
            SICK.iter().map(|(verdict, _)| ((*verdict).to_owned(), Vec::new())).collect();
        for file in files {
            let snapshot: Snapshot = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
            let report = diagnose(&snapshot, &Policy::default());
            let (_, list) = reports.iter_mut().find(|(verdict, _)| verdict == report.verdict.name()).unwrap();
            list.push(serde_json::to_value(&report).unwrap());
        }
        assert!(reports.iter().all(|(_, list)| !list.is_empty()), "facts of each verdict are needed");
        Self { reports }
    }

    fn report(&self, turn: usize) -> &Value {
        let mut place = turn % 1000;
        let mut chosen = "ready";
        for (verdict, share) in SICK {
            if place < share {
                chosen = verdict;
                break;
            }
            place -= share;
        }
        let (_, list) = self.reports.iter().find(|(verdict, _)| verdict == chosen).unwrap();
        &list[turn % list.len()]
    }
}

/// An event that was told: identity and name.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    /// [`event::ID`].
    pub(crate) id: String,
    /// Its name.
    pub(crate) name: &'static str,
    /// The node.
    pub(crate) node: String,
    /// For a report, when its facts were taken.
    pub(crate) at: String,
}

/// One node.
pub(crate) struct Node {
    pub(crate) index: usize,
    pub(crate) token: String,
    id: String,
    turn: usize,
    beats: u64,
    started: Timestamp,
}

impl Node {
    pub(crate) fn new(index: usize, token: String) -> Self {
        Self { index, token, id: id(index), turn: index.wrapping_mul(7919), beats: 0, started: Timestamp::now() }
    }

    /// How it asks for a credential.
    pub(crate) fn asks(index: usize, code: &str) -> Request {
        Request {
            code: code.to_owned(),
            node: id(index),
            name: None,
            hostname: format!("mini-{index:05}"),
            agent_version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }

    fn build(&self) -> (&'static str, &'static str) {
        BUILDS[(self.index % 10).saturating_sub(6)]
    }

    fn resource(&self) -> Resource {
        let (version, build) = self.build();
        let attributes = [
            (resource::SERVICE_NAME, resource::SERVICE.to_owned()),
            (resource::SERVICE_VERSION, env!("CARGO_PKG_VERSION").to_owned()),
            (resource::SERVICE_INSTANCE_ID, self.id.clone()),
            (resource::HOST_ID, self.id.clone()),
            (resource::HOST_NAME, format!("mini-{:05}", self.index)),
            (resource::HOST_ARCH, "arm64".to_owned()),
            (resource::OS_TYPE, "darwin".to_owned()),
            (resource::OS_NAME, "macOS".to_owned()),
            (resource::OS_VERSION, version.to_owned()),
            (resource::OS_BUILD_ID, build.to_owned()),
        ];
        Resource {
            attributes: attributes.into_iter().map(|(key, value)| text(key, &value)).collect(),
            ..Resource::default()
        }
    }

    /// Its metrics of now, packed.
    pub(crate) fn metrics(&mut self, fleet: &Fleet) -> Vec<u8> {
        self.beats += 1;
        let report = fleet.report(self.turn);
        let mut metrics =
            Metrics { now: nanos(Timestamp::now()), start: nanos(self.started), beats: self.beats, list: Vec::new() };
        for verdict in ["ready", "degraded", "blocked", "unknown"] {
            metrics.add(
                "portreeve.verdict",
                &[("verdict", verdict)],
                f64::from(u8::from(report["verdict"] == verdict)),
            );
        }
        for layer in ["transport", "auth", "channels", "alignment", "node"] {
            for state in ["pass", "fail", "unknown"] {
                let holds = report["layers"][layer]["state"] == state;
                metrics.add("portreeve.layer", &[("layer", layer), ("state", state)], f64::from(u8::from(holds)));
            }
        }
        for rung in ["one-owner", "live", "started", "ready", "handshake", "authenticated", "channels"] {
            for state in ["pass", "fail", "unknown"] {
                let attributes = [("gateway", GATEWAY), ("rung", rung), ("state", state)];
                metrics.add("portreeve.rung", &attributes, f64::from(u8::from(state == "pass")));
            }
        }
        for finding in report["findings"].as_array().into_iter().flatten() {
            let word = |key: &str| finding[key].as_str().unwrap_or_default();
            let attributes =
                [("code", word("code")), ("severity", word("severity")), ("layer", word("layer")), ("waived", "false")];
            metrics.add("portreeve.findings", &attributes, 1.0);
        }
        for name in [
            "portreeve.verdict.duration",
            "portreeve.node.uptime",
            "portreeve.node.clock_offset",
            "portreeve.maintenance",
            "portreeve.quarantine",
            "portreeve.state.free",
            "portreeve.state.wal",
            "portreeve.agent.cpu.utilization",
            "portreeve.agent.uptime",
            "portreeve.spool.records",
            "portreeve.spool.size",
            "portreeve.spool.oldest",
            "portreeve.spool.dropped",
        ] {
            metrics.add(name, &[], fastrand::f64() * 100.0);
        }
        metrics.add("portreeve.agent.interval", &[], 60.0);
        metrics.add("portreeve.agent.memory", &[("process", "daemon")], 12e6 + fastrand::f64() * 1e6);
        for name in ["portreeve.gateway.up", "portreeve.gateway.ready"] {
            metrics.add(name, &[("gateway", GATEWAY)], 1.0);
        }
        metrics.add("portreeve.gateway.info", &[("gateway", GATEWAY), ("version", OPENCLAW[self.index % 3])], 1.0);
        for (kind, purpose) in
            [("wal-writer", "database"), ("sqlite-lock-file", "gateway-lifecycle"), ("exclusive-file", "session")]
        {
            let attributes = [("kind", kind), ("purpose", purpose)];
            metrics.add("portreeve.lock.wait.p95", &attributes, fastrand::f64() * 0.02);
            metrics.add("portreeve.lock.held", &attributes, fastrand::f64() * 0.2);
            metrics.distribution("portreeve.lock.wait", &attributes);
        }
        metrics.distribution("portreeve.handshake.duration", &[("gateway", GATEWAY)]);
        metrics.distribution("portreeve.connect.duration", &[("gateway", GATEWAY)]);
        metrics.add(
            "portreeve.connect.attempts",
            &[("gateway", GATEWAY), ("outcome", "connected")],
            self.beats as f64 * 3.0,
        );
        for (code, reason) in [("1006", "other"), ("1008", "pairing-required"), ("1000", "other")] {
            metrics.add(
                "portreeve.connection.closes",
                &[("gateway", GATEWAY), ("code", code), ("reason", reason)],
                self.beats as f64,
            );
        }
        for side in ["gateway", "client"] {
            metrics.add("portreeve.token.sources", &[("side", side), ("name", "cli")], 1.0);
        }
        metrics.add("portreeve.pairing.attempts", &[("gateway", GATEWAY)], self.beats as f64 / 10.0);
        let scope = ScopeMetrics { scope: Some(scope()), metrics: metrics.list, ..ScopeMetrics::default() };
        let resource = ResourceMetrics {
            resource: Some(self.resource()),
            scope_metrics: vec![scope],
            ..ResourceMetrics::default()
        };
        pack(&ExportMetricsServiceRequest { resource_metrics: vec![resource] }.encode_to_vec())
    }

    /// Its report and what changed since the last, packed; with the events in it.
    pub(crate) fn logs(&mut self, fleet: &Fleet) -> (Vec<u8>, Vec<Told>) {
        let now = Timestamp::now();
        let before = fleet.report(self.turn)["verdict"].clone();
        if fastrand::usize(..CHANGES) == 0 {
            self.turn = self.turn.wrapping_add(fastrand::usize(1..1000));
        }
        let mut report = fleet.report(self.turn).clone();
        let (version, build) = self.build();
        report["generated_at"] = now.to_string().into();
        report["node"]["id"] = self.id.clone().into();
        report["node"]["hostname"] = format!("mini-{:05}", self.index).into();
        report["node"]["os_version"] = version.into();
        report["node"]["os_build"] = build.into();
        for gateway in report["gateways"].as_array_mut().into_iter().flatten() {
            gateway["version"] = OPENCLAW[self.index % 3].into();
        }
        let verdict = report["verdict"].clone();
        let mut events = vec![(Name::Report, report)];
        if verdict != before {
            let body = serde_json::json!({ "from": before, "after_s": 60, "to": verdict, "since": now.to_string(), "causes": [] });
            events.push((Name::VerdictChanged, body));
        }
        let mut told = Vec::new();
        let mut records = Vec::new();
        for (name, body) in events {
            let id = event::id(now, &[&self.id, name.as_str()]).to_string();
            told.push(Told { id: id.clone(), name: name.as_str(), node: self.id.clone(), at: now.to_string() });
            records.push(LogRecord {
                time_unix_nano: nanos(now),
                observed_time_unix_nano: nanos(now),
                severity_number: 9,
                event_name: name.as_str().to_owned(),
                body: Some(value(&body)),
                attributes: vec![text(event::ID, &id)],
                ..LogRecord::default()
            });
        }
        let scope = ScopeLogs { scope: Some(scope()), log_records: records, ..ScopeLogs::default() };
        let resource =
            ResourceLogs { resource: Some(self.resource()), scope_logs: vec![scope], ..ResourceLogs::default() };
        (pack(&ExportLogsServiceRequest { resource_logs: vec![resource] }.encode_to_vec()), told)
    }
}

struct Metrics {
    now: u64,
    start: u64,
    beats: u64,
    list: Vec<Metric>,
}

impl Metrics {
    /// One point of a metric of the catalogue.
    fn add(&mut self, name: &str, attributes: &[(&str, &str)], number: f64) {
        let known = metric::find(name).unwrap();
        let point = NumberDataPoint {
            attributes: attributes.iter().map(|(key, value)| text(key, value)).collect(),
            start_time_unix_nano: self.start,
            time_unix_nano: self.now,
            value: Some(number_data_point::Value::AsDouble(number)),
            ..NumberDataPoint::default()
        };
        if let Some(last) = self.list.last_mut().filter(|last| last.name == name) {
            match last.data.as_mut().unwrap() {
                Data::Gauge(gauge) => gauge.data_points.push(point),
                Data::Sum(sum) => sum.data_points.push(point),
                _ => panic!("{name} is a distribution"),
            }
            return;
        }
        let data = match known.kind {
            Kind::Counter => Data::Sum(Sum {
                data_points: vec![point],
                aggregation_temporality: AggregationTemporality::Cumulative.into(),
                is_monotonic: true,
            }),
            _ => Data::Gauge(Gauge { data_points: vec![point] }),
        };
        self.push(name, data);
    }

    fn distribution(&mut self, name: &str, attributes: &[(&str, &str)]) {
        let buckets: Vec<u64> = (0..24).map(|place| self.beats * (24 - place)).collect();
        let point = ExponentialHistogramDataPoint {
            attributes: attributes.iter().map(|(key, value)| text(key, value)).collect(),
            start_time_unix_nano: self.start,
            time_unix_nano: self.now,
            count: buckets.iter().sum(),
            sum: Some(self.beats as f64),
            scale: 3,
            positive: Some(Buckets { offset: -60, bucket_counts: buckets }),
            ..ExponentialHistogramDataPoint::default()
        };
        self.push(
            name,
            Data::ExponentialHistogram(ExponentialHistogram {
                data_points: vec![point],
                aggregation_temporality: AggregationTemporality::Cumulative.into(),
            }),
        );
    }

    fn push(&mut self, name: &str, data: Data) {
        let unit = metric::find(name).unwrap().unit.to_owned();
        self.list.push(Metric { name: name.to_owned(), unit, data: Some(data), ..Metric::default() });
    }
}

/// As an agent's keyed fingerprint looks.
fn id(index: usize) -> String {
    format!("{:012x}", (index as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 16)
}

fn scope() -> InstrumentationScope {
    InstrumentationScope {
        name: "portreeve".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        ..InstrumentationScope::default()
    }
}

fn nanos(at: Timestamp) -> u64 {
    u64::try_from(at.as_nanosecond()).unwrap()
}

fn text(key: &str, value: &str) -> KeyValue {
    let value = AnyValue { value: Some(any_value::Value::StringValue(value.to_owned())) };
    KeyValue { key: key.to_owned(), value: Some(value), ..KeyValue::default() }
}

/// A body in the protocol's own form.
fn value(json: &Value) -> AnyValue {
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

fn pack(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}
