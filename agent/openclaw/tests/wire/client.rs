use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use portreeve_openclaw::client::{
    ConnectError, Connection, Deadlines, ErrorKind, Phase, RequestErrorKind, connect, greet, open,
};
use portreeve_openclaw::endpoint::{Scheme, Target};
use portreeve_openclaw::protocol::{
    ClientIdentity, CloseMeaning, ConnectParams, Credential, DetailCode, MAX_MESSAGE_BYTES,
};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, accept_async};

use super::listener::{Listener, SHORT, unused_port};

const SECRET: &str = "planted-secret";

fn params() -> ConnectParams {
    ConnectParams::reader(ClientIdentity::Cli, Credential::Token(SECRET.into()))
}

/// What the client says of a listener that is no gateway.
async fn refused_by(target: &Target) -> ConnectError {
    refused_within(target, Deadlines::default()).await
}

/// The same where a phase is expected to run into its deadline.
async fn late_at(target: &Target) -> ConnectError {
    let short = Deadlines { upgrade: SHORT, challenge: SHORT, connect: SHORT, close: SHORT, ..Deadlines::default() };

    refused_within(target, short).await
}

async fn refused_within(target: &Target, deadlines: Deadlines) -> ConnectError {
    let error = connect(target, params(), &deadlines).await.expect_err("no gateway is there");
    assert!(!format!("{error:?}").contains(SECRET));

    error
}

/// A gateway's side of a WebSocket, after the challenge and the client's `connect`.
async fn challenged(stream: TcpStream) -> (WebSocketStream<TcpStream>, Value) {
    let mut socket = accept_async(stream).await.unwrap();
    let ts = jiff::Timestamp::now().as_millisecond() + 60_000;
    let challenge = json!({"type": "event", "event": "connect.challenge", "payload": {"nonce": "n-1", "ts": ts}});
    socket.send(Message::text(challenge.to_string())).await.unwrap();
    let connect = socket.next().await.unwrap().unwrap().into_text().unwrap();

    (socket, serde_json::from_str(&connect).unwrap())
}

async fn let_in(stream: TcpStream) -> WebSocketStream<TcpStream> {
    let (mut socket, connect) = challenged(stream).await;
    let hello = json!({"type": "res", "id": connect["id"], "ok": true,
        "payload": {"type": "hello-ok", "protocol": 4, "auth": {"role": "operator", "scopes": ["operator.read"], "deviceToken": SECRET}}});
    socket.send(Message::text(hello.to_string())).await.unwrap();

    socket
}

async fn connected(listener: &Listener) -> Connection {
    connect(&listener.target(), params(), &Deadlines::default()).await.unwrap()
}

#[tokio::test]
async fn nobody_listens() {
    let error = refused_by(&Target::loopback(unused_port().await).unwrap()).await;

    assert_eq!((error.phase, &error.kind), (Phase::Tcp, &ErrorKind::Refused));
    assert_eq!(error.attempts.len(), 1);
    assert_eq!(error.peer, None);
    assert!(error.timings.tcp.is_some() && error.timings.upgrade.is_none());
}

#[tokio::test]
async fn the_name_does_not_resolve() {
    let target = Target::new(Scheme::Ws, "no-such-host.invalid", 18789).unwrap();
    let error = refused_by(&target).await;

    assert_eq!(error.phase, Phase::Dns);
    assert!(matches!(error.kind, ErrorKind::Dns { .. } | ErrorKind::Timeout { .. }), "{error:?}");
}

#[tokio::test]
async fn an_address_may_stand_for_the_name() {
    let listener = Listener::answering("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n").await;
    let target = Target::new(Scheme::Ws, "gateway.test", listener.port).unwrap();

    let error = refused_by(&target.with_address([127, 0, 0, 1].into())).await;

    assert!(matches!(&error.kind, ErrorKind::UpgradeRefused(refusal) if refusal.status == 404), "{error:?}");
    assert_eq!(error.timings.dns, None);
}

#[tokio::test]
async fn a_listener_that_says_nothing_costs_one_deadline() {
    let listener = Listener::silent().await;
    let started = Instant::now();
    let error = late_at(&listener.target()).await;

    assert_eq!((error.phase, &error.kind), (Phase::Upgrade, &ErrorKind::Timeout { after: SHORT }));
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn other_listeners_are_told_apart() {
    for (answer, kind) in [
        (&b"SSH-2.0-OpenSSH_9.9\r\n"[..], "NotHttp { tls: false }"),
        (b"\x15\x03\x03\x00\x02\x02\x50", "NotHttp { tls: true }"),
        (b"", "Reset"),
        (b"HTTP/1.1 101 Switching Protocols\r\n\r\n", "NotWebSocket"),
        (b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>", "UpgradeRefused(UpgradeRefusal { status: 200"),
        (b"HTTP/1.1 503 x\r\nRetry-After: 3\r\nContent-Length: 4\r\n\r\nbusy", "retry_after_s: Some(3)"),
    ] {
        let listener = Listener::answering(answer).await;
        let error = refused_by(&listener.target()).await;

        assert_eq!(error.phase, Phase::Upgrade);
        assert!(format!("{:?}", error.kind).contains(kind), "{kind} but {error:?}");
    }
}

#[tokio::test]
async fn an_endless_answer_ends_at_the_limit() {
    for head in [&b"HTTP/1.1 200 OK\r\nX: "[..], b"HTTP/1.1 404 Not Found\r\n\r\n"] {
        let listener = Listener::flooding(head, vec![b'x'; 65536]).await;
        let started = Instant::now();
        let error = refused_by(&listener.target()).await;

        assert_eq!(error.phase, Phase::Upgrade, "{error:?}");
        assert!(started.elapsed() < Duration::from_secs(5));
    }
}

#[tokio::test]
async fn a_websocket_without_challenge_is_not_a_gateway() {
    let listener = Listener::serving(|stream| async move {
        let mut socket = accept_async(stream).await.unwrap();
        while let Some(Ok(_)) = socket.next().await {}
    })
    .await;
    let error = late_at(&listener.target()).await;

    assert_eq!((error.phase, &error.kind), (Phase::Challenge, &ErrorKind::ChallengeTimeout { after: SHORT }));
}

#[tokio::test]
async fn garbage_instead_of_a_challenge() {
    for message in [
        Message::text("welcome"),
        Message::binary(vec![0; 9]),
        Message::text(r#"{"type":"req","id":"1","method":"x"}"#),
    ] {
        let listener = Listener::serving(move |stream| {
            let message = message.clone();
            async move {
                let mut socket = accept_async(stream).await.unwrap();
                socket.send(message).await.unwrap();
                while let Some(Ok(_)) = socket.next().await {}
            }
        })
        .await;
        let error = refused_by(&listener.target()).await;

        assert_eq!(error.phase, Phase::Challenge);
        assert!(matches!(error.kind, ErrorKind::ChallengeMalformed { .. } | ErrorKind::Protocol { .. }), "{error:?}");
    }
}

#[tokio::test]
async fn an_answer_that_never_comes() {
    let listener = Listener::serving(|stream| async move {
        let (mut socket, _) = challenged(stream).await;
        while let Some(Ok(_)) = socket.next().await {}
    })
    .await;
    let error = late_at(&listener.target()).await;

    assert_eq!((error.phase, &error.kind), (Phase::Connect, &ErrorKind::Timeout { after: SHORT }));
    let skew = error.clock_skew.unwrap();
    assert!((55_000..65_000).contains(&skew.offset_ms), "{skew:?}");
}

#[tokio::test]
async fn a_flood_of_events_does_not_outrun_the_deadline() {
    for message in [Message::text(r#"{"type":"event","event":"tick","payload":{}}"#), Message::Ping(vec![0; 9].into())]
    {
        let listener = Listener::serving(move |stream| {
            let message = message.clone();
            async move {
                let (mut socket, _) = challenged(stream).await;
                while socket.send(message.clone()).await.is_ok() {}
            }
        })
        .await;
        let started = Instant::now();
        let error = late_at(&listener.target()).await;

        assert_eq!((error.phase, &error.kind), (Phase::Connect, &ErrorKind::Timeout { after: SHORT }));
        assert!(started.elapsed() < Duration::from_secs(10));
    }
}

#[tokio::test]
async fn a_refusal_counts_even_if_the_close_never_comes() {
    let listener = Listener::serving(|stream| async move {
        let (mut socket, connect) = challenged(stream).await;
        assert_eq!(connect["params"]["auth"]["token"], SECRET);
        let refusal = json!({"type": "res", "id": connect["id"], "ok": false,
            "error": {"code": "INVALID_REQUEST", "message": format!("unauthorized: {SECRET}"), "details": {"code": "AUTH_TOKEN_MISMATCH"}}});
        socket.send(Message::text(refusal.to_string())).await.unwrap();
        while let Some(Ok(_)) = socket.next().await {}
    })
    .await;
    let error = refused_by(&listener.target()).await;

    assert_eq!(error.phase, Phase::Connect);
    let rejection = error.rejection().unwrap();
    assert_eq!(rejection.detail, Some(DetailCode::AuthTokenMismatch));
    assert_eq!(rejection.message.as_str(), "unauthorized: [redacted]");
    assert_eq!(error.close(), None);
}

/// A listener that sends its challenge, tells what the client says then, and ends at its first word.
async fn greeter() -> (Listener, UnboundedReceiver<Message>) {
    let (sent, was_sent) = unbounded_channel();
    let listener = Listener::serving(move |stream| {
        let sent = sent.clone();
        async move {
            let mut socket = accept_async(stream).await.unwrap();
            let challenge = r#"{"type":"event","event":"connect.challenge","payload":{"nonce":"n-1","ts":1}}"#;
            socket.send(Message::text(challenge)).await.unwrap();
            while let Some(Ok(message)) = socket.next().await {
                sent.send(message).unwrap();
                let _ = socket.close(None).await;
            }
        }
    })
    .await;
    (listener, was_sent)
}

#[tokio::test]
async fn a_greeting_goes_as_far_as_the_challenge_and_sends_no_request() {
    let (listener, mut was_sent) = greeter().await;
    let greeting = greet(&listener.target(), &Deadlines::default()).await.unwrap();

    assert!(greeting.timings.challenge.is_some() && greeting.timings.connect.is_none());
    assert!(greeting.clock_skew.unwrap().offset_ms < -1_000_000_000);
    assert!(matches!(was_sent.recv().await, Some(Message::Close(_))));

    let silent = Listener::silent().await;
    let deadlines = Deadlines { upgrade: SHORT, ..Deadlines::default() };
    assert_eq!(greet(&silent.target(), &deadlines).await.unwrap_err().phase, Phase::Upgrade);
}

#[tokio::test]
async fn the_secret_stays_here_until_the_challenge_is_answered() {
    let (listener, mut was_sent) = greeter().await;
    let opened = open(&listener.target(), &Deadlines::default()).await.unwrap();
    assert!(was_sent.try_recv().is_err());

    let error = opened.connect(params(), &Deadlines::default()).await.unwrap_err();
    assert_eq!(error.phase, Phase::Connect);
    assert!(error.clock_skew.is_some() && error.timings.challenge.is_some());
    assert!(matches!(was_sent.recv().await, Some(Message::Text(text)) if text.contains(SECRET)));
}

#[tokio::test]
async fn a_frame_of_a_gigabyte_is_refused_at_its_announcement() {
    let listener = Listener::serving(|stream| async move {
        let mut stream = accept_async(stream).await.unwrap().into_inner();
        let mut head = vec![0x81, 127];
        head.extend_from_slice(&(1_u64 << 30).to_be_bytes());
        let _ = stream.write_all(&head).await;
        let block = vec![b'x'; 65536];
        while stream.write_all(&block).await.is_ok() {}
    })
    .await;
    let error = refused_by(&listener.target()).await;

    assert_eq!(error.kind, ErrorKind::FrameTooLarge { limit: MAX_MESSAGE_BYTES });
}

#[tokio::test]
async fn endless_fragments_are_refused_at_the_limit() {
    let listener = Listener::serving(|stream| async move {
        let mut stream = accept_async(stream).await.unwrap().into_inner();
        let mut fragment = vec![0x01, 126, 0xff, 0xff];
        fragment.extend(vec![b'x'; 65535]);
        while stream.write_all(&fragment).await.is_ok() {
            fragment[0] = 0x00;
        }
    })
    .await;
    let error = connect(&listener.target(), params(), &Deadlines::default()).await.unwrap_err();

    assert_eq!(error.kind, ErrorKind::FrameTooLarge { limit: MAX_MESSAGE_BYTES });
}

#[tokio::test]
async fn broken_frames_are_a_protocol_fault() {
    let listener = Listener::serving(|stream| async move {
        let mut stream = accept_async(stream).await.unwrap().into_inner();
        let _ = stream.write_all(&[0xff, 0x00, 0xff, 0x00]).await;
        std::future::pending::<()>().await;
    })
    .await;
    let error = refused_by(&listener.target()).await;

    assert!(matches!(error.kind, ErrorKind::Protocol { .. }), "{error:?}");
}

#[tokio::test]
async fn a_hello_keeps_no_device_token() {
    let listener = Listener::serving(|stream| async move {
        let mut socket = let_in(stream).await;
        while let Some(Ok(_)) = socket.next().await {}
    })
    .await;
    let connection = connected(&listener).await;

    assert!(connection.hello().auth.has_scope("operator.read"));
    assert!(!format!("{:?} {connection:?}", connection.hello()).contains(SECRET));
    let timings = *connection.timings();
    assert!(timings.tcp.is_some() && timings.challenge.is_some() && timings.connect.is_some() && timings.tls.is_none());
    assert_eq!(connection.peer().unwrap().port(), listener.port);
    connection.close().await;
}

#[tokio::test]
async fn a_late_answer_does_not_confuse_the_next_request() {
    let listener = Listener::serving(|stream| async move {
        let mut socket = let_in(stream).await;
        let mut first = None;
        while let Some(Ok(Message::Text(text))) = socket.next().await {
            let request: Value = serde_json::from_str(&text).unwrap();
            if let Some(first) = first.replace(request["id"].clone()) {
                for (id, ok) in [(first, false), (request["id"].clone(), true)] {
                    let answer = json!({"type": "res", "id": id, "ok": ok, "payload": {"ok": true}});
                    socket.send(Message::text(answer.to_string())).await.unwrap();
                }
            }
        }
    })
    .await;
    let mut connection = connected(&listener).await;

    let late = connection.health(SHORT).await.unwrap_err();
    assert_eq!(late.kind, RequestErrorKind::Timeout { after: SHORT });
    assert_eq!(connection.health(Duration::from_secs(5)).await.unwrap().ok, Some(true));
}

#[tokio::test]
async fn a_connection_that_dies_says_how() {
    let listener = Listener::serving(|stream| async move {
        let mut socket = let_in(stream).await;
        socket.next().await;
        let shutdown = json!({"type": "event", "event": "shutdown", "payload": {"reason": "gateway restarting", "restartExpectedMs": 1500}});
        socket.send(Message::text(shutdown.to_string())).await.unwrap();
        let close = tokio_tungstenite::tungstenite::protocol::CloseFrame { code: 1012.into(), reason: "service restart".into() };
        let _ = socket.close(Some(close)).await;
        while let Some(Ok(_)) = socket.next().await {}
    })
    .await;
    let mut connection = connected(&listener).await;

    let error = connection.health(Duration::from_secs(5)).await.unwrap_err();
    let RequestErrorKind::Ended(kind) = &error.kind else { panic!("{error:?}") };
    assert_eq!(kind.close().unwrap().meaning(), CloseMeaning::Restart);
    assert_eq!(connection.shutdown().unwrap().restart_expected_ms, Some(1500));
    let again = connection.health(Duration::from_secs(5)).await.unwrap_err();
    assert_eq!(again.kind, error.kind);
}
