use super::{Code, Entry, Layer, Severity};

#[rustfmt::skip]
pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        code: Code::ChannelNone,
        title: "no channel is configured",
        severity: Severity::Information,
        symptom: false,
        layer: Layer::Channels,
        why: "The check proves the gateway; nothing is said of messages.",
        remedy: &[
            "nothing, if the gateway is meant to serve clients only",
        ],
        explains: &[],
        sources: &["docs/channels/index.md"],
    },
    Entry {
        code: Code::ChannelFailing,
        title: "a configured channel account does not run or fails its probe",
        severity: Severity::Error,
        symptom: false,
        layer: Layer::Channels,
        why: "`/readyz` can be green while no message is answered: it leaves out channels that restart, are unmanaged or were suppressed. Only `channels.status` with a probe asks each account.",
        remedy: &[
            "read the account's own error",
            "mend the credential or the network, then `openclaw channels status --probe`",
        ],
        explains: &[Code::GatewayNotReady],
        sources: &["docs/gateway/health.md", "openclaw/openclaw#43628"],
    },
    Entry {
        code: Code::ChannelIngress,
        title: "a running channel admits no inbound events",
        severity: Severity::Error,
        symptom: false,
        layer: Layer::Channels,
        why: "It sends, but what users write does not arrive: the hook, the subscription or the intent is missing on the provider's side.",
        remedy: &[
            "set up the provider's hook or intent as the channel's page says",
        ],
        explains: &[],
        sources: &["docs/channels/index.md"],
    },
    Entry {
        code: Code::ChannelSubagent,
        title: "sub-agent sessions do not start",
        severity: Severity::Warning,
        symptom: false,
        layer: Layer::Channels,
        why: "The gateway logs `[tools] sessions_spawn failed: …`. Sessions that an agent starts for itself fail, mostly for pairing (`PAIRING_REQUIRED`, `scope-upgrade`) or for a network that the sub-agent's container does not share. What the gateway starts within its own process needs neither; what is started elsewhere connects as `gateway-client`.",
        remedy: &[
            "read why in the gateway's log: `portreeve logs --timeline --layer channels`",
            "look at pairing and networks of the sub-agent's runtime",
        ],
        explains: &[],
        sources: &["docs/tools/subagents/operations.md", "openclaw/openclaw#16937"],
    },
];
