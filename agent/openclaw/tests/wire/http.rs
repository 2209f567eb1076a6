use std::time::Instant;

use portreeve_openclaw::client::ErrorKind;
use portreeve_openclaw::endpoint::{Scheme, Target};
use portreeve_openclaw::http::{
    Answer, Body, HttpDeadlines, HttpPhase, Listener as Who, Liveness, MAX_BODY_BYTES, ProbeError, ProbeErrorKind,
    Prober, Probes,
};
use tokio::io::AsyncWriteExt;

use super::listener::{Listener, SHORT, read_request, unused_port};

async fn prober(target: &Target) -> Prober {
    Prober::new(target, HttpDeadlines::default()).await.unwrap()
}

/// For probes that are expected to run into their deadline.
async fn short(listener: &Listener) -> Prober {
    Prober::new(&listener.target(), HttpDeadlines { total: SHORT, ..HttpDeadlines::default() }).await.unwrap()
}

async fn live(listener: &Listener) -> Result<Answer<Liveness>, ProbeError> {
    prober(&listener.target()).await.liveness().await
}

async fn all(listener: &Listener) -> Probes {
    prober(&listener.target()).await.all().await
}

fn answer(status: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

fn connection(error: &ProbeError) -> (HttpPhase, &ErrorKind) {
    match &error.kind {
        ProbeErrorKind::Connection(kind) => (error.phase, kind),
        other => panic!("{other:?}"),
    }
}

/// Answers as a gateway would, by path.
async fn gateway_like(startup: &'static str) -> Listener {
    Listener::serving(move |mut stream| async move {
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            if tokio::io::AsyncReadExt::read_buf(&mut stream, &mut request).await.unwrap_or(0) == 0 {
                return;
            }
        }
        let text = match String::from_utf8_lossy(&request) {
            line if line.starts_with("GET /healthz ") => answer("200 OK", r#"{"ok":true,"status":"live"}"#),
            line if line.starts_with("GET /startupz ") => startup.to_owned(),
            _ => answer("503 x", r#"{"ready":false,"failing":["startup-sidecars"]}"#),
        };
        let _ = stream.write_all(text.as_bytes()).await;
    })
    .await
}

#[tokio::test]
async fn a_gateway_is_recognised_by_the_shapes_of_two_probes() {
    let starting = "HTTP/1.1 503 x\r\nContent-Length: 33\r\n\r\n{\"ok\":false,\"status\":\"starting\"} ";
    let probes = all(&gateway_like(starting).await).await;

    assert_eq!(probes.listener(), Who::OpenClaw);
    assert_eq!(probes.readiness.unwrap().body.known().unwrap().failing.len(), 1);

    let hidden = "HTTP/1.1 403 x\r\nContent-Length: 49\r\n\r\n{\"error\":{\"type\":\"proxy_attribution_required\"}}  ";
    let probes = all(&gateway_like(hidden).await).await;
    assert_eq!(probes.startup.unwrap().body, Body::ProxyAttributionRequired);
}

#[tokio::test]
async fn a_web_server_that_says_200_to_everything_is_not_a_gateway() {
    for body in ["<!doctype html>", "ok", r#"{"status":"ok"}"#, "{}", ""] {
        let probes = all(&Listener::answering(answer("200 OK", body)).await).await;

        assert_eq!(probes.liveness.as_ref().unwrap().body, Body::Foreign, "{body}");
        assert_eq!(probes.listener(), Who::Foreign, "{body}");
    }
}

#[tokio::test]
async fn one_right_answer_is_not_enough() {
    let listener = Listener::answering(answer("200 OK", r#"{"ok":true,"status":"live"}"#)).await;

    assert_eq!(all(&listener).await.listener(), Who::Undecided);
}

#[tokio::test]
async fn nobody_listens() {
    let target = Target::loopback(unused_port().await).unwrap();
    let probes = prober(&target).await.all().await;

    assert_eq!(connection(probes.liveness.as_ref().unwrap_err()), (HttpPhase::Tcp, &ErrorKind::Refused));
    assert_eq!(probes.listener(), Who::Silent);
}

#[tokio::test]
async fn the_name_does_not_resolve() {
    let target = Target::new(Scheme::Ws, "no-such-host.invalid", 18789).unwrap();
    let error = Prober::new(&target, HttpDeadlines::default()).await.unwrap_err();

    assert_eq!(error.phase, HttpPhase::Dns);
}

#[tokio::test]
async fn a_listener_that_says_nothing_costs_one_deadline_for_all_three() {
    let listener = Listener::silent().await;
    let started = Instant::now();
    let probes = short(&listener).await.all().await;

    let timeout = ErrorKind::Timeout { after: SHORT };
    assert_eq!(connection(probes.readiness.as_ref().unwrap_err()), (HttpPhase::Response, &timeout));
    assert_eq!(probes.listener(), Who::Silent);
    assert!(started.elapsed() < SHORT * 5);
}

#[tokio::test]
async fn a_body_that_stops_half_way_costs_the_deadline() {
    let listener = Listener::serving(|mut stream| async move {
        read_request(&mut stream).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 27\r\n\r\n{\"ok\":").await;
        std::future::pending::<()>().await;
    })
    .await;
    let error = short(&listener).await.liveness().await.unwrap_err();

    assert_eq!(connection(&error), (HttpPhase::Body, &ErrorKind::Timeout { after: SHORT }));
}

#[tokio::test]
async fn an_endless_body_ends_at_the_limit() {
    for head in [
        &b"HTTP/1.1 200 OK\r\n\r\n"[..],
        b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n40000000\r\n",
    ] {
        let error = live(&Listener::flooding(head, vec![b'x'; 65536]).await).await.unwrap_err();

        assert_eq!(error.kind, ProbeErrorKind::BodyTooLarge { limit: MAX_BODY_BYTES });
        assert_eq!(error.phase, HttpPhase::Body);
        assert!(error.is_answer());
    }
}

#[tokio::test]
async fn other_protocols_are_told_apart() {
    for (bytes, not_http) in [
        (&b"SSH-2.0-OpenSSH_9.9\r\n"[..], true),
        (b"\x15\x03\x03\x00\x02\x02\x50", true),
        (b"HTTP/1.1 2xx\r\n\r\n", true),
        (b"", false),
    ] {
        let error = live(&Listener::answering(bytes).await).await.unwrap_err();
        let (phase, kind) = connection(&error);

        assert_eq!(phase, HttpPhase::Response);
        assert_eq!(matches!(kind, ErrorKind::NotHttp { .. }), not_http, "{error:?}");
        assert_eq!(matches!(kind, ErrorKind::Reset { .. }), !not_http, "{error:?}");
    }
}

#[tokio::test]
async fn endless_headers_end_at_a_limit() {
    let listener = Listener::flooding(b"HTTP/1.1 200 OK\r\nX: ", vec![b'x'; 65536]).await;
    let error = live(&listener).await.unwrap_err();

    assert_eq!(error.phase, HttpPhase::Response);
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let there = Listener::answering(answer("200 OK", r#"{"ok":true,"status":"live"}"#)).await;
    let here = Listener::answering(format!(
        "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:{}/healthz\r\nContent-Length: 0\r\n\r\n",
        there.port
    ))
    .await;

    let answer = live(&here).await.unwrap();
    assert_eq!((answer.status, answer.body), (302, Body::Foreign));
}
