//! The bench itself must be right: what counts as taken, and what a sender sees.

use std::io::{Read as _, Write as _};

use portreeve_telemetry::event;
use portreeve_telemetry::otlp::{
    AnyValue, ExportLogsServiceRequest, KeyValue, LogRecord, ResourceLogs, ScopeLogs, any_value,
};

use super::*;

const LIMIT: Duration = Duration::from_secs(5);

fn logs(ids: &[&str]) -> Vec<u8> {
    let record = |id: &&str| LogRecord {
        attributes: vec![KeyValue {
            key: event::ID.to_owned(),
            value: Some(AnyValue { value: Some(any_value::Value::StringValue((*id).to_owned())) }),
            ..KeyValue::default()
        }],
        event_name: "portreeve.report".to_owned(),
        ..LogRecord::default()
    };
    let scope = ScopeLogs { log_records: ids.iter().map(record).collect(), ..ScopeLogs::default() };
    let resource = ResourceLogs { scope_logs: vec![scope], ..ResourceLogs::default() };
    ExportLogsServiceRequest { resource_logs: vec![resource] }.encode_to_vec()
}

/// The status of the answer; none where the connection ended without one.
fn post(endpoint: &Endpoint, body: &[u8]) -> Option<u16> {
    let mut stream = TcpStream::connect(endpoint.address()).ok()?;
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    let head = format!("POST /v1/logs HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n", body.len());
    stream.write_all(head.as_bytes()).ok()?;
    stream.write_all(body).ok()?;
    let mut answer = [0; 64];
    let count = stream.read(&mut answer).ok()?;
    String::from_utf8_lossy(&answer[..count]).split(' ').nth(1)?.parse().ok()
}

#[test]
fn what_is_taken_counts_whether_it_is_answered_or_not() {
    let endpoint = Endpoint::start();
    endpoint.script([
        Behaviour::Accept,
        Behaviour::status(503),
        Behaviour::AcceptThenClose,
        Behaviour::Partial { rejected: 1 },
        Behaviour::poison(|item| matches!(item, Item::Event(event) if event.id == "bad")),
        Behaviour::Reset { after: 3 },
        Behaviour::Limit { bytes: 3 },
    ]);
    assert_eq!(post(&endpoint, &logs(&["a", "b"])), Some(200));
    assert_eq!(post(&endpoint, &logs(&["c"])), Some(503));
    assert_eq!(post(&endpoint, &logs(&["d"])), None);
    assert_eq!(post(&endpoint, &logs(&["e", "f"])), Some(200));
    assert_eq!(post(&endpoint, &logs(&["g", "bad"])), Some(400));
    assert_eq!(post(&endpoint, &logs(&["h"])), None);
    assert_eq!(post(&endpoint, &logs(&["i"])), Some(413));
    assert_eq!(post(&endpoint, b"\xff\xff"), Some(400));
    let ids: Vec<String> = endpoint.events().into_iter().map(|event| event.id).collect();
    assert_eq!(ids, ["a", "b", "d", "f"]);
    assert_eq!(endpoint.connections(), 8);
}

#[test]
fn it_goes_away_and_comes_back_on_its_port() {
    let endpoint = Endpoint::start();
    endpoint.go_away();
    assert_eq!(post(&endpoint, &logs(&["a"])), None);
    endpoint.come_back();
    assert_eq!(post(&endpoint, &logs(&["a"])), Some(200));
    let requests = endpoint.wait_until("a request", LIMIT, |requests| requests.len() == 1);
    assert_eq!(requests[0].items.len(), 1);
}
