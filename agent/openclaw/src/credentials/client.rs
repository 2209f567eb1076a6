//! Where a client connects and which secret it sends.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;

use super::ladder::{Candidate, climb, unresolved, winner};
use super::trust::{self, Trust};
use super::{
    EnvironmentLayers, GatewayUrl, LossReason, NotReadReason, Outcome, PlaintextVerdict, Refusal, SecretResolver, Slot,
    Source, SourceKind,
};
use crate::config::{AuthMode, Config, GatewayMode, TailscaleMode, Text};
use crate::environment::{self, Environment};
use crate::port::{self, PortInputs, ResolvedPort};

/// A kind of client, as far as credentials go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClientKind {
    /// The command line and everything that calls the gateway as it does.
    Cli,
    /// `openclaw node run`.
    NodeHost,
}

/// Where a node host connects, from its arguments or its saved settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeTarget {
    /// Host name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Whether through TLS; `gateway.tls.enabled` where nothing is said.
    pub tls: Option<bool>,
}

/// All that decides about a client's connection.
#[derive(Debug, Clone, Copy)]
pub struct ClientInputs<'a> {
    /// The kind of client.
    pub kind: ClientKind,
    /// Its configuration, if there is one.
    pub config: Option<&'a Config>,
    /// Its environment.
    pub layers: &'a EnvironmentLayers,
    /// Follows references.
    pub resolver: SecretResolver<'a>,
    /// The profile in force.
    pub profile: Option<&'a str>,
    /// `--url`.
    pub url_flag: Option<&'a str>,
    /// `--port` of a command that has it.
    pub port_flag: Option<&'a str>,
    /// `--token`.
    pub token_flag: Option<&'a SecretString>,
    /// `--password`.
    pub password_flag: Option<&'a SecretString>,
    /// A node host's target.
    pub node_target: Option<&'a NodeTarget>,
    /// Whether the client's state holds a device token for this target and role.
    pub has_device_token: bool,
    /// A node host looks at nothing but the environment: it was told so, or it has a device token for its saved
    /// target.
    pub environment_only: bool,
}

/// Which set of rules applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Surface {
    /// The gateway of this configuration, on this host.
    Local,
    /// `gateway.mode` is `remote`.
    Remote,
    /// `--url`.
    UrlFlag,
    /// `OPENCLAW_GATEWAY_URL`.
    UrlEnvironment,
}

/// Where a client's URL comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum UrlSource {
    /// `--url`.
    Flag,
    /// `OPENCLAW_GATEWAY_URL`.
    Environment,
    /// `gateway.remote.url`.
    RemoteConfig,
    /// The node host's target.
    NodeTarget,
    /// Loopback and the local port.
    Local,
}

impl fmt::Display for UrlSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Flag => "`--url`",
            Self::Environment => "`OPENCLAW_GATEWAY_URL`",
            Self::RemoteConfig => "`gateway.remote.url`",
            Self::NodeTarget => "the node host's target",
            Self::Local => "the local port",
        })
    }
}

/// Where a client connects.
#[derive(Debug, Clone)]
pub struct Target {
    /// The URL; none if it does not parse or resolve, which is among the refusals then.
    pub url: Option<GatewayUrl>,
    /// Where it comes from.
    pub source: UrlSource,
    /// The port of a gateway on this host, as this client resolves it.
    pub local_port: ResolvedPort,
    /// Whether the client connects, as far as encryption goes.
    pub plaintext: Option<PlaintextVerdict>,
    /// Which certificates it takes there; none where that is not known, or without TLS.
    pub trust: Option<Trust>,
}

/// A client's connection.
#[derive(Debug, Clone)]
pub struct ClientAuth {
    /// The kind of client.
    pub kind: ClientKind,
    /// The rules that apply.
    pub surface: Surface,
    /// Where it connects.
    pub target: Target,
    /// Every source, in the order in which it is looked at, tokens first.
    pub sources: Vec<Source>,
    /// Why the client would not connect.
    pub refusals: Vec<Refusal>,
    /// A secret that could win is configured where an observer does not look (a program, the secret store, a file
    /// that only the user may read): nothing can be said of what is sent.
    pub is_opaque: bool,
}

impl ClientAuth {
    /// The token that is sent.
    pub fn token(&self) -> Option<&Source> {
        self.sent(Slot::Token)
    }

    /// The password that is sent, beside the token if there is one.
    pub fn password(&self) -> Option<&Source> {
        self.sent(Slot::Password)
    }

    /// Whether the stored device token is sent.
    pub fn sends_device_token(&self) -> bool {
        self.sources.iter().any(|source| source.kind == SourceKind::DeviceToken && source.outcome.wins())
    }

    fn sent(&self, slot: Slot) -> Option<&Source> {
        self.sources
            .iter()
            .find(|source| source.slot == slot && source.outcome.wins() && source.kind != SourceKind::DeviceToken)
    }
}

/// Resolves a client's target and credentials.
pub fn resolve_client(inputs: &ClientInputs<'_>) -> ClientAuth {
    let environment = inputs.layers.effective(inputs.config);
    let context = Context { inputs, environment: &environment, surface: surface(inputs, &environment) };
    let mut refusals = Vec::new();
    let target = context.target(&mut refusals);
    let mut tokens = context.climb(Slot::Token);
    let passwords = context.climb(Slot::Password);
    let is_opaque = context.refuse_unresolved(&tokens, &passwords, &mut refusals);
    let has_shared_secret = winner(&tokens).is_some() || winner(&passwords).is_some();
    if inputs.has_device_token {
        let outcome = if has_shared_secret { Outcome::Loses(LossReason::SharedSecret) } else { Outcome::Wins };
        let location = "stored device token".to_owned();
        tokens.push(Source { slot: Slot::Token, kind: SourceKind::DeviceToken, location, value: None, outcome });
    }
    if !has_shared_secret && !inputs.has_device_token && refusals.is_empty() && !is_opaque {
        refusals.extend(context.refuse_empty_handed());
    }
    let sources = tokens.into_iter().chain(passwords).collect();
    ClientAuth { kind: inputs.kind, surface: context.surface, target, sources, refusals, is_opaque }
}

fn surface(inputs: &ClientInputs<'_>, environment: &Environment) -> Surface {
    let mode = inputs.config.and_then(|config| config.gateway(environment).mode);
    let configured = if mode == Some(GatewayMode::Remote) { Surface::Remote } else { Surface::Local };
    if inputs.kind == ClientKind::NodeHost {
        configured
    } else if inputs.url_flag.is_some_and(|url| !url.trim().is_empty()) {
        Surface::UrlFlag
    } else if inputs.port_flag.is_some() {
        Surface::Local
    } else if environment.text(environment::GATEWAY_URL).is_some() {
        Surface::UrlEnvironment
    } else {
        configured
    }
}

struct Context<'a> {
    inputs: &'a ClientInputs<'a>,
    environment: &'a Environment,
    surface: Surface,
}

impl Context<'_> {
    fn target(&self, refusals: &mut Vec<Refusal>) -> Target {
        let settings = self.inputs.config.map(|config| config.gateway(self.environment));
        let local_port = port::resolve(&PortInputs {
            flag: self.inputs.port_flag,
            environment: self.environment.text(environment::GATEWAY_PORT),
            config: settings.as_ref().and_then(|settings| settings.port),
            profile: self.inputs.profile,
        });
        let tls = settings.as_ref().is_some_and(|settings| settings.tls.enabled);
        let (text, source) = self.url_text(local_port.port, tls, refusals);
        let url = text.and_then(|text| match GatewayUrl::parse(text.expose_secret()) {
            Ok(url) => Some(url),
            Err(error) => {
                refusals.push(Refusal::BadUrl { from: source, error });
                None
            }
        });
        let allow_private = self.environment.is_one(environment::ALLOW_INSECURE_PRIVATE_WS);
        let plaintext = url.as_ref().map(|url| url.plaintext_verdict(allow_private));
        if plaintext == Some(PlaintextVerdict::Refused) {
            refusals.push(Refusal::Plaintext { from: source });
        }
        let trust = trust::of(self.inputs, url.as_ref(), (self.surface, source), settings.as_ref(), self.environment);
        Target { url, source, local_port, plaintext, trust }
    }

    fn url_text(&self, port: u16, tls: bool, refusals: &mut Vec<Refusal>) -> (Option<SecretString>, UrlSource) {
        let local = || Some(GatewayUrl::local(port, tls).raw().clone());
        if self.inputs.kind == ClientKind::NodeHost {
            let Some(target) = self.inputs.node_target else { return (local(), UrlSource::Local) };
            let scheme = if target.tls.unwrap_or(tls) { "wss" } else { "ws" };
            let host = if target.host.contains(':') { format!("[{}]", target.host) } else { target.host.clone() };
            return (Some(format!("{scheme}://{host}:{}", target.port).into()), UrlSource::NodeTarget);
        }
        match self.surface {
            Surface::UrlFlag => (self.inputs.url_flag.map(SecretString::from), UrlSource::Flag),
            Surface::UrlEnvironment => (self.environment.secret(environment::GATEWAY_URL), UrlSource::Environment),
            Surface::Local => (local(), UrlSource::Local),
            Surface::Remote => {
                let path = ["gateway", "remote", "url"];
                match self.inputs.config.map(|config| config.text_at(&path, self.environment)) {
                    Some(Text::Value(url)) => (Some(url), UrlSource::RemoteConfig),
                    Some(Text::Unresolved(_)) => {
                        refusals.push(Refusal::UnresolvedUrl { from: UrlSource::RemoteConfig });
                        (None, UrlSource::RemoteConfig)
                    }
                    _ => {
                        refusals.push(Refusal::RemoteUrlMissing);
                        (local(), UrlSource::Local)
                    }
                }
            }
        }
    }

    fn climb(&self, slot: Slot) -> Vec<Source> {
        let flag = match slot {
            Slot::Token => self.inputs.token_flag,
            Slot::Password => self.inputs.password_flag,
        };
        let mut candidates: Vec<Candidate> = Candidate::flag(slot, flag).into_iter().collect();
        let mut rest = self.ordered(slot);
        if self.has_flag() {
            rest = rest.into_iter().map(|candidate| candidate.not_read(NotReadReason::FlagGiven)).collect();
        }
        candidates.extend(rest);
        climb(slot, candidates, self.stopper())
    }

    /// A credential of the command line keeps all other sources of both secrets out.
    fn has_flag(&self) -> bool {
        self.inputs.token_flag.is_some() || self.inputs.password_flag.is_some()
    }

    /// The configured source that the environment is no fallback for.
    fn stopper(&self) -> Option<SourceKind> {
        (self.inputs.kind == ClientKind::Cli && self.surface == Surface::Local && !self.has_flag())
            .then_some(SourceKind::AuthConfig)
    }

    fn ordered(&self, slot: Slot) -> Vec<Candidate> {
        let auth = self.config(slot, SourceKind::AuthConfig);
        let remote = self.config(slot, SourceKind::RemoteConfig);
        let environment = self.inputs.layers.candidates(slot, self.inputs.config);
        let skip = |candidate: Option<Candidate>, reason| candidate.map(|candidate| candidate.not_read(reason));
        match (self.inputs.kind, self.surface) {
            (_, Surface::UrlFlag) => {
                let unread = environment.into_iter().chain(auth).chain(remote);
                unread.map(|candidate| candidate.not_read(NotReadReason::UrlFlag)).collect()
            }
            (_, Surface::UrlEnvironment) => {
                let unread = auth.into_iter().chain(remote);
                let unread = unread.map(|candidate| candidate.not_read(NotReadReason::UrlOverride));
                environment.into_iter().chain(unread).collect()
            }
            (ClientKind::Cli, Surface::Local) => {
                let remote = match (self.remote_is_no_fallback(slot), &auth) {
                    (true, _) => skip(remote, NotReadReason::TrustedProxy),
                    (false, Some(_)) => skip(remote, NotReadReason::FallbackOnly),
                    (false, None) => remote,
                };
                auth.into_iter().chain(environment).chain(remote).collect()
            }
            (ClientKind::Cli, Surface::Remote) => match slot {
                Slot::Token => remote.into_iter().chain(environment).chain(auth).collect(),
                Slot::Password => environment.into_iter().chain(remote).chain(auth).collect(),
            },
            (ClientKind::NodeHost, _) if self.inputs.environment_only => {
                let unread = remote.into_iter().chain(auth);
                let unread = unread.map(|candidate| candidate.not_read(NotReadReason::EnvironmentOnly));
                environment.into_iter().chain(unread).collect()
            }
            (ClientKind::NodeHost, Surface::Local) => {
                let remote = skip(remote, NotReadReason::LocalNodeHost);
                environment.into_iter().chain(auth).chain(remote).collect()
            }
            (ClientKind::NodeHost, Surface::Remote) => environment.into_iter().chain(remote).chain(auth).collect(),
        }
    }

    fn remote_is_no_fallback(&self, slot: Slot) -> bool {
        slot == Slot::Password && self.auth_mode() == Some(AuthMode::TrustedProxy)
    }

    fn config(&self, slot: Slot, kind: SourceKind) -> Option<Candidate> {
        Candidate::config(slot, kind, self.inputs.config, &self.inputs.resolver, self.environment)
    }

    fn auth_mode(&self) -> Option<AuthMode> {
        self.inputs.config.and_then(|config| config.gateway(self.environment).auth_mode)
    }

    /// A reference that could have won but does not resolve is refused before connecting. Returns whether there is one
    /// that cannot be resolved by an observer, and therefore says nothing.
    fn refuse_unresolved(&self, tokens: &[Source], passwords: &[Source], refusals: &mut Vec<Refusal>) -> bool {
        let overridden = matches!(self.surface, Surface::UrlFlag | Surface::UrlEnvironment);
        if self.has_flag() || overridden || self.inputs.environment_only {
            return false;
        }
        let (has_token, has_password) = (winner(tokens).is_some(), winner(passwords).is_some());
        let mode = self.auth_mode();
        let token_counts = match mode {
            Some(AuthMode::Token) => true,
            Some(AuthMode::Password | AuthMode::None | AuthMode::TrustedProxy) => false,
            Some(AuthMode::Other) | None => !has_password,
        };
        let password_counts = match mode {
            Some(AuthMode::Password | AuthMode::TrustedProxy) => true,
            Some(AuthMode::Token | AuthMode::None) => false,
            Some(AuthMode::Other) | None => !has_token,
        };
        let mut is_opaque = false;
        let mut refuse = |slot: Slot, kind, sources: &[Source], counts: bool| {
            let Some(reason) = unresolved(sources, kind).filter(|_| counts) else { return };
            if reason.is_opaque() {
                is_opaque = true;
            } else {
                let parent = if kind == SourceKind::RemoteConfig { "remote" } else { "auth" };
                let key = format!("gateway.{parent}.{slot}");
                refusals.push(Refusal::Unresolved { key, reason: reason.clone() });
            }
        };
        match self.surface {
            Surface::Local => {
                refuse(Slot::Token, SourceKind::AuthConfig, tokens, token_counts && !has_token);
                refuse(Slot::Password, SourceKind::AuthConfig, passwords, password_counts && !has_password);
            }
            Surface::Remote if !has_token && !has_password => {
                refuse(Slot::Token, SourceKind::RemoteConfig, tokens, true);
                refuse(Slot::Password, SourceKind::RemoteConfig, passwords, true);
                refuse(Slot::Token, SourceKind::AuthConfig, tokens, token_counts);
            }
            Surface::Remote | Surface::UrlFlag | Surface::UrlEnvironment => {}
        }
        is_opaque
    }

    fn refuse_empty_handed(&self) -> Option<Refusal> {
        match self.surface {
            Surface::UrlFlag => Some(Refusal::UrlOverrideWithoutCredentials { from: UrlSource::Flag }),
            Surface::UrlEnvironment => Some(Refusal::UrlOverrideWithoutCredentials { from: UrlSource::Environment }),
            Surface::Local | Surface::Remote => {
                let settings = self.inputs.config.map(|config| config.gateway(self.environment));
                let tailscale = settings.as_ref().is_some_and(|settings| {
                    let serves = settings.tailscale_mode == Some(TailscaleMode::Serve);
                    settings.allow_tailscale.unwrap_or(serves && settings.auth_mode != Some(AuthMode::Password))
                });
                match self.auth_mode() {
                    _ if tailscale || self.inputs.kind == ClientKind::NodeHost => None,
                    Some(AuthMode::None | AuthMode::TrustedProxy) => None,
                    Some(AuthMode::Password) => Some(Refusal::NoCredentials { slot: Slot::Password }),
                    Some(AuthMode::Token | AuthMode::Other) | None => {
                        Some(Refusal::NoCredentials { slot: Slot::Token })
                    }
                }
            }
        }
    }
}
