//! The environment of a process, and where each variable in it was set.
//!
//! A process starts with what its manager gives it, then OpenClaw adds what `<state>/.env`, for a default state
//! directory `~/.config/openclaw/gateway.env`, and the configuration's `env.vars` have and it has not.

use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};

use super::ladder::{Candidate, State};
use super::{LossReason, NotReadReason, Slot, SourceKind, parse_dotenv};
use crate::config::{Config, references};
use crate::environment::{self, Environment};
use crate::file::{FileMeta, ReadError, Reader};
use crate::service;

const MAX_FILE_BYTES: u64 = 1024 * 1024;

/// The environment that a process has or would start with.
#[derive(Debug, Clone)]
pub struct ProcessLayer {
    /// What it is, as `environment of process 4711` or a unit's file.
    pub location: String,
    /// The variables.
    pub environment: Environment,
    /// Whether it was read from a running process. Files of the service manager are then no source of their own: a
    /// value of theirs was either delivered or has changed since the start.
    pub is_running: bool,
}

/// A file of environment variables.
#[derive(Debug, Clone)]
pub struct EnvironmentFile {
    /// Which file it is.
    pub kind: EnvironmentFileKind,
    /// Its path.
    pub path: PathBuf,
    /// Owner, mode, size and times when it was read.
    pub meta: FileMeta,
    /// The variables.
    pub environment: Environment,
}

/// A kind of file of environment variables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EnvironmentFileKind {
    /// `<state>/.env`.
    StateDotenv,
    /// `~/.config/openclaw/gateway.env`.
    GatewayDotenv,
    /// `<state>/service-env/<label>.env`.
    ServiceEnv,
    /// An `EnvironmentFile` of a systemd unit.
    SystemdEnv,
}

impl EnvironmentFileKind {
    /// The kind of source that a credential in such a file is.
    pub fn source(self) -> SourceKind {
        match self {
            Self::StateDotenv => SourceKind::StateDotenv,
            Self::GatewayDotenv => SourceKind::GatewayDotenv,
            Self::ServiceEnv => SourceKind::ServiceEnvFile,
            Self::SystemdEnv => SourceKind::SystemdEnvFile,
        }
    }
}

/// Why a file of environment variables is of no use.
#[derive(Debug, thiserror::Error)]
pub enum EnvironmentFileError {
    /// It could not be read.
    #[error("environment file `{}` could not be read", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: ReadError,
    },
    /// It is not text.
    #[error("environment file `{}` could not be understood", .path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: service::EnvironmentFileError,
    },
    /// Its wrapper refuses it for its first line, and the job exits with status 78.
    #[error("environment file `{}` is refused by its wrapper: its first line is not the expected header", .path.display())]
    Refused {
        /// The file.
        path: PathBuf,
    },
}

impl EnvironmentFileError {
    /// Whether the file is simply not there.
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Read { source, .. } if source.is_not_found())
    }
}

impl EnvironmentFile {
    /// Reads a file of at most 1 MiB, which is OpenClaw's own limit.
    pub fn read(kind: EnvironmentFileKind, path: &Path, reader: &Reader) -> Result<Self, EnvironmentFileError> {
        let content = reader
            .read_linked(path, MAX_FILE_BYTES)
            .map_err(|source| EnvironmentFileError::Read { path: path.to_path_buf(), source })?;
        let parse = |source| EnvironmentFileError::Parse { path: path.to_path_buf(), source };
        let environment = match kind {
            EnvironmentFileKind::StateDotenv | EnvironmentFileKind::GatewayDotenv => {
                parse_dotenv(&String::from_utf8_lossy(&content.bytes))
            }
            EnvironmentFileKind::SystemdEnv => service::parse_systemd(&content.bytes).map_err(parse)?.variables,
            EnvironmentFileKind::ServiceEnv => {
                let file = service::parse_launchd(&content.bytes).map_err(parse)?;
                if !file.has_header {
                    return Err(EnvironmentFileError::Refused { path: path.to_path_buf() });
                }
                file.variables
            }
        };
        Ok(Self { kind, path: path.to_path_buf(), meta: content.meta, environment })
    }

    fn location(&self) -> String {
        self.path.display().to_string()
    }
}

/// Everything that makes up one process's environment.
#[derive(Debug, Clone, Default)]
pub struct EnvironmentLayers {
    /// The process's own environment.
    pub process: Option<ProcessLayer>,
    /// Files that the service manager reads; they override what the unit says itself. Later ones override earlier.
    pub service_files: Vec<EnvironmentFile>,
    /// Files that OpenClaw reads, which override nothing. Earlier ones come first.
    pub dotenv_files: Vec<EnvironmentFile>,
}

impl EnvironmentLayers {
    /// The environment in force, `env.vars` of a configuration included.
    pub fn effective(&self, config: Option<&Config>) -> Environment {
        let mut effective = self.at_start();
        for file in &self.dotenv_files {
            for name in file.environment.names() {
                if effective.get(name).is_none()
                    && let Some(value) = file.environment.get(name)
                {
                    effective.set(name, value.expose_secret());
                }
            }
        }
        for (name, value) in config.map(Config::env_vars).unwrap_or_default() {
            if effective.text(name).is_none() {
                effective.set(name, value.expose_secret());
            }
        }
        effective
    }

    fn at_start(&self) -> Environment {
        let mut environment = self.process.as_ref().map(|layer| layer.environment.clone()).unwrap_or_default();
        if self.is_running() {
            return environment;
        }
        for file in &self.service_files {
            for name in file.environment.names() {
                if let Some(value) = file.environment.get(name) {
                    environment.set(name, value.expose_secret());
                }
            }
        }
        environment
    }

    fn is_running(&self) -> bool {
        self.process.as_ref().is_some_and(|layer| layer.is_running)
    }

    /// The sources of a credential's variable, the one in force as a value and all others with the reason why not.
    pub(super) fn candidates(&self, slot: Slot, config: Option<&Config>) -> Vec<Candidate> {
        let name = slot.variable();
        let effective = self.effective(config).secret(name);
        let mut survey =
            Survey { name, is_running: self.is_running(), hidden_by: None, blank: false, found: Vec::new() };
        if survey.is_running {
            survey.process(self.process.as_ref());
            for file in self.service_files.iter().rev() {
                survey.delivered(file, self.process.as_ref());
            }
        } else {
            for file in self.service_files.iter().rev() {
                survey.layer(file.kind.source(), &file.location(), file.environment.get(name));
            }
            survey.process(self.process.as_ref());
        }
        for file in &self.dotenv_files {
            survey.dotenv(file, self.delivered_names().as_deref(), effective.as_ref());
        }
        survey.env_vars(config);
        survey.found
    }

    /// Names that the service environment file copied from `<state>/.env` when it was written.
    fn delivered_names(&self) -> Option<String> {
        self.at_start().text(environment::SERVICE_MANAGED_ENV_KEYS).map(str::to_owned)
    }
}

struct Survey<'a> {
    name: &'a str,
    is_running: bool,
    /// The source that is in force.
    hidden_by: Option<SourceKind>,
    /// The variable is present but blank, which stops dotenv files.
    blank: bool,
    found: Vec<Candidate>,
}

impl Survey<'_> {
    fn push(&mut self, kind: SourceKind, location: &str, value: &SecretString, state: State) {
        let location = format!("{location} `{}`", self.name);
        self.found.push(Candidate { kind, location, value: Some(trimmed(value)), state });
    }

    fn layer(&mut self, kind: SourceKind, location: &str, value: Option<&SecretString>) {
        let Some(value) = value else { return };
        if let Some(first) = self.hidden_by {
            if !is_blank(value) {
                self.push(kind, location, value, State::Loses(LossReason::After(first)));
            }
            return;
        }
        if self.blank {
            if !is_blank(value) {
                self.push(kind, location, value, State::NotRead(NotReadReason::BlankBefore));
            }
            return;
        }
        if is_blank(value) {
            self.blank = true;
        } else {
            self.hidden_by = Some(kind);
            self.push(kind, location, value, State::Value);
        }
    }

    fn process(&mut self, layer: Option<&ProcessLayer>) {
        if let Some(layer) = layer {
            self.layer(SourceKind::Process, &layer.location, layer.environment.get(self.name));
        }
    }

    /// A file whose content the running process got at its start.
    fn delivered(&mut self, file: &EnvironmentFile, process: Option<&ProcessLayer>) {
        let Some(value) = file.environment.get(self.name).filter(|value| !is_blank(value)) else { return };
        let held = process.and_then(|layer| layer.environment.get(self.name));
        let same = held.is_some_and(|held| is_same(held, value));
        let reason = if same { LossReason::Delivered } else { LossReason::Stale };
        self.push(file.kind.source(), &file.location(), value, State::Loses(reason));
    }

    fn dotenv(&mut self, file: &EnvironmentFile, copied: Option<&str>, effective: Option<&SecretString>) {
        let Some(value) = file.environment.get(self.name) else { return };
        let was_copied = file.kind == EnvironmentFileKind::StateDotenv
            && copied.is_some_and(|names| names.split(',').any(|name| name.trim() == self.name));
        match self.hidden_by {
            Some(_) if was_copied && !is_blank(value) => {
                let same = effective.is_some_and(|held| is_same(held, value));
                let reason = if same { LossReason::Delivered } else { LossReason::Stale };
                self.push(file.kind.source(), &file.location(), value, State::Loses(reason));
            }
            _ => self.layer(file.kind.source(), &file.location(), Some(value)),
        }
    }

    fn env_vars(&mut self, config: Option<&Config>) {
        let Some(config) = config else { return };
        let path = ["env", "vars", self.name];
        let Some(raw) = config.value_at(&path).and_then(serde_json::Value::as_str) else { return };
        let location = config.origin_of(&path).map_or_else(|| config.path().display().to_string(), ToString::to_string);
        let value = SecretString::from(raw);
        // A blank variable stops dotenv files but not this block.
        self.blank = false;
        if references(raw).is_empty() {
            self.layer(SourceKind::ConfigEnvVars, &format!("{location} env.vars"), Some(&value));
        } else {
            let state = State::NotRead(NotReadReason::RefersToVariable);
            self.push(SourceKind::ConfigEnvVars, &format!("{location} env.vars"), &value, state);
        }
    }
}

fn trimmed(value: &SecretString) -> SecretString {
    SecretString::from(value.expose_secret().trim())
}

fn is_blank(value: &SecretString) -> bool {
    value.expose_secret().trim().is_empty()
}

fn is_same(left: &SecretString, right: &SecretString) -> bool {
    left.expose_secret().trim() == right.expose_secret().trim()
}
