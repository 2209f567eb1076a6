//! Plays the gateway's side of a transcript on a loopback socket, and the client against it.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use portreeve_openclaw::client::{Deadlines, connect};
use portreeve_openclaw::endpoint::Target;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::accept_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

use crate::outcome::{Answered, Outcome};
use crate::record::{Entry, Transcript};
use crate::replay::{http_answer, params};

const DEADLINE: Duration = Duration::from_secs(10);

/// Connects the client to a listener that plays `transcript`.
pub(crate) async fn play(transcript: &Transcript) -> Outcome {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = Target::loopback(listener.local_addr().unwrap().port()).unwrap();
    let (outcome, ()) = tokio::time::timeout(DEADLINE, async {
        tokio::join!(client(&target, transcript), async {
            let (stream, _) = listener.accept().await.unwrap();
            gateway(stream, transcript).await;
        })
    })
    .await
    .unwrap_or_else(|_| panic!("{} does not come to an end", transcript.name));

    outcome
}

async fn client(target: &Target, transcript: &Transcript) -> Outcome {
    let mut connection = match connect(target, params(), &Deadlines::default()).await {
        Ok(connection) => connection,
        Err(error) => return Outcome::of_error(error.kind),
    };
    let mut answers = Vec::new();
    let asked: Vec<&Value> = transcript.sent().skip(1).collect();
    for frame in asked {
        let answered = match frame["method"].as_str().unwrap() {
            "health" => connection.health(DEADLINE).await.map(|health| Answered::health(&health)),
            "channels.status" => {
                let probe = Some(Duration::from_secs(1));
                connection.channels_status(probe, DEADLINE).await.map(|status| Answered::channels(&status))
            }
            "device.pair.list" => connection.pairing_list(DEADLINE).await.map(|list| Answered::pairing(&list)),
            other => connection.request::<Value>(other, &frame["params"], DEADLINE).await.map(|_| Answered::Granted),
        };
        answers.push(answered.unwrap_or_else(|error| Answered::of_request_error(&error.kind)));
    }
    let end = connection.ended(DEADLINE).await.expect(&transcript.name);

    Outcome::of_session(connection.hello(), answers, &end)
}

/// The gateway's side: what it sent is sent, where the client sent a frame one is awaited.
async fn gateway(mut stream: TcpStream, transcript: &Transcript) {
    if transcript.http().is_some_and(|(status, ..)| status != 101) {
        read_request(&mut stream).await;
        stream.write_all(&http_answer(transcript).unwrap()).await.unwrap();
        return;
    }
    let mut socket = accept_async(stream).await.unwrap();
    let mut ids = BTreeMap::new();
    for entry in &transcript.entries {
        match entry {
            Entry::Recv(frame) => {
                let mut frame = frame.clone();
                if let Some(id) = frame["id"].as_str().and_then(|id| ids.get(id)) {
                    frame["id"] = Value::clone(id);
                }
                socket.send(Message::text(frame.to_string())).await.unwrap();
            }
            Entry::Send(recorded) => {
                let sent = socket.next().await.unwrap().unwrap().into_text().unwrap();
                let sent: Value = serde_json::from_str(&sent).unwrap();
                if let Some(id) = recorded["id"].as_str() {
                    ids.insert(id.to_owned(), sent["id"].clone());
                }
            }
            Entry::Close { code: 1006, .. } => return,
            Entry::Close { code, reason } => {
                let frame = CloseFrame { code: (*code).into(), reason: reason.as_str().into() };
                let _ = socket.close(Some(frame)).await;
                while let Some(Ok(_)) = socket.next().await {}
                return;
            }
            Entry::Http { .. } | Entry::Probe { .. } | Entry::Aside => {}
        }
    }
}

async fn read_request(stream: &mut TcpStream) {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        assert_ne!(stream.read_buf(&mut request).await.unwrap(), 0);
    }
}
