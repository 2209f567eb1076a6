//! Every finding that Portreeve can name, each with one entry.
//!
//! Codes are stable: never renamed, never reused. From this catalogue come `portreeve explain`, the reference page and the enumeration
//! in the report's JSON Schema.

mod auth;
mod channels;
mod gateway;
mod host;
mod images;
mod ownership;
mod state;
mod transport;

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// How much a finding weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing; changes no verdict.
    #[serde(rename = "info")]
    Information,
    /// Degrades, does not block.
    Warning,
    /// Blocks readiness.
    Error,
}

/// Where on the way from a client to an answered message a finding lies, most upstream first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Layer {
    /// Processes, ports, sockets, the upgrade and the challenge.
    Transport,
    /// Secrets, devices, pairing.
    Auth,
    /// Channels and their accounts.
    Channels,
    /// Configuration, state, mirrors, images: what lets the other layers hold tomorrow.
    Alignment,
    /// The machine, its engines and the agent itself.
    Node,
}

impl Layer {
    /// All layers, most upstream first.
    pub const ALL: [Self; 5] = [Self::Transport, Self::Auth, Self::Channels, Self::Alignment, Self::Node];
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Transport => "transport",
            Self::Auth => "auth",
            Self::Channels => "channels",
            Self::Alignment => "alignment",
            Self::Node => "node",
        })
    }
}

/// What is known of one finding before any node is looked at.
#[derive(Debug)]
pub struct Entry {
    /// Its code.
    pub code: Code,
    /// One line: what holds when it is found.
    pub title: &'static str,
    /// Severity, where the rule does not decide otherwise.
    pub severity: Severity,
    /// A symptom is never a root cause while something that explains it is present.
    pub symptom: bool,
    /// Its layer.
    pub layer: Layer,
    /// Why it matters: what a user sees, and by what mechanism.
    pub why: &'static str,
    /// How to mend it, step by step.
    pub remedy: &'static [&'static str],
    /// Findings that it explains on the same gateway or client.
    pub explains: &'static [Code],
    /// Where it is documented: `OpenClaw` documents, issues, man pages.
    pub sources: &'static [&'static str],
}

macro_rules! codes {
    ($($variant:ident => $code:literal,)*) => {
        /// The code of a finding.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[expect(missing_docs, reason = "each code is described by its entry")]
        pub enum Code {
            $($variant,)*
        }

        impl Code {
            /// All codes, in the catalogue's order.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The code as text.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $code,)*
                }
            }
        }
    };
}

codes! {
    PortSilent => "port.silent",
    PortContended => "port.contended",
    PortForeign => "port.foreign",
    PortOrphan => "port.orphan",
    UnitDuplicate => "unit.duplicate",
    UnitRelaunchLoop => "unit.relaunch-loop",
    UnitPortWar => "unit.port-war",
    UnitSelfDisabled => "unit.self-disabled",
    UnitSuccessElsewhere => "unit.success-elsewhere",
    UnitKeepaliveBlind => "unit.keepalive-blind",
    UnitThrottleShort => "unit.throttle-short",
    UnitUnloaded => "unit.unloaded",
    UnitParked => "unit.parked",
    UnitBackgroundOff => "unit.background-off",
    UnitOffBootVolume => "unit.off-boot-volume",
    UnitEnvNotInherited => "unit.env-not-inherited",
    UnitGuiOnly => "unit.gui-only",
    UnitProgramMissing => "unit.program-missing",
    UnitExitConfig => "unit.exit-config",
    UnitWrongPort => "unit.wrong-port",
    GatewayTwoVersions => "gateway.two-versions",
    GatewayRestartStorm => "gateway.restart-storm",
    GatewayOom => "gateway.oom",
    GatewayBreaker => "gateway.breaker",
    GatewayWedged => "gateway.wedged",
    UrlLoopbackInNamespace => "url.loopback-in-namespace",
    UrlUnresolvable => "url.unresolvable",
    UrlNoSharedNetwork => "url.no-shared-network",
    UrlWrongPort => "url.wrong-port",
    UrlWrongScheme => "url.wrong-scheme",
    UrlPlaintextRefused => "url.plaintext-refused",
    UrlMixed => "url.mixed",
    BindLoopback => "bind.loopback",
    BindExposed => "bind.exposed",
    TransportFlaky => "transport.flaky",
    TransportSlowChallenge => "transport.slow-challenge",
    SocketMissing => "socket.missing",
    SocketDenied => "socket.denied",
    ProxyNoUpgrade => "proxy.no-upgrade",
    ProxyIdleCut => "proxy.idle-cut",
    ProxyBuffering => "proxy.buffering",
    ProxyUntrusted => "proxy.untrusted",
    ProxyTls => "proxy.tls",
    ConfigInvalid => "config.invalid",
    ConfigRolledBack => "config.rolled-back",
    ConfigUnapplied => "config.unapplied",
    GatewayStarting => "gateway.starting",
    GatewayNotReady => "gateway.not-ready",
    GatewayDraining => "gateway.draining",
    GatewayStalled => "gateway.stalled",
    Close1006 => "close.1006",
    TokenShadowed => "token.shadowed",
    TokenDuplicated => "token.duplicated",
    TokenSplit => "token.split",
    TokenStaleProcess => "token.stale-process",
    TokenMissing => "token.missing",
    TokenRuntimeOnly => "token.runtime-only",
    AuthModeFlipped => "auth.mode-flipped",
    AuthRemoteOnly => "auth.remote-only",
    TokenPlaceholder => "token.placeholder",
    TokenSecretref => "token.secretref",
    TokenExposed => "token.exposed",
    TokenWeak => "token.weak",
    TokenStorm => "token.storm",
    PairingPending => "pairing.pending",
    PairingUnapproved => "pairing.unapproved",
    PairingScopeUpgrade => "pairing.scope-upgrade",
    PairingDeadlock => "pairing.deadlock",
    PairingIdentityLost => "pairing.identity-lost",
    PairingStateReadonly => "pairing.state-readonly",
    PairingRetries => "pairing.retries",
    DeviceTokenStale => "device.token-stale",
    DeviceClock => "device.clock",
    OriginRefused => "origin.refused",
    ProtocolMismatch => "protocol.mismatch",
    RateLimited => "rate.limited",
    ChannelNone => "channel.none",
    ChannelFailing => "channel.failing",
    ChannelIngress => "channel.ingress",
    ChannelSubagent => "channel.subagent",
    StateShared => "state.shared",
    StateLockBlind => "state.lock-blind",
    StateLockWait => "state.lock-wait",
    StateLockStale => "state.lock-stale",
    StateVersionBoundary => "state.version-boundary",
    StateLeaseForeign => "state.lease-foreign",
    StateUidDrift => "state.uid-drift",
    StateReadonly => "state.readonly",
    StateEphemeral => "state.ephemeral",
    StateSplitRoots => "state.split-roots",
    StateNotShared => "state.not-shared",
    StateOpen => "state.open",
    StateDisk => "state.disk",
    StateWal => "state.wal",
    StateDbBroken => "state.db-broken",
    StateExternalVolume => "state.external-volume",
    StateAliased => "state.aliased",
    MirrorTimeMachine => "mirror.time-machine",
    MirrorBackupSlow => "mirror.backup-slow",
    MirrorIcloud => "mirror.icloud",
    MirrorCloud => "mirror.cloud",
    MirrorJob => "mirror.job",
    MirrorGhost => "mirror.ghost",
    ImageFloating => "image.floating",
    ImageDrift => "image.drift",
    ImageSkew => "image.skew",
    ImageBehind => "image.behind",
    ImageUnchecked => "image.unchecked",
    ImagePlatform => "image.platform",
    HostOsChanged => "host.os-changed",
    HostClock => "host.clock",
    HostSleep => "host.sleep",
    HostAutoUpdate => "host.auto-update",
    EngineSilent => "engine.silent",
    EngineAtLogin => "engine.at-login",
    IngressSplit => "ingress.split",
    IngressFailing => "ingress.failing",
    ComposeHealthBlind => "compose.health-blind",
    ComposeLivenessHarsh => "compose.liveness-harsh",
    AgentBlind => "agent.blind",
    AgentBacklog => "agent.backlog",
}

const FAMILIES: [&[Entry]; 8] = [
    ownership::ENTRIES,
    gateway::ENTRIES,
    transport::ENTRIES,
    auth::ENTRIES,
    channels::ENTRIES,
    state::ENTRIES,
    images::ENTRIES,
    host::ENTRIES,
];

/// All entries, in the catalogue's order.
pub fn entries() -> impl Iterator<Item = &'static Entry> {
    FAMILIES.into_iter().flatten()
}

impl Code {
    /// Its entry.
    pub fn entry(self) -> &'static Entry {
        static BY_POSITION: LazyLock<Vec<&'static Entry>> = LazyLock::new(|| entries().collect());
        // A test holds that each code has exactly one entry, in order; the first entry stands in so that this cannot panic.
        BY_POSITION.get(self.position()).copied().unwrap_or(&ownership::ENTRIES[0])
    }

    /// Its place in the catalogue.
    pub fn position(self) -> usize {
        self as usize
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that is no finding's code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a finding's code")]
pub struct UnknownCode(pub String);

impl FromStr for Code {
    type Err = UnknownCode;

    fn from_str(text: &str) -> Result<Self, UnknownCode> {
        Self::ALL.iter().copied().find(|code| code.as_str() == text).ok_or_else(|| UnknownCode(text.to_owned()))
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Code {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

impl JsonSchema for Code {
    fn schema_name() -> Cow<'static, str> {
        "Code".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let codes: Vec<&str> = Self::ALL.iter().map(|code| code.as_str()).collect();
        json_schema!({ "type": "string", "description": "The code of a finding.", "enum": codes })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_code_has_exactly_one_entry_in_order() {
        let listed: Vec<Code> = entries().map(|entry| entry.code).collect();
        assert_eq!(listed, Code::ALL);
        let texts: BTreeSet<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(texts.len(), Code::ALL.len());
    }

    #[test]
    fn each_entry_tells_why_and_how_to_mend() {
        for entry in entries() {
            assert!(!entry.title.is_empty() && !entry.why.is_empty() && !entry.remedy.is_empty(), "{}", entry.code);
            assert!(!entry.title.ends_with('.'), "{}", entry.code);
            assert!(!entry.explains.contains(&entry.code), "{} explains itself", entry.code);
        }
    }

    #[test]
    fn each_remedy_begins_as_those_of_the_rules_do() {
        for entry in entries() {
            for step in entry.remedy {
                let capital = step.starts_with(char::is_uppercase) && !step.starts_with("Linux");
                assert!(!capital && !step.ends_with('.'), "{}: {step}", entry.code);
            }
        }
    }

    #[test]
    fn explanations_never_run_in_a_circle() {
        fn reaches(from: Code, to: Code, seen: &mut BTreeSet<Code>) -> bool {
            from.entry().explains.iter().any(|&next| next == to || (seen.insert(next) && reaches(next, to, seen)))
        }
        for &code in Code::ALL {
            assert!(!reaches(code, code, &mut BTreeSet::new()), "{code} is explained by what it explains");
        }
    }

    #[test]
    fn a_code_survives_json_and_others_are_refused() {
        let text = serde_json::to_string(&Code::TokenSplit).expect("a code serialises");
        assert_eq!(text, "\"token.split\"");
        assert_eq!(serde_json::from_str::<Code>(&text).expect("a code parses"), Code::TokenSplit);
        assert_eq!("token.splitt".parse::<Code>(), Err(UnknownCode("token.splitt".to_owned())));
    }
}
