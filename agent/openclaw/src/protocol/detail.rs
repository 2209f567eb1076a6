//! The codes by which a gateway says why it refused.
//!
//! Source: `ConnectErrorDetailCodes`, `ConnectPairingRequiredReasons` and `ErrorCodes` of OpenClaw 2026.9.6.

use serde::{Deserialize, Serialize};

use super::text;

/// Longest unknown code kept, in characters.
const MAX_CODE_CHARS: usize = 96;

/// Declares an open enumeration: the codes known today, and `Other` for those of another release.
macro_rules! codes {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $code:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(from = "String", into = "String")]
        pub enum $name {
            $($(#[$doc])* $variant,)+
            /// A code of another release, bounded and masked.
            Other(String),
        }

        impl $name {
            /// All codes known today.
            pub const KNOWN: &'static [Self] = &[$(Self::$variant,)+];

            /// The code; one of another release with each of `secrets` masked.
            pub(super) fn masked(code: String, secrets: &[&str]) -> Self {
                match Self::from(code.as_str()) {
                    Self::Other(_) => Self::from(text::mask_known(code, secrets)),
                    known => known,
                }
            }

            /// The code as it stands on the wire.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $code,)+
                    Self::Other(code) => code,
                }
            }
        }

        impl From<&str> for $name {
            fn from(code: &str) -> Self {
                match code.trim() {
                    $($code => Self::$variant,)+
                    other => Self::Other(text::clean(other, &[]).chars().take(MAX_CODE_CHARS).collect()),
                }
            }
        }

        impl From<String> for $name {
            fn from(code: String) -> Self {
                Self::from(code.as_str())
            }
        }

        impl From<$name> for String {
            fn from(code: $name) -> Self {
                code.as_str().to_owned()
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

codes! {
    /// Why a `connect`, or a request after it, was refused: `error.details.code`.
    DetailCode {
        /// A credential is needed and no reason was given.
        AuthRequired = "AUTH_REQUIRED",
        /// Refused for a reason that has no code of its own.
        AuthUnauthorized = "AUTH_UNAUTHORIZED",
        /// The client sent no token.
        AuthTokenMissing = "AUTH_TOKEN_MISSING",
        /// The client sent another token than the gateway's.
        AuthTokenMismatch = "AUTH_TOKEN_MISMATCH",
        /// The gateway has no token that it could compare with.
        AuthTokenNotConfigured = "AUTH_TOKEN_NOT_CONFIGURED",
        /// The client sent no password.
        AuthPasswordMissing = "AUTH_PASSWORD_MISSING",
        /// The client sent another password than the gateway's.
        AuthPasswordMismatch = "AUTH_PASSWORD_MISMATCH",
        /// The gateway has no password that it could compare with.
        AuthPasswordNotConfigured = "AUTH_PASSWORD_NOT_CONFIGURED",
        /// The setup code is wrong or used up.
        AuthBootstrapTokenInvalid = "AUTH_BOOTSTRAP_TOKEN_INVALID",
        /// The client's stored device token is stale.
        AuthDeviceTokenMismatch = "AUTH_DEVICE_TOKEN_MISMATCH",
        /// The device token is valid but covers fewer scopes than asked for.
        AuthScopeMismatch = "AUTH_SCOPE_MISMATCH",
        /// Locked out after too many failures.
        AuthRateLimited = "AUTH_RATE_LIMITED",
        /// Tailscale Serve sent no identity.
        AuthTailscaleIdentityMissing = "AUTH_TAILSCALE_IDENTITY_MISSING",
        /// An identity came in, but not through Tailscale's proxy.
        AuthTailscaleProxyMissing = "AUTH_TAILSCALE_PROXY_MISSING",
        /// Tailscale could not say whose address it is.
        AuthTailscaleWhoisFailed = "AUTH_TAILSCALE_WHOIS_FAILED",
        /// Tailscale names another user than the header.
        AuthTailscaleIdentityMismatch = "AUTH_TAILSCALE_IDENTITY_MISMATCH",
        /// The trusted proxy sent no identity header.
        AuthIdentityHeaderRequired = "AUTH_IDENTITY_HEADER_REQUIRED",
        /// Role policies need a verified user.
        AuthVerifiedUserRequired = "AUTH_VERIFIED_USER_REQUIRED",
        /// The user's profile could not be looked up.
        AuthenticatedProfileUnavailable = "AUTHENTICATED_PROFILE_UNAVAILABLE",
        /// The browser's Control UI is of another build.
        ControlUiBuildMismatch = "CONTROL_UI_BUILD_MISMATCH",
        /// The browser's origin is not allowed.
        ControlUiOriginNotAllowed = "CONTROL_UI_ORIGIN_NOT_ALLOWED",
        /// The browser has no device identity, for want of a secure context.
        ControlUiDeviceIdentityRequired = "CONTROL_UI_DEVICE_IDENTITY_REQUIRED",
        /// No common protocol version.
        ProtocolMismatch = "PROTOCOL_MISMATCH",
        /// Neither a shared secret nor a device identity was sent.
        DeviceIdentityRequired = "DEVICE_IDENTITY_REQUIRED",
        /// The device's proof is wrong in a way that has no code of its own.
        DeviceAuthInvalid = "DEVICE_AUTH_INVALID",
        /// The device id is not the hash of the public key.
        DeviceAuthDeviceIdMismatch = "DEVICE_AUTH_DEVICE_ID_MISMATCH",
        /// The signature is older or younger than the skew allowed: 120 s.
        DeviceAuthSignatureExpired = "DEVICE_AUTH_SIGNATURE_EXPIRED",
        /// The device's proof lacks the challenge's nonce.
        DeviceAuthNonceRequired = "DEVICE_AUTH_NONCE_REQUIRED",
        /// The nonce is not that of the challenge.
        DeviceAuthNonceMismatch = "DEVICE_AUTH_NONCE_MISMATCH",
        /// The signature does not verify.
        DeviceAuthSignatureInvalid = "DEVICE_AUTH_SIGNATURE_INVALID",
        /// The public key is not an Ed25519 key.
        DeviceAuthPublicKeyInvalid = "DEVICE_AUTH_PUBLIC_KEY_INVALID",
        /// The device waits for approval.
        PairingRequired = "PAIRING_REQUIRED",
        /// A node on the gateway's host is older than the gateway.
        ClientVersionMismatch = "CLIENT_VERSION_MISMATCH",
        /// The connection lacks a scope that the method needs; after `connect`.
        MissingScope = "MISSING_SCOPE",
    }
}

codes! {
    /// The class of a refusal: `error.code`.
    ErrorCode {
        /// The request is not valid, or its credential is not.
        InvalidRequest = "INVALID_REQUEST",
        /// The device is not, or not sufficiently, paired.
        NotPaired = "NOT_PAIRED",
        /// The gateway cannot answer now.
        Unavailable = "UNAVAILABLE",
        /// The connection lacks a permission.
        Forbidden = "FORBIDDEN",
        /// The approval asked about is unknown or expired.
        ApprovalNotFound = "APPROVAL_NOT_FOUND",
        /// No longer sent by this release.
        NotLinked = "NOT_LINKED",
        /// No longer sent by this release.
        AgentTimeout = "AGENT_TIMEOUT",
    }
}

codes! {
    /// Why a device waits for approval: `error.details.reason` of `PAIRING_REQUIRED`.
    PairingReason {
        /// The device is unknown.
        NotPaired = "not-paired",
        /// It asks for another role than approved.
        RoleUpgrade = "role-upgrade",
        /// It asks for more scopes than approved.
        ScopeUpgrade = "scope-upgrade",
        /// Its platform or device family changed.
        MetadataUpgrade = "metadata-upgrade",
    }
}

codes! {
    /// What the gateway recommends: `error.details.recommendedNextStep`.
    NextStep {
        /// Try again with the stored device token.
        RetryWithDeviceToken = "retry_with_device_token",
        /// The client's configuration lacks a credential.
        UpdateAuthConfiguration = "update_auth_configuration",
        /// The client's credential is wrong.
        UpdateAuthCredentials = "update_auth_credentials",
        /// Wait, then try again.
        WaitThenRetry = "wait_then_retry",
        /// Look at the configuration of authentication.
        ReviewAuthConfiguration = "review_auth_configuration",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_survives_the_wire() {
        for code in DetailCode::KNOWN {
            let wire = serde_json::to_string(code).unwrap();

            assert_eq!(serde_json::from_str::<DetailCode>(&wire).unwrap(), *code);
        }
    }

    #[test]
    fn unknown_codes_are_kept_but_bounded_and_masked() {
        assert_eq!(DetailCode::from("AUTH_MOON_PHASE"), DetailCode::Other("AUTH_MOON_PHASE".to_owned()));
        assert_eq!(DetailCode::from("sk-a1b2c3d4e5f6a7b8c9"), DetailCode::Other(text::MASK.to_owned()));
        assert!(DetailCode::from("x y ".repeat(1000).as_str()).as_str().len() <= MAX_CODE_CHARS);
    }
}
