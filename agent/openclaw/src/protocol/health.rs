//! The `health` answer, which also comes inside `hello-ok`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::lenient;
use super::text::Text;

/// The gateway's own view of its health. `ok` is true even while a channel is dead.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub struct Health {
    /// The gateway's verdict; not a proof of working channels.
    #[serde(deserialize_with = "lenient::optional")]
    pub ok: Option<bool>,
    /// When the picture was taken, in milliseconds since 1970; the gateway caches it.
    #[serde(deserialize_with = "lenient::optional")]
    pub ts: Option<i64>,
    /// Channels by name.
    #[serde(deserialize_with = "lenient::map")]
    pub channels: BTreeMap<String, ChannelHealth>,
    /// The event loop of the gateway's main thread.
    #[serde(deserialize_with = "lenient::optional")]
    pub event_loop: Option<EventLoop>,
}

/// One channel within [`Health`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub struct ChannelHealth {
    /// Accounts by name.
    #[serde(deserialize_with = "lenient::map")]
    pub accounts: BTreeMap<String, AccountHealth>,
}

/// One account within [`ChannelHealth`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub struct AccountHealth {
    /// Switched on in the configuration.
    #[serde(deserialize_with = "lenient::optional")]
    pub enabled: Option<bool>,
    /// Has what it needs to start.
    #[serde(deserialize_with = "lenient::optional")]
    pub configured: Option<bool>,
    /// Its task runs.
    #[serde(deserialize_with = "lenient::optional")]
    pub running: Option<bool>,
    /// Connected to its service.
    #[serde(deserialize_with = "lenient::optional")]
    pub connected: Option<bool>,
    /// `starting`, `ready`, `recovering`, `blocked`, `stopped`.
    #[serde(deserialize_with = "lenient::optional")]
    pub lifecycle: Option<Text>,
    /// `terminal-disconnect`, `not-running`, …; absent when well.
    #[serde(deserialize_with = "lenient::optional")]
    pub health_state: Option<Text>,
    /// The last error.
    #[serde(deserialize_with = "lenient::optional")]
    pub last_error: Option<Text>,
}

/// The event loop of the gateway's main thread.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub struct EventLoop {
    /// The gateway's verdict.
    #[serde(deserialize_with = "lenient::optional")]
    pub degraded: Option<bool>,
    /// For how long it has been degraded, in milliseconds.
    #[serde(deserialize_with = "lenient::optional")]
    pub degraded_since_ms: Option<f64>,
    /// Why: `event_loop_delay`, `event_loop_utilization`, `cpu`.
    #[serde(deserialize_with = "lenient::list")]
    pub reasons: Vec<Text>,
    /// 99th percentile of the delay, in milliseconds.
    #[serde(deserialize_with = "lenient::optional")]
    pub delay_p99_ms: Option<f64>,
    /// Largest delay, in milliseconds.
    #[serde(deserialize_with = "lenient::optional")]
    pub delay_max_ms: Option<f64>,
    /// Share of time the loop was busy, 0 to 1.
    #[serde(deserialize_with = "lenient::optional")]
    pub utilization: Option<f64>,
}
