//! Proxies between clients and gateways, and what passes web hooks on.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::client::GatewayUrl;
use super::place::Place;
use super::probe::{Challenge, Probe};
use crate::Fact;

/// One way through a proxy to a gateway.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProxyRoute {
    /// Stable id: `container:<name> https://…`, `process:<pid> …`, `service:<project>/<service> …`.
    pub id: String,
    /// The proxy where it is a workload: [`super::Workload::id`].
    pub workload: Option<String>,
    /// `nginx`, `caddy`, …
    pub program: String,
    /// The address that clients use.
    pub front: GatewayUrl,
    /// Where the proxy passes it on to.
    pub upstream: Option<GatewayUrl>,
    /// The gateway there: [`super::Gateway::id`].
    pub gateway: Option<String>,
    /// What the proxy's configuration says of it.
    pub config: Fact<ProxyConfig>,
    /// Handshake with the gateway itself.
    pub direct: Probe<Challenge>,
    /// Handshake through the proxy.
    pub through: Probe<Challenge>,
    /// An idle socket through the proxy.
    pub idle: Probe<IdleSocket>,
    /// What TLS the front speaks.
    pub tls: Fact<TlsSeen>,
    /// Address that the gateway sees the proxy come from.
    pub peer: Option<String>,
    /// HTTP status of `/healthz` through the proxy; none where it was not asked or did not answer.
    #[serde(default)]
    pub http: Option<u16>,
    /// Whether no WebSocket is meant to pass here, so that the handshake tells nothing: a path for web hooks or health checks alone.
    #[serde(default)]
    pub http_only: bool,
}

/// What a proxy's configuration says of one route. A part that says nothing is none, and the program's default holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProxyConfig {
    /// Whether a WebSocket upgrade is passed on.
    pub upgrade: bool,
    /// Seconds of silence after which it cuts.
    pub read_timeout_s: Option<f64>,
    /// Whether it collects an answer before it passes it on.
    pub buffering: bool,
    /// Forwarding headers that it adds.
    pub forwards: Vec<String>,
    /// `Origin` that each request gets, in place of the client's own. None where the client's is passed on or taken away, and where it is
    /// not known what decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// Certificate file.
    pub certificate: Option<String>,
    /// Where each part is written: `upstream`, `upgrade`, `read_timeout`, `buffering`, `forwards`, `origin`, `certificate`; the empty key is the route.
    #[serde(default)]
    pub places: BTreeMap<String, Place>,
}

/// What became of an idle socket.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IdleSocket {
    /// Milliseconds for which it was held, or after which it was cut.
    pub held_ms: f64,
    /// Whether it was cut before the deadline.
    pub cut: bool,
    /// The gateway's tick in milliseconds.
    pub tick_ms: u64,
    /// How it ended: `eof`, `reset`, `close 1001`.
    pub how: Option<String>,
}

/// The TLS of a front.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TlsSeen {
    /// Names that the certificate holds for.
    pub names: Vec<String>,
    /// Who issued it.
    pub issuer: Option<String>,
    /// When it begins.
    pub not_before: Option<Timestamp>,
    /// When it ends.
    pub not_after: Option<Timestamp>,
    /// Whether it holds for the name that was asked for.
    pub name_matches: bool,
    /// Whether it signs itself.
    pub self_signed: bool,
    /// Certificates sent.
    pub chain_length: u32,
    /// Why a client with the public roots would refuse it.
    pub refusal: Option<String>,
}

/// Something that takes web hooks and passes them on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ingress {
    /// Stable id.
    pub id: String,
    /// The workload, where it is one.
    pub workload: Option<String>,
    /// Where it passes events on to.
    pub target: GatewayUrl,
    /// Where that is written.
    pub source: String,
    /// Place of that.
    pub place: Option<Place>,
    /// The gateway there; none where there is none such.
    pub gateway: Option<String>,
    /// HTTP status of the way through it, where it was asked.
    pub answer: Probe<u16>,
}
