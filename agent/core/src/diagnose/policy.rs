//! Thresholds and waivers.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::catalogue::{Code, Layer};
use crate::locks::Thresholds;

/// What the operator decided.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Policy {
    /// Judge this layer only.
    pub only: Option<Layer>,
    /// Findings that are known and accepted for a time.
    pub waivers: Vec<Waiver>,
    /// Images that must run: references with digests.
    #[serde(default)]
    pub pinned_images: Vec<String>,
    /// Seconds within which a gateway may start before silence is an error.
    pub start_budget_s: u64,
    /// Characters below which a token is weak.
    pub token_min_length: u32,
    /// Bits of entropy below which a token is weak.
    pub token_min_entropy_bits: f32,
    /// Milliseconds after which a challenge counts as slow.
    pub slow_challenge_ms: f64,
    /// Milliseconds of event-loop delay above which a gateway is stalled.
    pub event_loop_delay_ms: f64,
    /// Bytes free below which a volume is an error, and below which it is a warning.
    pub disk_error_bytes: u64,
    /// See [`Policy::disk_error_bytes`].
    pub disk_warning_bytes: u64,
    /// Share free below which a volume is an error, in percent.
    pub disk_error_percent: f64,
    /// Bytes below which no write-ahead log is too large.
    pub wal_floor_bytes: u64,
    /// Seconds that 95 of 100 newcomers may wait for a lock, and from which a wait is a warning.
    pub lock_wait: Thresholds,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            only: None,
            waivers: Vec::new(),
            pinned_images: Vec::new(),
            start_budget_s: 300,
            token_min_length: 24,
            token_min_entropy_bits: 64.0,
            slow_challenge_ms: 2_000.0,
            event_loop_delay_ms: 1_000.0,
            disk_error_bytes: 1 << 30,
            disk_warning_bytes: 5 << 30,
            disk_error_percent: 2.0,
            wal_floor_bytes: 64 << 20,
            lock_wait: Thresholds::default(),
        }
    }
}

/// A finding that is known and accepted for a time. It stays visible and leaves the verdict alone until it expires.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Waiver {
    /// The finding.
    pub code: Code,
    /// The subject's id; every subject where it is left out.
    pub subject: Option<String>,
    /// Until when.
    pub until: Timestamp,
    /// Why.
    pub reason: String,
}
