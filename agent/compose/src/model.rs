//! A project after all files are merged and all variables are filled in.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use portreeve_core::snapshot::Place;

use crate::port::Port;

/// A Compose project.
#[derive(Debug, Clone, Default)]
pub struct Project {
    /// Its name.
    pub name: String,
    /// Folder that relative paths start from.
    pub working_dir: PathBuf,
    /// Its files, in the order of their precedence; those that are included follow.
    pub files: Vec<PathBuf>,
    /// Its services by name, those that no profile switches on among them.
    pub services: BTreeMap<String, Service>,
    /// Networks by key. `default` is there where a service uses it.
    pub networks: BTreeMap<String, Network>,
    /// Volumes by key.
    pub volumes: BTreeMap<String, Volume>,
    /// Secrets by key.
    pub secrets: BTreeMap<String, Resource>,
    /// Configs by key.
    pub configs: BTreeMap<String, Resource>,
    /// What is wrong with the files.
    pub problems: Vec<Problem>,
    /// Variables that values hang on and that nobody gives, each once.
    pub unset: Vec<Variable>,
}

impl Project {
    /// Whether Compose would refuse it.
    pub fn is_refused(&self) -> bool {
        self.problems.iter().any(|problem| problem.fatal)
    }
}

/// Something wrong with the files of a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where.
    pub place: Option<Place>,
    /// What.
    pub message: String,
    /// Whether Compose refuses the project for it.
    pub fatal: bool,
}

/// A variable that nobody gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// Where it is asked for first.
    pub place: Place,
    /// What the reference says where it has to be given.
    pub required: Option<String>,
    /// Whether the reference has a default.
    pub has_default: bool,
}

/// What a value hangs on that nobody gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unknown {
    /// The value with `${V}` in place of each such variable. Values of equal expressions are equal.
    pub expression: String,
    /// The variables.
    pub variables: Vec<String>,
    /// Each of them may as well be left empty: the reference says `${V:-}`, or names the variable alone.
    pub may_be_empty: bool,
}

/// A text with its place. It may be a secret and does not print.
#[derive(Clone, PartialEq, Eq)]
pub struct Value {
    /// The text as Compose would make it now; where [`Value::unknown`] is given, with empty texts for the variables.
    pub text: String,
    /// What it hangs on that nobody gave.
    pub unknown: Option<Unknown>,
    /// Written out where it is, with no part that a variable gives.
    pub literal: bool,
    /// Where it is written.
    pub place: Place,
}

impl Value {
    /// The text, where it is known.
    pub fn known(&self) -> Option<&str> {
        self.unknown.is_none().then_some(self.text.as_str())
    }

    /// The text, or the expression where the text is not known.
    pub fn shown(&self) -> &str {
        self.unknown.as_ref().map_or(self.text.as_str(), |unknown| unknown.expression.as_str())
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Value([REDACTED] at {})", self.place)
    }
}

/// A variable of a service's environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvValue {
    /// Its value; a name alone that nobody gives has the unknown value `${NAME}`.
    pub value: Value,
    /// What sets it.
    pub origin: Origin,
    /// Named without a value, so that it is not set at all where nobody gives it.
    pub name_only: bool,
}

/// What sets a variable of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// `environment` of the definition.
    Definition,
    /// A file of `env_file`.
    EnvFile(PathBuf),
}

/// A service.
#[derive(Debug, Clone)]
pub struct Service {
    /// Its name.
    pub name: String,
    /// Where it is written.
    pub place: Place,
    /// Whether it is on by the profiles asked for.
    pub active: bool,
    /// Image.
    pub image: Option<Value>,
    /// How it is built.
    pub build: Option<Build>,
    /// `container_name`.
    pub container_name: Option<Value>,
    /// `hostname`.
    pub hostname: Option<Value>,
    /// `linux/arm64`, …
    pub platform: Option<Value>,
    /// Arguments; none for the image's own.
    pub command: Option<Vec<Value>>,
    /// Program; none for the image's own.
    pub entrypoint: Option<Vec<Value>>,
    /// Environment with that of its files.
    pub environment: BTreeMap<String, EnvValue>,
    /// Files of variables, in their order.
    pub env_files: Vec<EnvFile>,
    /// Published ports, ranges one by one; with each the index in `ports` of [`Service::places`].
    pub ports: Vec<(usize, Port)>,
    /// `expose`.
    pub expose: Vec<Value>,
    /// Mounts, `tmpfs` among them.
    pub mounts: Vec<Mount>,
    /// Networks by key; empty with a `network_mode`.
    pub networks: BTreeMap<String, ServiceNetwork>,
    /// `network_mode`.
    pub network_mode: Option<Value>,
    /// Services that it waits for.
    pub depends_on: Vec<Dependency>,
    /// Health check.
    pub healthcheck: Option<Healthcheck>,
    /// User.
    pub user: Option<Value>,
    /// `working_dir`.
    pub working_dir: Option<Value>,
    /// Whether its root is read-only.
    pub read_only: bool,
    /// `restart`, or the restart policy of `deploy` in the same words.
    pub restart: Option<Value>,
    /// Bytes of memory, by `mem_limit` or `deploy.resources.limits.memory`.
    pub memory_limit: Option<u64>,
    /// Labels.
    pub labels: BTreeMap<String, Value>,
    /// Further hosts: `name=address`.
    pub extra_hosts: Vec<Value>,
    /// `links`.
    pub links: Vec<Value>,
    /// Profiles.
    pub profiles: Vec<String>,
    /// Secrets that it may read.
    pub secrets: Vec<FileGrant>,
    /// Configs that it may read.
    pub configs: Vec<FileGrant>,
    /// Where each part is written, by the path of its keys: `environment.NAME`, `ports.0`, `volumes.2`; the empty path is the service.
    pub places: BTreeMap<String, Place>,
}

/// How an image is built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Build {
    /// Folder or address.
    pub context: Option<Value>,
    /// `dockerfile`.
    pub dockerfile: Option<Value>,
    /// `target`.
    pub target: Option<Value>,
}

/// A file of variables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvFile {
    /// The file.
    pub path: PathBuf,
    /// Whether it was read.
    pub read: bool,
    /// Whether Compose refuses where it is missing.
    pub required: bool,
    /// Where it is named.
    pub place: Place,
}

/// A mount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// Kind.
    pub kind: MountKind,
    /// Path of the host, resolved against the project's folder, or key of a volume.
    pub source: Option<Value>,
    /// Path within the container.
    pub target: String,
    /// Whether it cannot be written.
    pub read_only: bool,
    /// `rshared`, …
    pub propagation: Option<String>,
    /// Key in [`Service::places`]: `volumes.2`, `tmpfs.0`.
    pub key: String,
}

/// Kind of a mount.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MountKind {
    /// A path of the host.
    Bind,
    /// A volume.
    Volume,
    /// Memory.
    Tmpfs,
    /// Anything else.
    Other,
}

/// A network of a service.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ServiceNetwork {
    /// Further names.
    pub aliases: Vec<String>,
    /// Fixed address.
    pub ipv4_address: Option<String>,
}

/// A service that another waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dependency {
    /// Its name.
    pub service: String,
    /// `service_started`, `service_healthy`, `service_completed_successfully`.
    pub condition: String,
    /// Whether Compose refuses where it is missing.
    pub required: bool,
    /// Where it is written.
    pub place: Place,
}

/// A health check. What it does not say, the image's own says or the engine's defaults.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Healthcheck {
    /// Switched off.
    pub disabled: bool,
    /// `CMD …` or `CMD-SHELL …`; none for the image's own.
    pub test: Option<Vec<Value>>,
    /// Milliseconds.
    pub interval_ms: Option<u64>,
    /// Milliseconds.
    pub timeout_ms: Option<u64>,
    /// Milliseconds.
    pub start_period_ms: Option<u64>,
    /// Failures in a row.
    pub retries: Option<u32>,
}

/// A network.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Network {
    /// Name for the engine.
    pub name: String,
    /// Made by somebody else.
    pub external: bool,
    /// Driver.
    pub driver: Option<String>,
    /// Without a way out.
    pub internal: bool,
    /// Subnets.
    pub subnets: Vec<String>,
    /// Addresses of the engine's side.
    pub gateways: Vec<String>,
    /// Where it is written; none for one that Compose adds.
    pub place: Option<Place>,
}

/// A volume.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Volume {
    /// Name for the engine.
    pub name: String,
    /// Made by somebody else.
    pub external: bool,
    /// Driver.
    pub driver: Option<String>,
    /// Where it is written.
    pub place: Option<Place>,
}

/// A secret or a config.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Resource {
    /// File that holds it.
    pub file: Option<Value>,
    /// Variable that holds it.
    pub environment: Option<String>,
    /// Content in the definition.
    pub content: Option<Value>,
    /// Made by somebody else.
    pub external: bool,
    /// Where it is written.
    pub place: Option<Place>,
}

/// A secret or config that a service may read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileGrant {
    /// Its key.
    pub source: String,
    /// Path within the container: `/run/secrets/<source>` for a secret, `/<source>` for a config, where nothing else is said.
    pub target: String,
    /// Where it is written.
    pub place: Place,
}
