//! Channels and their accounts.

use super::super::{Context, Draft, Rule, account_fails};
use super::life::recent;
use crate::catalogue::Code;
use crate::snapshot::{AccountStatus, ChannelStatus, ChannelsAnswer, Gateway, LogEvent, event};

pub(super) const RULES: &[Rule] = &[none, skipped, failing, ingress, subagent];

/// What they may raise.
pub(super) const RAISES: &[Code] =
    &[Code::ChannelNone, Code::ChannelFailing, Code::ChannelIngress, Code::ChannelSubagent];

/// How long a sub-agent that did not start counts, in seconds.
const SUBAGENT_S: i64 = 3_600;
/// Most failures that are shown.
const SHOWN: usize = 3;

fn accounts(answer: &ChannelsAnswer) -> impl Iterator<Item = (&ChannelStatus, &AccountStatus)> {
    answer.channels.iter().flat_map(|channel| channel.accounts.iter().map(move |account| (channel, account)))
}

fn subject(gateway: &Gateway, channel: &ChannelStatus, account: &AccountStatus) -> String {
    format!("{}:{} of {}", channel.id, account.id, gateway.id)
}

/// `channel.none`: the gateway has no channel, so that nothing is proven beyond it.
fn none(context: Context<'_>, out: &mut Vec<Draft>) {
    for gateway in &context.snapshot.gateways {
        let probe = &gateway.ladder.channels;
        let Some(answer) = probe.answer() else { continue };
        if has_account(answer) || skip(gateway).is_some() {
            continue;
        }
        let summary = format!(
            "no channel is configured on the gateway on port {}: the check proves the gateway only",
            gateway.port
        );
        out.push(Draft::new(Code::ChannelNone, "gateway", gateway.id.clone(), summary).gateway(gateway).answered(
            "no enabled account",
            "channels.status",
            probe,
        ));
    }
}

fn has_account(answer: &ChannelsAnswer) -> bool {
    accounts(answer).any(|(_, account)| account.enabled && account.configured)
}

/// The configured channels of a gateway whose environment keeps them from starting, and the variable that does.
fn skip(gateway: &Gateway) -> Option<(&[String], &str)> {
    let config = gateway.config.get().filter(|config| !config.channels.is_empty())?;
    Some((&config.channels, config.channels_skipped.as_deref()?))
}

/// `channel.failing`: the gateway starts no channel at all, because it was told so. It drops their configuration then, and answers that
/// none is configured.
fn skipped(context: Context<'_>, out: &mut Vec<Draft>) {
    for gateway in &context.snapshot.gateways {
        let probe = &gateway.ladder.channels;
        let (Some(answer), Some((channels, variable))) = (probe.answer(), skip(gateway)) else { continue };
        if has_account(answer) {
            continue;
        }
        let summary = format!(
            "the gateway on port {} starts no channel: `{variable}` is set in its environment, and {} is configured",
            gateway.port,
            channels.join(", ")
        );
        let draft = Draft::new(Code::ChannelFailing, "gateway", gateway.id.clone(), summary)
            .gateway(gateway)
            .answered("no enabled account", "channels.status", probe)
            .seen(format!("configured: {}", channels.join(", ")), &gateway.config)
            .remedy(format!("take `{variable}` out of what starts the gateway: its unit, a `.env` file or the shell"))
            .remedy("restart the gateway");
        out.push(draft);
    }
}

/// `channel.failing`: an account that should run does not, or its probe fails.
fn failing(context: Context<'_>, out: &mut Vec<Draft>) {
    for gateway in &context.snapshot.gateways {
        let probe = &gateway.ladder.channels;
        let Some(answer) = probe.answer() else { continue };
        for (channel, account) in accounts(answer).filter(|(_, account)| account_fails(account)) {
            let state = account.health_state.as_deref().or(account.lifecycle.as_deref());
            let what = match (account.running, account.probe_ok) {
                (false, _) => "does not run",
                (true, Some(false)) => "does not pass its probe",
                (true, _) => "is not connected",
            };
            let why =
                account.probe_error.as_deref().or(account.last_error.as_deref()).or(state).unwrap_or("no reason given");
            let summary = format!("{} account {} {what}: {why}", channel.id, account.id);
            let mut draft = Draft::new(Code::ChannelFailing, "channel", subject(gateway, channel, account), summary)
                .gateway(gateway);
            let facts = [
                ("health", state),
                ("last error", account.last_error.as_deref()),
                ("probe", account.probe_error.as_deref()),
            ];
            for (name, fact) in facts {
                if let Some(fact) = fact {
                    draft = draft.answered(format!("{name}: {fact}"), "channels.status", probe);
                }
            }
            out.push(draft);
        }
    }
}

/// `channel.ingress`: an account that runs cannot admit inbound events.
fn ingress(context: Context<'_>, out: &mut Vec<Draft>) {
    for gateway in &context.snapshot.gateways {
        let probe = &gateway.ladder.channels;
        let Some(answer) = probe.answer() else { continue };
        for (channel, account) in accounts(answer) {
            if !account.enabled || account_fails(account) || account.ingress_ok != Some(false) {
                continue;
            }
            let summary = format!("{} account {} runs but admits no inbound events", channel.id, account.id);
            out.push(
                Draft::new(Code::ChannelIngress, "channel", subject(gateway, channel, account), summary)
                    .gateway(gateway)
                    .answered("inbound events are not admitted", "channels.status", probe),
            );
        }
    }
}

/// `channel.subagent`: agents could not start the sessions of sub-agents within the last hour.
fn subagent(context: Context<'_>, out: &mut Vec<Draft>) {
    for gateway in &context.snapshot.gateways {
        let failed: Vec<&LogEvent> = recent(context, gateway, event::SUBAGENT_FAILED, SUBAGENT_S).collect();
        let Some(last) = failed.last() else { continue };
        let times = if failed.len() == 1 { "once".to_owned() } else { format!("{} times", failed.len()) };
        let why = last.detail.as_ref().map_or_else(String::new, |why| format!(": {why}"));
        let summary = format!(
            "agents of the gateway on port {} failed to start a sub-agent {times} within an hour{why}",
            gateway.port
        );
        let mut draft = Draft::new(Code::ChannelSubagent, "gateway", gateway.id.clone(), summary).gateway(gateway);
        for event in failed.iter().rev().take(SHOWN) {
            draft = draft.seen(event.text.clone(), &gateway.log);
        }
        out.push(draft);
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::fixture::*;
    use super::*;
    use crate::Severity;
    use crate::snapshot::Snapshot;

    fn account() -> AccountStatus {
        AccountStatus {
            id: "default".to_owned(),
            enabled: true,
            configured: true,
            running: true,
            connected: Some(true),
            lifecycle: Some("ready".to_owned()),
            health_state: None,
            last_error: None,
            probe_ok: Some(true),
            probe_error: None,
            ingress_ok: None,
        }
    }

    fn telegram(snapshot: &mut Snapshot, account: AccountStatus) {
        let channel = ChannelStatus { id: "telegram".to_owned(), configured: true, accounts: vec![account] };
        answer(&mut gateway(snapshot).ladder.channels).channels.push(channel);
    }

    #[test]
    fn no_channel_is_worth_knowing_and_blocks_nothing() {
        let healthy = healthy();
        assert_eq!(finding(&healthy, Code::ChannelNone).severity, Severity::Information);
        assert!(silent(none, &node(|node| telegram(node, account()))));
        assert!(silent(none, &node(|node| gateway(node).ladder.channels = untried())));
    }

    #[test]
    fn an_account_that_does_not_run_is_the_root_cause_with_exit_status_76() {
        let node = node(|node| {
            let stopped =
                AccountStatus { running: false, last_error: Some("401: Unauthorized".to_owned()), ..account() };
            telegram(node, stopped);
        });
        assert_eq!(root_causes(&node), [Code::ChannelFailing]);
        assert_eq!(
            finding(&node, Code::ChannelFailing).summary,
            "telegram account default does not run: 401: Unauthorized"
        );
        assert_eq!(report(&node).exit_status(false), 76);
    }

    #[test]
    fn a_failed_probe_counts_and_a_disabled_account_does_not() {
        let failed = node(|node| telegram(node, AccountStatus { probe_ok: Some(false), ..account() }));
        assert_eq!(draft(failing, &failed).code, Code::ChannelFailing);
        let disabled = node(|node| telegram(node, AccountStatus { enabled: false, running: false, ..account() }));
        assert!(silent(failing, &disabled));
        assert!(silent(failing, &node(|node| gateway(node).ladder.channels = untried())));
    }

    #[test]
    fn an_account_whose_messages_another_program_takes_fails_although_its_token_is_good() {
        let error = "Telegram getUpdates conflict: Conflict: terminated by other getUpdates request";
        let recovering = AccountStatus {
            connected: Some(false),
            lifecycle: Some("recovering".to_owned()),
            last_error: Some(error.to_owned()),
            ..account()
        };
        let contested = node(|node| telegram(node, recovering.clone()));
        assert_eq!(root_causes(&contested), [Code::ChannelFailing]);
        let summary = format!("telegram account default is not connected: {error}");
        assert_eq!(finding(&contested, Code::ChannelFailing).summary, summary);
        assert_eq!(report(&contested).exit_status(false), 76);

        let came_back = AccountStatus { connected: Some(true), ..recovering.clone() };
        let other = AccountStatus { last_error: Some("read ECONNRESET".to_owned()), ..recovering.clone() };
        let untold = AccountStatus { connected: None, ..recovering.clone() };
        let silent_of_it = AccountStatus { last_error: None, ..recovering };
        for account in [came_back, other, untold, silent_of_it] {
            assert!(silent(failing, &node(|node| telegram(node, account))));
        }
    }

    #[test]
    fn channels_that_the_environment_keeps_from_starting_are_named_with_the_variable() {
        let told = |node: &mut Snapshot| {
            let config = value(&mut gateway(node).config);
            config.channels = vec!["telegram".to_owned()];
            config.channels_skipped = Some("OPENCLAW_SKIP_CHANNELS".to_owned());
        };
        let skipping = node(|node| {
            told(node);
            telegram(node, AccountStatus { configured: false, running: false, connected: None, ..account() });
        });
        assert_eq!(root_causes(&skipping), [Code::ChannelFailing]);
        let found = finding(&skipping, Code::ChannelFailing);
        assert_eq!(
            found.summary,
            "the gateway on port 18789 starts no channel: `OPENCLAW_SKIP_CHANNELS` is set in its environment, and telegram is configured"
        );
        assert!(silent(none, &skipping), "it is not true that none is configured");
        assert_eq!(report(&skipping).exit_status(false), 76);

        assert!(silent(skipped, &node(|node| (told(node), telegram(node, account())).1)), "it runs");
        let unset = node(|node| (told(node), value(&mut gateway(node).config).channels_skipped = None).1);
        let unused = node(|node| (told(node), value(&mut gateway(node).config).channels.clear()).1);
        let unasked = node(|node| (told(node), gateway(node).ladder.channels = untried()).1);
        let hidden = node(|node| gateway(node).config = denied());
        for node in [unset, unused, unasked, hidden] {
            assert!(silent(skipped, &node));
        }
    }

    #[test]
    fn sub_agents_that_do_not_start_warn() {
        let text = "[tools] sessions_spawn failed: gateway closed (1008): pairing required";
        let failing = node(|node| {
            for seconds in [120, 60] {
                log_event(node, seconds, event::SUBAGENT_FAILED, text, &[]);
            }
            let event = value(&mut gateway(node).log).events.last_mut();
            event.unwrap().detail = Some("gateway closed (1008): pairing required".to_owned());
        });
        assert_eq!(
            draft(subagent, &failing).summary,
            "agents of the gateway on port 18789 failed to start a sub-agent 2 times within an hour: \
             gateway closed (1008): pairing required"
        );
        assert_eq!(finding(&failing, Code::ChannelSubagent).severity, Severity::Warning);
        let long_ago = node(|node| log_event(node, 7_200, event::SUBAGENT_FAILED, text, &[]));
        assert!(silent(subagent, &long_ago) && silent(subagent, &healthy()));
        assert!(silent(subagent, &node(|node| gateway(node).log = denied())));
    }

    #[test]
    fn refused_ingress_is_told_apart_from_a_failure() {
        let deaf = node(|node| telegram(node, AccountStatus { ingress_ok: Some(false), ..account() }));
        assert_eq!(draft(ingress, &deaf).code, Code::ChannelIngress);
        assert!(silent(failing, &deaf));
        let unknown = node(|node| telegram(node, AccountStatus { ingress_ok: None, ..account() }));
        assert!(silent(ingress, &unknown));
    }
}
