//! Replays a transcript through the client's state machine, without a socket.

use portreeve_openclaw::client::{ErrorKind, Input, Machine, ResponseHead, Step};
use portreeve_openclaw::http::{Body, StartupState};
use portreeve_openclaw::protocol::text::Text;
use portreeve_openclaw::protocol::{ClientIdentity, Close, ConnectParams, Credential, Frame, FrameKind, Hello, Scope};
use serde_json::Value;

use crate::outcome::{Answered, Outcome};
use crate::record::{Entry, Transcript};

pub(crate) fn params() -> ConnectParams {
    ConnectParams::reader(ClientIdentity::Cli, Credential::Token("<gateway-token>".into()))
}

/// The HTTP answer of a transcript as bytes.
pub(crate) fn http_answer(transcript: &Transcript) -> Option<Vec<u8>> {
    let (status, headers, body) = transcript.http()?;
    let mut answer = format!("HTTP/1.1 {status} x\r\n");
    for (name, value) in headers {
        answer.extend([name, ": ", value, "\r\n"]);
    }
    answer += "\r\n";
    answer += body;

    Some(answer.into_bytes())
}

/// Replays `transcript`.
pub(crate) fn replay(transcript: &Transcript) -> Outcome {
    if let Some(answer) = http_answer(transcript) {
        let head = ResponseHead::parse(&answer).unwrap().unwrap();
        if head.status() != 101 {
            return Outcome::of_error(ErrorKind::UpgradeRefused(Box::new(head.refusal(&answer[head.length()..]))));
        }
    }
    let mut machine = Machine::new(params(), &transcript.connect_id());
    let mut hello: Option<Box<Hello>> = None;
    let mut answers = Vec::new();
    for entry in &transcript.entries {
        let text;
        let input = match entry {
            Entry::Recv(frame) => {
                text = frame.to_string();
                Input::Text(&text)
            }
            Entry::Close { code: 1006, .. } => Input::Lost { errno: None },
            Entry::Close { code, reason } => Input::Close(Some(Close::new(*code, reason))),
            Entry::Http { .. } | Entry::Send(_) | Entry::Probe { .. } | Entry::Aside => continue,
        };
        match machine.on(input) {
            Step::Wait => {}
            Step::Send(text) => assert_connect(transcript, &text),
            Step::Hello(received) => hello = Some(received),
            Step::Answer { id, ok, frame } => {
                let asked = transcript.sent().find(|sent| sent["id"] == id.as_str()).unwrap();
                answers.push(answered(asked["method"].as_str().unwrap(), ok, &frame));
            }
            Step::Ended(kind) => {
                return match hello {
                    Some(hello) => Outcome::of_session(&hello, answers, &kind),
                    None => Outcome::of_error(kind),
                };
            }
        }
    }

    panic!("{} has no end", transcript.name)
}

fn answered(method: &str, ok: bool, frame: &Frame<'_>) -> Answered {
    match method {
        _ if !ok => Answered::refused(&frame.rejection()),
        "health" => Answered::health(&frame.payload(method).unwrap()),
        "channels.status" => Answered::channels(&frame.payload(method).unwrap()),
        "device.pair.list" => Answered::pairing(&frame.payload(method).unwrap()),
        _ => Answered::Granted,
    }
}

/// Where the recorded client was one of those we can be, our `connect` must be the very same.
fn assert_connect(transcript: &Transcript, ours: &str) {
    let ours: Value = serde_json::from_str(ours).unwrap();
    assert_eq!(ours["method"], "connect");
    let Some(recorded) = transcript.sent().next() else {
        return;
    };
    let Some(same) = params_of(recorded) else {
        return;
    };
    let ours = same.frame(recorded["id"].as_str().unwrap()).unwrap();

    assert_eq!(serde_json::from_str::<Value>(&ours).unwrap(), *recorded, "{}", transcript.name);
}

/// Our parameters for the same request; `None` when the recorded client is none that we can be.
fn params_of(recorded: &Value) -> Option<ConnectParams> {
    let params = &recorded["params"];
    let known = ["minProtocol", "maxProtocol", "client", "role", "scopes", "caps", "auth"];
    let unknown = params.as_object()?.keys().any(|key| !known.contains(&key.as_str()));
    let odd = params["client"].as_object()?.len() != 4 || params["role"] != "operator";
    if unknown || odd || params["minProtocol"] != 4 || params["maxProtocol"] != 4 {
        return None;
    }
    let identity = match (params["client"]["id"].as_str()?, params["client"]["mode"].as_str()?) {
        ("cli", "cli") => ClientIdentity::Cli,
        ("gateway-client", "backend") => ClientIdentity::Backend,
        _ => return None,
    };
    let auth = params.get("auth").and_then(Value::as_object);
    let secret = |key: &str| auth.and_then(|auth| auth.get(key)).and_then(Value::as_str).map(Into::into);
    let credential = match (auth.map(serde_json::Map::len), secret("token"), secret("password")) {
        (None, ..) => Credential::None,
        (Some(1), Some(token), None) => Credential::Token(token),
        (Some(1), None, Some(password)) => Credential::Password(password),
        (Some(2), Some(token), Some(password)) => Credential::Both { token, password },
        _ => return None,
    };
    let scopes = params["scopes"]
        .as_array()?
        .iter()
        .map(|scope| [Scope::Read, Scope::Pairing].into_iter().find(|known| scope == known.as_str()))
        .collect::<Option<_>>()?;

    Some(ConnectParams {
        identity,
        version: params["client"]["version"].as_str()?.to_owned(),
        platform: params["client"]["platform"].as_str()?.to_owned(),
        scopes,
        credential,
    })
}

/// Checks each line of a timeline of probes against what it says itself. Gives the number of lines understood.
pub(crate) fn replay_timeline(transcript: &Transcript) -> usize {
    let mut understood = 0;
    for (probe, result) in transcript.probes() {
        let context = format!("{}: {probe} {result}", transcript.name);
        match result.split_once(' ') {
            Some(("ERR", _)) => {}
            Some((status, body)) if probe.starts_with('/') => {
                probe_line(probe, status.parse().unwrap(), body, &context);
            }
            _ if probe == "ws-connect" => connect_line(result, &context),
            _ => continue,
        }
        understood += 1;
    }

    understood
}

fn probe_line(probe: &str, status: u16, body: &str, context: &str) {
    use portreeve_openclaw::http::{liveness, readiness, startup};

    let body = body.replace(":N", ":0").replace('…', "{}");
    let said: Value = serde_json::from_str(&body).unwrap();
    match probe {
        "/healthz" => assert!(matches!(liveness(status, body.as_bytes()), Body::Known(_)), "{context}"),
        "/startupz" => {
            let startup = startup(status, body.as_bytes());
            let state = match &startup.known().expect(context).state {
                StartupState::Started => "started",
                StartupState::Starting { pending_reason } => {
                    assert_eq!(pending_reason.as_ref().map(Text::as_str), said["pendingReason"].as_str());
                    "starting"
                }
                StartupState::Draining => "draining",
            };
            assert_eq!(said["status"], state, "{context}");
        }
        "/readyz" => {
            let readiness = readiness(status, body.as_bytes());
            let readiness = readiness.known().expect(context);
            assert_eq!(said["ready"], readiness.ready, "{context}");
            assert_eq!(said["failing"].as_array().map_or(0, Vec::len), readiness.failing.len(), "{context}");
        }
        _ => {}
    }
}

fn connect_line(result: &str, context: &str) {
    let Ok(said) = serde_json::from_str::<Value>(result) else {
        assert_eq!(result, "hello-ok", "{context}");
        return;
    };
    if !said["err"].is_object() {
        return;
    }
    let mut machine = Machine::new(params(), "c1");
    let challenge = r#"{"type":"event","event":"connect.challenge","payload":{"nonce":"n","ts":1}}"#;
    let refusal = serde_json::json!({"type": "res", "id": "c1", "ok": false, "error": said["err"]}).to_string();
    let close = Close::new(
        u16::try_from(said["close"]["code"].as_u64().unwrap()).unwrap(),
        said["close"]["reason"].as_str().unwrap(),
    );

    assert!(matches!(machine.on(Input::Text(challenge)), Step::Send(_)));
    assert!(matches!(machine.on(Input::Text(&refusal)), Step::Wait));
    assert!(matches!(Frame::parse(&refusal).unwrap().kind(), FrameKind::Response { ok: false, .. }));
    let Step::Ended(kind) = machine.on(Input::Close(Some(close))) else { panic!("{context}") };
    assert_eq!(kind.is_starting(), said["close"]["reason"] == "gateway starting", "{context}");
}
