//! OpenClaw's configuration, read as OpenClaw reads it and never written.
//!
//! The file is JSON5. Other files come in through `$include`, environment variables through `${NAME}`; both are
//! resolved here with bounds on size, depth and number. The tree keeps strings as they are written: a `${NAME}` is
//! replaced only for the value that is asked for, so that nothing but what is needed is ever resolved. For every key
//! it is known in which file and line it stands. No message repeats what a file contains, as it may be a secret.

mod channels;
mod gateway;
mod include;
mod issues;
mod load;
mod scan;
mod template;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};

use secrecy::SecretString;
use serde_json::Value;

pub use channels::{Channel, ChannelAccount};
pub use gateway::{
    AuthMode, BindMode, ConsoleStyle, ControlUiSettings, GatewayMode, GatewaySettings, LoggingSettings,
    PairingSettings, RateLimitSettings, ReloadMode, RemoteSettings, RemoteTransport, TailscaleMode, TlsSettings,
};
pub use include::IncludeProblem;
pub use issues::{ConfigIssue, IssueKind};
pub use load::{Limits, LoadOptions, SourceFile, load};
pub use scan::Position;
pub use template::{Lookup, MissingVariables, expand, references};

use crate::file::ReadError;

/// Where a key stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The file.
    pub file: PathBuf,
    /// Line and column of the key.
    pub position: Position,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file.display(), self.position.line, self.position.column)
    }
}

/// Why there is no configuration to speak of.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// There is no configuration file.
    #[error("configuration `{}` does not exist", .path.display())]
    Missing {
        /// The path.
        path: PathBuf,
    },
    /// There is a symbolic link in its place, and nothing where that leads.
    #[error("configuration `{}` is a link to `{}`, where nothing is", .path.display(), .target.display())]
    DanglingLink {
        /// The path.
        path: PathBuf,
        /// What the link names.
        target: PathBuf,
    },
    /// The file could not be read.
    #[error("configuration `{}` could not be read", .path.display())]
    Read {
        /// The path.
        path: PathBuf,
        /// Why.
        #[source]
        source: ReadError,
    },
    /// The file is not JSON5.
    #[error("`{}`{} is not valid JSON5: {problem}", .path.display(), At(*.position))]
    Syntax {
        /// The file, which may be an included one.
        path: PathBuf,
        /// Where the parser stopped.
        position: Option<Position>,
        /// The kind of error, without any of the file's content.
        problem: String,
    },
    /// Objects and arrays nest deeper than any configuration does.
    #[error("`{}`{} nests deeper than {limit} levels", .path.display(), At(Some(*.position)))]
    TooDeep {
        /// The file, which may be an included one.
        path: PathBuf,
        /// Where the limit was passed.
        position: Position,
        /// The limit.
        limit: usize,
    },
    /// The file holds something else than an object.
    #[error("configuration `{}` is not an object", .path.display())]
    NotAnObject {
        /// The path.
        path: PathBuf,
    },
    /// An `$include` was refused.
    #[error("`$include` of `{include}` in `{}` {problem}", .path.display())]
    Include {
        /// The file that includes.
        path: PathBuf,
        /// What it includes, as it is written.
        include: String,
        /// Why it was refused.
        problem: IncludeProblem,
    },
    /// An included file could not be read.
    #[error("`{}`, included by `{}`, could not be read", .include.display(), .path.display())]
    IncludeRead {
        /// The file that includes.
        path: PathBuf,
        /// The included file.
        include: PathBuf,
        /// Why.
        #[source]
        source: ReadError,
    },
}

impl ConfigError {
    /// The place of the error, where one is known.
    pub fn position(&self) -> Option<Position> {
        match self {
            Self::Syntax { position, .. } => *position,
            Self::TooDeep { position, .. } => Some(*position),
            Self::Missing { .. }
            | Self::DanglingLink { .. }
            | Self::Read { .. }
            | Self::NotAnObject { .. }
            | Self::Include { .. }
            | Self::IncludeRead { .. } => None,
        }
    }

    /// Whether a link stands in its place that leads to nothing.
    pub fn is_dangling(&self) -> bool {
        matches!(self, Self::DanglingLink { .. })
    }

    /// Whether there is simply no configuration.
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Missing { .. })
    }
}

struct At(Option<Position>);

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(position) => write!(f, " line {} column {}", position.line, position.column),
            None => Ok(()),
        }
    }
}

/// A text value of the configuration.
#[derive(Debug, Clone)]
pub enum Text {
    /// The key is absent, null, or blank.
    Absent,
    /// The value, trimmed, variables replaced.
    Value(SecretString),
    /// A variable in it has no value.
    Unresolved(MissingVariables),
    /// The value is no string.
    NotText,
}

/// A configuration with everything that it includes.
#[derive(Clone)]
pub struct Config {
    path: PathBuf,
    files: Vec<SourceFile>,
    root: Value,
    origins: BTreeMap<Vec<String>, Origin>,
    issues: Vec<ConfigIssue>,
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config").field("path", &self.path).field("issues", &self.issues).finish_non_exhaustive()
    }
}

impl Config {
    /// An empty configuration, for a gateway or client that has none.
    pub fn empty(path: &Path) -> Self {
        Self {
            path: path.to_path_buf(),
            files: Vec::new(),
            root: Value::Object(serde_json::Map::new()),
            origins: BTreeMap::new(),
            issues: Vec::new(),
        }
    }

    /// The main file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// All files read, the main one first.
    pub fn files(&self) -> &[SourceFile] {
        &self.files
    }

    /// What OpenClaw would refuse, migrate or silently override.
    pub fn issues(&self) -> &[ConfigIssue] {
        &self.issues
    }

    /// The value at a path of keys, as it is written. It may hold a secret: neither print nor log it.
    pub fn value_at(&self, path: &[&str]) -> Option<&Value> {
        path.iter().try_fold(&self.root, |value, key| match value {
            Value::Object(object) => object.get(*key),
            Value::Array(items) => items.get(key.parse::<usize>().ok()?),
            _ => None,
        })
    }

    /// Where the key at a path stands. Keys deeper than eight levels have no origin.
    pub fn origin_of(&self, path: &[&str]) -> Option<&Origin> {
        let path: Vec<String> = path.iter().map(|key| (*key).to_owned()).collect();
        self.origins.get(&path)
    }

    /// The text at a path of keys, with `${NAME}` replaced.
    pub fn text_at(&self, path: &[&str], lookup: &dyn Lookup) -> Text {
        match self.value_at(path) {
            None | Some(Value::Null) => Text::Absent,
            Some(Value::String(raw)) => match expand(raw, lookup) {
                Ok(value) => trimmed(&value).map_or(Text::Absent, Text::Value),
                Err(missing) => Text::Unresolved(missing),
            },
            Some(_) => Text::NotText,
        }
    }

    /// What is configured, in one form for one content: compact JSON without comments and without the `meta` block, which OpenClaw
    /// rewrites with a date. It holds the secrets that the files hold.
    pub fn content(&self) -> SecretString {
        let mut root = self.root.clone();
        if let Value::Object(object) = &mut root {
            object.remove("meta");
        }
        SecretString::from(root.to_string())
    }

    /// Whether the `meta` block is there, which OpenClaw writes: a configuration that lost it is rolled back at the
    /// next start.
    pub fn has_meta(&self) -> bool {
        self.value_at(&["meta"]).is_some_and(Value::is_object)
    }

    /// `meta.lastTouchedVersion`: the OpenClaw version that wrote the file last.
    pub fn last_touched_version(&self) -> Option<&str> {
        self.value_at(&["meta", "lastTouchedVersion"])?.as_str()
    }

    /// Every name that a `${NAME}` anywhere in the configuration, or a `$NAME` or secret reference in place of a gateway
    /// credential, refers to.
    pub fn referenced_variables(&self) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        let mut pending = vec![&self.root];
        while let Some(value) = pending.pop() {
            match value {
                Value::String(text) => {
                    names.extend(references(text).into_iter().map(str::to_owned));
                    names.extend(crate::credentials::shorthand_name(text).map(str::to_owned));
                }
                Value::Array(items) => pending.extend(items),
                Value::Object(object) => {
                    if object.get("source").and_then(Value::as_str) == Some("env") {
                        names.extend(object.get("id").and_then(Value::as_str).map(str::to_owned));
                    }
                    pending.extend(object.values());
                }
                Value::Null | Value::Bool(_) | Value::Number(_) => {}
            }
        }
        names
    }

    /// `env.vars`, which OpenClaw puts into its environment where the name has no value yet. Values that are blank or
    /// refer to variables are left out by it.
    pub fn env_vars(&self) -> Vec<(&str, SecretString)> {
        let Some(Value::Object(vars)) = self.value_at(&["env", "vars"]) else {
            return Vec::new();
        };
        vars.iter()
            .filter_map(|(name, value)| Some((name.as_str(), value.as_str()?)))
            .filter(|(name, value)| {
                crate::credentials::is_portable_name(name) && !value.trim().is_empty() && references(value).is_empty()
            })
            .map(|(name, value)| (name, SecretString::from(value)))
            .collect()
    }
}

fn trimmed(value: &SecretString) -> Option<SecretString> {
    use secrecy::ExposeSecret;
    let text = value.expose_secret().trim();
    (!text.is_empty()).then(|| SecretString::from(text))
}

#[cfg(test)]
mod tests;
