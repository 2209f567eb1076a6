//! Requests: paths, headers, where they end, how slow they are and how many at once.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use portreeve_telemetry::otlp::METRICS_PATH;

use crate::fleet::Fleet;
use crate::harm::{ANSWER, assert_unharmed};
use crate::wire::{connect, exchange, request, send};

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
