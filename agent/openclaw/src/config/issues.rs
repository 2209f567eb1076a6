//! What OpenClaw would refuse, change or overlook in a configuration, as far as gateway and credentials go.

use serde_json::Value;

use super::{Config, Origin};
use crate::log::redact;

/// What is wrong with a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum IssueKind {
    /// The key was moved or dropped in an earlier release.
    Retired,
    /// OpenClaw 2026.9 does not know the key.
    Unknown,
    /// The value is of another type, or not one of the accepted words.
    BadValue,
    /// The value is an old spelling that OpenClaw rewrites.
    OldValue,
    /// The object has the key twice; the last one counts.
    Duplicate,
}

/// A remark on one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigIssue {
    /// What is wrong.
    pub kind: IssueKind,
    /// The key, as `gateway.auth.token`.
    pub key: String,
    /// Where it stands.
    pub origin: Option<Origin>,
    /// Whether OpenClaw 2026.9 refuses to start for it, with status 78.
    pub refused: bool,
    /// One clause on what to do or what happens.
    pub message: String,
}

/// Objects whose keys OpenClaw checks against a list, as far as they matter here. Lists are those of 2026.9.6.
const STRICT: [(&[&str], &[&str]); 8] = [
    (
        &["gateway"],
        &[
            "allowRealIpFallback",
            "auth",
            "bind",
            "cliAgents",
            "controlUi",
            "customBindHost",
            "http",
            "mode",
            "nodes",
            "port",
            "portals",
            "publicOrigin",
            "push",
            "reload",
            "remote",
            "roles",
            "tailscale",
            "terminal",
            "tls",
            "tools",
            "trustedProxies",
        ],
    ),
    (
        &["gateway", "auth"],
        &["allowTailscale", "identityScopes", "mode", "password", "rateLimit", "token", "trustedProxy"],
    ),
    (
        &["gateway", "remote"],
        &[
            "edgeAuth",
            "password",
            "remotePort",
            "sshHostKeyPolicy",
            "sshIdentity",
            "sshTarget",
            "tlsFingerprint",
            "token",
            "transport",
            "url",
        ],
    ),
    (&["gateway", "auth", "rateLimit"], &["exemptLoopback", "lockoutMs", "maxAttempts", "windowMs"]),
    (&["gateway", "tailscale"], &["mode", "preserveFunnel"]),
    (&["gateway", "reload"], &["mode"]),
    (&["secrets"], &["defaults", "egressProxy", "providers"]),
    (&["env"], &["shellEnv", "vars"]),
];

/// Keys that had a meaning once, what to do about them, and whether OpenClaw refuses them.
const RETIRED: [(&[&str], &str, bool); 5] = [
    (&["gateway", "token"], "use `gateway.auth.token`", true),
    (&["gateway", "password"], "use `gateway.auth.password`", true),
    (&["gateway", "webchat"], "run `openclaw doctor --fix`", true),
    (&["gateway", "tailscale", "resetOnExit"], "run `openclaw doctor --fix`", true),
    (&["gateway", "controlUi", "dangerouslyDisableDeviceAuth"], "it is ignored", false),
];

/// Keys with a fixed set of words.
const WORDS: [(&[&str], &[&str]); 5] = [
    (&["gateway", "mode"], &["local", "remote"]),
    (&["gateway", "auth", "mode"], &["none", "token", "password", "trusted-proxy"]),
    (&["gateway", "tailscale", "mode"], &["off", "serve", "funnel"]),
    (&["gateway", "reload", "mode"], &["off", "hybrid"]),
    (&["gateway", "remote", "transport"], &["ssh", "direct"]),
];

const BIND_WORDS: [&str; 5] = ["auto", "loopback", "lan", "tailnet", "custom"];
const OLD_BIND_WORDS: [&str; 6] = ["0.0.0.0", "::", "[::]", "localhost", "127.0.0.1", "::1"];

/// Forms of values.
#[derive(Clone, Copy)]
enum Form {
    Flag,
    Text,
    Texts,
    Object,
}

impl Form {
    fn name(self) -> &'static str {
        match self {
            Self::Flag => "`true` or `false`",
            Self::Text => "a text",
            Self::Texts => "a list of texts",
            Self::Object => "an object",
        }
    }

    /// What stands for a variable is a text, before and after it is replaced.
    fn takes(self, value: &Value) -> bool {
        match self {
            Self::Flag => value.is_boolean(),
            Self::Text => value.is_string(),
            Self::Texts => value.as_array().is_some_and(|all| all.iter().all(Value::is_string)),
            Self::Object => value.is_object(),
        }
    }
}

/// Keys whose values have to be of one form, as far as they decide how a gateway is reached.
const FORMS: [(Form, &[&[&str]]); 4] = [
    (
        Form::Flag,
        &[&["gateway", "allowRealIpFallback"], &["gateway", "controlUi", "enabled"], &["gateway", "tls", "enabled"]],
    ),
    (
        Form::Text,
        &[
            &["gateway", "customBindHost"],
            &["gateway", "publicOrigin"],
            &["gateway", "remote", "url"],
            &["gateway", "tls", "certPath"],
            &["logging", "file"],
        ],
    ),
    (Form::Texts, &[&["gateway", "controlUi", "allowedOrigins"], &["gateway", "trustedProxies"]]),
    (
        Form::Object,
        &[
            &["channels"],
            &["gateway"],
            &["gateway", "auth"],
            &["gateway", "controlUi"],
            &["gateway", "remote"],
            &["gateway", "tls"],
        ],
    ),
];

/// Most keys of one object that are named: OpenClaw refuses the first as it does all of them.
const MAX_UNKNOWN: usize = 32;
/// Most duplicates that are named.
const MAX_DUPLICATES: usize = 64;
/// Longest key that is shown, in bytes.
const MAX_KEY_BYTES: usize = 200;

pub(super) fn find(config: &Config) -> Vec<ConfigIssue> {
    let mut issues = duplicates(config);
    for (path, advice, refused) in RETIRED {
        if config.value_at(path).is_some() {
            issues.push(issue(config, IssueKind::Retired, path, refused, advice.to_owned()));
        }
    }
    for (path, known) in STRICT {
        issues.extend(unknown_keys(config, path, known));
    }
    for (path, words) in WORDS {
        if config.value_at(path).is_some_and(|value| !is_one_of(value, words)) {
            let message = format!("expected one of `{}`", words.join("`, `"));
            issues.push(issue(config, IssueKind::BadValue, path, true, message));
        }
    }
    for (form, paths) in FORMS {
        for path in paths {
            if config.value_at(path).is_some_and(|value| !form.takes(value)) {
                issues.push(issue(config, IssueKind::BadValue, path, true, format!("expected {}", form.name())));
            }
        }
    }
    issues.extend(auth_mode(config));
    issues.extend(bind(config));
    issues.extend(port(config));
    for key in ["token", "password"] {
        for parent in ["auth", "remote"] {
            let path = ["gateway", parent, key];
            if config.value_at(&path).is_some_and(|value| !matches!(value, Value::String(_) | Value::Object(_))) {
                let message = "expected a string or a secret reference".to_owned();
                issues.push(issue(config, IssueKind::BadValue, &path, true, message));
            }
        }
    }
    issues
}

fn duplicates(config: &Config) -> Vec<ConfigIssue> {
    let found = config.files.iter().flat_map(|file| file.duplicates.iter().map(move |duplicate| (file, duplicate)));
    found
        .take(MAX_DUPLICATES)
        .map(|(file, duplicate)| ConfigIssue {
            kind: IssueKind::Duplicate,
            key: redact(&duplicate.path.join("."), MAX_KEY_BYTES),
            origin: Some(Origin { file: file.path.clone(), position: duplicate.again }),
            refused: false,
            message: format!("hides the same key in line {}", duplicate.first.line),
        })
        .collect()
}

fn unknown_keys(config: &Config, path: &[&str], known: &[&str]) -> Vec<ConfigIssue> {
    let Some(Value::Object(object)) = config.value_at(path) else {
        return Vec::new();
    };
    let unknown: Vec<Vec<&str>> = object
        .keys()
        .filter(|key| !known.contains(&key.as_str()))
        .map(|key| [path, &[key.as_str()]].concat())
        .filter(|path| !RETIRED.iter().any(|(retired, ..)| retired == path))
        .collect();
    let message = "OpenClaw 2026.9 does not know it";
    let named = unknown.iter().take(MAX_UNKNOWN);
    let mut issues: Vec<ConfigIssue> =
        named.map(|path| issue(config, IssueKind::Unknown, path, true, message.to_owned())).collect();
    let others = unknown.len() - issues.len();
    if let Some(last) = issues.last_mut().filter(|_| others > 0) {
        last.message = format!("{message}, nor {others} others beside it");
    }
    issues
}

/// With a token and a password, the mode has to be said.
fn auth_mode(config: &Config) -> Option<ConfigIssue> {
    let is_set = |key: &str| {
        config.value_at(&["gateway", "auth", key]).is_some_and(|value| match value {
            Value::String(text) => !text.trim().is_empty(),
            other => other.is_object(),
        })
    };
    let path = ["gateway", "auth", "mode"];
    let is_open = is_set("token") && is_set("password") && config.value_at(&path).is_none();
    let message = "token and password are both there: it has to be `token` or `password`".to_owned();
    is_open.then(|| ConfigIssue {
        origin: config.origin_of(&["gateway", "auth", "password"]).cloned(),
        ..issue(config, IssueKind::BadValue, &path, true, message)
    })
}

fn bind(config: &Config) -> Option<ConfigIssue> {
    let path = ["gateway", "bind"];
    let value = config.value_at(&path)?;
    if is_one_of(value, &BIND_WORDS) {
        return None;
    }
    if is_one_of(value, &OLD_BIND_WORDS) {
        let message = "OpenClaw rewrites it to a bind mode".to_owned();
        return Some(issue(config, IssueKind::OldValue, &path, false, message));
    }
    let message = format!("expected one of `{}`", BIND_WORDS.join("`, `"));
    Some(issue(config, IssueKind::BadValue, &path, true, message))
}

fn port(config: &Config) -> Option<ConfigIssue> {
    let path = ["gateway", "port"];
    let value = config.value_at(&path)?;
    let valid = value.as_u64().is_some_and(|port| (1..=65_535).contains(&port));
    let message = "expected a number from 1 to 65535".to_owned();
    (!valid).then(|| issue(config, IssueKind::BadValue, &path, !value.is_number(), message))
}

/// Whether a value is one of some words. One with a variable in it is given the benefit of the doubt.
fn is_one_of(value: &Value, words: &[&str]) -> bool {
    value.as_str().is_some_and(|text| words.contains(&text) || !super::references(text).is_empty())
}

fn issue(config: &Config, kind: IssueKind, path: &[&str], refused: bool, message: String) -> ConfigIssue {
    let key = redact(&path.join("."), MAX_KEY_BYTES);
    ConfigIssue { kind, key, origin: config.origin_of(path).cloned(), refused, message }
}
