//! From the command's words for a container to a workload.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use portreeve_core::Fact;
use portreeve_core::order::Gather as _;
use portreeve_core::snapshot::{
    Attachment, EngineKind, Image, Mount, MountKind, Network, NetworkMode, PublishedPort, RunState, Runtime, Workload,
    WorkloadRole,
};
use portreeve_facts::workload::{Definition, ImageReference, listens, mask, role, state_dir};
use portreeve_openclaw::environment::Environment;

use super::super::workload::{MAX_MANY, Seen, host_address, name, network_id, workload_id};
use super::ID;
use crate::commands::apple_container::{self as told, Container};

/// The network that a container is on where it names none.
const DEFAULT_NETWORK: &str = "default";

/// The container as a workload. What runs `OpenClaw` cannot be seen from within.
pub(super) fn seen(container: &Container, at: Timestamp) -> Seen {
    let definition = definition(container);
    let judged = role(&definition);
    let has_openclaw = matches!(judged.role, WorkloadRole::Gateway | WorkloadRole::Cli | WorkloadRole::NodeHost);
    let own_name = name(&container.id);
    let workload = Workload {
        id: workload_id(&own_name),
        name: own_name,
        engine: Some(ID.to_owned()),
        container_id: Some(name(&container.id)),
        project: None,
        service: None,
        role: judged.role,
        role_reason: judged.reason,
        image: image(container),
        user: definition.user.clone(),
        command: mask(&container.command).iter().take(MAX_MANY).map(|word| name(word)).collect(),
        environment: definition.environment.names().map(name).collect(),
        listens: listens(&definition, None),
        network_mode: NetworkMode::Own,
        networks: container.networks.iter().take(MAX_MANY).map(attachment).collect(),
        extra_hosts: Vec::new(),
        ports: container.published.iter().flat_map(published).take(MAX_MANY).collect(),
        mounts: container.mounts.iter().take(MAX_MANY).map(mount).collect(),
        state_dir: state_dir(&definition),
        read_only_root: container.read_only,
        healthcheck: None,
        restart: None,
        depends_on: Vec::new(),
        profiles: Vec::new(),
        memory_limit: container.memory,
        runtime: Some(runtime(container)),
        view: if has_openclaw {
            crate::inside::unsupported(EngineKind::AppleContainer.name())
        } else {
            Fact::absent("it runs nothing of OpenClaw", at)
        },
        places: BTreeMap::new(),
        written: Vec::new(),
    };
    Seen { workload, definition, client: None }
}

/// The networks that containers are attached to. Of each the name alone is known.
pub(super) fn networks(seen: &[Seen]) -> Vec<Network> {
    let ids: BTreeSet<&str> =
        seen.iter().flat_map(|seen| &seen.workload.networks).map(|attached| attached.network.as_str()).gather();
    let network = |id: &str| Network {
        id: id.to_owned(),
        name: id.rsplit('/').next().unwrap_or(id).to_owned(),
        engine: Some(ID.to_owned()),
        project: None,
        driver: "vmnet".to_owned(),
        internal: false,
        subnets: Vec::new(),
        gateways: Vec::new(),
    };
    ids.into_iter().map(network).collect()
}

fn definition(container: &Container) -> Definition {
    let words = container.command.split_first();
    Definition {
        image: container.image.as_ref().map(|image| name(&image.reference)).unwrap_or_default(),
        entrypoint: words.map(|(program, _)| vec![program.clone()]),
        command: words.map(|(_, arguments)| arguments.to_vec()),
        environment: Environment::all(container.environment.iter().cloned()),
        working_dir: container.working_dir.as_deref().map(name),
        user: container.user.as_deref().map(name),
        ports: container.published.iter().take(MAX_MANY).map(|port| port.container_port).collect(),
        labels: BTreeMap::new(),
        mount_targets: container.mounts.iter().take(MAX_MANY).map(|mount| name(&mount.destination)).collect(),
    }
}

fn image(container: &Container) -> Image {
    let reference = container.image.as_ref().map(|image| name(&image.reference)).unwrap_or_default();
    let version = ImageReference::parse(&reference).ok().and_then(|parsed| parsed.version().map(str::to_owned));
    let digest = container.image.as_ref().and_then(|image| image.digest.as_deref());
    Image {
        digests: digest.map(|digest| format!("{}@{}", repository(&reference), name(digest))).into_iter().collect(),
        reference,
        written: None,
        built: false,
        id: None,
        platform: container.platform.as_deref().map(name),
        version,
    }
}

/// A reference without its tag and digest.
fn repository(reference: &str) -> &str {
    let reference = reference.split('@').next().unwrap_or(reference);
    match reference.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => repository,
        _ => reference,
    }
}

fn attachment(attached: &told::Attachment) -> Attachment {
    Attachment {
        network: network_id(ID, attached.network.as_deref().unwrap_or(DEFAULT_NETWORK)),
        aliases: Vec::new(),
        address: attached.addresses.first().map(|address| name(address)),
    }
}

fn published(port: &told::PublishedPort) -> impl Iterator<Item = PublishedPort> {
    (0..port.count).map_while(|offset| {
        Some(PublishedPort {
            host_address: host_address(port.host_address.as_deref().unwrap_or_default()),
            host_port: Some(port.host_port.checked_add(offset)?),
            container_port: port.container_port.checked_add(offset)?,
            protocol: name(&port.protocol),
            key: String::new(),
        })
    })
}

fn mount(told: &told::Mount) -> Mount {
    let (kind, source) = match told.kind.as_deref() {
        Some("virtiofs") => (MountKind::Bind, told.source.as_deref()),
        Some("volume") => (MountKind::Volume, told.volume.as_deref()),
        Some("tmpfs") => (MountKind::Tmpfs, None),
        _ => (MountKind::Other, told.source.as_deref()),
    };
    Mount {
        kind,
        source: source.map(name),
        target: name(&told.destination),
        read_only: told.read_only,
        propagation: None,
        key: String::new(),
    }
}

fn runtime(container: &Container) -> Runtime {
    let state = match container.state.as_deref() {
        Some("stopped") => RunState::Exited,
        Some("bootstrapped") => RunState::Created,
        // One whose state is not known is held for unproven, not for ended.
        _ => RunState::Running,
    };
    Runtime {
        state,
        pid: None,
        exit_code: None,
        oom_killed: false,
        restart_count: 0,
        error: None,
        started_at: container.started_at.as_deref().and_then(|text| text.parse().ok()),
        finished_at: None,
        health: None,
        failing_streak: 0,
        health_log: Vec::new(),
    }
}
