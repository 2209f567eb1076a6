//! `channels.<id>` and their accounts.

use serde_json::Value;

use super::Config;

/// A channel of the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Channel {
    /// The key below `channels`.
    pub id: String,
    /// `enabled`; absent counts as on.
    pub enabled: Option<bool>,
    /// `accounts`, by key; empty where the channel's own keys are its only account.
    pub accounts: Vec<ChannelAccount>,
}

impl Channel {
    /// Whether the gateway would start the channel.
    pub fn is_enabled(&self) -> bool {
        self.enabled.unwrap_or(true)
    }
}

/// An account of a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelAccount {
    /// The key below `accounts`.
    pub id: String,
    /// `enabled`; absent counts as on.
    pub enabled: Option<bool>,
}

/// Keys below `channels` that are no channel.
const NOT_CHANNELS: [&str; 2] = ["defaults", "modelByChannel"];

impl Config {
    /// The configured channels, by id.
    pub fn channels(&self) -> Vec<Channel> {
        let Some(Value::Object(channels)) = self.value_at(&["channels"]) else {
            return Vec::new();
        };
        channels
            .iter()
            .filter(|(id, value)| value.is_object() && !NOT_CHANNELS.contains(&id.as_str()))
            .map(|(id, value)| Channel { id: id.clone(), enabled: enabled(value), accounts: accounts(value) })
            .collect()
    }
}

fn accounts(channel: &Value) -> Vec<ChannelAccount> {
    let Some(Value::Object(accounts)) = channel.get("accounts") else {
        return Vec::new();
    };
    accounts.iter().map(|(id, account)| ChannelAccount { id: id.clone(), enabled: enabled(account) }).collect()
}

fn enabled(value: &Value) -> Option<bool> {
    value.get("enabled").and_then(Value::as_bool)
}
