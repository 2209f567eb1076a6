//! Gateways: what they answer, what their logs tell, who may connect.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use portreeve_core::measure::Value;
use portreeve_core::order::{Gather as _, Order as _};
use portreeve_core::report::{GatewaySummary, RungState, ladder};
use portreeve_core::snapshot::{Client, ClientKind, Credentials, Gateway, LogEvent, Probe, SourceOutcome, event};
use portreeve_core::{Report, Series, Snapshot};

use super::node::{STATES, rung_state};
use super::{Readings, seconds, word};
use crate::metric::{self, Metric};

/// Rungs that make a gateway ready.
const READY_RUNGS: [&str; 5] = ["live", "started", "ready", "handshake", "authenticated"];
/// The longest time that one pairing takes.
const PAIRING: SignedDuration = SignedDuration::from_hours(1);
/// Longest name of a reason.
const MAX_REASON: usize = 40;

/// What tells one gateway from another, without a path.
fn name(user: Option<&str>, profile: Option<&str>, workload: Option<&str>, port: u16) -> String {
    match workload {
        Some(workload) => format!("{workload}:{port}"),
        None => format!("{}/{}:{port}", user.unwrap_or("?"), profile.unwrap_or("default")),
    }
}

fn name_of(gateway: &Gateway) -> String {
    name(gateway.user.as_deref(), gateway.profile.as_deref(), gateway.workload.as_deref(), gateway.port)
}

/// Rungs as they were judged, and versions.
pub(super) fn summaries(report: &Report, readings: &mut Readings) {
    for gateway in &report.gateways {
        let GatewaySummary { user, profile, workload, port, .. } = gateway;
        let name = name(user.as_deref(), profile.as_deref(), workload.as_deref(), *port);
        let version = gateway.version.as_deref().unwrap_or_default();
        readings.now(&metric::GATEWAY_INFO, &[("gateway", &name), ("version", version)], 1.0);
        for rung in &gateway.rungs {
            let attributes = [("gateway", name.as_str()), ("rung", &rung.rung)];
            readings.state(&metric::RUNG, &attributes, "state", &STATES, rung_state(rung.state));
        }
    }
}

/// What the gateway answered just now.
pub(super) fn probes(gateway: &Gateway, readings: &mut Readings) {
    let name = name_of(gateway);
    let of = [("gateway", name.as_str())];
    let rungs = ladder(gateway);
    let passes = |rung: &str| rungs.iter().any(|one| one.rung == rung && one.state == RungState::Pass);
    readings.flag(&metric::GATEWAY_UP, &of, passes("live"));
    readings.flag(&metric::GATEWAY_READY, &of, READY_RUNGS.iter().all(|rung| passes(rung)));
    took(&metric::HANDSHAKE_DURATION, &of, &gateway.ladder.handshake, readings);
    took(&metric::CONNECT_DURATION, &of, &gateway.ladder.connect, readings);
    let mut outcomes: BTreeMap<String, u64> = BTreeMap::new();
    outcomes.extend(outcome(&gateway.ladder.connect).map(|outcome| (outcome, 1)));
    if let Some(series) = &gateway.connects {
        of_series(series, &of, &mut outcomes, readings);
    }
    for (outcome, count) in outcomes {
        let attributes = [of[0], ("outcome", &outcome)];
        readings.push(&metric::CONNECT_ATTEMPTS, &attributes, Value::Count(count));
    }
}

fn took<T>(metric: &'static Metric, of: &[(&str, &str)], probe: &Probe<T>, readings: &mut Readings) {
    if probe.answer().is_some() {
        readings.push(metric, of, Value::Weighed(vec![(seconds(probe.elapsed_ms), 1)]));
    }
}

fn outcome<T>(probe: &Probe<T>) -> Option<String> {
    match (probe.answer(), probe.failure()) {
        (Some(_), _) => Some("connected".to_owned()),
        (None, Some(failure)) => Some(word(&failure.kind)),
        (None, None) => None,
    }
}

fn of_series(series: &Series, of: &[(&str, &str)], outcomes: &mut BTreeMap<String, u64>, readings: &mut Readings) {
    for outcome in series.connects.iter().filter_map(outcome) {
        *outcomes.entry(outcome).or_default() += 1;
    }
    let times = series.answered().map(|probe| (seconds(probe.elapsed_ms), 1)).collect();
    readings.push(&metric::HANDSHAKE_DURATION, of, Value::Weighed(times));
    let tally = series.tally();
    if let (Ok(made), Ok(connected)) = (u32::try_from(tally.made), u32::try_from(tally.connected))
        && made > 0
    {
        readings.now(&metric::CONNECT_SUCCESS, of, f64::from(connected) / f64::from(made));
    }
}

/// What its records and its log tell, each with its time.
pub(super) fn happenings(gateway: &Gateway, snapshot: &Snapshot, readings: &mut Readings) {
    let name = name_of(gateway);
    let of = ("gateway", name.as_str());
    let records = gateway.state_dir.as_deref().and_then(|path| snapshot.state_dir(path));
    if let Some(records) = records.and_then(|dir| dir.records.get()) {
        let starts = records.boots.iter().map(|boot| boot.started_at).collect();
        readings.push(&metric::GATEWAY_RESTARTS, &[of], Value::Happened(starts));
    }
    let Some(log) = gateway.log.get() else { return };
    // Several gateways may write one log; a line then names its port or is nobody's.
    let shared = log.sources.iter().any(|source| source.shared);
    let is_its = |event: &LogEvent| !shared || names_port(&event.text, gateway.port) || is_alone(snapshot);
    let events = || log.events.iter().filter(|event| is_its(event));
    let mut closes: BTreeMap<(String, String), Vec<Timestamp>> = BTreeMap::new();
    for event in
        events().filter(|event| [event::CLOSED_BEFORE_CONNECT, event::DISCONNECTED].contains(&event.kind.as_str()))
    {
        let Some(at) = event.at else { continue };
        closes.entry((code(event), reason(event))).or_default().push(at);
    }
    for ((code, reason), times) in closes {
        readings.push(&metric::CLOSES, &[of, ("code", &code), ("reason", &reason)], Value::Happened(times));
    }
    let times = |kind: &'static str, detail: Option<&'static str>| -> Vec<Timestamp> {
        events()
            .filter(|event| event.kind == kind && detail.is_none_or(|detail| event.detail.as_deref() == Some(detail)))
            .filter_map(|event| event.at)
            .collect()
    };
    let mismatches = times(event::UNAUTHORIZED, Some("token_mismatch"));
    readings.push(&metric::TOKEN_MISMATCHES, &[of], Value::Happened(mismatches));
    let attempts = times(event::PAIRING_REQUIRED, None);
    let approvals = times(event::DEVICE_APPROVED, None);
    readings.push(&metric::PAIRING_DURATION, &[of], Value::Took(pairings(&attempts, &approvals)));
    readings.push(&metric::PAIRING_ATTEMPTS, &[of], Value::Happened(attempts));
}

/// Whether a line names a port: `:1900`, but not `:19001`.
pub(super) fn names_port(text: &str, port: u16) -> bool {
    let port = format!(":{port}");
    text.match_indices(&port).any(|(at, _)| !text.as_bytes().get(at + port.len()).is_some_and(u8::is_ascii_digit))
}

/// When a device was approved, and seconds from the first attempt before that.
pub(super) fn pairings(attempts: &[Timestamp], approvals: &[Timestamp]) -> Vec<(Timestamp, f64)> {
    let attempts = attempts.iter().map(|at| (*at, false));
    let mut all: Vec<(Timestamp, bool)> = attempts.chain(approvals.iter().map(|at| (*at, true))).collect();
    all.order();
    let mut first: Option<Timestamp> = None;
    let mut pairings = Vec::new();
    for (at, is_approval) in all {
        // What was given up long ago is no part of it.
        first = first.filter(|first| at.duration_since(*first) <= PAIRING);
        if !is_approval {
            first.get_or_insert(at);
        } else if let Some(first) = first.take() {
            pairings.push((at, at.duration_since(first).as_secs_f64()));
        }
    }
    pairings
}

fn is_alone(snapshot: &Snapshot) -> bool {
    snapshot.gateways.len() == 1
}

/// The close code that an event names.
pub(super) fn code(event: &LogEvent) -> String {
    let digits = |text: &str| {
        let code: String = text.chars().take_while(char::is_ascii_digit).take(5).collect();
        (code.len() == 4).then_some(code)
    };
    let told = event.detail.as_deref().and_then(digits);
    let written = ["code=", "close code ", "("].iter().find_map(|mark| {
        let (_, rest) = event.text.split_once(mark)?;
        digits(rest)
    });
    told.or(written).unwrap_or_else(|| "none".to_owned())
}

/// Why, where that is a word of the gateway's own and not a client's.
pub(super) fn reason(event: &LogEvent) -> String {
    let detail = event.detail.as_deref().unwrap_or_default();
    let is_word = detail.len() <= MAX_REASON
        && detail.starts_with(|c: char| c.is_ascii_lowercase())
        && detail.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_'));
    if is_word { detail.to_owned() } else { "other".to_owned() }
}

/// Devices that wait and that are approved.
pub(super) fn pairing(gateway: &Gateway, readings: &mut Readings) {
    let name = name_of(gateway);
    let of = [("gateway", name.as_str())];
    if let Some(pairing) = gateway.pairing.get() {
        let count = |length: usize| f64::from(u32::try_from(length).unwrap_or(u32::MAX));
        readings.now(&metric::PAIRING_PENDING, &of, count(pairing.pending.len()));
        readings.now(&metric::PAIRING_PAIRED, &of, count(pairing.paired.len()));
    }
    let Some(answer) = gateway.ladder.channels.answer() else { return };
    let mut accounts: BTreeMap<(&str, &str), u32> = BTreeMap::new();
    for (channel, account) in
        answer.channels.iter().flat_map(|one| one.accounts.iter().map(move |account| (one, account)))
    {
        let state = match () {
            () if !account.enabled => "disabled",
            () if portreeve_core::diagnose::account_fails(account) => "fail",
            () => "pass",
        };
        *accounts.entry((channel.id.as_str(), state)).or_default() += 1;
    }
    for ((channel, state), count) in accounts {
        let attributes = [of[0], ("channel", channel), ("state", state)];
        readings.now(&metric::CHANNEL_ACCOUNTS, &attributes, f64::from(count));
    }
}

/// Places of secrets on both sides.
pub(super) fn tokens(snapshot: &Snapshot, readings: &mut Readings) {
    let mut worst: BTreeMap<(&str, String), (usize, usize)> = BTreeMap::new();
    let gateways = snapshot.gateways.iter().map(|gateway| ("gateway", name_of(gateway), &gateway.credentials));
    let clients = snapshot.clients.iter().map(|client| ("client", client_name(client), &client.credentials));
    for (side, name, credentials) in gateways.chain(clients) {
        let (sources, values) = places(credentials);
        let known = worst.entry((side, name)).or_default();
        *known = (known.0.max(sources), known.1.max(values));
    }
    for ((side, name), (sources, values)) in worst {
        let attributes = [("side", side), ("name", name.as_str())];
        let count = |length: usize| f64::from(u32::try_from(length).unwrap_or(u32::MAX));
        readings.now(&metric::TOKEN_SOURCES, &attributes, count(sources));
        readings.now(&metric::TOKEN_VALUES, &attributes, count(values));
    }
}

fn client_name(client: &Client) -> String {
    match client.kind {
        ClientKind::Cli => "cli".to_owned(),
        ClientKind::NodeHost => "node-host".to_owned(),
    }
}

/// Places that hold a value that is read, and how many different values they hold.
fn places(credentials: &Credentials) -> (usize, usize) {
    let read = credentials
        .sources
        .iter()
        .filter(|source| matches!(source.outcome, SourceOutcome::Wins { .. } | SourceOutcome::Loses { .. }));
    let values: BTreeSet<String> =
        read.clone().filter_map(|source| source.fingerprint.as_ref()).map(ToString::to_string).gather();
    (read.count(), values.len())
}
