//! The verdict, the machine, containers, state directories.

use std::collections::BTreeMap;

use jiff::Timestamp;
use portreeve_core::acceptance::How;
use portreeve_core::order::Order as _;
use portreeve_core::report::{LayerState, MirrorState, RungState};
use portreeve_core::{Code, Report, Snapshot};

use super::{Readings, double, word};
use crate::metric;

/// The words of states.
pub(super) const STATES: [&str; 3] = ["pass", "fail", "unknown"];

pub(super) fn layer_state(state: LayerState) -> &'static str {
    match state {
        LayerState::Pass => "pass",
        LayerState::Fail => "fail",
        LayerState::Unknown => "unknown",
    }
}

pub(super) fn rung_state(state: RungState) -> &'static str {
    match state {
        RungState::Pass => "pass",
        RungState::Fail => "fail",
        RungState::Unknown => "unknown",
    }
}

pub(super) fn verdict(report: &Report, readings: &mut Readings) {
    let verdicts = ["ready", "degraded", "blocked", "unknown"];
    readings.state(&metric::VERDICT, &[], "verdict", &verdicts, report.verdict.name());
    for (layer, summary) in &report.layers {
        let layer = layer.to_string();
        readings.state(&metric::LAYER, &[("layer", &layer)], "state", &STATES, layer_state(summary.state));
    }
    let findings = report.findings.iter().map(|finding| {
        let waived = finding.waived.is_some().to_string();
        [finding.code.to_string(), word(&finding.severity), finding.layer.to_string(), waived]
    });
    readings.tally(&metric::FINDINGS, ["code", "severity", "layer", "waived"], findings);
    let causes = report.findings.iter().filter(|finding| finding.is_root_cause());
    let causes = causes.map(|finding| [finding.code.to_string(), finding.layer.to_string()]);
    readings.tally(&metric::ROOT_CAUSES, ["code", "layer"], causes);
    let blind = report.blind.iter().map(|blind| [blind.readiness.to_string()]);
    readings.tally(&metric::BLIND, ["readiness"], blind);
}

pub(super) fn host(snapshot: &Snapshot, report: &Report, readings: &mut Readings) {
    let at = report.generated_at;
    let mut versions: Vec<&str> = report.gateways.iter().filter_map(|gateway| gateway.version.as_deref()).collect();
    versions.order();
    versions.dedup();
    versions.reverse();
    let accepted = report.accepted.as_ref();
    readings.now(
        &metric::NODE_INFO,
        &[
            ("agent_version", &report.agent.version),
            ("os_version", report.node.os_version.as_deref().unwrap_or_default()),
            ("os_build", report.node.os_build.as_deref().unwrap_or_default()),
            ("accepted_build", accepted.and_then(|accepted| accepted.os_build.as_deref()).unwrap_or_default()),
            ("openclaw_version", &versions.join(", ")),
        ],
        1.0,
    );
    let clock = snapshot.node.clock.server.as_ref().and_then(|server| server.get());
    if let Some(ahead_ms) = clock.and_then(|server| i32::try_from(server.offset_ms.checked_neg()?).ok()) {
        readings.now(&metric::NODE_CLOCK_OFFSET, &[], f64::from(ahead_ms) / 1_000.0);
    }
    readings.flag(&metric::MAINTENANCE, &[], report.maintenance.is_some());
    readings.flag(&metric::QUARANTINE, &[], report.quarantine.is_some());
    if let Some(quarantine) = &report.quarantine {
        if let Some(since) = quarantine.since {
            readings.now(&metric::QUARANTINE_DURATION, &[], age(since, at));
        }
        readings.now(&metric::QUARANTINE_ATTEMPTS, &[], f64::from(quarantine.attempts));
    }
    if let Some(accepted) = accepted {
        let how = match accepted.how {
            How::Passed => "passed",
            How::ByHand => "by-hand",
        };
        readings.now(&metric::ACCEPTANCE_AGE, &[("how", how)], age(accepted.at, at));
    }
}

pub(super) fn containers(report: &Report, readings: &mut Readings) {
    let containers = report.containers.iter().map(|container| {
        let state = container.state.map_or_else(|| "defined".to_owned(), |state| word(&state));
        [word(&container.role), state]
    });
    readings.tally(&metric::CONTAINERS, ["role", "state"], containers);
    for container in report.containers.iter().filter(|container| container.state.is_some()) {
        let attributes = [("container", container.id.as_str()), ("role", &word(&container.role))];
        readings.now(&metric::CONTAINER_RESTARTS, &attributes, f64::from(container.restarts));
    }
    for engine in &report.engines {
        // An engine's id is the path of its socket.
        let name = engine.user.as_deref().unwrap_or("node");
        let attributes = [("engine", name), ("product", &word(&engine.kind))];
        readings.flag(&metric::ENGINE_UP, &attributes, engine.silent.is_none());
    }
    let skewed = report.findings.iter().any(|finding| finding.code == Code::ImageSkew);
    readings.flag(&metric::IMAGE_SKEW, &[], skewed);
}

pub(super) fn states(report: &Report, readings: &mut Readings) {
    if let Some(free) = report.state_dirs.iter().filter_map(|dir| dir.free_bytes).min() {
        readings.now(&metric::STATE_FREE, &[], double(free));
    }
    if let Some(wal) = report.state_dirs.iter().map(|dir| dir.wal_bytes).max() {
        readings.now(&metric::STATE_WAL, &[], double(wal));
    }
    let backups = || report.state_dirs.iter().filter_map(|dir| dir.time_machine.as_ref());
    let mut by_state: BTreeMap<&str, u32> = BTreeMap::new();
    for backup in backups() {
        *by_state.entry(mirror_state(backup.state)).or_default() += 1;
    }
    for (state, count) in by_state {
        readings.now(&metric::STATE_BACKUP, &[("state", state)], f64::from(count));
    }
    let running: Vec<bool> = backups().filter_map(|backup| backup.running).collect();
    if !running.is_empty() {
        readings.flag(&metric::BACKUP_RUNNING, &[], running.contains(&true));
    }
    let mirrors = report.state_dirs.iter().flat_map(|dir| &dir.mirrors);
    let mirrors = mirrors.map(|mirror| [mirror.name.clone(), mirror_state(mirror.state).to_owned()]);
    readings.tally(&metric::STATE_MIRRORS, ["mirror", "state"], mirrors);
}

fn mirror_state(state: MirrorState) -> &'static str {
    match state {
        MirrorState::Copies => "copies",
        MirrorState::Excluded => "excluded",
        MirrorState::Unknown => "unknown",
    }
}

/// Seconds from one time to another; 0 where the first is later.
fn age(from: Timestamp, to: Timestamp) -> f64 {
    to.duration_since(from).as_secs_f64().max(0.0)
}
