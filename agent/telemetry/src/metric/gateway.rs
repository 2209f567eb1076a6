//! Metrics of gateways, of their locks and of what connects to them.

use super::{Attribute, GATEWAY, Kind, LOCK_KIND, Metric, PURPOSE, STATE};

/// Whether it answers.
pub const GATEWAY_UP: Metric = Metric {
    name: "portreeve.gateway.up",
    kind: Kind::Gauge,
    unit: "{gateway}",
    attributes: &[GATEWAY],
    description: "1 where the gateway answers that it lives, else 0.",
};
/// Whether it is ready.
pub const GATEWAY_READY: Metric = Metric {
    name: "portreeve.gateway.ready",
    kind: Kind::Gauge,
    unit: "{gateway}",
    attributes: &[GATEWAY],
    description: "1 where each rung up to the authenticated connect is proven, else 0.",
};
/// What it is.
pub const GATEWAY_INFO: Metric = Metric {
    name: "portreeve.gateway.info",
    kind: Kind::Gauge,
    unit: "{gateway}",
    attributes: &[GATEWAY, Attribute { key: "version", values: "version of OpenClaw that it says it is, or empty" }],
    description: "Always 1; what the gateway is stands in the attributes.",
};
/// Its starts.
pub const GATEWAY_RESTARTS: Metric = Metric {
    name: "portreeve.gateway.restarts",
    kind: Kind::Counter,
    unit: "{start}",
    attributes: &[GATEWAY],
    description: "Starts of the gateway since the agent first saw it, by its own record of them.",
};
/// Its ladder.
pub const RUNG: Metric = Metric {
    name: "portreeve.rung",
    kind: Kind::StateSet,
    unit: "{rung}",
    attributes: &[
        GATEWAY,
        Attribute {
            key: "rung",
            values: "`one-owner`, `live`, `started`, `ready`, `handshake`, `authenticated`, `channels`, `reached`, `steady`, `accepted`",
        },
        STATE,
    ],
    description: "Whether each rung of a gateway's ladder holds.",
};
/// Time to the challenge.
pub const HANDSHAKE_DURATION: Metric = Metric {
    name: "portreeve.handshake.duration",
    kind: Kind::Histogram,
    unit: "s",
    attributes: &[GATEWAY],
    description: "Time from the beginning of a connect to the gateway's challenge, of those that came so far.",
};
/// Time to `hello-ok`.
pub const CONNECT_DURATION: Metric = Metric {
    name: "portreeve.connect.duration",
    kind: Kind::Histogram,
    unit: "s",
    attributes: &[GATEWAY],
    description: "Time from the beginning of a connect to `hello-ok`, of those that came so far.",
};
/// Connects.
pub const CONNECT_ATTEMPTS: Metric = Metric {
    name: "portreeve.connect.attempts",
    kind: Kind::Counter,
    unit: "{attempt}",
    attributes: &[
        GATEWAY,
        Attribute { key: "outcome", values: "`connected`, or how it failed: `refused`, `timeout`, `rejected`, …" },
    ],
    description: "Connects that the agent made, by what came of them.",
};
/// Share that came through.
pub const CONNECT_SUCCESS: Metric = Metric {
    name: "portreeve.connect.success",
    kind: Kind::Gauge,
    unit: "1",
    attributes: &[GATEWAY],
    description: "Share of connects that came through, of the last series of a hundred.",
};
/// Wait for locks.
pub const LOCK_WAIT: Metric = Metric {
    name: "portreeve.lock.wait",
    kind: Kind::Histogram,
    unit: "s",
    attributes: &[LOCK_KIND, PURPOSE],
    description: "How long a newcomer at a random time waits for a lock of a state directory; each count stands for a \
                  millisecond that was watched.",
};
/// Its 95th percentile.
pub const LOCK_WAIT_P95: Metric = Metric {
    name: "portreeve.lock.wait.p95",
    kind: Kind::Gauge,
    unit: "s",
    attributes: &[LOCK_KIND, PURPOSE],
    description: "95 of 100 newcomers wait no longer for the most contended lock of this kind, over the last windows.",
};
/// Time held.
pub const LOCK_HELD: Metric = Metric {
    name: "portreeve.lock.held",
    kind: Kind::Gauge,
    unit: "1",
    attributes: &[LOCK_KIND, PURPOSE],
    description: "Share of the time in which the most held lock of this kind was held, over the last windows.",
};
/// Longest hold.
pub const LOCK_LONGEST_HOLD: Metric = Metric {
    name: "portreeve.lock.longest_hold",
    kind: Kind::Gauge,
    unit: "s",
    attributes: &[LOCK_KIND, PURPOSE],
    description: "The longest hold of a lock of this kind, over the last windows.",
};
/// Connections that ended.
pub const CLOSES: Metric = Metric {
    name: "portreeve.connection.closes",
    kind: Kind::Counter,
    unit: "{close}",
    attributes: &[
        GATEWAY,
        Attribute { key: "code", values: "code of the close frame: `1006`, `1008`, …; `none` where none is told" },
        Attribute { key: "reason", values: "what the gateway's log tells, in a word; `other` where that is not known" },
    ],
    description: "Connections whose end the gateway's log tells, by the code of the close frame.",
};
/// Places of a secret.
pub const TOKEN_SOURCES: Metric = Metric {
    name: "portreeve.token.sources",
    kind: Kind::Gauge,
    unit: "{source}",
    attributes: &[
        Attribute { key: "side", values: "`gateway`, `client`" },
        Attribute { key: "name", values: "the gateway, or the kind of the client" },
    ],
    description: "Places that hold a value for this side's secret; more than one is a split that waits to happen.",
};
/// Values of a secret.
pub const TOKEN_VALUES: Metric = Metric {
    name: "portreeve.token.values",
    kind: Kind::Gauge,
    unit: "{value}",
    attributes: &[
        Attribute { key: "side", values: "`gateway`, `client`" },
        Attribute { key: "name", values: "the gateway, or the kind of the client" },
    ],
    description: "Different values among those places, told apart by their fingerprints.",
};
/// Refused secrets.
pub const TOKEN_MISMATCHES: Metric = Metric {
    name: "portreeve.token.mismatches",
    kind: Kind::Counter,
    unit: "{refusal}",
    attributes: &[GATEWAY],
    description: "Shared secrets that the gateway refused, by its log.",
};
/// Connects without an approved device.
pub const PAIRING_ATTEMPTS: Metric = Metric {
    name: "portreeve.pairing.attempts",
    kind: Kind::Counter,
    unit: "{attempt}",
    attributes: &[GATEWAY],
    description: "Connects that the gateway turned away since the device is not approved, by its log.",
};
/// Time to successful pair.
pub const PAIRING_DURATION: Metric = Metric {
    name: "portreeve.pairing.duration",
    kind: Kind::Histogram,
    unit: "s",
    attributes: &[GATEWAY],
    description: "Time from the first connect that was turned away to the approval that followed within an hour, by the \
                  gateway's log.",
};
/// Requests that wait.
pub const PAIRING_PENDING: Metric = Metric {
    name: "portreeve.pairing.pending",
    kind: Kind::Gauge,
    unit: "{request}",
    attributes: &[GATEWAY],
    description: "Devices that wait for approval.",
};
/// Approved devices.
pub const PAIRING_PAIRED: Metric = Metric {
    name: "portreeve.pairing.paired",
    kind: Kind::Gauge,
    unit: "{device}",
    attributes: &[GATEWAY],
    description: "Devices that are approved.",
};
/// Accounts of channels.
pub const CHANNEL_ACCOUNTS: Metric = Metric {
    name: "portreeve.channel.accounts",
    kind: Kind::Gauge,
    unit: "{account}",
    attributes: &[
        GATEWAY,
        Attribute { key: "channel", values: "`telegram`, `slack`, …" },
        Attribute { key: "state", values: "`pass`, `fail`, `disabled`" },
    ],
    description: "Accounts of messaging channels, by whether they work.",
};
