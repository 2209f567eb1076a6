//! One service as a workload.

use portreeve_compose::{Healthcheck as Check, MountKind as Kind, Project, Service, Value};
use portreeve_core::Fact;
use portreeve_core::snapshot::{
    Attachment, ConfigFacts, Dependency, HealthQuestion, Healthcheck, HostsEntry, Image, Listens, Mount, MountKind,
    NetworkMode, PublishedPort, Workload,
};
use portreeve_facts::workload::{Definition, ImageReference, health_question, listens, mask, role, state_dir};
use portreeve_openclaw::environment::{self, Environment};

use super::{Reading, network_id};

/// Docker's own defaults of a health check.
const INTERVAL_MS: u64 = 30_000;
const TIMEOUT_MS: u64 = 30_000;
const RETRIES: u32 = 3;

/// The id of a service's workload.
pub(super) fn id(project: &Project, service: &str) -> String {
    format!("service:{}/{service}", project.name)
}

/// What decides about a service. Variables whose value is not known are left out of its environment.
pub(crate) fn definition(service: &Service) -> Definition {
    let known =
        service.environment.iter().filter_map(|(name, one)| Some((name.clone(), one.value.known()?.to_owned())));
    let words = |words: &Option<Vec<Value>>| {
        words.as_ref().map(|words| words.iter().map(|word| word.shown().to_owned()).collect())
    };
    Definition {
        image: service.image.as_ref().map(|image| image.shown().to_owned()).unwrap_or_default(),
        entrypoint: words(&service.entrypoint),
        command: words(&service.command),
        environment: Environment::all(known),
        working_dir: service.working_dir.as_ref().map(|dir| dir.shown().to_owned()),
        user: service.user.as_ref().and_then(|user| user.known().map(ToOwned::to_owned)),
        ports: service.ports.iter().map(|(_, port)| port.target).collect(),
        labels: service.labels.iter().map(|(name, value)| (name.clone(), value.shown().to_owned())).collect(),
        mount_targets: service.mounts.iter().map(|mount| mount.target.clone()).collect(),
    }
}

/// Whether a variable is set to something that nobody gives.
pub(super) fn is_unset(service: &Service, name: &str) -> bool {
    service.environment.get(name).is_some_and(|one| one.value.unknown.is_some())
}

/// Its state directory; none where what decides about it is not known.
pub(super) fn state(service: &Service, definition: &Definition) -> Option<String> {
    let decides = [environment::STATE_DIR, environment::OPENCLAW_HOME, environment::HOME, environment::PROFILE];
    if decides.iter().any(|name| is_unset(service, name))
        || service.user.as_ref().is_some_and(|user| user.unknown.is_some())
    {
        return None;
    }
    state_dir(definition)
}

/// Where it listens; none where the port is not known.
pub(super) fn listening(service: &Service, definition: &Definition, config: Option<&ConfigFacts>) -> Option<Listens> {
    let port_of = |words: &Option<Vec<Value>>| {
        words
            .iter()
            .flatten()
            .zip(words.iter().flatten().skip(1))
            .any(|(flag, port)| flag.text == "--port" && port.unknown.is_some())
            || words.iter().flatten().any(|word| word.shown().starts_with("--port=$"))
    };
    if is_unset(service, environment::GATEWAY_PORT) || port_of(&service.command) || port_of(&service.entrypoint) {
        return None;
    }
    listens(definition, config)
}

/// The workload, without what only its files tell.
pub(super) fn workload(project: &Project, service: &Service, definition: &Definition, reading: &Reading) -> Workload {
    let role = role(definition);
    let words = definition.entrypoint.iter().chain(&definition.command).flatten().cloned().collect::<Vec<_>>();
    Workload {
        id: id(project, &service.name),
        name: service.container_name.as_ref().map_or_else(|| service.name.clone(), |name| name.shown().to_owned()),
        engine: None,
        container_id: None,
        project: Some(project.name.clone()),
        service: Some(service.name.clone()),
        role: role.role,
        role_reason: role.reason,
        image: image(service),
        user: service.user.as_ref().and_then(|user| user.known().map(ToOwned::to_owned)),
        command: mask(&words),
        environment: service.environment.keys().cloned().collect(),
        listens: listening(service, definition, None),
        network_mode: network_mode(project, service),
        networks: attachments(project, service),
        extra_hosts: own_hosts(service),
        ports: ports(service),
        mounts: mounts(project, service),
        state_dir: state(service, definition),
        read_only_root: service.read_only,
        healthcheck: service.healthcheck.as_ref().map(healthcheck),
        restart: service.restart.as_ref().and_then(|restart| restart.known().map(ToOwned::to_owned)),
        depends_on: service
            .depends_on
            .iter()
            .map(|one| Dependency { service: one.service.clone(), condition: one.condition.clone() })
            .collect(),
        profiles: service.profiles.clone(),
        memory_limit: service.memory_limit,
        runtime: None,
        view: Fact::absent("definition", reading.at),
        places: service.places.clone(),
        written: Vec::new(),
    }
}

fn image(service: &Service) -> Image {
    let reference = service.image.as_ref().map(|image| image.shown().to_owned()).unwrap_or_default();
    let known = service.image.as_ref().and_then(|image| image.known());
    let parsed = known.and_then(|image| ImageReference::parse(image).ok());
    Image {
        written: None,
        built: service.build.is_some(),
        id: None,
        digests: parsed.as_ref().and_then(|image| image.digest.clone()).into_iter().collect(),
        platform: service.platform.as_ref().and_then(|platform| platform.known().map(ToOwned::to_owned)),
        version: parsed.as_ref().and_then(|image| image.version().map(ToOwned::to_owned)),
        reference,
    }
}

fn network_mode(project: &Project, service: &Service) -> NetworkMode {
    let Some(mode) = service.network_mode.as_ref().and_then(|mode| mode.known()) else { return NetworkMode::Own };
    if let Some(other) = mode.strip_prefix("service:") {
        let found = project.services.get(other).is_some_and(|other| other.active);
        let with = if found { id(project, other) } else { other.to_owned() };
        return NetworkMode::Shared { with, found };
    }
    if let Some(other) = mode.strip_prefix("container:") {
        let named = |one: &&Service| one.container_name.as_ref().is_some_and(|name| name.known() == Some(other));
        let found = project.services.values().filter(|service| service.active).find(named);
        let with = found.map_or_else(|| other.to_owned(), |service| id(project, &service.name));
        return NetworkMode::Shared { with, found: found.is_some() };
    }
    match mode {
        "host" => NetworkMode::Host,
        "none" => NetworkMode::None,
        _ => NetworkMode::Own,
    }
}

fn attachments(project: &Project, service: &Service) -> Vec<Attachment> {
    let own = std::iter::once(service.name.clone())
        .chain(service.container_name.as_ref().and_then(|name| name.known().map(ToOwned::to_owned)))
        .collect::<Vec<_>>();
    let attachment = |(key, network): (&String, &portreeve_compose::ServiceNetwork)| Attachment {
        network: network_id(project, key),
        aliases: own.iter().chain(&network.aliases).cloned().collect(),
        address: network.ipv4_address.clone(),
    };
    service.networks.iter().map(attachment).collect()
}

/// Names that its own hosts file adds.
fn own_hosts(service: &Service) -> Vec<HostsEntry> {
    let hosts = service.extra_hosts.iter().map(|host| {
        let entry = HostsEntry::parse(&host.text);
        if host.unknown.is_some() { HostsEntry::unknown(&entry.name) } else { entry }
    });
    let links = service.links.iter().filter_map(|link| link.text.rsplit(':').next()).map(HostsEntry::unknown);
    hosts.chain(links).collect()
}

fn ports(service: &Service) -> Vec<PublishedPort> {
    let port = |(index, port): &(usize, portreeve_compose::port::Port)| PublishedPort {
        host_address: port.host_ip.clone(),
        host_port: port.host_port(),
        container_port: port.target,
        protocol: port.protocol.clone(),
        key: format!("ports.{index}"),
    };
    service.ports.iter().map(port).collect()
}

fn mounts(project: &Project, service: &Service) -> Vec<Mount> {
    let mount = |mount: &portreeve_compose::Mount| {
        let source = mount.source.as_ref().map(|source| match (mount.kind, source.known()) {
            (Kind::Volume, Some(key)) => {
                project.volumes.get(key).map_or_else(|| key.to_owned(), |volume| volume.name.clone())
            }
            _ => source.shown().to_owned(),
        });
        Mount {
            kind: match mount.kind {
                Kind::Bind => MountKind::Bind,
                Kind::Volume => MountKind::Volume,
                Kind::Tmpfs => MountKind::Tmpfs,
                Kind::Other => MountKind::Other,
            },
            source,
            target: mount.target.clone(),
            read_only: mount.read_only,
            propagation: mount.propagation.clone(),
            key: mount.key.clone(),
        }
    };
    service.mounts.iter().map(mount).collect()
}

fn healthcheck(check: &Check) -> Healthcheck {
    let test: Vec<String> = check.test.iter().flatten().map(|word| word.shown().to_owned()).collect();
    Healthcheck {
        disabled: check.disabled,
        asks: if test.is_empty() { HealthQuestion::Unknown } else { health_question(&test) },
        test: mask(&test),
        interval_ms: check.interval_ms.filter(|ms| *ms > 0).unwrap_or(INTERVAL_MS),
        timeout_ms: check.timeout_ms.filter(|ms| *ms > 0).unwrap_or(TIMEOUT_MS),
        start_period_ms: check.start_period_ms.unwrap_or(0),
        retries: check.retries.filter(|retries| *retries > 0).unwrap_or(RETRIES),
        from_image: false,
    }
}
