//! Takes metrics and logs in: OTLP over HTTP, binary protobuf.
//!
//! In order: who it is, whether it is too fast, how large it is, what it holds, whose it says it is. Each step refuses before the next
//! one costs anything. What is answered with 200 is committed.

mod body;
mod identity;
mod logs;
mod metrics;
mod rate;
mod refusal;
pub mod shape;

use std::net::IpAddr;
use std::time::Instant;

use axum::Router;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::header::{CONTENT_TYPE, HeaderValue};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use jiff::Timestamp;
use portreeve_telemetry::otlp::{
    ExportLogsPartialSuccess, ExportLogsServiceRequest, ExportLogsServiceResponse, ExportMetricsPartialSuccess,
    ExportMetricsServiceRequest, ExportMetricsServiceResponse, LOGS_PATH, METRICS_PATH, Message, PROTOBUF,
};

pub use body::Budget;
pub use rate::{Gate, Gates, Rates};
pub use refusal::Refusal;

use crate::auth::{Credential, Hash, Peer, bearer};
use crate::store::audit::Entry;
use crate::store::beat::{self, Beat};
use crate::store::{self, StoreError, events};
use crate::{AppState, Config};

/// Most that is said of what was not taken.
const MAX_MESSAGE: usize = 500;

/// What was not taken of a request, and why.
#[derive(Debug, Default)]
pub struct Left {
    /// How many data points or records.
    pub count: u64,
    why: Vec<&'static str>,
}

/// The routes of the receiver.
pub fn routes() -> Router<AppState> {
    Router::new().route(METRICS_PATH, post(metrics)).route(LOGS_PATH, post(logs))
}

async fn metrics(State(state): State<AppState>, request: Request) -> Response {
    let begun = Instant::now();
    let answer = take_metrics(&state, request).await;
    answered(&state, "metrics", begun, answer)
}

async fn logs(State(state): State<AppState>, request: Request) -> Response {
    let begun = Instant::now();
    let answer = take_logs(&state, request).await;
    answered(&state, "logs", begun, answer)
}

async fn take_metrics(state: &AppState, request: Request) -> Result<Vec<u8>, Refusal> {
    let (sender, body) = admit(state, request).await?;
    shape::check(&body, &shape::METRICS, state.config.limits.messages)?;
    let export =
        ExportMetricsServiceRequest::decode(body.bytes()).map_err(|_| Refusal::Malformed("it is no metrics"))?;
    let resources = export.resource_metrics.iter().filter_map(|one| one.resource.as_ref());
    let told = sender.told(state, resources).await?;
    let mut left = Left::default();
    let points = metrics::points(export, told.beat.received_at, &state.config.retention, &mut left);
    let taken = points.len() as u64;
    let more = state
        .store
        .write(move |tx| {
            store::room(tx)?;
            let (mut node, news) = beat::record(tx, &told.beat)?;
            let refused = crate::series::write(tx, &mut node, points)?;
            beat::put(tx, node, news)?;
            Ok(refused)
        })
        .await?;
    left.add(more.series, "there are too many series");
    state.meter.points(taken.saturating_sub(more.series), left.count);
    let partial_success = (left.count > 0).then(|| ExportMetricsPartialSuccess {
        rejected_data_points: i64::try_from(left.count).unwrap_or(i64::MAX),
        error_message: left.message(),
    });
    Ok(ExportMetricsServiceResponse { partial_success }.encode_to_vec())
}

async fn take_logs(state: &AppState, request: Request) -> Result<Vec<u8>, Refusal> {
    let (sender, body) = admit(state, request).await?;
    shape::check(&body, &shape::LOGS, state.config.limits.messages)?;
    let export = ExportLogsServiceRequest::decode(body.bytes()).map_err(|_| Refusal::Malformed("it is no logs"))?;
    let resources = export.resource_logs.iter().filter_map(|one| one.resource.as_ref());
    let told = sender.told(state, resources).await?;
    let mut left = Left::default();
    let records = logs::events(export, told.beat.received_at, &mut left);
    let counts = state
        .store
        .write(move |tx| {
            store::room(tx)?;
            let (mut node, mut news) = beat::record(tx, &told.beat)?;
            let counts = events::write(tx, &mut node, records, &mut news)?;
            beat::put(tx, node, news)?;
            Ok(counts)
        })
        .await?;
    state.meter.events(counts.new, counts.known, left.count);
    let partial_success = (left.count > 0).then(|| ExportLogsPartialSuccess {
        rejected_log_records: i64::try_from(left.count).unwrap_or(i64::MAX),
        error_message: left.message(),
    });
    Ok(ExportLogsServiceResponse { partial_success }.encode_to_vec())
}

/// How many data points of a body of the node `id` would be stored, and how many left out. Nothing is.
pub fn read_metrics(bytes: &[u8], id: &str, now: Timestamp, config: &Config) -> Result<(u64, u64), Refusal> {
    shape::check_bytes(bytes, &shape::METRICS, config.limits.messages)?;
    let export = ExportMetricsServiceRequest::decode(bytes).map_err(|_| Refusal::Malformed("it is no metrics"))?;
    let mut about = identity::About::default();
    for resource in export.resource_metrics.iter().filter_map(|one| one.resource.as_ref()) {
        about.read(resource, id).map_err(|_| Refusal::Other)?;
    }
    let mut left = Left::default();
    let points = metrics::points(export, now, &config.retention, &mut left);
    Ok((points.len() as u64, left.count))
}

/// The same of log records.
pub fn read_logs(bytes: &[u8], id: &str, now: Timestamp, config: &Config) -> Result<(u64, u64), Refusal> {
    shape::check_bytes(bytes, &shape::LOGS, config.limits.messages)?;
    let export = ExportLogsServiceRequest::decode(bytes).map_err(|_| Refusal::Malformed("it is no logs"))?;
    let mut about = identity::About::default();
    for resource in export.resource_logs.iter().filter_map(|one| one.resource.as_ref()) {
        about.read(resource, id).map_err(|_| Refusal::Other)?;
    }
    let mut left = Left::default();
    let events = logs::events(export, now, &mut left);
    Ok((events.len() as u64, left.count))
}

/// A node that may send.
struct Sender {
    credential: Credential,
    hash: Hash,
    address: IpAddr,
    _turn: rate::Turn,
}

/// What a request tells of its node.
struct Told {
    beat: Beat,
}

/// Lets a request in, and reads its body.
async fn admit(state: &AppState, request: Request) -> Result<(Sender, body::Body), Refusal> {
    let (mut parts, body) = request.into_parts();
    let peer = Peer::from_request_parts(&mut parts, state).await.map_err(|_| Refusal::Internal)?;
    let hash = bearer(&parts.headers).map(Hash::of).ok_or(Refusal::Unknown)?;
    let credential = state.access.credential(&hash).ok_or(Refusal::Unknown)?;
    let turn = state.rates.turn(credential.node, &state.config.limits, Instant::now())?;
    let body = body::read(&parts.headers, body, state).await?;
    Ok((Sender { credential, hash, address: peer.address, _turn: turn }, body))
}

impl Sender {
    /// What the resources tell of the node, if it is this one.
    async fn told<'a>(
        &self,
        state: &AppState,
        resources: impl Iterator<Item = &'a portreeve_telemetry::otlp::Resource>,
    ) -> Result<Told, Refusal> {
        let mut about = identity::About::default();
        for resource in resources {
            if let Err(other) = about.read(resource, &self.credential.id) {
                self.impostor(state, other).await;
                return Err(Refusal::Other);
            }
        }
        let beat = Beat {
            node: self.credential.node,
            hash: self.hash,
            is_first: !self.credential.used,
            received_at: Timestamp::now(),
            agent_version: about.agent_version,
            hostname: about.hostname,
        };
        Ok(Told { beat })
    }

    /// Writes down that a node spoke for another.
    async fn impostor(&self, state: &AppState, other: String) {
        tracing::warn!(node = %self.credential.id, address = %self.address, "a node reported as another one");
        if !state.rates.may_audit(self.credential.node, Instant::now()) {
            return;
        }
        let entry = Entry {
            actor: format!("node {}", self.credential.id),
            action: "ingest.other-node".to_owned(),
            subject: other,
            detail: "refused".to_owned(),
            address: self.address.to_string(),
        };
        if let Err(error) = state.store.write(move |tx| tx.audit(&entry)).await {
            tracing::error!(error = %crate::error::Chain(&error), "cannot write the audit");
        }
    }
}

impl Left {
    /// Counts what is not taken.
    pub fn add(&mut self, count: u64, why: &'static str) {
        if count > 0 {
            self.count += count;
            if !self.why.contains(&why) {
                self.why.push(why);
            }
        }
    }

    fn message(&self) -> String {
        crate::index::clipped(&self.why.join("; "), MAX_MESSAGE).to_owned()
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Overloaded => Self::Overloaded,
            StoreError::Refused(_) => Self::Unknown,
            other => {
                tracing::error!(error = %crate::error::Chain(&other), "cannot take a report");
                Self::Unavailable
            }
        }
    }
}

fn answered(state: &AppState, signal: &'static str, begun: Instant, answer: Result<Vec<u8>, Refusal>) -> Response {
    let response = match answer {
        Ok(body) => ([(CONTENT_TYPE, HeaderValue::from_static(PROTOBUF))], body).into_response(),
        Err(refusal) => {
            tracing::debug!(signal, reason = refusal.name(), "refused");
            state.meter.refused(refusal.name());
            refusal.into_response()
        }
    };
    state.meter.request(signal, response.status(), begun.elapsed());
    response
}
