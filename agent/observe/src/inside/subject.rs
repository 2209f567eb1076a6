//! Whose namespaces are looked into.

use std::time::Instant;

use portreeve_core::Secret;
use secrecy::ExposeSecret;
use serde::Deserialize;

use super::InsideError;
use super::view::Mounts;
use crate::engine::{Client, EngineError, segment};

/// Longest answer on one container or image, in bytes.
const MAX_INSPECTED: usize = 1 << 20;

/// A container to look into.
#[derive(Debug, Clone, Copy)]
pub enum Subject<'a> {
    /// One that the engine has, by its id. One that does not run is looked into as it would be started.
    Container {
        /// The engine's id.
        id: &'a str,
    },
    /// One that is only written down.
    Service(&'a Definition),
}

impl Subject<'_> {
    pub(super) fn name(&self) -> String {
        match self {
            Self::Container { id } => format!("container {}", id.chars().take(12).collect::<String>()),
            Self::Service(definition) => format!("service {}", definition.name),
        }
    }
}

/// A service as its project defines it, in the engine's own names.
#[derive(Debug, Clone)]
pub struct Definition {
    /// What people call it.
    pub name: String,
    /// Its image, which the engine must have: nothing is pulled.
    pub image: String,
    /// `1000:1000`, `node`; none for the image's own.
    pub user: Option<String>,
    /// Variables (`NAME=value`) beside those of the image.
    pub environment: Vec<Secret>,
    /// Working directory; none for the image's own.
    pub working_dir: Option<String>,
    /// `host`, `none`, or `container:<id>` of the container whose network it shares; none where it has networks of its own.
    pub network_mode: Option<String>,
    /// Networks of the engine that it is attached to.
    pub networks: Vec<String>,
    /// Names that its hosts file adds, as the engine wants them: `name:address`.
    pub extra_hosts: Vec<String>,
    /// What is mounted.
    pub binds: Vec<Bind>,
    /// Whether its own layer is read-only.
    pub read_only_root: bool,
}

/// Something mounted into a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bind {
    /// Absolute path on the engine's machine, or name of a volume.
    pub source: String,
    /// Path within.
    pub target: String,
    /// Whether the service itself cannot write it. The probe never can.
    pub read_only: bool,
}

/// What the throw-away container is made of.
pub(super) struct Spec {
    pub(super) image: String,
    /// In Go's words.
    pub(super) architecture: String,
    /// Whether the image has a health check.
    pub(super) has_healthcheck: bool,
    pub(super) user: String,
    pub(super) environment: Vec<String>,
    pub(super) working_dir: String,
    pub(super) groups: Vec<String>,
    pub(super) namespace: Namespace,
    /// Names that its hosts file adds. One that shares the namespace of another container shares its file.
    pub(super) extra_hosts: Vec<String>,
    /// The life of the target whose namespace it is.
    pub(super) life: Option<Life>,
    pub(super) volumes_from: Vec<String>,
    pub(super) mounts: Vec<SpecMount>,
    /// The target's own program in place of the probe.
    pub(super) own: Option<Own>,
}

/// A program of the target itself, which is given what the target has.
pub(super) struct Own {
    pub(super) words: Vec<String>,
    pub(super) read_only_root: bool,
}

/// Something mounted into the throw-away container.
pub(super) struct SpecMount {
    pub(super) kind: &'static str,
    pub(super) source: String,
    pub(super) target: String,
    pub(super) read_only: bool,
}

/// A network namespace.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Namespace {
    /// As the engine calls it: `container:<id>`, `host`, `none`.
    Mode(String),
    /// One of its own, on these networks.
    Networks { first: String, others: Vec<String> },
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Inspected {
    id: String,
    image: String,
    state: Life,
    config: Config,
    host_config: HostConfig,
    network_settings: NetworkSettings,
    #[serde(deserialize_with = "or_default")]
    mounts: Vec<MountPoint>,
}

/// One life of a container, from a start to its end.
#[derive(Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Life {
    running: bool,
    restarting: bool,
    #[serde(deserialize_with = "or_default")]
    started_at: String,
}

impl Life {
    /// Whether it has a network namespace. Docker says of one between two starts that it runs and that it restarts.
    fn has_namespace(&self) -> bool {
        self.running && !self.restarting
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Config {
    #[serde(deserialize_with = "or_default")]
    user: String,
    #[serde(deserialize_with = "or_default")]
    env: Vec<String>,
    #[serde(deserialize_with = "or_default")]
    working_dir: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct HostConfig {
    #[serde(deserialize_with = "or_default")]
    network_mode: String,
    #[serde(deserialize_with = "or_default")]
    extra_hosts: Vec<String>,
    #[serde(deserialize_with = "or_default")]
    group_add: Vec<String>,
    #[serde(deserialize_with = "or_default")]
    readonly_rootfs: bool,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct NetworkSettings {
    #[serde(deserialize_with = "or_default")]
    networks: std::collections::BTreeMap<String, serde_json::Value>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct MountPoint {
    destination: String,
    #[serde(rename = "RW")]
    rw: bool,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct ImageInspected {
    architecture: String,
    #[serde(deserialize_with = "or_default")]
    config: ImageConfig,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct ImageConfig {
    healthcheck: Option<serde::de::IgnoredAny>,
}

fn or_default<'de, D: serde::Deserializer<'de>, T: Deserialize<'de> + Default>(from: D) -> Result<T, D::Error> {
    Option::<T>::deserialize(from).map(Option::unwrap_or_default)
}

/// What to make, and how the target is mounted. The namespace of a container that runs is taken only where it `lasts`.
pub(super) async fn resolve(
    client: &Client,
    subject: Subject<'_>,
    lasts: bool,
    until: Instant,
) -> Result<(Spec, Mounts), InsideError> {
    let (mut spec, mounts) = match subject {
        Subject::Container { id } => of_container(client, id, lasts, until).await?,
        Subject::Service(definition) => of_service(client, definition, until).await?,
    };
    let image: ImageInspected = client
        .get(&format!("/images/{}/json", image_path(&spec.image)), MAX_INSPECTED, until)
        .await
        .map_err(|source| InsideError::Engine { action: "tell of the image", source })?;
    spec.architecture = image.architecture;
    spec.has_healthcheck = image.config.healthcheck.is_some();
    Ok((spec, mounts))
}

/// A reference may have slashes, which the engine wants as they are.
fn image_path(reference: &str) -> String {
    reference
        .split('/')
        .map(|part| part.split(':').map(segment).collect::<Vec<_>>().join(":"))
        .collect::<Vec<_>>()
        .join("/")
}

/// Whether a container is still in this life.
pub(super) async fn lives(
    client: &Client,
    subject: Subject<'_>,
    life: &Life,
    until: Instant,
) -> Result<bool, InsideError> {
    let Subject::Container { id } = subject else { return Ok(true) };
    match inspect(client, id, until).await {
        Ok(inspected) => Ok(inspected.state == *life),
        Err(InsideError::Engine { source, .. }) if source.is_not_found() => Ok(false),
        Err(error) => Err(error),
    }
}

async fn inspect(client: &Client, id: &str, until: Instant) -> Result<Inspected, InsideError> {
    let path = format!("/containers/{}/json", segment(id));
    let failed = |source| InsideError::Engine { action: "tell of the container", source };
    client.get(&path, MAX_INSPECTED, until).await.map_err(failed)
}

async fn of_container(client: &Client, id: &str, lasts: bool, until: Instant) -> Result<(Spec, Mounts), InsideError> {
    let inspected = inspect(client, id, until).await?;
    let mode = inspected.host_config.network_mode;
    let networks: Vec<String> = inspected.network_settings.networks.into_keys().collect();
    let mut life = None;
    let namespace = if mode.starts_with("container:") || mode == "host" {
        Namespace::Mode(mode)
    } else if lasts && inspected.state.has_namespace() {
        life = Some(inspected.state);
        Namespace::Mode(format!("container:{}", inspected.id))
    } else {
        own(&mode, networks)
    };
    let mounts = Mounts {
        read_only_root: inspected.host_config.readonly_rootfs,
        read_only: inspected.mounts.into_iter().map(|mount| (mount.destination, !mount.rw)).collect(),
    };
    let spec = Spec {
        image: inspected.image,
        architecture: String::new(),
        has_healthcheck: false,
        user: inspected.config.user,
        environment: inspected.config.env,
        working_dir: inspected.config.working_dir,
        groups: inspected.host_config.group_add,
        extra_hosts: hosts_of(&namespace, inspected.host_config.extra_hosts),
        namespace,
        life,
        volumes_from: vec![inspected.id],
        mounts: Vec::new(),
        own: None,
    };
    Ok((spec, mounts))
}

async fn of_service(client: &Client, definition: &Definition, until: Instant) -> Result<(Spec, Mounts), InsideError> {
    let mut mounts = Vec::new();
    for bind in &definition.binds {
        let is_path = bind.source.starts_with('/');
        if !is_path && !has_volume(client, &bind.source, until).await? {
            // The engine would make it.
            continue;
        }
        mounts.push(SpecMount {
            kind: if is_path { "bind" } else { "volume" },
            source: bind.source.clone(),
            target: bind.target.clone(),
            read_only: true,
        });
    }
    let namespace = match &definition.network_mode {
        Some(mode) => Namespace::Mode(mode.clone()),
        None => own("bridge", definition.networks.clone()),
    };
    let spec = Spec {
        image: definition.image.clone(),
        architecture: String::new(),
        has_healthcheck: false,
        user: definition.user.clone().unwrap_or_default(),
        environment: definition.environment.iter().map(|variable| variable.expose_secret().to_owned()).collect(),
        working_dir: definition.working_dir.clone().unwrap_or_default(),
        groups: Vec::new(),
        extra_hosts: hosts_of(&namespace, definition.extra_hosts.clone()),
        namespace,
        life: None,
        volumes_from: Vec::new(),
        mounts,
        own: None,
    };
    let seen = Mounts {
        read_only_root: definition.read_only_root,
        read_only: definition.binds.iter().map(|bind| (bind.target.clone(), bind.read_only)).collect(),
    };
    Ok((spec, seen))
}

/// A namespace of its own on these networks, or as the mode says where there are none.
fn own(mode: &str, networks: Vec<String>) -> Namespace {
    let mut networks = networks.into_iter();
    match networks.next() {
        Some(first) => Namespace::Networks { first, others: networks.collect() },
        None => Namespace::Mode(if mode.is_empty() { "none".to_owned() } else { mode.to_owned() }),
    }
}

/// The names that a hosts file of its own adds. An engine refuses them to whoever shares the namespace of another container.
fn hosts_of(namespace: &Namespace, hosts: Vec<String>) -> Vec<String> {
    match namespace {
        Namespace::Mode(mode) if mode.starts_with("container:") => Vec::new(),
        Namespace::Mode(_) | Namespace::Networks { .. } => hosts,
    }
}

async fn has_volume(client: &Client, name: &str, until: Instant) -> Result<bool, InsideError> {
    let path = format!("/volumes/{}", segment(name));
    match client.get::<serde::de::IgnoredAny>(&path, MAX_INSPECTED, until).await {
        Ok(_) => Ok(true),
        Err(EngineError::Refused { status: 404, .. }) => Ok(false),
        Err(source) => Err(InsideError::Engine { action: "tell of a volume", source }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_segments_of_a_path() {
        assert_eq!(segment("a/b?c=../d"), "a%2Fb%3Fc%3D..%2Fd");
        assert_eq!(image_path("ghcr.io/x/y:1.2"), "ghcr.io/x/y:1.2");
        assert_eq!(image_path("sha256:0a"), "sha256:0a");
        assert_eq!(image_path("x?y"), "x%3Fy");
    }

    #[test]
    fn whoever_shares_a_namespace_brings_no_names_of_its_own() {
        let hosts = || vec!["gateway:127.0.0.1".to_owned()];
        for (mode, kept) in [("container:0a", false), ("host", true), ("bridge", true)] {
            assert_eq!(!hosts_of(&Namespace::Mode(mode.to_owned()), hosts()).is_empty(), kept, "{mode}");
        }
        assert_eq!(hosts_of(&own("bridge", vec!["a".to_owned()]), hosts()), hosts());
    }

    #[test]
    fn one_that_does_not_run_gets_its_own_networks() {
        let networks = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let both = Namespace::Networks { first: "a".to_owned(), others: networks(&["b"]) };
        assert_eq!(own("p_default", networks(&["a", "b"])), both);
        assert_eq!(own("bridge", Vec::new()), Namespace::Mode("bridge".to_owned()));
        assert_eq!(own("", Vec::new()), Namespace::Mode("none".to_owned()));
    }
}
