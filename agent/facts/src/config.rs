//! A configuration as the snapshot keeps it: what rules need, and no secret.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use portreeve_core::snapshot::{ConfigFacts, ConfigProblem};
use portreeve_core::{Fact, FingerprintKey};
use portreeve_openclaw::config::{self, Config, ConfigError, LoadOptions, Lookup};
use portreeve_openclaw::environment;
use portreeve_openclaw::file::{ReadError, Reader};

use crate::file::{chain, stat};

/// A configuration that was looked for.
#[derive(Debug)]
pub struct Loaded {
    /// Its content; none where it is missing or does not parse.
    pub config: Option<Config>,
    /// Why there is no content; none where there is, or where the file is missing.
    error: Option<ConfigError>,
    path: PathBuf,
}

impl Loaded {
    /// Reads a configuration with its includes, on behalf of its owner.
    pub fn read(path: &Path, reader: &Reader, include_roots: &[PathBuf]) -> Self {
        let options = LoadOptions { include_roots, ..LoadOptions::new(reader) };
        match config::load(path, &options) {
            Ok(config) => Self { config: Some(config), error: None, path: path.to_owned() },
            Err(error) if error.is_missing() => Self { config: None, error: None, path: path.to_owned() },
            Err(error) => Self { config: None, error: Some(error), path: path.to_owned() },
        }
    }

    /// The same of a file of a container that is looked at from outside, where its links may lead elsewhere.
    pub fn read_from_outside(path: &Path, reader: &Reader) -> Self {
        let loaded = Self::read(path, reader, &[]);
        if loaded.error.as_ref().is_some_and(ConfigError::is_dangling) { Self::nothing(path) } else { loaded }
    }

    /// A configuration that is not there, or that nobody looks at.
    pub fn nothing(path: &Path) -> Self {
        Self { config: None, error: None, path: path.to_owned() }
    }

    /// Whether there is a file, be it broken.
    pub fn exists(&self) -> bool {
        self.config.is_some() || self.error.is_some()
    }

    /// Newest modification of the file and its includes.
    pub fn modified(&self) -> Option<Timestamp> {
        self.config.as_ref()?.files().iter().map(|file| file.meta.modified).max()
    }

    /// The facts.
    pub fn facts(&self, lookup: &dyn Lookup, key: &FingerprintKey, at: Timestamp) -> Fact<ConfigFacts> {
        let source = self.path.to_string_lossy().into_owned();
        match (&self.config, &self.error) {
            (Some(config), _) => Fact::known(facts(config, lookup, key), source, at),
            (None, None) => Fact::absent(source, at),
            (None, Some(error)) => broken(&self.path, error, source, at),
        }
    }
}

fn facts(config: &Config, lookup: &dyn Lookup, key: &FingerprintKey) -> ConfigFacts {
    let gateway = config.gateway(lookup);
    let problems = config.issues().iter().map(|issue| ConfigProblem {
        path: issue.origin.as_ref().map_or_else(|| config.path(), |origin| &origin.file).to_string_lossy().into_owned(),
        line: issue.origin.as_ref().and_then(|origin| u32::try_from(origin.position.line).ok()),
        column: issue.origin.as_ref().and_then(|origin| u32::try_from(origin.position.column).ok()),
        message: format!("`{}` {}", issue.key, issue.message),
        fatal: issue.refused,
    });
    let has_origins = config.value_at(&["gateway", "controlUi", "allowedOrigins"]).is_some();
    ConfigFacts {
        path: config.path().to_string_lossy().into_owned(),
        modified: config.files().iter().map(|file| file.meta.modified).max().unwrap_or(Timestamp::UNIX_EPOCH),
        hash: None,
        fingerprint: Some(key.fingerprint(&config.content())),
        problems: problems.collect(),
        mode: gateway.mode.map(|mode| mode.as_str().to_owned()),
        port: gateway.port,
        bind: gateway.bind.map(|bind| bind.as_str().to_owned()),
        tls: gateway.tls.enabled,
        auth_mode: gateway.auth_mode.map(|mode| mode.as_str().to_owned()),
        allowed_origins: has_origins.then_some(gateway.control_ui.allowed_origins),
        origin_by_host: gateway.control_ui.origin_by_host,
        control_ui: gateway.control_ui.enabled.unwrap_or(true),
        trusted_proxies: gateway.trusted_proxies,
        allow_real_ip: gateway.allow_real_ip_fallback,
        remote_url: gateway.remote.url,
        public_origin: gateway.public_origin,
        channels: config
            .channels()
            .into_iter()
            .filter(portreeve_openclaw::config::Channel::is_enabled)
            .map(|channel| channel.id)
            .collect(),
        channels_skipped: environment::channels_skipped(|name| lookup.lookup(name)).map(ToOwned::to_owned),
        has_meta: config.has_meta(),
        last_touched_version: config.last_touched_version().map(ToOwned::to_owned),
        older_allowed: environment::older_allowed(|name| lookup.lookup(name)),
    }
}

/// A file that cannot be used. One that may not be read is a blind spot; one that does not parse is what the gateway meets as well.
fn broken(path: &Path, error: &ConfigError, source: String, at: Timestamp) -> Fact<ConfigFacts> {
    if let ConfigError::Read { source: read, .. } | ConfigError::IncludeRead { source: read, .. } = error
        && let ReadError::Denied { .. } | ReadError::ForeignOwner { .. } = read
    {
        return Fact::denied(chain(error), source, at);
    }
    let position = error.position();
    let problem = ConfigProblem {
        path: match error {
            ConfigError::Syntax { path, .. } | ConfigError::TooDeep { path, .. } => path.as_path(),
            _ => path,
        }
        .to_string_lossy()
        .into_owned(),
        line: position.and_then(|position| u32::try_from(position.line).ok()),
        column: position.and_then(|position| u32::try_from(position.column).ok()),
        message: match error {
            ConfigError::Syntax { problem, .. } => format!("it is not valid JSON5: {problem}"),
            ConfigError::TooDeep { limit, .. } => format!("it nests deeper than {limit} levels"),
            ConfigError::DanglingLink { target, .. } => {
                format!("it is a link to `{}`, where nothing is", target.display())
            }
            _ => chain(error),
        },
        fatal: true,
    };
    let modified = stat(path, at).get().map_or(Timestamp::UNIX_EPOCH, |stat| stat.modified);
    let facts = ConfigFacts {
        path: path.to_string_lossy().into_owned(),
        modified,
        hash: None,
        fingerprint: None,
        problems: vec![problem],
        mode: None,
        port: None,
        bind: None,
        tls: false,
        auth_mode: None,
        allowed_origins: None,
        origin_by_host: false,
        control_ui: true,
        trusted_proxies: Vec::new(),
        allow_real_ip: false,
        remote_url: None,
        public_origin: None,
        channels: Vec::new(),
        channels_skipped: None,
        has_meta: false,
        last_touched_version: None,
        older_allowed: false,
    };
    Fact::known(facts, source, at)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use portreeve_core::Fingerprint;
    use portreeve_openclaw::environment::Environment;

    use super::*;

    fn read(text: &str, key: u8) -> ConfigFacts {
        read_with(text, key, &Environment::default())
    }

    fn read_with(text: &str, key: u8, environment: &Environment) -> ConfigFacts {
        let dir = tempfile::tempdir().unwrap();
        let home = dir.path().canonicalize().unwrap();
        let path = home.join("openclaw.json");
        fs::write(&path, text).unwrap();
        let loaded = Loaded::read(&path, &Reader::for_self(Some(home)), &[]);
        let key = FingerprintKey::new(&[key; 32]).unwrap();
        let facts = loaded.facts(environment, &key, Timestamp::UNIX_EPOCH);
        facts.get().unwrap().clone()
    }

    fn fingerprint(text: &str, key: u8) -> Option<Fingerprint> {
        read(text, key).fingerprint
    }

    #[test]
    fn a_trusted_proxy_names_its_client_in_x_real_ip_only_where_that_is_switched_on() {
        assert!(read("{ gateway: { trustedProxies: ['10.0.0.1'], allowRealIpFallback: true } }", 1).allow_real_ip);
        assert!(!read("{ gateway: { trustedProxies: ['10.0.0.1'] } }", 1).allow_real_ip);
        assert!(!read("{ gateway: ", 1).allow_real_ip);
    }

    #[test]
    fn a_link_to_nothing_is_a_configuration_that_no_gateway_takes() {
        let dir = tempfile::tempdir().unwrap();
        let home = dir.path().canonicalize().unwrap();
        let path = home.join("openclaw.json");
        let reader = Reader::for_self(Some(home));
        assert!(!Loaded::read(&path, &reader, &[]).exists());
        std::os::unix::fs::symlink("dotfiles/openclaw.json", &path).unwrap();
        let loaded = Loaded::read(&path, &reader, &[]);
        assert!(loaded.exists() && loaded.config.is_none());
        let key = FingerprintKey::new(&[1; 32]).unwrap();
        let facts = loaded.facts(&Environment::default(), &key, Timestamp::UNIX_EPOCH);
        let problem = &facts.get().unwrap().problems[0];
        assert!(problem.fatal);
        assert_eq!(problem.message, "it is a link to `dotfiles/openclaw.json`, where nothing is");
        assert!(!Loaded::read_from_outside(&path, &reader).exists());
    }

    #[test]
    fn a_variable_lets_an_older_release_start() {
        let allowed = |value: &str| {
            let name = "OPENCLAW_ALLOW_OLDER_BINARY_DESTRUCTIVE_ACTIONS".to_owned();
            read_with("{}", 1, &Environment::all([(name, value.to_owned())])).older_allowed
        };
        assert!(allowed("1") && allowed("Yes") && !allowed("0") && !allowed("on"));
        assert!(!read("{}", 1).older_allowed);
    }

    #[test]
    fn a_variable_that_keeps_channels_from_starting_is_named() {
        let skipped = |name: &str, value: &str| {
            let environment = Environment::all([(name.to_owned(), value.to_owned())]);
            read_with("{ channels: { telegram: {} } }", 1, &environment).channels_skipped
        };
        assert_eq!(skipped("OPENCLAW_SKIP_CHANNELS", "1").as_deref(), Some("OPENCLAW_SKIP_CHANNELS"));
        assert_eq!(skipped("OPENCLAW_SKIP_PROVIDERS", " Yes").as_deref(), Some("OPENCLAW_SKIP_PROVIDERS"));
        for value in ["0", "false", "", "2"] {
            assert_eq!(skipped("OPENCLAW_SKIP_CHANNELS", value), None, "{value}");
        }
        assert_eq!(skipped("OPENCLAW_SKIP_CRON", "1"), None);
        assert_eq!(read("{ gateway: ", 1).channels_skipped, None);
    }

    #[test]
    fn a_configuration_is_fingerprinted_by_what_it_sets() {
        let written = r#"{ "meta": { "lastTouchedAt": "2026-11-01" }, "gateway": { "port": 18789, "auth": { "token": "one" } } }"#;
        let by_hand = "{ // the same\n  gateway: { auth: { token: 'one' }, port: 18789 },\n}";
        let seen = fingerprint(written, 1).unwrap();
        assert_eq!(fingerprint(by_hand, 1).unwrap(), seen, "comments, order and dates set nothing");
        assert_ne!(fingerprint(&by_hand.replace("one", "two"), 1).unwrap(), seen);
        assert_ne!(fingerprint(written, 2).unwrap(), seen, "another node has another key");
        assert_eq!(fingerprint("{ gateway: ", 1), None);
    }
}
