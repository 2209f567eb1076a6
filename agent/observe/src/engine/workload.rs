//! From an engine's words for a container to a workload.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use portreeve_core::Fact;
use portreeve_core::order::{Gather as _, Order as _};
use portreeve_core::snapshot::{
    Attachment, Client, Healthcheck, HostsEntry, Image, Mount, MountKind, NetworkMode, PublishedPort, Runtime, Workload,
};
use portreeve_facts::workload::{Definition, ImageReference, listens, mask, role, split_words, state_dir};
use portreeve_openclaw::environment::Environment;

use super::parts::{
    dependencies, exit_code_of_status, health_of_status, healthcheck, mount, network_mode, port_and_protocol,
    published, run_state, runtime,
};
use super::text::line;
use super::wire::{HostConfig, Inspected, InspectedImage, Listed, MountPoint, NetworkSettings, Words};

/// Longest name, path or reference that is kept, in bytes.
const MAX_NAME: usize = 512;
/// Most of anything else that one container has many of.
pub(super) const MAX_MANY: usize = 128;

pub(super) const PROJECT: &str = "com.docker.compose.project";
pub(super) const SERVICE: &str = "com.docker.compose.service";
pub(super) const WORKING_DIR: &str = "com.docker.compose.project.working_dir";
pub(super) const CONFIG_FILES: &str = "com.docker.compose.project.config_files";
/// What `--env-file` named.
pub(super) const ENVIRONMENT_FILE: &str = "com.docker.compose.project.environment_file";
const DEPENDS_ON: &str = "com.docker.compose.depends_on";

/// A container with what its workload does not hold: its environment.
#[derive(Debug, Clone)]
pub struct Seen {
    /// The workload.
    pub workload: Workload,
    /// What it was judged by, its environment among it.
    pub definition: Definition,
    /// The client of a service, as its files tell of it; none for a container.
    pub client: Option<Client>,
}

/// A name of an engine, short and plain.
pub(super) fn name(text: &str) -> String {
    line(text, MAX_NAME)
}

/// Names are unique to one engine; those of a second engine carry its id.
pub(super) fn workload_id(name: &str) -> String {
    format!("container:{name}")
}

/// A container as the list has it.
pub(super) fn listed(listed: &Listed, engine: &str, at: Timestamp) -> Seen {
    let words: Vec<String> = split_words(&listed.command);
    let ports = listed.ports.iter().map(|port| port.private_port).collect();
    let definition = Definition {
        image: name(&listed.image),
        entrypoint: Some(words),
        command: Some(Vec::new()),
        environment: Environment::default(),
        working_dir: None,
        user: None,
        ports,
        labels: telling_labels(&listed.labels),
        mount_targets: listed.mounts.iter().take(MAX_MANY).map(|mount| name(&mount.destination)).collect(),
    };
    let own_name = listed.names.iter().map(|name| name.trim_start_matches('/')).find(|name| !name.contains('/'));
    let own_name = own_name.map_or_else(|| short(&listed.id), name);
    let ports = listed.ports.iter().map(|port| PublishedPort {
        host_address: host_address(&port.ip),
        host_port: port.public_port,
        container_port: port.private_port,
        protocol: name(&port.protocol),
        key: String::new(),
    });
    let runtime = Runtime {
        state: run_state(&listed.state),
        pid: None,
        exit_code: exit_code_of_status(&listed.status),
        oom_killed: false,
        restart_count: 0,
        error: None,
        started_at: None,
        finished_at: None,
        health: health_of_status(&listed.status),
        failing_streak: 0,
        health_log: Vec::new(),
    };
    let ports = distinct(ports.filter(|port| port.host_port.is_some()));
    let told = Parts {
        name: own_name,
        container_id: listed.id.clone(),
        image_id: &listed.image_id,
        labels: &listed.labels,
        host: &listed.host_config,
        network: &listed.network_settings,
        mounts: &listed.mounts,
        ports,
        healthcheck: None,
        runtime,
        restart: None,
    };
    assemble(told, definition, engine, at)
}

/// A container as the engine has it in full.
pub(super) fn inspected(inspected: &Inspected, image: Option<&InspectedImage>, engine: &str, at: Timestamp) -> Seen {
    let config = &inspected.config;
    let entrypoint = match &config.entrypoint {
        Words::List(words) => words.clone(),
        Words::Text(text) => split_words(text),
        Words::None => Vec::new(),
    };
    let (entrypoint, command) = if entrypoint.is_empty() && config.cmd.is_empty() {
        (vec![inspected.path.clone()], inspected.args.clone())
    } else {
        (entrypoint, config.cmd.clone())
    };
    let mut labels = image.map(|image| telling_labels(&image.config.labels)).unwrap_or_default();
    labels.extend(telling_labels(&config.labels));
    let bound = &inspected.host_config.port_bindings;
    let ports: BTreeSet<u16> =
        config.exposed_ports.keys().chain(bound.keys()).filter_map(|key| Some(port_and_protocol(key)?.0)).gather();
    let definition = Definition {
        image: name(&config.image),
        entrypoint: Some(entrypoint),
        command: Some(command),
        environment: environment(&config.env),
        working_dir: Some(name(&config.working_dir)).filter(|dir| !dir.is_empty()),
        user: config.user.as_deref().map(name).or_else(|| Some(String::new())),
        ports: ports.into_iter().take(MAX_MANY).collect(),
        labels,
        mount_targets: inspected.mounts.iter().take(MAX_MANY).map(|mount| name(&mount.destination)).collect(),
    };
    let in_force = &inspected.network_settings.ports;
    let ports = published(if in_force.values().any(Option::is_some) { in_force } else { bound });
    let restart = &inspected.host_config.restart_policy;
    let restart = match restart.maximum_retry_count {
        0 => name(&restart.name),
        count => format!("{}:{count}", name(&restart.name)),
    };
    let told = Parts {
        name: name(inspected.name.trim_start_matches('/')),
        container_id: inspected.id.clone(),
        image_id: &inspected.image,
        labels: &config.labels,
        host: &inspected.host_config,
        network: &inspected.network_settings,
        mounts: &inspected.mounts,
        ports,
        healthcheck: healthcheck(config, image),
        runtime: runtime(inspected),
        restart: Some(restart).filter(|restart| !restart.is_empty()),
    };
    let mut seen = assemble(told, definition, engine, at);
    if let Some(image) = image {
        let platform = [image.os.as_str(), image.architecture.as_str(), image.variant.as_str()];
        let platform: Vec<String> = platform.into_iter().filter(|part| !part.is_empty()).map(name).collect();
        seen.workload.image.platform = Some(platform.join("/")).filter(|platform| !platform.is_empty());
        seen.workload.image.digests = image.repo_digests.iter().take(MAX_MANY).map(|digest| name(digest)).collect();
        if let Some(version) = image.config.labels.get("org.opencontainers.image.version") {
            seen.workload.image.version = Some(name(version));
        }
    }
    seen
}

struct Parts<'a> {
    name: String,
    container_id: String,
    image_id: &'a str,
    labels: &'a BTreeMap<String, String>,
    host: &'a HostConfig,
    network: &'a NetworkSettings,
    mounts: &'a [MountPoint],
    ports: Vec<PublishedPort>,
    healthcheck: Option<Healthcheck>,
    runtime: Runtime,
    restart: Option<String>,
}

fn assemble(parts: Parts<'_>, definition: Definition, engine: &str, at: Timestamp) -> Seen {
    let judged = role(&definition);
    let network_mode = network_mode(&parts.host.network_mode);
    // Podman tells of one that shares another's namespace what that other one has.
    let shares = matches!(network_mode, NetworkMode::Shared { .. });
    let words: Vec<String> = definition.entrypoint.iter().chain(&definition.command).flatten().cloned().collect();
    let is_default_bridge = |network: &str| network == "bridge" || network == "podman";
    let networks = parts.network.networks.iter().take(MAX_MANY).map(|(network, endpoint)| {
        let names = endpoint.aliases.iter().chain(&endpoint.dns_names).map(|alias| name(alias));
        let mut aliases: Vec<String> = names.collect();
        aliases.push(parts.name.clone());
        aliases.order();
        aliases.dedup();
        // The engine gives each container its own short id as an alias, and resolves no name on its default network.
        aliases.retain(|alias| !parts.container_id.starts_with(alias.as_str()) && !is_default_bridge(network));
        let addresses = [&endpoint.ip_address, &endpoint.global_ipv6_address];
        Attachment {
            network: network_id(engine, if endpoint.network_id.is_empty() { network } else { &endpoint.network_id }),
            aliases,
            address: addresses.into_iter().find(|address| !address.is_empty()).map(|address| name(address)),
        }
    });
    let networks: Vec<Attachment> = if shares { Vec::new() } else { networks.collect() };
    let tmpfs = parts.host.tmpfs.iter().map(|(target, options)| Mount {
        kind: MountKind::Tmpfs,
        source: None,
        target: name(target),
        read_only: options.split(',').any(|option| option == "ro"),
        propagation: None,
        key: String::new(),
    });
    let mounts: Vec<Mount> = parts.mounts.iter().map(mount).chain(tmpfs).take(MAX_MANY).collect();
    let image = Image {
        reference: definition.image.clone(),
        written: None,
        built: false,
        id: Some(name(parts.image_id)).filter(|id| !id.is_empty()),
        digests: Vec::new(),
        platform: None,
        version: ImageReference::parse(&definition.image)
            .ok()
            .and_then(|reference| reference.version().map(str::to_owned)),
    };
    let workload = Workload {
        id: workload_id(&parts.name),
        name: parts.name,
        engine: Some(engine.to_owned()),
        container_id: Some(name(&parts.container_id)),
        project: parts.labels.get(PROJECT).map(|project| name(project)),
        service: parts.labels.get(SERVICE).map(|service| name(service)),
        role: judged.role,
        role_reason: judged.reason,
        image,
        user: definition.user.clone().filter(|user| !user.is_empty()),
        command: mask(&words).iter().map(|word| name(word)).collect(),
        environment: definition.environment.names().take(4 * MAX_MANY).map(name).collect(),
        listens: listens(&definition, None),
        network_mode,
        networks,
        ports: if shares { Vec::new() } else { parts.ports },
        mounts,
        state_dir: state_dir(&definition),
        extra_hosts: parts.host.extra_hosts.iter().take(MAX_MANY).map(|host| hosts_entry(host)).collect(),
        read_only_root: parts.host.readonly_rootfs,
        healthcheck: parts.healthcheck,
        restart: parts.restart,
        depends_on: parts.labels.get(DEPENDS_ON).map(|list| dependencies(list)).unwrap_or_default(),
        profiles: Vec::new(),
        memory_limit: Some(parts.host.memory).filter(|bytes| *bytes > 0),
        runtime: Some(parts.runtime),
        view: Fact::absent("no probe was asked for", at),
        places: BTreeMap::new(),
        written: Vec::new(),
    };
    Seen { workload, definition, client: None }
}

/// `host.docker.internal:host-gateway`, `a=10.0.0.1`
fn hosts_entry(entry: &str) -> HostsEntry {
    let entry = HostsEntry::parse(entry);
    HostsEntry { name: name(&entry.name), ..entry }
}

/// [`portreeve_core::snapshot::Network::id`].
pub(super) fn network_id(engine: &str, network: &str) -> String {
    format!("{engine}/{}", name(network))
}

/// Labels that say what an image is. The others may be anybody's, and any size.
fn telling_labels(labels: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    labels
        .iter()
        .filter(|(key, _)| key.starts_with("org.opencontainers.image.") || key.starts_with("com.docker.compose."))
        .take(MAX_MANY)
        .map(|(key, value)| (name(key), name(value)))
        .gather()
}

fn environment(pairs: &[String]) -> Environment {
    Environment::all(pairs.iter().take(4 * MAX_MANY).filter_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        Some((name.to_owned(), value.to_owned()))
    }))
}

fn short(id: &str) -> String {
    name(&id.chars().take(12).collect::<String>())
}

/// None for every address.
pub(super) fn host_address(address: &str) -> Option<String> {
    (!matches!(address, "" | "0.0.0.0" | "::")).then(|| name(address))
}

pub(super) fn distinct(ports: impl Iterator<Item = PublishedPort>) -> Vec<PublishedPort> {
    let mut kept: Vec<PublishedPort> = Vec::new();
    for port in ports.take(4 * MAX_MANY) {
        if kept.len() < MAX_MANY && !kept.contains(&port) {
            kept.push(port);
        }
    }
    kept
}

/// A running container as an engine would tell of it.
#[cfg(test)]
pub(crate) fn test_workload(own_name: &str, definition: &Definition) -> Workload {
    let item = Listed { names: vec![format!("/{own_name}")], state: "running".into(), ..Listed::default() };
    let seen = listed(&item, "e", Timestamp::UNIX_EPOCH);
    let judged = role(definition);
    Workload { role: judged.role, role_reason: judged.reason, listens: listens(definition, None), ..seen.workload }
}
