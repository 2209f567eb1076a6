//! The `channels.status` answer.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::lenient::{self, Maybe};
use super::text::{self, Text};

/// The state of every channel account; with `probe`, each was asked live.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(from = "WireStatus")]
pub struct ChannelsStatus {
    /// When it was measured, in milliseconds since 1970.
    pub ts: Option<i64>,
    /// Accounts by channel.
    pub channels: BTreeMap<String, Vec<ChannelAccount>>,
    /// Accounts that could not be read.
    pub unreadable: usize,
    /// What the gateway itself finds wrong.
    pub status_issues: Vec<StatusIssue>,
    /// Whether only a part was measured in time.
    pub partial: bool,
}

/// `channelAccounts` is required: without it there may be channels, and an empty list would say that there are none.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireStatus {
    channel_accounts: BTreeMap<String, Vec<Maybe<ChannelAccount>>>,
    #[serde(default, deserialize_with = "lenient::optional")]
    ts: Option<i64>,
    #[serde(default, deserialize_with = "lenient::list")]
    status_issues: Vec<StatusIssue>,
    #[serde(default, deserialize_with = "lenient::or_default")]
    partial: bool,
}

impl From<WireStatus> for ChannelsStatus {
    fn from(wire: WireStatus) -> Self {
        let mut unreadable = 0;
        let mut channels = BTreeMap::new();
        for (channel, accounts) in wire.channel_accounts {
            let (known, other) = lenient::sort(accounts);
            unreadable += other;
            channels.insert(text::name(&channel), known);
        }

        Self { ts: wire.ts, channels, unreadable, status_issues: wire.status_issues, partial: wire.partial }
    }
}

impl ChannelsStatus {
    /// Every account with the name of its channel.
    pub fn accounts(&self) -> impl Iterator<Item = (&str, &ChannelAccount)> {
        self.channels
            .iter()
            .flat_map(|(channel, accounts)| accounts.iter().map(move |account| (channel.as_str(), account)))
    }
}

/// One account of a channel. Tokens are not kept; where they come from is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub struct ChannelAccount {
    /// Name of the account.
    #[serde(deserialize_with = "lenient::name")]
    pub account_id: String,
    /// Switched on in the configuration.
    #[serde(deserialize_with = "lenient::optional")]
    pub enabled: Option<bool>,
    /// Has what it needs to start.
    #[serde(deserialize_with = "lenient::optional")]
    pub configured: Option<bool>,
    /// Linked to a phone or session, for channels that need it.
    #[serde(deserialize_with = "lenient::optional")]
    pub linked: Option<bool>,
    /// Its task runs.
    #[serde(deserialize_with = "lenient::optional")]
    pub running: Option<bool>,
    /// Connected to its service; not every channel says.
    #[serde(deserialize_with = "lenient::optional")]
    pub connected: Option<bool>,
    /// `starting`, `ready`, `recovering`, `blocked`, `stopped`.
    #[serde(deserialize_with = "lenient::optional")]
    pub lifecycle: Option<Text>,
    /// `terminal-disconnect`, `not-running`, `stale-socket`, …; absent when well.
    #[serde(deserialize_with = "lenient::optional")]
    pub health_state: Option<Text>,
    /// A restart is due.
    #[serde(deserialize_with = "lenient::optional")]
    pub restart_pending: Option<bool>,
    /// It gave up: no restart will follow by itself.
    #[serde(deserialize_with = "lenient::optional")]
    pub terminal_disconnect: Option<bool>,
    /// Attempts to reconnect since it last worked.
    #[serde(deserialize_with = "lenient::optional")]
    pub reconnect_attempts: Option<u64>,
    /// The last error.
    #[serde(deserialize_with = "lenient::optional")]
    pub last_error: Option<Text>,
    /// When it last connected, in milliseconds since 1970.
    #[serde(deserialize_with = "lenient::optional")]
    pub last_connected_at: Option<i64>,
    /// When its transport last moved, in milliseconds since 1970.
    #[serde(deserialize_with = "lenient::optional")]
    pub last_transport_activity_at: Option<i64>,
    /// When it last started, in milliseconds since 1970.
    #[serde(deserialize_with = "lenient::optional")]
    pub last_start_at: Option<i64>,
    /// When it last stopped, in milliseconds since 1970.
    #[serde(deserialize_with = "lenient::optional")]
    pub last_stop_at: Option<i64>,
    /// Where its token comes from: `config`, `env`, `tokenFile`, `none`.
    #[serde(deserialize_with = "lenient::optional")]
    pub token_source: Option<Text>,
    /// Whether its token can be read: `available`, …
    #[serde(deserialize_with = "lenient::optional")]
    pub token_status: Option<Text>,
    /// `polling`, `webhook`, …
    #[serde(deserialize_with = "lenient::optional")]
    pub mode: Option<Text>,
    /// The live probe, when one was asked for and made.
    #[serde(deserialize_with = "lenient::optional")]
    pub probe: Option<ChannelProbe>,
}

/// The result of asking a channel's service live.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub struct ChannelProbe {
    /// The service knows us.
    #[serde(deserialize_with = "lenient::optional")]
    pub ok: Option<bool>,
    /// The service's HTTP status, where it has one.
    #[serde(deserialize_with = "lenient::optional")]
    pub status: Option<u16>,
    /// What went wrong.
    #[serde(deserialize_with = "lenient::optional")]
    pub error: Option<Text>,
    /// How long it took, in milliseconds.
    #[serde(deserialize_with = "lenient::optional")]
    pub elapsed_ms: Option<f64>,
}

/// Something that the gateway itself finds wrong with an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub struct StatusIssue {
    /// The channel.
    #[serde(deserialize_with = "lenient::name")]
    pub channel: String,
    /// The account.
    #[serde(deserialize_with = "lenient::optional_name")]
    pub account_id: Option<String>,
    /// `runtime`, `config`, `auth`, `permissions`, `intent`.
    #[serde(deserialize_with = "lenient::optional")]
    pub kind: Option<Text>,
    /// What is wrong.
    #[serde(deserialize_with = "lenient::optional")]
    pub message: Option<Text>,
    /// What the gateway advises.
    #[serde(deserialize_with = "lenient::optional")]
    pub fix: Option<Text>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_that_cannot_be_read_are_counted() {
        let status: ChannelsStatus = serde_json::from_str(
            r#"{"channelAccounts":{"telegram":[{"accountId":"main","running":"yes"},7,{"accountId":3}]}}"#,
        )
        .unwrap();

        assert_eq!(status.accounts().count(), 2);
        assert_eq!(status.unreadable, 1);
        assert_eq!(status.accounts().next().unwrap().1.running, None);
    }

    #[test]
    fn an_answer_without_accounts_does_not_say_that_there_are_none() {
        for text in ["{}", r#"{"channelAccounts":null}"#, r#"{"channelAccounts":[]}"#] {
            assert!(serde_json::from_str::<ChannelsStatus>(text).is_err(), "{text}");
        }
    }
}
