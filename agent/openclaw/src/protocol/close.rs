//! Close codes and the texts that come with them.

use serde::{Deserialize, Serialize};

use super::text::Text;

/// A close frame as received.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Close {
    /// The status code of RFC 6455 or, above 4000, OpenClaw's own; 1005 when the frame carried none.
    pub code: u16,
    /// The reason text; the protocol cuts it at 123 bytes.
    pub reason: Text,
}

impl Close {
    /// A close frame with `code` and `reason`.
    pub fn new(code: u16, reason: &str) -> Self {
        Self { code, reason: Text::new(reason) }
    }

    /// What the gateway meant.
    pub fn meaning(&self) -> CloseMeaning {
        CloseMeaning::of(self.code, self.reason.as_str())
    }
}

impl std::fmt::Display for Close {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.reason.is_empty() { write!(f, "{}", self.code) } else { write!(f, "{} {}", self.code, self.reason) }
    }
}

/// What a close means, by its code and the stable start of its reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum CloseMeaning {
    /// 1000 or 1005 without a reason: an orderly end. Before `hello-ok` the gateway ends so what it could not parse or waited for in
    /// vain (15 s).
    Normal,
    /// 1008 `unauthorized: …`: the credential is wrong or missing.
    Unauthorized,
    /// 1008 `unauthorized: too many failed …`: locked out.
    RateLimited,
    /// 1008 `pairing required: …`.
    PairingRequired,
    /// 1008 `device identity required` and the browser's variant of it.
    DeviceIdentityRequired,
    /// 1008 `device nonce mismatch`, `device signature …`, `device identity mismatch`: the proof is wrong.
    DeviceProofInvalid,
    /// 1008 `origin not allowed …`.
    OriginNotAllowed,
    /// 1008 `invalid connect params …`, `invalid role`, `invalid handshake …`, `invalid request frame`: a client that speaks wrongly.
    InvalidHandshake,
    /// 1002 `protocol mismatch`, 1008 `client version mismatch`: the sides are of different releases.
    VersionMismatch,
    /// 1008 `gateway ingress attribution required`: forwarding headers from an untrusted peer.
    ProxyAttribution,
    /// 1008 `slow consumer`.
    SlowConsumer,
    /// 1008 `repeated unauthorized calls`, `too many pending handshake frames`.
    Abuse,
    /// 1009: the frame was too large.
    TooLarge,
    /// 1011 `gateway install changed; …`: the files under the running gateway were replaced.
    InstallChanged,
    /// 1008 `gateway message handler loading`, 1011 `gateway message handler unavailable`.
    HandlerUnavailable,
    /// 1012 `service restart`: the gateway stops or restarts; it says the same for both.
    Restart,
    /// 1013 `gateway starting`.
    Starting,
    /// 1013 `gateway restart in progress`.
    RestartInProgress,
    /// 1013 `gateway suspension in progress`.
    Suspending,
    /// 4001 `gateway auth changed`: the secret was rotated while the connection lived.
    AuthRotated,
    /// 4001 `device removed`, `operator role changed`, `gateway policy changed`, `client invalidated: …`: access was taken away.
    AccessRevoked,
    /// 1012 for other reasons: the node's capabilities or the browser's identity route changed.
    RouteChanged,
    /// 4000 `connect timeout` and similar: a client gave up.
    ClientTimeout,
    /// Anything else.
    Other,
}

impl CloseMeaning {
    /// Classifies a close by its code and reason.
    pub fn of(code: u16, reason: &str) -> Self {
        let reason = reason.trim();
        let starts = |prefix: &str| reason.starts_with(prefix);
        match code {
            1000 | 1005 if reason.is_empty() => Self::Normal,
            1002 => Self::VersionMismatch,
            1008 if starts("unauthorized: too many failed") => Self::RateLimited,
            1008 if starts("unauthorized") => Self::Unauthorized,
            1008 if starts("pairing required") => Self::PairingRequired,
            1008 if starts("device identity required") || starts("control ui requires device identity") => {
                Self::DeviceIdentityRequired
            }
            1008 if starts("device ") => Self::DeviceProofInvalid,
            1008 if starts("origin not allowed") => Self::OriginNotAllowed,
            1008 if starts("client version mismatch") || starts("protocol mismatch") || starts("protocol-mismatch") => {
                Self::VersionMismatch
            }
            1008 if starts("invalid") => Self::InvalidHandshake,
            1008 if starts("gateway ingress attribution required") => Self::ProxyAttribution,
            1008 if starts("slow consumer") || starts("slow-consumer") => Self::SlowConsumer,
            1008 if starts("repeated unauthorized calls") || starts("too many pending handshake frames") => Self::Abuse,
            1008 if starts("gateway message handler") => Self::HandlerUnavailable,
            1008 if starts("credential-replaced") => Self::AuthRotated,
            1009 => Self::TooLarge,
            1011 if starts("gateway install changed") => Self::InstallChanged,
            1011 if starts("gateway message handler") => Self::HandlerUnavailable,
            1012 if starts("service restart") || starts("gateway-shutdown") => Self::Restart,
            1012 => Self::RouteChanged,
            1013 if starts("gateway starting") => Self::Starting,
            1013 if starts("gateway restart in progress") => Self::RestartInProgress,
            1013 if starts("gateway suspension in progress") => Self::Suspending,
            4000 => Self::ClientTimeout,
            4001 if starts("gateway auth changed") => Self::AuthRotated,
            4001 => Self::AccessRevoked,
            _ => Self::Other,
        }
    }

    /// Whether trying again a little later may succeed without any change.
    pub fn is_transient(self) -> bool {
        matches!(
            self,
            Self::Restart | Self::Starting | Self::RestartInProgress | Self::Suspending | Self::HandlerUnavailable
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_told_apart() {
        for (code, reason, meaning) in [
            (1000, "", CloseMeaning::Normal),
            (1002, "protocol mismatch", CloseMeaning::VersionMismatch),
            (1008, "unauthorized: gateway token mismatch (use this gateway's token)", CloseMeaning::Unauthorized),
            (1008, "unauthorized: device token mismatch (rotate/reissue device token)", CloseMeaning::Unauthorized),
            (1008, "unauthorized: too many failed authentication attempts (retry later)", CloseMeaning::RateLimited),
            (1008, "pairing required: device is not approved yet", CloseMeaning::PairingRequired),
            (1008, "device identity required", CloseMeaning::DeviceIdentityRequired),
            (1008, "device identity mismatch", CloseMeaning::DeviceProofInvalid),
            (1008, "device nonce mismatch", CloseMeaning::DeviceProofInvalid),
            (1008, "invalid role", CloseMeaning::InvalidHandshake),
            (1008, "slow consumer", CloseMeaning::SlowConsumer),
            (1009, "", CloseMeaning::TooLarge),
            (1011, "gateway install changed; run: openclaw gateway restart", CloseMeaning::InstallChanged),
            (1012, "service restart", CloseMeaning::Restart),
            (1012, "node capabilities changed", CloseMeaning::RouteChanged),
            (1013, "gateway starting", CloseMeaning::Starting),
            (4001, "gateway auth changed", CloseMeaning::AuthRotated),
            (4001, "device removed", CloseMeaning::AccessRevoked),
            (1008, "something new", CloseMeaning::Other),
            (3333, "", CloseMeaning::Other),
        ] {
            assert_eq!(CloseMeaning::of(code, reason), meaning, "{code} {reason}");
        }
    }
}
