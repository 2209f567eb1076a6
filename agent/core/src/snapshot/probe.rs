//! What a gateway answered, rung by rung.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

/// One question put to a gateway.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Probe<T> {
    /// What came of it.
    #[serde(flatten)]
    pub outcome: ProbeOutcome<T>,
    /// Milliseconds from the question to the answer or failure.
    pub elapsed_ms: f64,
    /// When it was asked.
    #[schemars(with = "String")]
    pub at: Timestamp,
}

/// What came of a question.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum ProbeOutcome<T> {
    /// An answer of the expected form. It need not be a good one.
    Answered {
        /// The answer.
        answer: T,
    },
    /// No such answer.
    Failed {
        /// How it failed.
        failure: Failure,
    },
    /// Not asked.
    NotTried {
        /// Why.
        why: String,
    },
}

/// What is written of any question, as with a [`Fact`](crate::Fact).
#[derive(Deserialize)]
struct Form {
    status: Status,
    #[serde(default)]
    answer: Value,
    failure: Option<Failure>,
    why: Option<String>,
    elapsed_ms: f64,
    at: Timestamp,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Status {
    Answered,
    Failed,
    NotTried,
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Probe<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Form { status, answer, failure, why, elapsed_ms, at } = Form::deserialize(deserializer)?;
        let outcome = match status {
            Status::Answered => ProbeOutcome::Answered { answer: T::deserialize(answer).map_err(D::Error::custom)? },
            Status::Failed => {
                ProbeOutcome::Failed { failure: failure.ok_or_else(|| D::Error::missing_field("failure"))? }
            }
            Status::NotTried => ProbeOutcome::NotTried { why: why.ok_or_else(|| D::Error::missing_field("why"))? },
        };
        Ok(Self { outcome, elapsed_ms, at })
    }
}

impl<T> Probe<T> {
    /// A question that was not put.
    pub fn not_tried(why: impl Into<String>, at: Timestamp) -> Self {
        Self { outcome: ProbeOutcome::NotTried { why: why.into() }, elapsed_ms: 0.0, at }
    }

    /// A question that was answered.
    pub fn answered(answer: T, elapsed_ms: f64, at: Timestamp) -> Self {
        Self { outcome: ProbeOutcome::Answered { answer }, elapsed_ms, at }
    }

    /// A question that failed.
    pub fn failed(failure: Failure, elapsed_ms: f64, at: Timestamp) -> Self {
        Self { outcome: ProbeOutcome::Failed { failure }, elapsed_ms, at }
    }

    /// The answer, where there is one.
    pub fn answer(&self) -> Option<&T> {
        match &self.outcome {
            ProbeOutcome::Answered { answer } => Some(answer),
            ProbeOutcome::Failed { .. } | ProbeOutcome::NotTried { .. } => None,
        }
    }

    /// The failure, where it failed.
    pub fn failure(&self) -> Option<&Failure> {
        match &self.outcome {
            ProbeOutcome::Failed { failure } => Some(failure),
            ProbeOutcome::Answered { .. } | ProbeOutcome::NotTried { .. } => None,
        }
    }

    /// Why it was not asked, where it was not.
    pub fn not_tried_because(&self) -> Option<&str> {
        match &self.outcome {
            ProbeOutcome::NotTried { why } => Some(why),
            ProbeOutcome::Answered { .. } | ProbeOutcome::Failed { .. } => None,
        }
    }
}

/// How a question failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Failure {
    /// Where on the way it broke.
    pub phase: Phase,
    /// How.
    pub kind: FailureKind,
    /// One sentence with no secret in it.
    pub message: String,
    /// The operating system's error by its name (`ECONNREFUSED`); none where our own deadline or the other side's answer ended it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub errno: Option<String>,
    /// HTTP status of a refused upgrade or an unexpected answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http_status: Option<u16>,
    /// Code of the close frame; none when the connection ended without one (1006).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub close_code: Option<u16>,
    /// Reason of the close frame.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub close_reason: Option<String>,
    /// `error.code` of a refusal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// `error.details.code` of a refusal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail_code: Option<String>,
    /// `error.details.reason` of a refusal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Pairing request that the refusal names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// Device that the refusal names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_id: Option<String>,
    /// Milliseconds after which the gateway wants to be asked again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
}

impl Failure {
    /// A failure with nothing but where, how and a sentence.
    pub fn new(phase: Phase, kind: FailureKind, message: impl Into<String>) -> Self {
        Self {
            phase,
            kind,
            message: message.into(),
            errno: None,
            http_status: None,
            close_code: None,
            close_reason: None,
            code: None,
            detail_code: None,
            reason: None,
            request_id: None,
            device_id: None,
            retry_after_ms: None,
        }
    }
}

/// Where on the way a connection broke.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Name resolution.
    Dns,
    /// TCP connect.
    Tcp,
    /// TLS handshake.
    Tls,
    /// HTTP request or WebSocket upgrade.
    Http,
    /// Waiting for `connect.challenge`.
    Challenge,
    /// Waiting for the answer to `connect`.
    Connect,
    /// After `hello-ok`.
    After,
}

impl Phase {
    /// Its name as people read it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Dns => "DNS",
            Self::Tcp => "TCP",
            Self::Tls => "TLS",
            Self::Http => "HTTP",
            Self::Challenge => "challenge",
            Self::Connect => "connect",
            Self::After => "session",
        }
    }
}

/// How a connection broke.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// The name does not resolve.
    Unresolved,
    /// Connection refused.
    Refused,
    /// No answer within the deadline.
    Timeout,
    /// Connection reset, or ended without a close frame (1006).
    Reset,
    /// No route, or the network is down.
    Unreachable,
    /// TLS failed, or the peer does not speak it.
    Tls,
    /// The peer does not speak HTTP or WebSocket.
    NotHttp,
    /// An HTTP answer that an `OpenClaw` gateway does not give.
    NotOpenClaw,
    /// An HTTP status that refuses.
    HttpStatus,
    /// A refusal of `connect` or of a method, with its codes.
    Rejected,
    /// A close frame instead of an answer.
    Closed,
    /// An answer of the wrong form or too large.
    Malformed,
    /// The gateway says that it is still starting.
    Starting,
    /// The client itself would not connect.
    ClientRefuses,
}

/// The rungs of one gateway, in order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ladder {
    /// What was asked: `ws://127.0.0.1:18789`.
    pub target: String,
    /// `/healthz`.
    pub healthz: Probe<Liveness>,
    /// `/startupz`.
    pub startupz: Probe<Startup>,
    /// `/readyz`.
    pub readyz: Probe<Readiness>,
    /// TCP, upgrade, `connect.challenge`.
    pub handshake: Probe<Challenge>,
    /// `connect` with the gateway's own winning secret.
    pub connect: Probe<Hello>,
    /// `channels.status` with a probe.
    pub channels: Probe<ChannelsAnswer>,
}

/// `/healthz` of an `OpenClaw` gateway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Liveness {
    /// `ok` of the answer.
    pub ok: bool,
}

/// `/startupz`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Startup {
    /// `started`, `starting`, `draining`.
    pub status: String,
    /// What it waits for.
    pub pending_reason: Option<String>,
    /// Version of the running gateway.
    pub version: Option<String>,
    /// Milliseconds since it started.
    pub uptime_ms: Option<u64>,
}

/// `/readyz`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Readiness {
    /// `ready` of the answer.
    pub ready: bool,
    /// Whether the answer had details; without them an empty list proves nothing.
    pub detailed: bool,
    /// What fails.
    pub failing: Vec<String>,
    /// Channels that the crash-loop breaker keeps from starting.
    pub suppressed: Vec<String>,
    /// State of the gateway's event loop.
    pub event_loop: Option<EventLoop>,
}

/// State of a gateway's event loop.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EventLoop {
    /// The gateway's own judgement.
    pub degraded: bool,
    /// Longest delay in its window, in milliseconds.
    pub delay_max_ms: Option<f64>,
    /// Share of time in use, 0 to 1.
    pub utilization: Option<f64>,
}

/// `connect.challenge`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Challenge {
    /// Milliseconds until TCP was connected.
    pub tcp_ms: f64,
    /// Milliseconds from the upgrade's answer to the challenge.
    pub challenge_ms: f64,
    /// The gateway's clock less ours, in milliseconds.
    pub skew_ms: Option<i64>,
    /// By how much that may be wrong either way, in milliseconds.
    #[serde(default)]
    pub skew_uncertainty_ms: Option<u64>,
}

/// `hello-ok`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// Version of the running gateway.
    pub server_version: Option<String>,
    /// Protocol agreed on.
    pub protocol: u32,
    /// Boot id of the running gateway.
    pub boot_id: Option<String>,
    /// Scopes granted.
    pub scopes: Vec<String>,
    /// Milliseconds between ticks.
    pub tick_interval_ms: Option<u64>,
    /// Hash of the configuration that it applied.
    pub applied_config_hash: Option<String>,
}

/// `channels.status` with a probe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelsAnswer {
    /// Each channel.
    pub channels: Vec<ChannelStatus>,
}

/// One channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelStatus {
    /// `telegram`, `discord`, …
    pub id: String,
    /// Whether the gateway counts it as configured.
    pub configured: bool,
    /// Its accounts.
    pub accounts: Vec<AccountStatus>,
}

/// One account of a channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountStatus {
    /// Account id.
    pub id: String,
    /// Switched on.
    pub enabled: bool,
    /// Has what it needs.
    pub configured: bool,
    /// Its runner is alive.
    pub running: bool,
    /// Connected, where the channel tells.
    pub connected: Option<bool>,
    /// `ready`, `blocked`, …
    pub lifecycle: Option<String>,
    /// `terminal-disconnect`, `not-running`, …
    pub health_state: Option<String>,
    /// Last error, with anything secret masked.
    pub last_error: Option<String>,
    /// Whether its probe passed; none when it was not probed.
    pub probe_ok: Option<bool>,
    /// The probe's error, with anything secret masked.
    pub probe_error: Option<String>,
    /// Whether it can admit inbound events, where the gateway tells.
    pub ingress_ok: Option<bool>,
}
