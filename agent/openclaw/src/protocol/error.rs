//! The error of a refused request, typed.

use serde::{Deserialize, Serialize};

use super::detail::{DetailCode, ErrorCode, NextStep, PairingReason};
use super::lenient;
use super::text::{Text, mask_known};

/// Scopes of OpenClaw's own, which are shown even where a secret is one of their words.
const KNOWN_SCOPES: [&str; 5] =
    ["operator.admin", "operator.approvals", "operator.pairing", "operator.read", "operator.write"];
/// Longest list of scopes kept.
const MAX_SCOPES: usize = 64;

/// Why the gateway refused a `connect` or a later request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rejection {
    /// The class of the refusal.
    pub code: ErrorCode,
    /// The exact reason, where one was given.
    pub detail: Option<DetailCode>,
    /// The gateway's sentence, bounded and masked.
    pub message: Text,
    /// Whether the gateway says that trying again may help.
    pub retryable: bool,
    /// How long to wait before trying again, in milliseconds.
    pub retry_after_ms: Option<u64>,
    /// `details.reason` when it is not a pairing reason, such as `startup-sidecars`.
    pub reason: Option<Text>,
    /// Which kind of approval is missing.
    pub pairing_reason: Option<PairingReason>,
    /// The pairing request that waits for approval: `openclaw devices approve <id>`.
    pub request_id: Option<String>,
    /// The device that the refusal is about: 64 hex digits.
    pub device_id: Option<String>,
    /// The scopes the device asked for.
    pub requested_scopes: Vec<String>,
    /// The scopes the device already has.
    pub approved_scopes: Vec<String>,
    /// The scope that a method needs and the connection lacks.
    pub missing_scope: Option<String>,
    /// The protocol version the gateway expects, when the versions do not meet.
    pub expected_protocol: Option<u32>,
    /// What the gateway recommends.
    pub next_step: Option<NextStep>,
    /// Whether the gateway would take the stored device token instead.
    pub can_retry_with_device_token: bool,
}

impl Rejection {
    /// Whether the gateway is still starting: `UNAVAILABLE` for a start-up reason.
    pub fn is_starting(&self) -> bool {
        self.code == ErrorCode::Unavailable && self.reason.as_ref().is_some_and(|r| r.as_str().starts_with("startup-"))
    }

    /// What stands on the wire, with each of `secrets` masked first: they stand whole there, and all that follows cuts.
    pub(super) fn new(wire: WireError, secrets: &[&str]) -> Self {
        let masked = |text: String| mask_known(text, secrets);
        let is_shown = |scope: &String| KNOWN_SCOPES.contains(&scope.as_str()) || masked(scope.clone()) == *scope;
        let shown_scopes = |list: Vec<String>| scopes(list.into_iter().filter(is_shown).collect());
        let details = wire.details;
        let detail = details.code.filter(|code| !code.trim().is_empty()).map(|code| DetailCode::masked(code, secrets));
        let pairing = detail == Some(DetailCode::PairingRequired);
        let (pairing_reason, reason) = match details.reason {
            Some(reason) if pairing => (Some(PairingReason::masked(reason, secrets)), None),
            Some(reason) => (None, Some(Text::new(&masked(reason)))),
            None => (None, None),
        };

        Self {
            code: ErrorCode::masked(wire.code.unwrap_or_default(), secrets),
            detail,
            message: wire.message.map(|message| Text::new(&masked(message))).unwrap_or_default(),
            retryable: wire.retryable,
            retry_after_ms: wire.retry_after_ms.and_then(milliseconds),
            reason,
            pairing_reason,
            request_id: details.request_id.map(masked).filter(|id| is_request_id(id)),
            device_id: details.device_id.map(masked).filter(|id| is_device_id(id)),
            requested_scopes: shown_scopes(details.requested_scopes),
            approved_scopes: shown_scopes(details.approved_scopes),
            missing_scope: details.missing_scope.filter(|scope| is_scope(scope) && is_shown(scope)),
            expected_protocol: details.expected_protocol,
            next_step: details.recommended_next_step.map(|step| NextStep::masked(step, secrets)),
            can_retry_with_device_token: details.can_retry_with_device_token,
        }
    }
}

/// `error` as it stands on the wire.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct WireError {
    #[serde(deserialize_with = "lenient::optional")]
    code: Option<String>,
    #[serde(deserialize_with = "lenient::optional")]
    message: Option<String>,
    #[serde(deserialize_with = "lenient::or_default")]
    retryable: bool,
    #[serde(deserialize_with = "lenient::optional")]
    retry_after_ms: Option<f64>,
    #[serde(deserialize_with = "lenient::or_default")]
    details: WireDetails,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct WireDetails {
    #[serde(deserialize_with = "lenient::optional")]
    code: Option<String>,
    #[serde(deserialize_with = "lenient::optional")]
    reason: Option<String>,
    #[serde(deserialize_with = "lenient::optional")]
    request_id: Option<String>,
    #[serde(deserialize_with = "lenient::optional")]
    device_id: Option<String>,
    #[serde(deserialize_with = "lenient::list")]
    requested_scopes: Vec<String>,
    #[serde(deserialize_with = "lenient::list")]
    approved_scopes: Vec<String>,
    #[serde(deserialize_with = "lenient::optional")]
    missing_scope: Option<String>,
    #[serde(deserialize_with = "lenient::optional")]
    expected_protocol: Option<u32>,
    #[serde(deserialize_with = "lenient::optional")]
    recommended_next_step: Option<String>,
    #[serde(deserialize_with = "lenient::or_default")]
    can_retry_with_device_token: bool,
}

/// Milliseconds from a JSON number; a day at most, because nobody waits longer for a gateway.
fn milliseconds(value: f64) -> Option<u64> {
    const DAY_MS: f64 = 86_400_000.0;

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "finite, non-negative and at most a day"
    )]
    (value.is_finite() && value >= 0.0).then(|| value.min(DAY_MS) as u64)
}

/// A request id that may stand in a command line; the pattern is the gateway's own.
pub(super) fn is_request_id(id: &str) -> bool {
    let mut bytes = id.bytes();

    id.len() <= 128
        && bytes.next().is_some_and(|b| b.is_ascii_alphanumeric())
        && bytes.all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b':' | b'-'))
}

/// A device id: the SHA-256 of a public key in hex.
pub(super) fn is_device_id(id: &str) -> bool {
    id.len() == 64 && id.bytes().all(|b| b.is_ascii_hexdigit())
}

/// A scope such as `operator.read`.
fn is_scope(scope: &str) -> bool {
    !scope.is_empty()
        && scope.len() <= 64
        && scope.bytes().all(|b| b.is_ascii_lowercase() || matches!(b, b'.' | b'_' | b'-' | b'*'))
}

/// The entries of `list` that are scopes, bounded in number.
pub(super) fn scopes(list: Vec<String>) -> Vec<String> {
    list.into_iter().filter(|scope| is_scope(scope)).take(MAX_SCOPES).collect()
}
