//! The agent's own configuration: one TOML file, environment variables, defaults, and the origin of each value.
//!
//! Precedence: flag, then environment, then what device management prescribes, then file, then default; as root, what is prescribed comes
//! before the environment. Each key is defined once, in [`keys()`]; the file's reader, the
//! environment, `config show` and `config example` all follow that table.

mod document;
mod file;
mod keys;
mod managed;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use portreeve_core::Policy;
use serde::Serialize;

pub(crate) use keys::{Key, Kind, WAIVER, default_of, example, keys};

/// The agent's configuration.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Settings {
    pub(crate) homes: Vec<PathBuf>,
    pub(crate) state_dirs: Vec<PathBuf>,
    pub(crate) ports: Vec<u16>,
    pub(crate) public_urls: Vec<String>,
    pub(crate) timeout_s: u64,
    /// Server that tells the time.
    pub(crate) time_server: Option<String>,
    /// Connects to each gateway and from each client of `check --deep`.
    pub(crate) deep_connects: u32,
    /// Whether container engines are asked.
    pub(crate) containers: bool,
    /// Folder of the probe's programs.
    pub(crate) probe_dir: Option<PathBuf>,
    pub(crate) data_dir: PathBuf,
    /// The document that everybody may read, where it is not in its usual place.
    pub(crate) status_file: Option<PathBuf>,
    pub(crate) daemon: DaemonSettings,
    pub(crate) deliver: DeliverSettings,
    pub(crate) shared_key_file: Option<PathBuf>,
    /// Seconds between two checks of images.
    pub(crate) images_period_s: u64,
    pub(crate) policy: Policy,
    /// Where each value that is not a default comes from.
    pub(crate) origins: BTreeMap<&'static str, Origin>,
}

/// How often the daemon looks, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_field_names, reason = "the unit belongs to the name, as in the file")]
pub(crate) struct DaemonSettings {
    pub(crate) glance_s: u64,
    pub(crate) fast_s: u64,
    pub(crate) slow_s: u64,
    pub(crate) locks_s: u64,
    pub(crate) lock_window_s: u64,
}

impl Default for DaemonSettings {
    fn default() -> Self {
        Self { glance_s: 5, fast_s: 30, slow_s: 900, locks_s: 600, lock_window_s: 10 }
    }
}

/// Where reports go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DeliverSettings {
    pub(crate) options: portreeve_deliver::send::Options,
    /// Seconds between two measurements.
    pub(crate) interval_s: u64,
    pub(crate) spool_bytes: u64,
    pub(crate) spool_age_s: u64,
}

impl Default for DeliverSettings {
    fn default() -> Self {
        let limits = portreeve_deliver::spool::Limits::default();
        Self {
            options: portreeve_deliver::send::Options::default(),
            interval_s: 60,
            spool_bytes: limits.max_bytes,
            spool_age_s: limits.max_age.as_secs(),
        }
    }
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Origin {
    /// Built in.
    Default,
    /// The configuration file.
    File { path: String, line: usize },
    /// What device management prescribes.
    Managed { path: String },
    /// An environment variable.
    Environment { variable: String },
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line } => write!(f, "{path}:{line}"),
            Self::Managed { path } => write!(f, "{path} (managed)"),
            Self::Environment { variable } => write!(f, "${variable}"),
        }
    }
}

/// The configuration cannot be followed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SettingsError {
    /// The file that was named cannot be read.
    #[error("cannot read the configuration `{path}`", path = path.display())]
    Read {
        path: PathBuf,
        #[source]
        source: portreeve_openclaw::file::ReadError,
    },
    /// It is no TOML.
    #[error("`{path}` line {line}, column {column}: {message}", path = path.display())]
    Syntax { path: PathBuf, line: usize, column: usize, message: String },
    /// A key that does not exist.
    #[error("`{path}` line {line}: there is no setting `{key}`", path = path.display())]
    UnknownKey { path: PathBuf, line: usize, key: String, nearest: Option<&'static str> },
    /// A value that the key does not take.
    #[error("`{path}` line {line}: `{key}` {problem}", path = path.display())]
    Value { path: PathBuf, line: usize, key: String, problem: String },
    /// What device management prescribes cannot be read.
    #[error("cannot read the managed configuration")]
    Managed(#[source] portreeve_observe::plist::PlistError),
    /// What device management prescribes holds something that is no setting.
    #[error("`{path}`: there is no setting `{key}`", path = path.display())]
    UnknownManagedKey { path: PathBuf, key: String, nearest: Option<&'static str> },
    /// What device management prescribes has a value that the key does not take.
    #[error("`{path}`: `{key}` {problem}", path = path.display())]
    ManagedValue { path: PathBuf, key: String, problem: String },
    /// A value from the environment that the key does not take.
    #[error("environment variable `{variable}`: `{key}` {problem}")]
    Variable { variable: String, key: &'static str, problem: String },
    /// No home folder and no data folder named.
    #[error("cannot tell where to keep the fingerprint key: neither `HOME` nor `data_dir` is set")]
    NoDataDir,
}

impl SettingsError {
    /// What the user can do about it.
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::UnknownKey { nearest: Some(nearest), .. }
            | Self::UnknownManagedKey { nearest: Some(nearest), .. } => Some(format!("did you mean `{nearest}`?")),
            Self::UnknownKey { nearest: None, .. }
            | Self::UnknownManagedKey { nearest: None, .. }
            | Self::Value { .. }
            | Self::ManagedValue { .. }
            | Self::Variable { .. } => Some("`portreeve config example` shows every setting with its form".to_owned()),
            Self::Read { .. } => Some("check the path given with `--config` or `PORTREEVE_CONFIG`".to_owned()),
            Self::NoDataDir => Some("set `PORTREEVE_DATA_DIR` to a folder of your own".to_owned()),
            Self::Managed(_) => Some("mend the profile in the device management that installs it".to_owned()),
            Self::Syntax { .. } => None,
        }
    }
}

/// The environment variable that names the configuration file.
pub(crate) const CONFIG_VARIABLE: &str = "PORTREEVE_CONFIG";

/// The system's configuration file, read where no other is named.
pub(crate) const SYSTEM_CONFIG: &str = "/etc/portreeve/portreeve.toml";

/// What device management prescribes for this machine.
pub(crate) const MANAGED_CONFIG: &str = "/Library/Managed Preferences/dev.portreeve.agent.plist";

/// The document of a daemon that runs as root.
pub(crate) const SYSTEM_STATUS: &str = portreeve_observe::STATUS_FILE;

impl Settings {
    /// Reads what device management prescribes in `managed`, file and environment. A file that is named must exist; the system's and what is
    /// prescribed may be missing.
    pub(crate) fn load(
        named: Option<&Path>,
        managed: &Path,
        variable: impl Fn(&str) -> Option<String>,
        is_root: bool,
    ) -> Result<Self, SettingsError> {
        let mut settings = Self::defaults(&variable, is_root);
        let from_environment = variable(CONFIG_VARIABLE).filter(|text| !text.is_empty()).map(PathBuf::from);
        let (path, must_exist) = match named.map(Path::to_path_buf).or(from_environment) {
            Some(path) => (path, true),
            None => (PathBuf::from(SYSTEM_CONFIG), false),
        };
        file::apply(&mut settings, &path, must_exist)?;
        if !is_root {
            managed::apply(&mut settings, managed)?;
        }
        for key in keys() {
            if let Some(text) = variable(&key.variable()) {
                let value = key.parse_text(&text);
                (key.apply)(&mut settings, &value).map_err(|problem| SettingsError::Variable {
                    variable: key.variable(),
                    key: key.name,
                    problem,
                })?;
                settings.origins.insert(key.name, Origin::Environment { variable: key.variable() });
            }
        }
        if is_root {
            // Who becomes root by `sudo` may bring an environment along that the owner of this machine does not want.
            managed::apply(&mut settings, managed)?;
        }
        if settings.data_dir.as_os_str().is_empty() {
            return Err(SettingsError::NoDataDir);
        }
        Ok(settings)
    }

    fn defaults(variable: &impl Fn(&str) -> Option<String>, is_root: bool) -> Self {
        Self {
            homes: Vec::new(),
            state_dirs: Vec::new(),
            ports: Vec::new(),
            public_urls: Vec::new(),
            timeout_s: 15,
            time_server: None,
            deep_connects: 100,
            containers: true,
            probe_dir: None,
            data_dir: default_data_dir(variable, is_root),
            status_file: None,
            daemon: DaemonSettings::default(),
            deliver: DeliverSettings::default(),
            shared_key_file: None,
            images_period_s: 7 * 86_400,
            policy: Policy::default(),
            origins: BTreeMap::new(),
        }
    }

    /// The document that everybody may read.
    pub(crate) fn status_file(&self, is_root: bool) -> PathBuf {
        match &self.status_file {
            Some(path) => path.clone(),
            None if is_root => PathBuf::from(SYSTEM_STATUS),
            None => self.data_dir.join("status.json"),
        }
    }

    /// Where a key's value comes from.
    pub(crate) fn origin(&self, key: &Key) -> Origin {
        self.origins.get(key.name).cloned().unwrap_or(Origin::Default)
    }
}

fn default_data_dir(variable: &impl Fn(&str) -> Option<String>, is_root: bool) -> PathBuf {
    if is_root {
        return PathBuf::from("/var/db/portreeve");
    }
    let set = |name: &str| variable(name).filter(|text| text.starts_with('/')).map(PathBuf::from);
    set("XDG_STATE_HOME")
        .or_else(|| set("HOME").map(|home| home.join(".local/state")))
        .map(|base| base.join("portreeve"))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str, variables: &[(&str, &str)]) -> Result<Settings, SettingsError> {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("portreeve.toml");
        std::fs::write(&path, text).expect("a file");
        let variable = |name: &str| {
            variables
                .iter()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| (*value).to_owned())
                .or_else(|| (name == "HOME").then(|| "/home/op".to_owned()))
        };
        Settings::load(Some(&path), Path::new("/nowhere"), variable, false)
    }

    #[test]
    fn environment_beats_file_beats_default_and_each_tells_its_origin() {
        let settings = load("timeout_s = 20\nports = [19001]\n", &[("PORTREEVE_TIMEOUT_S", "30")]).expect("valid");
        assert_eq!(settings.timeout_s, 30);
        assert_eq!(settings.ports, [19001]);
        assert_eq!(settings.origins.get("timeout_s").map(ToString::to_string).as_deref(), Some("$PORTREEVE_TIMEOUT_S"));
        assert!(settings.origins.get("ports").is_some_and(|origin| origin.to_string().ends_with("portreeve.toml:2")));
        assert!(!settings.origins.contains_key("homes"));
    }

    #[test]
    fn an_unknown_key_names_its_line_and_the_nearest_setting() {
        let error = load("# comment\n\n[policy]\nstart_buget_s = 3\n", &[]).expect_err("misspelt");
        assert!(error.to_string().ends_with("line 4: there is no setting `policy.start_buget_s`"), "{error}");
        assert_eq!(error.hint().as_deref(), Some("did you mean `policy.start_budget_s`?"));
    }

    #[test]
    fn a_wrong_type_names_its_line() {
        let error = load("timeout_s = \"soon\"\n", &[]).expect_err("no number");
        assert!(error.to_string().contains("line 1: `timeout_s` takes a whole number from 1 to 300"), "{error}");
        let error = load("", &[("PORTREEVE_TIMEOUT_S", "soon")]).expect_err("no number");
        assert_eq!(
            error.to_string(),
            "environment variable `PORTREEVE_TIMEOUT_S`: `timeout_s` takes a whole number from 1 to 300"
        );
    }

    #[test]
    fn broken_toml_names_line_and_column() {
        let error = load("timeout_s = = 3\n", &[]).expect_err("broken");
        assert!(error.to_string().contains("line 1, column 13"), "{error}");
    }

    #[test]
    fn waivers_are_read_and_a_misspelt_code_names_its_line() {
        let good = "[[waiver]]\ncode = \"state.open\"\nuntil = \"2030-01-01T00:00:00Z\"\nreason = \"single user\"\n";
        assert_eq!(load(good, &[]).expect("valid").policy.waivers.len(), 1);
        let error = load(&good.replace("state.open", "state.opne"), &[]).expect_err("misspelt");
        assert!(error.to_string().contains("line 2: `waiver.code` takes a finding's code"), "{error}");
    }

    #[test]
    fn the_example_is_the_default() {
        let example = keys::example();
        let commented_in: Vec<&str> = example.lines().map(|line| line.strip_prefix("#: ").unwrap_or(line)).collect();
        let commented_in = commented_in.join("\n");
        let settings = load(&commented_in, &[]).expect("the example is valid");
        let defaults = load("", &[]).expect("empty is valid");
        assert_eq!(settings.policy, defaults.policy);
        assert_eq!(settings.timeout_s, defaults.timeout_s);
    }
}
