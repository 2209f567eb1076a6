//! Settings of the gateway that decide how it is reached and who may connect. No secret among them.

use secrecy::ExposeSecret;
use serde::Serialize;
use serde_json::Value;

use super::{Config, Lookup, Text};
use crate::credentials::GatewayUrl;

macro_rules! words {
    ($(#[$outer:meta])* $name:ident { $($(#[$inner:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$outer])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum $name {
            $($(#[$inner])* $variant,)+
            /// A word that OpenClaw 2026.9 does not know.
            Other,
        }

        impl $name {
            /// The variant that a word of the configuration stands for.
            pub fn parse(word: &str) -> Self {
                match word {
                    $($word => Self::$variant,)+
                    _ => Self::Other,
                }
            }

            /// The word of the configuration.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                    Self::Other => "other",
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

words! {
    /// `gateway.mode`. A gateway starts only with `local`.
    GatewayMode {
        /// The gateway runs on this host.
        Local = "local",
        /// The gateway runs elsewhere; this host has clients only.
        Remote = "remote",
    }
}

words! {
    /// `gateway.bind`.
    BindMode {
        /// All addresses in a container, else loopback.
        Auto = "auto",
        /// `127.0.0.1` and `::1`.
        Loopback = "loopback",
        /// All IPv4 addresses.
        Lan = "lan",
        /// The tailnet's address.
        Tailnet = "tailnet",
        /// `gateway.customBindHost`.
        Custom = "custom",
    }
}

words! {
    /// `gateway.auth.mode`.
    AuthMode {
        /// Anybody may connect.
        None = "none",
        /// A shared token.
        Token = "token",
        /// A shared password.
        Password = "password",
        /// A proxy says who connects.
        TrustedProxy = "trusted-proxy",
    }
}

words! {
    /// `gateway.tailscale.mode`.
    TailscaleMode {
        /// Not published.
        Off = "off",
        /// Published in the tailnet.
        Serve = "serve",
        /// Published on the internet.
        Funnel = "funnel",
    }
}

words! {
    /// `gateway.reload.mode`.
    ReloadMode {
        /// Edits wait for a restart.
        Off = "off",
        /// Edits are applied, by a restart where needed.
        Hybrid = "hybrid",
    }
}

words! {
    /// `gateway.remote.transport`.
    RemoteTransport {
        /// Through an SSH tunnel.
        Ssh = "ssh",
        /// To the URL itself.
        Direct = "direct",
    }
}

words! {
    /// `logging.consoleStyle`.
    ConsoleStyle {
        /// For people.
        Pretty = "pretty",
        /// One JSON object a line.
        Json = "json",
    }
}

/// `gateway.auth.rateLimit`, with the defaults filled in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct RateLimitSettings {
    /// Failures before a lockout.
    pub max_attempts: u64,
    /// Window in which failures are counted, in milliseconds.
    pub window_ms: u64,
    /// Length of a lockout, in milliseconds.
    pub lockout_ms: u64,
    /// Whether connections from loopback are exempt.
    pub exempt_loopback: bool,
}

/// `gateway.nodes.pairing`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PairingSettings {
    /// `autoApproveLocal`; on unless switched off.
    pub auto_approve_local: bool,
    /// `autoApproveCidrs`.
    pub auto_approve_cidrs: Vec<String>,
    /// `sshVerify`; on unless switched off.
    pub ssh_verify: bool,
}

/// `gateway.controlUi`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ControlUiSettings {
    /// `enabled`.
    pub enabled: Option<bool>,
    /// `basePath`.
    pub base_path: Option<String>,
    /// `allowedOrigins`.
    pub allowed_origins: Vec<String>,
    /// `dangerouslyAllowHostHeaderOriginFallback`; off unless switched on.
    pub origin_by_host: bool,
}

/// `gateway.tls`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TlsSettings {
    /// `enabled`; off unless switched on.
    pub enabled: bool,
    /// `autoGenerate`.
    pub auto_generate: Option<bool>,
    /// `certPath`.
    pub cert_path: Option<String>,
    /// `keyPath`.
    pub key_path: Option<String>,
    /// `caPath`.
    pub ca_path: Option<String>,
}

/// `gateway.remote` without its credentials.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RemoteSettings {
    /// Whether the object is there at all.
    pub present: bool,
    /// `url` without user information and query, which may hold secrets.
    pub url: Option<String>,
    /// `transport`.
    pub transport: Option<RemoteTransport>,
    /// `tlsFingerprint`.
    pub tls_fingerprint: Option<String>,
    /// `remotePort`.
    pub remote_port: Option<u16>,
    /// `sshTarget`.
    pub ssh_target: Option<String>,
    /// Whether `edgeAuth` is configured.
    pub has_edge_auth: bool,
}

/// `gateway`, without credentials.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GatewaySettings {
    /// `mode`.
    pub mode: Option<GatewayMode>,
    /// `port`, where it is a valid one.
    pub port: Option<u16>,
    /// `bind`.
    pub bind: Option<BindMode>,
    /// `customBindHost`.
    pub custom_bind_host: Option<String>,
    /// `publicOrigin`.
    pub public_origin: Option<String>,
    /// `trustedProxies`.
    pub trusted_proxies: Vec<String>,
    /// `allowRealIpFallback`; off unless switched on.
    pub allow_real_ip_fallback: bool,
    /// `auth.mode`, as configured; see [`crate::credentials`] for the one in force.
    pub auth_mode: Option<AuthMode>,
    /// `auth.allowTailscale`.
    pub allow_tailscale: Option<bool>,
    /// `auth.trustedProxy.userHeader`.
    pub trusted_proxy_user_header: Option<String>,
    /// `auth.rateLimit`.
    pub rate_limit: RateLimitSettings,
    /// `remote`.
    pub remote: RemoteSettings,
    /// `nodes.pairing`.
    pub pairing: PairingSettings,
    /// `controlUi`.
    pub control_ui: ControlUiSettings,
    /// `tls`.
    pub tls: TlsSettings,
    /// `tailscale.mode`.
    pub tailscale_mode: Option<TailscaleMode>,
    /// `reload.mode`.
    pub reload_mode: Option<ReloadMode>,
}

/// `logging`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LoggingSettings {
    /// `file`.
    pub file: Option<String>,
    /// `level`.
    pub level: Option<String>,
    /// `consoleLevel`.
    pub console_level: Option<String>,
    /// `consoleStyle`.
    pub console_style: Option<ConsoleStyle>,
    /// Number of `redactPatterns`.
    pub redact_patterns: usize,
}

struct View<'a> {
    config: &'a Config,
    lookup: &'a dyn Lookup,
}

impl View<'_> {
    fn text(&self, path: &[&str]) -> Option<String> {
        match self.config.text_at(path, self.lookup) {
            Text::Value(value) => Some(value.expose_secret().to_owned()),
            Text::Absent | Text::Unresolved(_) | Text::NotText => None,
        }
    }

    fn flag(&self, path: &[&str]) -> Option<bool> {
        self.config.value_at(path)?.as_bool()
    }

    fn number(&self, path: &[&str]) -> Option<u64> {
        self.config.value_at(path)?.as_u64()
    }

    fn port(&self, path: &[&str]) -> Option<u16> {
        u16::try_from(self.number(path)?).ok().filter(|port| *port > 0)
    }

    fn list(&self, path: &[&str]) -> Vec<String> {
        let items = self.config.value_at(path).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        items
            .iter()
            .filter_map(Value::as_str)
            .filter_map(|raw| super::expand(raw, self.lookup).ok())
            .map(|value| value.expose_secret().to_owned())
            .collect()
    }
}

fn redacted(url: &str) -> String {
    GatewayUrl::parse(url).map_or_else(|_| "(not a URL)".to_owned(), |url| url.to_string())
}

impl Config {
    /// The gateway's settings. Text whose variables have no value counts as absent.
    pub fn gateway(&self, lookup: &dyn Lookup) -> GatewaySettings {
        let view = View { config: self, lookup };
        let word = |path: &[&str]| view.text(path);
        let rate = |key: &str| view.number(&["gateway", "auth", "rateLimit", key]);
        GatewaySettings {
            mode: word(&["gateway", "mode"]).map(|word| GatewayMode::parse(&word)),
            port: view.port(&["gateway", "port"]),
            bind: word(&["gateway", "bind"]).map(|word| BindMode::parse(&word)),
            custom_bind_host: view.text(&["gateway", "customBindHost"]),
            public_origin: view.text(&["gateway", "publicOrigin"]),
            trusted_proxies: view.list(&["gateway", "trustedProxies"]),
            allow_real_ip_fallback: view.flag(&["gateway", "allowRealIpFallback"]).unwrap_or(false),
            auth_mode: word(&["gateway", "auth", "mode"]).map(|word| AuthMode::parse(&word)),
            allow_tailscale: view.flag(&["gateway", "auth", "allowTailscale"]),
            trusted_proxy_user_header: view.text(&["gateway", "auth", "trustedProxy", "userHeader"]),
            rate_limit: RateLimitSettings {
                max_attempts: rate("maxAttempts").unwrap_or(10),
                window_ms: rate("windowMs").unwrap_or(60_000),
                lockout_ms: rate("lockoutMs").unwrap_or(300_000),
                exempt_loopback: view.flag(&["gateway", "auth", "rateLimit", "exemptLoopback"]).unwrap_or(true),
            },
            remote: RemoteSettings {
                present: self.value_at(&["gateway", "remote"]).is_some_and(Value::is_object),
                url: view.text(&["gateway", "remote", "url"]).map(|url| redacted(&url)),
                transport: word(&["gateway", "remote", "transport"]).map(|word| RemoteTransport::parse(&word)),
                tls_fingerprint: view.text(&["gateway", "remote", "tlsFingerprint"]),
                remote_port: view.port(&["gateway", "remote", "remotePort"]),
                ssh_target: view.text(&["gateway", "remote", "sshTarget"]),
                has_edge_auth: self.value_at(&["gateway", "remote", "edgeAuth"]).is_some(),
            },
            pairing: PairingSettings {
                auto_approve_local: view.flag(&["gateway", "nodes", "pairing", "autoApproveLocal"]).unwrap_or(true),
                auto_approve_cidrs: view.list(&["gateway", "nodes", "pairing", "autoApproveCidrs"]),
                ssh_verify: view.flag(&["gateway", "nodes", "pairing", "sshVerify"]).unwrap_or(true),
            },
            control_ui: ControlUiSettings {
                enabled: view.flag(&["gateway", "controlUi", "enabled"]),
                base_path: view.text(&["gateway", "controlUi", "basePath"]),
                allowed_origins: view.list(&["gateway", "controlUi", "allowedOrigins"]),
                origin_by_host: view
                    .flag(&["gateway", "controlUi", "dangerouslyAllowHostHeaderOriginFallback"])
                    .unwrap_or(false),
            },
            tls: TlsSettings {
                enabled: view.flag(&["gateway", "tls", "enabled"]).unwrap_or(false),
                auto_generate: view.flag(&["gateway", "tls", "autoGenerate"]),
                cert_path: view.text(&["gateway", "tls", "certPath"]),
                key_path: view.text(&["gateway", "tls", "keyPath"]),
                ca_path: view.text(&["gateway", "tls", "caPath"]),
            },
            tailscale_mode: word(&["gateway", "tailscale", "mode"]).map(|word| TailscaleMode::parse(&word)),
            reload_mode: word(&["gateway", "reload", "mode"]).map(|word| ReloadMode::parse(&word)),
        }
    }

    /// The log settings. Text whose variables have no value counts as absent.
    pub fn logging(&self, lookup: &dyn Lookup) -> LoggingSettings {
        let view = View { config: self, lookup };
        LoggingSettings {
            file: view.text(&["logging", "file"]),
            level: view.text(&["logging", "level"]),
            console_level: view.text(&["logging", "consoleLevel"]),
            console_style: view.text(&["logging", "consoleStyle"]).map(|word| ConsoleStyle::parse(&word)),
            redact_patterns: view
                .config
                .value_at(&["logging", "redactPatterns"])
                .and_then(Value::as_array)
                .map_or(0, Vec::len),
        }
    }
}
