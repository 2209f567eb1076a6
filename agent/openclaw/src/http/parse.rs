//! The bodies of the probes.

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::protocol::EventLoop;
use crate::protocol::text::Text;

/// Most entries kept of a list in a body.
const MAX_ENTRIES: usize = 64;

/// What a body says.
#[derive(Debug, Clone, PartialEq)]
pub enum Body<T> {
    /// It has the shape of an OpenClaw gateway's.
    Known(T),
    /// A gateway that refuses because forwarding headers came from a peer it does not trust.
    ProxyAttributionRequired,
    /// Anything else: another product, or a web page.
    Foreign,
}

impl<T> Body<T> {
    /// The value, if the body has the shape of a gateway's.
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::ProxyAttributionRequired | Self::Foreign => None,
        }
    }
}

/// `/healthz`: the process answers. It stays so in every failure but a hang.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Liveness;

/// `/startupz`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Startup {
    /// How far it is.
    pub state: StartupState,
    /// Its release; only with details.
    pub version: Option<String>,
    /// How long it has been up, in milliseconds; only with details.
    pub uptime_ms: Option<u64>,
    /// Whether the gateway gave details: we are direct on its loopback, or sent a valid bearer.
    pub detailed: bool,
}

/// How far a gateway's start is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StartupState {
    /// Done.
    Started,
    /// Not yet.
    Starting {
        /// What it waits for, such as `startup-sidecars`; only with details.
        pending_reason: Option<Text>,
    },
    /// It is about to stop or restart.
    Draining,
}

/// `/readyz`.
#[derive(Debug, Clone, PartialEq)]
pub struct Readiness {
    /// The gateway's verdict.
    pub ready: bool,
    /// What keeps it from being ready: a start-up reason, `gateway-draining`, `agent-database:<id>`, `plugin-reload`, `state-database`,
    /// `internal`, or a channel.
    pub failing: Vec<Text>,
    /// Channels that do not run because the crash-loop breaker tripped; the gateway calls itself ready nevertheless.
    pub suppressed: Vec<Text>,
    /// The event loop of the gateway's main thread.
    pub event_loop: Option<EventLoop>,
    /// How long it has been up, in milliseconds.
    pub uptime_ms: Option<u64>,
    /// Whether the gateway gave details; without, `failing` and `suppressed` are unknown, not empty.
    pub detailed: bool,
}

/// Reads the body of `/healthz`.
pub fn liveness(status: u16, body: &[u8]) -> Body<Liveness> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Wire {
        ok: bool,
        status: String,
    }

    read(status, body, |wire: Wire| (status == 200 && wire.ok && wire.status == "live").then_some(Liveness))
}

/// Reads the body of `/startupz`.
pub fn startup(status: u16, body: &[u8]) -> Body<Startup> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Wire {
        ok: bool,
        status: String,
        version: Option<String>,
        uptime_ms: Option<u64>,
        pending_reason: Option<Text>,
    }

    read(status, body, |wire: Wire| {
        let state = match (status, wire.ok, wire.status.as_str()) {
            (200, true, "started") => StartupState::Started,
            (503, false, "starting") => StartupState::Starting { pending_reason: wire.pending_reason },
            (503, false, "draining") => StartupState::Draining,
            _ => return None,
        };

        Some(Startup {
            state,
            detailed: wire.version.is_some() || wire.uptime_ms.is_some(),
            version: wire.version.map(|version| Text::new(&version).as_str().to_owned()),
            uptime_ms: wire.uptime_ms,
        })
    })
}

/// Reads the body of `/readyz`.
pub fn readiness(status: u16, body: &[u8]) -> Body<Readiness> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Wire {
        ready: bool,
        failing: Option<Vec<Text>>,
        #[serde(default)]
        suppressed: Vec<Text>,
        event_loop: Option<EventLoop>,
        uptime_ms: Option<u64>,
    }

    read(status, body, |mut wire: Wire| {
        wire.suppressed.truncate(MAX_ENTRIES);
        let detailed = wire.failing.is_some();
        let mut failing = wire.failing.unwrap_or_default();
        failing.truncate(MAX_ENTRIES);

        matches!((status, wire.ready), (200, true) | (503, false)).then_some(Readiness {
            ready: wire.ready,
            failing,
            suppressed: wire.suppressed,
            event_loop: wire.event_loop,
            uptime_ms: wire.uptime_ms,
            detailed,
        })
    })
}

fn read<W: DeserializeOwned, T>(status: u16, body: &[u8], accept: impl FnOnce(W) -> Option<T>) -> Body<T> {
    if status == 403 && is_proxy_attribution(body) {
        return Body::ProxyAttributionRequired;
    }

    serde_json::from_slice(body).ok().and_then(accept).map_or(Body::Foreign, Body::Known)
}

fn is_proxy_attribution(body: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Wire {
        error: WireError,
    }

    #[derive(Deserialize)]
    struct WireError {
        #[serde(rename = "type")]
        kind: String,
    }

    serde_json::from_slice::<Wire>(body).is_ok_and(|wire| wire.error.kind == "proxy_attribution_required")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_the_exact_body_is_live() {
        assert_eq!(liveness(200, br#"{"ok":true,"status":"live"}"#), Body::Known(Liveness));
        for (status, body) in [
            (200, &b"<!doctype html>"[..]),
            (200, b"ok"),
            (200, br#"{"ok":true}"#),
            (200, br#"{"ok":true,"status":"UP"}"#),
            (200, br#"{"ok":true,"status":"live","db":"up"}"#),
            (503, br#"{"ok":true,"status":"live"}"#),
        ] {
            assert_eq!(liveness(status, body), Body::Foreign);
        }
    }

    #[test]
    fn startup_states() {
        let state = |status, body: &[u8]| startup(status, body).known().cloned();

        let started = state(200, br#"{"ok":true,"status":"started","version":"2026.9.6","uptimeMs":40376}"#);
        assert_eq!(
            started,
            Some(Startup {
                state: StartupState::Started,
                version: Some("2026.9.6".to_owned()),
                uptime_ms: Some(40376),
                detailed: true
            })
        );
        let starting = state(
            503,
            br#"{"ok":false,"status":"starting","version":"1","uptimeMs":1,"pendingReason":"startup-sidecars"}"#,
        );
        assert_eq!(
            starting.map(|startup| startup.state),
            Some(StartupState::Starting { pending_reason: Some(Text::new("startup-sidecars")) })
        );
        let brief = state(503, br#"{"ok":false,"status":"draining"}"#);
        assert_eq!(brief.map(|startup| (startup.state, startup.detailed)), Some((StartupState::Draining, false)));
        assert_eq!(state(200, br#"{"ok":false,"status":"started"}"#), None);
        assert_eq!(state(200, br#"{"ok":true,"status":"warming"}"#), None);
    }

    #[test]
    fn readiness_with_and_without_details() {
        let full = readiness(200, br#"{"ready":true,"failing":[],"suppressed":["telegram"],"uptimeMs":7,"eventLoop":{"degraded":false,"delayP99Ms":20.2}}"#);
        let Body::Known(full) = full else { unreachable!() };
        assert_eq!(full.suppressed, [Text::new("telegram")]);
        assert_eq!(full.event_loop.and_then(|event_loop| event_loop.delay_p99_ms), Some(20.2));
        assert!(full.detailed);

        let brief = readiness(503, br#"{"ready":false}"#);
        assert!(brief.known().is_some_and(|brief| !brief.ready && !brief.detailed));
        assert_eq!(readiness(200, br#"{"ready":false}"#), Body::Foreign);
    }

    #[test]
    fn a_refusal_for_forwarding_headers_is_its_own_case() {
        let body =
            br#"{"error":{"message":"Proxy client attribution is required.","type":"proxy_attribution_required"}}"#;

        assert_eq!(readiness(403, body), Body::ProxyAttributionRequired);
        assert_eq!(startup(403, br#"{"error":{"type":"forbidden"}}"#), Body::Foreign);
    }

    proptest! {
        #[test]
        fn never_panics(status: u16, body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = liveness(status, &body);
            let _ = startup(status, &body);
            let _ = readiness(status, &body);
        }
    }
}
