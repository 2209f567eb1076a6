//! Whatever is sent is refused or taken, told in the log, and harmless: the server goes on answering, in bounded memory.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use portreeve_telemetry::otlp::metric::Data;
use portreeve_telemetry::otlp::{
    ExportLogsServiceRequest, ExportMetricsServiceRequest, Gauge, LOGS_PATH, LogRecord, METRICS_PATH, Message as _,
    Metric, NumberDataPoint, ResourceLogs, ScopeLogs,
};
use serde_json::json;

use crate::fleet::{Fleet, Node};
use crate::telling::{
    bomb, fresh_id, gauge, gzip, logs, metrics, nested, now, point, record, report, resource_of, text, value,
};
use crate::wire::{connect, exchange, request, send};

/// Resident memory that no client may drive a server over that holds next to nothing, in MiB. The bounds of bodies in memory are a
/// quarter of a GiB.
const MEMORY_MIB: u64 = 400;
/// Within which a server answers whatever else is going on. A debug build on a busy machine.
const ANSWER: Duration = Duration::from_secs(5);

/// That the server is as it was: it answers at once, takes in what is right, and is of no size.
fn assert_unharmed(fleet: &mut Fleet, node: &Node) {
    let begun = Instant::now();
    assert_eq!(fleet.get("/healthz").status, 200);
    let answer = node.post(fleet, METRICS_PATH, &metrics(&node.id, vec![gauge("portreeve.node.uptime", &[], 1.0)]));
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(begun.elapsed() < ANSWER, "answers took {:?}", begun.elapsed());
    let peak = fleet.memory_mib();
    assert!(peak < MEMORY_MIB, "{peak} MiB at the most");
    assert!(!fleet.log().contains("panicked"), "{}", fleet.log());
}

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

#[test]
fn no_path_leads_anywhere_else() {
    let mut fleet = Fleet::start("");
    let node = fleet.enrol("a");
    let long = format!("/{}", "a".repeat(60_000));
    let paths = [
        "//",
        "///v1/metrics",
        "/v1//metrics",
        "/v1/./metrics",
        "/../../etc/passwd",
        "/..%2f..%2f..%2fetc%2fpasswd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/assets/../../../etc/passwd",
        "/assets/..%2f..%2fetc%2fpasswd",
        "/assets/%2e%2e%2f%2e%2e%2fetc%2fpasswd",
        "/assets/%00",
        "/%00",
        "/assets/....//....//etc/passwd",
        "/assets//etc/passwd",
        "/assets/\\..\\..\\etc\\passwd",
        "/nodes/%00",
        "/nodes/..%2f..",
        "/v1/metrics/",
        "/V1/METRICS",
        "/v1/metrics%20",
        "/v1/metrics;x=1",
        "/%",
        "/%zz",
        "/?%zz=%",
        "/?page=99999999999999999999&sort=%00&q=%ff",
        "http://other.example.com/",
        "/fleet.db",
        "/assets/board.css.map",
        "/.git/config",
        long.as_str(),
    ];
    for path in paths {
        for method in ["GET", "POST"] {
            let (answer, _) = exchange(fleet.address, &request(method, path, &[], b""));
            // A head that is too long, or a target that is none, may end the connection.
            let Some(answer) = answer else { continue };
            assert!((300..500).contains(&answer.status), "{method} {path}: {}", answer.status);
            assert!(!answer.text().contains("root:"), "{path}");
            let place = answer.header("location").unwrap_or_default();
            assert!(
                place.is_empty() || (place.starts_with('/') && !place.starts_with("//") && !place.starts_with("/\\")),
                "{path} leads to {place}"
            );
        }
    }
    assert_unharmed(&mut fleet, &node);
}

#[test]
fn headers_cannot_be_forged() {
    let mut fleet = Fleet::start("");
    let node = fleet.enrol("a");
    let forged = [
        ("X-Forwarded-User", "root"),
        ("X-Remote-User", "root"),
        ("Remote-User", "root"),
        ("X-Forwarded-For", "127.0.0.1"),
        ("Forwarded", "for=127.0.0.1"),
        ("X-Original-URL", "/healthz"),
        ("X-Rewrite-URL", "/healthz"),
        ("Cookie", "portreeve_session=; portreeve_session=x"),
        ("Authorization", "Bearer"),
        ("Authorization", "Basic cm9vdDpyb290"),
        ("Authorization", "Bearer \u{ff}\u{ff}"),
    ];
    for header in forged {
        let answer = send(fleet.address, "GET", "/", &[header, ("Accept", "text/html")], b"");
        assert!(matches!(answer.status, 303 | 401 | 400), "{header:?}: {}", answer.status);
    }
    // What a client makes up is never a header of the answer.
    let answer = send(
        fleet.address,
        "GET",
        "/x%0d%0aSet-Cookie:%20a=b?%0d%0aSet-Cookie:%20a=b",
        &[("Accept", "text/html")],
        b"",
    );
    assert_eq!(answer.header("set-cookie"), None);
    let many = "X-Many: x\r\n".repeat(2_000);
    for head in
        [many.as_str(), "X-Long: LONG\r\n", "Bad Name: x\r\n", "X: a\r\n folded\r\n", "X: a\nY: b\r\n", "X: \0\r\n"]
    {
        let head = head.replace("LONG", &"a".repeat(100_000));
        let bytes = format!("GET / HTTP/1.1\r\nHost: f\r\nConnection: close\r\n{head}\r\n");
        let (answer, _) = exchange(fleet.address, bytes.as_bytes());
        assert!(
            answer.as_ref().is_none_or(|answer| (300..500).contains(&answer.status)),
            "{:?}",
            answer.map(|answer| answer.status)
        );
    }
    assert_unharmed(&mut fleet, &node);
}

#[test]
fn a_request_ends_where_all_agree_that_it_ends() {
    let mut fleet = Fleet::start("");
    let node = fleet.enrol("a");
    // Each hides a second request from a proxy that reads the first in another way.
    let hidden = "GET /healthz HTTP/1.1\r\nHost: f\r\n\r\n";
    let start = "POST /login HTTP/1.1\r\nHost: f\r\nContent-Type: application/x-www-form-urlencoded\r\n";
    let length = hidden.len() + 5;
    let attacks = [
        format!("{start}Content-Length: 6\r\nContent-Length: {length}\r\n\r\n0\r\n\r\n{hidden}"),
        format!("{start}Content-Length: 6, {length}\r\n\r\n0\r\n\r\n{hidden}"),
        format!("{start}Content-Length: +6\r\n\r\n0\r\n\r\n{hidden}"),
        format!("{start}Content-Length: -6\r\n\r\n0\r\n\r\n{hidden}"),
        format!("{start}Content-Length: 0x6\r\n\r\n0\r\n\r\n{hidden}"),
        format!("{start}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n{hidden}"),
        format!("{start}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n{hidden}"),
        format!("{start}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n{hidden}"),
        format!("{start}Transfer-Encoding: chunked\r\n\r\nfffffffffffffffffff\r\n{hidden}"),
        format!("{start}Transfer-Encoding: chunked\r\n\r\n-1\r\n{hidden}"),
        format!("{start}Transfer-Encoding: chunked\r\n\r\n1;{}\r\na\r\n0\r\n\r\n{hidden}", "x".repeat(100_000)),
    ];
    for attack in attacks {
        let (answer, answers) = exchange(fleet.address, attack.as_bytes());
        assert!(answers <= 1, "{attack}: {answers} answers");
        assert!(
            answer.as_ref().is_none_or(|answer| answer.status >= 400),
            "{attack}: {:?}",
            answer.map(|answer| answer.status)
        );
    }
    // Both lengths: chunks count, and nothing is read from that connection after them.
    let both = format!("{start}Content-Length: {length}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{hidden}");
    let (answer, answers) = exchange(fleet.address, both.as_bytes());
    assert!(answers <= 1, "{answers} answers: {answer:?}");
    assert_unharmed(&mut fleet, &node);
}

#[test]
fn who_is_slow_is_dropped_and_keeps_nobody_waiting() {
    let mut fleet = Fleet::start("limits.header_s = 2\nlimits.body_s = 2\n");
    let (slow, node) = (fleet.enrol("slow"), fleet.enrol("a"));
    let begun = Instant::now();
    let mut silent: Vec<TcpStream> = (0..100).map(|_| connect(fleet.address)).collect();
    let mut heads: Vec<TcpStream> = (0..100).map(|_| connect(fleet.address)).collect();
    let mut bodies: Vec<TcpStream> = (0..100).map(|_| connect(fleet.address)).collect();
    let start = request(
        "POST",
        METRICS_PATH,
        &[("Authorization", &slow.bearer()), ("Content-Type", "application/x-protobuf")],
        b"",
    );
    let start = String::from_utf8(start).unwrap().replace("Content-Length: 0", "Content-Length: 1000");
    for body in &mut bodies {
        body.write_all(start.as_bytes()).unwrap();
    }
    assert_unharmed(&mut fleet, &node);
    // A byte now and then does not help.
    let mut ended = Vec::new();
    while begun.elapsed() < Duration::from_secs(4) {
        for stream in heads.iter_mut().chain(&mut bodies) {
            let _ = stream.write_all(b"x");
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    for stream in silent.iter_mut().chain(&mut heads).chain(&mut bodies) {
        let mut answer = Vec::new();
        stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        // An end, a refusal, or a reset: anything but a wait.
        let outcome = stream.read_to_end(&mut answer);
        let waits = outcome
            .as_ref()
            .is_err_and(|error| matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut));
        assert!(!waits, "a slow connection is still open");
        if let Some(status) = answer.get(9..12) {
            ended.push(String::from_utf8_lossy(status).into_owned());
        }
    }
    // The credential of all of them has its bound too.
    assert!(ended.iter().all(|status| ["400", "408", "429"].contains(&status.as_str())), "{ended:?}");
    assert_unharmed(&mut fleet, &node);
}

#[test]
fn connections_are_bounded() {
    let mut fleet = Fleet::start("limits.connections = 20\n");
    let node = fleet.enrol("a");
    let streams: Vec<TcpStream> = (0..60).map(|_| connect(fleet.address)).collect();
    let refused = streams.iter().filter(|stream| {
        stream.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
        let mut byte = [0];
        (&**stream).read(&mut byte).is_ok_and(|count| count == 0)
            || stream.take_error().is_ok_and(|error| error.is_some())
    });
    assert!(refused.count() >= 30, "more connections than allowed are open");
    for stream in &streams {
        let _ = stream.shutdown(Shutdown::Both);
    }
    drop(streams);
    let begun = Instant::now();
    while exchange(fleet.address, &request("GET", "/healthz", &[], b"")).0.is_none_or(|answer| answer.status != 200) {
        assert!(begun.elapsed() < ANSWER, "no connection once the others were closed");
    }
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
