//! Which credential a gateway accepts, and which one each kind of client sends.
//!
//! Every place where a token or password may stand is listed, in the order in which the real program looks, with the
//! reason why it wins, loses, is not looked at, or cannot be resolved. The order differs by reader: gateway and
//! command line take the configuration before the environment, a node host the environment before the configuration,
//! and with a URL override configured credentials do not count at all. Orders are those of OpenClaw 2026.9.

mod client;
mod gateway;
mod ladder;
mod layers;
mod quality;
mod secret_ref;
mod trust;
mod url;
mod variables;

use std::fmt;

use secrecy::SecretString;
use serde::Serialize;

pub use client::{ClientAuth, ClientInputs, ClientKind, NodeTarget, Surface, Target, UrlSource, resolve_client};
pub use gateway::{GatewayAuth, GatewayInputs, ModeReason, resolve_gateway};
pub use layers::{EnvironmentFile, EnvironmentFileError, EnvironmentFileKind, EnvironmentLayers, ProcessLayer};
pub use quality::{MIN_ENTROPY_BITS, MIN_LENGTH, Placeholder, Quality, assess};
pub use secret_ref::{SecretRef, SecretResolver, SecretSource, UnresolvedReason};
pub use trust::Trust;
pub use url::{GatewayUrl, PlaintextVerdict, UrlError, parse_url};
pub use variables::{is_portable_name, parse_dotenv};

pub(crate) use secret_ref::shorthand_name;

use crate::config::AuthMode;

/// Which of the two shared secrets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Slot {
    /// The token.
    Token,
    /// The password.
    Password,
}

impl Slot {
    /// The environment variable of the slot.
    pub fn variable(self) -> &'static str {
        match self {
            Self::Token => crate::environment::GATEWAY_TOKEN,
            Self::Password => crate::environment::GATEWAY_PASSWORD,
        }
    }

    /// The key below `gateway.auth` and `gateway.remote`.
    pub fn key(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Password => "password",
        }
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.key())
    }
}

/// A kind of place where a credential may stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SourceKind {
    /// `--token`, `--password`.
    Flag,
    /// `gateway.auth.*`.
    AuthConfig,
    /// `gateway.remote.*`.
    RemoteConfig,
    /// The process's environment.
    Process,
    /// The environment file of a launchd job.
    ServiceEnvFile,
    /// An `EnvironmentFile` of a systemd unit.
    SystemdEnvFile,
    /// `<state>/.env`.
    StateDotenv,
    /// `~/.config/openclaw/gateway.env`.
    GatewayDotenv,
    /// `env.vars` of the configuration.
    ConfigEnvVars,
    /// The device token in the client's state database.
    DeviceToken,
}

impl SourceKind {
    /// Whether the source is an environment variable for the reader, wherever it was set.
    pub fn is_environment(self) -> bool {
        match self {
            Self::Process
            | Self::ServiceEnvFile
            | Self::SystemdEnvFile
            | Self::StateDotenv
            | Self::GatewayDotenv
            | Self::ConfigEnvVars => true,
            Self::Flag | Self::AuthConfig | Self::RemoteConfig | Self::DeviceToken => false,
        }
    }
}

impl fmt::Display for SourceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Flag => "the command line",
            Self::AuthConfig => "`gateway.auth`",
            Self::RemoteConfig => "`gateway.remote`",
            Self::Process => "the process environment",
            Self::ServiceEnvFile => "the service environment file",
            Self::SystemdEnvFile => "the unit's `EnvironmentFile`",
            Self::StateDotenv => "the state directory's `.env`",
            Self::GatewayDotenv => "`gateway.env`",
            Self::ConfigEnvVars => "`env.vars`",
            Self::DeviceToken => "the stored device token",
        })
    }
}

/// Why a source that has a value does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LossReason {
    /// Another source comes first.
    After(SourceKind),
    /// The authentication mode in force uses the other secret or none.
    OtherMode(AuthMode),
    /// The process has got this very value already: this is where it came from.
    Delivered,
    /// The running process holds another value; this one counts after its next start.
    Stale,
    /// A shared secret was found, and then no device token is sent.
    SharedSecret,
}

impl fmt::Display for LossReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::After(kind) => write!(f, "{kind} comes first"),
            Self::OtherMode(mode) => write!(f, "the mode is `{mode}`"),
            Self::Delivered => f.write_str("the process environment has this value from here"),
            Self::Stale => f.write_str("the running process holds another value"),
            Self::SharedSecret => f.write_str("a shared secret is sent instead"),
        }
    }
}

/// Why a source is not looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum NotReadReason {
    /// A credential was given on the command line: nothing else is read.
    FlagGiven,
    /// The URL is overridden: configured credentials belong to another target.
    UrlOverride,
    /// The URL is overridden on the command line: only credentials given there count.
    UrlFlag,
    /// `gateway.remote` is for clients; a gateway that has a `gateway.auth` block takes nothing from it.
    ClientsOnly,
    /// `gateway.remote` is only a fallback for a missing `gateway.auth` value.
    FallbackOnly,
    /// A node host in local mode does not look at `gateway.remote`.
    LocalNodeHost,
    /// In mode `trusted-proxy` there is no fallback to `gateway.remote.password`.
    TrustedProxy,
    /// The variable is set but blank in a source before, which hides the one here.
    BlankBefore,
    /// Values of `env.vars` that refer to variables are ignored.
    RefersToVariable,
    /// The node host was started with credentials from the environment only, or has a device token of its own.
    EnvironmentOnly,
}

impl fmt::Display for NotReadReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::FlagGiven => "a credential is given on the command line",
            Self::UrlOverride => "with a URL override, configured credentials do not count",
            Self::UrlFlag => "with `--url`, only credentials of the command line count",
            Self::ClientsOnly => "a gateway with a `gateway.auth` block takes no credential from `gateway.remote`",
            Self::FallbackOnly => "`gateway.auth` has a value of its own",
            Self::LocalNodeHost => "a local node host does not look at `gateway.remote`",
            Self::TrustedProxy => "in mode `trusted-proxy` it is no fallback",
            Self::BlankBefore => "the variable is set but blank in the process environment",
            Self::RefersToVariable => "`env.vars` values with variables in them are ignored",
            Self::EnvironmentOnly => "this node host takes credentials from the environment only",
        })
    }
}

/// What becomes of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Its value is the one that counts.
    Wins,
    /// It has a value that does not count.
    Loses(LossReason),
    /// It has a value that is not looked at.
    NotRead(NotReadReason),
    /// It names a value that could not be found.
    Unresolved(UnresolvedReason),
}

impl Outcome {
    /// Whether the source's value is the one that counts.
    pub fn wins(&self) -> bool {
        matches!(self, Self::Wins)
    }
}

/// A place with a credential.
#[derive(Debug, Clone)]
pub struct Source {
    /// Token or password.
    pub slot: Slot,
    /// The kind of place.
    pub kind: SourceKind,
    /// Path and key, never the value.
    pub location: String,
    /// The value; none where it is unresolved, and for a device token.
    pub value: Option<SecretString>,
    /// What becomes of it.
    pub outcome: Outcome,
}

/// Why a gateway does not start, or a client does not connect, for its credentials.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Token and password are both configured and no mode chooses.
    #[error("`gateway.auth.token` and `gateway.auth.password` are both configured and `gateway.auth.mode` is not set")]
    AmbiguousMode,
    /// A configured secret does not resolve. The environment is no fallback for it.
    #[error("`{key}` cannot be resolved: {reason}")]
    Unresolved {
        /// The key.
        key: String,
        /// Why.
        reason: UnresolvedReason,
    },
    /// The mode is `password` and there is no password.
    #[error("the mode is `password` and no password is configured")]
    NoPassword,
    /// The value is known to everybody, or is what a redaction leaves behind.
    #[error("the {slot} is {placeholder}")]
    Placeholder {
        /// Which one.
        slot: Slot,
        /// What it is.
        placeholder: Placeholder,
    },
    /// `trusted-proxy` without `gateway.auth.trustedProxy.userHeader`.
    #[error("the mode is `trusted-proxy` and `gateway.auth.trustedProxy.userHeader` is not set")]
    NoTrustedProxy,
    /// `trusted-proxy` beside a token.
    #[error("the mode is `trusted-proxy` and a token is configured as well")]
    TrustedProxyWithToken,
    /// `gateway.auth.mode` is not a known word.
    #[error("`gateway.auth.mode` is not one of `none`, `token`, `password`, `trusted-proxy`")]
    UnknownMode,
    /// The URL is overridden and no credential comes with it.
    #[error("the gateway URL is overridden by {from} and no credential comes with it")]
    UrlOverrideWithoutCredentials {
        /// What overrides it.
        from: UrlSource,
    },
    /// The mode is `remote` and there is no URL.
    #[error("`gateway.mode` is `remote` and `gateway.remote.url` is not set")]
    RemoteUrlMissing,
    /// The URL does not parse.
    #[error("the gateway URL from {from} is not usable")]
    BadUrl {
        /// Where the URL comes from.
        from: UrlSource,
        /// Why.
        #[source]
        error: UrlError,
    },
    /// A `gateway.remote.url` with variables that have no value.
    #[error("the gateway URL from {from} refers to a variable that is not set")]
    UnresolvedUrl {
        /// Where the URL comes from.
        from: UrlSource,
    },
    /// Plain `ws://` to a host that is not known to be private.
    #[error("the gateway URL from {from} is plaintext to a host that is not known to be private")]
    Plaintext {
        /// Where the URL comes from.
        from: UrlSource,
    },
    /// The gateway wants a secret, and neither one nor a device token is there.
    #[error("the gateway wants a {slot}, and there is neither a shared secret nor a device token")]
    NoCredentials {
        /// Which one.
        slot: Slot,
    },
}

#[cfg(test)]
mod tests;
