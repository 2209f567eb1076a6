//! Refusals that the log and the gateway's answers tell of.

use jiff::{SignedDuration, Timestamp};

use super::super::auth::client_name;
use super::super::proxy::origin::is_made;
use super::{
    RECENT, RETRIES, RETRY_WINDOW, SIGNATURE_SKEW_MS, STORM_REFUSALS, STORM_WINDOW, events, log_source, within,
};
use crate::catalogue::Code;
use crate::diagnose::{Context, Draft};
use crate::order::Order as _;
use crate::snapshot::{Gateway, LogEvent, event};

/// The largest number of events that any window of this length holds, with the last of them.
fn densest<'a>(events: &[&'a LogEvent], window: SignedDuration) -> Option<(usize, &'a LogEvent)> {
    let mut times: Vec<(Timestamp, &LogEvent)> =
        events.iter().filter_map(|event| event.at.map(|at| (at, *event))).collect();
    times.order_by_key(|(at, _)| *at);
    let mut first = 0;
    let mut best = None;
    for (last, (at, event)) in times.iter().enumerate() {
        while times.get(first).is_some_and(|(start, _)| at.duration_since(*start) > window) {
            first += 1;
        }
        let count = last + 1 - first;
        if best.is_none_or(|(most, _)| count > most) {
            best = Some((count, *event));
        }
    }
    best
}

/// `pairing.retries`: a client tries again and again, and no device was approved since.
pub(super) fn retries(context: Context<'_>, out: &mut Vec<Draft>) {
    let now = context.snapshot.taken_at;
    for gateway in &context.snapshot.gateways {
        let approved = events(gateway, event::DEVICE_APPROVED).filter_map(|event| event.at).max();
        let recent: Vec<&LogEvent> = within(events(gateway, event::PAIRING_REQUIRED), now, RETRY_WINDOW)
            .filter(|event| event.at > approved)
            .collect();
        let Some(last) = recent.last().filter(|_| recent.len() > RETRIES) else { continue };
        let summary = format!("{} connects were turned away for pairing within 10 minutes", recent.len());
        out.push(Draft::new(Code::PairingRetries, "gateway", gateway.id.clone(), summary).gateway(gateway).evidence(
            last.text.clone(),
            log_source(gateway),
            last.at.unwrap_or(now),
        ));
    }
}

/// `token.storm`: mismatch after mismatch.
pub(super) fn storm(context: Context<'_>, out: &mut Vec<Draft>) {
    let now = context.snapshot.taken_at;
    for gateway in &context.snapshot.gateways {
        let refused = events(gateway, event::UNAUTHORIZED)
            .filter(|event| matches!(event.detail.as_deref(), Some("token_mismatch" | "password_mismatch")));
        let recent: Vec<&LogEvent> = within(refused, now, SignedDuration::from_hours(1)).collect();
        let Some((count, last)) = densest(&recent, STORM_WINDOW).filter(|(count, _)| *count > STORM_REFUSALS) else {
            continue;
        };
        let summary = format!("the gateway on port {} refused {count} secrets within 5 minutes", gateway.port);
        out.push(Draft::new(Code::TokenStorm, "gateway", gateway.id.clone(), summary).gateway(gateway).evidence(
            last.text.clone(),
            log_source(gateway),
            last.at.unwrap_or(now),
        ));
    }
}

/// `rate.limited`: attempts are locked out.
pub(super) fn rate_limited(context: Context<'_>, out: &mut Vec<Draft>) {
    let now = context.snapshot.taken_at;
    for gateway in &context.snapshot.gateways {
        let limited =
            events(gateway, event::UNAUTHORIZED).filter(|event| event.detail.as_deref() == Some("rate_limited"));
        let logged = within(limited, now, RECENT).last();
        let probe = &gateway.ladder.connect;
        let answered = probe.failure().filter(|failure| failure.detail_code.as_deref() == Some("AUTH_RATE_LIMITED"));
        let mut draft = Draft::new(
            Code::RateLimited,
            "gateway",
            gateway.id.clone(),
            format!("the gateway on port {} locks out attempts to connect", gateway.port),
        )
        .gateway(gateway);
        match (answered, logged) {
            (Some(failure), _) => draft = draft.answered(failure.message.clone(), gateway.ladder.target.clone(), probe),
            (None, Some(event)) => {
                draft = draft.evidence(event.text.clone(), log_source(gateway), event.at.unwrap_or(now));
            }
            (None, None) => continue,
        }
        out.push(draft);
    }
}

/// `device.token-stale`: a stored device token is refused.
pub(super) fn token_stale(context: Context<'_>, out: &mut Vec<Draft>) {
    let snapshot = context.snapshot;
    for client in &snapshot.clients {
        let Some(device) = client.device.get().filter(|device| device.token_outdated) else { continue };
        let summary = format!(
            "{} keeps a token for device {} that the gateway has replaced",
            client_name(client),
            device.device_id
        );
        out.push(
            Draft::new(Code::DeviceTokenStale, "device", device.device_id.clone(), summary)
                .client(client)
                .seen("older than the gateway's", &client.device),
        );
    }
    for gateway in &snapshot.gateways {
        // The shared secret must be proven good: otherwise the refusal may be about that one.
        if gateway.ladder.connect.answer().is_none() {
            continue;
        }
        let refused = events(gateway, event::UNAUTHORIZED)
            .filter(|event| event.detail.as_deref() == Some("device_token_mismatch"));
        let Some(last) = within(refused, snapshot.taken_at, RECENT).last() else { continue };
        let summary =
            format!("the gateway on port {} refuses a stored device token while its shared secret works", gateway.port);
        out.push(Draft::new(Code::DeviceTokenStale, "gateway", gateway.id.clone(), summary).gateway(gateway).evidence(
            last.text.clone(),
            log_source(gateway),
            last.at.unwrap_or(snapshot.taken_at),
        ));
    }
}

fn closed_for<'a>(gateway: &'a Gateway, now: Timestamp, cause: &'a str) -> Option<&'a LogEvent> {
    let closed =
        events(gateway, event::CLOSED_BEFORE_CONNECT).filter(move |event| event.detail.as_deref() == Some(cause));
    within(closed, now, RECENT).last()
}

/// `device.clock`: a device's signature is refused for its time.
pub(super) fn clock(context: Context<'_>, out: &mut Vec<Draft>) {
    let snapshot = context.snapshot;
    for gateway in &snapshot.gateways {
        let skew = gateway.ladder.handshake.answer().and_then(|challenge| challenge.skew_ms);
        let far = skew.filter(|skew| skew.unsigned_abs() > SIGNATURE_SKEW_MS);
        let expired = events(gateway, event::CLOSED_BEFORE_CONNECT)
            .filter(|event| event.text.contains("device signature expired"));
        let logged = within(expired, snapshot.taken_at, RECENT).last();
        let mut draft = match (far, logged) {
            (None, None) => continue,
            (Some(skew), _) => {
                let summary = format!("the clock of the gateway on port {} differs by {} s", gateway.port, skew / 1000);
                Draft::new(Code::DeviceClock, "gateway", gateway.id.clone(), summary).answered(
                    format!("the challenge is {skew} ms ahead of this node's clock"),
                    gateway.ladder.target.clone(),
                    &gateway.ladder.handshake,
                )
            }
            (None, Some(_)) => {
                let summary = format!("the gateway on port {} refuses a device's signature as too old", gateway.port);
                Draft::new(Code::DeviceClock, "gateway", gateway.id.clone(), summary)
            }
        };
        if let Some(event) = logged {
            draft = draft.evidence(event.text.clone(), log_source(gateway), event.at.unwrap_or(snapshot.taken_at));
        }
        out.push(draft.gateway(gateway));
    }
}

/// `origin.refused`: a browser's origin is not allowed. One that a proxy makes is told of the proxy.
pub(super) fn origin(context: Context<'_>, out: &mut Vec<Draft>) {
    let snapshot = context.snapshot;
    for gateway in snapshot.gateways.iter().filter(|gateway| !is_made(snapshot, gateway)) {
        let Some(refused) = closed_for(gateway, snapshot.taken_at, "origin-mismatch") else { continue };
        let summary = format!("the gateway on port {} refuses a browser's origin", gateway.port);
        let mut draft = Draft::new(Code::OriginRefused, "gateway", gateway.id.clone(), summary)
            .gateway(gateway)
            .evidence(refused.text.clone(), log_source(gateway), refused.at.unwrap_or(snapshot.taken_at));
        if let Some(config) = gateway.config.get() {
            let allowed = config.allowed_origins.as_ref().map_or_else(|| "not set".to_owned(), |list| list.join(", "));
            draft = draft.seen(format!("`gateway.controlUi.allowedOrigins`: {allowed}"), &gateway.config);
        }
        out.push(draft);
    }
}

/// `protocol.mismatch`: the two sides share no version.
pub(super) fn protocol(context: Context<'_>, out: &mut Vec<Draft>) {
    let snapshot = context.snapshot;
    for gateway in &snapshot.gateways {
        let probe = &gateway.ladder.connect;
        let answered = probe.failure().filter(|failure| failure.detail_code.as_deref() == Some("PROTOCOL_MISMATCH"));
        let logged = within(events(gateway, event::PROTOCOL_MISMATCH), snapshot.taken_at, RECENT)
            .last()
            .or_else(|| closed_for(gateway, snapshot.taken_at, "protocol-mismatch"));
        let summary = format!("a client speaks no protocol version of the gateway on port {}", gateway.port);
        let draft = Draft::new(Code::ProtocolMismatch, "gateway", gateway.id.clone(), summary).gateway(gateway);
        match (answered, logged) {
            (Some(failure), _) => {
                out.push(draft.answered(failure.message.clone(), gateway.ladder.target.clone(), probe));
            }
            (None, Some(event)) => {
                out.push(draft.evidence(
                    event.text.clone(),
                    log_source(gateway),
                    event.at.unwrap_or(snapshot.taken_at),
                ));
            }
            (None, None) => {}
        }
    }
}
