//! Every transcript replays through the client to its typed outcome: without a socket, and over a loopback one.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]
#![expect(clippy::print_stderr, reason = "a skipped test says so")]

#[path = "transcripts/outcome.rs"]
mod outcome;
#[path = "transcripts/play.rs"]
mod play;
#[path = "transcripts/record.rs"]
mod record;
#[path = "transcripts/replay.rs"]
mod replay;

use std::path::{Path, PathBuf};

use outcome::Outcome;
use record::Transcript;

/// What each case comes to: error code, detail code, close code and its meaning; or the scopes granted and what followed.
type Table = &'static [(&'static str, &'static str)];

const OWN: Table = &[
    ("closed-without-answer", "1000 Normal"),
    ("dropped-after-challenge", "1006"),
    ("live-drop", "hello-ok [operator.read operator.pairing] 0 answers, 1006"),
    ("live-restart", "hello-ok [operator.read operator.pairing] 0 answers, 1012 Restart"),
    ("pairing-required", "NOT_PAIRED PAIRING_REQUIRED 1008 PairingRequired"),
    ("proxy-attribution", "http 403 proxy_attribution_required"),
    ("refused-without-close-frame", "INVALID_REQUEST AUTH_PASSWORD_MISSING 1006"),
    ("session", "hello-ok [operator.read operator.pairing] 4 answers, 1000 Normal"),
    ("starting", "UNAVAILABLE - 1013 Starting"),
    ("token-mismatch", "INVALID_REQUEST AUTH_TOKEN_MISMATCH 1008 Unauthorized"),
    ("too-large", "1009 TooLarge"),
    ("too-many-sockets", "http 503 -"),
];

/// Cases by name. A transcript of another name is judged by what it says itself.
const NAMED: Table = &[
    ("authnone-cli-device", "hello-ok [operator.read] 0 answers, 1000 Normal"),
    ("authnone-cli-no-device-password-sent", "NOT_PAIRED DEVICE_IDENTITY_REQUIRED 1008 DeviceIdentityRequired"),
    ("authnone-cli-no-device", "NOT_PAIRED DEVICE_IDENTITY_REQUIRED 1008 DeviceIdentityRequired"),
    ("browser-origin-not-allowed", "INVALID_REQUEST CONTROL_UI_ORIGIN_NOT_ALLOWED 1008 OriginNotAllowed"),
    ("channels-status-probe-telegram", "hello-ok [operator.read operator.admin] 3 answers, 1000 Normal"),
    ("client-drops-before-connect", "1006"),
    ("client-id-unknown", "INVALID_REQUEST - 1008 InvalidHandshake"),
    ("client-mode-operator-as-in-docs", "INVALID_REQUEST - 1008 InvalidHandshake"),
    ("connect-extra-param", "INVALID_REQUEST - 1008 InvalidHandshake"),
    ("control-ui-no-device", "INVALID_REQUEST CONTROL_UI_ORIGIN_NOT_ALLOWED 1008 OriginNotAllowed"),
    ("device-bad-signature", "INVALID_REQUEST DEVICE_AUTH_SIGNATURE_INVALID 1008 DeviceProofInvalid"),
    ("device-id-mismatch", "INVALID_REQUEST DEVICE_AUTH_DEVICE_ID_MISMATCH 1008 DeviceProofInvalid"),
    ("device-stale-signature", "INVALID_REQUEST DEVICE_AUTH_SIGNATURE_EXPIRED 1008 DeviceProofInvalid"),
    ("device-v2-signature", "hello-ok [operator.read] 0 answers, 1000 Normal"),
    ("device-wrong-nonce", "INVALID_REQUEST DEVICE_AUTH_NONCE_MISMATCH 1008 DeviceProofInvalid"),
    ("empty-token-no-device", "NOT_PAIRED DEVICE_IDENTITY_REQUIRED 1008 DeviceIdentityRequired"),
    ("first-frame-not-connect", "INVALID_REQUEST - 1008 InvalidHandshake"),
    ("garbage-json-frame", "1008 InvalidHandshake"),
    ("garbage-text-frame", "1000 Normal"),
    ("host-header-nonlocal", "hello-ok [operator.read] 0 answers, 1000 Normal"),
    ("lan-missing-token-device", "INVALID_REQUEST AUTH_TOKEN_MISSING 1008 Unauthorized"),
    ("lan-no-device-backend-token", "hello-ok [] 1 answers, 1000 Normal"),
    ("lan-no-device-cli-token", "hello-ok [] 1 answers, 1000 Normal"),
    ("lan-no-device-probe-token", "hello-ok [] 1 answers, 1000 Normal"),
    ("lan-paired-cli-device-after-approve", "hello-ok [operator.read] 1 answers, 1000 Normal"),
    ("lan-paired-device-platform-changed", "NOT_PAIRED PAIRING_REQUIRED 1008 PairingRequired"),
    ("lan-paired-device-scope-upgrade", "NOT_PAIRED PAIRING_REQUIRED 1008 PairingRequired"),
    ("lan-ratelimit-attempt-1", "INVALID_REQUEST AUTH_TOKEN_MISMATCH 1008 Unauthorized"),
    ("lan-ratelimit-attempt-10", "INVALID_REQUEST AUTH_TOKEN_MISMATCH 1008 Unauthorized"),
    ("lan-ratelimit-attempt-11", "INVALID_REQUEST AUTH_RATE_LIMITED 1008 RateLimited"),
    ("lan-ratelimit-attempt-12", "INVALID_REQUEST AUTH_RATE_LIMITED 1008 RateLimited"),
    ("lan-unpaired-cli-device-second-try-same-requestid", "NOT_PAIRED PAIRING_REQUIRED 1008 PairingRequired"),
    ("lan-unpaired-cli-device-token-auth", "NOT_PAIRED PAIRING_REQUIRED 1008 PairingRequired"),
    ("lan-unpaired-node", "NOT_PAIRED PAIRING_REQUIRED 1008 PairingRequired"),
    ("lan-unpaired-probe-device", "NOT_PAIRED PAIRING_REQUIRED 1008 PairingRequired"),
    ("lan-wrong-token-cli", "INVALID_REQUEST AUTH_TOKEN_MISMATCH 1008 Unauthorized"),
    ("live-auth-token-changed", "hello-ok [operator.read] 0 answers, 4001 AuthRotated"),
    ("live-restart-sigusr2", "hello-ok [operator.read] 0 answers, 1012 Restart"),
    ("live-stop-sigterm", "hello-ok [operator.read] 0 answers, 1012 Restart"),
    ("loopback-device-autoapprovelocal-false", "NOT_PAIRED PAIRING_REQUIRED 1008 PairingRequired"),
    ("method-missing-scope", "hello-ok [] 3 answers, 1000 Normal"),
    ("missing-token-device", "INVALID_REQUEST AUTH_TOKEN_MISSING 1008 Unauthorized"),
    ("missing-token-no-device", "NOT_PAIRED DEVICE_IDENTITY_REQUIRED 1008 DeviceIdentityRequired"),
    ("no-first-frame-timeout", "1000 Normal"),
    ("node-role-no-device", "NOT_PAIRED DEVICE_IDENTITY_REQUIRED 1008 DeviceIdentityRequired"),
    ("ok-token-device", "hello-ok [operator.read] 1 answers, 1000 Normal"),
    ("ok-token-no-device-backend", "hello-ok [operator.read] 2 answers, 1000 Normal"),
    ("ok-token-no-device-cli", "hello-ok [operator.read] 2 answers, 1000 Normal"),
    ("ok-token-no-device-probe", "hello-ok [] 1 answers, 1000 Normal"),
    ("oversized-preauth-frame", "1009 TooLarge"),
    ("password-instead-of-token", "hello-ok [operator.read] 0 answers, 1000 Normal"),
    ("password-mode-missing-with-device", "INVALID_REQUEST AUTH_PASSWORD_MISSING 1008 Unauthorized"),
    ("password-mode-none", "NOT_PAIRED DEVICE_IDENTITY_REQUIRED 1008 DeviceIdentityRequired"),
    ("password-mode-ok-in-token-field", "hello-ok [operator.read] 0 answers, 1000 Normal"),
    ("password-mode-ok", "hello-ok [operator.read] 0 answers, 1000 Normal"),
    ("password-mode-wrong", "INVALID_REQUEST AUTH_PASSWORD_MISMATCH 1008 Unauthorized"),
    ("protocol-future-v5-cli", "INVALID_REQUEST PROTOCOL_MISMATCH 1002 VersionMismatch"),
    ("protocol-old-v3-cli", "INVALID_REQUEST PROTOCOL_MISMATCH 1002 VersionMismatch"),
    ("protocol-v3-probe", "hello-ok [] 0 answers, 1000 Normal"),
    ("role-invalid", "INVALID_REQUEST - 1008 InvalidHandshake"),
    ("trustedproxy-none-device", "hello-ok [operator.read] 0 answers, 1000 Normal"),
    ("trustedproxy-none-nodevice", "hello-ok [operator.read] 0 answers, 1000 Normal"),
    ("trustedproxy-xff-loopback-device", "http 403 proxy_attribution_required"),
    ("trustedproxy-xff-loopback-nodevice", "http 403 proxy_attribution_required"),
    ("trustedproxy-xff-private-device", "NOT_PAIRED PAIRING_REQUIRED 1008 PairingRequired"),
    ("trustedproxy-xff-private-nodevice", "hello-ok [] 0 answers, 1000 Normal"),
    ("trustedproxy-xff-public-device", "NOT_PAIRED PAIRING_REQUIRED 1008 PairingRequired"),
    ("trustedproxy-xff-public-nodevice", "hello-ok [] 0 answers, 1000 Normal"),
    ("trustedproxy-xfproto-only-device", "http 403 proxy_attribution_required"),
    ("trustedproxy-xfproto-only-nodevice", "http 403 proxy_attribution_required"),
    ("trustedproxy-xrealip-device", "http 403 proxy_attribution_required"),
    ("trustedproxy-xrealip-nodevice", "http 403 proxy_attribution_required"),
    ("wrong-devicetoken", "INVALID_REQUEST AUTH_DEVICE_TOKEN_MISMATCH 1008 Unauthorized"),
    ("wrong-token-cli-no-device", "INVALID_REQUEST AUTH_TOKEN_MISMATCH 1008 Unauthorized"),
    ("wrong-token-device", "INVALID_REQUEST AUTH_TOKEN_MISMATCH 1008 Unauthorized"),
    ("wrong-token-probe-no-device", "INVALID_REQUEST AUTH_TOKEN_MISMATCH 1008 Unauthorized"),
    ("xff-untrusted", "http 403 proxy_attribution_required"),
];

fn own() -> Vec<Transcript> {
    record::transcripts(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/transcripts"))
}

fn corpus() -> Option<Vec<Transcript>> {
    let Some(root) = std::env::var_os("PORTREEVE_CORPUS") else {
        eprintln!("skipped: PORTREEVE_CORPUS is not set");
        return None;
    };
    let all = record::transcripts(&PathBuf::from(root).join("openclaw/transcripts"));
    assert!(!all.is_empty(), "no transcripts in the corpus");

    Some(all)
}

fn check(transcript: &Transcript, table: Table, outcome: impl FnOnce(&Transcript) -> Outcome) {
    if transcript.probes().next().is_some() {
        assert_eq!(replay::replay_timeline(transcript), transcript.probes().count(), "{}", transcript.name);
        return;
    }
    let outcome = outcome(transcript);

    assert_eq!(outcome, Outcome::recorded(transcript), "{}", transcript.name);
    if let Some((_, expected)) = table.iter().find(|(name, _)| *name == transcript.name) {
        assert_eq!(outcome.brief(), *expected, "{}", transcript.name);
    }
}

fn over_a_socket(transcript: &Transcript) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();

    runtime.block_on(play::play(transcript))
}

#[test]
fn transcripts_replay_to_typed_outcome() {
    for transcript in &own() {
        check(transcript, OWN, replay::replay);
    }
}

#[test]
fn transcripts_play_over_a_socket() {
    for transcript in &own() {
        check(transcript, OWN, over_a_socket);
    }
}

#[test]
fn corpus_transcripts_replay_to_typed_outcome() {
    for transcript in corpus().iter().flatten() {
        check(transcript, NAMED, replay::replay);
    }
}

#[test]
fn corpus_transcripts_play_over_a_socket() {
    for transcript in corpus().iter().flatten() {
        check(transcript, NAMED, over_a_socket);
    }
}
