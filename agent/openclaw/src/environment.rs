//! Environment variables that OpenClaw, its service managers and this project read, and a set of them that keeps
//! values out of sight.

use std::collections::{BTreeMap, BTreeSet};

use secrecy::{ExposeSecret, SecretString};

/// State directory; a leading `~` is expanded.
pub const STATE_DIR: &str = "OPENCLAW_STATE_DIR";
/// Configuration file; a leading `~` is expanded.
pub const CONFIG_PATH: &str = "OPENCLAW_CONFIG_PATH";
/// Replaces `HOME` when OpenClaw derives default paths.
pub const OPENCLAW_HOME: &str = "OPENCLAW_HOME";
/// Profile name: default port, log file name and service label; alone it does not move the state directory.
pub const PROFILE: &str = "OPENCLAW_PROFILE";
/// Port of the gateway, `19999` or `host:19999`.
pub const GATEWAY_PORT: &str = "OPENCLAW_GATEWAY_PORT";
/// Shared token of gateway and clients.
pub const GATEWAY_TOKEN: &str = "OPENCLAW_GATEWAY_TOKEN";
/// Shared password of gateway and clients; with no `gateway.auth.mode` its presence turns the mode to `password`.
pub const GATEWAY_PASSWORD: &str = "OPENCLAW_GATEWAY_PASSWORD";
/// Gateway URL of clients; credentials of the configuration are then refused.
pub const GATEWAY_URL: &str = "OPENCLAW_GATEWAY_URL";
/// `1` skips the lock per configuration file.
pub const ALLOW_MULTI_GATEWAY: &str = "OPENCLAW_ALLOW_MULTI_GATEWAY";
/// `openclaw` in a process that a service manager runs.
pub const SERVICE_MARKER: &str = "OPENCLAW_SERVICE_MARKER";
/// `gateway` or `node`.
pub const SERVICE_KIND: &str = "OPENCLAW_SERVICE_KIND";
/// Process id of the gateway that a service manager runs, inherited by its children.
pub const GATEWAY_SERVICE_PID: &str = "OPENCLAW_GATEWAY_SERVICE_PID";
/// Names that the service environment file copied from the state directory's `.env`, joined by commas.
pub const SERVICE_MANAGED_ENV_KEYS: &str = "OPENCLAW_SERVICE_MANAGED_ENV_KEYS";
/// Version of the installed service.
pub const SERVICE_VERSION: &str = "OPENCLAW_SERVICE_VERSION";
/// `external` when another manager owns the lifecycle.
pub const SUPERVISOR_MODE: &str = "OPENCLAW_SUPERVISOR_MODE";
/// `external` when doctor must not touch services.
pub const SERVICE_REPAIR_POLICY: &str = "OPENCLAW_SERVICE_REPAIR_POLICY";
/// Label of the launchd job.
pub const LAUNCHD_LABEL: &str = "OPENCLAW_LAUNCHD_LABEL";
/// Name of the systemd unit.
pub const SYSTEMD_UNIT: &str = "OPENCLAW_SYSTEMD_UNIT";
/// Prefix of log lines; `node` for the node host.
pub const LOG_PREFIX: &str = "OPENCLAW_LOG_PREFIX";
/// Level of log file and console.
pub const LOG_LEVEL: &str = "OPENCLAW_LOG_LEVEL";
/// Handshake window before authentication, in milliseconds.
pub const HANDSHAKE_TIMEOUT_MS: &str = "OPENCLAW_HANDSHAKE_TIMEOUT_MS";
/// Limit of unauthenticated connections per address.
pub const MAX_PREAUTH_CONNECTIONS_PER_IP: &str = "OPENCLAW_MAX_PREAUTH_CONNECTIONS_PER_IP";
/// `1` restarts in process.
pub const NO_RESPAWN: &str = "OPENCLAW_NO_RESPAWN";
/// `1` starts no channel.
pub const SKIP_CHANNELS: &str = "OPENCLAW_SKIP_CHANNELS";
/// `1` starts no channel either.
pub const SKIP_PROVIDERS: &str = "OPENCLAW_SKIP_PROVIDERS";
/// `1` lets a release start with a configuration that a newer one wrote; of no effect on a service.
pub const ALLOW_OLDER: &str = "OPENCLAW_ALLOW_OLDER_BINARY_DESTRUCTIVE_ACTIONS";
/// `1` lets clients use `ws://` to host names that are not known to be private.
pub const ALLOW_INSECURE_PRIVATE_WS: &str = "OPENCLAW_ALLOW_INSECURE_PRIVATE_WS";
/// `1` forbids changes of the configuration.
pub const CONFIG_READONLY: &str = "OPENCLAW_CONFIG_READONLY";
/// Directories besides the configuration's own that `$include` may reach, joined by colons.
pub const INCLUDE_ROOTS: &str = "OPENCLAW_INCLUDE_ROOTS";
/// `1` under Nix.
pub const NIX_MODE: &str = "OPENCLAW_NIX_MODE";
/// Not read by OpenClaw: the bind mount's source in its Compose file.
pub const COMPOSE_CONFIG_DIR: &str = "OPENCLAW_CONFIG_DIR";

/// The user's home directory.
pub const HOME: &str = "HOME";
/// The user's login name.
pub const USER: &str = "USER";
/// Directory for temporary files.
pub const TMPDIR: &str = "TMPDIR";
/// Configuration directory of the desktop standard.
pub const XDG_CONFIG_HOME: &str = "XDG_CONFIG_HOME";
/// Runtime directory of the desktop standard.
pub const XDG_RUNTIME_DIR: &str = "XDG_RUNTIME_DIR";
/// launchd: label of the job that started the process.
pub const XPC_SERVICE_NAME: &str = "XPC_SERVICE_NAME";
/// launchd: label, as older jobs have it.
pub const LAUNCH_JOB_LABEL: &str = "LAUNCH_JOB_LABEL";
/// launchd: name, as older jobs have it.
pub const LAUNCH_JOB_NAME: &str = "LAUNCH_JOB_NAME";
/// systemd: id of this run of the unit.
pub const INVOCATION_ID: &str = "INVOCATION_ID";
/// systemd: the process id it started.
pub const SYSTEMD_EXEC_PID: &str = "SYSTEMD_EXEC_PID";
/// systemd: device and inode of the journal's stream.
pub const JOURNAL_STREAM: &str = "JOURNAL_STREAM";
/// Kubernetes sets it in every container.
pub const KUBERNETES_SERVICE_HOST: &str = "KUBERNETES_SERVICE_HOST";
/// Any value forbids coloured output.
pub const NO_COLOR: &str = "NO_COLOR";

/// Node.js: a file of further authorities.
pub const NODE_EXTRA_CA_CERTS: &str = "NODE_EXTRA_CA_CERTS";
/// Node.js: `1` lets the authorities of the system count.
pub const NODE_USE_SYSTEM_CA: &str = "NODE_USE_SYSTEM_CA";
/// Node.js: `0` takes every certificate.
pub const NODE_TLS_REJECT_UNAUTHORIZED: &str = "NODE_TLS_REJECT_UNAUTHORIZED";
/// Node.js: options, as on its command line.
pub const NODE_OPTIONS: &str = "NODE_OPTIONS";

const RELEVANT: [&str; 17] = [
    HOME,
    USER,
    TMPDIR,
    XDG_CONFIG_HOME,
    XDG_RUNTIME_DIR,
    XPC_SERVICE_NAME,
    LAUNCH_JOB_LABEL,
    LAUNCH_JOB_NAME,
    INVOCATION_ID,
    SYSTEMD_EXEC_PID,
    JOURNAL_STREAM,
    KUBERNETES_SERVICE_HOST,
    NO_COLOR,
    NODE_EXTRA_CA_CERTS,
    NODE_USE_SYSTEM_CA,
    NODE_TLS_REJECT_UNAUTHORIZED,
    NODE_OPTIONS,
];

/// The variable that keeps a gateway with this environment from starting any channel, where one does: `true`, `1`, `yes` and `on` count.
pub fn channels_skipped<'a>(lookup: impl Fn(&'static str) -> Option<&'a SecretString>) -> Option<&'static str> {
    [SKIP_CHANNELS, SKIP_PROVIDERS].into_iter().find(|name| {
        let value = lookup(name).map(|value| value.expose_secret().trim().to_ascii_lowercase());
        matches!(value.as_deref(), Some("true" | "1" | "yes" | "on"))
    })
}

/// Whether a release with this environment starts with a configuration that a newer one wrote: `true`, `1` and `yes` count.
pub fn older_allowed<'a>(lookup: impl Fn(&'static str) -> Option<&'a SecretString>) -> bool {
    let value = lookup(ALLOW_OLDER).map(|value| value.expose_secret().trim().to_ascii_lowercase());
    matches!(value.as_deref(), Some("true" | "1" | "yes"))
}

/// Prefixes of names that are kept: today's name and the two former ones, which are ignored by OpenClaw but worth a
/// remark.
const RELEVANT_PREFIXES: [&str; 3] = ["OPENCLAW_", "CLAWDBOT_", "MOLTBOT_"];

/// Whether a variable of this name is kept by [`Environment::from_pairs`].
pub fn is_relevant(name: &str) -> bool {
    RELEVANT.contains(&name) || RELEVANT_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// A set of environment variables. Its `Debug` shows names only.
#[derive(Clone, Default)]
pub struct Environment {
    variables: BTreeMap<String, SecretString>,
}

impl Environment {
    /// Keeps the variables that matter ([`is_relevant`]) and drops the rest.
    pub fn from_pairs(pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        Self::selected(pairs, is_relevant)
    }

    /// Keeps the variables that matter and those in `names`, which a configuration refers to.
    pub fn with_names(pairs: impl IntoIterator<Item = (String, String)>, names: &BTreeSet<String>) -> Self {
        Self::selected(pairs, |name| is_relevant(name) || names.contains(name))
    }

    /// Keeps all variables, for small sets whose every member counts (dotenv files).
    pub fn all(pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        Self::selected(pairs, |_| true)
    }

    fn selected(pairs: impl IntoIterator<Item = (String, String)>, keep: impl Fn(&str) -> bool) -> Self {
        let variables = pairs
            .into_iter()
            .filter(|(name, _)| keep(name))
            .map(|(name, value)| (name, SecretString::from(value)))
            .collect();
        Self { variables }
    }

    /// The value of a variable, as it stands, possibly empty.
    pub fn get(&self, name: &str) -> Option<&SecretString> {
        self.variables.get(name)
    }

    /// The value of a variable that holds no secret, trimmed; `None` if it is missing or blank.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name).map(|value| value.expose_secret().trim()).filter(|value| !value.is_empty())
    }

    /// The value of a variable, trimmed; `None` if it is missing or blank.
    pub fn secret(&self, name: &str) -> Option<SecretString> {
        self.text(name).map(SecretString::from)
    }

    /// Whether a switch is on, which OpenClaw writes as `1`.
    pub fn is_one(&self, name: &str) -> bool {
        self.text(name) == Some("1")
    }

    /// Sets a variable.
    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        self.variables.insert(name.to_owned(), SecretString::from(value.into()));
    }

    /// Removes a variable.
    pub fn remove(&mut self, name: &str) {
        self.variables.remove(name);
    }

    /// The names present, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.variables.keys().map(String::as_str)
    }

    /// Whether there is no variable.
    pub fn is_empty(&self) -> bool {
        self.variables.is_empty()
    }
}

impl std::fmt::Debug for Environment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.variables.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
        list.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn keeps_what_matters_and_hides_values() {
        let list = pairs(&[("OPENCLAW_GATEWAY_TOKEN", "s3cret"), ("PATH", "/bin"), ("MY_TOKEN", "other")]);
        let environment = Environment::from_pairs(list.clone());
        assert_eq!(environment.names().collect::<Vec<_>>(), ["OPENCLAW_GATEWAY_TOKEN"]);
        assert_eq!(format!("{environment:?}"), "{\"OPENCLAW_GATEWAY_TOKEN\"}");

        let named = Environment::with_names(list, &BTreeSet::from(["MY_TOKEN".to_owned()]));
        assert_eq!(named.text("MY_TOKEN"), Some("other"));
        assert_eq!(named.text("PATH"), None);
    }

    #[test]
    fn a_blank_value_is_present_but_says_nothing() {
        let environment = Environment::from_pairs(pairs(&[("OPENCLAW_GATEWAY_TOKEN", "  ")]));
        assert!(environment.get(GATEWAY_TOKEN).is_some());
        assert!(environment.secret(GATEWAY_TOKEN).is_none());
    }
}
