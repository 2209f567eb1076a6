//! Credentials that a configuration refers to instead of holding them.
//!
//! `{source, provider, id}` with source `env`, `file`, `exec` or `store`, and the short forms `${NAME}` and `$NAME`.
//! Variables and files are looked up; programs are never run and the secret store is never opened.

use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde_json::Value;

use crate::config::{Config, MissingVariables, expand, references};
use crate::environment::Environment;
use crate::file::{ReadError, Reader};
use crate::paths::{PathInputs, expand as expand_path};

const DEFAULT_PROVIDER: &str = "default";
const DEFAULT_FILE_BYTES: u64 = 1024 * 1024;
const MAX_FILE_BYTES: u64 = 20 * 1024 * 1024;

/// Where a secret reference looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SecretSource {
    /// An environment variable.
    Env,
    /// A file.
    File,
    /// A program's output.
    Exec,
    /// A table of the state database.
    Store,
}

impl SecretSource {
    fn parse(word: &str) -> Option<Self> {
        match word {
            "env" => Some(Self::Env),
            "file" => Some(Self::File),
            "exec" => Some(Self::Exec),
            "store" => Some(Self::Store),
            _ => None,
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Env => "env",
            Self::File => "file",
            Self::Exec => "exec",
            Self::Store => "store",
        }
    }
}

/// A reference to a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretRef {
    /// Where to look.
    pub source: SecretSource,
    /// Name of the provider below `secrets.providers`.
    pub provider: String,
    /// What to look for.
    pub id: String,
}

impl SecretRef {
    /// The reference that a configuration value is, if it is one. `$NAME` counts; `${NAME}` does not, as OpenClaw
    /// replaces it before.
    pub fn of(value: &Value, config: &Config) -> Option<Self> {
        if let Some(text) = value.as_str() {
            let id = shorthand_name(text)?.to_owned();
            return Some(Self { source: SecretSource::Env, provider: default_provider(config, SecretSource::Env), id });
        }
        let source = SecretSource::parse(value.get("source")?.as_str()?)?;
        let id = value.get("id")?.as_str()?.to_owned();
        let provider = match value.get("provider") {
            Some(provider) => provider.as_str()?.to_owned(),
            None => default_provider(config, source),
        };
        Some(Self { source, provider, id })
    }
}

impl std::fmt::Display for SecretRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}:{}", self.source.as_str(), self.provider, self.id)
    }
}

/// The name in a `$NAME`.
pub(crate) fn shorthand_name(text: &str) -> Option<&str> {
    let name = text.trim().strip_prefix('$')?;
    let mut bytes = name.bytes();
    let valid = name.len() <= 128
        && bytes.next().is_some_and(|first| first.is_ascii_uppercase())
        && bytes.all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_');
    valid.then_some(name)
}

fn default_provider(config: &Config, source: SecretSource) -> String {
    config
        .value_at(&["secrets", "defaults", source.as_str()])
        .and_then(Value::as_str)
        .map_or(DEFAULT_PROVIDER, str::trim)
        .to_owned()
}

/// Why a configured credential has no value here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnresolvedReason {
    /// Variables without a value.
    #[error("environment variable `{}` is not set", .0.join("`, `"))]
    MissingVariables(Vec<String>),
    /// A text with `${…}` in it whose variables have no value: it stays as it is written, which is no secret.
    #[error("environment variable `{}` is not set", .0.join("`, `"))]
    Unexpanded(Vec<String>),
    /// The variable is not in the provider's `allowlist`.
    #[error("`secrets.providers.{provider}.allowlist` does not name `{name}`")]
    NotAllowed {
        /// The provider.
        provider: String,
        /// The variable.
        name: String,
    },
    /// There is no such provider.
    #[error("`secrets.providers.{0}` does not exist")]
    NoProvider(String),
    /// The provider has another source.
    #[error("`secrets.providers.{0}` has another source")]
    OtherSource(String),
    /// The file is not there.
    #[error("`{}` does not exist", .0.display())]
    FileMissing(PathBuf),
    /// The file could not be read, or is none that OpenClaw would read.
    #[error("`{}` is not a readable regular file", .0.display())]
    FileUnreadable(PathBuf),
    /// This process may not read the file; the user's own may.
    #[error("`{}` may not be read by this process", .0.display())]
    FileDenied(PathBuf),
    /// The user that needs the secret may not read the file.
    #[error("`{}` may not be read by the user that it runs as", .0.display())]
    FileForbidden(PathBuf),
    /// Others may read or write the file, it has several links, or belongs to another user: OpenClaw refuses it.
    #[error("`{}` is not private to its user", .0.display())]
    FileNotPrivate(PathBuf),
    /// The file has no such entry, or is not of the configured form.
    #[error("`{}` holds no text at `{}`", .0.display(), .1)]
    NoSuchEntry(PathBuf, String),
    /// Programs are never run by an observer.
    #[error("an exec provider is not run by an observer")]
    ExecNotRun,
    /// The store lies in the state database and is not opened.
    #[error("the secret store is not opened by an observer")]
    StoreNotOpened,
    /// The reference resolves to nothing.
    #[error("the value is empty")]
    Empty,
    /// The value is neither text nor a secret reference.
    #[error("the value is neither text nor a secret reference")]
    NotText,
}

impl UnresolvedReason {
    /// Whether the real program may well resolve what could not be resolved here.
    pub fn is_opaque(&self) -> bool {
        matches!(self, Self::ExecNotRun | Self::StoreNotOpened | Self::FileDenied(_))
    }
}

/// A credential of the configuration.
#[derive(Debug, Clone)]
pub(super) enum Configured {
    Absent,
    Value(SecretString),
    Unresolved(UnresolvedReason),
}

/// What is needed to follow references.
#[derive(Debug, Clone, Copy)]
pub struct SecretResolver<'a> {
    /// Reads files on the user's behalf.
    pub reader: &'a Reader,
    /// The account's home directory.
    pub account_home: &'a Path,
    /// The directory that relative paths start from.
    pub working_directory: &'a Path,
    /// Whether this process has the rights of the one that needs the secret, so that what it may not read that one may not either.
    pub has_its_rights: bool,
}

impl SecretResolver<'_> {
    /// The credential at a path of the configuration.
    pub(super) fn configured(&self, config: &Config, path: &[&str], environment: &Environment) -> Configured {
        let Some(value) = config.value_at(path).filter(|value| !value.is_null()) else {
            return Configured::Absent;
        };
        if let Some(reference) = SecretRef::of(value, config) {
            return match self.follow(config, &reference, environment) {
                Ok(secret) if secret.expose_secret().trim().is_empty() => {
                    Configured::Unresolved(UnresolvedReason::Empty)
                }
                Ok(secret) => Configured::Value(SecretString::from(secret.expose_secret().trim())),
                Err(reason) => Configured::Unresolved(reason),
            };
        }
        let Some(raw) = value.as_str() else {
            return Configured::Unresolved(UnresolvedReason::NotText);
        };
        match expand(raw, environment) {
            Ok(text) if text.expose_secret().trim().is_empty() => {
                if references(raw).is_empty() {
                    Configured::Absent
                } else {
                    Configured::Unresolved(UnresolvedReason::Empty)
                }
            }
            Ok(text) => Configured::Value(SecretString::from(text.expose_secret().trim())),
            Err(MissingVariables { names }) => Configured::Unresolved(UnresolvedReason::Unexpanded(names)),
        }
    }

    /// Finds the value of a reference.
    pub fn follow(
        &self,
        config: &Config,
        reference: &SecretRef,
        environment: &Environment,
    ) -> Result<SecretString, UnresolvedReason> {
        let provider = config.value_at(&["secrets", "providers", &reference.provider]);
        let provider = match provider {
            Some(provider) if provider.get("source").and_then(Value::as_str) == Some(reference.source.as_str()) => {
                Some(provider)
            }
            _ if is_built_in(config, reference) => None,
            Some(_) => return Err(UnresolvedReason::OtherSource(reference.provider.clone())),
            None => return Err(UnresolvedReason::NoProvider(reference.provider.clone())),
        };
        match reference.source {
            SecretSource::Env => variable(reference, provider, environment),
            SecretSource::File => self.file(reference, provider, environment),
            SecretSource::Exec => Err(UnresolvedReason::ExecNotRun),
            SecretSource::Store => Err(UnresolvedReason::StoreNotOpened),
        }
    }

    fn file(
        &self,
        reference: &SecretRef,
        provider: Option<&Value>,
        environment: &Environment,
    ) -> Result<SecretString, UnresolvedReason> {
        let field = |key: &str| provider.and_then(|provider| provider.get(key));
        let raw = field("path").and_then(Value::as_str).ok_or(UnresolvedReason::NotText)?;
        let raw = expand(raw, environment).map_err(|missing| UnresolvedReason::MissingVariables(missing.names))?;
        let inputs =
            PathInputs { environment, account_home: self.account_home, working_directory: self.working_directory };
        let path = expand_path(raw.expose_secret(), &inputs);
        let limit = field("maxBytes").and_then(Value::as_u64).unwrap_or(DEFAULT_FILE_BYTES).min(MAX_FILE_BYTES);
        let content = self.reader.read(&path, limit).map_err(|error| match error {
            ReadError::NotFound { .. } => UnresolvedReason::FileMissing(path.clone()),
            ReadError::Denied { .. } if self.has_its_rights => UnresolvedReason::FileForbidden(path.clone()),
            ReadError::Denied { .. } => UnresolvedReason::FileDenied(path.clone()),
            ReadError::ForeignOwner { .. } => UnresolvedReason::FileNotPrivate(path.clone()),
            _ => UnresolvedReason::FileUnreadable(path.clone()),
        })?;
        let meta = &content.meta;
        if meta.mode & 0o066 != 0 || meta.nlink != 1 || meta.uid != self.reader.uid() {
            return Err(UnresolvedReason::FileNotPrivate(path));
        }
        let text = String::from_utf8_lossy(&content.bytes);
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
        let no_entry = || UnresolvedReason::NoSuchEntry(path.clone(), reference.id.clone());
        if field("mode").and_then(Value::as_str) == Some("singleValue") {
            let line = text.strip_suffix('\n').map_or(text, |line| line.strip_suffix('\r').unwrap_or(line));
            return if reference.id == "value" { Ok(SecretString::from(line)) } else { Err(no_entry()) };
        }
        let document: Value = serde_json::from_str(text).map_err(|_| no_entry())?;
        let found = document.pointer(&reference.id).and_then(Value::as_str).ok_or_else(no_entry)?;
        Ok(SecretString::from(found))
    }
}

fn variable(
    reference: &SecretRef,
    provider: Option<&Value>,
    environment: &Environment,
) -> Result<SecretString, UnresolvedReason> {
    let name = &reference.id;
    if let Some(allowed) = provider.and_then(|provider| provider.get("allowlist")).and_then(Value::as_array)
        && !allowed.iter().any(|entry| entry.as_str() == Some(name))
    {
        return Err(UnresolvedReason::NotAllowed { provider: reference.provider.clone(), name: name.clone() });
    }
    environment.secret(name).ok_or_else(|| UnresolvedReason::MissingVariables(vec![name.clone()]))
}

fn is_built_in(config: &Config, reference: &SecretRef) -> bool {
    matches!(reference.source, SecretSource::Env | SecretSource::Store)
        && reference.provider == default_provider(config, reference.source)
}
