//! Parts of what an engine says of a container.

use std::collections::BTreeMap;

use jiff::Timestamp;
use portreeve_core::snapshot::{
    Dependency, HealthResult, Healthcheck, Mount, MountKind, NetworkMode, PublishedPort, RunState, Runtime,
};
use portreeve_facts::workload::{health_question, mask};
use portreeve_openclaw::log::redact;

use super::text::line;
use super::wire::{Config, HealthConfig, Inspected, InspectedImage, MountPoint, PortBinding};
use super::workload::{MAX_MANY, distinct, host_address, name};

/// Longest output of a health check that is kept, in bytes.
const MAX_OUTPUT: usize = 300;
/// Most results of a health check that are kept.
const MAX_HEALTH_RESULTS: usize = 5;

/// `18789/tcp`
pub(super) fn port_and_protocol(key: &str) -> Option<(u16, &str)> {
    let (port, protocol) = key.split_once('/').unwrap_or((key, "tcp"));
    Some((port.parse().ok()?, protocol))
}

pub(super) fn published(ports: &BTreeMap<String, Option<Vec<PortBinding>>>) -> Vec<PublishedPort> {
    let all = ports.iter().filter_map(|(key, bindings)| Some((port_and_protocol(key)?, bindings.as_ref()?)));
    distinct(all.flat_map(|((container_port, protocol), bindings)| {
        bindings.iter().map(move |binding| PublishedPort {
            host_address: host_address(&binding.host_ip),
            host_port: binding.host_port.parse().ok().filter(|port| *port != 0),
            container_port,
            protocol: name(protocol),
            key: String::new(),
        })
    }))
}

pub(super) fn mount(point: &MountPoint) -> Mount {
    let kind = match point.kind.as_str() {
        "bind" => MountKind::Bind,
        "volume" => MountKind::Volume,
        "tmpfs" => MountKind::Tmpfs,
        _ => MountKind::Other,
    };
    // A volume without a name has its id for one.
    let is_anonymous = point.name.len() == 64 && point.name.bytes().all(|b| b.is_ascii_hexdigit());
    let source = match kind {
        MountKind::Volume => Some(&point.name).filter(|name| !name.is_empty() && !is_anonymous),
        MountKind::Tmpfs => None,
        MountKind::Bind | MountKind::Other => Some(&point.source).filter(|source| !source.is_empty()),
    };
    Mount {
        kind,
        source: source.map(|source| name(source)),
        target: name(&point.destination),
        read_only: point.writable == Some(false),
        propagation: Some(name(&point.propagation)).filter(|propagation| !propagation.is_empty()),
        key: String::new(),
    }
}

/// Whose namespace it is; the other container is named by its id until all are known.
pub(super) fn network_mode(mode: &str) -> NetworkMode {
    match mode {
        "host" => NetworkMode::Host,
        "none" => NetworkMode::None,
        _ => match mode.strip_prefix("container:") {
            Some(with) => NetworkMode::Shared { with: name(with), found: false },
            None => NetworkMode::Own,
        },
    }
}

/// `gateway:service_healthy:true,db:service_started:false`
pub(super) fn dependencies(list: &str) -> Vec<Dependency> {
    let each = list.split(',').take(MAX_MANY).filter_map(|item| {
        let mut parts = item.split(':');
        let service = parts.next().filter(|service| !service.is_empty())?;
        Some(Dependency { service: name(service), condition: name(parts.next().unwrap_or("service_started")) })
    });
    each.collect()
}

pub(super) fn run_state(state: &str) -> RunState {
    match state {
        "created" | "configured" | "initialized" => RunState::Created,
        "running" => RunState::Running,
        "paused" => RunState::Paused,
        "restarting" => RunState::Restarting,
        "removing" | "stopping" => RunState::Removing,
        "dead" => RunState::Dead,
        _ => RunState::Exited,
    }
}

/// `Exited (137) 5 minutes ago`
pub(super) fn exit_code_of_status(status: &str) -> Option<i64> {
    status.strip_prefix("Exited (")?.split_once(')')?.0.parse().ok()
}

/// `Up 5 minutes (unhealthy)`
pub(super) fn health_of_status(status: &str) -> Option<String> {
    let word = status.rsplit_once('(')?.1.trim_end_matches(')');
    let word = if word == "health: starting" { "starting" } else { word };
    matches!(word, "healthy" | "unhealthy" | "starting").then(|| word.to_owned())
}

/// The engine's zero is the year 1.
pub(super) fn time(text: &str) -> Option<Timestamp> {
    text.parse::<Timestamp>().ok().filter(|at| *at > Timestamp::UNIX_EPOCH)
}

pub(super) fn runtime(inspected: &Inspected) -> Runtime {
    let state = &inspected.state;
    let run = run_state(&state.status);
    let ended = !matches!(run, RunState::Created | RunState::Running | RunState::Paused);
    let health = state.health.as_ref().filter(|health| health.status != "none" && !health.status.is_empty());
    let log = health.map_or(&[][..], |health| &health.log);
    let log = log.get(log.len().saturating_sub(MAX_HEALTH_RESULTS)..).unwrap_or_default();
    Runtime {
        state: run,
        pid: Some(state.pid).filter(|pid| *pid != 0),
        exit_code: (ended || time(&state.finished_at).is_some()).then_some(state.exit_code),
        oom_killed: state.oom_killed,
        restart_count: inspected.restart_count,
        error: Some(redact(&name(&state.error), MAX_OUTPUT)).filter(|error| !error.is_empty()),
        started_at: time(&state.started_at),
        finished_at: time(&state.finished_at),
        health: health.map(|health| name(&health.status)),
        failing_streak: health.map_or(0, |health| health.failing_streak),
        health_log: log
            .iter()
            .map(|entry| HealthResult {
                at: time(&entry.end),
                exit_code: entry.exit_code,
                output: redact(&line(entry.output.trim(), 2 * MAX_OUTPUT), MAX_OUTPUT),
            })
            .collect(),
    }
}

pub(super) fn healthcheck(config: &Config, image: Option<&InspectedImage>) -> Option<Healthcheck> {
    let check = config.healthcheck.as_ref().filter(|check| !check.test.is_empty())?;
    let of_image: Option<&HealthConfig> = image.and_then(|image| image.config.healthcheck.as_ref());
    let ms = |nanoseconds: u64, default_s: u64| match nanoseconds {
        0 => default_s * 1_000,
        given => given / 1_000_000,
    };
    Some(Healthcheck {
        disabled: check.test.first().is_some_and(|kind| kind == "NONE"),
        asks: health_question(&check.test),
        test: mask(&check.test).iter().map(|word| name(word)).collect(),
        interval_ms: ms(check.interval, 30),
        timeout_ms: ms(check.timeout, 30),
        start_period_ms: ms(check.start_period, 0),
        retries: if check.retries == 0 { 3 } else { check.retries },
        from_image: of_image == Some(check),
    })
}
