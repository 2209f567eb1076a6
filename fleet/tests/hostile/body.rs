//! Bodies: too large, packed wrongly, no messages, too deep, too many parts. Each is refused, told in the log, and harmless.

use std::time::Instant;

use portreeve_telemetry::otlp::metric::Data;
use portreeve_telemetry::otlp::{Gauge, LOGS_PATH, LogRecord, METRICS_PATH, Metric, NumberDataPoint};
use serde_json::json;

use crate::fleet::Fleet;
use crate::harm::{ANSWER, assert_unharmed};
use crate::telling::{bomb, fresh_id, gauge, gzip, logs, metrics, nested, now, record, report, text};
use crate::wire::{exchange, send};

#[test]
fn a_body_too_large_is_refused_before_it_is_read() {
    let mut fleet = Fleet::start("limits.body_bytes = 65536\n");
    let node = fleet.enrol("a");
    let token = node.bearer();
    let promised = format!(
        "POST {METRICS_PATH} HTTP/1.1\r\nHost: f\r\nAuthorization: {token}\r\nContent-Type: application/x-protobuf\r\nContent-Length: 99999999999\r\n\r\n"
    );
    let begun = Instant::now();
    let (answer, _) = exchange(fleet.address, promised.as_bytes());
    assert_eq!(answer.unwrap().status, 413);
    assert!(begun.elapsed() < ANSWER);
    let chunk = format!("10000\r\n{}\r\n", "a".repeat(0x10000));
    let chunked = format!(
        "POST {LOGS_PATH} HTTP/1.1\r\nHost: f\r\nAuthorization: {token}\r\nContent-Type: application/x-protobuf\r\nTransfer-Encoding: chunked\r\n\r\n"
    );
    let (answer, _) = exchange(fleet.address, &[chunked.as_bytes(), chunk.repeat(64).as_bytes()].concat());
    // What is sent on after the refusal may reset the connection before the answer is read.
    assert!(answer.is_none_or(|answer| answer.status == 413));
    assert_unharmed(&mut fleet, &node);
}

#[test]
fn a_zip_bomb_is_refused_at_its_bound() {
    let mut fleet = Fleet::start("");
    let node = fleet.enrol("a");
    let packed = bomb(1024 * 1024 * 1024);
    let before = fleet.memory_mib();
    let begun = Instant::now();
    for path in [METRICS_PATH, LOGS_PATH] {
        let answer = node.packed(&fleet, path, &packed);
        assert_eq!(answer.status, 413, "{}", answer.text());
    }
    assert!(begun.elapsed() < ANSWER, "{:?}", begun.elapsed());
    let grown = fleet.memory_mib() - before;
    assert!(grown < 64, "{grown} MiB more");
    let twice = node.packed(&fleet, METRICS_PATH, &gzip(&gzip(&metrics(&node.id, Vec::new()))));
    assert_eq!(twice.status, 400, "{}", twice.text());
    assert_unharmed(&mut fleet, &node);
}

#[test]
fn packings_that_are_broken_or_unknown_are_refused() {
    let mut fleet = Fleet::start("");
    let node = fleet.enrol("a");
    let right = gzip(&metrics(&node.id, vec![gauge("portreeve.node.uptime", &[], 1.0)]));
    let mut wrong_sum = right.clone();
    let place = wrong_sum.len() - 6;
    wrong_sum[place] ^= 0xff;
    for broken in [&right[..right.len() / 2], &right[..4], &wrong_sum[..], b"not gzip at all", b""] {
        let answer = node.packed(&fleet, METRICS_PATH, broken);
        assert_eq!(answer.status, 400, "{} bytes: {}", broken.len(), answer.text());
    }
    let bearer = node.bearer();
    for encoding in ["br", "deflate", "zstd", "gzip, gzip", "x"] {
        let headers = [
            ("Authorization", bearer.as_str()),
            ("Content-Type", "application/x-protobuf"),
            ("Content-Encoding", encoding),
        ];
        let answer = send(fleet.address, "POST", METRICS_PATH, &headers, &right);
        assert_eq!(answer.status, 415, "{encoding}: {}", answer.text());
    }
    assert_unharmed(&mut fleet, &node);
}

#[test]
fn what_is_no_message_is_refused_as_poison() {
    let mut fleet = Fleet::start("limits.requests_per_minute = 100000\nlimits.burst = 100000\n");
    let node = fleet.enrol("a");
    let right = logs(&node.id, vec![record("portreeve.report", &fresh_id(), now(), &report(&node.id, "ready"))]);
    let mut cases: Vec<Vec<u8>> = vec![
        b"\x0a\xff\xff\xff\xff\x7f".to_vec(),
        b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff".to_vec(),
        b"\x0b\x0b\x0b\x0b".to_vec(),
        vec![0xff; 4096],
        right[..right.len() - 3].to_vec(),
    ];
    let mut random = fastrand::Rng::with_seed(7);
    for _ in 0..150 {
        let mut bytes = right.clone();
        for _ in 0..random.usize(1..8) {
            let place = random.usize(..bytes.len());
            bytes[place] = random.u8(..);
        }
        cases.push(bytes);
    }
    for bytes in cases {
        for path in [METRICS_PATH, LOGS_PATH] {
            let answer = node.post(&fleet, path, &bytes);
            assert!(matches!(answer.status, 200 | 400 | 403 | 413), "{} to {path}: {}", answer.status, answer.text());
        }
    }
    for bytes in [&b"\x0a\xff\xff\xff\xff\x7f"[..], &right[..right.len() - 3]] {
        assert_eq!(node.post(&fleet, LOGS_PATH, bytes).status, 400);
    }
    assert_unharmed(&mut fleet, &node);
}

#[test]
fn depth_is_bounded() {
    let mut fleet = Fleet::start("");
    let node = fleet.enrol("a");
    for depth in [30, 90, 1_000, 20_000] {
        let mut deep = record("portreeve.report", &fresh_id(), now(), &json!({}));
        // The innermost is dropped level by level: a test's stack is small.
        deep.body = Some(nested(depth.min(1_000)));
        let mut bytes = logs(&node.id, vec![deep]);
        if depth > 1_000 {
            bytes = wrapped(depth);
        }
        let answer = node.post(&fleet, LOGS_PATH, &bytes);
        assert!(matches!(answer.status, 200 | 400), "{depth}: {} {}", answer.status, answer.text());
        assert!(depth < 100 || answer.status == 400, "{depth}: {}", answer.status);
    }
    assert_unharmed(&mut fleet, &node);
}

/// A log record with a body so deep that no message could be built of it here.
fn wrapped(depth: usize) -> Vec<u8> {
    let field = |number: u8, inner: &[u8]| {
        let mut bytes = vec![number << 3 | 2];
        let mut length = inner.len();
        while length > 0x7f {
            bytes.push(u8::try_from(length & 0x7f).unwrap() | 0x80);
            length >>= 7;
        }
        bytes.push(u8::try_from(length).unwrap());
        bytes.extend_from_slice(inner);
        bytes
    };
    let mut value = Vec::new();
    for _ in 0..depth {
        value = field(5, &field(1, &value));
    }
    field(1, &field(2, &field(2, &field(5, &value))))
}

#[test]
fn messages_within_messages_are_counted() {
    let mut fleet = Fleet::start("limits.messages = 10000\n");
    let node = fleet.enrol("a");
    let mut many = gauge("portreeve.node.uptime", &[], 1.0);
    let Some(Data::Gauge(Gauge { data_points })) = &mut many.data else { unreachable!() };
    data_points[0].attributes = (0..20_000).map(|index| text(&format!("key{index}"), "value")).collect();
    let points = (0..20_000).map(|_| NumberDataPoint::default()).collect();
    let empty = Metric {
        name: "portreeve.x".to_owned(),
        data: Some(Data::Gauge(Gauge { data_points: points })),
        ..Metric::default()
    };
    let names = (0..20_000).map(|index| gauge(&format!("portreeve.m{index}"), &[], 1.0)).collect();
    for metric in [vec![many], vec![empty], names] {
        let answer = node.post(&fleet, METRICS_PATH, &metrics(&node.id, metric));
        assert!(matches!(answer.status, 400 | 413), "{} {}", answer.status, answer.text());
    }
    let records = vec![LogRecord::default(); 20_000];
    let answer = node.post(&fleet, LOGS_PATH, &logs(&node.id, records));
    assert!(matches!(answer.status, 400 | 413), "{} {}", answer.status, answer.text());
    assert_unharmed(&mut fleet, &node);
}

#[test]
fn only_protobuf_is_taken() {
    let mut fleet = Fleet::start("");
    let node = fleet.enrol("a");
    let body = metrics(&node.id, vec![gauge("portreeve.node.uptime", &[], 1.0)]);
    let bearer = node.bearer();
    for kind in [
        "application/json",
        "text/plain",
        "multipart/form-data; boundary=x",
        "application/x-www-form-urlencoded",
        "",
        "application/x-protobuf/",
    ] {
        let headers = [("Authorization", bearer.as_str()), ("Content-Type", kind)];
        let answer = send(fleet.address, "POST", METRICS_PATH, &headers, &body);
        assert_eq!(answer.status, 415, "{kind:?}: {}", answer.text());
    }
    let answer = send(fleet.address, "POST", METRICS_PATH, &[("Authorization", &bearer)], &body);
    assert_eq!(answer.status, 415, "{}", answer.text());
    for method in ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"] {
        let headers = [("Authorization", bearer.as_str()), ("Content-Type", "application/x-protobuf")];
        let answer = send(fleet.address, method, METRICS_PATH, &headers, &body);
        assert!(matches!(answer.status, 400 | 404 | 405), "{method}: {}", answer.status);
    }
    assert_unharmed(&mut fleet, &node);
}
