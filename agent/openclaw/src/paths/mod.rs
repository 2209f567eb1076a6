//! Where OpenClaw keeps things: state directory, configuration, databases, locks, service files, logs.
//!
//! Resolution is a function of the environment, the account's home directory and a question whether a path exists,
//! so that it can be asked for another user's process as well as for this one.

mod files;
mod locks;
mod roots;

use std::path::{Component, Path, PathBuf};

pub use files::{
    DatabasePaths, ServiceEnvPaths, default_log_directory, default_log_name, fallback_log_directory, gateway_dotenv,
    launchd_label, launchd_log, state_dotenv, systemd_environment_file, systemd_unit,
};
pub use locks::{LockFile, LockPaths, LockPrimitive, LockPurpose};
pub use roots::{RootError, RootKind, RootLink, StateRoot, discover_roots};

use crate::environment::{self, Environment};

/// Name of the configuration file.
pub const CONFIG_NAME: &str = "openclaw.json";
/// Name of the configuration file in a legacy state directory.
pub const LEGACY_CONFIG_NAME: &str = "clawdbot.json";
/// Name of the default state directory in the home.
pub const STATE_DIR_NAME: &str = ".openclaw";
/// Name of the legacy state directory, used only where the default one is absent.
pub const LEGACY_STATE_DIR_NAME: &str = ".clawdbot";
/// Most entries of `OPENCLAW_INCLUDE_ROOTS` that are looked at: anybody can start a process with a list of any length.
const MAX_INCLUDE_ROOTS: usize = 64;

/// What decides about paths.
#[derive(Debug, Clone, Copy)]
pub struct PathInputs<'a> {
    /// The process's environment, after `.env` files could not yet have changed it.
    pub environment: &'a Environment,
    /// The account's home directory, used where `HOME` says nothing.
    pub account_home: &'a Path,
    /// The directory that relative paths start from.
    pub working_directory: &'a Path,
}

/// Where the state directory comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum StateDirSource {
    /// `OPENCLAW_STATE_DIR`.
    Environment,
    /// The profile flag.
    ProfileFlag,
    /// `~/.openclaw`.
    Default,
    /// `~/.clawdbot`, because `~/.openclaw` is absent.
    Legacy,
}

/// Where the configuration path comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ConfigPathSource {
    /// `OPENCLAW_CONFIG_PATH`.
    Environment,
    /// `openclaw.json` in the state directory.
    StateDir,
    /// `clawdbot.json` in the state directory.
    Legacy,
}

/// The paths of one process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResolvedPaths {
    /// The home that defaults are derived from.
    pub home: PathBuf,
    /// The state directory, links not resolved.
    pub state_dir: PathBuf,
    /// Where the state directory comes from.
    pub state_dir_source: StateDirSource,
    /// The configuration file, links not resolved.
    pub config_path: PathBuf,
    /// Where the configuration path comes from.
    pub config_path_source: ConfigPathSource,
    /// The profile in force, if it is a named one.
    pub profile: Option<String>,
    /// Directories that `$include` may reach besides the configuration's own.
    pub include_roots: Vec<PathBuf>,
}

/// Resolves state directory and configuration as the process would, with an optional `--profile` flag (`--dev` is
/// `--profile dev`). `exists` answers whether a path exists, links followed.
pub fn resolve(
    inputs: &PathInputs<'_>,
    profile_flag: Option<&str>,
    exists: &dyn Fn(&Path) -> bool,
) -> Result<ResolvedPaths, ProfileError> {
    let environment = apply_profile_flag(inputs, profile_flag)?;
    let moved_by_flag = environment.text(environment::STATE_DIR) != inputs.environment.text(environment::STATE_DIR);
    let inputs = PathInputs { environment: &environment, ..*inputs };
    let home = effective_home(&inputs);
    let (state_dir, state_dir_source) = match state_dir(&inputs, exists) {
        (path, StateDirSource::Environment) if moved_by_flag => (path, StateDirSource::ProfileFlag),
        found => found,
    };
    let (config_path, config_path_source) = config_path(&inputs, &state_dir, exists);
    let profile = environment.text(environment::PROFILE).and_then(normalize_profile).map(str::to_owned);
    Ok(ResolvedPaths {
        home,
        state_dir,
        state_dir_source,
        config_path,
        config_path_source,
        profile,
        include_roots: include_roots(&inputs),
    })
}

/// A profile name that OpenClaw refuses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` is not a profile name: letters, digits, `_` and `-`, at most 64, beginning with a letter or digit")]
pub struct ProfileError {
    /// The name.
    pub name: String,
}

/// Whether OpenClaw accepts a profile name.
pub fn is_profile_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    name.len() <= 64
        && bytes.next().is_some_and(|first| first.is_ascii_alphanumeric())
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}

/// The trimmed name of a named profile; `None` for blank, `default` and names that OpenClaw does not accept.
pub fn normalize_profile(name: &str) -> Option<&str> {
    let name = name.trim();
    (!name.eq_ignore_ascii_case("default") && is_profile_name(name)).then_some(name)
}

/// The state directory that `--profile` selects: `~/.openclaw` for `default`, else `~/.openclaw-<name>`.
pub fn profile_state_dir(profile: &str, home: &Path) -> Result<PathBuf, ProfileError> {
    let profile = profile.trim();
    if !is_profile_name(profile) {
        return Err(ProfileError { name: profile.to_owned() });
    }
    if profile.eq_ignore_ascii_case("default") {
        return Ok(home.join(STATE_DIR_NAME));
    }
    Ok(home.join(format!("{STATE_DIR_NAME}-{profile}")))
}

/// The environment after `--profile`: the flag sets profile, state directory and configuration path, unless the
/// environment already names others than those of the profile that it came with. `dev` also sets the port 19001.
pub fn apply_profile_flag(inputs: &PathInputs<'_>, profile_flag: Option<&str>) -> Result<Environment, ProfileError> {
    let mut environment = inputs.environment.clone();
    let Some(profile) = profile_flag.map(str::trim).filter(|profile| !profile.is_empty()) else {
        return Ok(environment);
    };
    let home = effective_home(inputs);
    let inherited = inputs.environment.text(environment::PROFILE).unwrap_or("default");
    let selected_dir = profile_state_dir(profile, &home)?;
    let inherited_dir = profile_state_dir(inherited, &home)?;
    let state_dir = inputs.environment.text(environment::STATE_DIR);
    let config_path = inputs.environment.text(environment::CONFIG_PATH);
    let switches = inherited_dir != selected_dir;
    let switches_state = switches && state_dir.is_some_and(|dir| expand(dir, inputs) == inherited_dir);
    let replaces_config = switches
        && (state_dir.is_none() || switches_state)
        && config_path.is_some_and(|path| expand(path, inputs) == inherited_dir.join(CONFIG_NAME));
    let leaves_service = is_gateway_service(inputs.environment) && switches_state && replaces_config;
    if leaves_service {
        for name in [
            environment::STATE_DIR,
            environment::CONFIG_PATH,
            environment::GATEWAY_PORT,
            environment::LAUNCHD_LABEL,
            environment::SYSTEMD_UNIT,
        ] {
            environment.remove(name);
        }
    }
    environment.set(environment::PROFILE, profile);
    let retained = state_dir.filter(|_| !leaves_service && !switches_state);
    if retained.is_none() {
        environment.set(environment::STATE_DIR, selected_dir.to_string_lossy());
    }
    if !leaves_service && (config_path.is_none() || replaces_config) {
        let dir = retained.map_or(selected_dir, PathBuf::from);
        environment.set(environment::CONFIG_PATH, dir.join(CONFIG_NAME).to_string_lossy());
    }
    if profile == "dev" && environment.text(environment::GATEWAY_PORT).is_none() {
        environment.set(environment::GATEWAY_PORT, crate::port::DEV_PORT.to_string());
    }
    Ok(environment)
}

fn is_gateway_service(environment: &Environment) -> bool {
    environment.text(environment::SERVICE_MARKER) == Some("openclaw")
        && environment.text(environment::SERVICE_KIND).is_none_or(|kind| kind == "gateway")
}

/// The home that OpenClaw derives its defaults from: `OPENCLAW_HOME`, `HOME`, the account's.
pub fn effective_home(inputs: &PathInputs<'_>) -> PathBuf {
    let named = |name| inputs.environment.text(name).filter(|value| !matches!(*value, "undefined" | "null"));
    let os_home = named(environment::HOME).map_or_else(|| inputs.account_home.to_path_buf(), PathBuf::from);
    let home = match named(environment::OPENCLAW_HOME) {
        None => os_home,
        Some(explicit) => match explicit.strip_prefix('~') {
            Some("") => os_home,
            Some(rest) if rest.starts_with('/') => os_home.join(rest.trim_start_matches('/')),
            _ => PathBuf::from(explicit),
        },
    };
    absolute(&home, inputs.working_directory)
}

fn state_dir(inputs: &PathInputs<'_>, exists: &dyn Fn(&Path) -> bool) -> (PathBuf, StateDirSource) {
    if let Some(named) = inputs.environment.text(environment::STATE_DIR) {
        return (expand(named, inputs), StateDirSource::Environment);
    }
    let home = effective_home(inputs);
    let default = home.join(STATE_DIR_NAME);
    let legacy = home.join(LEGACY_STATE_DIR_NAME);
    if !exists(&default) && exists(&legacy) {
        return (legacy, StateDirSource::Legacy);
    }
    (default, StateDirSource::Default)
}

fn config_path(
    inputs: &PathInputs<'_>,
    state_dir: &Path,
    exists: &dyn Fn(&Path) -> bool,
) -> (PathBuf, ConfigPathSource) {
    if let Some(named) = inputs.environment.text(environment::CONFIG_PATH) {
        return (expand(named, inputs), ConfigPathSource::Environment);
    }
    let current = state_dir.join(CONFIG_NAME);
    let legacy = state_dir.join(LEGACY_CONFIG_NAME);
    if !exists(&current) && exists(&legacy) {
        return (legacy, ConfigPathSource::Legacy);
    }
    (current, ConfigPathSource::StateDir)
}

/// Directories that `$include` may reach besides the configuration's own, by `OPENCLAW_INCLUDE_ROOTS`; the first 64 of them.
pub fn include_roots(inputs: &PathInputs<'_>) -> Vec<PathBuf> {
    let entries = inputs.environment.text(environment::INCLUDE_ROOTS).unwrap_or_default().split(':');
    let mut roots = Vec::new();
    for entry in entries.map(str::trim).filter(|entry| !entry.is_empty()).take(MAX_INCLUDE_ROOTS) {
        let root = expand(entry, inputs);
        if !roots.contains(&root) {
            roots.push(root);
        }
    }
    roots
}

/// Expands a leading `~` with the effective home and makes the path absolute and free of `.` and `..`, without
/// looking at the file system.
pub fn expand(path: &str, inputs: &PathInputs<'_>) -> PathBuf {
    let path = path.trim();
    let expanded = match path.strip_prefix('~') {
        Some("") => effective_home(inputs),
        Some(rest) if rest.starts_with('/') => effective_home(inputs).join(rest.trim_start_matches('/')),
        _ => PathBuf::from(path),
    };
    absolute(&expanded, inputs.working_directory)
}

/// Joins a path to a directory and removes `.` and `..` by the letter.
pub(crate) fn absolute(path: &Path, working_directory: &Path) -> PathBuf {
    let mut result = PathBuf::new();
    for component in working_directory.join(path).components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                result.pop();
            }
            other => result.push(other),
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(variables: &[(&str, &str)], flag: Option<&str>, existing: &[&str]) -> ResolvedPaths {
        let pairs = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let environment = Environment::from_pairs(pairs);
        let inputs = PathInputs {
            environment: &environment,
            account_home: Path::new("/Users/ann"),
            working_directory: Path::new("/work"),
        };
        resolve(&inputs, flag, &|path| existing.iter().any(|known| Path::new(known) == path)).unwrap()
    }

    fn state_and_config(paths: &ResolvedPaths) -> (&str, &str) {
        (paths.state_dir.to_str().unwrap(), paths.config_path.to_str().unwrap())
    }

    #[test]
    fn defaults_and_legacy() {
        let paths = resolved(&[], None, &[]);
        assert_eq!(state_and_config(&paths), ("/Users/ann/.openclaw", "/Users/ann/.openclaw/openclaw.json"));
        assert_eq!(paths.state_dir_source, StateDirSource::Default);

        let paths = resolved(&[], None, &["/Users/ann/.clawdbot", "/Users/ann/.clawdbot/clawdbot.json"]);
        assert_eq!(state_and_config(&paths), ("/Users/ann/.clawdbot", "/Users/ann/.clawdbot/clawdbot.json"));
        assert_eq!(paths.state_dir_source, StateDirSource::Legacy);
        assert_eq!(paths.config_path_source, ConfigPathSource::Legacy);

        let paths = resolved(&[], None, &["/Users/ann/.openclaw", "/Users/ann/.clawdbot"]);
        assert_eq!(paths.state_dir_source, StateDirSource::Default);
    }

    #[test]
    fn variables_move_state_and_config() {
        let paths = resolved(&[("OPENCLAW_STATE_DIR", "~/x/../oc")], None, &[]);
        assert_eq!(state_and_config(&paths), ("/Users/ann/oc", "/Users/ann/oc/openclaw.json"));
        let paths = resolved(&[("OPENCLAW_CONFIG_PATH", "c.json")], None, &[]);
        assert_eq!(state_and_config(&paths), ("/Users/ann/.openclaw", "/work/c.json"));
        let paths = resolved(&[("HOME", "/home/bob"), ("OPENCLAW_HOME", "~/iso")], None, &[]);
        assert_eq!(paths.state_dir, Path::new("/home/bob/iso/.openclaw"));
        let paths = resolved(&[("HOME", "undefined")], None, &[]);
        assert_eq!(paths.home, Path::new("/Users/ann"));
    }

    #[test]
    fn the_flag_moves_what_the_variable_does_not() {
        let paths = resolved(&[("OPENCLAW_PROFILE", "rescue")], None, &[]);
        assert_eq!(paths.state_dir, Path::new("/Users/ann/.openclaw"));
        assert_eq!(paths.profile.as_deref(), Some("rescue"));

        let paths = resolved(&[], Some("rescue"), &[]);
        let expected = ("/Users/ann/.openclaw-rescue", "/Users/ann/.openclaw-rescue/openclaw.json");
        assert_eq!(state_and_config(&paths), expected);
        assert_eq!(paths.state_dir_source, StateDirSource::ProfileFlag);

        let paths = resolved(&[("OPENCLAW_STATE_DIR", "/srv/oc")], Some("rescue"), &[]);
        assert_eq!(state_and_config(&paths), ("/srv/oc", "/srv/oc/openclaw.json"));

        let inherited = [
            ("OPENCLAW_PROFILE", "one"),
            ("OPENCLAW_STATE_DIR", "/Users/ann/.openclaw-one"),
            ("OPENCLAW_CONFIG_PATH", "/Users/ann/.openclaw-one/openclaw.json"),
        ];
        let paths = resolved(&inherited, Some("two"), &[]);
        assert_eq!(state_and_config(&paths), ("/Users/ann/.openclaw-two", "/Users/ann/.openclaw-two/openclaw.json"));
    }

    #[test]
    fn dev_sets_the_port() {
        let environment = Environment::default();
        let inputs =
            PathInputs { environment: &environment, account_home: Path::new("/h"), working_directory: Path::new("/") };
        let environment = apply_profile_flag(&inputs, Some("dev")).unwrap();
        assert_eq!(environment.text(environment::GATEWAY_PORT), Some("19001"));
        assert!(apply_profile_flag(&inputs, Some("../x")).is_err());
    }

    #[test]
    fn include_roots_are_absolute_and_single() {
        let paths = resolved(&[("OPENCLAW_INCLUDE_ROOTS", "~/shared: :/etc/oc:/etc/./oc")], None, &[]);
        assert_eq!(paths.include_roots, [Path::new("/Users/ann/shared"), Path::new("/etc/oc")]);
        let many: Vec<String> = (0..1000).map(|number| format!("/{number}")).collect();
        let paths = resolved(&[("OPENCLAW_INCLUDE_ROOTS", &many.join(":"))], None, &[]);
        assert_eq!(paths.include_roots.len(), MAX_INCLUDE_ROOTS);
    }
}
