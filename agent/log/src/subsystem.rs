//! Names of subsystems as the console shows them.

/// Subsystem segments that the console drops from the front, in the gateway's own order.
const DROPPED_SEGMENTS: [&str; 3] = ["gateway", "channels", "providers"];

/// Subsystem names of channels; the console shows only this first segment for them.
pub(super) const CHANNELS: [&str; 26] = [
    "clickclack",
    "discord",
    "feishu",
    "googlechat",
    "imessage",
    "irc",
    "line",
    "matrix",
    "mattermost",
    "msteams",
    "nextcloud-talk",
    "nostr",
    "openclaw-weixin",
    "qqbot",
    "signal",
    "slack",
    "synology-chat",
    "telegram",
    "tlon",
    "twitch",
    "webchat",
    "wecom",
    "whatsapp",
    "yuanbao",
    "zalo",
    "zalouser",
];

/// The subsystem as the console shows it: without leading `gateway`, `channels`, `providers`, channels by their first
/// segment, others by at most their last two.
pub(super) fn console_subsystem(subsystem: &str) -> &str {
    let mut rest = subsystem.trim_matches('/');
    loop {
        let first = rest.split('/').next().unwrap_or(rest);
        if !DROPPED_SEGMENTS.contains(&first) {
            if CHANNELS.contains(&first) {
                return first;
            }
            break;
        }
        match rest.split_once('/') {
            Some((_, tail)) => rest = tail,
            None => return subsystem.trim_matches('/'),
        }
    }
    let mut slashes = rest.rmatch_indices('/').map(|(at, _)| at);
    match (slashes.next(), slashes.next()) {
        (Some(_), Some(second_last)) => &rest[second_last + 1..],
        _ => rest,
    }
}

/// Drops a repetition of the subsystem's name from the front of a message, as the console does.
pub(super) fn strip_subsystem<'a>(message: &'a str, subsystem: &str) -> &'a str {
    if subsystem.is_empty() {
        return message;
    }
    if let Some(inner) = message.strip_prefix('[')
        && let Some((tag, rest)) = inner.split_once(']')
        && tag.eq_ignore_ascii_case(subsystem)
    {
        return rest.trim_start_matches(' ');
    }
    let Some(prefix) = message.get(..subsystem.len()) else {
        return message;
    };
    let rest = &message[subsystem.len()..];
    if !prefix.eq_ignore_ascii_case(subsystem) || !rest.starts_with([':', ' ']) {
        return message;
    }
    let rest = rest.trim_start_matches(' ');
    rest.strip_prefix(':').unwrap_or(rest).trim_start_matches(' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shortens_subsystems_as_the_console_does() {
        for (file, console) in [
            ("gateway", "gateway"),
            ("gateway/ws", "ws"),
            ("gateway/health-monitor", "health-monitor"),
            ("channels/telegram", "telegram"),
            ("telegram/accounts", "telegram"),
            ("gateway/channels/slack/socket", "slack"),
            ("state/database-verify", "state/database-verify"),
            ("a/b/c/d", "c/d"),
            ("", ""),
        ] {
            assert_eq!(console_subsystem(file), console, "{file}");
        }
    }

    #[test]
    fn strips_a_repeated_subsystem() {
        assert_eq!(strip_subsystem("gateway ready", "gateway"), "ready");
        assert_eq!(strip_subsystem("Gateway: observed", "gateway"), "observed");
        assert_eq!(strip_subsystem("gateway-lifecycle x", "gateway"), "gateway-lifecycle x");
        assert_eq!(strip_subsystem("[telegram] [bad] x", "telegram"), "[bad] x");
        assert_eq!(strip_subsystem("[telegram][diag] x", "telegram"), "[diag] x");
    }
}
