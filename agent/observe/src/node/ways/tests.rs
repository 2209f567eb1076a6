use std::net::Ipv4Addr;

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::accept_async;
use tokio_tungstenite::tungstenite::Message;

use super::*;

const CHALLENGE: &str = r#"{"type":"event","event":"connect.challenge","payload":{"nonce":"n-1","ts":1}}"#;
const LEFT: Duration = Duration::from_secs(20);

/// What a listener does with each connection.
#[derive(Clone, Copy)]
enum Listener {
    Gateway,
    Page,
    Close,
}

async fn serve(listener: Listener) -> u16 {
    let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = socket.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = socket.accept().await {
            tokio::spawn(take(listener, stream));
        }
    });
    port
}

async fn take(listener: Listener, mut stream: TcpStream) {
    match listener {
        Listener::Gateway => {
            let Ok(mut socket) = accept_async(stream).await else { return };
            socket.send(Message::text(CHALLENGE)).await.unwrap();
            while let Some(Ok(_)) = socket.next().await {}
        }
        Listener::Page => {
            let mut asked = [0; 1024];
            let _ = stream.read(&mut asked).await;
            let _ = stream.write_all(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n").await;
        }
        Listener::Close => {}
    }
}

async fn asked(scheme: &str, port: u16) -> Probe<Challenge> {
    let (host, path) = ("127.0.0.1".to_owned(), "/".to_owned());
    greet(&GatewayUrl { scheme: scheme.to_owned(), host, port, path }, &Pins::new(), LEFT).await
}

#[tokio::test]
async fn a_gateway_answers() {
    assert!(asked("ws", serve(Listener::Gateway).await).await.answer().is_some());
}

#[tokio::test]
async fn tls_to_a_gateway_without_it_is_told_from_no_gateway() {
    let plain = asked("wss", serve(Listener::Gateway).await).await;
    let failure = plain.failure().unwrap();
    assert!(failure.kind == FailureKind::Tls && failure.message.contains("speaks no TLS"), "{failure:?}");
    let page = asked("wss", serve(Listener::Page).await).await;
    assert_ne!(page.failure().unwrap().kind, FailureKind::Tls, "{page:?}");
}

#[tokio::test]
async fn another_program_is_no_gateway() {
    let page = asked("ws", serve(Listener::Page).await).await;
    assert_eq!(page.failure().unwrap().http_status, Some(404), "{page:?}");
    let closes = asked("ws", serve(Listener::Close).await).await;
    assert_eq!(closes.failure().unwrap().kind, FailureKind::Reset, "{closes:?}");
}

#[tokio::test]
async fn where_nothing_listens_it_is_refused() {
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap().local_addr().unwrap().port();
    assert_eq!(asked("ws", free).await.failure().unwrap().kind, FailureKind::Refused);
}
