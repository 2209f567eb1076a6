//! What is well-formed and means nothing good: endless series, numbers and times that are none, other nodes.

use portreeve_telemetry::otlp::metric::Data;
use portreeve_telemetry::otlp::{
    ExportLogsServiceRequest, ExportMetricsServiceRequest, Gauge, LOGS_PATH, METRICS_PATH, Message as _, Metric,
    ResourceLogs, ScopeLogs,
};
use serde_json::json;

use crate::fleet::Fleet;
use crate::harm::assert_unharmed;
use crate::telling::{fresh_id, gauge, logs, metrics, now, point, record, report, resource_of, value};

#[test]
fn series_are_bounded() {
    let mut fleet = Fleet::start("limits.series = 500\nlimits.requests_per_minute = 100000\nlimits.burst = 100000\n");
    let node = fleet.enrol("a");
    for round in 0..20 {
        let many =
            (0..200).map(|index| gauge("portreeve.findings", &[("code", &format!("made.up-{round}-{index}"))], 1.0));
        let answer = node.post(&fleet, METRICS_PATH, &metrics(&node.id, many.collect()));
        assert!(matches!(answer.status, 200 | 400), "{} {}", answer.status, answer.text());
    }
    let own = fleet.metrics();
    let series = own
        .lines()
        .find_map(|line| line.strip_prefix("portreeve_fleet_series "))
        .map(|count| count.parse::<f64>().unwrap());
    assert!(series.is_none_or(|series| series <= 500.0), "{series:?}");
    assert_unharmed(&mut fleet, &node);
}

#[test]
fn numbers_and_times_that_are_none_do_no_harm() {
    let mut fleet = Fleet::start("limits.requests_per_minute = 100000\nlimits.burst = 100000\n");
    let node = fleet.enrol("a");
    let times =
        [0, 1, now() - 400 * 86_400_000_000_000, now() + 400 * 86_400_000_000_000, u64::MAX, i64::MAX.unsigned_abs()];
    let numbers = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MAX, f64::MIN_POSITIVE, -0.0];
    for at in times {
        for number in numbers {
            let points = vec![point(&[], number, at), point(&[], number, now())];
            let metric = Metric {
                name: "portreeve.node.uptime".to_owned(),
                data: Some(Data::Gauge(Gauge { data_points: points })),
                ..Metric::default()
            };
            let answer = node.post(&fleet, METRICS_PATH, &metrics(&node.id, vec![metric]));
            assert!(matches!(answer.status, 200 | 400), "{at} {number}: {} {}", answer.status, answer.text());
        }
        let mut strange = record("portreeve.report", &fresh_id(), at, &report(&node.id, "ready"));
        strange.severity_number = i32::MAX;
        let answer = node.post(&fleet, LOGS_PATH, &logs(&node.id, vec![strange]));
        assert!(matches!(answer.status, 200 | 400), "{at}: {} {}", answer.status, answer.text());
    }
    let strange = json!({ "schema": 7, "generated_at": "the day after", "node": [], "verdict": { "a": 1 }, "findings": "none", "gateways": [[[]]] });
    for body in [strange, json!(null), json!([]), json!("report"), json!(1e308)] {
        let answer =
            node.post(&fleet, LOGS_PATH, &logs(&node.id, vec![record("portreeve.report", &fresh_id(), now(), &body)]));
        assert!(matches!(answer.status, 200 | 400), "{} {}", answer.status, answer.text());
    }
    for id in ["", "no uuid", &"x".repeat(10_000), "00000000-0000-0000-0000-000000000000"] {
        let answer = node.post(&fleet, LOGS_PATH, &logs(&node.id, vec![record("portreeve.x", id, now(), &json!({}))]));
        assert!(matches!(answer.status, 200 | 400), "{} {}", answer.status, answer.text());
    }
    let own = fleet.metrics();
    assert!(!own.contains("NaN"), "{own}");
    assert_eq!(fleet.viewed("/").status, 200);
    assert_unharmed(&mut fleet, &node);
    fleet.restart();
    assert_eq!(fleet.viewed("/").status, 200);
    assert_unharmed(&mut fleet, &node);
}

#[test]
fn a_resource_may_be_missing_or_doubled_but_never_another() {
    let mut fleet = Fleet::start("");
    let (a, b) = (fleet.enrol("a"), fleet.enrol("b"));
    let scope = || {
        vec![ScopeLogs {
            log_records: vec![record("portreeve.report", &fresh_id(), now(), &report("b", "blocked"))],
            ..ScopeLogs::default()
        }]
    };
    let mut doubled = resource_of("a");
    doubled.attributes.extend(resource_of("b").attributes);
    let mut odd = resource_of("a");
    odd.attributes[1].value = Some(value(&json!(["b"])));
    for resource in [Some(doubled), Some(odd), Some(resource_of("b")), Some(resource_of(""))] {
        let own = ResourceLogs { resource: Some(resource_of("a")), ..ResourceLogs::default() };
        let other = ResourceLogs { resource, scope_logs: scope(), ..ResourceLogs::default() };
        let bytes = ExportLogsServiceRequest { resource_logs: vec![own, other] }.encode_to_vec();
        let answer = a.post(&fleet, LOGS_PATH, &bytes);
        assert!(matches!(answer.status, 400 | 403), "{} {}", answer.status, answer.text());
    }
    let empty = ExportMetricsServiceRequest::default().encode_to_vec();
    assert!(matches!(a.post(&fleet, METRICS_PATH, &empty).status, 200 | 400));
    assert_unharmed(&mut fleet, &b);
}
