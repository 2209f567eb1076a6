//! Log records of a request as events.

use jiff::Timestamp;
use portreeve_telemetry::otlp::{ExportLogsServiceRequest, LogRecord, Message, any_value};
use portreeve_telemetry::{event, value};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::Left;
use crate::board::node::report::Report;
use crate::store::events::Event;

/// Longest name of an event, and most parts of a body: a report has some thousand.
const MAX_NAME: usize = 200;
const MAX_PARTS: usize = 100_000;
/// Largest body of an event that is no report, and of one that is, in bytes of JSON.
const MAX_BODY: usize = 64 * 1024;
const MAX_REPORT: usize = 4 * 1024 * 1024;
/// How far an event may lie in the future; what lies further is taken to be of now.
const MAX_AHEAD_MS: i64 = 5 * 60 * 1_000;

const NAME: &str = "an event has no name, or a long one";
const BODY: &str = "a body is nested too deep or is no JSON";
const LARGE: &str = "a body is too large";

/// All records of a request that can be stored. The others are counted.
pub(super) fn events(export: ExportLogsServiceRequest, received_at: Timestamp, left: &mut Left) -> Vec<Event> {
    let mut events = Vec::new();
    let scopes = export.resource_logs.into_iter().flat_map(|resource| resource.scope_logs);
    for record in scopes.flat_map(|scope| scope.log_records) {
        match read(&record, received_at) {
            Ok(event) => events.push(event),
            Err(why) => left.add(1, why),
        }
    }
    events
}

fn read(record: &LogRecord, received_at: Timestamp) -> Result<Event, &'static str> {
    if record.event_name.is_empty() || record.event_name.len() > MAX_NAME {
        return Err(NAME);
    }
    let nanoseconds = match record.time_unix_nano {
        0 => record.observed_time_unix_nano,
        time => time,
    };
    let now = received_at.as_millisecond();
    let told = i64::try_from(nanoseconds / 1_000_000).unwrap_or(i64::MAX);
    let ahead = told.saturating_sub(now);
    let at = if told == 0 || ahead > MAX_AHEAD_MS { now } else { told };
    let mut attributes = Map::new();
    let mut uid = None;
    for pair in &record.attributes {
        let value =
            pair.value.as_ref().map_or(Ok(Value::Null), |value| value::to_json(value, 100)).map_err(|_| BODY)?;
        if pair.key == event::ID {
            uid = value.as_str().map(identity);
        } else {
            attributes.insert(pair.key.clone(), value);
        }
    }
    let attributes = serde_json::to_string(&attributes).map_err(|_| BODY)?;
    let body =
        record.body.as_ref().map_or(Ok(Value::Null), |body| value::to_json(body, MAX_PARTS)).map_err(|_| BODY)?;
    let is_report = record.event_name == event::Name::Report.as_str();
    // Some write a structured body as the text of its JSON.
    let body = match (is_report, &record.body.as_ref().and_then(|body| body.value.as_ref())) {
        (true, Some(any_value::Value::StringValue(text))) => serde_json::from_str(text).map_err(|_| BODY)?,
        _ => body,
    };
    let json = serde_json::to_string(&body).map_err(|_| BODY)?;
    if json.len() > if is_report { MAX_REPORT } else { MAX_BODY } || attributes.len() > MAX_BODY {
        return Err(LARGE);
    }
    let configuration = is_report.then(|| Report::read(&body).configuration());
    Ok(Event {
        uid: uid.unwrap_or_else(|| digest(&record.encode_to_vec())),
        at,
        ahead_ms: (ahead > MAX_AHEAD_MS).then_some(ahead),
        name: record.event_name.clone(),
        severity: record.severity_number,
        attributes,
        body,
        json,
        configuration,
    })
}

fn identity(text: &str) -> [u8; 16] {
    Uuid::parse_str(text).map_or_else(|_| digest(text.as_bytes()), Uuid::into_bytes)
}

fn digest(bytes: &[u8]) -> [u8; 16] {
    let hash: [u8; 32] = Sha256::digest(bytes).into();
    let mut short = [0; 16];
    short.iter_mut().zip(hash).for_each(|(to, from)| *to = from);
    short
}
